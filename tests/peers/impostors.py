"""Somebody else in the place of a kind's peer: nobody at all, one who dies or dawdles, one who answers amiss."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from peers.canaries import canary
from peers.confidants import Come
from peers.outages import shut
from peers.stage import Secret, Settings, Stage
from peers.tcp import Talk, serving
from peers.web_api import Reply, WebApi
from pydantic import SecretStr

from probes import Failed, Measured, Unmeasured, load
from probes._engines import Engines

Ended = Measured | Failed | Unmeasured


@dataclass
class Nowhere(Stage):
    """A stage on which nobody appears: all are looked for on `port`."""

    port: int = 9

    async def serve(self, talk: Talk, tls: bool = False) -> int:
        self.echoed[self.port] = "tls" if tls else "tcp"
        return self.port

    async def agent(self, rows: Mapping[str, Any]) -> Settings:
        return {"host": "127.0.0.1", "port": self.port, "community": Secret(canary("community"))}


@dataclass
class Imposture(Stage):
    """A stage on which others appear instead of those who speak over TCP; `plain` ones know nothing of TLS."""

    instead: Callable[[Talk], Talk] = lambda talk: talk
    plain: bool = False

    async def serve(self, talk: Talk, tls: bool = False) -> int:
        return await super().serve(self.instead(talk), tls and not self.plain)


async def ended(come: Come, kind: str, stage: Stage, timeout: float = 60, change: Callable[[str], str] = str) -> Ended:
    """How a run of the kind ends there. No secret shows in that, and no more than a kind may say."""
    settings, probe, engines = _set(await come(stage), change), load(kind), Engines()
    params = probe.Params.model_validate(settings)
    outcome: Ended
    try:
        outcome = await probe(params, engines).measure(timeout)
    except (Failed, Unmeasured) as error:
        outcome = error
    finally:
        engines.close()
    assert "canary-" not in f"{params!r} {outcome!r} {outcome.detail} {getattr(outcome, '__cause__', '')}", kind
    assert outcome.detail.isprintable(), kind
    assert len(outcome.detail) < 400, kind
    if isinstance(outcome, Failed):
        assert outcome.reason in {*probe.reasons, "timeout"}, kind
    return outcome


def _set(settings: Any, change: Callable[[str], str]) -> Any:
    """Settings as a kind gets them, with their secrets in place."""
    match settings:
        case Secret():
            return SecretStr(change(settings))
        case str():
            return change(settings)
        case dict():
            return {name: _set(value, change) for name, value in settings.items()}
        case list():
            return [_set(value, change) for value in settings]
    return settings


def silent(_: Talk) -> Talk:
    """Listens."""

    async def listen(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    return listen


def resetting(_: Talk) -> Talk:
    """Wants nothing to do with anybody."""

    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return reset


def hanging_up(talk: Talk) -> Talk:
    """Begins to answer, and is gone."""

    async def once(said: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await said.read(1))
        await writer.drain()

    return _passing_on(talk, once)


def dawdling(talk: Talk) -> Talk:
    """Says what it has to say, at a byte a second."""

    async def slowly(said: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while byte := await said.read(1):
            writer.write(byte)
            await writer.drain()
            await asyncio.sleep(1)

    return _passing_on(talk, slowly)


def _passing_on(talk: Talk, back: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> Talk:
    """Passes on what it is asked, and by `back` what is answered."""

    async def forth(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while heard := await reader.read(65_536):
                writer.write(heard)

    async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with serving(talk) as port:
            said, asking = await asyncio.open_connection("127.0.0.1", port)
            passing = asyncio.create_task(forth(reader, asking))
            try:
                await back(said, writer)
            finally:
                passing.cancel()
                asking.transport.abort()

    return between


def amiss(reply: Reply, spared: tuple[str, ...] = ()) -> Callable[[Talk], Talk]:
    """A web API that answers everything like this, except at paths that end like those that are spared."""

    def instead(talk: Talk) -> Talk:
        api = getattr(talk, "__self__", None)
        if not isinstance(api, WebApi):
            return WebApi(door=lambda _: reply).talk
        return shut(api, reply, spared).talk

    return instead
