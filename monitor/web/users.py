"""The page about who may sign in: an administrator makes accounts, gives roles, and keeps people out."""

from typing import NamedTuple, NoReturn

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from language import N_, gettext
from monitor.people import accounts
from monitor.people.passwords import LONGEST, SHORTEST, objection
from monitor.people.roles import EVERYWHERE, GIVEN, Role, given
from monitor.store import tokens, users
from monitor.store.users import User
from monitor.web import edits
from monitor.web.guard import APP, IDENTITY, by
from monitor.web.pages import field, page, sent
from monitor.web.sign_in import hashed
from monitor.web.words import short


class Chosen(NamedTuple):
    """What somebody wanted a user to be allowed, "" for nothing, at a site."""

    user: User
    role: str
    site: str


async def show(request: web.Request) -> web.Response:
    """GET /users."""
    return await draw(request)


async def add(request: web.Request) -> web.Response:
    """POST /users: a new account with a first password."""
    form = await sent(request)
    name, password = field(form, "name"), str(form.get("password", ""))
    try:
        await create(request, name, password, given(field(form, "role")), _site(request, field(form, "site")))
    except ValueError as error:
        return await draw(request, str(error), name=name)
    raise web.HTTPSeeOther("/users")


async def set_role(request: web.Request) -> web.Response:
    """POST /users/ID/role: what they may do at this site, or at all; "" for nothing."""
    form, id = await sent(request), request.match_info["id"]
    word, site = field(form, "role"), _site(request, field(form, "site"))
    try:
        role = given(word) if word else None
    except ValueError as error:
        return await draw(request, str(error))
    async with request.app[APP].store.begin() as conn:
        user = await other(conn, request, id)
        is_meant = edits.is_meant(form, roles_of(user))
        if is_meant:
            await accounts.set_role(conn, by(request), user, site, role)
    if not is_meant:
        return await draw(request, chosen=Chosen(user, word, site))
    raise web.HTTPSeeOther("/users")


async def disable(request: web.Request) -> NoReturn:
    """POST /users/ID/disable: keep them out, at once."""
    await _set_disabled(request, True)


async def enable(request: web.Request) -> NoReturn:
    """POST /users/ID/enable: let them in again."""
    await _set_disabled(request, False)


async def set_password(request: web.Request) -> web.Response:
    """POST /users/ID/password: a new one, for somebody who has forgotten theirs."""
    form = await sent(request)
    try:
        await give_password(request, request.match_info["id"], str(form.get("password", "")))
    except ValueError as error:
        return await draw(request, str(error))
    raise web.HTTPSeeOther("/users")


async def drop_second_factor(request: web.Request) -> NoReturn:
    """POST /users/ID/second-factor/off: for somebody who has lost phone and recovery codes."""
    await sent(request)
    async with request.app[APP].store.begin() as conn:
        await accounts.drop_totp(conn, by(request), await other(conn, request, request.match_info["id"]))
    raise web.HTTPSeeOther("/users")


async def remove(request: web.Request) -> NoReturn:
    """POST /users/ID/remove: forget them; the audit log does not."""
    await sent(request)
    async with request.app[APP].store.begin() as conn:
        await accounts.remove(conn, by(request), await other(conn, request, request.match_info["id"]))
    raise web.HTTPSeeOther("/users")


async def draw(
    request: web.Request, fault: str = "", made: str = "", name: str = "", chosen: Chosen | None = None
) -> web.Response:
    """The page; `fault` says what did not work, `made` is the secret of a new token, which is not shown again.

    `chosen` is the role that was not given because somebody else was faster.
    """
    app = request.app[APP]
    async with app.store.connect() as conn:
        everybody, held = await users.everybody(conn), await tokens.page(conn)
    return page(
        request,
        "users.html",
        status=409 if chosen is not None else 400 if fault else 200,
        fault=fault,
        made=made,
        name=name,
        chosen=chosen,
        made_from=lambda user: edits.mark(roles_of(user)),
        me=request[IDENTITY].user,
        users=everybody,
        names={user.id: user.name for user in everybody},
        tokens=held,
        roles=GIVEN,
        everywhere=EVERYWHERE,
        shortest=SHORTEST,
        longest=LONGEST,
    )


async def create(request: web.Request, name: str, password: str, role: Role, site: str) -> User:
    """A new account with a first password. Raises ValueError, with the remedy, for one that cannot be."""
    if reason := objection(password, name):
        raise ValueError(reason)
    stored = await hashed(request, password)
    async with request.app[APP].store.begin() as conn:
        return await accounts.add(conn, by(request), name, {site: role}, stored)


async def give_password(request: web.Request, id: str, password: str) -> None:
    """A new password for somebody. Raises ValueError, with the remedy, for one that they cannot have, 403 and 404."""
    async with request.app[APP].store.connect() as conn:
        user = await other(conn, request, id)
    if user.subject:
        words = N_("{name} signs in with an account elsewhere and has no password here.")
        raise ValueError(gettext(words, name=user.name))
    if reason := objection(password, user.name):
        raise ValueError(reason)
    stored = await hashed(request, password)
    async with request.app[APP].store.begin() as conn:
        await accounts.set_password(conn, by(request), user, stored)


async def other(conn: AsyncConnection, request: web.Request, id: str) -> User:
    """The user of that id. Raises 404, and 403 for oneself: nobody locks themselves out by a slip."""
    user = await users.get(conn, id) if id.isascii() and id.isalnum() else None
    if user is None:
        raise web.HTTPNotFound(text=gettext("There is no user {id} any more.", id=repr(short(id, 60))))
    if user.id == request[IDENTITY].user:
        raise web.HTTPForbidden(text=gettext("This is your own account. Let another administrator change it."))
    return user


def roles_of(user: User) -> dict[str, str]:
    """What somebody may do by site, as the form for that was made from it."""
    return {"roles": " ".join(f"{site}={role}" for site, role in sorted(user.roles.items()))}


async def _set_disabled(request: web.Request, disabled: bool) -> NoReturn:
    await sent(request)
    async with request.app[APP].store.begin() as conn:
        user = await other(conn, request, request.match_info["id"])
        await accounts.set_disabled(conn, by(request), user, disabled)
    raise web.HTTPSeeOther("/users")


def _site(request: web.Request, given: str) -> str:
    return EVERYWHERE if given == EVERYWHERE else request.app[APP].config.site.id
