"""The audit log as administrators read it: a page with filters, and the same entries as a file."""

from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from aiohttp import web

from language import N_, gettext
from monitor import escaping
from monitor.store import audit_log
from monitor.store.audit_log import Entry, Wanted
from monitor.web import auth, words
from monitor.web.guard import APP
from monitor.web.pages import page
from monitor.web.service import App

PAGE = 100
MOST = 50_000
"""Entries of a file; narrow the days for more."""
_COLUMNS = ("at", "who", "address", "what", "target")


class Typed(NamedTuple):
    """The filters as somebody filled them in; the days are dates of the site's calendar, both included."""

    who: str = ""
    what: str = ""
    since: str = ""
    until: str = ""


async def show(request: web.Request) -> web.Response:
    """GET /audit-log: newest first; `before` is the id of the last one on the page before."""
    typed, before, app = _typed(request), request.query.get("before", ""), request.app[APP]
    last = int(before) if before.isascii() and before.isdigit() and len(before) < 18 else None
    fault, found = "", tuple[Entry, ...]()
    async with app.store.connect() as conn:
        kinds = await audit_log.kinds(conn)
        try:
            found = await audit_log.page(conn, PAGE + 1, _wanted(typed, app), last)
        except ValueError as error:
            fault = str(error)
    older = found[PAGE - 1].id if len(found) > PAGE else None
    values = {"fault": fault, "rows": found[:PAGE], "older": older, "typed": typed, "kinds": kinds}
    return page(request, "audit_log.html", 400 if fault else 200, **values)


async def as_csv(request: web.Request) -> web.Response:
    """GET /audit-log/entries.csv: what the filters leave, in which no spreadsheet takes a name for a formula."""
    rows = [_COLUMNS, *(_row(one) for one in await _entries(request))]
    return _file(escaping.as_csv(rows), "text/csv", "audit-log.csv")


async def as_json(request: web.Request) -> web.Response:
    """GET /audit-log/entries.json: the same for programs."""
    answer = web.json_response([dict(zip(_COLUMNS, _row(one), strict=True)) for one in await _entries(request)])
    answer.headers["Content-Disposition"] = 'attachment; filename="audit-log.json"'
    return answer


async def _entries(request: web.Request) -> tuple[Entry, ...]:
    app = request.app[APP]
    try:
        wanted = _wanted(_typed(request), app)
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    async with app.store.connect() as conn:
        return await audit_log.page(conn, MOST, wanted)


def _row(entry: Entry) -> tuple[str, ...]:
    said = (words.plain(one) for one in (entry.who, entry.address, entry.what, entry.target))
    return entry.at.isoformat(timespec="seconds"), *said


def _typed(request: web.Request) -> Typed:
    return Typed(*(words.plain(request.query.get(name, "")[:200]).strip() for name in Typed._fields))


def _wanted(typed: Typed, app: App) -> Wanted:
    """Which entries those are. Raises ValueError for a day that is none."""
    begin, end = _day(typed.since, app), _day(typed.until, app, days=1)
    return Wanted(typed.who, typed.what, begin, end)


def _day(text: str, app: App, days: int = 0) -> datetime | None:
    """When a day begins on the site's clock, or one so many later; None for ""."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
        return datetime.combine(day, time.min, app.config.site.hours.zone)
    except (ValueError, OverflowError):
        words = N_("the day {day} must be a date like `{today}`")
        raise ValueError(gettext(words, day=repr(text[:40]), today=f"{auth.utc_now():%Y-%m-%d}")) from None


def _file(text: str, type: str, name: str) -> web.Response:
    answer = web.Response(text=text, content_type=type, charset="utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
