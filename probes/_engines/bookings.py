"""What every booking platform is asked alike: who is there, how much is booked, and whether a room is free."""

import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from http import HTTPStatus
from typing import Annotated, ClassVar, Generic, NamedTuple, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from probes._base import DefaultRule, Failed, Measured, Metric, Sample
from probes._engines import api
from probes._engines.api import MARGIN, Answer, Api, Question
from probes._engines.cloud import CloudParams
from probes._engines.trust import CaFile
from probes._engines.weekly import Zone
from probes._probe import Probe

_PROBED = clock(3)  # nobody meets then


Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*$", max_length=100)]
"""What a platform calls one of its things; safe in a path."""


class BookingParams(CloudParams):
    """Which rooms to ask for, and when."""

    timezone: Annotated[Zone, Field(description="time zone of the site, like Europe/Berlin")]
    probe_resource: Annotated[
        Id, Field(description="id of a resource made for this check, which nobody can book: it must always be free")
    ] = ""
    room: Annotated[Id, Field(description="id of a real room; whether it is free does not matter")] = ""
    ca_file: CaFile = ""

    @model_validator(mode="after")
    def _something_to_ask_for(self) -> Self:
        if not self.probe_resource and not self.room:
            raise ValueError("say for what to ask: probe_resource, room or, best, both")
        return self


class Slot(NamedTuple):
    """A stretch of time, in UTC."""

    start: datetime
    end: datetime

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Whether they have any time in common; meeting at an end is none."""
        return start < self.end and end > self.start

    def within(self, start: datetime, end: datetime) -> bool:
        """Whether all of it lies between two times."""
        return start <= self.start and self.end <= end


def probe_slot(now: datetime, zone: ZoneInfo) -> Slot:
    """Tomorrow from 03:00 to 04:00 on the site's clocks."""
    start = _at(now.astimezone(zone).date() + timedelta(days=1), _PROBED, zone)
    return Slot(start, start + timedelta(hours=1))  # by the clocks, in some zones this hour is skipped in spring


def today(now: datetime, zone: ZoneInfo) -> Slot:
    """From midnight to midnight on the site's clocks."""
    day = now.astimezone(zone).date()
    return Slot(_at(day, clock.min, zone), _at(day + timedelta(days=1), clock.min, zone))


def _at(day: date, wall: clock, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, wall, zone).astimezone(UTC)


def instant(text: object) -> datetime | None:
    """The time in UTC that an API writes as ISO 8601, None for what is none; without a zone it is meant in UTC."""
    try:
        read = datetime.fromisoformat(text) if isinstance(text, str) else None
        if read is None:
            return None
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


class Availability(NamedTuple):
    """Whether a resource is free, and the seconds until that was told. `part` is probe or room."""

    part: str
    free: bool
    took: float


class View(NamedTuple):
    """What a platform tells; None is what it does not. `expired` counts calendars that are no longer kept in step."""

    members: int | None = None
    events_today: int | None = None
    expired: Mapping[str, int] = {}


_AVAILABILITY = "deskwatch_booking_availability_seconds"
_FREE = "deskwatch_booking_free"
_MEMBERS = "deskwatch_booking_members"
_EXPIRED = "deskwatch_booking_expired_calendars"
EVENTS_TODAY = Metric("deskwatch_booking_events_today", "Bookings or events that begin on this day")

_PARTS = ("probe", "room")
_CALENDARS = {"office365": "Microsoft 365", "google": "Google"}

METRICS = (
    Metric(_AVAILABILITY, "Time until the platform told whether a resource is free", "seconds", "part", _PARTS),
    Metric(_FREE, "1 if the resource is free tomorrow from 03:00 to 04:00, else 0", "", "part", _PARTS),
    Metric(_MEMBERS, "Members that are active"),
    EVENTS_TODAY,
    Metric(
        _EXPIRED,
        "Connected calendars whose subscription has expired: they are not kept in step",
        "",
        "provider",
        tuple(_CALENDARS),
    ),
)
"""What every kind that asks a platform measures, as far as the platform tells it."""

REASONS = {
    **api.REASONS,
    "unavailable": "the platform lets us in, and does not tell whether a room is free",
    "room_missing": "the platform has no such resource: it was deleted, or the setting is wrong",
    "slot_taken": "the probe resource, which nobody can book, is booked: its availability is not to be trusted",
}
"""The reasons for which a platform is down."""

RULES = (
    DefaultRule(
        "availability-slow",
        _AVAILABILITY,
        "takes more than 3 seconds to tell whether a room is free",
        above=3,
        times=3,
        window=4,
    ),
    DefaultRule(
        "calendars-expired",
        _EXPIRED,
        "has calendars whose subscription has expired: what is booked there does not show here",
        above=0,
        hold=3600,
    ),
)
"""What every such kind proposes."""

P = TypeVar("P", bound=BookingParams)


class Platform(Probe[P], Generic[P]):
    """A kind that asks a booking platform. A subclass says how, each by a time of the monotonic clock."""

    metrics = METRICS
    reasons: ClassVar = REASONS
    rules = RULES
    latency = (_AVAILABILITY, "probe")

    async def measure(self, timeout: float) -> Measured:
        """Sign in, ask for members and bookings, then for the probe slot of each resource."""
        deadline, now = time.monotonic() + timeout - MARGIN, datetime.now(UTC)
        zone = ZoneInfo(self.params.timezone)
        view = await self._view(today(now, zone), now, deadline)
        slot = probe_slot(now, zone)
        found: list[Availability] = []
        for part, resource in zip(_PARTS, (self.params.probe_resource, self.params.room), strict=True):
            if resource:
                found.append(await self._availability(part, resource, slot, deadline, view, found))
        return judged(view, found)

    async def _availability(
        self, part: str, resource: str, slot: Slot, deadline: float, view: View, before: Sequence[Availability]
    ) -> Availability:
        began = time.monotonic()
        try:
            free = await self._is_free(resource, slot, deadline)
        except Failed as failure:
            samples = samples_of(view, before)
            if failure.reason != "wrong_status":
                raise Failed(failure.reason, failure.detail, samples) from failure
            words = f"nobody can see whether a room is free: {failure.detail}"
            raise Failed("unavailable", words, samples) from failure
        return Availability(part, free, time.monotonic() - began)

    @abstractmethod
    async def _view(self, day: Slot, now: datetime, deadline: float) -> View:
        """What the platform tells of members, and of bookings on a day."""

    @abstractmethod
    async def _is_free(self, resource: str, slot: Slot, deadline: float) -> bool:
        """Whether a resource can be booked then. Books nothing."""


async def require_resource(client: Api, question: Question, resource: str, deadline: float) -> Answer:
    """What the API says of a resource. Raises Failed "room_missing" when there is none."""
    answer = await client.try_(question, deadline)
    if answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise Failed("room_missing", f"{client.who} has no resource {resource}; correct `probe_resource` or `room`")
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise client.objection(answer.status)
    return answer


def judged(view: View, found: Sequence[Availability]) -> Measured:
    """What the answers mean. Raises Failed "slot_taken" when the probe resource is not free."""
    samples = samples_of(view, found)
    sentence = "; ".join(_remarks(view, found))
    if any(each.part == "probe" and not each.free for each in found):
        words = "the probe resource is booked tomorrow at 03:00, which nobody can do: availability is not to be trusted"
        raise Failed("slot_taken", f"{words}; {sentence}", samples)
    return Measured(sentence, samples)


def samples_of(view: View, found: Sequence[Availability]) -> tuple[Sample, ...]:
    """What was measured, as far as it was told."""
    samples = [Sample(_AVAILABILITY, each.took, each.part) for each in found]
    samples += [Sample(_FREE, int(each.free), each.part) for each in found]
    told = ((_MEMBERS, view.members), (EVENTS_TODAY.name, view.events_today))
    samples += [Sample(metric, value) for metric, value in told if value is not None]
    return (*samples, *(Sample(_EXPIRED, number, provider) for provider, number in view.expired.items()))


def _remarks(view: View, found: Sequence[Availability]) -> Iterator[str]:
    """What a community manager should know, what is wrong first."""
    for provider, number in view.expired.items():
        if number:
            is_, calendar = ("is", "calendar") if number == 1 else ("are", "calendars")
            yield f"{number} connected {_CALENDARS[provider]} {calendar} {is_} no longer kept in step"
    slowest = max((each.took for each in found), default=0)
    yield f"rooms can be looked up in {slowest:.2g} s"
    if view.events_today is not None:
        yield f"{view.events_today} {'booking' if view.events_today == 1 else 'bookings'} today"
    if view.members is not None:
        yield f"{view.members} active {'member' if view.members == 1 else 'members'}"
