"""The page about oneself: password, authenticator app, where one is signed in, and one's tokens."""

from typing import NoReturn

from aiohttp import web

from language import N_, gettext
from monitor.people import accounts
from monitor.people.passwords import LONGEST, SHORTEST, objection
from monitor.people.roles import GIVEN
from monitor.store import audit_log, sessions, tokens, users
from monitor.store.users import User
from monitor.web import auth
from monitor.web.guard import APP, IDENTITY, SECRET, by
from monitor.web.pages import page, sent
from monitor.web.sign_in import begin_session, hashed, is_password, set_cookie

NO_ACCOUNT = N_(
    "This is for people with an account here. Whoever has opened the sign-in link, comes through a proxy or with a "
    "token has none; an administrator makes one under Users."
)


async def show(request: web.Request) -> web.Response:
    """GET /account."""
    return await draw(request)


async def change_password(request: web.Request) -> web.Response:
    """POST /account/password: a new one for the old one; signed in is then this device alone."""
    form, user = await sent(request), await own(request)
    password = str(form.get("password", ""))
    if not user.password:
        return await draw(request, gettext("You sign in with an account elsewhere; change the password there."))
    if password != str(form.get("again", "")):
        return await draw(request, gettext("The two new passwords are not the same."))
    if reason := objection(password, user.name):
        return await draw(request, reason)
    if not await is_password(request, user.name, user, str(form.get("current", ""))):
        return await draw(request, gettext("The current password is wrong."))
    stored = await hashed(request, password)
    async with request.app[APP].store.begin() as conn:
        await accounts.set_password(conn, by(request), user, stored)
        secret = await begin_session(request, conn, user.name, user.id)
    answer = web.HTTPSeeOther("/account")
    set_cookie(request, answer, secret)
    raise answer


async def end_session(request: web.Request) -> NoReturn:
    """POST /account/sessions/ID/end: sign one device out."""
    await sent(request)
    identity, id = _of_session(request), request.match_info["id"]
    async with request.app[APP].store.begin() as conn:
        for one in await sessions.of(conn, identity.user, auth.utc_now()):
            if one.id == id:
                await sessions.revoke(conn, one.digest)
                await audit_log.add(conn, by(request).entry("session ended", one.address))
    raise web.HTTPSeeOther("/account")


async def end_others(request: web.Request) -> NoReturn:
    """POST /account/sessions/end: sign all other devices out."""
    await sent(request)
    identity = _of_session(request)
    async with request.app[APP].store.begin() as conn:
        ended = await sessions.revoke_all(conn, identity.user, identity.session)
        await audit_log.add(conn, by(request).entry("sessions ended", f"{ended} of {identity.name}"))
    raise web.HTTPSeeOther("/account")


async def own(request: web.Request) -> User:
    """The user who asks in a browser. Raises 403 for whoever is none."""
    identity = request[IDENTITY]
    if identity.user is not None and SECRET in request:
        async with request.app[APP].store.connect() as conn:
            user = await users.get(conn, identity.user)
        if user is not None:
            return user
    raise web.HTTPForbidden(text=gettext(NO_ACCOUNT))


async def draw(request: web.Request, fault: str = "", made: str = "") -> web.Response:
    """The page; `fault` says what did not work, `made` is the secret of a new token, which is not shown again."""
    identity, now, app = request[IDENTITY], auth.utc_now(), request.app[APP]
    async with app.store.connect() as conn:
        user = await users.get(conn, identity.user) if identity.user is not None else None
        signed_in = await sessions.of(conn, identity.user, now) if identity.session else ()
        held = await tokens.page(conn, user.id) if user is not None else ()
        codes = await users.codes_left(conn, user.id) if user is not None else 0
    return page(
        request,
        "account.html",
        status=400 if fault else 200,
        fault=fault,
        made=made,
        identity=identity,
        user=user,
        sessions=signed_in,
        tokens=held,
        codes=codes,
        roles=[role for role in GIVEN if identity.role.covers(role)],
        shortest=SHORTEST,
        longest=LONGEST,
    )


def _of_session(request: web.Request) -> auth.Identity:
    """Who asks, if they have a session. Raises 403."""
    if not request[IDENTITY].session:
        raise web.HTTPForbidden(text=gettext(NO_ACCOUNT))
    return request[IDENTITY]
