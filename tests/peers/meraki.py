"""Meraki's cloud, as the reference of its API describes the answers about the Wi-Fi of a network."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

from peers.canaries import canary
from peers.json_api import Asked
from peers.tcp import serving
from peers.web_api import Reply, WebApi

ORGANIZATION = "549236"
NETWORK = "L_646829496481105433"
API_KEY = canary("meraki-key")

_ORGANIZATION = f"/api/v1/organizations/{ORGANIZATION}"
_NETWORK = f"/api/v1/networks/{NETWORK}/wireless"
AVAILABILITIES = f"{_ORGANIZATION}/devices/availabilities"
STATUSES = f"{_ORGANIZATION}/wireless/ssids/statuses/byDevice"
BUSY = f"{_ORGANIZATION}/wireless/devices/channelUtilization/byDevice"
OVERVIEW = f"{_ORGANIZATION}/wireless/clients/overview/byDevice"
STATS = f"{_NETWORK}/connectionStats"
HISTORY = f"{_NETWORK}/clientCountHistory"


def available(serial: str, name: str, status: str = "online") -> dict[str, Any]:
    """An entry of the list of devices."""
    return {
        "mac": "0c:8d:db:00:00:01",
        "name": name,
        "network": {"id": NETWORK},
        "productType": "wireless",
        "serial": serial,
        "status": status,
        "tags": [canary("meraki-tag")],
    }


def bss(number: int, name: str, band: str, enabled: bool = True, broadcasting: bool = True) -> dict[str, Any]:
    """A network on a radio."""
    return {
        "bssid": "0e:8d:db:00:00:01",
        "ssid": {"name": name, "number": number, "enabled": enabled, "advertised": True},
        "radio": {
            "isBroadcasting": broadcasting,
            "band": band,
            "channel": 6 if band == "2.4" else 36,
            "channelWidth": 20,
            "power": 18,
            "index": "0",
        },
    }


def carrying(serial: str, *sets: dict[str, Any]) -> dict[str, Any]:
    """What an access point broadcasts."""
    return {"serial": serial, "name": serial, "network": {"id": NETWORK}, "basicServiceSets": list(sets)}


def busy(serial: str, **percent: float | str) -> dict[str, Any]:
    """How busy the air is around an access point, by band."""
    bands = [
        {"band": band, "wifi": {"percentage": 1}, "nonWifi": {"percentage": 1}, "total": {"percentage": total}}
        for band, total in percent.items()
    ]
    return {"serial": serial, "mac": "0c:8d:db:00:00:01", "network": {"id": NETWORK}, "byBand": bands}


def counted(serial: str, online: int | str) -> dict[str, Any]:
    """How many devices are on an access point."""
    return {"network": {"id": NETWORK}, "serial": serial, "counts": {"byStatus": {"online": online}}}


def _sets() -> tuple[dict[str, Any], ...]:
    spare = bss(2, "Unconfigured SSID 3", "5", enabled=False, broadcasting=False)
    return bss(0, "Members", "2.4"), bss(0, "Members", "5"), bss(1, "Locks", "2.4"), spare


@dataclass
class Cloud:
    """What is known of a network. `lists` come in pages of `most` entries, `figures` at once."""

    lists: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {
            AVAILABILITIES: [available("Q2XX-0001", "Lounge"), available("Q2XX-0002", "Studio")],
            STATUSES: [carrying("Q2XX-0001", *_sets()), carrying("Q2XX-0002", *_sets())],
            BUSY: [busy("Q2XX-0001", **{"2.4": 41.5, "5": "12"})],
            OVERVIEW: [counted("Q2XX-0001", 12), counted("Q2XX-0002", "8")],
        }
    )
    figures: dict[str, Any] = field(
        default_factory=lambda: {
            STATS: {"assoc": 1, "auth": 2, "dhcp": "3", "dns": 0, "success": 94},
            HISTORY: [{"clientCount": 14}, {"clientCount": 17}, {"clientCount": None}],
        }
    )
    most: int = 1000

    def __post_init__(self) -> None:
        self.api = WebApi(door=self._answer)

    def _answer(self, asked: Asked) -> Reply:
        assert asked.method == "GET", "it must only be asked"
        if asked.headers.get("authorization") != f"Bearer {API_KEY}":
            return Reply({"errors": ["Invalid API key"]}, 401)
        if asked.path in self.figures:
            return Reply(self.figures[asked.path])
        if asked.path not in self.lists or asked.one("networkIds[]") != NETWORK:
            return Reply({"errors": [canary("meraki-error")]}, 404)
        return self._page(asked)

    def _page(self, asked: Asked) -> Reply:
        rows = self.lists[asked.path]
        begin, size = int(asked.one("startingAfter", "0")), min(int(asked.one("perPage")), self.most)
        part = rows[begin : begin + size]
        document = {"items": part, "meta": {}} if asked.path in (STATUSES, OVERVIEW) else part
        here = "https://elsewhere.test" + asked.path
        links = [f'<{here}?perPage={size}&startingAfter=0>; rel="first"']
        if begin + size < len(rows):
            links.append(f"<{here}?perPage={size}&startingAfter={begin + size}>; rel=next")
        return Reply(document, headers=(("Link", ", ".join(links)),))


@asynccontextmanager
async def clouding(cloud: Cloud, tls: SSLContext) -> AsyncIterator[int]:
    """Serve as this cloud; yields the port."""
    async with serving(cloud.api.talk, tls=tls) as port:
        yield port
