"""What every request must pass: the right Host, an honest origin, its route's role; and what every answer carries."""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from language import N_, gettext, translated
from monitor.config.model import Server
from monitor.hosts import is_address, is_loopback
from monitor.people.accounts import LINK, LONGEST_NAME, By, folded
from monitor.people.roles import Role as Role
from monitor.store import users
from monitor.web import auth
from monitor.web.auth import Identity
from monitor.web.service import App

APP: web.AppKey[App] = web.AppKey("service", App)
ROLES: web.AppKey[Mapping[tuple[str, str], Role]] = web.AppKey("roles", Mapping)
"""The role of every route, by method and path."""
SESSIONS = web.AppKey("sessions", auth.Sessions)
PROXY_KEY = web.AppKey("proxy_key", str)
"""What the form keys of those are made from whom a proxy has signed in; made anew at every start."""
SECRET = web.RequestKey("secret", str)
"""The secret of the session that the request came with; a program's token has none, and needs no key in its forms."""
IDENTITY = web.RequestKey("identity", Identity)
WHO = web.RequestKey("who", str)
"""In whose name a request is answered that comes without a session, as by the link in a message."""
TARGET = web.RequestKey("target", str)
"""What the request has changed, for the audit log, where its address does not say so."""

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

NO_SESSION = N_(
    "Sign in with your name and password, or open the sign-in link that Deskwatch printed when it started. "
    "The link works once; restarting Deskwatch prints a new one."
)
_CALLED = {
    Role.PUBLIC: N_("public"),
    Role.MACHINE: N_("machine"),
    Role.VIEWER: N_("viewer"),
    Role.OPERATOR: N_("operator"),
    Role.ADMIN: N_("admin"),
}
HSTS = "max-age=31536000"
"""A year; without the subdomains, which are not ours."""


@web.middleware
async def headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put the policy on every answer, redirects too; a streamed one brings it along."""
    try:
        response = await handler(request)
    except web.HTTPException as redirect:
        _protect(request, redirect)
        raise
    if not response.prepared:
        _protect(request, response)
    return response


@web.middleware
async def host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A name that is not ours, pointed at our address, must not read our pages (DNS rebinding)."""
    name = host_name(request.host)
    if not is_our_host(name, request.app[APP].config.server):
        raise web.HTTPMisdirectedRequest(
            text=gettext(
                "Deskwatch does not answer to the name {name}. Use its address, or set server.url to the name.",
                name=repr(name),
            )
        )
    return await handler(request)


@web.middleware
async def origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What changes something, and what a program asks, must not come from another site's page."""
    changes = request.method not in ("GET", "HEAD")
    if (changes or role_of(request) is Role.MACHINE) and not is_same_origin(request):
        text = gettext("This request came from another site's page. Use the Deskwatch page itself.")
        raise web.HTTPForbidden(text=text)
    return await handler(request)


@web.middleware
async def role(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Hold the request to the role of its route; a route without one is for administrators."""
    match role_of(request):
        case Role.MACHINE:
            await require_program(request)
        case Role.VIEWER | Role.OPERATOR | Role.ADMIN as wanted:
            await require_person(request, wanted)
    return await handler(request)


def role_of(request: web.Request) -> Role | None:
    """The role of the request's route, None where no route fits."""
    if request.match_info.http_exception is not None:
        return None
    return request.app[ROLES].get(route_of(request), Role.ADMIN)


def route_of(request: web.Request) -> tuple[str, str]:
    """What stands for the request's route: its method and path."""
    resource = request.match_info.route.resource
    method = "GET" if request.method == "HEAD" else request.method
    return method, resource.canonical if resource is not None else ""


def is_our_host(name: str, server: Server) -> bool:
    """Whether a Host header's name is one that people reach us by.

    Listening on every address, any address will do: rebinding needs a name.
    """
    if name in {"localhost", "127.0.0.1", "::1", server.host.lower(), (urlsplit(server.url).hostname or "")} - {""}:
        return True
    return server.host in ("0.0.0.0", "::", "") and is_address(name)  # noqa: S104 - compared, not bound


def is_our_path(path: str) -> bool:
    """Whether it is an address of ours and no other site's: one that begins with "//" or has a backslash there is."""
    return path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()


def is_same_origin(request: web.Request) -> bool:
    """Whether a request is from our own page, or from no page at all (a program sends neither header)."""
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return False
    claimed = request.headers.get("Origin")
    ours = (request.host, urlsplit(request.app[APP].config.server.url).netloc)
    return claimed is None or claimed.partition("://")[2].lower() in (one.lower() for one in ours if one)


async def require_program(request: web.Request) -> None:
    """Let programs in by server.token or a token of their own, which reads as a viewer and changes as an operator.

    Without server.token those on this machine get in, too, asking directly.
    """
    given, server = bearer(request), request.app[APP].config.server
    if given is not None and auth.is_token(given):
        reads = request.method in ("GET", "HEAD")
        _require_role(await _by_token(request, given), Role.VIEWER if reads else Role.OPERATOR)
        return
    if server.token is None:
        if not _is_local(request, server):
            raise web.HTTPForbidden(
                text="Set server.token in the configuration and send it as `Authorization: Bearer`."
            )
    elif not hmac.compare_digest((given or "").encode(errors="replace"), server.token.get_secret_value().encode()):
        raise web.HTTPUnauthorized(
            text="Send server.token as `Authorization: Bearer TOKEN`.", headers={"WWW-Authenticate": "Bearer"}
        )
    request[IDENTITY] = Identity("a program", Role.MACHINE)


async def require_person(request: web.Request, wanted: Role) -> None:
    """Let in who may: by a token, and then no cookie counts; by a session; by the header of a trusted proxy."""
    given = bearer(request)
    if given is not None:
        await _by_token(request, given)
    elif not await is_signed_in(request):
        raise web.HTTPUnauthorized(
            text=translated(NO_SESSION), headers={"WWW-Authenticate": 'Session realm="Deskwatch"'}
        )
    _require_role(request[IDENTITY], wanted)


def bearer(request: web.Request) -> str | None:
    """The token that the request came with, None for none at all."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else None


def who(request: web.Request) -> str:
    """The name that whoever asks acts under: a user's, or "token NAME"."""
    return request[IDENTITY].name if IDENTITY in request else request.get(WHO, "")


def by(request: web.Request) -> By:
    """Who asks, from where, and when: for the audit log."""
    return By(who(request), address(request), auth.utc_now())


def may(request: web.Request, wanted: Role) -> bool:
    """Whether who asks may do what that role is for."""
    return IDENTITY in request and request[IDENTITY].role.covers(wanted)


async def is_signed_in(request: web.Request) -> bool:
    """Whether a request comes with a token, the cookie of an open session, or from a trusted proxy that names somebody.

    With a token neither of the others counts.
    """
    given, sessions = bearer(request), request.app[SESSIONS]
    if given is not None:
        return auth.is_token(given) and await sessions.token(given, auth.utc_now()) is not None
    secret = request.cookies.get(cookie_of(request), "")
    identity = await sessions.identity(secret, auth.utc_now()) if secret else None
    if identity is None:
        identity, secret = await _by_proxy(request)
    if identity is None:
        return False
    request[IDENTITY], request[SECRET] = identity, secret
    return True


def cookie_of(request: web.Request) -> str:
    """The name of the cookie of a session, which depends on whether the browser speaks HTTPS."""
    return auth.SECURE_COOKIE if is_https(request) else auth.COOKIE


def is_https(request: web.Request) -> bool:
    """Whether the person's browser speaks HTTPS, to us or to a proxy before us."""
    url = urlsplit(request.app[APP].config.server.url)
    return request.secure or (url.scheme == "https" and host_name(request.host) == url.hostname)


def address(request: web.Request) -> str:
    """Where a request comes from: what a trusted proxy says, else who is connected."""
    remote = request.remote or ""
    told = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return told if is_address(told) and _is_trusted(request) else remote


async def form_of(request: web.Request) -> Mapping[str, Any]:
    """The form that was sent. Raises 400 for a body that is none, and 413 for one that is too large."""
    try:
        return await request.post()
    except (LookupError, ValueError):  # an unknown character set, bytes that are no text, a broken part
        raise web.HTTPBadRequest(
            text=gettext("This form cannot be read. Go back, reload the page and try again.")
        ) from None


def count_wrong(request: web.Request, brake: auth.Brake, refusal: str) -> None:
    """Note that a request came with a wrong token; raises 429 with those words after too many from one address."""
    place, now = address(request), auth.utc_now()
    try:
        brake.check(place, now)
    except auth.Throttled:
        raise web.HTTPTooManyRequests(text=refusal, headers={"Retry-After": "60"}) from None
    brake.count(place, now)


async def _by_token(request: web.Request, given: str) -> Identity:
    """What comes with a token; 401 for one that does not work."""
    identity = await request.app[SESSIONS].token(given, auth.utc_now()) if auth.is_token(given) else None
    if identity is None:
        raise web.HTTPUnauthorized(
            text=gettext(
                "This token does not work: it is wrong, has expired, or was revoked. The account page makes new ones."
            ),
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )
    request[IDENTITY] = identity
    return identity


async def _by_proxy(request: web.Request) -> tuple[Identity | None, str]:
    """Whom a trusted proxy has signed in, and a secret for their forms; None if it names nobody who may look."""
    app = request.app[APP]
    proxy = app.config.server.trusted_proxy
    name = folded(request.headers.get(proxy.header, "")) if proxy is not None and proxy.header else ""
    if proxy is None or not _can_be(name) or not _is_trusted(request):
        return None, ""
    async with app.store.connect() as conn:
        user = await users.named(conn, name)
    role = user.role_at(app.config.site.id) if user is not None else proxy.role
    if role is None:
        return None, ""
    secret = sha256(f"{request.app[PROXY_KEY]} {name}".encode()).hexdigest()
    return Identity(name, role, user.id if user is not None else None), secret


def _can_be(name: str) -> bool:
    """Whether somebody can be called so; not after the sign-in link or a token."""
    return name != LINK and name.isprintable() and " " not in name and 0 < len(name) <= LONGEST_NAME


def _is_trusted(request: web.Request) -> bool:
    """Whether the other end of the connection is a proxy that the configuration trusts."""
    proxy, remote = request.app[APP].config.server.trusted_proxy, request.remote or ""
    return proxy is not None and is_address(remote) and any(ip_address(remote) in one for one in proxy.networks)


def _require_role(identity: Identity, wanted: Role) -> None:
    if not identity.role.covers(wanted):
        raise web.HTTPForbidden(
            text=gettext(
                "This is for people with the role {wanted}; {name} has the role {own}. "
                "An administrator can change that.",
                wanted=translated(_CALLED[wanted]),
                name=identity.name,
                own=translated(_CALLED[identity.role]),
            )
        )


def _protect(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in POLICY.items():
        response.headers.setdefault(name, value)
    if is_https(request):
        response.headers["Strict-Transport-Security"] = HSTS
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
