"""What people set right in the record of an incident, and that two of them are one."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field

from incidents import corrections, lifecycle, merging
from incidents.corrections import Times
from incidents.incident import Change, Incident
from monitor.store import incidents as stored
from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.incident_models import shown
from monitor.web.api.incidents import decided, require_action
from monitor.web.api.models import Body, Day, Moment, Said
from monitor.web.api.problems import Fault, Unfit
from monitor.web.incident_record import MOST_MINUTES
from monitor.web.incidents import incident_id, no_incident
from monitor.web.words import sentence, short


class MergedInto(Body):
    """The incident that goes on and counts for both."""

    into: Annotated[str, Field(max_length=60)]


class TimesCorrected(Body):
    """When it really began and was over; what is not sent stays as it is."""

    opened: Moment | None = None
    resolved: Moment | None = None


class LineCorrected(Body):
    """When that really was."""

    at: Moment


class ImpactCorrected(Body):
    """What it really cost, and how somebody knows better than the figure that was worked out."""

    member_minutes: Annotated[float, Field(ge=0, le=MOST_MINUTES, allow_inf_nan=False)]
    reason: Said


class ActionMoved(Body):
    """The day until which it is to be done."""

    due: Day


async def merge(call: Call) -> Reply:
    """POST /incidents/INCIDENT/merge: it is the same as another one, which is the answer."""
    id, into = incident_id(call.part("incident")), incident_id(call.body.into)
    call.note(id)
    async with call.app.store.connect() as conn:
        one, other = await stored.get(conn, id), await stored.get(conn, into)
    if one is None:
        raise no_incident(id)
    call.require_unchanged(shown(one))
    if other is None:
        raise Unfit(Fault("into", f"there is no incident {short(into, 60)!r}"))
    _allow(merging.obstacle(one, other))
    merged = await call.app.merge(id, into, call.who)
    if merged is None:
        raise no_incident(id)
    return Reply(shown(merged))


async def correct_times(call: Call) -> Reply:
    """PATCH /incidents/INCIDENT/times: what it cost is worked out again."""
    if latest := [name for name, at in call.body if at is not None and at > call.now]:
        raise Unfit(Fault(latest[0], "is still to come"))
    times = Times(call.body.opened, call.body.resolved)
    zone = call.app.config.site.hours.zone

    def change(one: Incident, now: datetime) -> Change:
        _allow(corrections.obstacle(one, times, now))
        return corrections.correct_times(one, times, call.who, now, zone)

    return await decided(call, change)


async def correct_line(call: Call) -> Reply:
    """PATCH /incidents/INCIDENT/timeline/LINE: the entry keeps the time that it had first."""
    given, at, zone = call.part("line"), call.body.at, call.app.config.site.hours.zone
    if at > call.now:
        raise Unfit(Fault("at", "is still to come"))

    def change(one: Incident, now: datetime) -> Change:
        line = next((line.number for line in one.lines if str(line.number) == given), None)
        if line is None:
            raise web.HTTPNotFound(text=f"The timeline has no line {short(given, 20)!r}.")
        return corrections.correct(one, line, at, call.who, now, zone)

    return await decided(call, change)


async def correct_impact(call: Call) -> Reply:
    """PATCH /incidents/INCIDENT/impact: the figure that was computed stays beside it."""
    said = call.body

    def change(one: Incident, now: datetime) -> Change:
        _allow("" if one.resolved is not None and one.merged_into is None else "it is not over yet")
        return corrections.correct_impact(one, said.member_minutes, said.reason, call.who, now)

    return await decided(call, change)


async def move_action(call: Call) -> Reply:
    """PATCH /incidents/INCIDENT/actions/ACTION: it is due on another day."""
    id = call.part("action")

    def change(one: Incident, now: datetime) -> Change:
        require_action(one, id)
        return lifecycle.postpone(one, id, call.body.due, call.who, now)

    return await decided(call, change)


def _allow(obstacle: str) -> None:
    if obstacle:
        raise web.HTTPConflict(text=sentence(obstacle))
