"""Zoom's cloud, as far as its API reference describes what it answers about Zoom Rooms."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from peers.canaries import canary
from peers.json_api import Asked
from peers.web_api import Reply, WebApi

SECRET, TOKEN = canary("zoom-secret"), canary("zoom-token")
SIGN_IN, ROOMS, DASHBOARD = "POST /oauth/token", "GET /v2/rooms", "GET /v2/metrics/zoomrooms"

_SIGNED = base64.b64encode(f"client:{SECRET}".encode()).decode()
_FORM = {"grant_type": ["account_credentials"], "account_id": ["Acc-1"]}


def room(name: str, status: str = "Available") -> dict[str, Any]:
    """A room as it is listed: the list of devices and the dashboard know it by different ids."""
    return {
        "id": f"id-{name}",
        "room_id": f"room-{name}",
        "name": name,
        "activation_code": canary("zoom-activation-code"),
        "location_id": "l1",
        "status": status,
    }


def devices_of(name: str) -> str:
    """What is asked for the devices of a room."""
    return f"{ROOMS}/id-{name}/devices"


def devices(**states: str) -> dict[str, Any]:
    """Devices as they are listed, by type with underscores."""
    return {
        "devices": [
            {
                "id": canary("zoom-device"),
                "device_name": f"iPad {kind[-1]}",
                "device_type": kind.rstrip("0123456789").replace("_", " "),
                "app_version": "5.14.0",
                "status": status,
            }
            for kind, status in states.items()
        ]
    }


def health(name: str, health: str, *issues: str) -> dict[str, Any]:
    """A room as the dashboard has it."""
    return {
        "id": f"room-{name}",
        "room_name": name,
        "email": canary("zoom-calendar"),
        "health": health,
        "issues": list(issues),
    }


def pages(key: str, *rows: dict[str, Any], size: int = 0) -> Callable[[Asked], Reply]:
    """A list that is given in pages as they are asked for, of this size if not 0."""

    def answer(asked: Asked) -> Reply:
        token, length = asked.one("next_page_token", "page-0"), size or int(asked.one("page_size", "30"))
        start = int(token.removeprefix("page-"))
        after = f"page-{start + length}" if start + length < len(rows) else ""
        return Reply({"page_size": length, "next_page_token": after, key: list(rows[start : start + length])})

    return answer


def not_allowed(code: int = 4711) -> Reply:
    """How it refuses what the scopes of the app, or the plan, do not have."""
    return Reply(
        {"code": code, "message": f"Invalid access token, does not contain scopes. {canary('zoom-message')}"}, 400
    )


def account() -> WebApi:
    """An account with three rooms; one is in a meeting and one is being worked on."""
    return WebApi(
        {
            SIGN_IN: _token,
            ROOMS: pages("rooms", room("Boardroom"), room("Studio", "InMeeting"), room("Attic", "UnderConstruction")),
            devices_of("Boardroom"): devices(Zoom_Rooms_Computer="Online", Controller="Online"),
            devices_of("Studio"): devices(Controller="Online", Scheduling_Display="Online"),
            devices_of("Attic"): devices(Controller="Offline"),
            DASHBOARD: pages("zoom_rooms", health("Boardroom", "noissue", ""), health("Studio", "noissue")),
        },
        door=_let_in,
    )


def _token(asked: Asked) -> Reply:
    if asked.headers.get("authorization") != f"Basic {_SIGNED}" or parse_qs(asked.body.decode()) != _FORM:
        return Reply({"reason": "Invalid client_id or client_secret", "error": "invalid_client"}, 400)
    return Reply({"access_token": TOKEN, "token_type": "bearer", "expires_in": 3600, "scope": "room:read:admin"})


def _let_in(asked: Asked) -> Reply | None:
    signed = asked.headers.get("authorization") == f"Bearer {TOKEN}"
    return None if signed or asked.path == "/oauth/token" else Reply({"code": 124, "message": "Expired"}, 401)
