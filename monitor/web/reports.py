"""The memos: what was sent, as pages and as files, and one made on request."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import NamedTuple, NoReturn

from aiohttp import web

from language import N_, gettext
from monitor.escaping import as_json
from monitor.memos import MADE, made_of
from monitor.reports import rendering
from monitor.reports.document import Document, Kind, to_json
from monitor.store import reports
from monitor.store.reports import Report
from monitor.web import auth, downloads
from monitor.web.downloads import File
from monitor.web.guard import APP
from monitor.web.pages import field, page, sent
from monitor.web.words import sentence, short

PAGE = 50

TITLES = {
    Kind.MORNING: N_("Morning check"),
    Kind.DAILY: N_("Day"),
    Kind.WEEKLY: N_("Week"),
    Kind.MONTHLY: N_("Month"),
    Kind.ISP: N_("Internet provider"),
}


class Shape(NamedTuple):
    """A form in which a report can be taken away."""

    type: str
    render: Callable[[Document], str]


SHAPES: Mapping[str, Shape] = {
    "html": Shape("text/html", rendering.page),
    "txt": Shape("text/plain", lambda document: "\n\n".join(rendering.message(document, ""))),
    "md": Shape("text/markdown", rendering.markdown),
    "csv": Shape("text/csv", rendering.sheet),
    "json": Shape("application/json", lambda document: as_json(to_json(document))),
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
    if request.match_info["shape"] not in SHAPES:
        raise web.HTTPNotFound(text=gettext("A report comes as {shapes}.", shapes=", ".join(SHAPES)))
    found = await _found(request)
    return downloads.answer(file_of(found.document, found.document.made, request.match_info["shape"]))


def file_of(document: Document, day: datetime, shape: str) -> File:
    """A document as a file, named after its kind and a day, in one of the shapes that there are."""
    text = SHAPES[shape].render(document)
    return File(f"deskwatch-{document.kind}-{day:%Y-%m-%d}.{shape}", SHAPES[shape].type, text.encode())


async def make(request: web.Request) -> NoReturn:
    """POST /reports: make one about the day, week or month that a date lies in, and show it. Nobody is sent it."""
    form = await sent(request)
    kind, day = _kind(field(form, "kind")), _day(field(form, "day"))
    try:
        made = await made_of(request.app[APP], kind, day)
    except ValueError as error:
        raise web.HTTPBadRequest(text=sentence(error)) from None
    raise web.HTTPSeeOther(f"/reports/{made[0].id}" if len(made) == 1 else f"/reports?kind={kind}")


async def _found(request: web.Request) -> Report:
    id = _id(request.match_info["id"])
    async with request.app[APP].store.connect() as conn:
        found = await reports.get(conn, id)
    if found is None:
        words = gettext("There is no report {id}. It may be too old to be kept.", id=repr(short(id, 60)))
        raise web.HTTPNotFound(text=words)
    return found


def _id(given: str) -> str:
    if not (given.isascii() and given.isalnum()):
        raise web.HTTPNotFound(text=gettext("There is no report {id}.", id=repr(short(given, 60))))
    return given


def _day(given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError:
        words = N_("the day {given} must be a date like `{example}`")
        example = auth.utc_now().date().isoformat()
        text = sentence(gettext(words, given=repr(short(given, 40)), example=example))
        raise web.HTTPBadRequest(text=text) from None


def _kind(given: str) -> Kind:
    try:
        return Kind(given)
    except ValueError:
        words = N_("{given} is no kind of report; {known} are.")
        raise web.HTTPBadRequest(text=gettext(words, given=repr(short(given, 40)), known=", ".join(Kind))) from None
