"""When a memo is due, and which time it is about: wall-clock days, weeks and months of the site."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from monitor.config.model import Memo
from monitor.reports.document import Kind


class Period(NamedTuple):
    """The time from `start` until just before `end`, aware UTC."""

    start: datetime
    end: datetime


def newest_due(memo: Memo, zone: ZoneInfo, now: datetime) -> datetime:
    """When the memo was due last, at the latest now. A time that a clock change leaves out comes an hour later."""
    today = now.astimezone(zone).date()
    found = (_instant(_day_of(memo, today, back), memo.at, zone) for back in range(3))
    return next(at for at in found if at <= now)


def about(kind: Kind, due: datetime, zone: ZoneInfo) -> Period:
    """The time that a memo which was due then is about.

    Of that day, so far; of the week before, Monday to Sunday; of the month before. Raises ValueError for a kind that is
    no memo.
    """
    day = due.astimezone(zone).date()
    match kind:
        case Kind.DAILY:
            return Period(_midnight(day, zone), due)
        case Kind.WEEKLY:
            monday = day - timedelta(days=day.weekday())
            return Period(_midnight(monday - timedelta(days=7), zone), _midnight(monday, zone))
        case Kind.MONTHLY | Kind.ISP:
            return month_of((day.replace(day=1) - timedelta(days=1)), zone)
    raise ValueError(f"a report of the kind {kind} is about no period")


def month_of(day: date, zone: ZoneInfo) -> Period:
    """The month that a day lies in."""
    first = day.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return Period(_midnight(first, zone), _midnight(following, zone))


def week_of(day: date, zone: ZoneInfo) -> Period:
    """The week that a day lies in, Monday to Sunday."""
    monday = day - timedelta(days=day.weekday())
    return Period(_midnight(monday, zone), _midnight(monday + timedelta(days=7), zone))


def day_of(day: date, zone: ZoneInfo) -> Period:
    """That day."""
    return Period(_midnight(day, zone), _midnight(day + timedelta(days=1), zone))


def period_of(kind: Kind, day: date, zone: ZoneInfo) -> Period:
    """The day, week or month that a memo of that kind is about, if a day of it is named."""
    whole = {Kind.DAILY: day_of, Kind.WEEKLY: week_of}.get(kind, month_of)
    return whole(day, zone)


def before(period: Period, zone: ZoneInfo) -> Period:
    """The period of the same length before that one: the month before a month, else as many days."""
    start, end = period.start.astimezone(zone).date(), period.end.astimezone(zone).date()
    if (start.day, end.day) == (1, 1):
        return month_of(start - timedelta(days=1), zone)
    days = max((end - start).days, 1)
    return Period(_midnight(start - timedelta(days=days), zone), period.start)


def _day_of(memo: Memo, today: date, back: int) -> date:
    """The memo's newest day that is not after today, or one of those before it."""
    if memo.weekday is not None:
        return today - timedelta(days=(today.weekday() - memo.weekday) % 7 + 7 * back)
    if memo.month is None:
        return today - timedelta(days=back)
    months = today.year * 12 + today.month - 1 - back - (today.day < memo.month)
    return date(months // 12, months % 12 + 1, memo.month)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return _instant(day, time.min, zone)


def _instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, wall, zone).astimezone(UTC)
