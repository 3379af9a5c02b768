"""The page about who may sign in: an administrator makes accounts, gives roles, and keeps people out."""

from typing import NoReturn

from aiohttp import web

from monitor.people import accounts
from monitor.people.passwords import LONGEST, SHORTEST, objection
from monitor.people.roles import EVERYWHERE, GIVEN, given
from monitor.store import tokens, users
from monitor.store.users import User
from monitor.web.guard import APP, IDENTITY, by
from monitor.web.pages import field, page, sent
from monitor.web.sign_in import hashed
from monitor.web.words import short


async def show(request: web.Request) -> web.Response:
    """GET /users."""
    return await draw(request)


async def add(request: web.Request) -> web.Response:
    """POST /users: a new account with a first password."""
    form, app = await sent(request), request.app[APP]
    name, password = field(form, "name"), str(form.get("password", ""))
    if reason := objection(password, name):
        return await draw(request, reason, name=name)
    stored = await hashed(request, password)
    try:
        role = given(field(form, "role"))
        async with app.store.begin() as conn:
            await accounts.add(conn, by(request), name, {_site(request, field(form, "site")): role}, stored)
    except ValueError as error:
        return await draw(request, str(error), name=name)
    raise web.HTTPSeeOther("/users")


async def set_role(request: web.Request) -> web.Response:
    """POST /users/ID/role: what they may do at this site, or at all; "" for nothing."""
    form, user = await sent(request), await _other(request)
    word, site = field(form, "role"), _site(request, field(form, "site"))
    try:
        role = given(word) if word else None
    except ValueError as error:
        return await draw(request, str(error))
    async with request.app[APP].store.begin() as conn:
        await accounts.set_role(conn, by(request), user, site, role)
    raise web.HTTPSeeOther("/users")


async def disable(request: web.Request) -> NoReturn:
    """POST /users/ID/disable: keep them out, at once."""
    await _set_disabled(request, True)


async def enable(request: web.Request) -> NoReturn:
    """POST /users/ID/enable: let them in again."""
    await _set_disabled(request, False)


async def set_password(request: web.Request) -> web.Response:
    """POST /users/ID/password: a new one, for somebody who has forgotten theirs."""
    form, user = await sent(request), await _other(request)
    password = str(form.get("password", ""))
    if user.subject:
        return await draw(request, f"{user.name} signs in with an account elsewhere and has no password here.")
    if reason := objection(password, user.name):
        return await draw(request, reason)
    stored = await hashed(request, password)
    async with request.app[APP].store.begin() as conn:
        await accounts.set_password(conn, by(request), user, stored)
    raise web.HTTPSeeOther("/users")


async def drop_second_factor(request: web.Request) -> NoReturn:
    """POST /users/ID/second-factor/off: for somebody who has lost phone and recovery codes."""
    await sent(request)
    user = await _other(request)
    async with request.app[APP].store.begin() as conn:
        await accounts.drop_totp(conn, by(request), user)
    raise web.HTTPSeeOther("/users")


async def remove(request: web.Request) -> NoReturn:
    """POST /users/ID/remove: forget them; the audit log does not."""
    await sent(request)
    user = await _other(request)
    async with request.app[APP].store.begin() as conn:
        await accounts.remove(conn, by(request), user)
    raise web.HTTPSeeOther("/users")


async def draw(request: web.Request, fault: str = "", made: str = "", name: str = "") -> web.Response:
    """The page; `fault` says what did not work, `made` is the secret of a new token, which is not shown again."""
    app = request.app[APP]
    async with app.store.connect() as conn:
        everybody, held = await users.everybody(conn), await tokens.page(conn)
    return page(
        request,
        "users.html",
        status=400 if fault else 200,
        fault=fault,
        made=made,
        name=name,
        me=request[IDENTITY].user,
        users=everybody,
        names={user.id: user.name for user in everybody},
        tokens=held,
        roles=GIVEN,
        everywhere=EVERYWHERE,
        shortest=SHORTEST,
        longest=LONGEST,
    )


async def _set_disabled(request: web.Request, disabled: bool) -> NoReturn:
    await sent(request)
    user = await _other(request)
    async with request.app[APP].store.begin() as conn:
        await accounts.set_disabled(conn, by(request), user, disabled)
    raise web.HTTPSeeOther("/users")


async def _other(request: web.Request) -> User:
    """The user of the address. Raises 404, and 403 for oneself: nobody locks themselves out by a slip."""
    id = request.match_info["id"]
    async with request.app[APP].store.connect() as conn:
        user = await users.get(conn, id) if id.isascii() and id.isalnum() else None
    if user is None:
        raise web.HTTPNotFound(text=f"There is no user {short(id, 60)!r} any more.")
    if user.id == request[IDENTITY].user:
        raise web.HTTPForbidden(text="This is your own account. Let another administrator change it.")
    return user


def _site(request: web.Request, given: str) -> str:
    return EVERYWHERE if given == EVERYWHERE else request.app[APP].config.site.id
