"""Who is told of an incident: at once, after a gate has opened, step by step, and again until somebody has it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from alerting.channels import Key, NoticeKind
from alerting.gates import Hold
from alerting.verdicts import Verdict
from incidents.incident import US, Call, Change, Incident, Ladder, Ruling, Stage, Told, Waiting, written
from language import gettext

RETRY = timedelta(minutes=5)
"""How much later a step is tried again that a gate without a known end stands in the way of."""


def tell(incident: Incident, episode: str, calls: Sequence[Call], at: datetime) -> Change:
    """Tell every route that is called, or have it wait for its gate."""
    change = Change(incident)
    for call in calls:
        if call.hold is None:
            change = _join(change, _tell_one(change, episode, call, at))
        else:
            change = _join(change, _wait(change.incident, episode, call.route.id, call.hold, at))
    return change


def release(incident: Incident, calls: Sequence[Call], now: datetime) -> Change:
    """Look again at the routes that wait: those whose gate is open are told now, if the fault is still there.

    `calls` holds a call for each waiting route; a route without one is no longer configured and waits no more.
    """
    by_route = {call.route.id: call for call in calls}
    waiting: list[Waiting] = []
    change = Change(incident)
    for one in incident.waiting:
        call = by_route.get(one.route)
        if call is None:
            continue
        if call.hold is None:
            change = _join(change, _tell_one(change, one.episode, call, now, _held_for(one)))
            continue
        if (call.hold.gate, call.hold.by) != (one.hold.gate, one.hold.by):
            change = change._replace(rulings=(*change.rulings, _held(one.episode, call.route.id, call.hold)))
        waiting.append(one._replace(hold=call.hold))
    return change._replace(incident=replace(change.incident, waiting=tuple(waiting)))


def climb(incident: Incident, calls: Mapping[str, Call], now: datetime) -> Change:
    """Tell the next step of every route whose time for it has come, while nobody has acknowledged.

    `calls` holds, by route, whom the step after the last one reaches; a route without a call has no further step.
    """
    if incident.stage is not Stage.OPEN:
        return Change(incident)
    change = Change(incident)
    for ladder in incident.ladders:
        if ladder.next_at is not None and now >= ladder.next_at:
            change = _join(change, _climb_one(change, ladder, calls.get(ladder.route), now))
    return change


def remind(incident: Incident, holds: Mapping[str, Hold], now: datetime) -> Change:
    """Repeat the message to everybody whose time has come, while nobody has acknowledged; not through a held route."""
    if incident.stage is not Stage.OPEN:
        return Change(incident)
    told: list[Told] = []
    notices: list[Key] = []
    rulings: list[Ruling] = []
    for one in incident.told:
        if one.repeat_at is not None and now >= one.repeat_at:
            one = one._replace(repeat_at=now + timedelta(seconds=one.repeat))
            if hold := holds.get(one.route):
                rulings.append(Ruling(one.episode, one.route, Verdict.QUIETED, hold.words, hold.until))
            else:
                one = one._replace(sequence=one.sequence + 1)
                notices.append(Key(one.episode, one.destination, NoticeKind.REPEAT, one.sequence))
        told.append(one)
    if not (notices or rulings):
        return Change(incident)
    return Change(replace(incident, told=tuple(told)), tuple(notices), tuple(rulings))


def tell_again(incident: Incident, now: datetime) -> Change:
    """The incident, open, with a message to everybody who was told before; steps go on from where they were."""
    told = tuple(
        one._replace(sequence=one.sequence + 1, repeat_at=now + timedelta(seconds=one.repeat) if one.repeat else None)
        for one in incident.told
    )
    notices = tuple(Key(one.episode, one.destination, NoticeKind.REPEAT, one.sequence) for one in told)
    ladders = tuple(
        one if one.next_at is None else one._replace(next_at=max(one.next_at, now)) for one in incident.ladders
    )
    incident = replace(incident, stage=Stage.OPEN, acknowledged_until=None, told=told, ladders=ladders)
    return Change(incident, notices)


def tell_of_return(incident: Incident, episode: str, calls: Sequence[Call], at: datetime) -> Change:
    """Tell of a fault that is back: the routes from their first step on, and whoever else had been told before.

    Who was told through a route that a gate holds back now waits for that gate.
    """
    change = tell(replace(incident, told=()), episode, calls, at)
    told = {one.destination for one in change.incident.told}
    held = {call.route.id for call in calls if call.hold is not None}
    others = [one for one in incident.told if one.destination not in told and one.route not in held]
    again = tell_again(replace(change.incident, told=tuple(others)), at)
    incident = replace(change.incident, told=(*change.incident.told, *again.incident.told))
    return change._replace(incident=incident, notices=change.notices + again.notices)


def grouped(incident: Incident, episode: str, calls: Sequence[Call]) -> tuple[Ruling, ...]:
    """An episode that is only written down: everybody who wanted to hear of it heard of the incident."""
    words = gettext("the open incident says it: {title}", title=incident.title)
    return tuple(Ruling(episode, call.route.id, Verdict.GROUPED, words) for call in calls)


def _tell_one(before: Change, episode: str, call: Call, at: datetime, after: str = "") -> Change:
    """Tell the first step of a route; `after` says what held the message back until now."""
    route, incident = call.route, before.incident
    next_at = at + timedelta(seconds=route.steps[1].after if call.to else 0) if len(route.steps) > 1 else None
    others = [one for one in incident.ladders if one.route != route.id]
    ladders = (*others, Ladder(route.id, episode, 0, next_at)) if len(route.steps) > 1 else tuple(others)
    waiting = tuple(one for one in incident.waiting if one.route != route.id)
    verdict = Verdict.RELEASED if after else Verdict.TOLD
    before = before._replace(incident=replace(incident, ladders=ladders, waiting=waiting))
    return _reach(before, episode, call, verdict, after, at)


def _climb_one(before: Change, ladder: Ladder, call: Call | None, now: datetime) -> Change:
    """Tell one route's next step, or put it off while a gate is closed."""
    incident = before.incident
    if call is None:
        return Change(_with(incident, ladder._replace(next_at=None)))
    steps, following = call.route.steps, ladder.step + 1
    if call.hold is not None:
        later = max(call.hold.until or now + RETRY, now + timedelta(seconds=1))
        ruling = Ruling(ladder.episode, ladder.route, Verdict.QUIETED, call.hold.words, later)
        return Change(_with(incident, ladder._replace(next_at=later)), rulings=(ruling,))
    wait = steps[following + 1].after if following + 1 < len(steps) else None
    next_at = None if wait is None else now + timedelta(seconds=wait if call.to else 0)
    incident = _with(incident, ladder._replace(step=following, next_at=next_at))
    if call.to:
        names = ", ".join(one.words for one in call.to)
        incident = written(incident, now, US, gettext("Nobody has answered yet: told {names}.", names=names))
    before = before._replace(incident=incident)
    step = gettext("step {number}", number=following + 1)
    return _reach(before, ladder.episode, call, Verdict.ESCALATED, step, now)


def _reach(before: Change, episode: str, call: Call, verdict: Verdict, why: str, at: datetime) -> Change:
    """Messages to all that a step reaches: the first one about an episode, else an update; one for each destination
    however many routes lead to it at the same time."""
    incident, said = before.incident, {key.destination for key in before.notices}
    if not call.to:
        words = why or gettext("it leads to nobody")
        return Change(incident, rulings=(Ruling(episode, call.route.id, Verdict.NOBODY, words),))
    told, repeat, notices = {one.destination: one for one in incident.told}, call.route.repeat, []
    for destination in dict.fromkeys(one.destination for one in call.to if one.destination not in said):
        key = _next_key(told.get(destination), episode, destination)
        repeat_at = at + timedelta(seconds=repeat) if repeat else None
        told[destination] = Told(destination, episode, key.sequence, repeat, repeat_at, call.route.id)
        notices.append(key)
    words = "; ".join([*([why] if why else []), *(one.words for one in call.to)])
    ruling = Ruling(episode, call.route.id, verdict, words)
    return Change(replace(incident, told=tuple(told.values())), tuple(notices), (ruling,))


def _next_key(told: Told | None, episode: str, destination: str) -> Key:
    if told is None or told.episode != episode:
        return Key(episode, destination, NoticeKind.FIRING, 0)
    return Key(episode, destination, NoticeKind.UPDATE, told.sequence + 1)


def _wait(incident: Incident, episode: str, route: str, hold: Hold, at: datetime) -> Change:
    others = tuple(one for one in incident.waiting if one.route != route)
    waiting = (*others, Waiting(route, episode, at, hold))
    return Change(replace(incident, waiting=waiting), rulings=(_held(episode, route, hold),))


def _held(episode: str, route: str, hold: Hold) -> Ruling:
    return Ruling(episode, route, Verdict.HELD, hold.words, hold.until)


def _held_for(one: Waiting) -> str:
    return gettext("no longer held back: {hold}", hold=one.hold.words)


def _join(one: Change, other: Change) -> Change:
    return Change(other.incident, one.notices + other.notices, one.rulings + other.rulings)


def _with(incident: Incident, ladder: Ladder) -> Incident:
    """The incident with that ladder in the place of the one of its route."""
    ladders = tuple(ladder if one.route == ladder.route else one for one in incident.ladders)
    return replace(incident, ladders=ladders)
