"""Doors as every access system shows them, in one set of terms, and what is wrong with them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import Field

from probes._base import DefaultRule, Failed, Measured, Metric, Params, Sample, Unmeasured
from probes._engines import weekly
from probes._engines.displays import printable
from probes._engines.inventory import Inventory
from probes._engines.memory import Memory
from probes._engines.weekly import Hours, Zone

MOST_DOORS = 500
"""Doors of one system that are looked at."""

Name = Annotated[str, Field(min_length=1, max_length=64)]


class DoorParams(Params):
    """Which doors are looked at, and when they may stand unlocked."""

    doors: Annotated[
        tuple[Name, ...],
        Field(
            max_length=MOST_DOORS,
            description="names of the doors that this check is about, as the access system has them; if not set, all "
            "that it lists, and those that it listed for an hour within the last 14 days",
        ),
    ] = ()
    unlocked_hours: Annotated[
        Hours | None,
        Field(
            max_length=500,
            description="when a door may stand unlocked: `mon-fri 08:00-20:00, sat 10:00-14:00`, `always` or `never`; "
            "not looked at if not set",
        ),
    ] = None
    unlocked_for: Annotated[
        float,
        Field(ge=0, le=86_400, description="seconds that a door may be unlocked outside these hours, to let people in"),
    ] = 120
    held_open_after: Annotated[
        float, Field(ge=1, le=86_400, description="seconds after which a door that stands open counts as held open")
    ] = 300
    busy_hours: Annotated[
        Hours | None,
        Field(
            max_length=500,
            description="when people come and go, so that silence is suspicious: `mon-fri 09:00-18:00`; not looked at "
            "if not set",
        ),
    ] = None
    timezone: Annotated[Zone, Field(description="time zone of the hours, like Europe/Berlin")] = "UTC"


class Door(NamedTuple):
    """A door; None is what the access system does not tell.

    `panel` names the panel behind it, "" if that is not known. `kept` says why it stays unlocked, `fault` what is wrong
    with its lock ("": nothing), both for people. `held_open` is an alarm of the system's own. `battery` is a ratio.
    """

    name: str
    online: bool | None = None
    open: bool | None = None
    unlocked: bool | None = None
    held_open: bool | None = None
    locked_down: bool = False
    battery: float | None = None
    panel: str = ""
    kept: str = ""
    fault: str | None = None
    seen: datetime | None = None


class Reader(NamedTuple):
    """What cards and phones are held to; `door` is the name of its door, "" if that is not known."""

    name: str
    online: bool | None
    door: str = ""


class Panel(NamedTuple):
    """A hub, controller or gateway with doors behind it."""

    name: str
    online: bool | None


class View(NamedTuple):
    """All that an access system tells at once.

    `whole` says whether all its doors are in it. `newest` is when somebody last used a door, `skew` how many seconds
    the system's clock is ahead of ours.
    """

    doors: tuple[Door, ...] = ()
    readers: tuple[Reader, ...] = ()
    panels: tuple[Panel, ...] = ()
    evacuation: bool = False
    lockdown: bool = False
    whole: bool = True
    newest: datetime | None = None
    users: int | None = None
    credentials: int | None = None
    skew: float | None = None


_ONLINE = "deskwatch_door_online"
_OPEN = "deskwatch_door_open"
_UNLOCKED = "deskwatch_door_unlocked"
_HELD = "deskwatch_door_held_open"
_FAULT = "deskwatch_door_fault"
_BATTERY = "deskwatch_door_battery_ratio"
_READER = "deskwatch_door_reader_online"
_MISSING = "deskwatch_door_missing"
_EVENT = "deskwatch_door_newest_event_age_seconds"
_QUIET = "deskwatch_door_quiet_seconds"
_USERS = "deskwatch_access_users"
_CREDENTIALS = "deskwatch_access_credentials"

PANEL = Metric("deskwatch_door_panel_online", "1 if the panel is online, else 0", "", "panel")
SKEW = Metric("deskwatch_door_clock_skew_seconds", "How far the access system's clock is from ours", "seconds")

CLOCK_RULE = DefaultRule(
    "clock-wrong", SKEW.name, "has a clock that is more than 2 minutes wrong; its schedules go by it", above=120
)
"""The rule about SKEW."""

METRICS = (
    Metric(_ONLINE, "1 if the door is online, 0 if it is offline or has vanished", "", "door"),
    Metric(_OPEN, "1 if the door stands open, else 0", "", "door"),
    Metric(_UNLOCKED, "1 if the door is unlocked, else 0", "", "door"),
    Metric(_HELD, "1 if the door has been standing open for too long, else 0", "", "door"),
    Metric(_FAULT, "1 if the lock reports a fault or was forced, else 0", "", "door"),
    Metric(_BATTERY, "How full the lock's battery is", "ratio", "door"),
    Metric(_READER, "1 if the reader is online, else 0", "", "reader"),
    PANEL,
    Metric(_MISSING, "Doors that should be on the access system's list and are not"),
    Metric(_EVENT, "Time since somebody last used a door", "seconds"),
    Metric(_QUIET, "Time within the busy hours in which nobody has used a door; 0 outside of them", "seconds"),
    Metric(_USERS, "People whom the access system knows"),
    Metric(_CREDENTIALS, "Cards, codes and phones that the access system knows"),
    SKEW,
)
"""What every kind that looks at an access system measures."""

REASONS = {
    "evacuation": "an evacuation is active: the doors stand unlocked for everybody",
    "lockdown": "a lockdown is active: nobody gets in, whatever their card",
    "panel_offline": "a panel with doors behind it is offline: their cards and phones may stop working",
    "door_missing": "a door is not on the access system's list any more",
    "door_offline": "a door is offline: the access system cannot reach its lock",
    "unlocked_outside_schedule": "a door stands unlocked at a time at which it should be locked",
}
"""The reasons for which a door is down, beside those for which an access system does not answer."""

RULES = (
    DefaultRule("held-open", _HELD, "has a door that stands open", above=0),
    DefaultRule("battery-low", _BATTERY, "has a lock whose battery is below 20 %", below=0.2, clear=0.3),
    DefaultRule(
        "battery-empty",
        _BATTERY,
        "has a lock whose battery is below 10 %: it will stop opening",
        severity="critical",
        below=0.1,
        clear=0.3,
    ),
    DefaultRule("reader-offline", _READER, "has a reader that is offline", below=1, times=2, window=2),
    DefaultRule("lock-fault", _FAULT, "has a lock that reports a fault; its check says which", above=0),
    DefaultRule("quiet", _QUIET, "has doors that nobody has used for 2 hours at a busy time", above=7200),
    CLOCK_RULE,
)
"""What every such kind proposes."""

_SINCE = "since"


class _Sight(NamedTuple):
    """What one check sees of a view: its doors and what serves them, and for how many seconds they have been so."""

    doors: tuple[Door, ...]
    readers: tuple[Reader, ...]
    panels: tuple[Panel, ...]
    missing: tuple[str, ...]
    open_for: Mapping[str, float]
    unlocked_for: Mapping[str, float]


def labels(names: Iterable[str]) -> list[str]:
    """Names that peers give, as labels: printable, bounded, none twice, and those without a name numbered."""
    found: list[str] = []
    for name in names:
        label = printable(name, 64) or f"#{len(found) + 1}"
        found.append(f"{label} #{len(found) + 1}" if label in found else label)
    return found


def judged(view: View, params: DoorParams, memory: Memory, check: str) -> Measured:
    """What a view means for the doors of the settings; remembers which there were, and since when they stand open.

    Raises Failed when one of them does not do what it should, Unmeasured when no door is listed.
    """
    now = datetime.now(UTC)
    sight = _sight(view, params, memory, check, now)
    if not sight.doors and not sight.missing:
        raise Unmeasured("no_source", "the access system lists no door; may this account see the doors of the site?")
    samples = tuple(_samples(view, sight, params, now))
    sentence = "; ".join(_remarks(view, sight, params, now))
    if objection := _objection(view, sight, params, now):
        raise Failed(objection[0], f"{objection[1]}; {sentence}", samples)
    return Measured(sentence, samples)


def _sight(view: View, params: DoorParams, memory: Memory, check: str, now: datetime) -> _Sight:
    remembered, present = memory.recall(check), [door.name for door in view.doors]
    inventory = Inventory.of(remembered)
    doors = tuple(door for door in view.doors if not params.doors or door.name in params.doors)
    since = _spells(doors, params, remembered.get(_SINCE, {}), now)
    memory.keep(check, {**inventory.after(present, now).memory, _SINCE: since})
    lasting = {what: {name: now.timestamp() - at for name, at in spells.items()} for what, spells in since.items()}
    missing = inventory.missing(present, params.doors) if view.whole else ()
    return _Sight(doors, *_serving(view, doors, params), missing, lasting["open"], lasting["unlocked"])


def _serving(view: View, doors: tuple[Door, ...], params: DoorParams) -> tuple[tuple[Reader, ...], tuple[Panel, ...]]:
    """The readers and panels of these doors: all if no door is named, those known to serve them if some are."""
    if not params.doors:
        return view.readers, view.panels
    names, behind = {door.name for door in doors}, {door.panel for door in doors}
    return (
        tuple(reader for reader in view.readers if reader.door in names),
        tuple(panel for panel in view.panels if panel.name in behind),
    )


def _spells(doors: Sequence[Door], params: DoorParams, before: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Since when doors are open, and unlocked though they should not be, in seconds of the epoch."""
    astray = params.unlocked_hours is not None and not _within(params.unlocked_hours, params, now)
    lasting = {
        "open": [door.name for door in doors if door.open],
        "unlocked": [door.name for door in doors if door.unlocked and astray],
    }
    return {
        what: {name: float(before.get(what, {}).get(name, now.timestamp())) for name in names}
        for what, names in lasting.items()
    }


def _within(hours: str, params: DoorParams, now: datetime) -> bool:
    return weekly.holds(weekly.parse(hours), ZoneInfo(params.timezone), now)


def _objection(view: View, sight: _Sight, params: DoorParams, now: datetime) -> tuple[str, str] | None:
    """Reason and words, None if the doors do what they should."""
    if view.evacuation:
        return "evacuation", "an evacuation is active, so the doors are unlocked"
    down = [door.name for door in sight.doors if door.locked_down]
    if view.lockdown or down:
        return "lockdown", f"a lockdown is active, so nobody gets in: {_few(down) if down else 'all doors'}"
    panels = [panel.name for panel in sight.panels if panel.online is False]
    if panels:
        return "panel_offline", _offline_panels(panels, sight.doors)
    if sight.missing:
        return "door_missing", f"not on the access system's list: {_few(sight.missing)}{_known(view, params)}"
    offline = [door.name + _last_seen(door, now) for door in sight.doors if door.online is False]
    if offline:
        return "door_offline", f"offline: {_few(offline)}"
    astray = [_unlocked(door) for door in sight.doors if sight.unlocked_for.get(door.name, -1) >= params.unlocked_for]
    if astray:
        return "unlocked_outside_schedule", f"unlocked outside {params.unlocked_hours}: {_few(astray)}"
    return None


def _offline_panels(panels: Sequence[str], doors: Sequence[Door]) -> str:
    behind = [door.name for door in doors if door.panel in panels]
    return f"offline: {_few(panels)}{f', and behind it {_few(behind)}' if behind else ''}"


def _known(view: View, params: DoorParams) -> str:
    """What else there is, for somebody who has written a name wrong."""
    others = [door.name for door in view.doors if door.name not in params.doors]
    return f" (it has {_few(others)})" if params.doors and others else ""


def _last_seen(door: Door, now: datetime) -> str:
    return "" if door.seen is None else f" (last seen {_ago((now - door.seen).total_seconds())} ago)"


def _unlocked(door: Door) -> str:
    return f"{door.name} ({door.kept})" if door.kept else door.name


def _held(door: Door, sight: _Sight, params: DoorParams) -> bool | None:
    if door.open is None and door.held_open is None:
        return None
    return bool(door.held_open) or sight.open_for.get(door.name, -1) >= params.held_open_after


def _samples(view: View, sight: _Sight, params: DoorParams, now: datetime) -> Iterator[Sample]:
    found = [*_of_doors(sight, params), *_of_the_rest(view, sight, params, now)]
    yield from (Sample(metric, float(value), part) for metric, value, part in found if value is not None)


def _of_doors(sight: _Sight, params: DoorParams) -> Iterator[tuple[str, float | None, str]]:
    for door in sight.doors:
        yield _ONLINE, door.online, door.name
        yield _OPEN, door.open, door.name
        yield _UNLOCKED, door.unlocked, door.name
        yield _HELD, _held(door, sight, params), door.name
        yield _FAULT, None if door.fault is None else bool(door.fault), door.name
        yield _BATTERY, door.battery, door.name
    yield from ((_ONLINE, 0, name) for name in sight.missing)


def _of_the_rest(
    view: View, sight: _Sight, params: DoorParams, now: datetime
) -> Iterator[tuple[str, float | None, str]]:
    yield from ((_READER, reader.online, reader.name) for reader in sight.readers)
    yield from ((PANEL.name, panel.online, panel.name) for panel in sight.panels)
    yield _MISSING, len(sight.missing), ""
    yield _EVENT, _age(view, now), ""
    yield _QUIET, _quiet(view, params, now), ""
    yield _USERS, view.users, ""
    yield _CREDENTIALS, view.credentials, ""
    yield SKEW.name, None if view.skew is None else abs(view.skew), ""


def _age(view: View, now: datetime) -> float | None:
    return None if view.newest is None else max((now - view.newest).total_seconds(), 0)


def _quiet(view: View, params: DoorParams, now: datetime) -> float | None:
    """Seconds without an event since the busy hours began, None if either is not known."""
    age = _age(view, now)
    if age is None or params.busy_hours is None:
        return None
    busy = weekly.since(weekly.parse(params.busy_hours), ZoneInfo(params.timezone), now)
    return 0 if busy is None else min(age, busy)


def _remarks(view: View, sight: _Sight, params: DoorParams, now: datetime) -> Iterator[str]:
    """What a community manager should know."""
    yield _tally(sight)
    noted = {
        "held open": [door.name for door in sight.doors if _held(door, sight, params)],
        "unlocked": [_unlocked(door) for door in sight.doors if door.unlocked],
        "fault": [f"{door.name} ({door.fault})" for door in sight.doors if door.fault],
        "battery low": [
            f"{door.name} ({door.battery:.0%})"
            for door in sight.doors
            if door.battery is not None and door.battery < 0.2
        ],
        "readers offline": [reader.name for reader in sight.readers if reader.online is False],
    }
    yield from (f"{what}: {_few(names)}" for what, names in noted.items() if names)
    if (age := _age(view, now)) is not None:
        yield f"a door was last used {_ago(age)} ago"


def _is_low(door: Door) -> bool:
    return door.battery is not None and door.battery < 0.2


def _tally(sight: _Sight) -> str:
    """How many doors are online, of those that tell; a missing door is not."""
    told = [door.online for door in sight.doors if door.online is not None]
    total, silent = len(told) + len(sight.missing), len(sight.doors) - len(told)
    if not total:
        return f"{_doors(silent)}; whether they are online is not told"
    online = f"{sum(told)} of {_doors(total)} {'is' if total == 1 else 'are'} online"
    return f"{online}; {silent} more {'does' if silent == 1 else 'do'} not tell" if silent else online


def _doors(number: int) -> str:
    return f"{number} {'door' if number == 1 else 'doors'}"


def _ago(seconds: float) -> str:
    for length, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"
