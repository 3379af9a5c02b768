"""What all pages are drawn with."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from language import LANGUAGES, N_, current, figures, gettext, translated
from monitor import texts
from monitor.people.roles import Role
from monitor.store import incidents, outbox
from monitor.web import auth, views, words
from monitor.web.files import Files
from monitor.web.guard import APP, IDENTITY, SECRET, form_of, who
from monitor.web.live import stamp
from monitor.web.service import App

FILES = web.AppKey("files", Files)
LONGEST_TEXT = 4000
"""Characters of a note, a resolution or a root cause."""

MESSAGES = 8
ROLES = {Role.VIEWER: N_("look"), Role.OPERATOR: N_("look and act"), Role.ADMIN: N_("administer")}
"""What somebody with a role may do."""


def page(request: web.Request, template: str, status: int = 200, **values: object) -> web.Response:
    """A whole page; one for a session carries its form key."""
    files = request.app[FILES]
    html = render(
        template,
        request.app[APP],
        form_key=_form_key(request),
        can=_can(request),
        signed_in_as=who(request),
        css=files.address("style.css"),
        scripts=files.scripts,
        icon=files.address("icon.svg"),
        path=request.path,
        back=_back(request),
        signed_in=IDENTITY in request,
        **values,
    )
    return _html(html, status)


def fragment(request: web.Request, template: str, **values: object) -> web.Response:
    """The changing part of a page; its buttons belong to the form that the page has around it."""
    return _html(render(template, request.app[APP], can=_can(request), **values))


def render(template: str, app: App, **values: object) -> str:
    """Fill a template in; every page knows the site, the time and how to write it."""
    now = auth.utc_now()
    zone = app.config.site.hours.zone
    return (
        _templates()
        .get_template(template)
        .render(
            values,
            site=app.config.site,
            other_sites=app.config.other_sites,
            now=now,
            stamp=values.get("stamp", stamp(app)),
            clock=lambda at: words.clock(at, now, zone),
            ago=lambda at: words.length(now - at),
        )
    )


async def world(app: App) -> views.World:
    """What the pages are made from, as it is now."""
    now = auth.utc_now()
    async with app.store.connect() as conn:
        live = await incidents.live(conn)
        messages = await outbox.recent(conn, MESSAGES)
    return views.World(
        config=app.config,
        latest=app.latest,
        episodes=app.episodes,
        days=app.days,
        live=live,
        messages=messages,
        reload_problems=() if app.reloads.ok else app.reloads.problems,
        problems=await app.problems(),
        healths=app.healths,
        now=now,
    )


@cache
def _templates() -> Environment:
    here = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader([here / "templates", here / "static"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=_finalize,
    )
    texts.speak(environment, _finalize)
    environment.globals.update(language=current, LANGUAGES=LANGUAGES, translated=translated)
    environment.filters.update(short=words.short, lasting=words.length, amount=words.amount, sentence=words.sentence)
    environment.filters.update(day=words.day, figures=figures)
    environment.globals.update(
        Verdict=views.Verdict,
        STAGES=views.STAGES,
        SENT=views.SENT,
        NOTICES=views.NOTICES,
        STATUSES=views.STATUSES,
        count=words.count,
    )
    environment.globals.update(ROLES=ROLES)
    return environment


def _finalize(value: Any) -> Any:
    """The last stop of everything that is put into a page."""
    return words.plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _html(text: str, status: int = 200) -> web.Response:
    response = web.Response(text=text, content_type="text/html", status=status)
    response.enable_compression()
    return response


async def sent(request: web.Request) -> Mapping[str, Any]:
    """The form that was sent, if one of our pages made it for this session. Raises 400, 403 or 413."""
    form = await form_of(request)
    check_form_key(request, str(form.get("form_key", "")))
    return form


def check_form_key(request: web.Request, given: str) -> None:
    """Raises 403 for a form that none of our pages made for this session; what a token sends needs no page."""
    if SECRET in request and not auth.is_form_key(request[SECRET], given):
        raise web.HTTPForbidden(
            text=gettext("This form is from before you signed in. Go back, reload the page and try again.")
        )


def field(form: Mapping[str, Any], name: str) -> str:
    """A field as people typed it, one kind of line end, nothing that cannot be shown or stored."""
    text = words.plain(str(form.get(name, "")).replace("\r\n", "\n")).strip()
    if len(text) > LONGEST_TEXT:
        count, most = (figures(f"{number:,}") for number in (len(text), LONGEST_TEXT))
        raise web.HTTPBadRequest(
            text=gettext("The text has {count} characters; at most {most} are kept.", count=count, most=most)
        )
    return text


def can(role: Role) -> Callable[[str], bool]:
    """What a template asks before it draws a button: whether who looks may do what a role is for."""
    return lambda wanted: role.covers(Role(wanted))


def _can(request: web.Request) -> Callable[[str], bool]:
    return can(request[IDENTITY].role if IDENTITY in request else Role.PUBLIC)


def _back(request: web.Request) -> str:
    """Where who chooses another language on this page comes back to; a query may be a secret of who signs in."""
    if request.method not in ("GET", "HEAD"):
        return "/"
    return str(request.rel_url) if IDENTITY in request else request.rel_url.raw_path


def _form_key(request: web.Request) -> str:
    """What a form of this session carries; "" where there is none, as for a program."""
    return auth.form_key(request[SECRET]) if SECRET in request else ""
