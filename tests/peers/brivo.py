"""Brivo's cloud, as far as its API reference describes what it answers to a reader."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from peers.canaries import canary
from peers.json_api import Asked
from peers.web_api import Reply, WebApi

API_KEY, SECRET, PASSWORD, TOKEN = (canary(f"brivo-{name}") for name in ("key", "secret", "password", "token"))
SIGN_IN = "POST /oauth/token"
POINTS, PANELS, EVENTS, USERS, CREDENTIALS = (
    f"GET /v1/api/{path}" for path in ("access-points", "control-panels", "events/access", "users", "credentials")
)

_SIGNED = base64.b64encode(f"client:{SECRET}".encode()).decode()
_FORM = {"grant_type": ["password"], "username": ["desk"], "password": [PASSWORD]}


def point(id: int, name: str, site: int = 5, panel: int = 31, live: bool = True) -> dict[str, Any]:
    """An access point as it is listed."""
    return {
        "id": id,
        "name": name,
        "controlPanelId": panel,
        "siteId": site,
        "siteName": "Space",
        "activationEnabled": True,
        "type": "door",
        "twoFactorEnabled": False,
        "reportLiveStatus": live,
    }


def status(id: int) -> str:
    """What is asked to learn how an access point is."""
    return f"{POINTS}/{id}/status"


def pages(*rows: dict[str, Any], total: int | None = None) -> Callable[[Asked], Reply]:
    """A list that is given in pages as they are asked for."""

    def answer(asked: Asked) -> Reply:
        size, offset = min(int(asked.one("pageSize", "20")), 100), int(asked.one("offset", "0"))
        count = len(rows) if total is None else total
        return Reply({"data": list(rows[offset : offset + size]), "offset": offset, "pageSize": size, "count": count})

    return answer


def account() -> WebApi:
    """An account with two doors, one of which tells how it is; all is well."""
    event = {"occurred": "2026-11-16T09:00:00Z", "securityAction": {"action": "Access granted", "exception": False}}
    return WebApi(
        {
            SIGN_IN: _token,
            POINTS: pages(point(11, "Front door"), point(12, "Studio", live=False)),
            status(11): {"isConnected": True, "lockStatus": "LOCKED", "doorStatus": "CLOSED"},
            PANELS: pages({"id": 31, "name": "ACS300 ground floor", "isConnected": True}, {"id": 32, "name": "Other"}),
            EVENTS: {"data": [event], "pageSize": 1},
            USERS: pages({"id": 1, "firstName": "A", "pin": canary("brivo-user-pin")}, total=143),
            CREDENTIALS: pages({"id": 1, "encodedCredential": canary("brivo-card")}, total=97),
        },
        door=_let_in,
    )


def _token(asked: Asked) -> Reply:
    if asked.headers.get("authorization") != f"Basic {_SIGNED}" or asked.headers.get("api-key") != API_KEY:
        return Reply({"error": "unauthorized"}, 401)
    if parse_qs(asked.body.decode()) != _FORM:
        return Reply({"error": "invalid_grant", "error_description": "Bad credentials"}, 400)
    return Reply({"access_token": TOKEN, "refresh_token": canary("brivo-refresh"), "expires_in": 300})


def _let_in(asked: Asked) -> Reply | None:
    signed = asked.headers.get("authorization") == f"Bearer {TOKEN}" and asked.headers.get("api-key") == API_KEY
    return None if signed or asked.path == "/oauth/token" else Reply({"error": "invalid_token"}, 401)
