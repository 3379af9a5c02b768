"""A silence from what a person typed, on a page or on the command line."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ulid import ULID

from alerting.gates import Silence
from alerting.silences import objection, parse_matcher
from monitor.config.model import Config
from monitor.config.values import parse_duration, parse_moment
from monitor.subjects import subjects


def typed(
    config: Config, conditions: Iterable[str], starts: str, lasts: str, author: str, comment: str, now: datetime
) -> Silence:
    """The silence that somebody wants; `starts` is a time on the site's clock, "" for now, and `lasts` a duration.

    Raises ValueError, with the remedy, for what makes no sense and for a silence that must not begin.
    """
    matchers = tuple(parse_matcher(condition) for condition in conditions if condition.strip())
    begin = _instant(starts, config.site.hours.zone) if starts.strip() else now
    try:
        end = begin + timedelta(seconds=parse_duration(lasts.strip(), least=60))
    except ValueError as error:
        raise ValueError(f"the length {lasts[:40]!r} {error}") from None
    one = Silence(str(ULID()), matchers, begin, end, author.strip(), " ".join(comment.split()), now)
    if reason := objection(one, subjects(config), now):
        raise ValueError(reason)
    return one


def _instant(text: str, zone: ZoneInfo) -> datetime:
    """When a clock of the zone shows that."""
    try:
        moment = parse_moment(text.strip())
    except ValueError as error:
        raise ValueError(f"the begin {text[:40]!r} {error}") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
