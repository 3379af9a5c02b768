"""Asks OfficeRnD Flex for members, bookings and a free room."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from probes._engines import Engines
from probes._engines.api import Question, rows
from probes._engines.booking_platforms import OFFICERND, OFFICERND_IDENTITY, Account, officernd, officernd_rows
from probes._engines.bookings import BookingParams, Platform, Slot, View, instant, require_resource
from probes._engines.cloud import Address
from probes._engines.http.exchange import Trust
from probes._engines.json_values import count, words
from probes._secrets import Secret

SCOPES = "flex.community.members.read flex.space.resources.read flex.space.bookings.read"


class OfficerndParams(BookingParams):
    """Which organization to look at, as which application."""

    url: Annotated[Address, Field(description="where the API is")] = OFFICERND
    identity_url: Annotated[Address, Field(description="where its tokens come from")] = OFFICERND_IDENTITY
    organization: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=100, description="the organization's slug, as in its address"),
    ]
    client_id: Annotated[str, Field(min_length=1, max_length=200, description="id of an application with read scopes")]
    client_secret: Annotated[Secret, Field(description="secret of that application")]


class Officernd(Platform[OfficerndParams]):
    """Whether rooms can be booked in OfficeRnD."""

    Params = OfficerndParams

    def __init__(self, params: OfficerndParams, engines: Engines) -> None:
        super().__init__(params, engines)
        account, trust = (
            Account(params.client_id, params.client_secret.get_secret_value()),
            Trust(ca_file=params.ca_file),
        )
        self._api = officernd(
            engines.http, params.url, params.identity_url, params.organization, account, SCOPES, trust
        )

    async def _view(self, day: Slot, now: datetime, deadline: float) -> View:
        document = await self._api.get("/members/count", deadline, **{"$countBy": "status"})
        groups = {words(group.get("key")): count(group.get("count")) for group in rows(document, "groups")}
        occurrences = await self._occurrences(day, {}, deadline)
        return View(groups.get("active") or 0, sum(day.start <= start < day.end for start, _ in occurrences))

    async def _is_free(self, resource: str, slot: Slot, deadline: float) -> bool:
        """A resource that is there is free when no occurrence of a booking overlaps."""
        await require_resource(self._api, Question(f"/resources/{resource}"), resource, deadline)
        occurrences = await self._occurrences(slot, {"resource": resource}, deadline)
        return not any(slot.overlaps(start, end) for start, end in occurrences)

    async def _occurrences(
        self, slot: Slot, query: Mapping[str, str], deadline: float
    ) -> tuple[tuple[datetime, datetime], ...]:
        """When bookings begin and end, those that repeat once for each time; without those that are cancelled."""
        times = {"start": slot.start.isoformat(), "end": slot.end.isoformat()}
        found = await officernd_rows(self._api, "/bookings/occurrences", {**times, **query}, deadline)
        resource = query.get("resource")
        kept = (row for row in found if not _is_cancelled(row) and resource in (None, _resource(row)))
        read = ((_time(row, "start"), _time(row, "end")) for row in kept)
        return tuple((start, end) for start, end in read if start and end)


def _is_cancelled(row: Mapping[str, Any]) -> bool:
    return row.get("isCancelled") is True or row.get("canceled") is True


def _resource(row: Mapping[str, Any]) -> str:
    return str(row.get("resource") or row.get("resourceId"))


def _time(row: Mapping[str, Any], name: str) -> datetime | None:
    """A time, which is a text or, with its zone, an object."""
    value = row.get(name)
    return instant(value.get("dateTime") if isinstance(value, Mapping) else value)
