"""What goes wrong soon if nobody acts: hours in which nobody is on call, and silences that are about to end."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from alerting.channels import Key, NoticeKind, Notification
from alerting.gates import Silence
from alerting.oncall import Gap, Override, warnings
from alerting.rules import Severity
from incidents.messages import local, plain
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


def _when(gap: Gap, config: Config) -> str:
    zone = config.site.hours.zone
    begin = "Nobody has been" if gap.starts is None else f"From {local(gap.starts, zone)} nobody is"
    return f"{begin} on call, at least until {local(gap.ends, zone)}."


def _link(config: Config, path: str) -> str:
    return f": {config.server.url.rstrip('/')}{path}" if config.server.url else "."
