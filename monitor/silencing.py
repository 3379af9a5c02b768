"""A silence from what a person typed, on a page or on the command line."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ulid import ULID

from alerting.gates import Silence
from alerting.silences import objection, parse_matcher
from language import N_, gettext
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
    begin = instant(starts, config.site.hours.zone) if starts.strip() else now
    try:
        end = begin + timedelta(seconds=parse_duration(lasts.strip(), least=60))
    except ValueError:
        words = N_("the length {given} must be a duration from `1m` to `366d`, like `30m`, `4h`, `1h30m` or `2d`")
        raise ValueError(gettext(words, given=repr(lasts[:40]))) from None
    one = Silence(str(ULID()), matchers, begin, end, author.strip(), " ".join(comment.split()), now)
    if reason := objection(one, subjects(config), now):
        raise ValueError(reason)
    return one


def instant(text: str, zone: ZoneInfo) -> datetime:
    """When a clock of the zone shows that. Raises ValueError."""
    try:
        moment = parse_moment(text.strip())
    except ValueError:
        words = N_(
            "the begin {given} must be a time like `2026-12-01 06:00`, on the site's clock, or `2026-12-01 06:00+01:00`"
        )
        raise ValueError(gettext(words, given=repr(text[:40]))) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
