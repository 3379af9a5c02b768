"""The words of messages that tell of several things, that come late, or that may come twice."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from alerting.rules import Severity
from incidents.messages import MAY_REPEAT, Text, duration, plain
from language import N_, gettext, local

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
    words = N_("Warning: {number} things need attention at {site}")
    if worst is Severity.CRITICAL:
        words = N_("Critical: {number} things need attention at {site}")
    title = gettext(words, number=total, site=plain(place.site))
    lines = [
        gettext("{what}, since {when}", what=_short(one.what), when=local(one.since, place.zone))
        for one in things[:LINES]
    ]
    return Text(title, _listed(lines, total, place))


def works_again(things: Sequence[Thing], total: int, place: Place) -> Text:
    """Several ends in one message: `things` are the first of `total`."""
    return Text(
        gettext("{number} things work again at {site}", number=total, site=plain(place.site)),
        _listed([f"{_short(one.what)}: {_lasted(one, place)}" for one in things[:LINES]], total, place),
    )


def began_and_ended(began: Text, at: datetime, end: Text, place: Place) -> Text:
    """The end of something of whose beginning, written at `at`, nobody heard: one message that tells both."""
    evidence = began.body.partition("\n")[0]
    first = gettext(
        "It began {when}, but the message about that did not get through: {title}.",
        when=local(at, place.zone),
        title=began.title,
    )
    return Text(end.title, "\n".join(filter(None, (first, evidence, end.body))))


def noted(text: Text, late: str, repeated: bool) -> Text:
    """The text with what people must know about this delivery before they read it."""
    return Text(text.title, "\n".join(filter(None, (late, gettext(MAY_REPEAT) if repeated else "", text.body))))


def lateness(by: timedelta, destination: str, *, tried: bool, held: bool) -> str:
    """A sentence about how late a message is and why, "" if it is not.

    `tried`: an attempt failed before. `held`: it waited because there were too many messages.
    """
    if by <= LATE:
        return ""
    words = N_("Delayed {time}: Deskwatch could not send it before.")
    if tried:
        words = N_("Delayed {time}: {destination} could not be reached before.")
    elif held:
        words = N_("Delayed {time}: there were many messages, so this one waited to go out with others.")
    return gettext(words, time=duration(by.total_seconds()), destination=plain(destination))


def _listed(lines: list[str], total: int, place: Place) -> str:
    return "\n".join([*lines, _more(total - len(lines), place)])


def _more(number: int, place: Place) -> str:
    """Where the rest is to be read, of which the message names nothing."""
    where = f"{place.url.rstrip('/')}/"
    if not place.url:
        return gettext("and {number} more, see the board", number=number) if number > 0 else gettext("See the board")
    if number > 0:
        return gettext("and {number} more, see {address}", number=number, address=where)
    return gettext("See {address}", address=where)


def _lasted(one: Thing, place: Place) -> str:
    if one.until is None:
        return gettext("it began {when}", when=local(one.since, place.zone))
    lasted = duration((one.until - one.since).total_seconds())
    return gettext("since {when}, after {lasted}", when=local(one.until, place.zone), lasted=lasted)


def _short(what: str) -> str:
    line = plain(what)
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1].rstrip()}…"
