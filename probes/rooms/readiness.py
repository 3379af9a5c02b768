"""One verdict for a room from everything that is watched in it, and raised when the next booking needs it."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, ClassVar, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import Field

from probes import Failed, Measured, Metric, Params, Probe, Reading, Sample, Status, Unmeasured
from probes._engines import Engines, displays
from probes._engines.calendars import LARGEST, Booking
from probes._engines.calendars import read as read_calendars
from probes._engines.displays import printable
from probes._engines.http import exchange
from probes._engines.weekly import Zone
from probes._secrets import Secret

_READY = "deskwatch_room_ready"
_BOOKED = "deskwatch_room_booked"
_NEXT = "deskwatch_room_next_booking_timestamp_seconds"
_UNTIL = "deskwatch_room_ready_until_timestamp_seconds"
_DEVICES = "deskwatch_room_devices"

_AHEAD = timedelta(days=2)  # how far bookings are looked for
_REFRESH = timedelta(minutes=5)  # how long a calendar counts as current
_STALE = timedelta(hours=1)  # how long one counts that could not be fetched since

CheckId = Annotated[str, Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$", max_length=200)]


class ReadinessParams(Params):
    """What a meeting in the room needs, and how its bookings are known."""

    needs: Annotated[
        tuple[CheckId, ...],
        Field(max_length=50, description="checks that must be UP, as asset/check; all others of the room if not set"),
    ] = ()
    path: Annotated[
        tuple[CheckId, ...],
        Field(max_length=50, description="checks of what connects the room that must be UP as well: wifi/controller"),
    ] = ()
    calendar: Annotated[
        Secret | None,
        Field(description="address of the room's iCal feed; without it, a room that is not ready is DOWN at once"),
    ] = None
    timezone: Annotated[
        Zone,
        Field(description="time zone of the room: of times in messages, and of those in the calendar that name none"),
    ] = "UTC"
    lead: Annotated[
        float, Field(ge=0, le=86_400, description="seconds before a booking from which on the room has to be ready")
    ] = 1800
    stale: Annotated[
        float, Field(ge=10, le=86_400, description="seconds after which a check's reading says nothing any more")
    ] = 900

    @property
    def target(self) -> str:
        """What connects its checks is the room, which needs no bound of its own."""
        return "the room"

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """The checks it needs, separated by commas."""
        return {"needs": target.split(",")}


class Finding(NamedTuple):
    """What is known of one device: `status` None while nothing new is."""

    check: str
    status: Status | None
    detail: str
    warns: bool = False

    @property
    def name(self) -> str:
        """The check's name within its asset."""
        return self.check.partition("/")[2]


class Plan(NamedTuple):
    """The bookings that are known; None: there is no calendar, or it could not be read for an hour."""

    bookings: tuple[Booking, ...] | None = None
    trouble: str = ""


class Readiness(Probe[ReadinessParams]):
    """Whether a meeting can be held in the room, when it will be needed, and what is in the way."""

    Params = ReadinessParams
    metrics = (
        Metric(_READY, "1 if everything that a meeting needs works, else 0"),
        Metric(_BOOKED, "1 while the room is booked, else 0"),
        Metric(_NEXT, "When the next booking begins", "seconds"),
        Metric(_UNTIL, "Until when the room is free of bookings and ready", "seconds"),
        Metric(_DEVICES, "Checks that the room needs, by how they are", "", "state", ("up", "down", "unknown")),
    )
    reasons: ClassVar = {
        "not_ready": "something that a meeting needs does not work, and the room is booked soon or now, or none knows",
    }
    says = "is not ready"
    summary = True
    on_demand = False

    def __init__(self, params: ReadinessParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._zone = ZoneInfo(params.timezone)
        self._plan = Plan() if params.calendar is None else Plan((), "its calendar was not read yet")
        self._read: datetime | None = None

    async def measure(self, timeout: float) -> Measured:
        """Look at what the room's checks have found, and when it is booked."""
        now = datetime.now(UTC)
        await self._learn_bookings(now, timeout)
        return judged(self._findings(now), self._plan, self.params, self._zone, now)

    def _findings(self, now: datetime) -> tuple[Finding, ...]:
        params, latest = self.params, self.engines.latest
        mine = [reading.check for reading in latest.of_asset(self.check.partition("/")[0])]
        needed = params.needs or tuple(id for id in mine if id != self.check)
        return tuple(_finding(id, latest.of(id), now, params.stale) for id in (*needed, *params.path))

    async def _learn_bookings(self, now: datetime, timeout: float) -> None:
        """Read the calendar if it is time; what was known stays for an hour if that fails."""
        if self.params.calendar is None or (self._read is not None and now - self._read < _REFRESH):
            return
        try:
            data = await self._fetch(self.params.calendar.get_secret_value(), timeout)
            found = await asyncio.to_thread(read_calendars, [data], self._zone, now - _AHEAD, now + _AHEAD)
        except (Failed, Unmeasured, ValueError) as error:
            words = error.detail if isinstance(error, (Failed, Unmeasured)) else str(error)
            known = self._plan.bookings if self._read is not None and now - self._read < _STALE else None
            self._plan = Plan(known, f"its calendar cannot be read: {words}")
        else:
            taken = (one for one in found.bookings if not one.free and one.starts < one.ends)
            self._plan, self._read = Plan(tuple(taken)), now

    async def _fetch(self, url: str, timeout: float) -> bytes:
        request = exchange.Request(url, headers=(("Accept", "text/calendar"),), most_body=LARGEST)
        try:
            response = await self.engines.http.fetch(request, timeout / 2)
        except Failed as failure:
            raise Failed(failure.reason, "the server does not answer as it should") from None  # an address is a secret
        if response.status != HTTPStatus.OK:
            raise Failed("not_ready", f"the server answered with status {response.status}")
        return response.body


def _finding(check: str, reading: Reading | None, now: datetime, stale: float) -> Finding:
    if reading is None:
        return Finding(check, None, "has not been looked at yet")
    if (now - reading.at).total_seconds() > stale:
        return Finding(check, None, f"was last seen {(now - reading.at).total_seconds() / 60:.0f} min ago")
    if reading.status is Status.UNKNOWN:
        return Finding(check, None, reading.detail)
    warns = any(one.metric == displays.WARNING.name and one.value for one in reading.samples)
    warns = warns or reading.value(displays.SIGNAL.name) == 0
    return Finding(check, reading.status, reading.detail, warns)


def judged(findings: Sequence[Finding], plan: Plan, params: ReadinessParams, zone: ZoneInfo, now: datetime) -> Measured:
    """What the findings mean for whoever comes next.

    Raises Failed when something is broken and the room is needed, Unmeasured when nothing is known of it.
    """
    broken = [one for one in findings if one.status is Status.DOWN]
    unknown = [one for one in findings if one.status is None]
    current, following = _around(plan.bookings or (), now)
    samples = tuple(_samples(findings, current, following, now))
    when = _when(current, following, plan, zone, now)
    if not broken and len(unknown) == len(findings):
        raise Unmeasured("no_source", _unknown(unknown) or "nothing else is watched in this room; add its devices")
    if not broken:
        remarks = [one.detail for one in findings if one.warns] + ([_unknown(unknown)] if unknown else [])
        return Measured("; ".join((f"ready{when}", *remarks)), samples)
    words = "; ".join(f"{one.name}: {one.detail}" for one in broken)
    if needed(current, following, plan, params.lead, now):
        raise Failed("not_ready", f"{words}{when}", samples)
    return Measured(f"not ready, but not needed yet{when}: {words}", samples)


def needed(current: Booking | None, following: Booking | None, plan: Plan, lead: float, now: datetime) -> bool:
    """Whether somebody is in the room or comes soon; always where bookings are not known."""
    if plan.bookings is None or current is not None:
        return True
    return following is not None and following.starts - now <= timedelta(seconds=lead)


def _around(known: Sequence[Booking], now: datetime) -> tuple[Booking | None, Booking | None]:
    """The booking that is on, and the one that comes next."""
    current = next((one for one in known if one.starts <= now < one.ends), None)
    following = next((one for one in known if one.starts > now), None)
    return current, following


def _when(current: Booking | None, following: Booking | None, plan: Plan, zone: ZoneInfo, now: datetime) -> str:
    """When the room is needed, as the end of a sentence."""
    words = []
    if current is not None:
        words.append(f"booked until {_clock(current.ends, zone, now)}")
    if following is not None:
        words.append(f"next booking at {_clock(following.starts, zone, now)}")
    elif plan.bookings is not None and current is None and not plan.trouble:
        words.append("no booking today or tomorrow")
    if plan.trouble:
        words.append(plan.trouble)
    return f" ({', '.join(words)})" if words else ""


def _clock(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    local = at.astimezone(zone)
    return f"{local:%H:%M}" if local.date() == now.astimezone(zone).date() else f"{local:%a %H:%M}"


def _unknown(findings: Sequence[Finding]) -> str:
    return "; ".join(f"not known of {one.name}: {printable(one.detail, 200)}" for one in findings)


def _samples(
    findings: Sequence[Finding], current: Booking | None, following: Booking | None, now: datetime
) -> Iterator[Sample]:
    states = {"up": Status.UP, "down": Status.DOWN, "unknown": None}
    counts = {name: sum(one.status is status for one in findings) for name, status in states.items()}
    yield from (Sample(_DEVICES, number, name) for name, number in counts.items())
    ready = counts["down"] == 0 and counts["up"] > 0
    if ready or counts["down"]:
        yield Sample(_READY, int(ready))
    yield Sample(_BOOKED, int(current is not None))
    if following is not None:
        yield Sample(_NEXT, following.starts.timestamp())
        if ready and current is None:
            yield Sample(_UNTIL, following.starts.timestamp())
