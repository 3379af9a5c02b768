"""The incident log: which incidents there were, and a form for what no check has noticed."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from aiohttp import web
from ulid import ULID

from alerting.rules import Severity
from incidents.incident import Stage
from incidents.lifecycle import Report
from incidents.messages import FIELDS
from incidents.review import Category
from language import N_, gettext
from monitor import rota
from monitor.config.model import Config
from monitor.reports.record import CAUSES
from monitor.store import incidents
from monitor.store.incidents import Wanted
from monitor.web import auth, views
from monitor.web.guard import APP, TARGET, who
from monitor.web.incidents import incident_id, wall
from monitor.web.pages import field, page, sent
from monitor.web.words import plain

PAGE = 50
LONGEST_TITLE = 160
"""Characters of what is reported."""
MOST_PEOPLE = 100_000

SEVERITIES = {Severity.CRITICAL: N_("critical"), Severity.WARNING: N_("warning"), Severity.INFO: N_("for information")}

Word = TypeVar("Word", bound=StrEnum)


class Filters(NamedTuple):
    """The filters as somebody filled them in; the days are dates of the site's calendar, both included."""

    stage: str = ""
    severity: str = ""
    asset: str = ""
    category: str = ""
    words: str = ""
    since: str = ""
    until: str = ""


class Typed(NamedTuple):
    """The report of a problem as somebody filled it in."""

    asset: str = ""
    title: str = ""
    at: str = ""
    people: str = ""
    by_member: str = ""
    tells: str = "yes"


async def listed(request: web.Request) -> web.Response:
    """GET /incidents: newest first; `before` is the id of the last one on the page before."""
    app, filters = request.app[APP], _filters(request)
    before = incident_id(request.query["before"]) if "before" in request.query else None
    try:
        wanted, fault = _wanted(filters, app.config), ""
    except ValueError as error:
        wanted, fault = incidents.ALL, str(error)
    async with app.store.connect() as conn:
        found = () if fault else await incidents.page(conn, PAGE + 1, before, wanted)
    now = auth.utc_now()
    return page(
        request,
        "incidents.html",
        status=400 if fault else 200,
        fault=fault,
        filters=filters,
        rows=[(one, views.lost_minutes(one, app.config, now)) for one in found[:PAGE]],
        older=_older(filters, found[PAGE - 1].id) if len(found) > PAGE else "",
        assets=app.config.assets,
        causes=CAUSES,
        severities=SEVERITIES,
        lacks=FIELDS,
    )


async def show_report(request: web.Request) -> web.Response:
    """GET /incidents/new: the form for a problem; `asset` fills in what it is about."""
    return _form(request, Typed(asset=request.query.get("asset", "")[:100]))


async def report(request: web.Request) -> web.Response:
    """POST /incidents: open an incident, and show it."""
    form, app = await sent(request), request.app[APP]
    typed = Typed(*(field(form, name) for name in Typed._fields))
    try:
        made = _reported(typed, app.config, who(request), auth.utc_now())
    except ValueError as error:
        return _form(request, typed, fault=str(error))
    await app.report(made, tells=bool(typed.tells))
    request[TARGET] = made.id
    raise web.HTTPSeeOther(f"/incidents/{made.id}")


def _reported(typed: Typed, config: Config, who: str, now: datetime) -> Report:
    """What is reported. Raises ValueError for what makes no sense."""
    title = " ".join(typed.title.split())
    if not 0 < len(title) <= LONGEST_TITLE:
        words = N_("say in a few words what is broken: at most {most} characters, and not nothing")
        raise ValueError(gettext(words, most=LONGEST_TITLE))
    if typed.asset and config.asset(typed.asset) is None:
        words = N_("nothing of the name {name} is watched; choose something else, or nothing")
        raise ValueError(gettext(words, name=repr(typed.asset[:60])))
    return Report(
        id=str(ULID()),
        asset=typed.asset,
        title=title,
        who=who,
        at=past(typed.at, config, now),
        by_member=bool(typed.by_member),
        people=_people(typed.people),
    )


def past(text: str, config: Config, now: datetime) -> datetime:
    """A time as people type it, now for "". Raises ValueError for one that is none, or still to come."""
    at = rota.moment(text, config.site.hours.zone, now)
    if at > now:
        raise ValueError(gettext("the time {given} is still to come", given=text[:40].replace("T", " ")))
    return at


def _people(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 7 and int(text) <= MOST_PEOPLE):
        words = N_("{given} is no number of people; leave it empty if nobody has counted")
        raise ValueError(gettext(words, given=repr(text[:40])))
    return int(text)


def _form(request: web.Request, typed: Typed, fault: str = "") -> web.Response:
    config, now = request.app[APP].config, auth.utc_now()
    return page(
        request,
        "incident_new.html",
        status=400 if fault else 200,
        fault=fault,
        typed=typed,
        sections=[(title, found) for name, title in views.TITLES.items() if (found := _of_section(config, name))],
        latest=wall(now, config),
        longest_title=LONGEST_TITLE,
        most_people=MOST_PEOPLE,
    )


def _of_section(config: Config, section: str) -> list[Any]:
    return [one for one in config.assets if one.section == section]


def _filters(request: web.Request) -> Filters:
    return Filters(*(plain(request.query.get(name, "")[:200]).strip() for name in Filters._fields))


def _wanted(filters: Filters, config: Config) -> Wanted:
    """Which incidents those are. Raises ValueError for a filter that makes no sense."""
    return Wanted(
        stage=_word(Stage, N_("the stage {given} must be one of {known}"), filters.stage),
        severity=_word(Severity, N_("the severity {given} must be one of {known}"), filters.severity),
        asset=filters.asset,
        category=Category.UNSAID if filters.category == "unsaid" else _cause(filters.category),
        words=filters.words,
        start=_day(filters.since, config),
        end=_day(filters.until, config, days=1),
    )


def _cause(said: str) -> Category | None:
    return _word(Category, N_("the cause {given} must be one of {known}"), said)


def _word(words: type[Word], fault: str, said: str) -> Word | None:
    """The word of that name, None for "". Raises ValueError with the fault, which tells those that there are."""
    if not said:
        return None
    if said not in list(words):
        raise ValueError(gettext(fault, given=repr(said[:40]), known=", ".join(filter(None, words))))
    return words(said)


def _day(text: str, config: Config, days: int = 0) -> datetime | None:
    """When a day begins on the site's clock, or one so many later; None for ""."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
        return datetime.combine(day, time.min, config.site.hours.zone)
    except (ValueError, OverflowError):
        words = N_("the day {given} must be a date like `{example}`")
        raise ValueError(gettext(words, given=repr(text[:40]), example=f"{auth.utc_now():%Y-%m-%d}")) from None


def _older(filters: Filters, last: str) -> str:
    """The query of the page after the one that ends with that id."""
    kept: Mapping[str, str] = {name: value for name, value in filters._asdict().items() if value}
    return urlencode({**kept, "before": last})
