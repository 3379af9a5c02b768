"""`deskwatch links`: withdraw the links in messages that were sent."""

from typing import Annotated, Any

import typer

from monitor.commands.console import CONFIG, Site, out, stop, with_store

links = typer.Typer(help="The links in messages: withdraw those that were sent.", no_args_is_help=True)


@links.command("revoke", epilog="Example: deskwatch links revoke ben/phone")
def revoke_links(
    destination: Annotated[str, typer.Argument(help="Where they were sent: a route's id, or that of a contact.")],
    path: Site = CONFIG,
) -> None:
    """Make all links void that were sent to a destination until now, as when a phone was lost."""
    from datetime import UTC, datetime

    from monitor.store import links as stored

    async def revoked(config: Any, conn: Any) -> None:
        if destination not in config.destinations:
            known = ", ".join(sorted(config.destinations)) or "none"
            raise ValueError(f"there is no destination {destination!r}; the configuration has: {known}")
        await stored.revoke(conn, destination, datetime.now(UTC))

    try:
        with_store(path, revoked, writes=True)
    except ValueError as error:
        stop(str(error))
    out.print(f"{destination}: the links sent until now are void; the next message brings one that works", markup=False)


@links.command("renew", epilog="Example: deskwatch links renew, then reload the running service")
def renew_links(path: Site = CONFIG) -> None:
    """Make all links void and sign with a new key, as when a copy of the database is in the wrong hands."""
    from monitor.store import links as stored

    async def forgotten(_config: Any, conn: Any) -> None:
        await stored.forget_keys(conn)

    with_store(path, forgotten, writes=True)
    out.print("All links are void. A running service signs with a new key once it is reloaded or restarted.")
