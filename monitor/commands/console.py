"""What the commands share: the configuration and its store, and how they print."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console

from language import speak

if TYPE_CHECKING:
    from rich.text import Text

    from monitor.people.accounts import By

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Server:
    """A Deskwatch that runs at an address without a path; `typed` says that it is from the command line itself."""

    address: str
    token_file: Path | None = None
    ca_file: Path | None = None
    typed: bool = False


SERVER: ContextVar[Server | None] = ContextVar("SERVER", default=None)
"""The server that this run of the command speaks to, as its options and the environment say."""
FROM_AFAR = "Through a server work status, incidents, silence, oncall, why and report."
"""What to do instead, where a command has no part in it."""


def named_here(context: typer.Context, param: typer.CallbackParam, path: Path) -> Path:
    """The configuration that was typed counts more than a server of the environment; beside --server it is an error."""
    source, far = context.get_parameter_source(param.name or ""), SERVER.get()
    if far is not None and source is not None and source.name == "COMMANDLINE":
        if far.typed:
            stop(f"{path} and --server are two places; leave one of them out")
        SERVER.set(None)
    return path


_HELP = "The configuration: a YAML file, or a folder of them."

CONFIG = Path("site.yaml")
Site = Annotated[Path, typer.Argument(help=_HELP, callback=named_here)]
Where = Annotated[Path, typer.Option("--site", help=_HELP, callback=named_here)]
Author = Annotated[str, typer.Option("--by", help="Who does it. A server takes the name of the token instead.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


class Terminal(Console):
    """A terminal that shows what devices and people say, and obeys none of it."""

    def render_str(self, text: str, **options: Any) -> "Text":
        """The text with every character made visible that would clear, colour or turn around others."""
        from monitor.escaping import visible

        return super().render_str(visible(text.replace("\r\n", "\n")), **options)


out = Terminal(highlight=False)
err = Terminal(stderr=True, highlight=False)


def configured(path: Path) -> Any:
    """The configuration there; ends the command with all its problems if it has any."""
    from monitor.config import ConfigError, load

    if far := SERVER.get():
        stop(f"{far.address}: this works only beside the configuration: run it there, or name one here. {FROM_AFAR}")
    try:
        return load(path)
    except ConfigError as error:
        stop(str(error), code=1)


def with_store(path: Path, use: Callable[[Any, Any], Coroutine[Any, Any, T]], writes: bool = False) -> T:
    """What `use` makes of the configuration and a connection to its store, in one transaction if it `writes`."""
    from monitor.store import Store, StoreError

    config = configured(path)

    async def used() -> T:
        speak(lambda: config.site.language)
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


def given(text: str, what: str) -> str:
    """What was typed, on one line; ends the command if that is nothing."""
    from incidents.messages import plain

    line = plain(text)
    if not line:
        stop(f"the {what} must not be empty")
    return line


def author(by: str) -> str:
    """Who does it, as they must say; "" through a server, which knows it from the token."""
    if SERVER.get() is None:
        return given(by, "name of who does it, --by,")
    if by:
        stop("leave --by out: the server writes down the name of the token")
    return ""


def print_json(value: Any) -> None:
    """For programs."""
    from monitor.escaping import as_json

    sys.stdout.write(as_json(value) + "\n")


def print_table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """For people; the last columns may be missing from a row, and more than the columns are left out."""
    from rich.table import Table
    from rich.text import Text

    from monitor.escaping import visible

    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "id")
    for row in rows:
        # Text, not markup: names and words come from outside.
        table.add_row(*(Text(visible(str(cell))) for cell in row[: len(columns)]))
    out.print(table)


def stop(message: str, code: int = 2) -> NoReturn:
    """End the command; status 2 is wrong usage, 1 a finding."""
    err.print(message, markup=False, soft_wrap=True)
    raise typer.Exit(code)
