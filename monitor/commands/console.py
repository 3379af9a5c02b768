"""What the commands share: the configuration and its store, and how they print."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console

if TYPE_CHECKING:
    from monitor.people.accounts import By

T = TypeVar("T")

CONFIG = Path("site.yaml")
Site = Annotated[Path, typer.Argument(help="The configuration: a YAML file, or a folder of them.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def configured(path: Path) -> Any:
    """The configuration there; ends the command with all its problems if it has any."""
    from monitor.config import ConfigError, load

    try:
        return load(path)
    except ConfigError as error:
        stop(str(error), code=1)


def with_store(path: Path, use: Callable[[Any, Any], Coroutine[Any, Any, T]], writes: bool = False) -> T:
    """What `use` makes of the configuration and a connection to its store, in one transaction if it `writes`."""
    from monitor.store import Store, StoreError

    config = configured(path)

    async def used() -> T:
        store = await Store.open(config.storage.url.get_secret_value())
        try:
            async with store.begin() if writes else store.connect() as conn:
                return await use(config, conn)
        finally:
            await store.close()

    try:
        return asyncio.run(used())
    except StoreError as error:
        stop(str(error), code=1)


async def note(conn: Any, what: str, target: str, who: str = "") -> None:
    """Write into the audit log what a command has changed, in its transaction."""
    from monitor.store import audit_log

    by = operator()
    await audit_log.add(conn, (by._replace(who=who) if who else by).entry(what, target))


def operator() -> "By":
    """Whoever runs the command, by their name on this machine."""
    import getpass
    from datetime import UTC, datetime

    from monitor.people.accounts import By

    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in a container
        account = "unknown"
    return By(account, "command line", datetime.now(UTC))


def print_json(value: Any) -> None:
    """For programs."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """For people; the last columns may be missing from a row, and more than the columns are left out."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "id")
    for row in rows:
        # Text, not markup: names and words come from outside.
        table.add_row(*(Text(str(cell)) for cell in row[: len(columns)]))
    out.print(table)


def stop(message: str, code: int = 2) -> NoReturn:
    """End the command; status 2 is wrong usage, 1 a finding."""
    err.print(message, markup=False, soft_wrap=True)
    raise typer.Exit(code)
