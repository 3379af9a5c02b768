"""Asks a NUT server, such as upsd on a NAS or a Raspberry Pi, for the state of a UPS that hangs on its USB port."""

import asyncio
import re
import socket
from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from probes import Failed, Measured, Params, Probe, Unmeasured
from probes._engines import ups
from probes._engines.connect import REASONS, connect, network_failure, open_socket
from probes._engines.excerpt import excerpt
from probes._engines.resolve import Family, Host, Resolved, resolve
from probes._engines.ups import Ups
from probes._secrets import Secret

PORT = 3493
"""The port that IANA gave to NUT."""

_LONGEST_LINE = 4096
_MOST_LINES = 1000
_LINE = re.compile(r'(?:UPS|VAR \S+) (\S+) "((?:[^"\\]|\\.)*)"')
_INPUT = re.compile(r"input(\.L[1-3](-N)?)?\.voltage")
_LOST = ("DRIVER-NOT-CONNECTED", "DATA-STALE")
_DENIED = ("ACCESS-DENIED", "USERNAME-REQUIRED", "PASSWORD-REQUIRED", "INVALID-USERNAME", "INVALID-PASSWORD")


class NutParams(Params):
    """Which NUT server to ask, and for which UPS."""

    host: Annotated[Host, Field(description="host name or address of the NUT server")]
    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port of the NUT server")] = PORT
    ups: Annotated[
        str,
        Field(
            max_length=64,
            pattern=r"^[^\s@\"\\\x00-\x1f]*$",
            description="name of the UPS on the server; not needed where there is one only",
        ),
    ] = ""
    username: Annotated[
        str,
        Field(max_length=64, pattern=r"^[^\s\"\\\x00-\x1f]*$", description="user of the NUT server, if it wants one"),
    ] = ""
    password: Annotated[Secret | None, Field(description="password of that user, sent in clear")] = None
    family: Annotated[Family, Field(description="IP version: auto takes what the machine itself would use")] = "auto"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if bool(self.username) != (self.password is not None):
            raise ValueError("username and password need each other")
        if self.password is not None and not self.password.get_secret_value().isprintable():
            raise ValueError("the password must be one line of printable characters")
        return self

    @property
    def target(self) -> str:
        """The host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """`ups@host`, as NUT writes it, or the host alone."""
        name, _, host = target.rpartition("@")
        return {"host": host, "ups": name}


class Nut(Probe[NutParams]):
    """Whether a UPS behind a NUT server feeds what hangs on it, and whether its battery would hold."""

    Params = NutParams
    metrics = ups.METRICS
    reasons: ClassVar = {
        **REASONS,
        **ups.REASONS,
        "auth_failed": "the NUT server does not let us read: user, password or our address",
        "unexpected": "what answers does not speak as a NUT server does",
    }
    rules = ups.RULES

    async def measure(self, timeout: float) -> Measured:
        """Log in if asked to, choose the UPS, read all its variables."""
        until = asyncio.get_running_loop().time() + timeout
        found = await resolve(self.params.host, self.params.family, timeout)
        target = self.params.target
        try:
            async with asyncio.timeout_at(until):
                name, variables = await self._visit(found)
        except TimeoutError:
            raise Failed("timeout", f"{target} did not tell everything within {timeout:g} s") from None
        except EOFError:
            raise Failed("closed", f"{target} closed the connection before it had told everything") from None
        except OSError as error:
            raise network_failure(error, target) from error
        return ups.verdict(f"{name}@{target}", state(variables))

    async def _visit(self, found: Resolved) -> tuple[str, Mapping[str, str]]:
        opened = open_socket(socket.SOCK_STREAM, found.version)
        try:
            await connect(opened, found, self.params.port)
            reader, writer = await asyncio.open_connection(sock=opened, limit=_LONGEST_LINE)
            try:
                return await self._read(_Conversation(self.params.target, reader, writer))
            finally:
                writer.transport.abort()
        finally:
            opened.close()

    async def _read(self, server: "_Conversation") -> tuple[str, Mapping[str, str]]:
        """The name of the UPS and its variables."""
        params = self.params
        if params.password is not None:
            await server.ask(f"USERNAME {params.username}")
            await server.ask(f"PASSWORD {_quoted(params.password.get_secret_value())}")
        name = params.ups or _only(params.target, await server.list("UPS"))
        return name, await server.list(f"VAR {name}")


class _Conversation:
    """Questions to a NUT server and its answers, line by line."""

    def __init__(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._target = target
        self._reader = reader
        self._writer = writer

    async def ask(self, command: str) -> str:
        """The first line of the answer. Raises what an error in it stands for."""
        self._writer.write(f"{command}\n".encode())
        await self._writer.drain()
        answer = await self._line()
        if answer.startswith("ERR "):
            raise refusal(self._target, answer.split()[1], command.split()[0])
        return answer

    async def list(self, of: str) -> dict[str, str]:
        """The rows of a list: what each ends with, by the name before it."""
        if await self.ask(f"LIST {of}") != f"BEGIN LIST {of}":
            raise self._unexpected("no list")
        found: dict[str, str] = {}
        for _ in range(_MOST_LINES):
            line = await self._line()
            if line == f"END LIST {of}":
                return found
            row = _LINE.fullmatch(line)
            if row is None:
                raise self._unexpected(excerpt(line))
            found[row[1]] = re.sub(r"\\(.)", r"\1", row[2])
        raise self._unexpected("a list without end")

    async def _line(self) -> str:
        try:
            line = await self._reader.readline()
        except ValueError:  # longer than the limit
            raise self._unexpected("a line without end") from None
        if not line.endswith(b"\n"):
            raise EOFError
        return line.decode("utf-8", "replace").strip()

    def _unexpected(self, said: str) -> Failed:
        return Failed("unexpected", f"{self._target} does not speak as a NUT server does: {said}")


def refusal(target: str, word: str, command: str) -> Failed | Unmeasured:
    """What an error of a NUT server stands for; `command` is what it refused."""
    if word in _LOST:
        return Failed("ups_lost", f"{target} has lost the UPS ({excerpt(word)}); look at its USB cable and driver")
    if word in _DENIED:
        return Failed("auth_failed", f"{target} does not let us read ({excerpt(word)}); check user, password, address")
    if word == "UNKNOWN-UPS":
        return Unmeasured("no_source", f"{target} knows no UPS of that name; `upsc -l` on the server lists them")
    return Failed("unexpected", f"{target} answered {command} with {excerpt(word)}")


def state(variables: Mapping[str, str]) -> Ups:
    """The state of a UPS in its variables. What it does while it tests or calibrates its battery is no outage."""
    flags = set(variables.get("ups.status", "").split())
    result = variables.get("ups.test.result", "").lower()
    inputs = [_number(variables, name) for name in variables if _INPUT.fullmatch(name)]
    return Ups(
        output_off="OFF" in flags,
        on_battery="OB" in flags and not flags & {"CAL", "TEST"} if flags & {"OL", "OB", "BYPASS"} else None,
        input_volts=max((volts for volts in inputs if volts is not None), default=None),
        runtime_seconds=_number(variables, "battery.runtime"),
        charge_ratio=_number(variables, "battery.charge", 0.01),
        load_ratio=_number(variables, "ups.load", 0.01),
        battery_low="LB" in flags,
        replace_battery="RB" in flags,
        on_bypass="BYPASS" in flags,
        overloaded="OVER" in flags,
        test_failed="fail" in result or "error" in result if result else None,
        battery_celsius=_number(variables, "battery.temperature"),
        battery_volts=_number(variables, "battery.voltage"),
        output_volts=_number(variables, "output.voltage"),
        output_watts=_number(variables, "ups.realpower"),
        input_hertz=_number(variables, "input.frequency"),
    )


def _only(target: str, known: Mapping[str, str]) -> str:
    """The name of the only UPS of a server."""
    if len(known) == 1:
        return next(iter(known))
    names = ", ".join(list(known)[:10]) or "none"
    raise Unmeasured("no_source", f"{target} has {names}; name one of them in ups")


def _number(variables: Mapping[str, str], name: str, factor: float = 1) -> float | None:
    """A variable that must not be negative: less than nothing is how drivers say that they do not know."""
    found = re.fullmatch(r"\d{1,15}(\.\d{1,15})?", variables.get(name, ""), re.ASCII)
    return float(found[0]) * factor if found else None


def _quoted(word: str) -> str:
    escaped = word.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'
