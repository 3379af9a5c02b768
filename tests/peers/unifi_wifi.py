"""What a UniFi Network application answers about its Wi-Fi, with the secrets that its lists hold."""

from collections.abc import Callable, Sequence
from typing import Any

from peers.canaries import canary
from peers.json_api import Asked
from peers.unifi import ok

DEVICES = "/api/s/default/stat/device"
NETWORKS = "/api/s/default/rest/wlanconf"
SITES = "/integration/v1/sites"
SITE = "88f7af54-98f8-306a-a1c7-c9349722b1f6"
OF_SITE = f"{SITES}/{SITE}"


def place(name: str, radio: str = "na", clients: int | str = 2, **more: Any) -> dict[str, Any]:
    """A network on a radio; `waits` is how often devices got no address there."""
    chart = {"sta_ip_timeout": more.pop("waits", 0), "sta_dns_timeout": 0, "weak_signal": 3}
    return {
        "essid": name,
        "radio": radio,
        "num_sta": clients,
        "up": True,
        "state": "RUN",
        "is_guest": False,
        "anomalies_bar_chart_now": chart,
        "x_passphrase": canary("vap"),
        **more,
    }


def radio(kind: str, channel: int | str, busy: int | str, **more: Any) -> dict[str, Any]:
    """What is measured of a radio."""
    return {"radio": kind, "name": f"wifi-{kind}", "channel": channel, "cu_total": busy, "num_sta": 2, **more}


def access_point(name: str, mac: str, state: int | str = 1, **more: Any) -> dict[str, Any]:
    """An entry of the list of devices."""
    return {
        "type": "uap",
        "name": name,
        "mac": mac,
        "adopted": True,
        "state": state,
        "num_sta": "4",
        "satisfaction": 97,
        "x_authkey": canary("authkey"),
        "x_ssh_hostkey": canary("hostkey"),
        "radio_table_stats": [radio("ng", "6", "41"), radio("na", 36, 12, state="RUN")],
        "vap_table": [place("Members", "ng"), place("Members"), place("Locks", "ng", "1"), place("vwire-851")],
        **more,
    }


def network(name: str, enabled: bool = True, **more: Any) -> dict[str, Any]:
    """A network as it is set up."""
    return {"name": name, "enabled": enabled, "security": "wpapsk", "x_passphrase": canary(f"psk-{name}"), **more}


def site(
    devices: Sequence[dict[str, Any]] | None = None, networks: Sequence[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The answers about a site with two access points, unless others are given."""
    points = (access_point("Lounge", "aa:00:00:00:00:01"), access_point("Studio", "aa:00:00:00:00:02"))
    switch = {"type": "usw", "name": "Rack", "mac": "aa:00:00:00:00:09", "state": 0}
    listed = (*points, switch) if devices is None else devices
    planned = (network("Members"), network("Locks")) if networks is None else networks
    return {DEVICES: ok(*listed), NETWORKS: ok(*planned)}


def paged(rows: Sequence[Any], most: int = 200) -> Callable[[Asked], dict[str, Any]]:
    """A list of the newer paths, of which at most so many entries come at once."""

    def page(asked: Asked) -> dict[str, Any]:
        offset, limit = int(asked.one("offset", "0")), min(int(asked.one("limit", "25")), most)
        part = list(rows[offset : offset + limit])
        return {"offset": offset, "limit": limit, "count": len(part), "totalCount": len(rows), "data": part}

    return page


def integration(most: int = 200) -> dict[str, Any]:
    """The answers of the newer paths about that site."""
    devices = [
        {
            "id": "d1",
            "name": "Lounge",
            "macAddress": "aa:00:00:00:00:01",
            "state": "ONLINE",
            "features": ["accessPoint"],
        },
        {
            "id": "d2",
            "name": "Studio",
            "macAddress": "aa:00:00:00:00:02",
            "state": "ONLINE",
            "features": ["accessPoint"],
        },
        {"id": "d3", "name": "Rack", "macAddress": "aa:00:00:00:00:09", "state": "OFFLINE", "features": ["switching"]},
    ]
    clients = [
        *({"type": "WIRELESS", "uplinkDeviceId": "d1", "name": canary("phone")} for _ in range(3)),
        {"type": "WIRED", "uplinkDeviceId": "d3"},
    ]
    networks = [
        {"id": "w1", "name": "Members", "enabled": True, "securityConfiguration": {"passphrase": canary("psk")}},
        {"id": "w2", "name": "Locks", "enabled": False},
    ]
    return {
        SITES: paged([{"id": SITE, "internalReference": "default", "name": "Default"}], most),
        f"{OF_SITE}/devices": paged(devices, most),
        f"{OF_SITE}/clients": paged(clients, most),
        f"{OF_SITE}/wifi/broadcasts": paged(networks),
    }
