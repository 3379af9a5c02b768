"""Puts the sections of all files together into one configuration."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from alerting.hours import ALWAYS, OpeningHours
from monitor.config import audience, explain, modules
from monitor.config.checks import CheckReader
from monitor.config.document import Document, Place
from monitor.config.file import (
    ASSETS,
    SINGLE,
    AssetFile,
    DefaultsFile,
    File,
    SiteFile,
    StorageFile,
    UplinkFile,
)
from monitor.config.file_alerting import AlertingFile, AlertmanagerFile, DrillFile, WatchdogFile
from monitor.config.file_remote_write import RemoteWriteFile
from monitor.config.file_reports import MonthlyFile, ReportsFile
from monitor.config.file_server import ServerFile, settle
from monitor.config.file_sites import OtherSiteFile
from monitor.config.file_status import StatusPageFile
from monitor.config.model import (
    SECTIONS,
    Alerting,
    Alertmanager,
    Asset,
    Config,
    Drill,
    Memo,
    Morning,
    OtherSite,
    PublicAsset,
    RemoteWrite,
    Reports,
    Retention,
    Site,
    StatusPage,
    Storage,
    Targets,
    Watchdog,
)
from monitor.config.parts import Part
from monitor.config.problems import Findings, did_you_mean
from monitor.config.references import FoundAsset, Groups, dependencies, verify, verify_shown, written_id
from monitor.config.values import week_of

DATABASE = "var/deskwatch.db"
"""Where state is kept unless said, beside the configuration."""
SPOOL = "remote-write"
"""Where samples wait unless said, beside the database."""

P = TypeVar("P", bound=Part)


class _Single(NamedTuple):
    """A section that only one file holds."""

    place: Place
    data: Any


def build(documents: tuple[Document, ...], source: Path, findings: Findings) -> Config | None:
    """The configuration that the documents hold together; None, with all problems noted, if it cannot be used."""
    singles = {section: _single(section, documents, findings) for section in SINGLE}
    for document in documents:
        _only_known_sections(document, findings)
    site = _site(singles["site"], documents, findings)
    defaults = _read(DefaultsFile, singles["defaults"], findings)
    server = _read(ServerFile, singles["server"], findings)
    storage = _read(StorageFile, singles["storage"], findings)
    reader = CheckReader(defaults, singles["defaults"].place if singles["defaults"] else None, findings)
    assets = _assets(documents, reader, findings)
    reader.verify_defaults()
    entries = audience.find(lambda section: _entries(section, documents, findings), findings)
    reports = _read(ReportsFile, singles["reports"], findings)
    readers = singles["reports"].place if singles["reports"] else None
    verify(assets, entries, readers, findings)
    status = _status_page(singles["status_page"], assets, findings)
    told = audience.settle(entries, ZoneInfo("UTC") if site is None else site.hours.zone, findings)
    alerting = _read(AlertingFile, singles["alerting"], findings)
    drill = _read_if_given(DrillFile, singles["drill"], findings)
    watchdog = _read_if_given(WatchdogFile, singles["watchdog"], findings)
    alertmanager = _read_if_given(AlertmanagerFile, singles["alertmanager"], findings)
    remote_write = _read_if_given(RemoteWriteFile, singles["remote_write"], findings)
    on_demand = modules.read(named.place, findings) if (named := _single("modules", documents, findings)) else {}
    others = _other_sites(documents, site, findings)
    if findings.problems or site is None:
        return None
    needs, folder = dependencies(assets), source if source.is_dir() else source.parent
    stored = _final_storage(storage, folder)
    return Config(
        site=site,
        assets=tuple(_final(found, found.file, needs[found.id], site) for found in assets if found.file is not None),
        routes=told.routes,
        destinations=MappingProxyType(told.destinations),
        server=settle(server),
        storage=stored,
        source=source,
        people=told.people,
        schedules=told.schedules,
        maintenances=told.maintenances,
        alerting=Alerting(**dict(alerting)),
        drill=_final_drill(drill),
        watchdog=_final_watchdog(watchdog),
        alertmanager=_final_alertmanager(alertmanager),
        remote_write=_final_remote_write(remote_write, site, folder, stored),
        modules=on_demand,
        reports=_final_reports(reports),
        status_page=status,
        other_sites=others,
    )


def _only_known_sections(document: Document, findings: Findings) -> None:
    sections = explain.keys(File)
    for key in document.data:
        if key not in sections:
            findings.add(Place(document, (key,)), f"unknown key{did_you_mean(key, sections)}")


def _single(section: str, documents: Iterable[Document], findings: Findings) -> _Single | None:
    """The section, from the first file that has it; None if no file does."""
    places = [Place(document, (section,)) for document in documents if section in document.data]
    for place in places[1:]:
        findings.add(place, f"is already given in {places[0].spot}; only one file may hold it")
    return _Single(places[0], places[0].value) if places else None


def _entries(section: str, documents: Iterable[Document], findings: Findings) -> Iterator[Place]:
    """Where the entries of a list section stand, in all files."""
    for document in documents:
        place = Place(document, (section,))
        entries = document.data.get(section)
        if isinstance(entries, list):
            yield from place.entries
        elif entries is not None:
            findings.add(place, "must be a list: lines that begin with `- `")


def _read(model: type[P], single: _Single | None, findings: Findings) -> P:
    """A section all of whose keys have defaults; these stand in for one with problems."""
    if single is None or single.data is None:
        return model()
    return explain.read(model, single.place, single.data, findings) or model()


def _read_if_given(model: type[P], single: _Single | None, findings: Findings) -> P | None:
    """A section that need not be there; None if it is not, or has problems."""
    if single is None or single.data is None:
        return None
    return explain.read(model, single.place, single.data, findings)


def _site(single: _Single | None, documents: tuple[Document, ...], findings: Findings) -> Site | None:
    if single is None:
        if documents:
            findings.add(Place(documents[0], ("site",)), "is missing; it needs at least `id` and `timezone`")
        return None
    file = explain.read(SiteFile, single.place, single.data, findings)
    if file is None:
        return None
    week = (ALWAYS,) * 7 if file.opening_hours is None else week_of(file.opening_hours)
    hours = OpeningHours(ZoneInfo(file.timezone), week, frozenset(file.holidays))
    return Site(file.id, file.name or file.id, hours, file.capacity, file.language)


def _assets(documents: tuple[Document, ...], reader: CheckReader, findings: Findings) -> list[FoundAsset]:
    """All assets; their checks are read also when something else about them is wrong."""
    written = [
        (section, place, explain.read(ASSETS.get(section, AssetFile), place, place.value, findings))
        for section in SECTIONS
        for place in _entries(section, documents, findings)
    ]
    uplinks = {file.id: file.uplink for _, _, file in written if isinstance(file, UplinkFile)}
    return [_asset(*one, {"uplinks": uplinks} if uplinks else {}, reader) for one in written]


def _asset(
    section: str, place: Place, file: AssetFile | None, settings: Mapping[str, Any], reader: CheckReader
) -> FoundAsset:
    """One asset with its checks, which may take over these settings and what the asset itself says."""
    name = written_id(place)
    rules, said = ({}, {}) if file is None else (file.rules, file.settings)
    return FoundAsset(section, place, name, file, reader.read(name, place, rules, {**settings, **said}))


def _final(found: FoundAsset, file: AssetFile, depends_on: Groups, site: Site) -> Asset:
    return Asset(
        id=file.id,
        section=found.section,
        name=file.name or file.id,
        people=site.capacity if file.people is None else file.people,
        depends_on=depends_on,
        affects=file.affects,
        remedy=file.remedy,
        checks=tuple(check for _, check in found.checks),
        tags=frozenset(file.tags),
        uplink=file.uplink if isinstance(file, UplinkFile) else None,
    )


def _other_sites(documents: tuple[Document, ...], site: Site | None, findings: Findings) -> tuple[OtherSite, ...]:
    taken = {site.id: "this site"} if site is not None else {}
    found = []
    for place in _entries("other_sites", documents, findings):
        file = explain.read(OtherSiteFile, place, place.value, findings)
        if file is None:
            continue
        if file.id in taken:
            findings.add(place.at("id"), f"`{file.id}` is the id of {taken[file.id]} already; give it another one")
        taken[file.id] = f"the site in {place.spot}"
        found.append(OtherSite(file.id, file.name or file.id, file.url, file.token))
    return tuple(found)


def _status_page(single: _Single | None, assets: list[FoundAsset], findings: Findings) -> StatusPage | None:
    """The page for members; names that it does not give are those of the assets."""
    file = _read_if_given(StatusPageFile, single, findings)
    if single is None or file is None:
        return None
    verify_shown(assets, single.place, findings)
    names = {found.id: found.file.name for found in assets if found.file is not None}
    shown = tuple(PublicAsset(one.id, one.name or names.get(one.id) or one.id, one.words or "") for one in file.assets)
    return StatusPage(file.title, shown, file.days, file.contact or "")


def _final_drill(file: DrillFile | None) -> Drill | None:
    return None if file is None else Drill(file.day, file.at, file.within)


def _final_watchdog(file: WatchdogFile | None) -> Watchdog | None:
    return None if file is None else Watchdog(file.to, file.interval)


def _final_alertmanager(file: AlertmanagerFile | None) -> Alertmanager | None:
    return None if file is None else Alertmanager(file.urls, file.authorization, file.resend)


def _final_reports(file: ReportsFile) -> Reports:
    morning, daily, weekly = file.morning, file.daily, file.weekly
    return Reports(
        morning=None if morning is None else Morning(morning.before, morning.to, morning.deadline),
        daily=None if daily is None else Memo(daily.at, daily.to),
        weekly=None if weekly is None else Memo(weekly.at, weekly.to, weekday=weekly.day),
        monthly=_monthly(file.monthly),
        isp=_monthly(file.isp),
        targets=Targets(**dict(file.targets)),
    )


def _monthly(file: MonthlyFile | None) -> Memo | None:
    return None if file is None else Memo(file.at, file.to, month=file.day)


def _final_remote_write(file: RemoteWriteFile | None, site: Site, folder: Path, storage: Storage) -> RemoteWrite | None:
    if file is None:
        return None
    authorization = file.authorization
    if file.username is not None and file.password is not None:
        user = f"{file.username}:{file.password.get_secret_value()}"
        authorization = SecretStr(f"Basic {b64encode(user.encode()).decode()}")
    return RemoteWrite(
        url=file.url,
        labels=MappingProxyType({"job": "deskwatch", "instance": site.id, **file.labels}),
        folder=folder / file.folder if file.folder is not None else _beside_database(storage, folder) / SPOOL,
        authorization=authorization,
        interval=file.interval,
        spool=file.spool,
        keep=file.keep,
    )


def _beside_database(storage: Storage, folder: Path) -> Path:
    """The folder of a SQLite file; for other databases that of the file that there would be."""
    scheme, _, path = storage.url.get_secret_value().partition(":///")
    is_file = scheme.startswith("sqlite") and path and not path.startswith((":memory:", "file:"))
    return (Path(path.partition("?")[0]) if is_file else folder / DATABASE).parent


def _final_storage(file: StorageFile, folder: Path) -> Storage:
    url = f"sqlite:///{DATABASE}" if file.url is None else file.url.get_secret_value()
    return Storage(SecretStr(_beside(url, folder)), Retention(**dict(file.retention)))


def _beside(url: str, folder: Path) -> str:
    """A database URL whose SQLite file, if its path is relative, lies in a folder."""
    scheme, slashes, path = url.partition(":///")
    if not scheme.startswith("sqlite") or not slashes or not path or path.startswith((":memory:", "file:")):
        return url
    return f"{scheme}:///{folder.absolute() / path}"
