"""Puts the sections of all files together into one configuration."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from alerting.hours import ALWAYS, OpeningHours
from alerting.routes import Route
from monitor.config import explain
from monitor.config.checks import CheckReader
from monitor.config.document import Document, MarkedDict, Place
from monitor.config.file import (
    SINGLE,
    AssetFile,
    DefaultsFile,
    File,
    Part,
    RouteFile,
    ServerFile,
    SiteFile,
    StorageFile,
)
from monitor.config.model import SECTIONS, Asset, Check, Config, Retention, Server, Site, Storage
from monitor.config.problems import Findings, did_you_mean
from monitor.config.references import FoundAsset, FoundRoute, verify
from monitor.config.values import week_of

DATABASE = "var/deskwatch.db"
"""Where state is kept unless said, beside the configuration."""

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
    assets = [
        _asset(section, place, reader, findings)
        for section in SECTIONS
        for place in _entries(section, documents, findings)
    ]
    routes = [_route(place, findings) for place in _entries("routes", documents, findings)]
    verify(assets, routes, findings)
    if findings.problems or site is None:
        return None
    return Config(
        site=site,
        assets=tuple(_final(found, found.file, site) for found in assets if found.file is not None),
        routes=tuple(_final_route(found.file) for found in routes if found.file is not None),
        destinations=MappingProxyType({found.id: found.file.to for found in routes if found.file is not None}),
        server=Server(*server.listen, server.url, server.token),
        storage=_final_storage(storage, source if source.is_dir() else source.parent),
        source=source,
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
            yield from (place.at(index) for index in range(len(entries)))
        elif entries is not None:
            findings.add(place, "must be a list: lines that begin with `- `")


def _read(model: type[P], single: _Single | None, findings: Findings) -> P:
    """A section all of whose keys have defaults; these stand in for one with problems."""
    if single is None or single.data is None:
        return model()
    return explain.read(model, single.place, single.data, findings) or model()


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
    return Site(file.id, file.name or file.id, hours, file.capacity)


def _asset(section: str, place: Place, reader: CheckReader, findings: Findings) -> FoundAsset:
    """One asset; its checks are read also when something else about it is wrong."""
    data = place.value
    file = explain.read(AssetFile, place, data, findings)
    name = _text(data, "id")
    checks = data.get("checks") if isinstance(data, MarkedDict) else None
    found: list[tuple[Place, Check]] = []
    for index, given in enumerate(checks if isinstance(checks, list) else ()):
        if isinstance(given, MarkedDict) and (check := reader.read(name, place.at("checks", index), given)):
            found.append((place.at("checks", index), check))
    return FoundAsset(section, place, name, _names(data, "depends_on"), file, tuple(found))


def _route(place: Place, findings: Findings) -> FoundRoute:
    data = place.value
    file = explain.read(RouteFile, place, data, findings)
    return FoundRoute(place, _text(data, "id"), _names(data, "assets"), file)


def _text(data: Any, key: str) -> str:
    """What an entry says for a key, "" if it is no text: ids count even where the entry has problems."""
    given = data.get(key) if isinstance(data, MarkedDict) else None
    return given if isinstance(given, str) else ""


def _names(data: Any, key: str) -> tuple[str, ...]:
    """The ids that an entry refers to with a key, also if the entry has problems."""
    given = data.get(key) if isinstance(data, MarkedDict) else None
    names = given if isinstance(given, list) else [given]
    return tuple(name for name in names if isinstance(name, str))


def _final(found: FoundAsset, file: AssetFile, site: Site) -> Asset:
    return Asset(
        id=file.id,
        section=found.section,
        name=file.name or file.id,
        people=site.capacity if file.people is None else file.people,
        depends_on=file.depends_on,
        affects=file.affects,
        remedy=file.remedy,
        checks=tuple(check for _, check in found.checks),
    )


def _final_route(file: RouteFile) -> Route:
    severities, sections, assets = frozenset(file.severities), frozenset(file.sections), frozenset(file.assets)
    return Route(file.id, severities, sections, assets, file.repeat)


def _final_storage(file: StorageFile, folder: Path) -> Storage:
    url = f"sqlite:///{DATABASE}" if file.url is None else file.url.get_secret_value()
    return Storage(SecretStr(_beside(url, folder)), Retention(**dict(file.retention)))


def _beside(url: str, folder: Path) -> str:
    """A database URL whose SQLite file, if its path is relative, lies in a folder."""
    scheme, slashes, path = url.partition(":///")
    if not scheme.startswith("sqlite") or not slashes or not path or path.startswith((":memory:", "file:")):
        return url
    return f"{scheme}:///{folder.absolute() / path}"
