"""A Crestron device's web API: signing in by cookie and token, what it is, and what is plugged into it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Any
from urllib.parse import parse_qs

from peers.canaries import canary
from peers.json_api import Asked
from peers.tcp import serving
from peers.web_api import Reply, WebApi

USERNAME = "deskwatch"
PASSWORD = canary("crestron")
TOKEN = canary("crestron-token")
SESSION = canary("crestron-session")
TRACK = canary("crestron-track")

PAGE = "GET /userlogin.html"
ENTRY = "POST /userlogin.html"
IDENTITY = "GET /Device/DeviceInfo"
PORTS = "GET /Device/AvioV2"
OLDER = "GET /Device/AudioVideoInputOutput"


def device_info(**changed: str) -> dict[str, Any]:
    """What a device is."""
    told = {
        "Model": "HD-MD4X2-4KZ-E",
        "Manufacturer": "Crestron",
        "SerialNumber": "2146CBH00157",
        "DeviceVersion": "3.002.0034",
        "Devicekey": canary("crestron-system-key"),
        **changed,
    }
    return {"Device": {"DeviceInfo": told}}


def input_port(**changed: Any) -> dict[str, Any]:
    """A port of an input."""
    return {"PortType": "Hdmi", "IsSyncDetected": False, "EdidApplyError": "No err", **changed}


def output_port(connected: bool = True, blocked: bool = False) -> dict[str, Any]:
    """A port of an output."""
    digital = {"IsTransmitting": connected, "DisabledByHdcp": blocked, "HdcpState": "NotRequired"}
    return {"PortType": "Hdmi", "IsSinkConnected": connected, "Digital": digital}


def avio(inputs: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    """What is plugged in, by the ports' names."""
    told = {
        side: {
            f"{kind}{number}": {"UserSpecifiedName": name, f"{kind}Info": {"Ports": {"Port1": port}}}
            for number, (name, port) in enumerate(ports.items(), 1)
        }
        for side, kind, ports in (("Inputs", "Input", inputs), ("Outputs", "Output", outputs))
    }
    return {"Device": {"AvioV2": {**told, "Version": "3.0.70"}}}


def switcher(**answers: Any) -> WebApi:
    """A device with two inputs, of which one has a picture, and one display."""
    ports = avio(
        {"Laptop": input_port(IsSyncDetected=True), "Camera": input_port()},
        {"Screen": output_port()},
    )
    api = WebApi(door=_door)
    api.answers = {
        PAGE: Reply(b"<html>Sign in</html>", headers=(("Set-Cookie", f"TRACKID={TRACK};Path=/;Secure;HttpOnly;"),)),
        ENTRY: _entry,
        IDENTITY: device_info(),
        PORTS: ports,
        **answers,
    }
    return api


def _entry(asked: Asked) -> Reply:
    """Let in whoever knows the password and comes from the page."""
    said = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
    comes = asked.headers.get("origin", "").startswith("https://") and f"TRACKID={TRACK}" in asked.headers["cookie"]
    if not comes or said != {"login": USERNAME, "passwd": PASSWORD}:
        return Reply(b"<html>Invalid</html>", 403)
    names = ("userstr", "userid", "iv", "tag", "AuthByPasswd")
    lines = tuple(("Set-Cookie", f"{name}={SESSION};Path=/;Secure;HttpOnly;") for name in names)
    return Reply(b"<html></html>", 200, (*lines, ("CREST-XSRF-TOKEN", TOKEN)))


def _door(asked: Asked) -> Reply | None:
    """Nothing of the device is told to whoever has not signed in."""
    if not asked.path.startswith("/Device"):
        return None
    inside = f"AuthByPasswd={SESSION}" in asked.headers.get("cookie", "")
    if inside and asked.headers.get("crest-xsrf-token") == TOKEN:
        return None
    return Reply(b"", 302, (("Location", "/userlogin.html"),))


@asynccontextmanager
async def connecting(api: WebApi, tls: SSLContext) -> AsyncIterator[int]:
    """Serve as this device; yields the port."""
    async with serving(api.talk, tls=tls) as port:
        yield port
