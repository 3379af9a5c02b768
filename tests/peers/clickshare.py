"""A Barco ClickShare base unit's web API of the second version."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Any

from peers.canaries import canary
from peers.json_api import Asked
from peers.tcp import serving
from peers.web_api import Reply, WebApi

from probes._engines.api import basic

USERNAME = "admin"
PASSWORD = canary("clickshare")

STATUS = "GET /v2/configuration/system/status"
IDENTITY = "GET /v2/configuration/system/device-identity"
POWER = "GET /v2/configuration/system/power-management"
BUTTONS = "GET /v2/configuration/buttons"
OUTPUTS = "GET /v2/configuration/video-outputs"


def status(**changed: Any) -> dict[str, Any]:
    """How it is."""
    return {
        "errorCode": "Ok",
        "errorMessage": " ",
        "currentUptime": 1809,
        "totalUptime": 2291,
        "firstUsed": "2022-02-02T10:49:50",
        "inUse": False,
        "sharing": False,
        **changed,
    }


def button(number: int, connected: bool = False) -> dict[str, Any]:
    """A button that belongs to it."""
    return {
        "id": number,
        "serialNumber": f"18633525{number:02}",
        "connected": connected,
        "connectionCount": 17,
        "certificate": canary("clickshare-button"),
    }


def base_unit(**answers: Any) -> WebApi:
    """A base unit with two buttons and a display."""
    told: dict[str, Any] = {
        STATUS: status(),
        IDENTITY: {
            "articleNumber": "R9861522EU",
            "modelName": "C3010S",
            "productName": "CX-30",
            "serialNumber": "1863352437",
        },
        POWER: {"powerMode": "EcoStandby", "standbyTimeout": "10", "status": "On", "passkey": canary("wifi")},
        BUTTONS: [button(1, connected=True), button(2)],
        OUTPUTS: [{"connected": True, "resolution": "1920x1080"}, {"connected": False}],
    }
    return WebApi({**told, **answers}, door=_door)


def _door(asked: Asked) -> Reply | None:
    if asked.headers.get("authorization") == basic(USERNAME, PASSWORD)[0][1]:
        return None
    return Reply(None, 401, (("WWW-Authenticate", 'Basic realm="ClickShare"'),))


@asynccontextmanager
async def sharing(api: WebApi, tls: SSLContext) -> AsyncIterator[int]:
    """Serve as this base unit; yields the port."""
    async with serving(api.talk, tls=tls) as port:
        yield port
