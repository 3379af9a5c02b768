"""Who may sign in, for administrators; no answer has a secret in it but that of a new token, once."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field, SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.people import accounts
from monitor.people.accounts import LONGEST_LIFE, LONGEST_NAME
from monitor.people.passwords import LONGEST, SHORTEST
from monitor.people.roles import EVERYWHERE, Role
from monitor.store import tokens as stored_tokens
from monitor.store import users as stored
from monitor.store.tokens import Token
from monitor.store.users import User
from monitor.web import tokens, users
from monitor.web.api import paging
from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.models import Body, Line, Shown, Text
from monitor.web.api.paging import Page
from monitor.web.api.problems import Fault, Unfit
from monitor.web.guard import IDENTITY, by
from monitor.web.words import short

GivenRole = Literal[Role.VIEWER, Role.OPERATOR, Role.ADMIN]
Password = Annotated[SecretStr, Field(min_length=SHORTEST, max_length=LONGEST)]


class AccountShown(Shown):
    """Who asks: the name that it is done under, and what they may."""

    name: Text
    role: Role


class UserShown(Shown):
    """Somebody who may sign in; `roles` are by site, "*" for all. `elsewhere`: another provider vouches for them."""

    id: str
    name: str
    created: datetime
    roles: dict[str, Role]
    disabled: bool
    second_factor: bool
    elsewhere: bool


class TokenShown(Shown):
    """A token: `user` is whose it is, null for a program; `seen` is when it was used last, exact to a minute."""

    id: str
    name: Text
    user: str | None
    site: str
    role: Role
    author: Text
    created: datetime
    expires: datetime
    seen: datetime | None


class TokenMade(TokenShown):
    """A new token with its secret, which is not shown again."""

    secret: str


class UserWanted(Body):
    """A new account with a first password; its role is at this site, or `everywhere`."""

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    password: Password
    role: GivenRole
    everywhere: bool = False


class RoleGiven(Body):
    """What somebody may do at this site, or `everywhere`; null for nothing."""

    role: GivenRole | None
    everywhere: bool = False


class PasswordGiven(Body):
    """A new password, for somebody who has forgotten theirs."""

    password: Password


class TokenWanted(Body):
    """A token for a program: what it is for, what it may, and for how many days."""

    name: Annotated[Line, Field(max_length=LONGEST_NAME)]
    role: GivenRole
    days: Annotated[int, Field(ge=1, le=LONGEST_LIFE.days)] = 90


async def account(call: Call) -> Reply:
    """GET /account."""
    identity = call.request[IDENTITY]
    return Reply(AccountShown(name=identity.name, role=identity.role))


async def listed(call: Call) -> Reply:
    """GET /users: by name."""
    async with call.app.store.connect() as conn:
        all = await stored.everybody(conn)
    some, next = paging.part(call.request, all, call.query, lambda one: one.id)
    return Reply(Page[UserShown](items=[_shown(one) for one in some], next=next or None), next=next)


async def one(call: Call) -> Reply:
    """GET /users/USER."""
    async with call.app.store.connect() as conn:
        return Reply(_shown(await _found(conn, call.part("user"))))


async def add(call: Call) -> Reply:
    """POST /users: a new account."""
    said = call.body
    try:
        made = await users.create(
            call.request, said.name, said.password.get_secret_value(), said.role, _site(call, said.everywhere)
        )
    except ValueError as error:
        raise Unfit(Fault("body", str(error))) from None
    return Reply(_shown(made), f"/users/{made.id}")


async def set_role(call: Call) -> Reply:
    """PATCH /users/USER/role: they have to sign in again."""
    said = call.body
    site = _site(call, said.everywhere)
    return await _changed(call, lambda conn, user: accounts.set_role(conn, by(call.request), user, site, said.role))


async def disable(call: Call) -> Reply:
    """POST /users/USER/disable: keep them out, at once."""
    return await _changed(call, lambda conn, user: accounts.set_disabled(conn, by(call.request), user, True))


async def enable(call: Call) -> Reply:
    """POST /users/USER/enable: let them in again."""
    return await _changed(call, lambda conn, user: accounts.set_disabled(conn, by(call.request), user, False))


async def drop_second_factor(call: Call) -> Reply:
    """POST /users/USER/second-factor/off: for somebody who has lost phone and recovery codes."""
    return await _changed(call, lambda conn, user: accounts.drop_totp(conn, by(call.request), user))


async def set_password(call: Call) -> Reply:
    """POST /users/USER/password: all their sessions end."""
    try:
        await users.give_password(call.request, call.part("user"), call.body.password.get_secret_value())
    except ValueError as error:
        raise Unfit(Fault("password", str(error))) from None
    return await one(call)


async def remove(call: Call) -> Reply:
    """DELETE /users/USER: forget them; the audit log does not."""
    async with call.app.store.begin() as conn:
        user = await users.other(conn, call.request, call.part("user"))
        call.require_unchanged(_shown(user))
        await accounts.remove(conn, by(call.request), user)
    return Reply(None)


async def token_list(call: Call) -> Reply:
    """GET /tokens: everybody's, the newest first."""
    async with call.app.store.connect() as conn:
        all = await stored_tokens.page(conn)
    some, next = paging.part(call.request, all, call.query, lambda one: one.id)
    return Reply(Page[TokenShown](items=[TokenShown.model_validate(one) for one in some], next=next or None), next=next)


async def make_token(call: Call) -> Reply:
    """POST /tokens: one for a program."""
    said = call.body
    try:
        secret, made = await tokens.issue(call.request, said.name, said.role, said.days)
    except ValueError as error:
        raise Unfit(Fault("body", str(error))) from None
    return Reply(_made(made, secret))


async def revoke_token(call: Call) -> Reply:
    """DELETE /tokens/TOKEN: anybody's; it opens nothing from now on."""
    await tokens.end(call.request, call.part("token"))
    return Reply(None)


async def _changed(call: Call, change: Callable[[AsyncConnection, User], Awaitable[None]]) -> Reply:
    """Change somebody else's account, if it is still as the caller has seen it. Raises 403, 404 and 412."""
    async with call.app.store.begin() as conn:
        user = await users.other(conn, call.request, call.part("user"))
        call.require_unchanged(_shown(user))
        await change(conn, user)
        return Reply(_shown(await _found(conn, user.id)))


async def _found(conn: AsyncConnection, id: str) -> User:
    # PostgreSQL takes no NUL, not even to look for it.
    user = await stored.get(conn, id) if id.isascii() and id.isalnum() else None
    if user is None:
        raise web.HTTPNotFound(text=f"There is no user {short(id, 60)!r}.")
    return user


def _site(call: Call, everywhere: bool) -> str:
    return EVERYWHERE if everywhere else call.app.config.site.id


def _shown(one: User) -> UserShown:
    return UserShown(
        id=one.id,
        name=one.name,
        created=one.created,
        roles=dict(sorted(one.roles.items())),
        disabled=one.disabled,
        second_factor=bool(one.totp),
        elsewhere=bool(one.subject),
    )


def _made(one: Token, secret: str) -> TokenMade:
    return TokenMade(**TokenShown.model_validate(one).model_dump(), secret=secret)
