"""Where the peers of kinds that are given secrets are served, until the stage is cleared."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peers import snmp_agent
from peers.canaries import canary
from peers.certificates import Authority
from peers.tcp import Talk, serving
from peers.web_api import WebApi

Settings = dict[str, Any]


class Secret(str):
    """A setting that is a secret."""

    __slots__ = ()


@dataclass
class Stage:
    """Where they are served until `stack` ends. `echoed` are their ports, with how an echo must speak to stand in."""

    stack: AsyncExitStack
    authority: Authority
    folder: Path
    echoed: dict[int, str] = field(default_factory=dict)

    async def serve(self, talk: Talk, tls: bool = False) -> int:
        """The port of one that speaks over TCP."""
        context = self.authority.issue().context() if tls else None
        port = await self.stack.enter_async_context(serving(talk, tls=context))
        self.echoed[port] = "tls" if tls else "tcp"
        return port

    async def web(self, api: WebApi) -> str:
        """The address of one on the web."""
        return f"http://127.0.0.1:{await self.serve(api.talk)}"

    async def appliance(self, api: WebApi) -> Settings:
        """How to reach one that is on the web over TLS."""
        port = await self.serve(api.talk, tls=True)
        return {"host": "127.0.0.1", "port": port, "ca_file": str(self.authority.file)}

    async def agent(self, rows: Mapping[str, Any]) -> Settings:
        """How to reach an SNMP agent with these instances."""
        agent = snmp_agent.snmp_agent(snmp_agent.serving(rows))
        port = await self.stack.enter_async_context(agent)
        self.echoed[port] = "udp"
        return {"host": "127.0.0.1", "port": port, "community": Secret(canary("community"))}
