"""Somebody else in the place of a kind's peer: nobody, one who dies or dawdles, one who answers amiss."""

import asyncio
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from peers.stage import Settings, Stage
from peers.tcp import Talk
from pydantic import SecretStr

from probes import Failed, Measured, Unmeasured, load
from probes._engines import Engines


@dataclass
class Nowhere(Stage):
    """A stage on which nobody appears: who should be met there is looked for on `port`."""

    port: int = 9

    async def serve(self, talk: Talk, tls: bool = False) -> int:
        return self.port

    async def agent(self, rows: Mapping[str, Any]) -> Settings:
        return {"host": "127.0.0.1", "port": self.port, "community": SecretStr("canary-community")}


@dataclass
class Imposture(Stage):
    """A stage on which somebody else takes the place of everybody who speaks over TCP; `plain` also of their TLS."""

    instead: Callable[[Talk], Talk] = lambda talk: talk
    plain: bool = False

    async def serve(self, talk: Talk, tls: bool = False) -> int:
        return await Stage.serve(self, self.instead(talk), tls and not self.plain)


def resolved(settings: Any, change: Callable[[str], str] = str) -> Any:
    """Settings as a check gets them, with their secrets in place."""
    match settings:
        case str():
            return settings
        case dict():
            return settings
    return settings
