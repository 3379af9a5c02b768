"""Reads calendars of strangers: when something is booked, and when anything in them was last changed."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from icalendar import Calendar, Event

LARGEST = 4 * 1024 * 1024
"""Bytes of a calendar that are read."""
MOST_EVENTS = 2_000
"""Events that repeat or begin in the time that is asked for: reading one takes a millisecond."""
MOST_SERIES = 500
"""Events of a calendar that are followed as they repeat: each is worked out from its beginning."""
MOST_BOOKINGS = 5_000
"""Bookings that are kept."""

_EARLIEST = 2000
_WITHIN_A_DAY = {"BYHOUR", "BYMINUTE", "BYSECOND"}
_OFTEN = {"HOURLY", "MINUTELY", "SECONDLY"}
_CALENDAR_DATA = "{urn:ietf:params:xml:ns:caldav}calendar-data"
_LONGEST_AGE = timedelta(days=400)
_DAY = timedelta(days=1)

QUERY = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<c:calendar-query xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">'
    "<d:prop><c:calendar-data/></d:prop>"
    '<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT">'
    '<c:time-range start="{start:%Y%m%dT%H%M%SZ}" end="{end:%Y%m%dT%H%M%SZ}"/>'
    "</c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
)
"""What a CalDAV server is asked (RFC 4791 §7.8), to be filled with two times in UTC."""


class TooMany(ValueError):  # noqa: N818 - read as a sentence
    """A calendar with more events than are read."""


class Booking(NamedTuple):
    """One event, in UTC; `free` says that whoever is invited stays free."""

    starts: datetime
    ends: datetime
    free: bool = False


class Content(NamedTuple):
    """What matters of a calendar: its events in order, and the newest change if one is told."""

    bookings: tuple[Booking, ...]
    changed: datetime | None

    def begins(self, start: datetime, end: datetime) -> int:
        """How many events begin between two instants."""
        return sum(start <= booking.starts < end for booking in self.bookings)


def read(bodies: Sequence[bytes], zone: ZoneInfo, start: datetime, end: datetime) -> Content:
    """What calendars in iCalendar's notation (RFC 5545) tell of the time between two instants.

    Times without a zone are meant in `zone`. Raises ValueError for what is no calendar, TooMany for too much of one.
    """
    parts = [_parted(body, start, end) for body in bodies]
    if sum(part.kept for part in parts) > MOST_EVENTS:
        raise TooMany(f"the calendar has more than {MOST_EVENTS:,} events that repeat or are near")
    changes = [part.changed for part in parts if part.changed]
    return Content(_bookings([part.body for part in parts], zone, start, end), _stamped(max(changes, default=b"")))


class _Part(NamedTuple):
    """A calendar without the events that do not matter, and how many it has left; the newest change of all, as it is
    written, empty if none is."""

    body: bytes
    kept: int
    changed: bytes


_BEGIN, _END = b"\nBEGIN:VEVENT", b"\nEND:VEVENT"  # a line that goes on begins with a space: no text looks like that
_STARTS = re.compile(rb"^DTSTART[^:\r\n]*:(\d{8})", re.MULTILINE)
_REPEATS = re.compile(rb"^(?:RRULE|RDATE|RECURRENCE-ID)[;:]", re.MULTILINE)
_CHANGED = re.compile(rb"^(?:LAST-MODIFIED|CREATED)[^:\r\n]*:(\d{8}T\d{6})", re.MULTILINE)
_STAMPED = re.compile(rb"^(?:LAST-MODIFIED|CREATED|DTSTAMP)[^:\r\n]*:(\d{8}T\d{6})", re.MULTILINE)
_METHOD = re.compile(rb"^METHOD[;:]", re.MULTILINE)


def _parted(body: bytes, start: datetime, end: datetime) -> _Part:
    """A calendar that is quick to read: most of it is long past.

    In a calendar with a METHOD, DTSTAMP says when the file was written and not when the event was changed (RFC 5545
    §3.8.7.2): Google's files are always of this second.
    """
    head, *chunks = body.split(_BEGIN)
    dated = _CHANGED if _METHOD.search(head) else _STAMPED
    near = tuple(f"{at:%Y%m%d}".encode() for at in (start - _DAY, end + _DAY))
    lines, kept, changed = [head], 0, b""
    for chunk in chunks:
        event, ended, after = chunk.partition(_END)
        changed = max(changed, *dated.findall(event), b"")
        if ended and _is_far(event, *near):
            lines.append(after)
        else:
            lines += (_BEGIN, chunk)
            kept += 1
    return _Part(b"".join(lines), kept, changed)


def _is_far(event: bytes, first: bytes, last: bytes) -> bool:
    """Whether it begins once, and on no day from the first to the last."""
    begins = _STARTS.search(event)
    return begins is not None and not _REPEATS.search(event) and not first <= begins[1] <= last


def _stamped(written: bytes) -> datetime | None:
    """A time of a change, which is always in UTC."""
    try:
        return datetime.strptime(written.decode(), "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _bookings(bodies: Sequence[bytes], zone: ZoneInfo, start: datetime, end: datetime) -> tuple[Booking, ...]:
    # Imported where it is needed: few have a calendar, and it takes a sixth of a second.
    import recurring_ical_events
    from icalendar import Calendar

    found: list[Booking] = []
    try:
        calendars = [Calendar.from_ical(body) for body in bodies]
        for calendar in calendars:
            _tame(calendar)
            events = recurring_ical_events.of(calendar).between(start, end)
            found += (_booking(event, zone) for event in events if not _says(event, "STATUS", "CANCELLED"))
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        # What the library says may quote the calendar, which is nobody's business.
        raise ValueError(f"the answer is no calendar that can be read ({type(error).__name__})") from error
    return tuple(sorted(found)[:MOST_BOOKINGS])


def _booking(event: "Event", zone: ZoneInfo) -> Booking:
    free = _says(event, "TRANSP", "TRANSPARENT")
    return Booking(_instant(event.start, zone), _instant(event.end, zone), free)


def _says(event: "Event", name: str, value: str) -> bool:
    return str(event.get(name, "")).upper() == value


def objects(multistatus: bytes) -> tuple[bytes, ...]:
    """The calendars in an answer of a CalDAV server (RFC 4791 §7.8.1). Raises ValueError for any other document."""
    try:
        root = ET.fromstring(multistatus, ET.XMLParser(target=_Tree()))  # noqa: S314 - bounded, without entities
    except (ET.ParseError, LookupError) as error:  # the latter for an encoding that there is not
        raise ValueError("the answer is no XML") from error
    if root.tag != "{DAV:}multistatus":
        raise ValueError("the answer is none of CalDAV")
    return tuple((each.text or "").encode() for each in root.iter(_CALENDAR_DATA))


class _Tree(ET.TreeBuilder):
    """A document without a document type: that is where entities come from that grow without end."""

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        raise ValueError("the answer has a document type, which no CalDAV server sends")


def _tame(calendar: "Calendar") -> None:
    """Let events that would take long to work out count once, where they begin."""
    repeating = [event for event in calendar.events if "RRULE" in event]
    for number, event in enumerate(repeating):
        if number >= MOST_SERIES or _is_wild(event):
            del event["RRULE"]


def _is_wild(event: "Event") -> bool:
    """Whether it repeats within a day, or since long ago."""
    rules: Any = event["RRULE"]
    often = any(
        _WITHIN_A_DAY.intersection(rule) or _OFTEN.intersection(rule.get("FREQ", ()))
        for rule in (rules if isinstance(rules, list) else [rules])
    )
    return often or event.start.year < _EARLIEST


def _instant(at: date | datetime, zone: ZoneInfo) -> datetime:
    """When an event begins; days begin at midnight."""
    wall = at if isinstance(at, datetime) else datetime.combine(at, time.min)
    return (wall.replace(tzinfo=zone) if wall.tzinfo is None else wall).astimezone(UTC)


def is_business_day(day: date, holidays: Collection[date]) -> bool:
    """Whether it is one from Monday to Friday on which people work."""
    return day.weekday() < 5 and day not in holidays


def business_time(start: datetime, end: datetime, zone: ZoneInfo, holidays: Collection[date]) -> timedelta:
    """How much of the time between two instants lies on business days; at most that of 400 days."""
    at = max(start, end - _LONGEST_AGE)
    total = timedelta()
    while at < end:
        day = at.astimezone(zone).date()
        following = min(_midnight(day + timedelta(days=1), zone), end)
        if is_business_day(day, holidays):
            total += following - at
        at = following
    return total


def business_days_ahead(now: datetime, number: int, zone: ZoneInfo, holidays: Collection[date]) -> datetime:
    """The end of the last of so many business days, today being the first if it is one; at most 400 days ahead."""
    day = now.astimezone(zone).date()
    last = day + _LONGEST_AGE
    while number and day < last:
        number -= is_business_day(day, holidays)
        day += timedelta(days=1)
    return _midnight(day, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)
