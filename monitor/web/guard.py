"""What every request must pass: the right Host, an honest origin, its route's role; and what every answer carries."""

import hmac
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from monitor.config.model import Server
from monitor.web import auth
from monitor.web.service import App

APP: web.AppKey[App] = web.AppKey("service", App)
ROLES: web.AppKey[Mapping[str, "Role"]] = web.AppKey("roles", Mapping)
SESSIONS = web.AppKey("sessions", auth.Sessions)
SECRET = web.RequestKey("secret", str)
"""The secret of the session that the request came with."""

POLICY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

NO_SESSION = (
    "Open the sign-in link that Deskwatch printed when it started. "
    "It works once; restarting Deskwatch prints a new one."
)


class Role(StrEnum):
    """Who a route is for: anybody, a program with the token, or a person who may look, act, or change who may."""

    PUBLIC = "public"
    MACHINE = "machine"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


@web.middleware
async def headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put the policy on every answer, redirects too; a streamed one brings it along."""
    try:
        response = await handler(request)
    except web.HTTPException as redirect:
        _protect(redirect)
        raise
    if not response.prepared:
        _protect(response)
    return response


@web.middleware
async def host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A name that is not ours, pointed at our address, must not read our pages (DNS rebinding)."""
    name = host_name(request.host)
    if not is_our_host(name, request.app[APP].config.server):
        raise web.HTTPMisdirectedRequest(
            text=f"Deskwatch does not answer to the name {name!r}. Use its address, or set server.url to the name."
        )
    return await handler(request)


@web.middleware
async def origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What changes something, and what a program asks, must not come from another site's page."""
    changes = request.method not in ("GET", "HEAD")
    if (changes or role_of(request) is Role.MACHINE) and not is_same_origin(request):
        raise web.HTTPForbidden(text="This request came from another site's page. Use the Deskwatch page itself.")
    return await handler(request)


@web.middleware
async def role(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Hold the request to the role of its route; a route without one is for administrators."""
    match role_of(request):
        case Role.MACHINE:
            require_token(request)
        case Role.VIEWER | Role.OPERATOR | Role.ADMIN:
            await require_session(request)
    return await handler(request)


def role_of(request: web.Request) -> Role | None:
    """The role of the request's route, None where no route fits."""
    if request.match_info.http_exception is not None:
        return None
    resource = request.match_info.route.resource
    return request.app[ROLES].get(resource.canonical if resource is not None else "", Role.ADMIN)


def is_our_host(name: str, server: Server) -> bool:
    """Whether a Host header's name is one that people reach us by.

    Listening on every address, any address will do: rebinding needs a name.
    """
    if name in {"localhost", "127.0.0.1", "::1", server.host.lower(), (urlsplit(server.url).hostname or "")} - {""}:
        return True
    return server.host in ("0.0.0.0", "::", "") and is_address(name)  # noqa: S104 - compared, not bound


def is_same_origin(request: web.Request) -> bool:
    """Whether a request is from our own page, or from no page at all (a program sends neither header)."""
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return False
    claimed = request.headers.get("Origin")
    ours = (request.host, urlsplit(request.app[APP].config.server.url).netloc)
    return claimed is None or claimed.partition("://")[2].lower() in (one.lower() for one in ours if one)


def require_token(request: web.Request) -> None:
    """Let programs in by the token; without a configured one only those on this machine, asking directly."""
    server = request.app[APP].config.server
    if server.token is None:
        if not _is_local(request, server):
            raise web.HTTPForbidden(
                text="Set server.token in the configuration and send it as `Authorization: Bearer`."
            )
        return
    given = request.headers.get("Authorization", "").encode(errors="replace")
    if not hmac.compare_digest(given, f"Bearer {server.token.get_secret_value()}".encode()):
        raise web.HTTPUnauthorized(
            text="Send server.token as `Authorization: Bearer TOKEN`.", headers={"WWW-Authenticate": "Bearer"}
        )


async def require_session(request: web.Request) -> None:
    """Let a person in by the session cookie, and remember its secret for the forms."""
    if not await is_signed_in(request):
        raise web.HTTPUnauthorized(text=NO_SESSION, headers={"WWW-Authenticate": 'Session realm="Deskwatch"'})
    request[SECRET] = request.cookies[auth.COOKIE]


def who(request: web.Request) -> str:
    """The name that the person who asks acts under."""
    return auth.WHO


async def is_signed_in(request: web.Request) -> bool:
    """Whether the request comes with the cookie of an open session."""
    secret = request.cookies.get(auth.COOKIE)
    return secret is not None and await request.app[SESSIONS].is_open(secret, auth.utc_now())


async def form_of(request: web.Request) -> Mapping[str, Any]:
    """The form that was sent. Raises 400 for a body that is none, and 413 for one that is too large."""
    try:
        return await request.post()
    except (LookupError, ValueError):  # an unknown character set, bytes that are no text, a broken part
        raise web.HTTPBadRequest(text="This form cannot be read. Go back, reload the page and try again.") from None


def count_wrong(request: web.Request, brake: auth.Brake, what: str) -> None:
    """Note that a request came with a wrong token; raises 429 after too many of them from one address."""
    address, now = request.remote or "", auth.utc_now()
    try:
        brake.check(address, now)
    except auth.Throttled:
        text = f"Too many wrong {what} from this address. Wait a minute, then try again."
        raise web.HTTPTooManyRequests(text=text, headers={"Retry-After": "60"}) from None
    brake.count(address, now)


def is_address(name: str) -> bool:
    """Whether a host name is an IP address."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(name: str) -> bool:
    """Whether a host is this machine alone."""
    return name == "localhost" or (is_address(name) and ip_address(name).is_loopback)


def _protect(response: web.StreamResponse) -> None:
    response.headers.update(POLICY)
    response.headers.setdefault("Cache-Control", "no-store")


def _is_local(request: web.Request, server: Server) -> bool:
    """A proxy on this machine carries other people's requests: its headers or its name give it away."""
    proxied = request.headers.keys() & {"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"}
    return is_loopback(server.host) and is_loopback(host_name(request.host)) and not proxied


def host_name(authority: str) -> str:
    """The name in a Host header, without port and brackets; "" if it makes no sense."""
    try:
        return (urlsplit(f"//{authority}").hostname or "").lower()
    except ValueError:
        return ""
