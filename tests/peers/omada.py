"""A TP-Link Omada controller, as programs that read its web API know its answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

from peers.canaries import canary
from peers.json_api import Asked
from peers.tcp import serving
from peers.web_api import Reply, WebApi

ID = "7d1b21fa5e4f43ccb1a8ea6ffdc1dfe7"
SITE = "63f1c0a2b1e6c40d5a5c0001"
GROUP = "63f1c0a2b1e6c40d5a5c0002"
USERNAME = "deskwatch"
PASSWORD = canary("omada-password")
TOKEN = canary("omada-token")
SESSION = canary("omada-session")

INFO = {"controllerVer": "5.13.30.8", "apiVer": "3", "configured": True, "type": 1, "omadacId": ID}


def access_point(name: str, mac: str, status: int = 14, clients: int | str = 3, **more: Any) -> dict[str, Any]:
    """An entry of the list of devices."""
    return {
        "type": "ap",
        "mac": mac,
        "name": name,
        "model": "EAP670",
        "ip": "10.0.0.9",
        "status": status,
        "statusCategory": 1 if 14 <= status <= 17 else 0,
        "uptime": "1d 2h",
        "clientNum": clients,
        "wlanGroup": "Default",
        "sn": canary("omada-serial"),
        "wp2g": {"actualChannel": "6 / 2437MHz", "bandWidth": "20MHz", "txUtil": 3, "rxUtil": "30", "interUtil": 2},
        "wp5g": {"actualChannel": "17 / 5745MHz", "bandWidth": "80MHz", "txUtil": 20, "rxUtil": 8, "interUtil": 3},
        **more,
    }


def ssid(name: str, band: int = 3, **more: Any) -> dict[str, Any]:
    """A network as it is set up, with its passphrase."""
    psk = {"securityKey": canary(f"psk-{name}"), "versionPsk": 2, "encryptionPsk": 3}
    return {"id": f"id-{name}", "name": name, "band": band, "security": 3, "broadcast": True, "pskSetting": psk, **more}


def client(network: str, number: int) -> dict[str, Any]:
    """Somebody's device."""
    return {"mac": f"AA-00-00-00-00-{number:02X}", "wireless": True, "ssid": network, "hostName": canary("laptop")}


@dataclass
class Controller:
    """What is on the site; `errors` are codes that paths answer with. A test empties `sessions` to end them.

    `ended` is how it says that a session has ended: "redirect", "page" or "status".
    """

    devices: list[dict[str, Any]] = field(
        default_factory=lambda: [
            access_point("Lounge", "AA-BB-CC-00-00-01", clients="2"),
            access_point("Studio", "AA-BB-CC-00-00-02", clients=1),
            {"type": "switch", "mac": "AA-BB-CC-00-00-03", "name": "Rack", "status": 0},
        ]
    )
    networks: list[dict[str, Any]] = field(default_factory=lambda: [ssid("Members"), ssid("Locks", band=1)])
    clients: list[dict[str, Any]] = field(
        default_factory=lambda: [
            client("Members", 1),
            client("Members", 2),
            client("Locks", 3),
            {"mac": "AA-00-00-00-00-04", "wireless": False},
        ]
    )
    sites: tuple[str, ...] = ("Default",)
    errors: dict[str, int] = field(default_factory=dict)
    sessions: set[str] = field(default_factory=set)
    ended: str = "redirect"
    most: int = 100
    signed_in: int = 0

    def __post_init__(self) -> None:
        self.api = WebApi(door=self._answer)

    def _answer(self, asked: Asked) -> Reply:
        base = f"/{ID}/api/v2"
        path = asked.path.removeprefix(base)
        if asked.path == "/api/info":
            cookie = ("Set-Cookie", "TPOMADA_SESSIONID=nobody; Path=/; HttpOnly")
            return _enveloped(INFO, headers=(cookie,))
        if asked.path == f"{base}/login" and asked.method == "POST":
            return self._sign_in(asked)
        if not self._known(asked):
            return self._ending()
        if path in self.errors:
            return _enveloped(None, self.errors[path])
        assert asked.method == "GET", "it must only be asked"
        return self._listed(path, asked)

    def _sign_in(self, asked: Asked) -> Reply:
        if asked.document != {"username": USERNAME, "password": PASSWORD}:
            return _enveloped(None, -30109)
        self.signed_in += 1
        session = f"{SESSION}-{self.signed_in}"
        self.sessions.add(session)
        cookie = ("Set-Cookie", f"TPOMADA_SESSIONID={session}; Path=/; HttpOnly; SameSite=Lax")
        return _enveloped({"roleType": 2, "token": TOKEN}, headers=(cookie,))

    def _known(self, asked: Asked) -> bool:
        session = asked.headers.get("cookie", "").removeprefix("TPOMADA_SESSIONID=")
        return session in self.sessions and asked.headers.get("csrf-token") == TOKEN

    def _ending(self) -> Reply:
        if self.ended == "redirect":
            return Reply(b"", 302, (("Location", f"/{ID}/login"),))
        if self.ended == "page":
            return Reply(b"<html>Log in</html>")
        return Reply(None, 401)

    def _listed(self, path: str, asked: Asked) -> Reply:
        site = f"/sites/{SITE}"
        lists: dict[str, list[Any]] = {
            "/sites": [{"id": SITE, "name": name} for name in self.sites],
            f"{site}/setting/wlans": [{"id": GROUP, "name": "Default", "primary": True}],
            f"{site}/setting/wlans/{GROUP}/ssids": self.networks,
            f"{site}/clients": self.clients,
        }
        if path == f"{site}/devices":
            return _enveloped(self.devices)
        if path not in lists:
            return _enveloped(None, -1600)
        page, size = int(asked.one("currentPage")), min(int(asked.one("currentPageSize")), self.most)
        rows = lists[path]
        part = rows[(page - 1) * size : page * size]
        return _enveloped({"totalRows": len(rows), "currentPage": page, "currentSize": size, "data": part})


def _enveloped(result: Any, code: int = 0, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """The envelope of all answers; the words of an error may hold anything."""
    message = "Success." if not code else canary("omada-message")
    return Reply({"errorCode": code, "msg": message, "result": result}, headers=headers)


@asynccontextmanager
async def controlling(controller: Controller, tls: SSLContext) -> AsyncIterator[int]:
    """Serve as this controller; yields the port."""
    async with serving(controller.api.talk, tls=tls) as port:
        yield port
