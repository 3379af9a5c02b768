"""Reads a calendar over the web or CalDAV, and tells whether it is still kept in step with what is booked."""

import asyncio
import hashlib
import re
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr, model_validator

from probes import DefaultRule, Failed, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines import Engines, calendars
from probes._engines.api import MARGIN, basic
from probes._engines.bookings import EVENTS_TODAY, Slot, today
from probes._engines.calendars import Content
from probes._engines.http.exchange import REASONS, Request, Response, Trust
from probes._engines.latest import is_fresh
from probes._engines.trust import CaFile
from probes._engines.weekly import Zone
from probes._secrets import Secret

_UPCOMING = "deskwatch_booking_feed_upcoming_events"
_AGE = "deskwatch_booking_feed_age_seconds"
_DRIFT = "deskwatch_booking_feed_drift_events"

_BEHIND, _AHEAD = timedelta(days=7), timedelta(days=60)  # of which a CalDAV server is asked
_COMPARABLE = 7200.0  # seconds that the platform's count may be old
_LARGE = 64 * 1024  # bytes that are read on a thread of their own: the others had to wait for them


def _address(secret: SecretStr) -> SecretStr:
    url = _web(secret.get_secret_value())
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii() or not url.isprintable():
        raise ValueError("the address must begin with https://, http:// or webcal:// and a host name")
    if parts.username is not None:
        raise ValueError("user and password do not belong in the address; use username and password")
    return secret


def _web(url: str) -> str:
    """The address that calendar programs make of a subscription's."""
    return re.sub(r"^webcal(s?)://", "https://", url, flags=re.IGNORECASE)


class CalendarFeedParams(Params):
    """Where the calendar is, and how alive it must be."""

    url: Annotated[
        Annotated[Secret, AfterValidator(_address)],
        Field(description="address of the calendar; whoever knows it can read it, so it is a secret"),
    ]
    protocol: Annotated[
        Literal["ical", "caldav"], Field(description="ical: a file as in a subscription; caldav: a collection")
    ] = "ical"
    username: Annotated[
        str, Field(pattern=r"^[^:\x00-\x1f]*$", max_length=200, description="user name of basic authentication")
    ] = ""
    password: Annotated[Secret | None, Field(description="password of that user")] = None
    timezone: Annotated[Zone, Field(description="time zone of the site, like Europe/Berlin")]
    holidays: Annotated[
        frozenset[date], Field(max_length=400, description="days other than weekends on which nobody books")
    ] = frozenset()
    ahead: Annotated[
        int,
        Field(ge=0, le=40, description="business days in which at least one event must begin; 0: not looked at"),
    ] = 10
    platform: Annotated[
        str,
        Field(
            pattern=r"^([a-z0-9-]+/[a-z0-9-]+)?$",
            max_length=200,
            description="check of the platform that this calendar is fed from, as asset/name: their counts must agree",
        ),
    ] = ""
    ca_file: CaFile = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.password is None) != (not self.username):
            raise ValueError("basic authentication needs both username and password")
        return self

    @property
    def target(self) -> str:
        """The host, which is no secret."""
        return urlsplit(_web(self.url.get_secret_value())).hostname or ""

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """The address, as a reference."""
        return {"url": target}


class _Known(NamedTuple):
    """What was read last, and how to ask whether it still holds; `day` is the one that it was read on."""

    content: Content
    day: Slot
    digest: bytes
    marks: tuple[tuple[str, str], ...]


class CalendarFeed(Probe[CalendarFeedParams]):
    """Whether a calendar of bookings is alive."""

    Params = CalendarFeedParams
    metrics = (
        EVENTS_TODAY,
        Metric(_UPCOMING, "Events that begin within the next `ahead` business days"),
        Metric(_AGE, "Time on business days since anything in it was changed", "seconds"),
        Metric(_DRIFT, "By how many the events today differ from the platform's bookings today"),
    )
    reasons: ClassVar = {
        **REASONS,
        "wrong_status": "the server answered with an error",
        "revoked": "the link does not lead to a calendar any more: it was withdrawn or replaced",
    }
    rules = (
        DefaultRule("feed-stale", _AGE, "has not changed for a whole working day", above=24 * 3600),
        DefaultRule("feed-empty", _UPCOMING, "has no event in the next business days", below=1, hold=3600),
        DefaultRule(
            "feed-drift",
            _DRIFT,
            "shows other bookings today than the booking platform does",
            above=2,
            times=3,
            window=3,
        ),
    )

    def __init__(self, params: CalendarFeedParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._known: _Known | None = None

    async def measure(self, timeout: float) -> Measured:
        """Get the calendar, or hear that it has not changed."""
        deadline, now, zone = time.monotonic() + timeout - MARGIN, datetime.now(UTC), ZoneInfo(self.params.timezone)
        day = today(now, zone)
        known = self._known if self._known is not None and self._known.day == day else None
        response = await self.engines.http.fetch(self._request(now, known), deadline - time.monotonic())
        require_calendar(response.status)
        if response.status == HTTPStatus.NOT_MODIFIED and known is not None:
            self._known = known
        else:
            self._known = await self._read(response, known, day, now, zone)
        return self._judged(self._known.content, day, now, zone)

    def _request(self, now: datetime, known: _Known | None) -> Request:
        params = self.params
        signed = basic(params.username, params.password.get_secret_value()) if params.password is not None else ()
        request = Request(
            url=_web(params.url.get_secret_value()),
            headers=known.marks if known is not None else (),
            private=signed,
            redirects=5,
            most_body=calendars.LARGEST,
            trust=Trust(ca_file=params.ca_file),
        )
        return _report(request, now) if params.protocol == "caldav" else request

    async def _read(self, response: Response, known: _Known | None, day: Slot, now: datetime, zone: ZoneInfo) -> _Known:
        digest = hashlib.sha256(response.body).digest()
        if known is not None and known.digest == digest:
            return known
        end = max(calendars.business_days_ahead(now, self.params.ahead, zone, self.params.holidays), day.end)
        caldav = self.params.protocol == "caldav"
        arguments = (response.body, caldav, zone, day.start, end)
        if len(response.body) > _LARGE:
            content = await asyncio.to_thread(_content, *arguments)
        else:
            content = _content(*arguments)
        return _Known(content, day, digest, () if caldav else _marks(response))

    def _judged(self, content: Content, day: Slot, now: datetime, zone: ZoneInfo) -> Measured:
        params = self.params
        on_the_day = content.begins(day.start, day.end)
        samples = [Sample(EVENTS_TODAY.name, on_the_day)]
        if params.ahead:
            end = calendars.business_days_ahead(now, params.ahead, zone, params.holidays)
            samples.append(Sample(_UPCOMING, content.begins(now, end)))
        if content.changed is not None:
            age = calendars.business_time(content.changed, now, zone, params.holidays)
            samples.append(Sample(_AGE, age.total_seconds()))
        platform = self._on_the_platform(day, now)
        if platform is not None:
            samples.append(Sample(_DRIFT, abs(on_the_day - platform)))
        remarks = _remarks(on_the_day, content, platform, now, params)
        return Measured("; ".join(remarks), tuple(samples))

    def _on_the_platform(self, day: Slot, now: datetime) -> float | None:
        """How many bookings the platform has today, None if that is not known by now."""
        reading = self.engines.latest.of(self.params.platform) if self.params.platform else None
        if reading is None or not is_fresh(reading, now, _COMPARABLE) or reading.at < day.start:
            return None
        return reading.value(EVENTS_TODAY.name)


def require_calendar(status: int) -> None:
    """Raises Failed or Unmeasured for a status that comes without a calendar."""
    if status in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED, HTTPStatus.MULTI_STATUS):
        return
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise Failed(
            "revoked",
            f"the link leads nowhere any more (status {status}): it was withdrawn or replaced; ask the owner of the "
            "calendar for its new secret address",
        )
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise Unmeasured("no_permission", f"the calendar does not let us in, status {status}; correct the settings")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise Unmeasured("throttled", "the server wants to be asked less often; make the interval longer")
    raise Failed("wrong_status", f"the server of the calendar answered with status {status}")


def _report(request: Request, now: datetime) -> Request:
    """The request that asks a CalDAV server for the events around now, whether they have changed or not."""
    body = calendars.QUERY.format(start=now - _BEHIND, end=now + _AHEAD)
    headers = (("Depth", "1"), ("Content-Type", 'application/xml; charset="utf-8"'))
    changed: dict[str, Any] = {"method": "REPORT", "headers": headers, "body": body.encode(), "redirects": 0}
    return Request(
        **{name: getattr(request, name) for name in ("url", "private", "most_body", "trust")},
        **changed,
    )


def _marks(response: Response) -> tuple[tuple[str, str], ...]:
    """The header lines that ask whether an answer still holds."""
    asked = (("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since"))
    return tuple((name, value) for mark, name in asked if (value := response.header(mark)))


def _content(body: bytes, caldav: bool, zone: ZoneInfo, start: datetime, end: datetime) -> Content:
    """What is in an answer. Raises Failed for what is no calendar or too much of one."""
    try:
        bodies = calendars.objects(body) if caldav else (body,)
        if not caldav and not body.lstrip(b"\xef\xbb\xbf \r\n\t").upper().startswith(b"BEGIN:VCALENDAR"):
            raise ValueError("the answer is no calendar: perhaps a login page")
        return calendars.read(bodies, zone, start, end)
    except calendars.TooMany as error:
        raise Failed("body_too_large", str(error)) from error
    except ValueError as error:
        raise Failed("malformed", str(error)) from error


def _remarks(
    on_the_day: int, content: Content, platform: float | None, now: datetime, params: CalendarFeedParams
) -> Iterator[str]:
    """What a community manager should know, what is wrong first."""
    if platform is not None and platform != on_the_day:
        yield f"the platform has {platform:.0f} bookings today, the calendar {on_the_day}"
    else:
        yield f"{on_the_day} {'event' if on_the_day == 1 else 'events'} today"
    if content.changed is None:
        yield "it does not tell when it was changed"
    else:
        yield f"last changed {_ago(now - content.changed)} ago"
    if params.platform and platform is None:
        yield f"{params.platform} has no count of today to compare with"


def _ago(age: timedelta) -> str:
    hours = max(age.total_seconds(), 0) / 3600
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"
