"""Talks to a device over one TCP connection that is closed whatever happens, and says what went wrong."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from pydantic import Field

from probes._base import Failed, Params
from probes._engines import connect as connections
from probes._engines.connect import connect, network_failure, open_socket
from probes._engines.resolve import Host, resolve

REASONS = {**connections.REASONS, "malformed": "what answered does not follow the device's protocol"}
"""The reasons for which talking to a device fails; "timeout" comes with every kind."""


class DeviceParams(Params):
    """Where a device is."""

    host: Annotated[Host, Field(description="host name or address of the device")]
    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port")]

    @property
    def target(self) -> str:
        """The host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """`host`, `host:port`, `[address]:port`."""
        host, colon, port = target.rpartition(":")
        if not colon or (":" in host and not host.endswith("]")):
            return {"host": target.strip("[]")}
        return {"host": host.strip("[]"), "port": port}


class Device:
    """The connection to a device. `waits_for` is what comes next, in words."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.waits_for = "anything"
        self._reader = reader
        self._writer = writer

    @property
    def local(self) -> tuple[str, int]:
        """Our own address and port, as the device sees them if nothing stands between."""
        address, port = self._writer.get_extra_info("sockname")[:2]
        return address, port

    async def secure(self, context: ssl.SSLContext, name: str | None = None) -> None:
        """Go on over TLS, with the device that calls itself `name`."""
        self.waits_for = "TLS to be agreed on"
        await self._writer.start_tls(context, server_hostname=name)

    async def say(self, words: bytes) -> None:
        """Send something."""
        self._writer.write(words)
        await self._writer.drain()

    async def line(self, waits_for: str, end: bytes = b"\r") -> bytes:
        """What comes up to and without `end`. Raises Failed "malformed" when that is too long."""
        self.waits_for = waits_for
        try:
            return (await self._reader.readuntil(end)).removesuffix(end)
        except asyncio.LimitOverrunError:
            raise Failed("malformed", f"{waits_for} does not end") from None

    async def exactly(self, count: int, waits_for: str) -> bytes:
        """The next `count` bytes."""
        self.waits_for = waits_for
        return await self._reader.readexactly(count)

    def hang_up(self) -> None:
        """Close the connection; what was not yet sent is lost."""
        self._writer.transport.abort()


@asynccontextmanager
async def device(params: DeviceParams, timeout: float, most: int) -> AsyncIterator[Device]:
    """A connection to a device for `timeout` seconds, whose answers are `most` bytes long at most.

    Whatever the network does in the meantime is raised as Failed or Unmeasured.
    """
    found = await resolve(params.host, "auto", timeout)
    talk: Device | None = None
    try:
        async with asyncio.timeout(timeout - found.took):
            opened = open_socket(socket.SOCK_STREAM, found.version)
            try:
                await connect(opened, found, params.port)
                talk = Device(*await asyncio.open_connection(sock=opened, limit=most))
                yield talk
            finally:
                if talk is not None:
                    talk.hang_up()
                opened.close()
    except TimeoutError:
        waited_for = "the connection" if talk is None else talk.waits_for
        raise Failed("timeout", f"{params.target}: still waiting for {waited_for} after {timeout:g} s") from None
    except EOFError:
        waited_for = "" if talk is None else talk.waits_for
        detail = f"{params.target} closed the connection instead of {waited_for}; it may serve one guest at a time"
        raise Failed("closed", detail) from None
    except ssl.SSLError as error:
        raise Failed(
            "tls_failed", f"{params.target}: {str(error.reason or error).replace('_', ' ').lower()}"
        ) from error
    except OSError as error:
        raise network_failure(error, params.target) from error
