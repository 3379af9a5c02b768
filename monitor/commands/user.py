"""`deskwatch user`: who may sign in, and the tokens of programs; on the store, for when nobody can sign in."""

import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.commands.console import CONFIG, Json, Site, Where, operator, out, print_json, print_table, stop, with_store

if TYPE_CHECKING:
    from monitor.store.users import User

user = typer.Typer(help="Users: who may sign in, and what they may do.", no_args_is_help=True)
token = typer.Typer(help="Tokens of programs.", no_args_is_help=True)
user.add_typer(token, name="token")

Name = Annotated[str, typer.Argument(help="The user's name, as they sign in.")]
RoleName = Annotated[str, typer.Option("--role", help="viewer looks, operator acts, admin changes who may.")]
Everywhere = Annotated[bool, typer.Option("--all-sites", help="At all sites, not just this one.")]


@user.command("add", epilog="Example: deskwatch user add ana --role admin")
def add_user(name: Name, role: RoleName, path: Site = CONFIG, all_sites: Everywhere = False) -> None:
    """Make an account. The password is asked for, or read from standard input."""
    from monitor.people import accounts
    from monitor.people.roles import given

    async def added(config: Any, conn: Any) -> str:
        made = await accounts.add(conn, operator(), name, {_place(config, all_sites): given(role)}, stored)
        return made.name

    stored = _hashed(accounts.folded(name))
    out.print(f"{_done(path, added)}: may sign in", markup=False)


@user.command("list", epilog="Example: deskwatch user list --json")
def list_users(path: Site = CONFIG, as_json: Json = False) -> None:
    """Everybody who may sign in, and what they may do."""
    from monitor.store import users

    async def listed(_config: Any, conn: Any) -> list[dict[str, Any]]:
        return [_record(one) for one in await users.everybody(conn)]

    rows = with_store(path, listed)
    if as_json:
        print_json(rows)
    else:
        columns = ("name", "roles", "second factor", "state")
        print_table("Users", columns, [_row(row) for row in rows])


@user.command("disable", epilog="Example: deskwatch user disable ana")
def disable_user(name: Name, path: Site = CONFIG) -> None:
    """Keep somebody out: their sessions end at once, and their tokens open nothing."""
    from monitor.people import accounts

    _change(path, name, lambda conn, one: accounts.set_disabled(conn, operator(), one, True), "kept out")


@user.command("enable", epilog="Example: deskwatch user enable ana")
def enable_user(name: Name, path: Site = CONFIG) -> None:
    """Let somebody in again."""
    from monitor.people import accounts

    _change(path, name, lambda conn, one: accounts.set_disabled(conn, operator(), one, False), "may sign in again")


@user.command("password", epilog="Example: deskwatch user password ana")
def set_password(name: Name, path: Site = CONFIG) -> None:
    """Set a new password, asked for or read from standard input; their sessions end at once."""
    from monitor.people import accounts

    stored = _hashed(accounts.folded(name))
    _change(path, name, lambda conn, one: accounts.set_password(conn, operator(), one, stored), "has a new password")


@user.command("role", epilog="Example: deskwatch user role ana operator")
def set_role(
    name: Name,
    role: Annotated[str, typer.Argument(help="viewer, operator, admin, or none.")],
    path: Site = CONFIG,
    all_sites: Everywhere = False,
) -> None:
    """Change what somebody may do at this site, or at all of them; their sessions end at once."""
    from monitor.people import accounts
    from monitor.people.roles import given

    async def changed(config: Any, conn: Any) -> None:
        wanted = None if role == "none" else given(role)
        await accounts.set_role(conn, operator(), await _found(conn, name), _place(config, all_sites), wanted)

    _done(path, changed)
    out.print(f"{name}: {role}", markup=False)


@user.command("remove", epilog="Example: deskwatch user remove ana")
def remove_user(name: Name, path: Site = CONFIG) -> None:
    """Forget somebody with their tokens; the audit log does not."""
    from monitor.people import accounts

    _change(path, name, lambda conn, one: accounts.remove(conn, operator(), one), "removed")


@user.command("totp-reset", epilog="Example: deskwatch user totp-reset ana")
def reset_totp(name: Name, path: Site = CONFIG) -> None:
    """Switch the authenticator app off, for somebody who has lost phone and recovery codes."""
    from monitor.people import accounts

    _change(path, name, lambda conn, one: accounts.drop_totp(conn, operator(), one), "signs in with the password alone")


@token.command("add", epilog="Example: deskwatch user token add grafana --role viewer --days 365")
def add_token(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    role: RoleName = "viewer",
    days: Annotated[int, typer.Option(help="For how long it works.", min=1, max=366)] = 90,
    path: Where = CONFIG,
    of: Annotated[str, typer.Option(help="The user it is for; it then may at most what they may.")] = "",
) -> None:
    """Make a token and print it: it is not shown again."""
    from datetime import timedelta

    from monitor.people import accounts
    from monitor.people.roles import given

    async def made(config: Any, conn: Any) -> str:
        owner = await _found(conn, of) if of else None
        life = timedelta(days=days)
        secret, _ = await accounts.issue(conn, operator(), name, given(role), life, config.site.id, owner)
        return secret

    sys.stdout.write(f"{_done(path, made)}\n")


@token.command("list", epilog="Example: deskwatch user token list --json")
def list_tokens(path: Site = CONFIG, as_json: Json = False) -> None:
    """All tokens, also those that have expired."""
    from monitor.store import tokens, users

    async def listed(_config: Any, conn: Any) -> list[dict[str, Any]]:
        names = {one.id: one.name for one in await users.everybody(conn)}
        return [
            {
                "id": one.id,
                "name": one.name,
                "user": names.get(one.user or "", ""),
                "role": str(one.role),
                "expires": _said(one.expires),
                "last used": _said(one.seen),
            }
            for one in await tokens.page(conn)
        ]

    rows = with_store(path, listed)
    if as_json:
        print_json(rows)
    else:
        columns = ("id", "name", "user", "role", "expires", "last used")
        print_table("Tokens", columns, [tuple(row[name] for name in columns) for row in rows])


@token.command("revoke", epilog="Example: deskwatch user token revoke 01JD...")
def revoke_token(
    id: Annotated[str, typer.Argument(help="The token's id, as `deskwatch user token list` shows it.")],
    path: Site = CONFIG,
) -> None:
    """End a token at once."""
    from monitor.people import accounts

    async def revoked(_config: Any, conn: Any) -> Any:
        return await accounts.revoke(conn, operator(), id)

    if _done(path, revoked) is None:
        stop(f"there is no token {id}; `deskwatch user token list` shows them", code=1)
    out.print(f"{id}: works no more", markup=False)


def _change(path: Path, name: str, change: "Callable[[Any, User], Coroutine[Any, Any, None]]", said: str) -> None:
    async def changed(_config: Any, conn: Any) -> None:
        await change(conn, await _found(conn, name))

    _done(path, changed)
    out.print(f"{name}: {said}", markup=False)


def _done(path: Path, use: Callable[[Any, Any], Coroutine[Any, Any, Any]]) -> Any:
    """What became of a change; ends the command with the reason if it cannot be made."""
    try:
        return with_store(path, use, writes=True)
    except ValueError as error:
        stop(str(error), code=1)


async def _found(conn: Any, name: str) -> "User":
    """The user of that name. Raises ValueError."""
    from monitor.people.accounts import folded
    from monitor.store import users

    found = await users.named(conn, folded(name))
    if found is None:
        raise ValueError(f"there is no user {name!r}; `deskwatch user list` shows them")
    return found


def _hashed(name: str) -> str:
    """The hash of the password that somebody types twice, or that stands in the first line of standard input."""
    import asyncio

    from monitor.people.passwords import Passwords, objection

    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if reason := objection(password, name):
        stop(reason, code=1)
    return asyncio.run(Passwords().hashed(password))


def _place(config: Any, all_sites: bool) -> str:
    from monitor.people.roles import EVERYWHERE

    return EVERYWHERE if all_sites else str(config.site.id)


def _record(one: "User") -> dict[str, Any]:
    return {
        "name": one.name,
        "roles": {site: str(role) for site, role in one.roles.items()},
        "second_factor": bool(one.totp),
        "elsewhere": bool(one.subject),
        "disabled": one.disabled,
        "created": _said(one.created),
    }


def _row(record: dict[str, Any]) -> tuple[str, ...]:
    roles = "\n".join(f"{role} at {'all sites' if site == '*' else site}" for site, role in record["roles"].items())
    factor = "elsewhere" if record["elsewhere"] else "on" if record["second_factor"] else "off"
    return record["name"], roles or "none", factor, "kept out" if record["disabled"] else "may sign in"


def _said(at: Any) -> str:
    return "" if at is None else at.isoformat(timespec="seconds")
