"""Signing in and out: by name and password, with a code of an authenticator app, or by the link of the start."""

import secrets
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import NoReturn

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from language import N_, gettext
from monitor.people import totp
from monitor.people.accounts import LINK, LONGEST_NAME, code_digest, folded, opens_by_link
from monitor.people.passwords import LONGEST, Busy, Passwords
from monitor.store import audit_log, users
from monitor.store.users import User
from monitor.web import auth
from monitor.web.auth import Brake, Gate, Throttled
from monitor.web.guard import (
    APP,
    NO_SESSION,
    SECRET,
    SESSIONS,
    address,
    by,
    cookie_of,
    form_of,
    is_https,
    is_our_path,
    is_signed_in,
)
from monitor.web.pages import page, sent
from monitor.web.words import plain

WRONG = N_("The name or the password is wrong, or the account may not sign in here.")
WRONG_CODE = N_("This code is wrong, too old, or was used before. Wait for the next one, then try again.")

_ACCOUNT_TRIES, _ACCOUNT_PAUSE = 5, timedelta(minutes=5)
_ADDRESS_TRIES, _ADDRESS_PAUSE = 20, timedelta(minutes=5)
_STEP_LASTS = timedelta(minutes=5)
_STEPS = 1000
_BACK = "deskwatch_back"
_BACK_LASTS = 600
_LONGEST_BACK = 500
"""People who may be between password and code."""


class Door:
    """Who stands at the door: how often they have tried, and who has only the second factor to show."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self._accounts = Brake(_ACCOUNT_TRIES, _ACCOUNT_PAUSE)
        self._addresses = Brake(_ADDRESS_TRIES, _ADDRESS_PAUSE)
        self._between: OrderedDict[str, tuple[str, datetime]] = OrderedDict()

    def tries(self, account: str, place: str, now: datetime) -> None:
        """Count a try before its outcome is known, so that many at once are no way around. Raises Throttled."""
        self._accounts.check(account, now)
        self._addresses.check(place, now)
        self._accounts.count(account, now)
        self._addresses.count(place, now)

    def succeeded(self, account: str, place: str, at: datetime) -> None:
        """The try of that time was right."""
        self._accounts.forget(account, at)
        self._addresses.forget(place, at)

    def half_way(self, user: str, now: datetime) -> str:
        """What stands for somebody who has shown the password, until they show the code."""
        key = secrets.token_urlsafe(32)
        self._between[key] = (user, now)
        if len(self._between) > _STEPS:
            self._between.popitem(last=False)
        return key

    def user_of(self, key: str, now: datetime) -> str | None:
        """Whom a key stands for, None if it is wrong or too old."""
        user, at = self._between.get(key, ("", now - _STEP_LASTS))
        return user if now - at < _STEP_LASTS else None

    def done(self, key: str) -> None:
        """The code was shown."""
        self._between.pop(key, None)


DOOR = web.AppKey("door", Door)
PASSWORDS = web.AppKey("passwords", Passwords)


async def show(request: web.Request) -> web.Response:
    """GET /sign-in: the form, or for a link a button that uses it up, so that a link preview does not."""
    if await is_signed_in(request):
        raise web.HTTPSeeOther("/")
    return _page(request)


async def sign_in(request: web.Request) -> web.Response:
    """POST /sign-in: the token of the link, or name and password, for a session or the question for a code."""
    form = await form_of(request)
    if "token" in form:
        await _by_link(request, str(form["token"]))
    name, password = folded(plain(str(form.get("name", ""))))[:LONGEST_NAME], str(form.get("password", ""))
    user = await _known(request, name, password)
    if user is None:
        return _page(request, 403, name=name, fault=WRONG)
    if user.totp:
        return _step(request, request.app[DOOR].half_way(user.id, auth.utc_now()))
    return await _begin(request, user)


async def second_step(request: web.Request) -> web.Response:
    """POST /sign-in/second-factor: a code of the app, or a recovery code, for a session."""
    form, now, door = await form_of(request), auth.utc_now(), request.app[DOOR]
    key, code = str(form.get("step", "")), str(form.get("code", ""))[:40]
    id = door.user_of(key, now)
    if id is None:
        return _page(request, 403, fault=N_("That took too long. Begin again with your password."))
    place = address(request)
    _count_try(door, f"code {id}", place, now)
    async with request.app[APP].store.begin() as conn:
        user = await users.get(conn, id)
        used = "" if user is None else await _use(conn, user, code, now)
        if user is None or not used:
            await audit_log.add(conn, by(request)._replace(who=_named(user)).entry("sign-in failed", "second factor"))
    if user is None or not used:
        return _step(request, key, 403, WRONG_CODE)
    door.succeeded(f"code {id}", place, now)
    door.done(key)
    return await _begin(request, user, used)


async def sign_out(request: web.Request) -> NoReturn:
    """POST /sign-out: end this session."""
    await sent(request)
    async with request.app[APP].store.begin() as conn:
        if SECRET in request:
            await request.app[SESSIONS].end(conn, request[SECRET])
        await audit_log.add(conn, by(request).entry("signed out"))
    answer = web.HTTPSeeOther("/sign-in")
    answer.del_cookie(cookie_of(request), secure=is_https(request), httponly=True, samesite="Lax")
    raise answer


async def begin_session(request: web.Request, conn: AsyncConnection, who: str, user: str | None) -> str:
    """A new session, and the end of the one that the request came with, if it came with any."""
    if before := request.cookies.get(cookie_of(request)):
        await request.app[SESSIONS].end(conn, before)
    agent = request.headers.get("User-Agent", "")
    return await request.app[SESSIONS].begin(conn, auth.utc_now(), who, user, address(request), agent)


def remember(request: web.Request, answer: web.StreamResponse) -> None:
    """Have the browser keep the page that somebody wanted to see, who has to sign in first."""
    if request.method == "GET" and is_our_path(request.path_qs) and len(request.path_qs) <= _LONGEST_BACK:
        secure = is_https(request)
        answer.set_cookie(
            _BACK, request.path_qs, max_age=_BACK_LASTS, path="/sign-in", httponly=True, secure=secure, samesite="Lax"
        )


def onward(request: web.Request, secret: str) -> web.HTTPSeeOther:
    """With the new session on to the page that was wanted, else to the board."""
    back = request.cookies.get(_BACK, "")
    answer = web.HTTPSeeOther(back if is_our_path(back) else "/")
    if back:
        answer.del_cookie(_BACK, path="/sign-in")
    set_cookie(request, answer, secret)
    return answer


def set_cookie(request: web.Request, answer: web.StreamResponse, secret: str) -> None:
    """Give the browser its session."""
    answer.set_cookie(
        cookie_of(request),
        secret,
        max_age=int(auth.ABSOLUTE.total_seconds()),
        path="/",
        httponly=True,
        secure=is_https(request),
        samesite="Lax",  # Strict would show a stranger's page to whoever follows an incident's link from the chat
    )


async def is_password(request: web.Request, name: str, user: User | None, password: str) -> bool:
    """Whether somebody of that name has that password; it takes as long for a name that nobody has.

    Raises 429 after too many tries, and 503 while too many others are looked at.
    """
    door, now, place = request.app[DOOR], auth.utc_now(), address(request)
    _count_try(door, f"account {name}", place, now)
    try:
        stored = user.password if user is not None else ""
        right = await request.app[PASSWORDS].fits(stored, password[: LONGEST + 1])
    except Busy:
        raise _busy() from None
    if right:
        door.succeeded(f"account {name}", place, now)
    return right


async def hashed(request: web.Request, password: str) -> str:
    """What is stored of a new password. Raises 503 while too many others are looked at."""
    try:
        return await request.app[PASSWORDS].hashed(password)
    except Busy:
        raise _busy() from None


async def _by_link(request: web.Request, token: str) -> NoReturn:
    """Sign in as the administrator of the link. Raises 403 for a link that does not work, 429 after too many."""
    app, now, place = request.app[APP], auth.utc_now(), address(request)
    try:
        valid = request.app[DOOR].gate.redeem(token, place, now) if await _link_works(request) else False
    except Throttled:
        raise web.HTTPTooManyRequests(
            text=gettext("Too many wrong links from this address. Wait a minute, then try again."),
            headers={"Retry-After": "60"},
        ) from None
    async with app.store.begin() as conn:
        if not valid:
            await audit_log.add(conn, by(request).entry("sign-in failed", "link"))
        else:
            secret = await begin_session(request, conn, LINK, None)
            await audit_log.add(conn, by(request)._replace(who=LINK).entry("signed in", "link"))
    if not valid:
        wrong = gettext("This sign-in link was used already, or is not complete.")
        raise web.HTTPForbidden(text=f"{wrong} {gettext(NO_SESSION)}")
    raise onward(request, secret)


async def _link_works(request: web.Request) -> bool:
    app = request.app[APP]
    async with app.store.connect() as conn:
        return await opens_by_link(conn, app.config)


async def _known(request: web.Request, name: str, password: str) -> User | None:
    """Who has that name and password and may do something here. It takes as long for a name that nobody has."""
    app = request.app[APP]
    async with app.store.connect() as conn:
        user = await users.named(conn, name)
    right = await is_password(request, name, user, password)
    if user is not None and right and user.role_at(app.config.site.id) is not None:
        return user
    async with app.store.begin() as conn:
        # A name that nobody has may be a password in the wrong field.
        await audit_log.add(conn, by(request)._replace(who=_named(user)).entry("sign-in failed", "password"))
    return None


async def _use(conn: AsyncConnection, user: User, code: str, now: datetime) -> str:
    """Use a code up; how it was one, "" for no code."""
    step = totp.matched(user.totp, code, user.totp_step, now)
    if step is not None and await users.use_step(conn, user.id, step):
        return "code"
    return "recovery code" if await users.use_code(conn, user.id, code_digest(code)) else ""


async def _begin(request: web.Request, user: User, how: str = "password") -> NoReturn:
    """A session for somebody who has shown everything."""
    async with request.app[APP].store.begin() as conn:
        secret = await begin_session(request, conn, user.name, user.id)
        await audit_log.add(conn, by(request)._replace(who=user.name).entry("signed in", how))
    raise onward(request, secret)


def _count_try(door: Door, account: str, place: str, now: datetime) -> None:
    try:
        door.tries(account, place, now)
    except Throttled:
        raise web.HTTPTooManyRequests(
            text=gettext("Too many wrong tries for this name or from this address. Wait five minutes, then try again."),
            headers={"Retry-After": f"{_ACCOUNT_PAUSE.total_seconds():.0f}"},
        ) from None


def _named(user: User | None) -> str:
    return "" if user is None else user.name


def _busy() -> web.HTTPServiceUnavailable:
    text = gettext("Too many people sign in right now. Try again in a moment.")
    return web.HTTPServiceUnavailable(text=text, headers={"Retry-After": "5"})


def _page(request: web.Request, status: int = 200, *, name: str = "", fault: str = "") -> web.Response:
    oidc = request.app[APP].config.server.oidc
    token, provider = request.query.get("token", ""), oidc.name if oidc is not None else ""
    values = {"token": token, "name": name, "fault": gettext(fault), "provider": provider, "longest": LONGEST}
    return page(request, "sign_in.html", status, **values)


def _step(request: web.Request, key: str, status: int = 200, fault: str = "") -> web.Response:
    return page(request, "second_factor.html", status, step=key, fault=gettext(fault))
