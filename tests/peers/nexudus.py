"""Nexudus' web API, as far as its reference says what a reader asks: the token, lists with filters and pages."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from peers.canaries import canary
from peers.json_api import Asked
from peers.web_api import Reply, WebApi

PASSWORD = canary("nexudus-password")
TOKEN = canary("nexudus-token")

SECRET_FIELDS = ("AccessPincode", "AccessCardId", "Office365AccessToken", "ZoomAccessToken", "DoordeckPrivateKey")
"""What a record of a member carries beside what anybody should read."""

_LISTS = {
    "spaces/coworkers": "Coworker",
    "spaces/bookings": "Booking",
    "spaces/coworkermsofficecalendars": "CoworkerMsOfficeCalendar",
    "spaces/coworkergooglecalendars": "CoworkerGoogleCalendar",
    "billing/coworkerinvoices": "CoworkerInvoice",
    "billing/coworkercontracts": "CoworkerContract",
    "spaces/coworkeraccesscontrolaudits": "CoworkerAccessControlAudit",
}


@dataclass
class Nexudus:
    """The records of each list, which resources there are, and the longest page that is given out."""

    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    resources: tuple[int, ...] = ()
    longest_page: int = 1000
    signed_in: int = 0

    def api(self) -> WebApi:
        """The web API with these records."""
        answers: dict[str, Any] = {"POST /api/token": self._token}
        answers |= {f"GET /api/{path}": self._list(path, entity) for path, entity in _LISTS.items()}
        answers |= {f"GET /api/spaces/resources/{id}": {"Id": id, "Name": "Room"} for id in self.resources}
        return WebApi(answers, door=_door)

    def _token(self, asked: Asked) -> Reply:
        if asked.headers.get("content-type") != "application/x-www-form-urlencoded":
            return Reply({"error": "unsupported_grant_type"}, 400)
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if form != {"grant_type": "password", "username": "deskwatch@example.com", "password": PASSWORD}:
            return Reply({"error": "invalid_grant", "error_description": f"no user {form}"}, 400)
        self.signed_in += 1
        answer = {"access_token": TOKEN, "token_type": "bearer", "expires_in": 604_799}
        return Reply({**answer, "refresh_token": canary("nexudus-refresh")})

    def _list(self, path: str, entity: str) -> Callable[[Asked], Reply]:
        def answer(asked: Asked) -> Reply:
            size, page = min(int(asked.one("size", "25")), self.longest_page), int(asked.one("page", "1"))
            found = [one for one in self.records.get(path, []) if _fits(one, entity, asked)]
            secrets = {name: canary(name.lower()) for name in SECRET_FIELDS}
            shown = [{**one, **secrets} for one in found[(page - 1) * size : page * size]]
            return Reply(
                {
                    "Records": shown,
                    "CurrentPage": page,
                    "TotalItems": len(found),
                    "TotalPages": -(-len(found) // size),
                    "HasNextPage": page * size < len(found),
                }
            )

        return answer


def _door(asked: Asked) -> Reply | None:
    allowed = asked.path == "/api/token" or asked.headers.get("authorization") == f"Bearer {TOKEN}"
    return None if allowed else Reply({"Message": "Authorization has been denied for this request."}, 401)


def _fits(record: dict[str, Any], entity: str, asked: Asked) -> bool:
    """Filters are named after the entity and its field; those that there are not are ignored."""
    for name, (value, *_) in asked.query.items():
        found = re.fullmatch(rf"(from_|to_)?{entity}_(\w+)", name)
        if found is None:
            continue
        bound, known = found[1], str(record.get("ResourceId" if found[2] == "Resource" else found[2], ""))
        at = known[:16]  # times are compared to the minute
        if not {"from_": value <= at, "to_": at <= value, None: value.lower() == known.lower()}[bound]:
            return False
    return True
