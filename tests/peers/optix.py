"""Optix' GraphQL API, as far as programs that use it show what it answers: status 200, whatever is wrong."""

from dataclasses import dataclass, field
from typing import Any

from peers.canaries import canary
from peers.json_api import Asked
from peers.web_api import Reply, WebApi

TOKEN = canary("optix-token")
OWNER = "4711"


@dataclass
class Optix:
    """Which resources there are, and which of them are booked; what was drafted."""

    resources: tuple[str, ...] = ()
    booked: tuple[str, ...] = ()
    error: str = ""
    drafts: list[dict[str, Any]] = field(default_factory=list)

    def api(self) -> WebApi:
        """The web API."""
        return WebApi({"POST /graphql": self._answer})

    def _answer(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return _errors("Unauthenticated.", "UNAUTHENTICATED")
        query = asked.document["query"]
        assert query.lstrip().startswith("query"), "it must only be asked"
        if self.error:
            return _errors(self.error)
        if "bookingsDraft" not in query:
            return Reply({"data": {"me": {"user": {"user_id": "1", "api_key": canary("optix-user")}}}})
        draft = asked.document["variables"]["input"]
        self.drafts.append(draft)
        return self._draft(draft)

    def _draft(self, draft: dict[str, Any]) -> Reply:
        if draft["owner_user_id"] != OWNER:
            return _errors("Your user account is not allowed to make bookings")
        [booking] = draft["bookings"]
        [resource] = booking["resource_id"]
        if resource not in self.resources:
            return _errors("Resource not found")
        if resource in self.booked:
            return _errors("The resource is not available during the selected times")
        return Reply({"data": {"bookingsDraft": {"bookings": [{"booking_id": None}]}}})


def _errors(message: str, code: str = "") -> Reply:
    extensions = {"extensions": {"code": code}} if code else {}
    return Reply({"errors": [{"message": message, **extensions}], "data": None})
