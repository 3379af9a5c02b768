"""Who is on call, now or at another time, and who takes a schedule over for a while."""

import asyncio
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import islice
from typing import Annotated, NamedTuple

from aiohttp import web
from pydantic import Field

from alerting.oncall import Override, Rung, valid
from alerting.rules import Severity
from monitor import rota
from monitor.rota import Duty
from monitor.store import overrides as stored_overrides
from monitor.store import silences as stored_silences
from monitor.web.api import paging
from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.models import Body, Id, Moment, Shown, Text
from monitor.web.api.paging import Page, Paged, Query
from monitor.web.api.problems import Fault, Unfit
from monitor.web.words import short

MOST_DAYS = 400
"""As many as the command line looks ahead."""
_PAGED_WITHIN = timedelta(hours=1)
"""How long after its first page the others of a list can be asked for."""


class DutyShown(Shown):
    """Who has a schedule, since when and until when in the weeks around; `person` is null where nobody has it."""

    schedule: str
    person: Text | None
    starts: datetime
    until: datetime


class OnCall(Shown):
    """Who is on call at a time, for each schedule."""

    at: datetime
    schedules: list[DutyShown]


class OverrideShown(Shown):
    """Somebody takes a schedule over; not `heeded` if the person or the schedule is no longer in the configuration."""

    id: str
    schedule: str
    person: str
    starts: datetime
    ends: datetime
    author: Text
    created: datetime
    heeded: bool


class ShiftShown(Shown):
    """Who has a schedule from when until when; `person` is null where nobody has it."""

    schedule: str
    person: Text | None
    starts: datetime
    ends: datetime


class ReachedShown(Shown):
    """A destination that a step leads to, and why."""

    destination: str
    why: Text


class RungShown(Shown):
    """What a step of a route would do `after` seconds without an answer; `held` is what would hold it back."""

    route: str
    step: int
    after: float
    reached: list[ReachedShown]
    held: Text | None


class WouldHear(Shown):
    """Who would be paged, step by step; nobody where a step reaches nothing."""

    items: list[RungShown]


class _Last(NamedTuple):
    """The last shift of a page, and when the first page was asked for: later ones go on from then, or shifts would be
    cut elsewhere."""

    asked: datetime
    schedule: str
    starts: datetime


class OnCallAsked(Query):
    """When, now unless said."""

    at: Moment | None = None


class ShiftsAsked(Paged):
    """How far ahead, two weeks unless said."""

    days: Annotated[int, Field(ge=1, le=MOST_DAYS, description="How many days ahead.")] = rota.AHEAD.days


class WhoAsked(Query):
    """Something of that severity happens to an asset, now unless said."""

    asset: Annotated[str, Field(min_length=1, max_length=100)]
    severity: Severity = Severity.CRITICAL
    at: Moment | None = None


class OverrideWanted(Body):
    """Who takes which schedule over, until when, and from when on (now unless said)."""

    schedule: Id
    person: Id
    ends: Moment
    starts: Moment | None = None


async def now(call: Call) -> Reply:
    """GET /on-call."""
    app, at = call.app, call.query.at or call.now
    async with app.store.connect() as conn:
        # Not those that the service knows: of another time others may count.
        taken = await stored_overrides.current(conn, at)
    duties = [
        DutyShown(schedule=one.schedule, person=one.person or None, starts=one.starts, until=one.ends)
        for one in rota.holders(app.config, taken, at)
    ]
    return Reply(OnCall(at=at, schedules=duties))


async def ahead(call: Call) -> Reply:
    """GET /on-call/shifts: all of the next days, schedule by schedule."""
    app, asked = call.app, call.query
    last = _last(asked.after, call.now) if asked.after is not None else None
    start = last.asked if last is not None else call.now
    within = app.config, app.overrides, start, start + timedelta(days=asked.days)
    coming = rota.duties(*within) if last is None else rota.duties_after(*within, last.schedule, last.starts)
    try:
        # In a thread: a page of turns of an hour takes some milliseconds.
        found = await asyncio.to_thread(lambda: list(islice(coming, asked.limit + 1)))
    except LookupError:
        raise Unfit(Fault("cursor", paging.GONE)) from None

    def id(one: Duty) -> str:
        return f"{start.isoformat()} {one.schedule} {one.starts.isoformat()}"

    some, next = paging.page(call.request, found, asked.limit, id)
    items = [
        ShiftShown(schedule=one.schedule, person=one.person or None, starts=one.starts, ends=one.ends) for one in some
    ]
    return Reply(Page[ShiftShown](items=items, next=next or None), next=next)


async def would_hear(call: Call) -> Reply:
    """GET /on-call/paged: who would be paged for what."""
    app, asked = call.app, call.query
    asset = app.config.asset(asked.asset)
    if asset is None:
        raise Unfit(Fault("asset", f"nothing of the name {short(asked.asset, 60)!r} is watched"))
    at = asked.at or call.now
    async with app.store.connect() as conn:
        taken, silent = await stored_overrides.current(conn, at), await stored_silences.active(conn, at)
    found = rota.paged(app.config, taken, silent, asset, asked.severity, at)
    return Reply(WouldHear(items=[_rung(one) for one in found]))


async def listed(call: Call) -> Reply:
    """GET /overrides: those that are on, to come, or ended in the last month; the newest first."""
    all = sorted(call.app.overrides, key=lambda one: one.id, reverse=True)
    some, next = paging.part(call.request, all, call.query, lambda one: one.id)
    return Reply(Page[OverrideShown](items=[_shown(one, call) for one in some], next=next or None), next=next)


async def one(call: Call) -> Reply:
    """GET /overrides/OVERRIDE."""
    return Reply(_shown(_found(call), call))


async def make(call: Call) -> Reply:
    """POST /overrides: somebody takes a schedule over."""
    said, app = call.body, call.app
    starts, ends = (at.isoformat(timespec="seconds") if at is not None else "" for at in (said.starts, said.ends))
    try:
        made = rota.typed(app.config, said.schedule, said.person, starts, ends, call.who, call.now)
    except ValueError as error:
        raise Unfit(Fault("body", str(error))) from None
    await app.override(made)
    call.note(made.id)
    return Reply(_shown(made, call), f"/overrides/{made.id}")


async def remove(call: Call) -> Reply:
    """DELETE /overrides/OVERRIDE: nobody takes over any more."""
    found = _found(call)
    call.require_unchanged(_shown(found, call))
    call.note(found.id)
    await call.app.drop_override(found.id)
    return Reply(None)


def _found(call: Call) -> Override:
    id = call.part("override")
    found = next((one for one in call.app.overrides if one.id == id), None)
    if found is None:
        raise web.HTTPNotFound(text=f"There is no override {short(id, 60)!r}.")
    return found


def _shown(one: Override, call: Call) -> OverrideShown:
    heeded = bool(valid((one,), call.app.config.directory))
    return OverrideShown.model_validate({**asdict(one), "heeded": heeded})


def _last(after: str, now: datetime) -> _Last:
    """Where the page before ended. Raises 422 for what no answer gave, or one of long ago."""
    try:
        asked, schedule, starts = after.split(" ")
        last = _Last(datetime.fromisoformat(asked), schedule, datetime.fromisoformat(starts))
        if now - _PAGED_WITHIN <= last.asked <= min(now, last.starts):
            return last
    except (TypeError, ValueError):  # no instant, or one without a zone
        pass
    raise Unfit(Fault("cursor", paging.GONE))


def _rung(one: Rung) -> RungShown:
    return RungShown(
        route=one.route,
        step=one.step,
        after=one.after,
        reached=[ReachedShown(destination=where.destination, why=where.words) for where in one.reached],
        held=one.held.words if one.held is not None else None,
    )
