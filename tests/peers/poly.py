"""A Poly Trio's REST API, as public recordings show what it answers to a reader."""

import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from peers.canaries import canary
from peers.json_api import Asked
from peers.tcp import serving
from peers.web_api import Reply, WebApi

PASSWORD = canary("poly-password")
SIP, PAIRED, STATS, NETWORK, DEVICE, CALLS = (
    f"GET /api/{path}"
    for path in (
        "v1/webCallControl/sipStatus",
        "v1/mgmt/mrpair/info",
        "v1/mgmt/device/stats",
        "v1/mgmt/network/stats",
        "v2/mgmt/device/info",
        "v2/webCallControl/callStatus",
    )
)

_SIGNED = base64.b64encode(f"Polycom:{PASSWORD}".encode()).decode()


def told(data: Any, status: str = "2000") -> dict[str, Any]:
    """An answer of the API: it says in the body how it went."""
    return {"data": data, "Status": status}


def registration(*states: str) -> dict[str, Any]:
    """The lines of a Trio, in these states."""
    events = [
        {"Type": "Register", "RegistrationState": state, "CallID": canary("poly-call-id"), "Expires": "6"}
        for state in states
    ]
    users = [
        {"Events": [event, {"Type": "Subscribe"}], "Name": "trio8800", "LineNumber": "1", "TotalCalls": "0"}
        for event in events
    ]
    return told({"TotalUser": str(len(users)), "User": users})


def paired(*kinds: str) -> dict[str, Any]:
    """What is paired, by the type of its components."""
    parts = [
        {
            "componentType": kind,
            "componentName": "A part",
            "componentDetail": canary("poly-pairing"),
            "componentUri": "",
        }
        for kind in kinds
    ]
    return told({"ConnectedDeviceList": [{"ComponentList": parts}]})


def trio() -> WebApi:
    """A Trio with a camera and a display, registered and idle."""
    return WebApi(
        {
            SIP: registration("Registered"),
            PAIRED: paired("cameraSrc", "audioSrcSink", "displayUI", "contentSrc"),
            STATS: told(
                {
                    "CPU": {"Current": "35.5", "Average": "32.9"},
                    "Memory": {"Used": "274051072", "Free": "245944320", "Total": "519995392", "SReclaim": "14053376"},
                    "RAMDiskSize": "67108864",
                }
            ),
            NETWORK: told({"RxPackets": "1617177", "UpTime": "1 day 1:41:50", "TxPackets": "1279022"}),
            DEVICE: told(
                {
                    "ModelNumber": "Trio 8800",
                    "Firmware": {"Application": "7.2.2.1094 28-Feb-22 15:29", "Updater": "7.2.2.1094"},
                    "AppState": "AppStateMenu",
                    "MACAddress": "112233445566",
                    "ReadyToUse": "True",
                }
            ),
            CALLS: told([]),
        },
        door=_let_in,
    )


def call(state: str) -> dict[str, str]:
    """A call as it is listed, with who is on the line."""
    return {"CallState": state, "RemotePartyName": canary("poly-caller"), "CallHandle": "41c2c008"}


def _let_in(asked: Asked) -> Reply | None:
    return None if asked.headers.get("authorization") == f"Basic {_SIGNED}" else Reply(b"", 401)


@asynccontextmanager
async def answering(system: WebApi, tls: ssl.SSLContext) -> AsyncIterator[int]:
    """Serve as this room system; yields the port."""
    async with serving(system.talk, tls=tls) as port:
        yield port
