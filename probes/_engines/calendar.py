"""When something is booked, from an iCal file: times only, for titles and guests are nobody's business here."""

from datetime import UTC, date, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

LARGEST = 2 * 1024 * 1024
"""Bytes of a file."""
MOST_EVENTS = 5_000
"""Events in a file; one that repeats is one."""

_TOO_OFTEN = {"HOURLY", "MINUTELY", "SECONDLY"}


class Booking(NamedTuple):
    """One booking, in UTC."""

    starts: datetime
    ends: datetime


def bookings(data: bytes, start: datetime, end: datetime, zone: ZoneInfo) -> tuple[Booking, ...]:
    """What of a calendar lies between two instants, in order; times without a zone are meant in `zone`.

    Events that were cancelled, or during which one stays free, do not count. Takes a while: not for the event loop.
    Raises ValueError for what is no calendar, or too large.
    """
    # Imported where it is needed: few rooms have a calendar, and it takes a sixth of a second.
    import recurring_ical_events
    from icalendar import Calendar

    if len(data) > LARGEST:
        raise ValueError(f"the calendar has {len(data):,} bytes, at most {LARGEST:,} are read")
    try:
        calendar = Calendar.from_ical(data)
        events = calendar.events
        if len(events) > MOST_EVENTS:
            raise ValueError(f"the calendar has {len(events):,} events, at most {MOST_EVENTS:,} are read")
        if any(_TOO_OFTEN.intersection(_frequency(event)) for event in events):
            raise ValueError("an event of the calendar repeats within the hour")
        found = recurring_ical_events.of(calendar).between(start, end)
        made = [Booking(_instant(one.start, zone), _instant(one.end, zone)) for one in found if _counts(one)]
    except (TypeError, KeyError, AttributeError, OverflowError, IndexError) as error:
        raise ValueError(f"not a calendar that can be read: {type(error).__name__}") from error
    return tuple(sorted(one for one in made if one.starts < one.ends))


def _frequency(event: object) -> tuple[str, ...]:
    rules = event.get("RRULE", [])  # type: ignore[attr-defined]
    found = [word for rule in (rules if isinstance(rules, list) else [rules]) for word in rule.get("FREQ", ())]
    return tuple(str(word).upper() for word in found)


def _counts(event: object) -> bool:
    said = {name: str(event.get(name, "")).upper() for name in ("STATUS", "TRANSP")}  # type: ignore[attr-defined]
    return said["STATUS"] != "CANCELLED" and said["TRANSP"] != "TRANSPARENT"


def _instant(at: date | datetime, zone: ZoneInfo) -> datetime:
    wall = at if isinstance(at, datetime) else datetime.combine(at, time.min)
    return (wall if wall.tzinfo is not None else wall.replace(tzinfo=zone)).astimezone(UTC)
