"""OfficeRnD Flex' web API, as far as its reference says what a reader asks: tokens with scopes, lists with cursors."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from peers.canaries import canary
from peers.json_api import Asked
from peers.web_api import Reply, WebApi

SECRET = canary("officernd-secret")
TOKEN = canary("officernd-token")
BASE = "/api/v2/organizations/example"

_SCOPES = {
    "/members": "flex.community.members.read",
    "/bookings/occurrences": "flex.space.bookings.read",
    "/resources": "flex.space.resources.read",
    "/payments": "flex.billing.payments.read",
}


@dataclass
class Officernd:
    """Members by status, bookings, resources, payments and people; `page` is how many of a list come at a time."""

    members: dict[str, int] = field(default_factory=dict)
    occurrences: list[dict[str, Any]] = field(default_factory=list)
    resources: tuple[str, ...] = ()
    payments: list[dict[str, Any]] = field(default_factory=list)
    people: list[dict[str, Any]] = field(default_factory=list)
    page: int = 50
    scopes: str = ""

    def api(self) -> WebApi:
        """The web API and the identity server in one."""
        groups = [{"key": status, "count": count} for status, count in self.members.items()]
        answers: dict[str, Any] = {
            "POST /oauth/token": self._token,
            f"GET {BASE}/members/count": {"total": sum(self.members.values()), "groups": groups},
            f"GET {BASE}/members": lambda asked: self._paged(
                [one for one in self.people if one["status"] == asked.one("status")], asked
            ),
            f"GET {BASE}/bookings/occurrences": lambda asked: self._paged(self.occurrences, asked),
            f"GET {BASE}/payments": lambda asked: self._paged(
                [one for one in self.payments if one["status"] == asked.one("status")], asked
            ),
        }
        answers |= {f"GET {BASE}/resources/{id}": {"_id": id, "pin": canary("pin")} for id in self.resources}
        return WebApi(answers, door=self._door)

    def _token(self, asked: Asked) -> Reply:
        if asked.headers.get("content-type") != "application/x-www-form-urlencoded":
            return Reply({"error": "invalid_request"}, 400)
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if (form["client_id"], form["client_secret"], form["grant_type"]) != ("app", SECRET, "client_credentials"):
            return Reply({"error": "invalid_client"}, 401)
        self.scopes = form["scope"]
        return Reply({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600, "scope": self.scopes})

    def _door(self, asked: Asked) -> Reply | None:
        if asked.path == "/oauth/token":
            return None
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply({"statusCode": 401, "message": "Unauthorized"}, 401)
        needed = next((scope for path, scope in _SCOPES.items() if asked.path.startswith(BASE + path)), "")
        return None if needed in self.scopes.split() else Reply({"statusCode": 403, "message": "Forbidden"}, 403)

    def _paged(self, found: list[dict[str, Any]], asked: Asked) -> Reply:
        first, size = int(asked.one("$cursorNext", "0")), min(int(asked.one("$limit", "10")), self.page)
        assert int(asked.one("$limit", "10")) <= 50, "longer pages are refused"
        after = first + size
        shown = [{**one, "token": canary("officernd-member")} for one in found[first:after]]
        more = str(after) if after < len(found) else None
        return Reply({"rangeStart": first, "rangeEnd": after, "cursorNext": more, "results": shown})
