"""The memos: what was sent, as pages and as files, and one made on request."""

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import NamedTuple, NoReturn

from aiohttp import web

from monitor.memos import MADE, made_of
from monitor.reports import rendering
from monitor.reports.document import Document, Kind, to_json
from monitor.store import reports
from monitor.store.reports import Report
from monitor.web import auth
from monitor.web.guard import APP
from monitor.web.pages import field, page, sent
from monitor.web.words import short

PAGE = 50

TITLES = {
    Kind.MORNING: "Morning check",
    Kind.DAILY: "Day",
    Kind.WEEKLY: "Week",
    Kind.MONTHLY: "Month",
    Kind.ISP: "Internet provider",
}


class Shape(NamedTuple):
    """A form in which a report can be taken away."""

    type: str
    render: Callable[[Document], str]


SHAPES: Mapping[str, Shape] = {
    "html": Shape("text/html", rendering.page),
    "md": Shape("text/markdown", rendering.markdown),
    "csv": Shape("text/csv", rendering.sheet),
    "json": Shape("application/json", lambda document: json.dumps(to_json(document), indent=2, ensure_ascii=False)),
}


async def listed(request: web.Request) -> web.Response:
    """GET /reports: newest first; `kind` restricts it to one, `before` is the id of the last one on the page before."""
    kind = _kind(request.query["kind"]) if "kind" in request.query else None
    before = _id(request.query["before"]) if "before" in request.query else None
    app = request.app[APP]
    async with app.store.connect() as conn:
        found = await reports.page(conn, PAGE + 1, kind, before)
    today = auth.utc_now().astimezone(app.config.site.hours.zone).date()
    older = found[PAGE - 1].id if len(found) > PAGE else None
    return page(
        request, "reports.html", reports=found[:PAGE], kind=kind, titles=TITLES, older=older, kinds=MADE, today=today
    )


async def show(request: web.Request) -> web.Response:
    """GET /reports/ID: one of them."""
    found = await _found(request)
    body, period = rendering.body(found.document), rendering.period(found.document)
    return page(request, "report.html", report=found, body=body, period=period, shapes=SHAPES, titles=TITLES)


async def download(request: web.Request) -> web.Response:
    """GET /reports/ID/SHAPE: the same as a file."""
    shape = SHAPES.get(request.match_info["shape"])
    if shape is None:
        raise web.HTTPNotFound(text=f"A report comes as {', '.join(SHAPES)}.")
    found = await _found(request)
    name = f"deskwatch-{found.document.kind}-{found.document.made:%Y-%m-%d}.{request.match_info['shape']}"
    text = shape.render(found.document)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(text=text, content_type=shape.type, charset="utf-8", headers=headers)


async def make(request: web.Request) -> NoReturn:
    """POST /reports: make one about the day, week or month that a date lies in, and show it. Nobody is sent it."""
    form = await sent(request)
    kind, day = _kind(field(form, "kind")), field(form, "day")
    try:
        chosen = date.fromisoformat(day)
        made = await made_of(request.app[APP], kind, chosen)
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"{short(day, 40)!r}: {error}") from None
    raise web.HTTPSeeOther(f"/reports/{made[0].id}" if len(made) == 1 else f"/reports?kind={kind}")


async def _found(request: web.Request) -> Report:
    id = _id(request.match_info["id"])
    async with request.app[APP].store.connect() as conn:
        found = await reports.get(conn, id)
    if found is None:
        raise web.HTTPNotFound(text=f"There is no report {short(id, 60)!r}. It may be too old to be kept.")
    return found


def _id(given: str) -> str:
    if not (given.isascii() and given.isalnum()):
        raise web.HTTPNotFound(text=f"There is no report {short(given, 60)!r}.")
    return given


def _kind(given: str) -> Kind:
    try:
        return Kind(given)
    except ValueError:
        raise web.HTTPBadRequest(text=f"{short(given, 40)!r} is no kind of report; {', '.join(Kind)} are.") from None
