"""What Deskwatch has to say of its own messages: a test, and that somebody could not be reached."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from ulid import ULID

from alerting.channels import Key, NoticeKind, Notification
from alerting.oncall import Override, reached
from alerting.rules import Severity
from incidents.messages import plain
from language import gettext, local, speaking
from monitor.config.model import Config


def trial(config: Config, destination: str, now: datetime) -> Notification:
    """A message that says that it is a test, in the language of the site, whoever asks for it in whichever."""
    with speaking(config.site.language):
        title = gettext("Test message to {destination}", destination=plain(destination))
        body = gettext(
            "This is a test from Deskwatch at {site}, sent {when}. Nothing is broken, and there is nothing to do.",
            site=plain(config.site.name),
            when=local(now, config.site.hours.zone),
        )
    return Notification(Key(str(ULID()), destination, NoticeKind.TEST, 0), Severity.INFO, title, body)


def unreached(
    config: Config, dead: str, titles: Sequence[str], words: str, to: Iterable[str], now: datetime
) -> tuple[Notification, ...]:
    """The alarm, for each destination of `to`, that messages of these titles did not reach the destination `dead`."""
    name, url = plain(dead), config.server.url.rstrip("/")
    reason = plain(words) or gettext("no reason was given")
    body = "\n".join(
        (
            gettext("Deskwatch could not reach {destination}: {reason}", destination=name, reason=reason),
            _lost(titles),
            gettext(
                "What to do: tell whom it was for, and look at the address of this destination. {command} tries it.",
                command=f"`deskwatch notify-test {dead}`",
            ),
            *([f"{url}/deliveries"] if url else []),
        )
    )
    title = gettext("Deskwatch could not reach {destination} ({site})", destination=name, site=plain(config.site.name))
    key = Key(unreached_episode(dead), "", NoticeKind.ALARM, int(now.timestamp()))
    return tuple(Notification(key._replace(destination=one), Severity.CRITICAL, title, body) for one in to)


def _lost(titles: Sequence[str]) -> str:
    """What did not arrive: the first by its title, of the others how many there are."""
    first, more = plain(titles[0]), len(titles) - 1
    if not more:
        return gettext("The message was: {title}", title=first)
    return gettext("The message was: {title} (and {number} more)", title=first, number=more)


def unreached_episode(dead: str) -> str:
    """What the keys of all alarms about a destination have in common."""
    return f"unreached/{dead}"


def hearers(
    config: Config, dead: str, failing: Collection[str], overrides: Iterable[Override], now: datetime
) -> tuple[str, ...]:
    """Who hears that a destination cannot be reached: whoever critical faults reach now, in all steps of the routes.

    Destinations that fail themselves are left out as long as there is another; if no route has another, every
    destination hears of it.
    """
    wanting = [route for route in config.routes if Severity.CRITICAL in route.severities]
    names = [name for route in wanting for step in route.steps for name in step.to]
    found = {one.destination for one in reached(names, config.directory, overrides, Severity.CRITICAL, now)}
    others = [id for id in config.destinations if id != dead]
    wanted = [id for id in others if id in found] or others
    return tuple([id for id in wanted if id not in failing] or wanted)
