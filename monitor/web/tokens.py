"""Tokens: people make their own, administrators those of programs, and both end them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from aiohttp import web

from language import gettext
from monitor.people import accounts
from monitor.people.roles import Role, given
from monitor.store import tokens
from monitor.store.tokens import Token
from monitor.store.users import User
from monitor.web import account, users
from monitor.web.guard import APP, by
from monitor.web.pages import field, sent
from monitor.web.words import short


async def make_own(request: web.Request) -> web.Response:
    """POST /account/tokens: one that may at most what its user may."""
    form, user = await sent(request), await account.own(request)
    try:
        return await account.draw(request, made=await _made(request, form, user))
    except ValueError as error:
        return await account.draw(request, fault=str(error))


async def make(request: web.Request) -> web.Response:
    """POST /users/tokens: one for a program."""
    form = await sent(request)
    try:
        return await users.draw(request, made=await _made(request, form, None))
    except ValueError as error:
        return await users.draw(request, fault=str(error))


async def revoke_own(request: web.Request) -> web.Response:
    """POST /account/tokens/ID/revoke."""
    await sent(request)
    user, id = await account.own(request), request.match_info["id"]
    async with request.app[APP].store.begin() as conn:
        if id not in {one.id for one in await tokens.page(conn, user.id)}:
            raise _no_token(id)
        await accounts.revoke(conn, by(request), id)
    raise web.HTTPSeeOther("/account")


async def revoke(request: web.Request) -> web.Response:
    """POST /users/tokens/ID/revoke: anybody's."""
    await sent(request)
    await end(request, request.match_info["id"])
    raise web.HTTPSeeOther("/users")


async def issue(request: web.Request, name: str, role: Role, days: int, user: User | None = None) -> tuple[str, Token]:
    """The secret of a new token, and the token. Raises ValueError for what makes no sense."""
    app = request.app[APP]
    async with app.store.begin() as conn:
        return await accounts.issue(conn, by(request), name, role, timedelta(days=days), app.config.site.id, user)


async def end(request: web.Request, id: str) -> None:
    """End anybody's token. Raises 404."""
    async with request.app[APP].store.begin() as conn:
        if not (id.isascii() and id.isalnum()) or await accounts.revoke(conn, by(request), id) is None:
            raise _no_token(id)


async def _made(request: web.Request, form: Mapping[str, Any], user: User | None) -> str:
    """The secret of the token of a form. Raises ValueError for what makes no sense."""
    days = field(form, "days")
    if not (days.isascii() and days.isdigit() and len(days) < 5):
        raise ValueError(gettext("write for how many days the token shall work"))
    secret, _ = await issue(request, field(form, "name"), given(field(form, "role")), int(days), user)
    return secret


def _no_token(id: str) -> web.HTTPNotFound:
    return web.HTTPNotFound(text=gettext("There is no token {id} any more.", id=repr(short(id, 60))))
