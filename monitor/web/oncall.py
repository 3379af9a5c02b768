"""The page about being on call: who it is, who comes next, who takes over, and who would be paged for what."""

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple, NoReturn

from aiohttp import web

from alerting.oncall import Override, Rung, valid
from alerting.rules import Severity
from language import gettext
from monitor import rota
from monitor.config.model import Asset, Config
from monitor.rota import AHEAD, Duty
from monitor.web import auth
from monitor.web.guard import APP, TARGET, who
from monitor.web.pages import field, page, sent
from monitor.web.words import short

MOST = 30
"""Shifts of one schedule that are shown; a rotation by the hour has 336 in two weeks."""


class Standing(NamedTuple):
    """An override as it is shown; `person` is a name, and `heeded` False if it does not count."""

    override: Override
    person: str
    heeded: bool


class Typed(NamedTuple):
    """The form of an override as somebody filled it in."""

    schedule: str = ""
    person: str = ""
    starts: str = ""
    ends: str = ""


class Coming(NamedTuple):
    """Who has a schedule next, and how many more hand-offs there are than those shown."""

    schedule: str
    rows: list[Duty]
    more: int


class Asked(NamedTuple):
    """A question who would be paged, and the answer."""

    asset: Asset
    severity: Severity
    at: datetime
    rungs: tuple[Rung, ...]


async def show(request: web.Request) -> web.Response:
    """GET /on-call: with `asset`, `severity` and `at` also who would be paged."""
    if "asset" not in request.query:
        return _page(request, Typed())
    try:
        return _page(request, Typed(), asked=_asked(request, auth.utc_now()))
    except ValueError as error:
        return _page(request, Typed(), fault=str(error))


async def override(request: web.Request) -> web.Response:
    """POST /on-call/overrides: somebody takes a schedule over for a while."""
    form, app = await sent(request), request.app[APP]
    typed = Typed(*(field(form, name) for name in Typed._fields))
    try:
        made = rota.typed(app.config, *typed, who(request), auth.utc_now())
    except ValueError as error:
        return _page(request, typed, fault=str(error))
    await app.override(made)
    request[TARGET] = made.id
    raise web.HTTPSeeOther("/on-call")


async def drop_override(request: web.Request) -> NoReturn:
    """POST /on-call/overrides/ID/remove: nobody takes over any more. One that is gone already stays that way."""
    await sent(request)
    id = request.match_info["id"]
    if not (id.isascii() and id.isalnum()):
        raise web.HTTPNotFound(text=gettext("There is no override {id}.", id=repr(short(id, 60))))
    await request.app[APP].drop_override(id)
    raise web.HTTPSeeOther("/on-call")


def _page(request: web.Request, typed: Typed, asked: Asked | None = None, fault: str = "") -> web.Response:
    app, now = request.app[APP], auth.utc_now()
    duties = tuple(rota.duties(app.config, app.overrides, now, now + AHEAD))
    return page(
        request,
        "on_call.html",
        status=400 if fault else 200,
        fault=fault,
        typed=typed,
        asked=asked,
        current=[one for one in duties if one.starts <= now],
        coming=list(_coming([one for one in duties if one.starts > now])),
        horizon=now + AHEAD,
        gaps=[one for one in duties if not one.person],
        standing=_standing(app.config, [one for one in app.overrides if one.ends > now]),
        config=app.config,
        severities=[one for one in Severity if one.pages],
        wall=lambda at: f"{at.astimezone(app.config.site.hours.zone):%Y-%m-%dT%H:%M}",
    )


def _coming(duties: Iterable[Duty]) -> Iterable[Coming]:
    for schedule, found in groupby(duties, attrgetter("schedule")):
        rows = list(found)
        yield Coming(schedule, rows[:MOST], max(len(rows) - MOST, 0))


def _standing(config: Config, overrides: Iterable[Override]) -> list[Standing]:
    directory = config.directory
    found = sorted(overrides, key=lambda one: (one.starts, one.id))
    names = {person.id: person.name for person in config.people}
    return [Standing(one, names.get(one.person, one.person), bool(valid((one,), directory))) for one in found]


def _asked(request: web.Request, now: datetime) -> Asked:
    """Raises ValueError for what makes no sense."""
    app, id = request.app[APP], request.query["asset"]
    asset = app.config.asset(id)
    if asset is None:
        raise ValueError(gettext("nothing of the name {name} is watched", name=repr(id[:60])))
    severity = Severity(request.query.get("severity", Severity.CRITICAL))
    at = rota.moment(request.query.get("at", ""), app.config.site.hours.zone, now)
    return Asked(asset, severity, at, rota.paged(app.config, app.overrides, app.silences, asset, severity, at))
