"""Incidents: what happened, and what people answer."""

from collections.abc import Callable
from datetime import datetime, timedelta

from aiohttp import web
from ulid import ULID

from incidents import lifecycle, record
from incidents.incident import Change, Incident
from incidents.lifecycle import Report
from incidents.review import Action, Review
from monitor.store import incidents as stored
from monitor.store.incidents import Wanted
from monitor.web.api import paging
from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.incident_models import IncidentBrief, brief, shown
from monitor.web.api.paging import Page
from monitor.web.api.problems import Fault, Unfit
from monitor.web.incidents import incident_id, no_incident
from monitor.web.words import plain, short


async def listed(call: Call) -> Reply:
    """GET /incidents: newest first."""
    asked = call.query
    wanted = Wanted(
        stage=asked.stage,
        severity=asked.severity,
        asset=plain(asked.asset),
        words=plain(asked.words),
        start=asked.since,
        end=asked.until,
    )
    async with call.app.store.connect() as conn:
        newest = await stored.page(conn, asked.limit + 1, asked.after, wanted)
    some, next = paging.page(call.request, newest, asked.limit, lambda one: one.id)
    return Reply(Page[IncidentBrief](items=[brief(one) for one in some], next=next or None), next=next)


async def one(call: Call) -> Reply:
    """GET /incidents/INCIDENT."""
    return Reply(shown(await found(call)))


async def related(call: Call) -> Reply:
    """GET /incidents/INCIDENT/related: earlier ones that hit the same thing, newest first."""
    incident, asked = await found(call), call.query
    async with call.app.store.connect() as conn:
        earlier = await stored.opened_since(conn, incident.opened - record.LOOKED_BACK)
    some, next = paging.part(call.request, record.related(incident, earlier), asked, lambda one: one.id)
    return Reply(Page[IncidentBrief](items=[brief(one) for one in some], next=next or None), next=next)


async def report(call: Call) -> Reply:
    """POST /incidents: open an incident for what no check has noticed."""
    said, now = call.body, call.now
    if said.asset and call.app.config.asset(said.asset) is None:
        raise Unfit(Fault("asset", f"nothing of the name {short(said.asset, 60)!r} is watched; leave it out"))
    if said.at is not None and said.at > now:
        raise Unfit(Fault("at", "is still to come"))
    made = await call.app.report(
        Report(str(ULID()), said.asset, said.title, call.who, said.at or now, said.by_member, people=said.people),
        tells=said.tells,
    )
    call.note(made.id)
    return Reply(shown(made), f"/incidents/{made.id}")


async def acknowledge(call: Call) -> Reply:
    """POST /incidents/INCIDENT/acknowledge: whoever asks has it."""
    lasts = timedelta(seconds=call.app.config.alerting.acknowledged)
    return await decided(call, lambda one, now: lifecycle.acknowledge(one, call.who, now, now + lasts))


async def pass_on(call: Call) -> Reply:
    """POST /incidents/INCIDENT/pass-on: somebody else should take it; who is next is told at once."""
    return await decided(call, lambda one, now: lifecycle.not_me(one, call.who, now))


async def fixed(call: Call) -> Reply:
    """POST /incidents/INCIDENT/fixed: it is over, as somebody says."""
    lasts = timedelta(seconds=call.app.config.alerting.dismissed)
    return await decided(call, lambda one, now: lifecycle.dismiss(one, call.who, now, now + lasts))


async def note(call: Call) -> Reply:
    """POST /incidents/INCIDENT/notes: a line for the timeline."""
    return await decided(call, lambda one, now: lifecycle.note(one, call.body.text, call.who, now))


async def review(call: Call) -> Reply:
    """PATCH /incidents/INCIDENT/review: what was done and why it happened; what is not sent stays as it is."""
    said = call.body.model_dump(exclude_none=True)
    return await decided(call, lambda one, now: lifecycle.review(one, Review.of(said, one.review), call.who, now))


async def add_action(call: Call) -> Reply:
    """POST /incidents/INCIDENT/actions: something is to be done so that it does not happen again."""
    id, said = incident_id(call.part("incident")), call.body
    action = Action(str(ULID()), id, said.text, said.owner, said.due, call.now, call.who)
    return await decided(call, lambda one, now: lifecycle.act(one, action))


async def end_action(call: Call) -> Reply:
    """POST /incidents/INCIDENT/actions/ACTION/done: it has been done."""
    id = call.part("action")

    def change(one: Incident, now: datetime) -> Change:
        require_action(one, id)
        return lifecycle.done(one, id, call.who, now)

    return await decided(call, change)


def require_action(incident: Incident, id: str) -> None:
    """Raises 404 if nothing of that id is to be done."""
    if not any(action.id == id for action in incident.actions):
        raise web.HTTPNotFound(text=f"Nothing of the id {short(id, 60)!r} is to be done about this incident.")


async def found(call: Call) -> Incident:
    """The incident of the path. Raises 404."""
    id = incident_id(call.part("incident"))
    async with call.app.store.connect() as conn:
        one = await stored.get(conn, id)
    if one is None:
        raise no_incident(id)
    return one


async def decided(call: Call, change: Callable[[Incident, datetime], Change]) -> Reply:
    """Change the incident, if it is still as the caller has seen it; what it is now. Raises 404 and 412."""
    id, now = incident_id(call.part("incident")), call.now
    call.note(id)

    def decide(one: Incident) -> Change:
        call.require_unchanged(shown(one))
        return change(one, now)

    changed = await call.app.decide(id, decide)
    if changed is None:
        raise no_incident(id)
    return Reply(shown(changed))
