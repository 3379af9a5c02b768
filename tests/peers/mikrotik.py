"""A MikroTik router's REST API, as far as it tells of tests, interfaces and routes: all values are texts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext

from peers.canaries import canary
from peers.json_api import Asked
from peers.tcp import serving
from peers.web_api import Reply, WebApi

from probes._engines.api import basic

USERNAME = "deskwatch"
PASSWORD = canary("mikrotik-password")

Row = dict[str, str]


def watch(comment: str, status: str = "up", host: str = "192.0.2.1", **more: str) -> Row:
    """A test of netwatch."""
    test = {".id": "*1", "comment": comment, "disabled": "false", "host": host, "status": status, "type": "icmp"}
    secret = {"up-script": canary("mikrotik-script")}
    return {**test, **secret, **{name.replace("_", "-"): value for name, value in more.items()}}


def interface(name: str, comment: str = "", running: bool = True, disabled: bool = False) -> Row:
    """An interface."""
    state = {"running": str(running).lower(), "disabled": str(disabled).lower()}
    return {".id": "*2", "name": name, "type": "ether", **({"comment": comment} if comment else {}), **state}


def route(leads: str, active: bool = True, **more: str) -> Row:
    """A default route."""
    found = {".id": "*3", "dst-address": "0.0.0.0/0", "gateway": "192.0.2.1", "immediate-gw": leads}
    return {**found, **({"active": "true"} if active else {}), **more}


@dataclass
class Router:
    """What a router has in its lists. It gives the fields that are asked for, and the rows that the query describes."""

    watches: list[Row] = field(default_factory=list)
    interfaces: list[Row] = field(default_factory=list)
    routes: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api = WebApi(
            {
                "GET /rest/tool/netwatch": lambda asked: _listed(self.watches, asked),
                "GET /rest/interface": lambda asked: _listed(self.interfaces, asked),
                "GET /rest/ip/route": lambda asked: _listed(self.routes, asked),
            },
            door=_door,
        )


def _door(asked: Asked) -> Reply | None:
    if asked.headers.get("authorization") == basic(USERNAME, PASSWORD)[0][1]:
        return None
    return Reply({"error": 401, "message": "Unauthorized"}, 401)


def _listed(rows: list[Row], asked: Asked) -> list[Row]:
    wanted = {name: asked.one(name) for name in asked.query if name != ".proplist"}
    fields = asked.one(".proplist").split(",")
    fitting = [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]
    return [{name: row[name] for name in fields if name in row} for row in fitting]


@asynccontextmanager
async def routing(router: Router, tls: SSLContext) -> AsyncIterator[int]:
    """Serve as this router; yields the port."""
    async with serving(router.api.talk, tls=tls) as port:
        yield port
