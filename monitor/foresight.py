"""What goes wrong soon if nobody acts: nobody is on call, a silence is about to end, an action is due."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time

from alerting.channels import Key, NoticeKind, Notification
from alerting.gates import Silence
from alerting.oncall import Gap, Override, reached, warnings
from alerting.rules import Severity
from incidents.messages import plain
from incidents.review import Action
from language import gettext, local, month, ngettext, weekday
from monitor.config.model import Config


def gaps(config: Config, overrides: Iterable[Override], to: Iterable[str], now: datetime) -> Iterator[Notification]:
    """An alarm to each destination for every stretch of the next days in which nobody is on call, always of one key."""
    for gap in warnings(config.directory, overrides, now):
        title = gettext(
            "Nobody is on call for {schedule} ({site})", schedule=plain(gap.schedule), site=plain(config.site.name)
        )
        lines = (
            gettext("What to do: find somebody, and enter them on the page On call"),
            gettext("Until then whoever is the fallback is told."),
        )
        body = f"{_when(gap, config)}\n{lines[0]}{_link(config, '/on-call')} {lines[1]}"
        for destination in to:
            yield Notification(Key(gap.key, destination, NoticeKind.ALARM, 0), Severity.WARNING, title, body)


def ending(config: Config, silence: Silence, to: Iterable[str]) -> Iterator[Notification]:
    """A reminder to each destination that a silence ends soon, and what is then told again."""
    zone = config.site.hours.zone
    conditions = ", ".join(plain(str(matcher)) for matcher in silence.matchers)
    title = gettext("A silence ends {when} ({site})", when=local(silence.ends, zone), site=plain(config.site.name))
    first = gettext(
        "{author} silenced {conditions}: {comment}",
        author=plain(silence.author),
        conditions=conditions,
        comment=plain(silence.comment),
    )
    todo = gettext(
        "What is still broken then will be told. What to do: if the work is done, nothing; if not, begin a new silence"
    )
    body = f"{first}\n{todo}{_link(config, '/silences')}"
    for destination in to:
        key = Key(f"silence/{silence.id}", destination, NoticeKind.ALARM, 0)
        yield Notification(key, Severity.INFO, title, body)


def reminder(
    config: Config, action: Action, overrides: Iterable[Override], to: Iterable[str], now: datetime
) -> Iterator[Notification]:
    """A reminder of an action to its owner, to each destination of `to` if nobody of that name can be reached."""
    owner = action.owner.casefold()
    names = [one.id for one in config.people if owner in (one.id.casefold(), one.name.casefold())]
    theirs = [one.destination for one in reached(names, config.directory, overrides, Severity.WARNING, now)]
    today = now.astimezone(config.site.hours.zone).date()
    title = f"{_due(action.due, today)}: {plain(action.text)} ({plain(config.site.name)})"
    first = gettext(
        "{owner} was to do this until {day}, as {author} wrote down after an incident.",
        owner=plain(action.owner),
        day=_day(action.due),
        author=plain(action.author),
    )
    todo = gettext("What to do: do it and say so there")
    body = f"{first}\n{todo}{_link(config, f'/incidents/{action.incident}')}"
    for destination in theirs or to:
        key = Key(f"action/{action.id}", destination, NoticeKind.ALARM, today.toordinal())
        yield Notification(key, Severity.INFO, title, body)


def _due(due: date, today: date) -> str:
    days = (due - today).days
    if not days:
        return gettext("Due today")
    if days > 0:
        return ngettext("Due in {number} day", "Due in {number} days", days)
    return ngettext("Late by {number} day", "Late by {number} days", -days)


def _day(due: date) -> str:
    at = datetime.combine(due, time.min)
    return gettext("{weekday} {day} {month}", weekday=weekday(at), day=due.day, month=month(at))


def _when(gap: Gap, config: Config) -> str:
    zone = config.site.hours.zone
    end = local(gap.ends, zone)
    if gap.starts is None:
        return gettext("Nobody has been on call, at least until {end}.", end=end)
    return gettext("From {start} nobody is on call, at least until {end}.", start=local(gap.starts, zone), end=end)


def _link(config: Config, path: str) -> str:
    return f": {config.server.url.rstrip('/')}{path}" if config.server.url else "."
