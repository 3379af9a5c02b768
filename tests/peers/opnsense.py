"""An OPNsense firewall's API, as far as it tells of gateways."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Any

from peers.canaries import canary
from peers.json_api import Asked
from peers.tcp import serving
from peers.web_api import Reply, WebApi

from probes._engines.api import basic

KEY = canary("opnsense-key")
SECRET = canary("opnsense-secret")
STATUS = "GET /api/routes/gateway/status"


def gateway(name: str, status: str = "none", translated: str = "Online", **figures: str) -> dict[str, Any]:
    """A gateway; one that is not watched has "~" for its figures."""
    measured = {"loss": "0.0 %", "delay": "12.3 ms", "stddev": "0.4 ms", **figures}
    said = {"name": name, "address": "198.51.100.1", "status": status, "status_translated": translated}
    return {**said, **measured, "password": canary("opnsense-ppp")}


def firewall(*gateways: Any) -> WebApi:
    """The API of a firewall with these gateways."""
    return WebApi({STATUS: {"items": list(gateways), "status": "ok"}}, door=_door)


def _door(asked: Asked) -> Reply | None:
    if asked.headers.get("authorization") == basic(KEY, SECRET)[0][1]:
        return None
    return Reply({"status": 401, "message": "Authentication Failed"}, 401)


@asynccontextmanager
async def guarding(api: WebApi, tls: SSLContext) -> AsyncIterator[int]:
    """Serve as this firewall; yields the port."""
    async with serving(api.talk, tls=tls) as port:
        yield port
