"""Kisi's cloud, as far as its OpenAPI description says what it answers to a reader."""

from collections.abc import Callable
from typing import Any

from peers.canaries import canary
from peers.json_api import Asked
from peers.web_api import Reply, WebApi

KEY = canary("kisi-key")

LOCKS, CONTROLLERS, READERS, WIRELESS, USERS, CARDS, EVENTS = (
    f"GET /{path}"
    for path in ("locks", "controllers", "readers", "wireless_locks", "users", "card_assignments", "events")
)


def lock(id: int, name: str, **changed: Any) -> dict[str, Any]:
    """A lock as it is listed."""
    return {
        "id": id,
        "name": name,
        "configured": True,
        "online": True,
        "open": False,
        "unlocked": False,
        "locked_down": False,
        "on_scheduled_unlock": False,
        "place_id": 7,
        **changed,
    }


def controller(name: str, online: bool = True) -> dict[str, Any]:
    """A controller as it is listed."""
    return {"id": 31, "name": name, "online": online, "ip_address": "192.0.2.9", "token": canary("kisi-controller")}


def reader(name: str, lock_id: int | None, online: bool = True) -> dict[str, Any]:
    """A reader as it is listed."""
    return {"id": 41, "name": name, "online": online, "lock_id": lock_id, "token": canary("kisi-reader")}


def wireless(lock_id: int, level: str, **changed: Any) -> dict[str, Any]:
    """A wireless lock as it is listed."""
    return {
        "id": 51,
        "name": f"NDE {lock_id}",
        "lock_id": lock_id,
        "online": True,
        "battery_level": level,
        "motor_stall": False,
        "loss_of_rf": False,
        "loss_of_rs485": False,
        "opened": False,
        "unlocked": False,
        "controller": {"id": 31, "name": "Controller", "online": True},
        **changed,
    }


def pages(*rows: dict[str, Any], total: int | None = None) -> Callable[[Asked], Reply]:
    """A list that is given in pages as they are asked for."""

    def answer(asked: Asked) -> Reply:
        limit, offset = int(asked.one("limit", "10")), int(asked.one("offset", "0"))
        span = f"{offset}-{offset + limit - 1}/{len(rows) if total is None else total}"
        return Reply(list(rows[offset : offset + limit]), headers=(("X-Collection-Range", span),))

    return answer


def account() -> WebApi:
    """An account with two locks, one of them wireless; all is well."""
    person = {"id": 1, "email": "a@example.com", "access_enabled": True, "otp_secret": canary("kisi-user")}
    return WebApi(
        {
            LOCKS: pages(lock(1, "Front door"), lock(2, "Studio")),
            CONTROLLERS: pages(controller("Controller")),
            READERS: pages(reader("Reader front", 1)),
            WIRELESS: pages(wireless(2, "85")),
            USERS: pages(person, total=143),
            CARDS: pages({"id": 1, "card_id": 9, "token": canary("kisi-card")}, total=97),
            EVENTS: pages({"id": 1, "action": "unlock", "created_at": "2026-11-16T09:00:00.000Z"}, total=20_000),
        },
        door=_let_in,
    )


def _let_in(asked: Asked) -> Reply | None:
    if asked.headers.get("authorization") == f"KISI-LOGIN {KEY}":
        return None
    return Reply({"error": "Please sign in again.", "code": "b4f3a6"}, 401)
