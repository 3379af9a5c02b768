"""The web application: every route with its role, and what all requests pass through."""

import asyncio
import logging
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler

from monitor.store import StoreError
from monitor.web import alerts, audits, deliveries, gates, guard, links, live, machine, oncall, pages, pings, why
from monitor.web.auth import Brake, Gate, Sessions
from monitor.web.files import Files
from monitor.web.guard import Role
from monitor.web.service import App

log = logging.getLogger(__name__)

LARGEST_BODY = 64 * 1024
"""Bytes of a form or any other request body."""


class Route(NamedTuple):
    """One thing that can be asked, and who may ask it."""

    method: str
    path: str
    role: Role
    handler: Handler


def routes(files: Files) -> tuple[Route, ...]:
    """Everything that can be asked."""
    return (
        Route("GET", "/", Role.VIEWER, pages.board),
        Route("GET", "/fragment/board", Role.VIEWER, pages.board_fragment),
        Route("GET", "/incidents", Role.VIEWER, pages.incident_list),
        Route("GET", "/incidents/{id}", Role.VIEWER, pages.incident),
        Route("GET", "/fragment/incidents/{id}", Role.VIEWER, pages.incident_fragment),
        Route("POST", "/incidents/{id}/acknowledge", Role.OPERATOR, pages.acknowledge),
        Route("POST", "/incidents/{id}/pass-on", Role.OPERATOR, pages.pass_on),
        Route("POST", "/incidents/{id}/fixed", Role.OPERATOR, pages.dismiss),
        Route("POST", "/incidents/{id}/note", Role.OPERATOR, pages.note),
        Route("POST", "/incidents/{id}/review", Role.OPERATOR, pages.review),
        Route("GET", "/assets/{id}", Role.VIEWER, pages.asset),
        Route("GET", "/fragment/assets/{id}", Role.VIEWER, pages.asset_fragment),
        Route("GET", "/silences", Role.VIEWER, gates.silence_list),
        Route("POST", "/silences", Role.OPERATOR, gates.begin_silence),
        Route("POST", "/silences/preview", Role.OPERATOR, gates.silence_preview),
        Route("POST", "/silences/{id}/end", Role.OPERATOR, gates.end_silence),
        Route("GET", "/maintenance", Role.VIEWER, gates.maintenance),
        Route("GET", "/why", Role.VIEWER, why.show),
        Route("GET", "/deliveries", Role.VIEWER, deliveries.show),
        Route("GET", "/fragment/deliveries", Role.VIEWER, deliveries.show_fragment),
        Route("POST", "/deliveries/test", Role.OPERATOR, deliveries.test),
        Route("GET", "/on-call", Role.VIEWER, oncall.show),
        Route("POST", "/on-call/overrides", Role.OPERATOR, oncall.override),
        Route("POST", "/on-call/overrides/{id}/remove", Role.OPERATOR, oncall.drop_override),
        Route("GET", "/audits/credentials", Role.VIEWER, audits.show),
        Route("POST", "/audits/credentials/sign-off", Role.OPERATOR, audits.sign_off),
        Route("GET", "/events", Role.VIEWER, live.events),
        Route("POST", "/sign-out", Role.VIEWER, pages.sign_out),
        Route("GET", "/sign-in", Role.PUBLIC, pages.sign_in_page),
        Route("POST", "/sign-in", Role.PUBLIC, pages.sign_in),
        *(
            Route(method, path, Role.PUBLIC, pings.ping)
            for method in ("GET", "POST")
            for path in ("/ping/{key}", "/ping/{key}/{what}")
        ),
        Route("GET", "/act/{token}", Role.PUBLIC, links.show),
        Route("POST", "/act", Role.PUBLIC, links.act),
        Route("GET", "/static/{name}", Role.PUBLIC, files.serve),
        Route("GET", "/-/healthy", Role.PUBLIC, machine.healthy),
        Route("GET", "/-/ready", Role.PUBLIC, machine.ready),
        Route("POST", "/-/reload", Role.MACHINE, machine.reload),
        Route("GET", "/metrics", Role.MACHINE, machine.metrics),
        Route("GET", "/probe", Role.MACHINE, machine.probe),
        Route("POST", "/api/v2/alerts", Role.MACHINE, alerts.from_prometheus),
        Route("POST", "/api/v1/alertmanager", Role.MACHINE, alerts.from_alertmanager),
    )


def build(app: App, gate: Gate) -> web.Application:
    """The web application of a running service; the caller binds it to an address."""
    middlewares = (guard.headers, errors, guard.host, guard.origin, guard.role)
    built = web.Application(client_max_size=LARGEST_BODY, middlewares=middlewares)
    files, streams = Files(Path(__file__).parent / "static"), live.Streams()
    declared = routes(files)
    for route in declared:
        if route.method == "GET":
            built.router.add_get(route.path, route.handler)
        else:
            built.router.add_route(route.method, route.path, route.handler)
    built[guard.APP], built[pages.GATE], built[pages.FILES] = app, gate, files
    built[links.BRAKE], built[pings.BRAKE] = Brake(), Brake()
    built[guard.SESSIONS] = Sessions(app.store)
    built[guard.ROLES] = {route.path: route.role for route in declared}
    built[machine.PROBING] = asyncio.Semaphore(machine.AT_ONCE)
    built[pages.SHARED], built[live.STREAMS] = pages.SharedBoard(), streams
    built.on_shutdown.append(streams.stop)
    return built


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say what went wrong in plain words: as a page to browsers, as text to programs."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        return _answer(request, error, _words(error))
    except StoreError as error:
        log.warning("the database failed a request", extra={"path": request.path, "error": str(error)})
        return _answer(request, web.HTTPServiceUnavailable(), str(error))
    except Exception:
        log.exception("a request failed", extra={"path": request.path})
        return _answer(request, web.HTTPInternalServerError(), "Deskwatch made a mistake. Its log says which one.")


def _answer(request: web.Request, error: web.HTTPException, words: str) -> web.Response:
    if "text/html" in request.headers.get("Accept", ""):
        answer = pages.page(
            request, "error.html", error.status, title=_TITLES.get(error.status, error.reason), words=words
        )
    else:
        answer = web.Response(status=error.status, text=f"{words}\n")
    answer.headers.update({name: error.headers[name] for name in _KEPT if name in error.headers})
    return answer


def _words(error: web.HTTPException) -> str:
    """The handler's own words, or ours for an error that aiohttp raised."""
    if error.text and error.text != f"{error.status}: {error.reason}":
        return error.text
    return _DEFAULTS.get(error.status, error.reason)


_KEPT = ("Allow", "Retry-After", "WWW-Authenticate")
_TITLES = {
    400: "That did not work",
    401: "Please sign in",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible this way",
    410: "This link does not work any more",
    413: "Too long",
    421: "Wrong address",
    429: "Too many tries",
    500: "Something went wrong",
    503: "Not available right now",
}
_DEFAULTS = {
    404: "There is no such page. The board has everything that is watched.",
    405: "This address needs another method.",
    413: f"The text is too long; {LARGEST_BODY // 1024} kB can be sent at once.",
}
