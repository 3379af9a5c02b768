"""Logitech Sync's cloud API, as its public clients show what it answers; it lets in by certificate alone."""

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

from peers.canaries import canary
from peers.certificates import Authority
from peers.json_api import Asked
from peers.web_api import Reply, WebApi

PLACES = "GET /v1/org/Org-1/place"
PROJECTION = "place.info,place.occupancy,place.device,place.device.info,place.device.status,place.device.sensors"


def device(name: str, kind: str = "Logitech", status: str = "Online", health: str = "NoIssues", **more: Any) -> Any:
    """A device as it is listed."""
    return {
        "id": f"d-{name}",
        "type": kind,
        "name": name,
        "version": "1.2.69",
        "serial": canary("sync-serial"),
        "status": status,
        "healthStatus": health,
        "network": {"ip": "192.0.2.50", "mac": canary("sync-mac")},
        "lastSeen": 1_717_200_000_000,
        **more,
    }


def peripherals(**counts: tuple[int, int]) -> dict[str, Any]:
    """What is plugged into a device: how many there are, and how many there should be."""
    return {part: {"count": {"actual": actual, "expected": wanted}} for part, (actual, wanted) in counts.items()}


def room(name: str, *devices: Any, kind: str = "Room", occupancy: int = 0) -> dict[str, Any]:
    """A place as it is listed."""
    return {
        "id": f"p-{name}",
        "type": kind,
        "name": name,
        "group": "/Space/",
        "license": canary("sync-license"),
        "seatCount": 12,
        "occupancy": occupancy,
        "devices": list(devices),
    }


def pages(*places: dict[str, Any], size: int = 100) -> Callable[[Asked], Reply]:
    """A list that is given in pages, by a token."""

    def answer(asked: Asked) -> Reply:
        start = int(asked.one("continuation", "next-0").removeprefix("next-"))
        after = {"continuation": f"next-{start + size}"} if start + size < len(places) else {}
        return Reply({"places": list(places[start : start + size]), **after})

    return answer


def organization() -> WebApi:
    """An organization with two rooms; one has sensors and is in use."""
    rally = device("Rally", peripherals=peripherals(camera=(1, 1), micPod=(2, 2), speaker=(2, 2)))
    sensors = {"co2": 650, "temperature": 22.5, "humidity": 45.2, "presence": 1, "latestTs": 1_717_200_120_000}
    return WebApi(
        {
            PLACES: pages(
                room("Boardroom", device("NUC", "Computer"), rally, device("Spot", sensors=sensors), occupancy=4),
                room("Studio", device("Rally Bar", status="InUse"), device("Tap")),
            )
        }
    )


def trusting(authority: Authority) -> ssl.SSLContext:
    """TLS that asks whoever comes for a certificate of this authority, and lets nobody in without."""
    context = authority.issue().context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    return context


@contextlib.contextmanager
def refusing(context: ssl.SSLContext) -> Iterator[int]:
    """A server that agrees on TLS, or says why not as asyncio's does not; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_refuse, args=(server, context))
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def _refuse(server: socket.socket, context: ssl.SSLContext) -> None:
    connected, _ = server.accept()
    with context.wrap_socket(connected, server_side=True, do_handshake_on_connect=False) as secured:
        with contextlib.suppress(OSError):
            secured.do_handshake()
        while os.read(secured.fileno(), 4096):  # to close with bytes unread would reset the connection, alert and all
            pass
