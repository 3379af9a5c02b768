"""Asks Nexudus for members, bookings and a free room, and whether the connected calendars are still kept in step."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from probes._engines import Engines
from probes._engines.api import Question
from probes._engines.booking_platforms import NEXUDUS, Account, nexudus, nexudus_page
from probes._engines.bookings import BookingParams, Platform, Slot, View, instant, require_resource
from probes._engines.cloud import Address
from probes._engines.http.exchange import Trust
from probes._secrets import Secret

_CALENDARS = {"office365": "CoworkerMsOfficeCalendar", "google": "CoworkerGoogleCalendar"}
_MOST_OVERLAPPING = 50


class NexudusParams(BookingParams):
    """Who signs in, and for which rooms to ask."""

    url: Annotated[Address, Field(description="where the API is")] = NEXUDUS
    username: Annotated[str, Field(min_length=1, max_length=200, description="a user with roles to list and read")]
    password: Annotated[Secret, Field(description="the password of that user")]


class Nexudus(Platform[NexudusParams]):
    """Whether rooms can be booked in Nexudus."""

    Params = NexudusParams

    def __init__(self, params: NexudusParams, engines: Engines) -> None:
        super().__init__(params, engines)
        account = Account(params.username, params.password.get_secret_value())
        self._api = nexudus(engines.http, params.url, account, Trust(ca_file=params.ca_file))

    async def _view(self, day: Slot, now: datetime, deadline: float) -> View:
        members = await self._count("spaces/coworkers", {"Coworker_Active": "true"}, deadline)
        last = day.end - timedelta(minutes=1)  # both ends of a range belong to it
        begins = {"from_Booking_FromTime": written(day.start), "to_Booking_FromTime": written(last)}
        expired = {
            provider: await self._count(
                f"spaces/{entity.lower()}s", {f"to_{entity}_SubscriptionExpireDate": written(now)}, deadline
            )
            for provider, entity in _CALENDARS.items()
        }
        return View(members, await self._count("spaces/bookings", begins, deadline), expired)

    async def _count(self, entity: str, query: Mapping[str, str], deadline: float) -> int:
        return (await nexudus_page(self._api, entity, {"page": 1, "size": 1, **query}, deadline)).total

    async def _is_free(self, resource: str, slot: Slot, deadline: float) -> bool:
        """Nexudus has no documented question for it: a resource that is there is free when no booking overlaps."""
        await require_resource(self._api, Question(f"/api/spaces/resources/{resource}"), resource, deadline)
        query: dict[str, str | int] = {
            "page": 1,
            "size": _MOST_OVERLAPPING,
            "Booking_Resource": resource,
            "to_Booking_FromTime": written(slot.end),
            "from_Booking_ToTime": written(slot.start),
        }
        page = await nexudus_page(self._api, "spaces/bookings", query, deadline)
        return not any(_is_in_the_way(record, resource, slot) for record in page.records)


def written(at: datetime) -> str:
    """A time as Nexudus wants it in a query: in UTC, without a zone."""
    return f"{at:%Y-%m-%dT%H:%M}"


def _is_in_the_way(record: Mapping[str, object], resource: str, slot: Slot) -> bool:
    """Looked at once more, because a filter that an API does not know lets everything pass."""
    start, end = instant(record.get("FromTime")), instant(record.get("ToTime"))
    return str(record.get("ResourceId")) == resource and bool(start and end and slot.overlaps(start, end))
