"""Asks Optix whether a room could be booked, by a draft that is never committed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import Field

from probes._base import Failed, Unmeasured
from probes._engines import Engines
from probes._engines.api import Api, bearer
from probes._engines.booking_platforms import OPTIX, graphql
from probes._engines.bookings import REASONS, BookingParams, Platform, Slot, View
from probes._engines.cloud import Address
from probes._engines.excerpt import excerpt
from probes._engines.http.exchange import Trust
from probes._secrets import LineSecret

_WHO = "query { me { user { user_id } } }"
_DRAFT = "query ($input: BookingSetInput!) { bookingsDraft(input: $input) { bookings { booking_id } } }"

# Optix says what is wrong in words alone.
_TAKEN = ("not available", "unavailable", "already booked", "conflict", "overlap")
_REFUSED = (
    "unauthenticated",
    "unauthorized",
    "not authori",
    "forbidden",
    "not allowed",
    "invalid token",
    "expired",
    "permission",
)
_MISSING = ("not found", "does not exist", "no such resource")


class OptixParams(BookingParams):
    """The token that lets us in, and for whom a room would be booked."""

    url: Annotated[Address, Field(description="where the API is")] = OPTIX
    token: Annotated[LineSecret, Field(description="organization token or personal token")]
    owner: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=100, description="id of the user that a draft is made for")
    ]


class Optix(Platform[OptixParams]):
    """Whether rooms can be booked in Optix."""

    Params = OptixParams
    reasons: ClassVar = {**REASONS, "api_error": "the platform answers with status 200, and with errors in the answer"}

    def __init__(self, params: OptixParams, engines: Engines) -> None:
        super().__init__(params, engines)
        private, trust = bearer(params.token.get_secret_value()), Trust(ca_file=params.ca_file)
        self._api = Api(engines.http, params.url, "Optix", "`token`", private=private, trust=trust)

    async def _view(self, day: Slot, now: datetime, deadline: float) -> View:
        """Nothing of members and bookings is known of its schema: who we are is all that is asked."""
        answer = await self._ask(_WHO, {}, deadline)
        require_no_error(answer)
        match answer:
            case {"data": {"me": {"user": {"user_id": _}}}}:
                return View()
        raise Failed("malformed", "the answer of Optix does not follow its API: it does not tell who we are")

    async def _is_free(self, resource: str, slot: Slot, deadline: float) -> bool:
        booking = {
            "start_timestamp": int(slot.start.timestamp()),
            "end_timestamp": int(slot.end.timestamp()),
            "resource_id": [resource],
        }
        draft = {"owner_user_id": self.params.owner, "source": "Deskwatch", "title": "Deskwatch", "bookings": [booking]}
        return drafted(await self._ask(_DRAFT, {"input": draft}, deadline), resource)

    async def _ask(self, query: str, variables: Mapping[str, Any], deadline: float) -> Mapping[str, Any]:
        """The answer to a query, its errors in words without our token, which one of them may repeat."""
        answer = await graphql(self._api, query, variables, deadline)
        if not isinstance(answer.get("errors"), list):
            return answer
        token = self.params.token.get_secret_value()
        return {**answer, "errors": [{"message": _said(error).replace(token, "***")} for error in answer["errors"]]}


def drafted(answer: Mapping[str, Any], resource: str) -> bool:
    """Whether a draft was made: then the room is free. Raises as `require_no_error` does."""
    said = _errors(answer)
    if any(word in said.lower() for word in _TAKEN):
        return False
    if any(word in said.lower() for word in _MISSING):
        raise Failed("room_missing", f"Optix has no resource {resource}; correct `probe_resource` or `room`")
    require_no_error(answer)
    match answer:
        case {"data": {"bookingsDraft": {"bookings": [_, *_]}}}:
            return True
    raise Failed("malformed", "the answer of Optix does not follow its API: there is no draft")


def require_no_error(answer: Mapping[str, Any]) -> None:
    """Raises Unmeasured when the token is not accepted, Failed for any other error in an answer."""
    said = _errors(answer)
    if any(word in said.lower() for word in _REFUSED):
        raise Unmeasured("no_permission", "Optix does not let us in; correct `token` or its rights")
    if said:
        raise Failed("api_error", f"Optix answers with an error: {excerpt(said)}")


def _errors(answer: Mapping[str, Any]) -> str:
    """What the errors of an answer say, "" without any."""
    errors = answer.get("errors")
    return "; ".join(_said(error) for error in errors[:3]) if isinstance(errors, list) else ""


def _said(error: Any) -> str:
    match error:
        case {"message": str(message), "extensions": {"code": str(code)}}:
            return f"{code}: {message}"
        case {"message": str(message)}:
            return message
    return "an error without words"
