"""Speaking to a Deskwatch that runs elsewhere: which one, with which token, and what to say if it does not answer."""

import asyncio
import os
import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import typer

from monitor.commands.console import FROM_AFAR, SERVER, Server, configured, err, stop
from monitor.hosts import is_loopback

if TYPE_CHECKING:
    from monitor.commands.client import Api

T = TypeVar("T")

TOKEN = "DESKWATCH_TOKEN"  # noqa: S105 - the name of a variable
LONGEST_TOKEN = 1000
"""Characters."""

_ON_THIS_MACHINE = ("init", "check", "run", "demo", "probe", "import", "reference")
"""Commands that no server has a part in: they take no notice of the one in the environment."""

_HOST = re.compile(r"[\w.:-]+")

Address = Annotated[
    str,
    typer.Option(
        "--server",
        envvar="DESKWATCH_SERVER",
        metavar="URL",
        help=f"Speak to the Deskwatch that runs there, with the token in {TOKEN} or in --token-file.",
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", envvar=f"{TOKEN}_FILE", metavar="FILE", help="The file that has the token in it."),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        "--ca-file",
        envvar="DESKWATCH_CA_FILE",
        metavar="FILE",
        help="The certificate of an authority of your own that has signed the server's.",
    ),
]


def choose(context: typer.Context, address: str, token_file: Path | None, ca_file: Path | None) -> None:
    """Have the command speak to a server, to none if there is no address; ends it for one that makes no sense."""
    SERVER.set(None)
    source, command = context.get_parameter_source("server"), context.invoked_subcommand
    typed = source is not None and source.name == "COMMANDLINE"
    if not address:
        return
    if command not in _ON_THIS_MACHINE:
        SERVER.set(Server(_origin(address), token_file, ca_file, typed))
    elif typed:
        stop(f"`deskwatch {command}` is for this machine alone; leave --server out. {FROM_AFAR}")


def with_server(far: Server, use: "Callable[[Api], Coroutine[Any, Any, T]]") -> T:
    """What `use` makes of what the server answers; ends the command with the reason if that is nothing."""
    from monitor.commands.client import RemoteError, asked

    token = _token(far)
    try:
        with err.status(f"Waiting for {far.address} ..."):
            return asyncio.run(asked(far.address, token, far.ca_file, use))
    except RemoteError as error:
        stop(str(error), code=error.code)


def clock(path: Path) -> ZoneInfo:
    """The zone of the site's clock, as the server says, or the configuration if none is asked."""
    from monitor.commands.answers import zone_of

    if far := SERVER.get():
        return with_server(far, zone_of)
    zone: ZoneInfo = configured(path).site.hours.zone
    return zone


def _origin(address: str) -> str:
    """The address as scheme, host and port; ends the command if it is more, or the token could be read on its way."""
    try:
        url = urlsplit(address.strip())
        port, host = url.port, url.hostname or ""
    except ValueError:  # the port is no number, or the brackets of an IPv6 address do not match
        _refuse()
    more = "@" in url.netloc or url.path not in ("", "/") or url.query or url.fragment
    if url.scheme not in ("http", "https") or not _HOST.fullmatch(host) or more:
        _refuse()
    if url.scheme == "http" and not is_loopback(host):
        stop(f"http://{host}: a token is not sent where everybody on the way can read it; use https://")
    return f"{url.scheme}://{f'[{host}]' if ':' in host else host}{'' if port is None else f':{port}'}"


def _refuse() -> NoReturn:
    # It is not repeated: a part of it may be a password.
    stop("what --server or DESKWATCH_SERVER says is no address; write it like https://deskwatch.example.org")


def _token(far: Server) -> str:
    """The token; ends the command if there is none, or what is there cannot be one."""
    file = far.token_file
    try:
        text = os.environ.get(TOKEN, "") if file is None else _beginning(file)
    except (OSError, UnicodeDecodeError) as error:
        stop(f"the token file {file} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}")
    token, place = text.strip(), TOKEN if file is None else file
    if not token:
        stop(
            f"there is no token in {place}: the page {far.address}/account makes one. Put it into {TOKEN}, or into a "
            "file that --token-file names"
        )
    if len(token) > LONGEST_TOKEN or not (token.isascii() and token.isprintable()) or " " in token:
        stop(f"what is in {place} is no token; it must be one word that begins with dwt_, and nothing else")
    return token


def _beginning(file: Path) -> str:
    with file.open(encoding="utf-8") as opened:
        return opened.read(2 * LONGEST_TOKEN)
