"""UniFi Access on a console, as far as its API reference describes what it answers to a reader."""

from typing import Any

from peers.canaries import canary
from peers.json_api import Asked
from peers.web_api import Reply, WebApi

TOKEN = canary("unifi-access-token")

_ROOT = "GET /api/v1/developer"
DOORS, DEVICES, EMERGENCY, USERS = (
    f"{_ROOT}{path}" for path in ("/doors", "/devices", "/doors/settings/emergency", "/users")
)

FRONT, YARD = "0ed545f8-2fcd-4839-9021-b39e707f6aa9", "5785e97b-6123-4596-ba49-b6e51164db9b"


def door(id: str, name: str, position: str = "close", lock: str = "lock", bound: bool = True) -> dict[str, Any]:
    """A door as it is listed."""
    return {
        "id": id,
        "name": name,
        "full_name": f"Space - 1F - {name}",
        "floor_id": "23c87db0",
        "type": "door",
        "is_bind_hub": bound,
        "door_position_status": position,
        "door_lock_relay_status": lock,
    }


def device(id: str, name: str, at: str, *capabilities: str, online: bool = True, hub: str = "") -> dict[str, Any]:
    """A device as it is listed; `at` is the id of its door."""
    return {
        "id": id,
        "name": name,
        "alias": "",
        "type": "UAH-DOOR" if "is_hub" in capabilities else "UA-G2-PRO",
        "capabilities": ["pin_code", *capabilities],
        "connected_uah_id": hub,
        "location_id": at,
        "is_adopted": True,
        "is_managed": True,
        "is_connected": online,
        "is_online": online,
    }


def said(data: Any, **more: Any) -> dict[str, Any]:
    """A successful answer."""
    return {"code": "SUCCESS", "msg": "success", "data": data, **more}


def rule(id: str) -> str:
    """What is asked to learn why a door is unlocked."""
    return f"{_ROOT}/doors/{id}/lock_rule"


def console() -> WebApi:
    """A console with two doors, each with a hub and a reader; all is well."""
    person = {
        "id": "17d2f099",
        "first_name": "A",
        "user_email": "a@example.com",
        "status": "ACTIVE",
        "pin_code": {"token": canary("unifi-access-pin")},
    }
    return WebApi(
        {
            DOORS: said([door(FRONT, "Front door"), door(YARD, "Yard", "none")]),
            DEVICES: said(
                [
                    [
                        device("58d61f25c2d5", "Hub front", FRONT, "is_hub"),
                        device("58d61f309629", "Reader front", FRONT, "is_reader", hub="58d61f25c2d5"),
                    ],
                    [
                        device("58d61f25c2d6", "Hub yard", YARD, "is_hub"),
                        device("58d61f309630", "Reader yard", YARD, "is_reader", hub="58d61f25c2d6"),
                    ],
                ]
            ),
            EMERGENCY: said({"evacuation": False, "lockdown": False}),
            USERS: said([person], pagination={"page_num": 1, "page_size": 1, "total": 143}),
        },
        door=_let_in,
    )


def _let_in(asked: Asked) -> Reply | None:
    if asked.headers.get("authorization") == f"Bearer {TOKEN}":
        return None
    return Reply({"code": "CODE_UNAUTHORIZED", "msg": "Unauthorized", "data": None}, 401)
