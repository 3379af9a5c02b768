"""Why somebody was paged, or was not: what was measured, what the rules made of it, and all that was decided."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.channels import Delivery, Outcome
from alerting.rules import Episode, Severity
from alerting.verdicts import Decision, Verdict
from incidents.availability import Span
from incidents.messages import duration
from monitor.config.model import Check, Config
from monitor.config.problems import did_you_mean
from monitor.store import decisions, episodes, outbox, spans
from monitor.store.outbox import Message

AROUND = timedelta(minutes=15)
"""How far around the time asked for decisions are looked for; an episode counts however long it lasts."""
MINUTE = timedelta(minutes=1)
"""Messages and pages give times to the minute, so whoever asks for one means all of it."""

_OUTCOMES = {
    Outcome.ACCEPTED: "accepted",
    Outcome.RETRY: "refused for now",
    Outcome.AMBIGUOUS: "no answer, it may have arrived",
    Outcome.DEAD: "refused for good",
}
_ANSWERS = {
    Verdict.TOLD: "was told",
    Verdict.HELD: "was not told",
    Verdict.RELEASED: "was told, later",
    Verdict.GROUPED: "was not told again",
    Verdict.UNWANTED: "was not told",
    Verdict.MISSED: "was never told",
    Verdict.QUIETED: "was not reminded",
    Verdict.ESCALATED: "was told, as nobody had answered",
    Verdict.NOBODY: "reached nobody",
    Verdict.STOPPED: "was not told further",
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
            return f"Nobody was paged: a failure was seen, but {decision.words}."
    span = next((one for one in found.spans if one.start <= found.at <= one.end), None)
    if span is None:
        return "Nobody was paged: nothing was measured at that time, so nothing is known of it."
    if check is not None and not check.rules:
        return "Nobody was paged: all rules of this check are switched off."
    return f"Nobody was paged: the check was {span.status} ({span.reason}), and no rule was true."


def _about(episode: Episode, found: _Found) -> str:
    """One episode: whether it fired, mattered, and who heard of it."""
    if episode.fired is None:
        lasted = duration(((episode.closed or episode.last_true) - episode.opened).total_seconds())
        return f"The rule {episode.rule} was true for {lasted}, which was not long enough to fire."
    if episode.severity is Severity.INFO:
        return f"The rule {episode.rule} fired, and is only shown: its severity is info."
    mine = [one for one in found.decisions if one.episode == episode.id and one.route]
    said = [
        _of_route(route, [one for one in mine if one.route == route]) for route in dict.fromkeys(r.route for r in mine)
    ]
    if not said:
        return f"The rule {episode.rule} fired, and no route is configured that could have been told."
    return f"The rule {episode.rule} fired ({episode.severity}). {' '.join(said)}"


def _of_route(route: str, made: Sequence[Decision]) -> str:
    """What became of a route's wish: whether it was told in the end, else why not."""
    reached = [one for one in made if one.verdict in _REACHED]
    last = reached[-1] if reached else made[-1]
    because = f": {last.words}" if last.words != route else ""  # a channel of its own was told, which says it all
    return f"{route} {_ANSWERS.get(last.verdict, last.verdict)}{because}."


def _measured(measured: Iterable[Span]) -> Iterator[Line]:
    for span in measured:
        lasted = duration((span.end - span.start).total_seconds())
        yield Line(span.start, "measured", f"{span.status} for {lasted} ({span.reason})")


def _judged(judged: Iterable[Episode]) -> Iterator[Line]:
    for one in judged:
        yield Line(one.opened, f"rule {one.rule}", f"became true: {one.detail or one.reason}")
        if one.fired is not None:
            yield Line(one.fired, f"rule {one.rule}", f"fires ({one.severity})")
        if one.closed is not None:
            yield Line(one.closed, f"rule {one.rule}", f"is over: {(one.why or 'recovered').replace('_', ' ')}")


def _decided(made: Iterable[Decision]) -> Iterator[Line]:
    for one in made:
        yield Line(one.at, one.route or "nobody", f"{one.verdict}: {one.words}")


def _sent(found: _Found) -> Iterator[Line]:
    for message in found.messages:
        key = message.notification.key
        yield Line(message.created, key.destination, f"message queued: {message.notification.title}")
        for at, delivery in found.attempts[message.id]:
            yield Line(at, key.destination, f"{_OUTCOMES[delivery.outcome]}: {delivery.words}".removesuffix(": "))
