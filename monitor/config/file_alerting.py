"""What users write about whom to tell, when, and how: people, on-call, routes, maintenance and what goes with them."""

import re
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, SecretStr, WithJsonSchema

from alerting.oncall import Period
from alerting.rules import Severity
from monitor.config.parts import (
    DURATION_SCHEMA,
    HOURS_SCHEMA,
    Clock,
    Date,
    DayRange,
    Duration,
    Hold,
    Id,
    Ids,
    Moment,
    OneOrMore,
    OrText,
    Part,
    Section,
    Zone,
)
from monitor.config.values import (
    DAYS,
    Stretch,
    is_web_address,
    once_a_day,
    parse_day,
    parse_duration,
    parse_nights,
    parse_nth,
    parse_weekdays,
)
from probes._secrets import Secret

LONGEST_MAINTENANCE = 7 * 86_400
"""Seconds of one recurring maintenance; what lasts longer is no maintenance."""

_TURNS = {"daily": Period.DAY, "weekly": Period.WEEK}
_HOURS = re.compile("([1-9][0-9]{0,2})h")
_WEEKDAYS_SCHEMA = {"type": "string", "pattern": f"^({'|'.join(DAYS)})(-({'|'.join(DAYS)}))?$"}
_NTH_SCHEMA: list[dict[str, Any]] = [{"type": "integer", "minimum": 1, "maximum": 5}, {"const": "last"}]


def _never_is_zero(value: object) -> float:
    return 0 if value == "never" else parse_duration(value, least=5)


def _web_secret(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("https://", "http://")):
        raise ValueError("must stand for the URL of a dead man's switch, like `https://watch.example.org/ping/KEY`")
    return value


def _alertmanager(value: str) -> str:
    if not is_web_address(value):
        raise ValueError("must be an address like `http://127.0.0.1:9093`; what signs in belongs into `authorization`")
    return value.rstrip("/")


def _turns(value: object) -> object:
    """What `daily`, `weekly` and `12h` stand for."""
    if not isinstance(value, str):
        return value
    hours = _HOURS.fullmatch(value)
    if hours is None and value not in _TURNS:
        raise ValueError("must be `daily`, `weekly`, hours like `12h`, or `{every: 2, period: week}`")
    return {"every": int(hours[1]), "period": Period.HOUR} if hours else {"every": 1, "period": _TURNS[value]}


def _one_of(*keys: str) -> ConfigDict:
    """Tells the JSON Schema that exactly one of the keys is needed."""
    return ConfigDict(json_schema_extra={"oneOf": [{"required": [key]} for key in keys]})


def _duration(least: float, most: float) -> BeforeValidator:
    """Reads a duration within bounds, which are in seconds like the result."""
    return BeforeValidator(partial(parse_duration, least=least, most=most))


Repeat = Annotated[
    float,
    BeforeValidator(_never_is_zero),
    WithJsonSchema({"anyOf": [*DURATION_SCHEMA["anyOf"], {"const": "never"}]}),
]
Minutes = Annotated[float, _duration(60, 86_400), Duration]
Hours = Annotated[float, _duration(300, 7 * 86_400), Duration]
Seconds = Annotated[float, _duration(5, 3600), Duration]
Severities = Annotated[tuple[Severity, ...], Field(min_length=1)]
NightHours = Annotated[tuple[Stretch, ...], BeforeValidator(parse_nights), HOURS_SCHEMA]
Weekday = Annotated[int, BeforeValidator(parse_day), WithJsonSchema({"enum": list(DAYS)})]
Weekdays = Annotated[
    frozenset[int],
    BeforeValidator(parse_weekdays),
    WithJsonSchema({"anyOf": [_WEEKDAYS_SCHEMA, {"type": "array", "items": _WEEKDAYS_SCHEMA, "minItems": 1}]}),
]
Nth = Annotated[
    frozenset[int],
    BeforeValidator(parse_nth),
    WithJsonSchema({"anyOf": [*_NTH_SCHEMA, {"type": "array", "items": {"anyOf": _NTH_SCHEMA}, "minItems": 1}]}),
]


class ContactFile(Part):
    """A way to reach a person."""

    id: Id = Field(description="Short name of the way, like phone; messages go to `<person>/<contact>`.")
    to: Secret = Field(description="Apprise URL, as a reference: ${env:ANA_PHONE} or ${file:/path}.")
    severities: Severities = Field(
        (Severity.WARNING, Severity.CRITICAL), description="The severities for which it is used."
    )


class PersonFile(Part):
    """Somebody who can be told."""

    model_config = _one_of("to", "contacts")

    id: Id = Field(description="Short name, unique among people, on-call schedules and routes.")
    name: str = Field("", description="The name as people know it; the id unless said.")
    to: Secret | None = Field(None, description="Apprise URL of the only way to reach them, as a reference.")
    contacts: tuple[ContactFile, ...] | None = Field(
        None, min_length=1, description="Several ways to reach them, each for the severities it is meant for."
    )


class TurnsFile(Part):
    """How long a turn of a rotation is."""

    every: Annotated[int, Field(strict=True, ge=1, le=1000)] = Field(1, description="How many periods a turn lasts.")
    period: Period = Field(description="hour, day or week. Days and weeks hand over on the wall clock.")


Turns = Annotated[TurnsFile, BeforeValidator(_turns), OrText(f"^({'|'.join(_TURNS)}|{_HOURS.pattern})$")]


class OnCallFile(Part):
    """Who is on call when: people who take turns, a calendar, or both."""

    id: Id = Field(description="Short name, unique among people, on-call schedules and routes.")
    people: Ids = Field((), description="Ids of people who take turns, in their order.")
    rotate: Turns | None = Field(
        None, description="How long a turn is: daily, weekly, 12h, or {every: 2, period: week}; weekly unless said."
    )
    starts: Moment | None = Field(None, description="When the first turn began, on the wall clock: 2026-01-05 09:00.")
    timezone: Zone | None = Field(None, description="Time zone of the schedule; the site's unless said.")
    calendar: str | None = Field(
        None, min_length=1, description="iCal file beside the configuration, with shifts that go before the turns."
    )
    fallback: Ids = Field((), description="People and routes that are told when nobody is on call.")


class StepFile(Part):
    """Whom a route tells, after how long without an answer."""

    after: Hold = Field(0, description="How long nobody has answered the step before; the first has none.")
    to: Ids = Field(min_length=1, description="People, on-call schedules, and routes with a `to`.")


class QuietFile(Part):
    """When a route hears only of what is loud."""

    hours: Annotated[dict[DayRange, NightHours], AfterValidator(once_a_day)] = Field(
        min_length=1,
        description='The quiet hours, by day like opening hours; `mon-sun: "22:00-07:30"` ends on the next day.',
    )
    loud: Severity = Field(Severity.CRITICAL, description="From which severity on it is told all the same.")


class RouteFile(Part):
    """What somebody wants to hear, and where it goes."""

    model_config = _one_of("to", "steps")

    id: Id = Field(description="Short name of the destination, unique among people, on-call schedules and routes.")
    to: Secret | None = Field(
        None, description="Apprise URL, as a reference: ${env:DESKWATCH_CHAT_URL} or ${file:/path}."
    )
    steps: tuple[StepFile, ...] | None = Field(
        None, min_length=1, description="Instead of `to`: who is told one after the other until somebody answers."
    )
    severities: Severities = Field(
        (Severity.WARNING, Severity.CRITICAL), description="Which severities it wants to hear of."
    )
    sections: tuple[Section, ...] = Field((), description="Only faults in these sections; all unless said.")
    assets: Ids = Field((), description="Only faults of these assets; all unless said.")
    repeat: Repeat = Field(
        3600, description="How often the message is repeated until somebody acknowledges; 1h unless said, or never."
    )
    quiet: QuietFile | None = Field(None, description="When it hears only of what is loud; the rest waits.")


class MaintenanceFile(Part):
    """Planned work: once, with `from` and `to`, or again and again, with `days`, `at` and `lasts`."""

    model_config = _one_of("from", "days")

    id: Id = Field(description="Short name, unique among maintenance.")
    name: str = Field("", description="What is done, as messages and pages say it; the id unless said.")
    assets: Ids = Field((), description="Ids of assets that it is about.")
    sections: tuple[Section, ...] = Field((), description="Sections that it is about.")
    tags: OneOrMore[Id] = Field(
        (), description="Tags of assets that it is about. Without assets, sections and tags: the site."
    )
    skip: bool = Field(False, strict=True, description="Do not even measure meanwhile.")
    starts: Moment | None = Field(None, alias="from", description="When it begins, on the site's clock.")
    ends: Moment | None = Field(None, alias="to", description="When it ends, on the site's clock.")
    days: Weekdays | None = Field(None, description="Days of the week: mon, mon-fri, or a list.")
    nth: Nth | None = Field(None, description="Only the nth such day of a month, from 1, or `last`.")
    at: Clock | None = Field(None, description="When it begins on such a day.")
    lasts: Annotated[float, _duration(60, LONGEST_MAINTENANCE), Duration] | None = Field(
        None, description="How long it lasts, at most 7d."
    )
    first: Date | None = Field(None, description="The first day on which it may begin.")
    last: Date | None = Field(None, description="The last day on which it may begin.")


class AlertingFile(Part):
    """How long things last, and how much is sent."""

    acknowledged: Hours = Field(4 * 3600, description="How long an acknowledgement holds while the fault lasts.")
    links: Annotated[float, _duration(300, 30 * 86_400), Duration] = Field(
        24 * 3600, description="How long the links in a message work."
    )
    dismissed: Minutes = Field(
        900, description="How long a fault that somebody called resolved may still be measured before it is open again."
    )
    reopen: Annotated[float, _duration(0, 86_400), Duration] = Field(
        600, description="How long after its end a fault that begins again is the same incident and not a new one."
    )
    lead: Annotated[float, _duration(0, 86_400), Duration] = Field(
        3600, description="How long before opening the site counts as open."
    )
    budget: Annotated[int, Field(strict=True, ge=1, le=1000)] = Field(
        10, description="How many messages below critical one destination gets in five minutes; more go out in one."
    )


class DrillFile(Part):
    """A weekly test of everybody's pager."""

    day: Weekday = Field(description="Day of the week, like mon.")
    at: Clock = Field(description="Time of day on the site's clock, like 10:00.")
    within: Minutes = Field(3600, description="How long people have to confirm.")


class WatchdogFile(Part):
    """Who notices when Deskwatch itself is gone."""

    to: Annotated[Secret, AfterValidator(_web_secret)] = Field(
        description="URL that is asked as long as all is well, as a reference: ${env:DESKWATCH_HEARTBEAT_URL}."
    )
    interval: Seconds = Field(60, description="How often.")


class AlertmanagerFile(Part):
    """Prometheus Alertmanagers that are told as well."""

    urls: OneOrMore[Annotated[str, AfterValidator(_alertmanager)]] = Field(
        min_length=1, description="Where they are, like http://127.0.0.1:9093; all of them are told."
    )
    authorization: Secret | None = Field(
        None, description="Value of the header Authorization, as a reference: `Bearer ${env:AM_TOKEN}`."
    )
    resend: Seconds = Field(60, description="How often what fires is sent again.")
