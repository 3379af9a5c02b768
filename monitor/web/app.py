"""The web application: every route with its role, and what all requests pass through."""

import asyncio
import logging
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler

from language import LANGUAGES, N_, gettext, translated
from monitor.people.passwords import Passwords
from monitor.people.roles import Role
from monitor.store import StoreError
from monitor.store import audit_log as stored_log
from monitor.web import (
    about,
    account,
    alerts,
    assets,
    audit_log,
    audits,
    checks,
    configuration,
    deliveries,
    endings,
    firing,
    grafana,
    guard,
    incident_log,
    incident_record,
    incidents,
    languages,
    links,
    live,
    machine,
    maintenance,
    morning,
    oidc,
    oncall,
    overview,
    pages,
    past_days,
    pings,
    reports,
    reviews,
    second_factor,
    sign_in,
    silences,
    sites,
    status,
    tokens,
    users,
    wallboard,
    why,
)
from monitor.web.api import limits, problems, repeats
from monitor.web.api.endpoints import ENDPOINTS
from monitor.web.auth import Brake, Gate, Sessions
from monitor.web.files import Files
from monitor.web.service import App

log = logging.getLogger(__name__)

LARGEST_BODY = 64 * 1024
"""Bytes of a form or any other request body."""


AUDITED: web.AppKey[Mapping[tuple[str, str], str]] = web.AppKey("audited", Mapping)
"""What the audit log calls a request, by method and path."""


class Route(NamedTuple):
    """One thing that can be asked, and who may ask it. `audit` is what the audit log calls it, "" if it changes nothing
    or its handler writes there itself."""

    method: str
    path: str
    role: Role
    handler: Handler
    audit: str = ""


def routes(files: Files) -> tuple[Route, ...]:
    """Everything that can be asked."""
    return (
        Route("GET", "/", Role.VIEWER, overview.show),
        Route("GET", "/fragment/board", Role.VIEWER, overview.show_fragment),
        Route("GET", "/sites", Role.VIEWER, sites.show),
        Route("GET", "/fragment/sites", Role.VIEWER, sites.show_fragment),
        Route("GET", "/incidents", Role.VIEWER, incident_log.listed),
        Route("GET", "/incidents/new", Role.OPERATOR, incident_log.show_report),
        Route("POST", "/incidents", Role.OPERATOR, incident_log.report, "incident reported"),
        Route("GET", "/incidents/{id}", Role.VIEWER, incidents.show),
        Route("GET", "/fragment/incidents/{id}", Role.VIEWER, incidents.show_fragment),
        Route("GET", "/incidents/{id}/{shape}", Role.VIEWER, incidents.download),
        Route("POST", "/incidents/{id}/acknowledge", Role.OPERATOR, incidents.acknowledge, "incident acknowledged"),
        Route("POST", "/incidents/{id}/pass-on", Role.OPERATOR, incidents.pass_on, "incident passed on"),
        Route("POST", "/incidents/{id}/fixed", Role.OPERATOR, incidents.dismiss, "incident called fixed"),
        Route("POST", "/incidents/{id}/note", Role.OPERATOR, incidents.note, "incident noted"),
        Route("POST", "/incidents/{id}/merge", Role.OPERATOR, incident_record.merge, "incident merged"),
        Route("POST", "/incidents/{id}/review", Role.OPERATOR, incident_record.review, "incident reviewed"),
        Route("POST", "/incidents/{id}/times", Role.OPERATOR, incident_record.correct_times, "incident corrected"),
        Route(
            "POST", "/incidents/{id}/lines/{line}", Role.OPERATOR, incident_record.correct_line, "incident corrected"
        ),
        Route("POST", "/incidents/{id}/impact", Role.OPERATOR, incident_record.correct_impact, "incident corrected"),
        Route("POST", "/incidents/{id}/actions", Role.OPERATOR, incident_record.add_action, "action added"),
        Route(
            "POST", "/incidents/{id}/actions/{action}/done", Role.OPERATOR, incident_record.end_action, "action done"
        ),
        Route(
            "POST", "/incidents/{id}/actions/{action}/due", Role.OPERATOR, incident_record.move_action, "action moved"
        ),
        Route("POST", "/incidents/{id}/files", Role.OPERATOR, incident_record.attach, "file attached"),
        Route("GET", "/incidents/{id}/files/{file}", Role.VIEWER, incident_record.download),
        Route("GET", "/wallboard", Role.VIEWER, wallboard.show),
        Route("GET", "/fragment/wallboard", Role.VIEWER, wallboard.show_fragment),
        Route("GET", "/assets/{id}", Role.VIEWER, assets.show),
        Route("GET", "/fragment/assets/{id}", Role.VIEWER, assets.show_fragment),
        Route("GET", "/checks/{asset}/{name}", Role.VIEWER, checks.show),
        Route("GET", "/fragment/checks/{asset}/{name}", Role.VIEWER, checks.show_fragment),
        Route("POST", "/checks/{asset}/{name}/run", Role.OPERATOR, checks.run, "check run"),
        Route("GET", "/alerts", Role.VIEWER, firing.show),
        Route("GET", "/fragment/alerts", Role.VIEWER, firing.show_fragment),
        Route("GET", "/silences", Role.VIEWER, silences.listed),
        Route("POST", "/silences", Role.OPERATOR, silences.begin, "silence begun"),
        Route("POST", "/silences/preview", Role.OPERATOR, silences.previewed),
        Route("POST", "/silences/{id}/end", Role.OPERATOR, silences.end, "silence ended"),
        Route("GET", "/maintenance", Role.VIEWER, maintenance.show),
        Route("GET", "/why", Role.VIEWER, why.show),
        Route("GET", "/deliveries", Role.VIEWER, deliveries.show),
        Route("GET", "/fragment/deliveries", Role.VIEWER, deliveries.show_fragment),
        Route("POST", "/deliveries/test", Role.OPERATOR, deliveries.test, "test sent"),
        Route("GET", "/on-call", Role.VIEWER, oncall.show),
        Route("POST", "/on-call/overrides", Role.OPERATOR, oncall.override, "override made"),
        Route("POST", "/on-call/overrides/{id}/remove", Role.OPERATOR, oncall.drop_override, "override removed"),
        Route("GET", "/audits/credentials", Role.VIEWER, audits.show),
        Route("POST", "/audits/credentials/sign-off", Role.OPERATOR, audits.sign_off, "audit signed off"),
        Route("GET", "/reviews", Role.VIEWER, reviews.show),
        Route("POST", "/reviews/sign-off", Role.OPERATOR, reviews.sign_off, "review signed off"),
        Route("GET", "/reports", Role.VIEWER, reports.listed),
        Route("POST", "/reports", Role.OPERATOR, reports.make, "report made"),
        Route("GET", "/reports/{id}", Role.VIEWER, reports.show),
        Route("GET", "/reports/{id}/{shape}", Role.VIEWER, reports.download),
        Route("GET", "/morning", Role.VIEWER, morning.show),
        Route("POST", "/morning/run", Role.OPERATOR, morning.run, "morning check run"),
        Route("GET", "/morning/{id}", Role.VIEWER, morning.show_one),
        Route("POST", "/morning/{id}/take", Role.OPERATOR, morning.take, "morning item taken"),
        Route("POST", "/morning/{id}/give-back", Role.OPERATOR, morning.give_back, "morning item given back"),
        Route("GET", "/about", Role.VIEWER, about.show),
        Route("GET", "/events", Role.VIEWER, live.events),
        Route("POST", "/sign-out", Role.VIEWER, sign_in.sign_out),
        Route("POST", "/language", Role.PUBLIC, languages.choose),
        Route("GET", "/sign-in", Role.PUBLIC, sign_in.show),
        Route("POST", "/sign-in", Role.PUBLIC, sign_in.sign_in),
        Route("POST", "/sign-in/second-factor", Role.PUBLIC, sign_in.second_step),
        Route("GET", "/sign-in/oidc", Role.PUBLIC, oidc.begin),
        Route("GET", oidc.BACK, Role.PUBLIC, oidc.back),
        Route("GET", "/account", Role.VIEWER, account.show),
        Route("POST", "/account/password", Role.VIEWER, account.change_password),
        Route("POST", "/account/sessions/end", Role.VIEWER, account.end_others),
        Route("POST", "/account/sessions/{id}/end", Role.VIEWER, account.end_session),
        Route("POST", "/account/second-factor", Role.VIEWER, second_factor.begin),
        Route("GET", "/account/second-factor/code.svg", Role.VIEWER, second_factor.picture),
        Route("POST", "/account/second-factor/confirm", Role.VIEWER, second_factor.confirm),
        Route("POST", "/account/second-factor/off", Role.VIEWER, second_factor.off),
        Route("POST", "/account/recovery-codes", Role.VIEWER, second_factor.renew_codes),
        Route("POST", "/account/tokens", Role.VIEWER, tokens.make_own),
        Route("POST", "/account/tokens/{id}/revoke", Role.VIEWER, tokens.revoke_own),
        Route("GET", "/users", Role.ADMIN, users.show),
        Route("POST", "/users", Role.ADMIN, users.add),
        Route("POST", "/users/{id}/role", Role.ADMIN, users.set_role),
        Route("POST", "/users/{id}/disable", Role.ADMIN, users.disable),
        Route("POST", "/users/{id}/enable", Role.ADMIN, users.enable),
        Route("POST", "/users/{id}/password", Role.ADMIN, users.set_password),
        Route("POST", "/users/{id}/second-factor/off", Role.ADMIN, users.drop_second_factor),
        Route("POST", "/users/{id}/remove", Role.ADMIN, users.remove),
        Route("POST", "/users/tokens", Role.ADMIN, tokens.make),
        Route("POST", "/users/tokens/{id}/revoke", Role.ADMIN, tokens.revoke),
        Route("GET", "/configuration", Role.ADMIN, configuration.show),
        Route("POST", "/configuration/reload", Role.ADMIN, configuration.reload, "configuration reloaded"),
        Route("GET", "/audit-log", Role.ADMIN, audit_log.show),
        Route("GET", "/audit-log/entries.csv", Role.ADMIN, audit_log.as_csv),
        Route("GET", "/audit-log/entries.json", Role.ADMIN, audit_log.as_json),
        *(
            Route(method, path, Role.PUBLIC, pings.ping)
            for method in ("GET", "POST")
            for path in ("/ping/{key}", "/ping/{key}/{what}")
        ),
        Route("GET", "/act/{token}", Role.PUBLIC, links.show),
        Route("POST", "/act", Role.PUBLIC, links.act, "incident answered by link"),
        *(Route("GET", path, Role.PUBLIC, status.show) for path in status.PATHS),
        Route("GET", "/static/{name}", Role.PUBLIC, files.serve),
        Route("GET", "/-/healthy", Role.PUBLIC, machine.healthy),
        Route("GET", "/-/ready", Role.PUBLIC, machine.ready),
        Route("POST", "/-/reload", Role.MACHINE, machine.reload, "configuration reloaded"),
        Route("GET", "/metrics", Role.MACHINE, machine.metrics),
        Route("GET", "/probe", Role.MACHINE, machine.probe),
        *(Route(one.method, one.address, one.role, one.handler, one.audit) for one in ENDPOINTS),
        Route("GET", "/api/v1/grafana/incidents", Role.MACHINE, grafana.incident_list),
        Route("GET", "/api/v1/grafana/status", Role.MACHINE, grafana.status),
        Route("GET", "/api/v1/grafana/availability", Role.MACHINE, grafana.availability),
        Route("GET", "/api/v1/grafana/verdicts", Role.MACHINE, grafana.verdicts),
        Route("POST", "/api/v2/alerts", Role.MACHINE, alerts.from_prometheus),
        Route("POST", "/api/v1/alertmanager", Role.MACHINE, alerts.from_alertmanager),
    )


def build(app: App, gate: Gate) -> web.Application:
    """The web application of a running service; the caller binds it to an address."""
    outside = (guard.headers, limits.told, languages.language, errors)
    middlewares = (*outside, guard.host, guard.origin, guard.role, endings.ending, audited)
    built = web.Application(client_max_size=LARGEST_BODY, middlewares=middlewares)
    files, streams = Files(Path(__file__).parent / "static"), live.Streams()
    declared = routes(files)
    for route in declared:
        if route.method == "GET":
            built.router.add_get(route.path, route.handler)
        else:
            built.router.add_route(route.method, route.path, route.handler)
    built[guard.APP], built[pages.FILES] = app, files
    built[sign_in.DOOR], built[sign_in.PASSWORDS] = sign_in.Door(gate), Passwords()
    built[oidc.ASKED] = oidc.Asked(app.config.server.oidc)
    built[second_factor.BEGUN] = second_factor.Begun()
    built[links.BRAKE], built[pings.BRAKE] = Brake(), Brake()
    built[guard.SESSIONS], built[guard.PROXY_KEY] = Sessions(app.store, app.config.site.id), secrets.token_hex(32)
    built[guard.ROLES] = {(route.method, route.path): route.role for route in declared}
    built[AUDITED] = {(route.method, route.path): route.audit for route in declared if route.audit}
    built[limits.BUDGET], built[repeats.UNDER_WAY] = limits.Budget(), set()
    built[machine.PROBING] = asyncio.Semaphore(machine.AT_ONCE)
    built[configuration.READING] = asyncio.Lock()
    built[grafana.ASKING] = asyncio.Semaphore(grafana.AT_ONCE)
    built[overview.SHARED], built[live.STREAMS] = overview.SharedBoard(), streams
    built[past_days.KEPT] = kept = past_days.KeptDays()
    built[status.SHARED] = {code: status.SharedStatus(kept) for code in LANGUAGES}
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
    except web.RequestPayloadError:
        return _answer(
            request, web.HTTPBadRequest(), gettext("The body cannot be read: it is not what its headers say.")
        )
    except StoreError as error:
        log.warning("the database failed a request", extra={"path": request.path, "error": str(error)})
        return _answer(request, web.HTTPServiceUnavailable(), str(error))
    except Exception:
        log.exception("a request failed", extra={"path": request.path})
        return _answer(
            request, web.HTTPInternalServerError(), gettext("Deskwatch made a mistake. Its log says which one.")
        )


@web.middleware
async def audited(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write into the audit log who has changed something, right after it was changed."""
    what = request.app[AUDITED].get(guard.route_of(request), "")
    try:
        response = await handler(request)
    except web.HTTPRedirection:
        await _note(request, what)
        raise
    if response.status < HTTPStatus.BAD_REQUEST and repeats.REPEATED not in response.headers:
        await _note(request, what)
    return response


async def _note(request: web.Request, what: str) -> None:
    """The change was made: a log that cannot be written must not make it look undone."""
    if not what:
        return
    entry = guard.by(request).entry(what, request.get(guard.TARGET, request.match_info.get("id", "")))
    try:
        async with request.app[guard.APP].store.begin() as conn:
            await stored_log.add(conn, entry)
    except StoreError as error:
        values = {"what": entry.what, "who": entry.who, "target": entry.target, "error": str(error)}
        log.error("the audit log misses an entry", extra=values)  # noqa: TRY400 - the error is said


def _answer(request: web.Request, error: web.HTTPException, words: str) -> web.Response:
    if problems.is_ours(request):
        return problems.answer(error, words)
    if "text/html" in request.headers.get("Accept", ""):
        title = translated(_TITLES.get(error.status, error.reason))
        stranger = error.status == HTTPStatus.UNAUTHORIZED
        answer = pages.page(request, "error.html", error.status, title=title, words=words, wants_sign_in=stranger)
        if stranger:
            sign_in.remember(request, answer)
    else:
        answer = web.Response(status=error.status, text=f"{words}\n")
    answer.headers.update({name: error.headers[name] for name in _KEPT if name in error.headers})
    return answer


def _words(error: web.HTTPException) -> str:
    """The handler's own words, or ours for an error that aiohttp raised."""
    if error.text and error.text != f"{error.status}: {error.reason}":
        return error.text
    return gettext(_DEFAULTS.get(error.status, error.reason), size=LARGEST_BODY // 1024)


_KEPT = ("Allow", "Retry-After", "WWW-Authenticate")
_TITLES = {
    400: N_("That did not work"),
    401: N_("Please sign in"),
    403: N_("Not allowed"),
    404: N_("Not found"),
    405: N_("Not possible this way"),
    410: N_("This link does not work any more"),
    413: N_("Too long"),
    421: N_("Wrong address"),
    429: N_("Too many tries"),
    500: N_("Something went wrong"),
    503: N_("Not available right now"),
}
_DEFAULTS = {
    404: N_("There is no such page. The board has everything that is watched."),
    405: N_("This address needs another method."),
    413: N_("The text is too long; {size} kB can be sent at once."),
}
