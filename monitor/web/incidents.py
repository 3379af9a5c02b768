"""One incident as people see it: what happened, what it cost, who has it, and what they answer."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NoReturn

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from incidents import lifecycle, merging
from incidents.incident import Change, Incident
from incidents.messages import FIELDS
from incidents.record import LOOKED_BACK, related
from incidents.review import TEMPLATES, Category
from language import N_, gettext
from monitor.config.model import Config
from monitor.reports.incident import COUNTED, KINDS, LABELS, LEVELS, NOTICED, document, reckoning, written
from monitor.reports.record import CAUSES
from monitor.store import attachments, incidents, outbox
from monitor.web import auth, downloads, edits, views
from monitor.web.downloads import File
from monitor.web.edits import Clash
from monitor.web.guard import APP, who
from monitor.web.pages import LONGEST_TEXT, field, fragment, page, sent
from monitor.web.reports import SHAPES, file_of
from monitor.web.service import App
from monitor.web.words import short

RELATED = 8
"""How many earlier incidents are shown beside one."""
OTHERS = 40
"""How many of the newest incidents can be chosen to merge one into."""
ACCEPTED = ".png,.jpg,.jpeg,.gif,.pdf,.txt,.log,.csv,.md,.eml"
"""What a browser offers to upload; what is taken is told from the content."""
TYPED_LABELS = {
    **LABELS,
    "opened": N_("It began"),
    "resolved": N_("It was over"),
    "at": N_("The time of the line"),
    "minutes": N_("Member-minutes"),
    "reason": N_("Why it cost that"),
    "due": N_("Until"),
}
"""What stands for a field of a form that several people filled in at once."""


async def show(request: web.Request) -> web.Response:
    """GET /incidents/ID: what happened, who has it, and the forms to say so; `line` is the one to correct."""
    return await draw(request)


async def draw(request: web.Request, clash: Clash | None = None) -> web.Response:
    """The page; with a clash the form that was sent says what was typed, and beside it what has changed meanwhile."""
    app, now = request.app[APP], auth.utc_now()
    async with app.store.connect() as conn:
        incident = await found(conn, request)
        values = {
            **await _live(conn, incident, app.config, now),
            **await _beside(conn, incident),
            "files": await attachments.of_incident(conn, incident.id),
            "others": await _others(conn, incident),
        }
    return page(
        request,
        "incident.html",
        status=409 if clash is not None else 200,
        **values,
        clash=clash,
        typed=lambda form: clash.typed if clash is not None and request.path.endswith(f"/{form}") else {},
        made_from=edits.mark,
        times=times_of(incident, app.config),
        cost=cost_of(incident, app.config, now),
        typed_labels=TYPED_LABELS,
        line=_line(request, incident),
        wall=lambda at: wall(at, app.config),
        latest=wall(now, app.config),
        today=now.astimezone(app.config.site.hours.zone).date(),
        people=app.config.people,
        templates=TEMPLATES,
        shapes=SHAPES,
        largest=attachments.LARGEST,
        accepted=ACCEPTED,
        unsaid=Category.UNSAID,
    )


async def show_fragment(request: web.Request) -> web.Response:
    """GET /fragment/incidents/ID: the part without the forms that people type in."""
    app = request.app[APP]
    async with app.store.connect() as conn:
        incident = await found(conn, request)
        values = await _live(conn, incident, app.config, auth.utc_now())
    return fragment(request, "incident_live.html", **values)


async def download(request: web.Request) -> web.Response:
    """GET /incidents/ID/SHAPE: the whole record as a file."""
    shape = request.match_info["shape"]
    if shape not in SHAPES:
        raise web.HTTPNotFound(text=gettext("An incident comes as {shapes}.", shapes=", ".join(SHAPES)))
    return downloads.answer(await taken(request.app[APP], incident_id(request.match_info["id"]), shape))


async def taken(app: App, id: str, shape: str) -> File:
    """The whole record as a file in one of the shapes that there are. Raises 404."""
    async with app.store.connect() as conn:
        incident = await incidents.get(conn, id)
        if incident is None:
            raise no_incident(id)
        messages = await outbox.of_incident(conn, id)
        files = await attachments.of_incident(conn, id)
    made = document(incident, app.config, messages, files, auth.utc_now())
    return file_of(made, made.start, shape)


async def acknowledge(request: web.Request) -> NoReturn:
    """POST /incidents/ID/acknowledge: the person who asks has it."""
    await sent(request)
    lasts = timedelta(seconds=request.app[APP].config.alerting.acknowledged)
    await decide(request, lambda one, now: lifecycle.acknowledge(one, who(request), now, now + lasts))


async def pass_on(request: web.Request) -> NoReturn:
    """POST /incidents/ID/pass-on: somebody else should take it."""
    await sent(request)
    await decide(request, lambda one, now: lifecycle.not_me(one, who(request), now))


async def dismiss(request: web.Request) -> NoReturn:
    """POST /incidents/ID/fixed: it is over, as a person says."""
    await sent(request)
    lasts = timedelta(seconds=request.app[APP].config.alerting.dismissed)
    await decide(request, lambda one, now: lifecycle.dismiss(one, who(request), now, now + lasts))


async def note(request: web.Request) -> NoReturn:
    """POST /incidents/ID/note: a line for the timeline."""
    text = field(await sent(request), "text")
    if not text:
        raise web.HTTPBadRequest(text=gettext("The note is empty. Go back and write a line."))
    await decide(request, lambda one, now: lifecycle.note(one, text, who(request), now))


async def found(conn: AsyncConnection, request: web.Request) -> Incident:
    """The incident that the request is about. Raises 404."""
    id = incident_id(request.match_info["id"])
    incident = await incidents.get(conn, id)
    if incident is None:
        raise no_incident(id)
    return incident


async def decide(request: web.Request, change: Callable[[Incident, datetime], Change], part: str = "") -> NoReturn:
    """Change the incident and show that part of it: after a redirect, so that a reload repeats nothing."""
    id, now = incident_id(request.match_info["id"]), auth.utc_now()
    if await request.app[APP].decide(id, lambda one: change(one, now)) is None:
        raise no_incident(id)
    raise web.HTTPSeeOther(f"/incidents/{id}{part}")


def incident_id(given: str) -> str:
    """The id, if it can be one at all: PostgreSQL takes no NUL, not even to look for it."""
    if not (given.isascii() and given.isalnum()):
        raise no_incident(given)
    return given


def no_incident(id: str) -> web.HTTPNotFound:
    """What is said about an id that no incident has."""
    words = gettext("There is no incident {id}. It may be too old to be kept.", id=repr(short(id, 60)))
    return web.HTTPNotFound(text=words)


def wall(at: datetime, config: Config) -> str:
    """A time as a field of a form has it, on the site's clock, to the minute."""
    return f"{at.astimezone(config.site.hours.zone):%Y-%m-%dT%H:%M}"


def times_of(incident: Incident, config: Config) -> dict[str, str]:
    """When it began and was over, as the form for that has it."""
    found = {"opened": incident.opened, "resolved": incident.resolved}
    return {name: wall(at, config) for name, at in found.items() if at is not None}


def cost_of(incident: Incident, config: Config, now: datetime) -> dict[str, str]:
    """What it cost, and the reason if somebody has said so, as the form for that has it."""
    minutes = round(views.lost_minutes(incident, config, now))
    return {"minutes": str(minutes), "reason": incident.corrected.reason if incident.corrected is not None else ""}


async def _live(conn: AsyncConnection, incident: Incident, config: Config, now: datetime) -> Mapping[str, Any]:
    """What the part of the page shows that changes by itself."""
    cost = incident.cost
    return {
        "incident": incident,
        "asset": config.asset(incident.asset),
        "messages": await outbox.of_incident(conn, incident.id),
        "lost": views.lost_minutes(incident, config, now),
        "reckoned": reckoning(cost) if cost is not None and not incident.stage.live else "",
        "hit": [asset for id in cost.assets if (asset := config.asset(id)) is not None] if cost is not None else [],
        "written": tuple(written(incident)),
        "longest": LONGEST_TEXT,
        "kinds": KINDS,
        "levels": LEVELS,
        "counted": COUNTED,
        "causes": CAUSES,
        "noticed": NOTICED,
        "labels": LABELS,
        "lacks": FIELDS,
    }


async def _beside(conn: AsyncConnection, incident: Incident) -> Mapping[str, Any]:
    """Other incidents that a reader should know of."""
    earlier = related(incident, await incidents.opened_since(conn, incident.opened - LOOKED_BACK))
    merged = [await incidents.get(conn, id) for id in list(await incidents.merged_into(conn, [incident.id]))[:OTHERS]]
    return {
        "earlier": earlier[:RELATED],
        "more": max(0, len(earlier) - RELATED),
        "merged": [one for one in merged if one is not None],
        "teller": await incidents.get(conn, incident.merged_into) if incident.merged_into is not None else None,
    }


async def _others(conn: AsyncConnection, incident: Incident) -> Sequence[Incident]:
    """Those that it can be merged into, newest first."""
    newest = await incidents.page(conn, OTHERS)
    return [one for one in newest if not merging.obstacle(incident, one)]


def _line(request: web.Request, incident: Incident) -> Any:
    """The line of the timeline that somebody wants to correct, None for none."""
    wanted = request.match_info.get("line") or request.query.get("line", "")
    return next((one for one in incident.lines if str(one.number) == wanted), None)
