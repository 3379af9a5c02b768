"""Signing in with an account at a provider of OpenID Connect: there, and back again."""

import secrets
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import NoReturn

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from language import N_, gettext, speaking
from monitor.config.model import Oidc
from monitor.people import accounts
from monitor.people.accounts import Untakable
from monitor.people.oidc import Ask, Person, Provider, Refused
from monitor.store import audit_log, users
from monitor.store.users import User
from monitor.web import auth
from monitor.web.guard import APP, by, is_https
from monitor.web.sign_in import begin_session, onward

COOKIE = "deskwatch_oidc"
"""Ties a sign-in to the browser that has begun it, so that nobody is signed in as somebody else by a link."""
BACK = "/sign-in/oidc/back"
"""Where the provider sends the browser."""
_LASTS = timedelta(minutes=10)
_MOST = 1000


class Asked:
    """The provider, and the sign-ins that have been begun there."""

    def __init__(self, oidc: Oidc | None) -> None:
        self.provider = Provider(oidc) if oidc is not None else None
        self._open: OrderedDict[str, tuple[str, Ask, datetime]] = OrderedDict()

    def begin(self, ask: Ask, now: datetime) -> str:
        """Remember one; what the browser must bring back with it."""
        tie = secrets.token_urlsafe(32)
        self._open[ask.state] = (tie, ask, now)
        if len(self._open) > _MOST:
            self._open.popitem(last=False)
        return tie

    def end(self, state: str, tie: str, now: datetime) -> Ask:
        """The one of that state, once. Raises Refused if this browser has not begun it, or long ago."""
        known, ask, at = self._open.pop(state, ("", None, now))
        if ask is None or now - at > _LASTS or not secrets.compare_digest(known.encode(), tie.encode(errors="replace")):
            raise Refused(N_("it was begun in another browser, or too long ago; begin again"))
        return ask


ASKED = web.AppKey("asked", Asked)


async def begin(request: web.Request) -> NoReturn:
    """GET /sign-in/oidc: on to the provider."""
    asked, now = request.app[ASKED], auth.utc_now()
    ask = Ask.new(f"{_base(request)}{BACK}")
    try:
        answer = web.HTTPSeeOther(await _provider(asked).address(ask, now))
    except Refused as reason:
        raise _unavailable(reason) from None
    tie, lasts = asked.begin(ask, now), int(_LASTS.total_seconds())
    answer.set_cookie(
        COOKIE, tie, max_age=lasts, path="/sign-in", httponly=True, secure=is_https(request), samesite="Lax"
    )
    raise answer


async def back(request: web.Request) -> NoReturn:
    """GET /sign-in/oidc/back: what the provider says of who was there."""
    asked, now, query = request.app[ASKED], auth.utc_now(), request.query
    try:
        ask = asked.end(query.get("state", ""), request.cookies.get(COOKIE, ""), now)
        if "code" not in query:
            raise Refused(N_("the provider says {error}"), error=repr(query.get("error", "nothing")[:60]))
        person = await _provider(asked).person(query["code"], ask, now)
        async with request.app[APP].store.begin() as conn:
            user = await _user(request, conn, person)
            secret = await begin_session(request, conn, user.name, user.id)
            await audit_log.add(conn, by(request)._replace(who=user.name).entry("signed in", "other provider"))
    except Refused as reason:
        app = request.app[APP]
        with speaking(app.config.site.language):  # the record is for everybody
            entry = by(request).entry("sign-in failed", f"other provider: {reason}")
        async with app.store.begin() as conn:
            await audit_log.add(conn, entry)
        raise web.HTTPForbidden(text=gettext("You are not signed in: {reason}.", reason=reason)) from None
    answer = onward(request, secret)
    answer.del_cookie(COOKIE, path="/sign-in")
    raise answer


async def _user(request: web.Request, conn: AsyncConnection, person: Person) -> User:
    """The account of a person, made at their first time, with the role that they have now. Raises Refused."""
    site, actor = request.app[APP].config.site.id, by(request)._replace(who=person.name)
    if person.role is None:
        raise Refused(N_("none of your groups may use Deskwatch; ask whoever runs it"))
    user = await users.vouched(conn, person.subject)
    if user is None:
        try:
            return await accounts.add(conn, actor, person.name, {site: person.role}, subject=person.subject)
        except Untakable as error:
            raise Refused(N_("no account can be made for you: {why}"), why=error) from None
    if user.disabled:
        raise Refused(N_("your account here is kept out; ask whoever runs Deskwatch"))
    if user.roles.get(site) is not person.role:
        await accounts.set_role(conn, actor, user, site, person.role)
    return user


def _provider(asked: Asked) -> Provider:
    if asked.provider is None:
        raise web.HTTPNotFound(
            text=gettext("Nobody signs in with another account here: the configuration has no server.oidc.")
        )
    return asked.provider


def _base(request: web.Request) -> str:
    """How people reach us: the provider sends the browser to an address that it knows."""
    url = request.app[APP].config.server.url
    return url or f"{request.scheme}://{request.host}"


def _unavailable(reason: Refused) -> web.HTTPServiceUnavailable:
    words = N_("The other provider cannot be used now: {reason}. Sign in here instead.")
    return web.HTTPServiceUnavailable(text=gettext(words, reason=reason))
