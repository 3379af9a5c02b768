"""What users write: one model per section of the configuration file, each key explained."""

import re
from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    SecretStr,
    WithJsonSchema,
)
from pydantic_core import CoreSchema

from alerting.rules import NoData, Severity
from monitor.config.model import SECTIONS
from monitor.config.problems import did_you_mean
from monitor.config.values import (
    DURATION_PATTERN,
    ID_PATTERN,
    LONGEST_ID,
    Stretch,
    once_a_day,
    parse_date,
    parse_day_range,
    parse_days,
    parse_duration,
    parse_id,
    parse_listen,
    parse_stretches,
    parse_zone,
)
from probes._secrets import Secret, resolve

_HOURS_PATTERN = r"^\s*[0-9]{1,2}:[0-9]{2}\s*-\s*[0-9]{1,2}:[0-9]{2}\s*$"
_WEB_ADDRESS = re.compile(r"https?://[^/?#\s@]+(/[^?#\s]*)?")
_DATABASES = ("sqlite", "sqlite+aiosqlite", "postgresql", "postgresql+asyncpg")


def _one_is_a_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _nothing_is_an_empty_list(value: object) -> object:
    """A section whose entries are all commented out is empty, not wrong."""
    return () if value is None else value


def _nothing_is_an_empty_mapping(value: object) -> object:
    return {} if value is None else value


def _never_is_zero(value: object) -> float:
    return 0 if value == "never" else parse_duration(value, least=5)


def _off_is_none(value: object) -> object:
    if value is None:
        raise ValueError("says nothing; write `off`, or what to change, like `{above: 0.2}`")
    return None if value == "off" or value is False else value


def _section(value: str) -> str:
    if value not in SECTIONS:
        raise ValueError(f"must be one of the sections {', '.join(SECTIONS)}{did_you_mean(value, SECTIONS)}")
    return value


def _web_address(value: str) -> str:
    if not _WEB_ADDRESS.fullmatch(value):
        raise ValueError("must be the address of the pages, like `https://deskwatch.example.org`")
    return value.rstrip("/")


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


class _OrNothing:
    """Tells the JSON Schema that a key without a value is allowed."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        return {**schema, "type": [schema["type"], "null"]}


class _OffOr:
    """Tells the JSON Schema of a rule that `off` is allowed where the model holds None."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        choices = [choice for choice in handler(core)["anyOf"] if choice != {"type": "null"}]
        return {"anyOf": [*choices, {"enum": ["off", False]}]}


_DURATION_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": f"^{DURATION_PATTERN}$"}]
}
_Duration = WithJsonSchema(_DURATION_SCHEMA)

Interval = Annotated[float, BeforeValidator(partial(parse_duration, least=1, most=7 * 86_400)), _Duration]
Timeout = Annotated[float, BeforeValidator(partial(parse_duration, least=0.01, most=600)), _Duration]
Gap = Annotated[float, BeforeValidator(partial(parse_duration, most=60)), _Duration]
Hold = Annotated[float, BeforeValidator(partial(parse_duration, most=30 * 86_400)), _Duration]
Repeat = Annotated[
    float,
    BeforeValidator(_never_is_zero),
    WithJsonSchema({"anyOf": [*_DURATION_SCHEMA["anyOf"], {"const": "never"}]}),
]
Days = Annotated[
    int, BeforeValidator(parse_days), WithJsonSchema({"type": "string", "pattern": "^0*[1-9][0-9]{0,4}d$"})
]
Date = Annotated[date, BeforeValidator(parse_date)]
Id = Annotated[
    str,
    AfterValidator(parse_id),
    WithJsonSchema({"type": "string", "pattern": f"^{ID_PATTERN}$", "maxLength": LONGEST_ID}),
]
Ids = Annotated[
    tuple[str, ...],
    BeforeValidator(_one_is_a_list),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
DayRange = Annotated[str, AfterValidator(lambda key: parse_day_range(key) and key)]
DayHours = Annotated[
    tuple[Stretch, ...],
    BeforeValidator(parse_stretches),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["closed", "24h"]},
                {"type": "string", "pattern": _HOURS_PATTERN},
                {"type": "array", "items": {"type": "string", "pattern": _HOURS_PATTERN}},
            ]
        }
    ),
]
Number = Annotated[float, Field(allow_inf_nan=False)]
People = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Runs = Annotated[int, Field(strict=True, ge=1, le=100)]
Zone = Annotated[str, AfterValidator(parse_zone)]
Listen = Annotated[
    tuple[str, int], BeforeValidator(parse_listen), WithJsonSchema({"type": "string", "examples": ["127.0.0.1:8470"]})
]
WebAddress = Annotated[str, AfterValidator(_web_address)]
DatabaseUrl = Annotated[SecretStr, BeforeValidator(_database)]
Section = Annotated[str, AfterValidator(_section), WithJsonSchema({"enum": list(SECTIONS)})]


class Part(BaseModel):
    """Anything in the file: unknown keys are errors, and no message repeats a value by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


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
    holidays: Annotated[tuple[Date, ...], BeforeValidator(_nothing_is_an_empty_list), _OrNothing()] = Field(
        (), description="Dates on which the site is closed, like 2026-12-25."
    )
    capacity: People = Field(0, description="How many people the site holds; without it the cost of outages is 0.")


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
    above: Number | None = Field(None, description="The rule is true above this value.")
    below: Number | None = Field(None, description="The rule is true below this value.")
    clear: Number | None = Field(None, description="Once it fires, the value at which it lets go again.")
    hold: Hold | None = Field(None, alias="for", description="How long it must be true before somebody is told.")
    keep_firing_for: Hold | None = Field(None, description="How long it must be false before it is over.")
    times: Runs | None = Field(None, description="How many of the last `window` readings must be bad.")
    window: Runs | None = Field(None, description="How many readings are looked at; `times` unless said.")
    severity: Severity | None = Field(None, description="info is only shown; warning and critical tell people.")
    no_data: NoData | None = Field(None, description="What a reading without the metric means.")
    says: str | None = Field(None, min_length=1, description='Completes the sentence "<asset> ..." in messages.')


RuleChange = Annotated[RuleFile | None, BeforeValidator(_off_is_none), _OffOr()]
RuleChanges = Annotated[dict[Id, RuleChange], BeforeValidator(_nothing_is_an_empty_mapping), _OrNothing()]


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


class AssetFile(Part):
    """What a member would name: an uplink, an SSID, a door, the booking system, a room, a printer."""

    id: Id = Field(description="Short name, unique in all sections, a label of metrics.")
    name: str = Field("", description="The asset as people call it; the id unless said.")
    people: People | None = Field(None, description="How many people it serves; the site's capacity unless said.")
    depends_on: Ids = Field((), description="Ids of assets without which this one cannot work.")
    affects: str = Field("", description="What members cannot do without it, in a sentence.")
    remedy: str = Field("", description="What to do when it fails, in a sentence or two.")
    checks: Annotated[tuple[Mapping[str, Any], ...], BeforeValidator(_nothing_is_an_empty_list), _OrNothing()] = Field(
        (), description="How it is looked at."
    )


class RouteFile(Part):
    """A destination of messages and what it wants to hear."""

    id: Id = Field(description="Short name of the destination.")
    to: Secret = Field(description="Apprise URL, as a reference: ${env:DESKWATCH_CHAT_URL} or ${file:/path}.")
    severities: tuple[Severity, ...] = Field(
        (Severity.WARNING, Severity.CRITICAL), min_length=1, description="Which severities it wants to hear of."
    )
    sections: tuple[Section, ...] = Field((), description="Only faults in these sections; all unless said.")
    assets: Ids = Field((), description="Only faults of these assets; all unless said.")
    repeat: Repeat = Field(
        3600, description="How often the message is repeated until somebody acknowledges; 1h unless said, or never."
    )


class KindDefaults(Pace):
    """What holds for all checks of one kind."""

    rules: RuleChanges = Field({}, description="Changes to the kind's rules for all its checks.")


class DefaultsFile(Pace):
    """What holds for all checks unless they say otherwise."""

    kinds: Annotated[dict[str, KindDefaults], BeforeValidator(_nothing_is_an_empty_mapping), _OrNothing()] = Field(
        {}, description="Defaults by kind."
    )


class ServerFile(Part):
    """Where the pages are."""

    listen: Listen = Field(("127.0.0.1", 8470), description="Address and port to listen on.")
    url: WebAddress = Field("", description="How people reach the pages; messages link there.")
    token: Secret | None = Field(None, description="Opens /metrics and /probe to Prometheus, as a reference.")


class RetentionFile(Part):
    """How long history is kept."""

    spans: Days = Field(400, description="Status of each check over time.")
    five_minutes: Days = Field(14, description="Latency in steps of five minutes.")
    hours: Days = Field(90, description="Latency in steps of an hour.")
    days: Days = Field(800, description="Latency in steps of a day.")
    incidents: Days = Field(1100, description="Finished incidents and their messages.")


class StorageFile(Part):
    """Where state is kept."""

    url: DatabaseUrl | None = Field(
        None,
        description="SQLite or PostgreSQL; with a password only as a reference. A relative SQLite path begins beside "
        "the configuration. The file var/deskwatch.db beside the configuration unless said.",
    )
    retention: RetentionFile = RetentionFile()


Assets = Annotated[tuple[AssetFile, ...], BeforeValidator(_nothing_is_an_empty_list), _OrNothing()]


class File(Part):
    """A whole configuration: one file, or the files of a directory together."""

    site: SiteFile = Field(description="The space itself.")
    uplinks: Assets = Field((), description="Lines to the internet.")
    wifi: Assets = Field((), description="Wireless networks.")
    doors: Assets = Field((), description="Doors and what opens them.")
    booking: Assets = Field((), description="Booking, calendars and payments.")
    rooms: Assets = Field((), description="Meeting rooms.")
    equipment: Assets = Field((), description="Printers, switches, power supplies.")
    services: Assets = Field((), description="Everything else members use.")
    routes: Annotated[tuple[RouteFile, ...], BeforeValidator(_nothing_is_an_empty_list), _OrNothing()] = Field(
        (), description="Who hears of what."
    )
    defaults: DefaultsFile = Field(DefaultsFile(), description="What holds for all checks.")
    server: ServerFile = Field(ServerFile(), description="Where the pages are.")
    storage: StorageFile = Field(StorageFile(), description="Where state is kept.")


SINGLE: Mapping[str, type[Part]] = {
    "site": SiteFile,
    "defaults": DefaultsFile,
    "server": ServerFile,
    "storage": StorageFile,
}
"""The sections that only one file may hold."""
