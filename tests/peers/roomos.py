"""A Cisco room system's web interface, as far as the xAPI's reference guide describes what it answers to a reader."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from peers.tcp import http, serving

AWAKE = {
    "Standby/State": "Off",
    "SystemUnit/State/System": "Initialized",
    "SystemUnit/ProductId": "Cisco Room Kit",
    "SystemUnit/Uptime": "597095",
    "SystemUnit/Software/Version": "ce11.24.1.5",
    "SystemUnit/Hardware/Module/SerialNumber": "FOC99999999",
    "SystemUnit/Hardware/Monitoring/Temperature/Status": "Normal",
    "Cameras/Camera.1/Connected": "True",
    "Cameras/Camera.2/Connected": "False",
    "Video/Output/Connector.1/Connected": "True",
    "Video/Output/Connector.2/Connected": "True",
    "Audio/Input/Connectors/Microphone.1/ConnectionStatus": "Connected",
    "Audio/Input/Connectors/Microphone.2/ConnectionStatus": "NotConnected",
    "Peripherals/ConnectedDevice.1001/Type": "TouchPanel",
    "Peripherals/ConnectedDevice.1001/Status": "Connected",
    "Peripherals/ConnectedDevice.1002/Type": "ControlSystem",
    "Webex/Status": "Registered",
    "SIP/Registration.1/Status": "Inactive",
    "RoomAnalytics/PeopleCount/Current": "-1",
    "RoomAnalytics/PeoplePresence": "No",
    "UserInterface/ContactInfo/Name": "boardroom@example.com",
}


def document(values: dict[str, str]) -> bytes:
    """The XML of a status. A step of a path may be numbered: `Camera.1` is `<Camera item="1">`."""
    tree: dict[str, object] = {}
    for path, value in values.items():
        *parents, leaf = path.split("/")
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})  # type: ignore[assignment]
        branch[leaf] = value
    return f'<?xml version="1.0"?>\n<Status product="Cisco Codec" apiVersion="4">{_inner(tree)}</Status>'.encode()


def _inner(node: object) -> str:
    if not isinstance(node, dict):
        return str(node)
    return "".join(_element(name, child) for name, child in node.items())


def _element(step: str, child: object) -> str:
    name, _, number = step.partition(".")
    item = f' item="{number}" maxOccurrence="n"' if number else ""
    return f"<{name}{item}>{_inner(child)}</{name}>"


@dataclass
class RoomSystem:
    """What its status says, who may read it, and what it was asked."""

    values: dict[str, str] = field(default_factory=lambda: dict(AWAKE))
    username: str = "deskwatch"
    password: str = ""
    asked: list[str] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        self.asked.append(request)
        signed = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        if f"Authorization: Basic {signed}" not in lines:
            answer = http(status="401 Unauthorized", headers='WWW-Authenticate: Basic realm="xapi"\r\n')
        elif request != "GET /getxml?location=/Status HTTP/1.1":
            answer = http(status="404 Not Found")
        else:
            answer = http(document(self.values), headers="Content-Type: text/xml\r\n")
        writer.write(answer)
        await writer.drain()


@asynccontextmanager
async def answering(system: RoomSystem, tls: ssl.SSLContext) -> AsyncIterator[int]:
    """Serve as this room system; yields the port."""
    async with serving(system.talk, tls=tls) as port:
        yield port
