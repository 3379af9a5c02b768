"""Reads the sections that say who is told of what: people, on-call schedules, routes and maintenance."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from alerting import ical
from alerting.gates import Maintenance, QuietHours, Recurring, Scope, Window
from alerting.hours import OpeningHours
from alerting.oncall import Contact, Period, Person, Rotation, Schedule, Shift
from alerting.routes import Route, Step
from alerting.rules import Severity
from monitor.config import explain
from monitor.config.document import MarkedDict, Place, printable
from monitor.config.file_alerting import (
    MaintenanceFile,
    OnCallFile,
    PersonFile,
    QuietFile,
    RouteFile,
    StepFile,
    TurnsFile,
)
from monitor.config.parts import Part
from monitor.config.problems import Findings
from monitor.config.references import Found, Told, used_once, written_id
from monitor.config.values import week_of_nights

LARGEST_CALENDAR = 1024 * 1024
"""Bytes of one calendar file."""

_ONCE = ("from", "to")
_AGAIN = ("days", "at", "lasts")
_MORE = ("nth", "first", "last")
"""What says when maintenance is: once, or again and again, and then in which weeks."""

P = TypeVar("P", bound=Part)


class Audience(NamedTuple):
    """Everybody who can be told, what each route wants, and when nobody is told."""

    people: tuple[Person, ...]
    schedules: tuple[Schedule, ...]
    routes: tuple[Route, ...]
    maintenances: tuple[Maintenance, ...]
    destinations: Mapping[str, SecretStr]


def find(entries: Callable[[str], Iterable[Place]], findings: Findings) -> Told:
    """The entries of all sections; `entries` gives the places of a section's. What an entry gets wrong is noted."""
    return Told(
        people=[_person(place, findings) for place in entries("people")],
        on_call=[_on_call(place, findings) for place in entries("on_call")],
        routes=[_route(place, findings) for place in entries("routes")],
        maintenance=[_maintenance(place, findings) for place in entries("maintenance")],
    )


def settle(told: Told, zone: ZoneInfo, findings: Findings) -> Audience:
    """What the entries mean on the clocks of a site; calendars are read here, and what is wrong with them is noted."""
    people = tuple(_final_person(file) for _, file in _files(told.people))
    # Without a person who has a problem, a calendar would seem to name nobody.
    known = people if len(people) == len(told.people) else None
    return Audience(
        people=people,
        schedules=tuple(_final_schedule(place, file, known, zone, findings) for place, file in _files(told.on_call)),
        routes=tuple(_final_route(file, zone) for _, file in _files(told.routes)),
        maintenances=tuple(_final_maintenance(place, file, zone, findings) for place, file in _files(told.maintenance)),
        destinations=dict(_destinations(told)),
    )


def _person(place: Place, findings: Findings) -> Found[PersonFile]:
    file = explain.read(PersonFile, place, place.value, findings)
    _one_of(place, ("to", "contacts"), findings)
    places = place.at("contacts").entries
    used_once(((here, "contact", written_id(here)) for here in places), findings)
    for here, contact in zip(places, (file.contacts or ()) if file is not None else (), strict=False):
        if not any(severity.pages for severity in contact.severities):
            findings.add(here.at("severities"), "is never used: only warning and critical tell anybody")
    return Found(place, written_id(place), file)


def _on_call(place: Place, findings: Findings) -> Found[OnCallFile]:
    file = explain.read(OnCallFile, place, place.value, findings)
    turns, calendar = bool(place.at("people").value), place.at("calendar").value is not None
    if isinstance(place.value, MarkedDict) and not turns and not calendar:
        findings.add(place, "needs `people` who take turns, or a `calendar`")
    elif turns and place.at("starts").value is None:
        findings.add(place.at("starts"), "is missing: when the first turn began, like `2026-01-05 09:00`")
    for key in () if turns else _given(place, ("rotate", "starts")):
        findings.add(place.at(key), "means nothing without `people`; name them, or remove this")
    return Found(place, written_id(place), file)


def _route(place: Place, findings: Findings) -> Found[RouteFile]:
    file = explain.read(RouteFile, place, place.value, findings)
    _one_of(place, ("to", "steps"), findings)
    if file is not None:
        _steps_wait(place.at("steps"), file.steps or (), findings)
        if file.quiet is not None and file.quiet.loud is not Severity.CRITICAL:
            message = "holds nothing back: only warning and critical tell anybody; write `critical`"
            findings.add(place.at("quiet", "loud"), message)
    return Found(place, written_id(place), file)


def _steps_wait(place: Place, steps: Iterable[StepFile], findings: Findings) -> None:
    """Note a first step that waits for something, and later ones that wait for nothing."""
    for index, step in enumerate(steps):
        after = place.at(index, "after")
        if index == 0 and step.after:
            findings.add(after, "the first step is told at once; remove this, or put a step before it")
        elif index > 0 and not step.after:
            findings.add(after, "says how long nobody answered the step before, like `10m`; it must be more than 0")


def _maintenance(place: Place, findings: Findings) -> Found[MaintenanceFile]:
    file = explain.read(MaintenanceFile, place, place.value, findings)
    _says_when(place, findings)
    if file is not None and file.first and file.last and file.last < file.first:
        findings.add(place.at("last"), f"is before the first day, {file.first}")
    return Found(place, written_id(place), file)


def _says_when(place: Place, findings: Findings) -> None:
    """Note maintenance that says too little or too much of when it is."""
    given = _given(place, (*_ONCE, *_AGAIN, *_MORE))
    if not given:
        if isinstance(place.value, MarkedDict):
            findings.add(place, "needs `from` and `to`, or `days`, `at` and `lasts`")
        return
    once = given[0] in _ONCE
    for key in _ONCE if once else _AGAIN:
        if key not in given:
            findings.add(place.at(key), f"is missing; it goes with `{given[0]}`")
    for key in given:
        if once and key not in _ONCE:
            findings.add(place.at(key), "is for maintenance that recurs; remove it, or `from` and `to`")


def _one_of(place: Place, keys: tuple[str, str], findings: Findings) -> None:
    """Note when an entry has none or both of two keys."""
    given = _given(place, keys)
    if isinstance(place.value, MarkedDict) and not given:
        findings.add(place, f"needs `{keys[0]}` or `{keys[1]}`")
    elif len(given) == len(keys):
        findings.add(place.at(keys[1]), f"there is `{keys[0]}` already; remove one of them")


def _given(place: Place, keys: Iterable[str]) -> tuple[str, ...]:
    """Those of the keys that have a value, right or wrong."""
    return tuple(key for key in keys if place.at(key).value is not None)


def _files(entries: Iterable[Found[P]]) -> Iterator[tuple[Place, P]]:
    """The entries without problems of their own."""
    return ((found.place, found.file) for found in entries if found.file is not None)


def _final_person(file: PersonFile) -> Person:
    if file.contacts is None:
        contacts: tuple[Contact, ...] = (Contact(file.id, frozenset(Severity)),)
    else:
        contacts = tuple(Contact(f"{file.id}/{one.id}", frozenset(one.severities)) for one in file.contacts)
    return Person(file.id, file.name or file.id, contacts)


def _final_schedule(
    place: Place, file: OnCallFile, people: tuple[Person, ...] | None, site: ZoneInfo, findings: Findings
) -> Schedule:
    zone = site if file.timezone is None else ZoneInfo(file.timezone)
    turns = file.rotate or TurnsFile(period=Period.WEEK)
    rotation: Rotation | None = None
    fixed: tuple[Shift, ...] = ()
    if file.people and file.starts is not None:
        rotation = Rotation(file.people, turns.period, turns.every, _on_the_wall(file.starts, zone))
    if file.calendar is not None and people is not None:
        fixed = _shifts(place.at("calendar"), file.calendar, people, zone, findings)
    return Schedule(file.id, zone, rotation, fixed, file.fallback)


def _shifts(
    place: Place, file: str, people: tuple[Person, ...], zone: ZoneInfo, findings: Findings
) -> tuple[Shift, ...]:
    """The shifts of a calendar; () with the problem noted if it cannot be used."""
    try:
        with (place.document.file.parent / file).open("rb") as stream:
            raw = stream.read(LARGEST_CALENDAR + 1)
        if len(raw) > LARGEST_CALENDAR:
            findings.add(place, f"is larger than {LARGEST_CALENDAR // 1024**2} MiB; export less of it")
            return ()
        return ical.parse(raw.decode("utf-8-sig"), zone, people, datetime.now(UTC))
    except OSError as error:
        findings.add(place, f"cannot be read: {error.strerror}; the file belongs beside the configuration")
    except UnicodeDecodeError:
        findings.add(place, "is not UTF-8 text; export it again as iCal (.ics)")
    except ValueError as error:
        findings.add(place, printable(str(error), explain.LONGEST_MESSAGE))
    return ()


def _final_route(file: RouteFile, zone: ZoneInfo) -> Route:
    return Route(
        id=file.id,
        severities=frozenset(file.severities),
        sections=frozenset(file.sections),
        assets=frozenset(file.assets),
        repeat=file.repeat,
        steps=tuple(Step(step.after, step.to) for step in file.steps or ()) or (Step(0, (file.id,)),),
        quiet=_final_quiet(file.quiet, zone) if file.quiet is not None else None,
    )


def _final_quiet(file: QuietFile, zone: ZoneInfo) -> QuietHours:
    return QuietHours(OpeningHours(zone, week_of_nights(file.hours)), file.loud)


def _final_maintenance(place: Place, file: MaintenanceFile, zone: ZoneInfo, findings: Findings) -> Maintenance:
    scope = Scope(frozenset(file.assets), frozenset(file.sections), frozenset(file.tags))
    windows = tuple(_windows(place, file, zone, findings))
    return Maintenance(file.id, file.name or file.id, scope, zone, windows, file.skip)


def _windows(place: Place, file: MaintenanceFile, zone: ZoneInfo, findings: Findings) -> Iterator[Window | Recurring]:
    """When it is: once, or again and again."""
    if file.starts is not None and file.ends is not None:
        starts, ends = _instant(file.starts, zone), _instant(file.ends, zone)
        if ends <= starts:
            findings.add(place.at("to"), "is not after `from`")
        yield Window(starts, ends)
    elif file.days is not None and file.at is not None and file.lasts is not None:
        nth = file.nth or frozenset()
        yield Recurring(days=file.days, nth=nth, at=file.at, lasts=file.lasts, first=file.first, last=file.last)


def _destinations(told: Told) -> Iterator[tuple[str, SecretStr]]:
    """The URL of every destination: routes, people, and the contacts of people."""
    for _, route in _files(told.routes):
        if route.to is not None:
            yield route.id, route.to
    for _, person in _files(told.people):
        if person.to is not None:
            yield person.id, person.to
        yield from ((f"{person.id}/{contact.id}", contact.to) for contact in person.contacts or ())


def _instant(moment: datetime, zone: ZoneInfo) -> datetime:
    """The instant, aware UTC; a time without an offset is meant on the clocks of the zone."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _on_the_wall(moment: datetime, zone: ZoneInfo) -> datetime:
    """What the clocks of the zone show, without tzinfo."""
    return moment.astimezone(zone).replace(tzinfo=None) if moment.tzinfo else moment
