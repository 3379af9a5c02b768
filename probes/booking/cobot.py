"""Asks Cobot for members, bookings and a free room."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from probes._base import Failed
from probes._engines import Engines
from probes._engines.api import Question
from probes._engines.booking_platforms import COBOT, attributes, cobot, cobot_rows
from probes._engines.bookings import BookingParams, Platform, Slot, View, instant, require_resource
from probes._engines.cloud import Address
from probes._engines.http.exchange import Trust
from probes._secrets import LineSecret


class CobotParams(BookingParams):
    """Which space to look at, and the token that lets us in."""

    url: Annotated[Address, Field(description="where the API is")] = COBOT
    space: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=100, description="id of the space")]
    token: Annotated[LineSecret, Field(description="access token of an admin, with scopes that read")]


class Cobot(Platform[CobotParams]):
    """Whether rooms can be booked in Cobot."""

    Params = CobotParams

    def __init__(self, params: CobotParams, engines: Engines) -> None:
        super().__init__(params, engines)
        trust = Trust(ca_file=params.ca_file)
        self._api = cobot(engines.http, params.url, params.token.get_secret_value(), trust)

    async def _view(self, day: Slot, now: datetime, deadline: float) -> View:
        space = f"/spaces/{self.params.space}"
        members = await cobot_rows(self._api, f"{space}/memberships", _filter(day), deadline)
        bookings = await cobot_rows(self._api, f"{space}/bookings", _filter(day), deadline)
        begins = [instant(attributes(row).get("from")) for row in bookings]
        return View(
            sum(_is_active(attributes(row), now) for row in members),
            sum(start is not None and day.start <= start < day.end for start in begins),
        )

    async def _is_free(self, resource: str, slot: Slot, deadline: float) -> bool:
        question = Question(f"/resources/{resource}/availability", _filter(slot))
        answer = await require_resource(self._api, question, resource, deadline)
        return any(slot.within(start, end) for start, end in _available(answer.document))


def _filter(slot: Slot) -> dict[str, str]:
    return {"filter[from]": _written(slot.start), "filter[to]": _written(slot.end)}


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _is_active(membership: Mapping[str, Any], now: datetime) -> bool:
    """Members are confirmed by the space, and cancelled from a date on."""
    cancelled = instant(membership.get("canceledAt"))
    return bool(membership.get("confirmedAt")) and (cancelled is None or cancelled > now)


def _available(document: Any) -> list[tuple[datetime, datetime]]:
    """From when until when a resource is free."""
    match document:
        case {"data": {"attributes": {"availableTimes": list(times)}}}:
            read = [(instant(each.get("from")), instant(each.get("to"))) for each in times if isinstance(each, Mapping)]
            return [(start, end) for start, end in read if start and end]
    raise Failed("malformed", "the answer of Cobot does not follow its API: there are no availableTimes")
