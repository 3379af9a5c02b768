"""Why somebody was paged, or was not: what was measured, what the rules made of it, and all that was decided."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.channels import Delivery, Outcome
from alerting.rules import Episode, Severity, Why
from alerting.verdicts import Decision, Verdict
from incidents.availability import Span
from incidents.messages import duration
from language import N_, gettext
from monitor.config.model import Check, Config
from monitor.config.problems import did_you_mean
from monitor.store import decisions, episodes, outbox, spans
from monitor.store.outbox import Message
from probes import Status

AROUND = timedelta(minutes=15)
"""How far around the time asked for decisions are looked for; an episode counts however long it lasts."""
MINUTE = timedelta(minutes=1)
"""Messages and pages give times to the minute, so whoever asks for one means all of it."""

_OUTCOMES = {
    Outcome.ACCEPTED: N_("accepted"),
    Outcome.RETRY: N_("refused for now"),
    Outcome.AMBIGUOUS: N_("no answer, it may have arrived"),
    Outcome.DEAD: N_("refused for good"),
}
_STATUSES = {Status.UP: N_("up"), Status.DOWN: N_("down"), Status.UNKNOWN: N_("unknown")}
_ENDS = {
    Why.RECOVERED: N_("is over: recovered"),
    Why.SOURCE_SILENT: N_("is over: source silent"),
    Why.RULE_DELETED: N_("is over: rule deleted"),
}
_VERDICTS = {
    Verdict.TOLD: N_("told"),
    Verdict.HELD: N_("held"),
    Verdict.RELEASED: N_("released"),
    Verdict.GROUPED: N_("grouped"),
    Verdict.UNWANTED: N_("unwanted"),
    Verdict.MISSED: N_("missed"),
    Verdict.QUIETED: N_("quieted"),
    Verdict.UNCONFIRMED: N_("unconfirmed"),
    Verdict.ESCALATED: N_("escalated"),
    Verdict.NOBODY: N_("nobody"),
    Verdict.STOPPED: N_("stopped"),
}
_ANSWERS = {
    Verdict.TOLD: N_("{route} was told"),
    Verdict.HELD: N_("{route} was not told"),
    Verdict.RELEASED: N_("{route} was told, later"),
    Verdict.GROUPED: N_("{route} was not told again"),
    Verdict.UNWANTED: N_("{route} was not told"),
    Verdict.MISSED: N_("{route} was never told"),
    Verdict.QUIETED: N_("{route} was not reminded"),
    Verdict.ESCALATED: N_("{route} was told, as nobody had answered"),
    Verdict.NOBODY: N_("{route} reached nobody"),
    Verdict.UNCONFIRMED: N_("{route} was not told"),
    Verdict.STOPPED: N_("{route} was not told further"),
}
_REACHED = (Verdict.TOLD, Verdict.RELEASED, Verdict.ESCALATED)


class Line(NamedTuple):
    """One thing that happened: when, what it was about (a rule, a route, a destination), and in words."""

    at: datetime
    who: str
    words: str


class Answer(NamedTuple):
    """Why: `summary` in a sentence or a few, `lines` everything that led to it, oldest first."""

    check: str
    summary: str
    lines: tuple[Line, ...]


class _Found(NamedTuple):
    """What the store has about a check around a time."""

    check: str
    at: datetime
    spans: Sequence[Span]
    episodes: Sequence[Episode]
    decisions: Sequence[Decision]
    messages: Sequence[Message]
    attempts: Mapping[int, tuple[tuple[datetime, Delivery], ...]]


async def explain(conn: AsyncConnection, config: Config, about: str, at: datetime) -> Answer:
    """Why a check, or an episode by its id, did or did not page anybody at a time.

    Raises LookupError, with what there is, for neither.
    """
    episode = await episodes.get(conn, about)
    if episode is not None:
        return _answer(await _find(conn, episode.check, episode.fired or episode.opened, (episode,)), config)
    checks = {check.id: check for check in config.checks}
    if about not in checks:
        raise LookupError(f"there is no check and no episode `{about}`{did_you_mean(about, checks)}")
    near = await episodes.touching(conn, about, at - AROUND, at + MINUTE)
    return _answer(await _find(conn, about, at, near), config)


async def _find(conn: AsyncConnection, check: str, at: datetime, near: Sequence[Episode]) -> _Found:
    ids = {one.id for one in near}
    made = [one for episode in near for one in await decisions.of_episode(conn, episode.id)]
    loose = [one for one in await decisions.of_check(conn, check, at - AROUND, at + AROUND) if not one.episode]
    incidents = sorted({one.incident for one in made if one.incident})
    sent = [one for id in incidents for one in await outbox.of_incident(conn, id)]
    sent = [one for one in sent if one.notification.key.episode in ids]
    attempts = await outbox.deliveries(conn, [one.id for one in sent])
    measured = await spans.between(conn, at - AROUND, at + AROUND, [check])
    return _Found(check, at, measured.get(check, ()), near, [*made, *loose], sent, attempts)


def _answer(found: _Found, config: Config) -> Answer:
    check = next((one for one in config.checks if one.id == found.check), None)
    lines = [*_measured(found.spans), *_judged(found.episodes), *_decided(found.decisions), *_sent(found)]
    return Answer(found.check, _summary(found, check), tuple(sorted(lines)))


def _summary(found: _Found, check: Check | None) -> str:
    if not found.episodes:
        return _nothing_fired(found, check)
    return " ".join(_about(one, found) for one in found.episodes)


def _nothing_fired(found: _Found, check: Check | None) -> str:
    """No rule was true: because all was well, nobody looked, or a failure was not confirmed."""
    for decision in found.decisions:
        if decision.verdict is Verdict.UNCONFIRMED:
            return gettext("Nobody was paged: a failure was seen, but {why}.", why=decision.words)
    span = next((one for one in found.spans if one.start <= found.at <= one.end), None)
    if span is None:
        return gettext("Nobody was paged: nothing was measured at that time, so nothing is known of it.")
    if check is not None and not check.rules:
        return gettext("Nobody was paged: all rules of this check are switched off.")
    words = N_("Nobody was paged: the check was {status} ({reason}), and no rule was true.")
    return gettext(words, status=gettext(_STATUSES[span.status]), reason=span.reason)


def _about(episode: Episode, found: _Found) -> str:
    """One episode: whether it fired, mattered, and who heard of it."""
    if episode.fired is None:
        lasted = duration(((episode.closed or episode.last_true) - episode.opened).total_seconds())
        words = N_("The rule {rule} was true for {lasted}, which was not long enough to fire.")
        return gettext(words, rule=episode.rule, lasted=lasted)
    if episode.severity is Severity.INFO:
        return gettext("The rule {rule} fired, and is only shown: its severity is info.", rule=episode.rule)
    mine = [one for one in found.decisions if one.episode == episode.id and one.route]
    said = [
        _of_route(route, [one for one in mine if one.route == route]) for route in dict.fromkeys(r.route for r in mine)
    ]
    if not said:
        words = N_("The rule {rule} fired, and no route is configured that could have been told.")
        return gettext(words, rule=episode.rule)
    fired = gettext("The rule {rule} fired ({severity}).", rule=episode.rule, severity=gettext(episode.severity))
    return " ".join([fired, *said])


def _of_route(route: str, made: Sequence[Decision]) -> str:
    """What became of a route's wish: whether it was told in the end, else why not."""
    reached = [one for one in made if one.verdict in _REACHED]
    last = reached[-1] if reached else made[-1]
    because = f": {last.words}" if last.words != route else ""  # a channel of its own was told, which says it all
    return f"{gettext(_ANSWERS[last.verdict], route=route)}{because}."


def _measured(measured: Iterable[Span]) -> Iterator[Line]:
    for span in measured:
        status, lasted = gettext(_STATUSES[span.status]), duration((span.end - span.start).total_seconds())
        words = gettext("{status} for {lasted} ({reason})", status=status, lasted=lasted, reason=span.reason)
        yield Line(span.start, gettext("measured"), words)


def _judged(judged: Iterable[Episode]) -> Iterator[Line]:
    for one in judged:
        rule = gettext("rule {rule}", rule=one.rule)
        yield Line(one.opened, rule, gettext("became true: {found}", found=one.detail or one.reason))
        if one.fired is not None:
            yield Line(one.fired, rule, gettext("fires ({severity})", severity=gettext(one.severity)))
        if one.closed is not None:
            yield Line(one.closed, rule, gettext(_ENDS[one.why or Why.RECOVERED]))


def _decided(made: Iterable[Decision]) -> Iterator[Line]:
    for one in made:
        yield Line(one.at, one.route or gettext("nobody"), f"{gettext(_VERDICTS[one.verdict])}: {one.words}")


def _sent(found: _Found) -> Iterator[Line]:
    for message in found.messages:
        key = message.notification.key
        queued = gettext("message queued: {title}", title=message.notification.title)
        yield Line(message.created, key.destination, queued)
        for at, delivery in found.attempts[message.id]:
            outcome = gettext(_OUTCOMES[delivery.outcome])
            yield Line(at, key.destination, f"{outcome}: {delivery.words}".removesuffix(": "))
