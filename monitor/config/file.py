"""What users write: one model per section of the configuration file, each key explained."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, SecretStr, WithJsonSchema
from pydantic_core import CoreSchema

from alerting.against import Against
from alerting.rules import NoData, Severity
from monitor.config.file_alerting import (
    AlertingFile,
    AlertmanagerFile,
    DrillFile,
    MaintenanceFile,
    OnCallFile,
    PersonFile,
    RouteFile,
    WatchdogFile,
)
from monitor.config.file_remote_write import RemoteWriteFile
from monitor.config.file_reports import ReportsFile
from monitor.config.file_server import ServerFile
from monitor.config.file_sites import OtherSiteFile
from monitor.config.file_status import StatusPageFile
from monitor.config.parts import (
    Date,
    DayHours,
    DayRange,
    Duration,
    Hold,
    Id,
    Ids,
    Keyed,
    Language,
    Listed,
    OneOrMore,
    OrText,
    Part,
    Zone,
)
from monitor.config.values import ID_PATTERN, once_a_day, parse_days, parse_duration
from probes._engines.uplinks import Uplink
from probes._secrets import resolve

_DATABASES = ("sqlite", "sqlite+aiosqlite", "postgresql", "postgresql+asyncpg")


def _one_is_a_group(value: object) -> object:
    if isinstance(value, str):
        return {"any_of": [value]}
    if not isinstance(value, dict):
        raise ValueError("must be the id of an asset, or `{any_of: [line-a, line-b]}`")  # noqa: TRY004 - pydantic collects ValueErrors only
    return value


def _off_is_none(value: object) -> object:
    if value is None:
        raise ValueError("says nothing; write `off`, or what to change, like `{above: 0.2}`")
    return None if value == "off" or value is False else value


def _database(value: object) -> object:
    """A database URL: a reference, or plain if it holds no password."""
    if not isinstance(value, str):
        return value
    url = resolve(value).get_secret_value() if "${" in value else value
    scheme, _, rest = url.partition("://")
    if scheme not in _DATABASES or not rest:
        raise ValueError("must be a URL like `sqlite:///var/deskwatch.db` or `postgresql://user@host/deskwatch`")
    if url is value and ":" in rest.partition("/")[0].rpartition("@")[0]:
        raise ValueError("holds a password; put the whole URL in an environment variable and write `${env:NAME}`")
    return url


def _more_than_once(value: int) -> int:
    if value == 1:
        raise ValueError("must be at least 2, as firing once is no flapping; 0 switches it off")
    return value


class _OffOr:
    """Tells the JSON Schema of a rule that `off` is allowed where the model holds None."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        choices = [choice for choice in handler(core)["anyOf"] if choice != {"type": "null"}]
        return {"anyOf": [*choices, {"enum": ["off", False]}]}


Interval = Annotated[float, BeforeValidator(partial(parse_duration, least=1, most=7 * 86_400)), Duration]
Timeout = Annotated[float, BeforeValidator(partial(parse_duration, least=0.01, most=600)), Duration]
Gap = Annotated[float, BeforeValidator(partial(parse_duration, most=60)), Duration]
Days = Annotated[
    int, BeforeValidator(parse_days), WithJsonSchema({"type": "string", "pattern": "^0*[1-9][0-9]{0,4}d$"})
]
Number = Annotated[float, Field(allow_inf_nan=False)]
People = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Runs = Annotated[int, Field(strict=True, ge=1, le=100)]
Flaps = Annotated[int, Field(strict=True, ge=0, le=100), AfterValidator(_more_than_once)]
Calm = Annotated[float, BeforeValidator(partial(parse_duration, least=1, most=86_400)), Duration]
DatabaseUrl = Annotated[SecretStr, BeforeValidator(_database)]


class SiteFile(Part):
    """The space itself."""

    id: Id = Field(description="Short name of the site, a label of all its metrics.")
    name: str = Field("", description="The site as people call it; the id unless said.")
    timezone: Zone = Field(description="Time zone by its IANA name, like Europe/Berlin.")
    opening_hours: Annotated[dict[DayRange, DayHours], AfterValidator(once_a_day)] | None = Field(
        None,
        description='When members are there, by day: `mon-fri: "08:00-20:00"`. A day that is not named is closed. '
        "Always open unless said.",
    )
    holidays: Listed[Date] = Field((), description="Dates on which the site is closed, like 2026-12-25.")
    capacity: People = Field(0, description="How many people the site holds; without it the cost of outages is 0.")
    language: Language = Field(
        "en",
        description="Language of messages, memos and the record: `en` or `de`. Whoever reads a page has their own. "
        "`en` unless said.",
    )


class ConfirmFile(Part):
    """How a first failure is looked at again before it counts."""

    times: Annotated[int, Field(strict=True, ge=0, le=10)] | None = Field(
        None, description="How many more runs must fail; 2 unless said, 0 believes the first."
    )
    gap: Gap | None = Field(None, description="Time between those runs; 1s unless said.")


class RuleFile(Part):
    """A change to a rule of the kind, or a rule of your own (which needs a metric)."""

    metric: str | None = Field(None, description="Which of the kind's metrics the rule looks at.")
    part: str | None = Field(None, description="Which part of the metric (an SSID, a phase); the worst unless said.")
    against: Against | None = Field(
        None,
        description="What is held against the limit: the value; usual: how many times as much as usual at this hour; "
        "rate: how much it changes per hour. The value unless said.",
    )
    least_usual: Number | None = Field(
        None, description="With `against: usual`: how much must be usual for the rule to say anything; 0 unless said."
    )
    above: Number | None = Field(None, description="The rule is true above this value.")
    below: Number | None = Field(None, description="The rule is true below this value.")
    clear: Number | None = Field(None, description="Once it fires, the value at which it lets go again.")
    hold: Hold | None = Field(None, alias="for", description="How long it must be true before somebody is told.")
    keep_firing_for: Hold | None = Field(None, description="How long it must be false before it is over.")
    times: Runs | None = Field(None, description="How many of the last `window` readings must be bad.")
    window: Runs | None = Field(None, description="How many readings are looked at; `times` unless said.")
    severity: Severity | None = Field(None, description="info is only shown; warning and critical tell people.")
    closed: Severity | None = Field(
        None, description="The severity while the site is closed: the same or a lesser one. The same unless said."
    )
    no_data: NoData | None = Field(None, description="What a reading without the metric means.")
    flaps: Flaps | None = Field(
        None, description="How often it fires within `calm` until it is flapping; 4 unless said, 0 is never."
    )
    calm: Calm | None = Field(None, description="How long it must be false before flapping is over; 10m unless said.")
    says: str | None = Field(None, min_length=1, description='Completes the sentence "<asset> ..." in messages.')


RuleChange = Annotated[RuleFile | None, BeforeValidator(_off_is_none), _OffOr()]
RuleChanges = Keyed[Id, RuleChange]


class Pace(Part):
    """How often and how patiently checks run."""

    interval: Interval | None = Field(None, description="Time between two runs; 30s unless said.")
    timeout: Timeout | None = Field(None, description="How long a run may take; 5s unless said.")
    confirm: ConfirmFile = Field(ConfirmFile(), description="How a first failure is looked at again.")


class CheckFile(Pace):
    """One probe on a schedule. All other keys are the settings of its kind."""

    kind: str = Field(description="What is measured, like internet.ping; `deskwatch reference kinds` lists them.")
    name: Id | None = Field(None, description="Name within the asset; the last word of the kind unless said.")
    rules: RuleChanges = Field({}, description="Changes to the kind's rules by their id, `off`, or rules of your own.")


class GroupFile(Part):
    """Assets of which one is enough."""

    any_of: Ids = Field(min_length=1, description="Ids of assets of which one has to work.")


Group = Annotated[GroupFile, BeforeValidator(_one_is_a_group), OrText(f"^{ID_PATTERN}$")]


class AssetFile(Part):
    """What a member would name: an uplink, an SSID, a door, the booking system, a room, a printer."""

    id: Id = Field(description="Short name, unique in all sections, a label of metrics.")
    name: str = Field("", description="The asset as people call it; the id unless said.")
    people: People | None = Field(None, description="How many people it serves; the site's capacity unless said.")
    depends_on: OneOrMore[Group] | None = Field(
        None,
        description="Ids of assets without which this one cannot work; `{any_of: [line-a, line-b]}` where one of "
        "several is enough. What is in `booking` depends on any of the uplinks unless said; [] means on nothing.",
    )
    tags: OneOrMore[Id] = Field((), description="Words of your own that silences and maintenance can name.")
    affects: str = Field("", description="What members cannot do without it, in a sentence.")
    remedy: str = Field("", description="What to do when it fails, in a sentence or two.")
    rules: RuleChanges = Field({}, description="Changes to rules of all its checks by their id, or `off`.")
    checks: Listed[Mapping[str, Any]] = Field((), description="How it is looked at.")

    @property
    def settings(self) -> Mapping[str, Any]:
        """What its checks take over where their kind has a setting of that name and they say nothing themselves."""
        return {}


class UplinkFile(AssetFile, Uplink):
    """A line to the internet. Its checks take over what it says, where their kind has a setting of that name."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What its checks may take over."""
        return self.uplink.settings

    @property
    def uplink(self) -> Uplink:
        """What it says of the line."""
        return Uplink.model_construct(**{name: getattr(self, name) for name in Uplink.model_fields})


class SsidFile(AssetFile):
    """A wireless network, or what carries it."""

    ssid: Annotated[str, Field(min_length=1, max_length=32)] | None = Field(
        None, description="The name that it broadcasts."
    )
    role: Literal["members", "operations", "guest"] = Field("members", description="Whom it is for.")

    @property
    def settings(self) -> Mapping[str, Any]:
        """What its checks may take over."""
        return {"role": self.role} | ({"ssid": self.ssid} if self.ssid else {})


class KindDefaults(Pace):
    """What holds for all checks of one kind."""

    rules: RuleChanges = Field({}, description="Changes to the kind's rules, or rules of your own, for all its checks.")


class ModuleFile(Part):
    """A probe on demand under a name of its own. All other keys are the settings of its kind, but for its target."""

    kind: str = Field(description="What is measured, like internet.http; `deskwatch reference kinds` lists them.")
    timeout: Timeout | None = Field(
        None, description="How long it may take at most; as long as Prometheus waits unless said."
    )


class DefaultsFile(Pace):
    """What holds for all checks unless they say otherwise."""

    rules: RuleChanges = Field({}, description="Changes to rules of all checks by their id, or `off`.")
    kinds: Keyed[str, KindDefaults] = Field({}, description="Defaults by kind.")


class RetentionFile(Part):
    """How long history is kept."""

    spans: Days = Field(400, description="Status of each check over time.")
    five_minutes: Days = Field(14, description="Latency in steps of five minutes.")
    hours: Days = Field(90, description="Latency in steps of an hour.")
    days: Days = Field(800, description="Latency in steps of a day.")
    incidents: Days = Field(1100, description="Finished incidents and their messages.")
    audit_log: Days = Field(1100, description="Who signed in and who changed what.")
    recordings: Days = Field(35, description="Single readings, for `deskwatch simulate` and what is usual.")


class StorageFile(Part):
    """Where state is kept."""

    url: DatabaseUrl | None = Field(
        None,
        description="SQLite or PostgreSQL; with a password only as a reference. A relative SQLite path begins beside "
        "the configuration. The file var/deskwatch.db beside the configuration unless said.",
    )
    retention: RetentionFile = RetentionFile()


class File(Part):
    """A whole configuration: one file, or the files of a directory together."""

    site: SiteFile = Field(description="The space itself.")
    uplinks: Listed[UplinkFile] = Field((), description="Lines to the internet.")
    wifi: Listed[SsidFile] = Field((), description="Wireless networks.")
    doors: Listed[AssetFile] = Field((), description="Doors and what opens them.")
    booking: Listed[AssetFile] = Field((), description="Booking, calendars and payments.")
    rooms: Listed[AssetFile] = Field((), description="Meeting rooms.")
    equipment: Listed[AssetFile] = Field((), description="Printers, switches, power supplies.")
    services: Listed[AssetFile] = Field((), description="Everything else members use.")
    people: Listed[PersonFile] = Field((), description="Who can be told.")
    on_call: Listed[OnCallFile] = Field((), description="Who is on call when.")
    routes: Listed[RouteFile] = Field((), description="Who hears of what.")
    maintenance: Listed[MaintenanceFile] = Field((), description="Planned work, during which nobody is told.")
    alerting: AlertingFile = Field(AlertingFile(), description="How long things last, and how much is sent.")
    drill: DrillFile | None = Field(None, description="A weekly test of everybody's pager.")
    watchdog: WatchdogFile | None = Field(None, description="Who notices when Deskwatch itself is gone.")
    alertmanager: AlertmanagerFile | None = Field(None, description="Prometheus Alertmanagers that are told as well.")
    reports: ReportsFile = Field(ReportsFile(), description="Morning check and memos.")
    status_page: StatusPageFile | None = Field(None, description="A page for members, which needs no signing in.")
    other_sites: Listed[OtherSiteFile] = Field((), description="Other sites, each with a Deskwatch of its own.")
    remote_write: RemoteWriteFile | None = Field(None, description="A Prometheus that everything measured is sent to.")
    defaults: DefaultsFile = Field(DefaultsFile(), description="What holds for all checks.")
    modules: Keyed[str, Mapping[str, Any]] = Field({}, description="Probes on demand by their names, for Prometheus.")
    server: ServerFile = Field(ServerFile(), description="Where the pages are.")
    storage: StorageFile = Field(StorageFile(), description="Where state is kept.")


ASSETS: Mapping[str, type[AssetFile]] = {"uplinks": UplinkFile, "wifi": SsidFile}
"""The models of those sections whose assets have more to say than others."""

SINGLE: Mapping[str, type[Part]] = {
    "site": SiteFile,
    "defaults": DefaultsFile,
    "server": ServerFile,
    "storage": StorageFile,
    "alerting": AlertingFile,
    "drill": DrillFile,
    "watchdog": WatchdogFile,
    "alertmanager": AlertmanagerFile,
    "remote_write": RemoteWriteFile,
    "reports": ReportsFile,
    "status_page": StatusPageFile,
}
"""The sections that only one file may hold."""
