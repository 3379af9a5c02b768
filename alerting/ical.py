"""Shifts from an iCal file, as calendar programs export it: who is on call stands in the title or among the guests."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from alerting.oncall import Person, Shift, instant

if TYPE_CHECKING:
    from icalendar import Calendar, Event

LARGEST = 1_000_000
"""Characters in a file."""
MOST_EVENTS = 500
"""Events in a file; one that repeats is one."""
MOST_SHIFTS = 5_000
"""Shifts between the two horizons."""

_PAST, _AHEAD = timedelta(days=60), timedelta(days=400)
"""From how long ago until how far ahead events are read."""
_WITHIN_A_DAY = {"BYHOUR", "BYMINUTE", "BYSECOND"}
_OFTEN = {"HOURLY", "MINUTELY", "SECONDLY"}
_EARLIEST = 1970
_SHOWN = 5
"""How many titles an error names."""
_PARTS = re.compile(r"[:|,;/()]|\s[-–—]\s")
"""What stands between the parts of a title."""
_MARKS = re.compile(r"[\W_]+")


def parse(text: str, zone: ZoneInfo, people: Iterable[Person], now: datetime) -> tuple[Shift, ...]:
    """The shifts of a calendar from 60 days ago until 400 days ahead, in order.

    Times without a zone are meant in `zone`. An event is the shift of the person whose id or name is its title or a
    part of it ("On call: Ana Lopes"), else of the one guest who is such a person by name or by the part of the address
    before the @. Case does not matter.
    Raises ValueError for a file that is no calendar or is too large, and with the titles in which nobody is found.
    """
    if len(text) > LARGEST:
        raise ValueError(f"the calendar has {len(text):,} characters, at most {LARGEST:,} are read; export less of it")
    known = _known(people)
    found: list[Shift] = []
    strange: dict[str, datetime] = {}
    for event in _occurrences(text, now - _PAST, now + _AHEAD):
        person, starts, ends = _person(event, known), _instant(event.start, zone), _instant(event.end, zone)
        if person is None:
            strange[str(event.get("SUMMARY", ""))[:80]] = starts.astimezone(zone)
        elif starts < ends:
            found.append(Shift(starts, ends, person))
    if strange:
        raise ValueError(_nobody(strange))
    return tuple(sorted(found))


def _occurrences(text: str, start: datetime, end: datetime) -> "Iterator[Event]":
    """The events between two instants, those that repeat once for each time. Raises ValueError."""
    # Imported where it is needed: few have a calendar, and it takes a sixth of a second.
    import recurring_ical_events
    from icalendar import Calendar

    try:
        calendar = Calendar.from_ical(text)
        _require_bounds(calendar)
        found = recurring_ical_events.of(calendar).between(start, end)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise ValueError(f"not a calendar that can be read: {error}; export it again as iCal (.ics)") from error
    if len(found) > MOST_SHIFTS:
        raise ValueError(f"the calendar has {len(found):,} shifts in its next year, at most {MOST_SHIFTS:,} are read")
    return (event for event in found if str(event.get("STATUS", "")).upper() != "CANCELLED")


def _require_bounds(calendar: "Calendar") -> None:
    """Raises ValueError for what would take long to work out, and for times that could be meant anyhow."""
    events = calendar.events
    if len(events) > MOST_EVENTS:
        raise ValueError(f"it has {len(events):,} events, at most {MOST_EVENTS} are read")
    for event in events:
        title, rules = str(event.get("SUMMARY", "")), event.get("RRULE", [])
        for rule in rules if isinstance(rules, list) else [rules]:
            if _WITHIN_A_DAY.intersection(rule) or _OFTEN.intersection(rule.get("FREQ", ())):
                raise ValueError(f"{title!r} repeats within a day; make an event for each shift of the day")
        if event.start.year < _EARLIEST:
            raise ValueError(f"{title!r} begins in {event.start.year}; begin it in {_EARLIEST} or later")
        zone = event["DTSTART"].params.get("TZID")
        if zone and getattr(event.start, "tzinfo", None) is None:
            raise ValueError(f"{title!r} is in the unknown time zone {zone!r}; use one like Europe/Berlin")


def _instant(at: date | datetime, zone: ZoneInfo) -> datetime:
    """When an event begins or ends; days begin at midnight."""
    wall = at if isinstance(at, datetime) else datetime.combine(at, time.min)
    return wall.astimezone(UTC) if wall.tzinfo is not None else instant(wall, zone)


def _person(event: "Event", known: Mapping[str, str]) -> str | None:
    """The id of the person whose shift an event is, None if it cannot be told."""
    title = str(event.get("SUMMARY", ""))
    named = {known[word] for part in (title, *_PARTS.split(title)) if (word := _plain(part)) in known}
    guests = event.get("ATTENDEE", [])
    invited = {
        known[word]
        for guest in (guests if isinstance(guests, list) else [guests])
        for text in (str(guest).removeprefix("mailto:").removeprefix("MAILTO:"), str(guest.params.get("CN", "")))
        if (word := _plain(text)) in known
    }
    found = named or invited
    return found.pop() if len(found) == 1 else None


def _known(people: Iterable[Person]) -> Mapping[str, str]:
    """The ids of people by what they are called in a calendar."""
    everybody = tuple(people)
    names = {_plain(person.name): person.id for person in everybody}
    return names | {_plain(person.id): person.id for person in everybody}


def _plain(text: str) -> str:
    """A name without what differs between ways to write it: "Ana Lopes", "ana.lopes@example.org", "ana-lopes"."""
    return _MARKS.sub(" ", text.partition("@")[0].casefold()).strip()


def _nobody(strange: Mapping[str, datetime]) -> str:
    shown = ", ".join(f"{title!r} on {starts:%Y-%m-%d}" for title, starts in islice(strange.items(), _SHOWN))
    more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
    return f"nobody is found in {shown}{more}; name one person of `people` by id or name in the title, or invite them"
