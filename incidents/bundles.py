"""The words of messages that tell of several things, that come late, or that may come twice."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from alerting.rules import Severity
from incidents.messages import MAY_REPEAT, Text, duration, local, plain

LINES = 20
"""How many things one message names; of more it says how many there are."""
LATE = timedelta(minutes=2)
"""A message says how late it is from this on."""

_LONGEST_LINE = 120


class Place(NamedTuple):
    """The site's name and time zone, and where people reach Deskwatch, "" if nobody said."""

    site: str
    zone: ZoneInfo
    url: str


class Thing(NamedTuple):
    """One thing that a message tells of. `until` is None while it lasts."""

    what: str
    since: datetime
    until: datetime | None


def needs_attention(worst: Severity, things: Sequence[Thing], total: int, place: Place) -> Text:
    """Several faults in one message: `things` are the first of `total`."""
    word = "Critical" if worst is Severity.CRITICAL else "Warning"
    lines = [f"{_short(one.what)}, since {local(one.since, place.zone)}" for one in things[:LINES]]
    return Text(f"{word}: {total} things need attention at {plain(place.site)}", _listed(lines, total, place))


def works_again(things: Sequence[Thing], total: int, place: Place) -> Text:
    """Several ends in one message: `things` are the first of `total`."""
    return Text(
        f"{total} things work again at {plain(place.site)}",
        _listed([f"{_short(one.what)}: {_lasted(one, place)}" for one in things[:LINES]], total, place),
    )


def began_and_ended(began: Text, at: datetime, end: Text, place: Place) -> Text:
    """The end of something of whose beginning, written at `at`, nobody heard: one message that tells both."""
    evidence = began.body.partition("\n")[0]
    first = f"It began {local(at, place.zone)}, but the message about that did not get through: {began.title}."
    return Text(end.title, "\n".join(filter(None, (first, evidence, end.body))))


def noted(text: Text, late: str, repeated: bool) -> Text:
    """The text with what people must know about this delivery before they read it."""
    return Text(text.title, "\n".join(filter(None, (late, MAY_REPEAT if repeated else "", text.body))))


def lateness(by: timedelta, destination: str, *, tried: bool, held: bool) -> str:
    """A sentence about how late a message is and why, "" if it is not.

    `tried`: an attempt failed before. `held`: it waited because there were too many messages.
    """
    if by <= LATE:
        return ""
    reason = "Deskwatch could not send it before"
    if tried:
        reason = f"{plain(destination)} could not be reached before"
    elif held:
        reason = "there were many messages, so this one waited to go out with others"
    return f"Delayed {duration(by.total_seconds())}: {reason}."


def _listed(lines: list[str], total: int, place: Place) -> str:
    where = f"{place.url.rstrip('/')}/" if place.url else "the board"
    more = f"and {total - len(lines)} more, see {where}" if total > len(lines) else f"See {where}"
    return "\n".join([*lines, more])


def _lasted(one: Thing, place: Place) -> str:
    if one.until is None:
        return f"it began {local(one.since, place.zone)}"
    lasted = duration((one.until - one.since).total_seconds())
    return f"since {local(one.until, place.zone)}, after {lasted}"


def _short(what: str) -> str:
    line = plain(what)
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1].rstrip()}…"
