"""Salto KS' cloud: its token endpoint, and what it lists of a site as far as that is known in public."""

import base64
from typing import Any
from urllib.parse import parse_qs

from peers.canaries import canary
from peers.json_api import Asked
from peers.web_api import Reply, WebApi

SECRET, PASSWORD, TOKEN = (canary(f"salto-{name}") for name in ("secret", "password", "token"))
SITE = "f9616ba5-443a-11e6-a8b9-0050568da097"
SIGN_IN = "POST /connect/token"
LOCKS, IQS, USERS = (f"GET /v1.2/sites/{SITE}/{path}" for path in ("locks", "iqs", "users"))

_SIGNED = base64.b64encode(f"client:{SECRET}".encode()).decode()
_FORM = {
    "grant_type": ["password"],
    "username": ["desk@example.com"],
    "password": [PASSWORD],
    "scope": ["user_api.full_access"],
}


def lock(id: str, name: str, **told: Any) -> dict[str, Any]:
    """A lock as it is listed."""
    return {"id": id, "customer_reference": name, **told}


def site() -> WebApi:
    """A site with two locks behind one IQ; all is well."""
    iq = {"id": "iq-1", "customer_reference": "IQ ground floor", "online": True, "pin_code": canary("salto-iq-pin")}
    return WebApi(
        {
            SIGN_IN: _token,
            LOCKS: {
                "items": [
                    lock("a", "Front door", online=True, battery_level=80, locked_state="locked", iq={"id": "iq-1"}),
                    lock("b", "Studio", online=True, battery_level="low", locked_state="unlocked", iq={"id": "iq-1"}),
                ]
            },
            IQS: {"items": [iq]},
            USERS: {"items": [{"id": "u", "email": "a@example.com", "pin": canary("salto-pin")}], "total_count": 143},
        },
        door=_let_in,
    )


def _token(asked: Asked) -> Reply:
    if asked.headers.get("authorization") != f"Basic {_SIGNED}":
        return Reply({"error": "invalid_client"}, 400)
    if parse_qs(asked.body.decode()) != _FORM:
        return Reply({"error": "invalid_grant"}, 400)
    return Reply({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer", "scope": "user_api.full_access"})


def _let_in(asked: Asked) -> Reply | None:
    if asked.path == "/connect/token" or asked.headers.get("authorization") == f"Bearer {TOKEN}":
        return None
    return Reply({"ErrorCode": 401, "Message": "Authorization has been denied for this request."}, 401)
