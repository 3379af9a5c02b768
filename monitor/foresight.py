"""What goes wrong soon if nobody acts: nobody is on call, a silence is about to end, an action is due."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime

from alerting.channels import Key, NoticeKind, Notification
from alerting.gates import Silence
from alerting.oncall import Gap, Override, reached, warnings
from alerting.rules import Severity
from incidents.messages import local, plain
from incidents.review import Action
from monitor.config.model import Config


def gaps(config: Config, overrides: Iterable[Override], to: Iterable[str], now: datetime) -> Iterator[Notification]:
    """An alarm to each destination for every stretch of the next days in which nobody is on call, always of one key."""
    for gap in warnings(config.directory, overrides, now):
        title = f"Nobody is on call for {plain(gap.schedule)} ({plain(config.site.name)})"
        body = (
            f"{_when(gap, config)}\nWhat to do: find somebody, and enter them on the page On call"
            f"{_link(config, '/on-call')} Until then whoever is the fallback is told."
        )
        for destination in to:
            yield Notification(Key(gap.key, destination, NoticeKind.ALARM, 0), Severity.WARNING, title, body)


def ending(config: Config, silence: Silence, to: Iterable[str]) -> Iterator[Notification]:
    """A reminder to each destination that a silence ends soon, and what is then told again."""
    zone = config.site.hours.zone
    conditions = ", ".join(plain(str(matcher)) for matcher in silence.matchers)
    title = f"A silence ends {local(silence.ends, zone)} ({plain(config.site.name)})"
    body = (
        f"{plain(silence.author)} silenced {conditions}: {plain(silence.comment)}\n"
        "What is still broken then will be told. What to do: if the work is done, nothing; if not, begin a new silence"
        f"{_link(config, '/silences')}"
    )
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
    body = (
        f"{plain(action.owner)} was to do this until {action.due:%a} {action.due.day} {action.due:%b}, "
        f"as {plain(action.author)} wrote down after an incident.\n"
        f"What to do: do it and say so there{_link(config, f'/incidents/{action.incident}')}"
    )
    for destination in theirs or to:
        key = Key(f"action/{action.id}", destination, NoticeKind.ALARM, today.toordinal())
        yield Notification(key, Severity.INFO, title, body)


def _due(due: date, today: date) -> str:
    days = abs((due - today).days)
    count = "1 day" if days == 1 else f"{days} days"
    return "Due today" if not days else f"Due in {count}" if due > today else f"Late by {count}"


def _when(gap: Gap, config: Config) -> str:
    zone = config.site.hours.zone
    begin = "Nobody has been" if gap.starts is None else f"From {local(gap.starts, zone)} nobody is"
    return f"{begin} on call, at least until {local(gap.ends, zone)}."


def _link(config: Config, path: str) -> str:
    return f": {config.server.url.rstrip('/')}{path}" if config.server.url else "."
