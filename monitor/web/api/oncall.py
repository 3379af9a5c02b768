"""Who is on call now, and who takes a schedule over for a while."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field

from alerting.oncall import Override, Rung
from alerting.rules import Severity
from monitor import rota
from monitor.rota import Duty
from monitor.web.api import paging
from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.models import Body, Id, Moment, Shown, Text
from monitor.web.api.paging import Page, Query
from monitor.web.api.problems import Fault, Unfit
from monitor.web.words import short


class DutyShown(Shown):
    """Who has a schedule now, and until when as far as we look ahead; `person` is null where nobody has it."""

    schedule: str
    person: Text | None
    until: datetime


class OnCall(Shown):
    """Who is on call now, for each schedule."""

    at: datetime
    schedules: list[DutyShown]


class OverrideShown(Shown):
    """Somebody takes a schedule over."""

    id: str
    schedule: str
    person: str
    starts: datetime
    ends: datetime
    author: Text
    created: datetime


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
    app, at = call.app, call.now
    found = rota.duties(app.config, app.overrides, at, at + rota.AHEAD)
    duties = [
        DutyShown(schedule=one.schedule, person=one.person or None, until=one.ends) for one in found if one.starts <= at
    ]
    return Reply(OnCall(at=at, schedules=duties))


async def ahead(call: Call) -> Reply:
    """GET /on-call/shifts: all of the next two weeks, schedule by schedule."""
    app, at = call.app, call.now
    found = rota.duties(app.config, app.overrides, at, at + rota.AHEAD)
    rest = paging.following(found, call.query.after, _of_duty)
    some, next = paging.page(call.request, rest, call.query.limit, _of_duty)
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
    found = rota.paged(app.config, app.overrides, app.silences, asset, asked.severity, at)
    return Reply(WouldHear(items=[_rung(one) for one in found]))


async def listed(call: Call) -> Reply:
    """GET /overrides: those that are on, to come, or ended in the last month; the newest first."""
    all = sorted(call.app.overrides, key=lambda one: one.id, reverse=True)
    rest = paging.following(all, call.query.after, lambda one: one.id)
    some, next = paging.page(call.request, rest, call.query.limit, lambda one: one.id)
    return Reply(Page[OverrideShown](items=[_shown(one) for one in some], next=next or None), next=next)


async def one(call: Call) -> Reply:
    """GET /overrides/OVERRIDE."""
    return Reply(_shown(_found(call)))


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
    return Reply(_shown(made), f"/overrides/{made.id}")


async def remove(call: Call) -> Reply:
    """DELETE /overrides/OVERRIDE: nobody takes over any more."""
    found = _found(call)
    call.require_unchanged(_shown(found))
    call.note(found.id)
    await call.app.drop_override(found.id)
    return Reply(None)


def _found(call: Call) -> Override:
    id = call.part("override")
    found = next((one for one in call.app.overrides if one.id == id), None)
    if found is None:
        raise web.HTTPNotFound(text=f"There is no override {short(id, 60)!r}.")
    return found


def _shown(one: Override) -> OverrideShown:
    return OverrideShown.model_validate(one)


def _of_duty(one: Duty) -> str:
    # The first shifts begin now, which is later with the next page: their end stands for them.
    return f"{one.schedule} {one.ends.isoformat()}"


def _rung(one: Rung) -> RungShown:
    return RungShown(
        route=one.route,
        step=one.step,
        after=one.after,
        reached=[ReachedShown(destination=where.destination, why=where.words) for where in one.reached],
        held=one.held.words if one.held is not None else None,
    )
