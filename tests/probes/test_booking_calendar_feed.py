"""booking.calendar_feed against Radicale, and against a server that knows what it has sent before."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from peers.canaries import canary
from peers.json_api import Asked
from peers.looks import values
from peers.radicale import PASSWORD, USER, Radicale, radicale
from peers.tcp import serving
from peers.web_api import Reply, WebApi
from peers.zones import far_from_midnight

from probes import Failed, Measured, Reading, Sample, Status, Unmeasured
from probes._engines import Engines
from probes._engines.bookings import today
from probes._engines.calendars import LARGEST, MOST_EVENTS
from probes.booking.calendar_feed import CalendarFeed, CalendarFeedParams

ZONE = ZoneInfo(far_from_midnight("Europe/Berlin", "Asia/Tokyo"))
PATH = f"/private-{canary('feed')}/basic.ics"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radicale]:
    with radicale(tmp_path_factory.mktemp("radicale")) as server:
        yield server


@pytest.fixture(autouse=True)
def no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level("DEBUG")
    yield
    assert "canary-" not in caplog.text


def stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def event(uid: str, start: datetime, changed: datetime | None = None, **more: str) -> str:
    """The lines of an event of half an hour."""
    lines = {
        "UID": uid,
        "DTSTAMP": stamp(changed or datetime.now(UTC)),
        "DTSTART": stamp(start),
        "DTEND": stamp(start + timedelta(minutes=30)),
        "SUMMARY": canary("meeting"),
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    return "\r\n".join(("BEGIN:VEVENT", *(f"{name}:{value}" for name, value in lines.items()), "END:VEVENT"))


def calendar(*events: str) -> str:
    return "\r\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test", *events, "END:VCALENDAR", ""))


def noon(days: int = 0) -> datetime:
    return today(datetime.now(UTC), ZONE).start + timedelta(days=days, hours=12)


def probe(engines: Engines, monkeypatch: pytest.MonkeyPatch, url: str, **settings: Any) -> CalendarFeed:
    monkeypatch.setenv("FEED", url)
    monkeypatch.setenv("FEED_PASSWORD", PASSWORD)
    given = {"url": "${env:FEED}", "timezone": ZONE.key, **settings}
    return CalendarFeed(CalendarFeedParams.model_validate(given), engines)


SIGNED = {"username": USER, "password": "${env:FEED_PASSWORD}"}


@pytest.mark.parametrize("protocol", ["ical", "caldav"])
async def test_a_calendar_of_radicale_is_read_either_way(
    engines: Engines, monkeypatch: pytest.MonkeyPatch, server: Radicale, protocol: str
) -> None:
    server.empty()
    feed = probe(engines, monkeypatch, server.calendar, protocol=protocol, **SIGNED)
    empty = await feed.measure(60)
    assert values(empty.samples) == {"booking_events_today": 0, "booking_feed_upcoming_events": 0}
    assert empty.detail == "0 events today; it does not tell when it was changed"
    server.put("a", calendar(event("a", noon())))
    server.put("b", calendar(event("b", noon(-21), RRULE="FREQ=DAILY")))
    server.put("c", calendar(event("c", noon(40))))
    found = await feed.measure(60)
    told = values(found.samples)
    assert told["booking_events_today"] == 2
    assert told["booking_feed_upcoming_events"] >= 10
    assert told["booking_feed_age_seconds"] < 60
    assert found.detail == "2 events today; last changed 0 h ago"
    assert "canary-" not in repr(found)


@pytest.mark.parametrize("protocol", ["ical", "caldav"])
async def test_a_wrong_password_says_nothing_about_the_calendar(
    engines: Engines, monkeypatch: pytest.MonkeyPatch, server: Radicale, protocol: str
) -> None:
    wrong = {"username": "somebody", "password": "${env:FEED_PASSWORD}"}
    with pytest.raises(Unmeasured, match="does not let us in, status 401") as unmeasured:
        await probe(engines, monkeypatch, server.calendar, protocol=protocol, **wrong).measure(60)
    assert unmeasured.value.reason == "no_permission"


@pytest.mark.parametrize("protocol", ["ical", "caldav"])
async def test_a_calendar_that_was_deleted_is_down_in_plain_words(
    engines: Engines, monkeypatch: pytest.MonkeyPatch, server: Radicale, protocol: str
) -> None:
    url = server.calendar.replace("/room/", "/gone/")
    with pytest.raises(Failed, match="withdrawn or replaced; ask the owner of the calendar") as failed:
        await probe(engines, monkeypatch, url, protocol=protocol, **SIGNED).measure(60)
    assert failed.value.reason == "revoked"


def published(state: dict[str, str]) -> WebApi:
    """A server that sends a calendar only to who does not have it yet."""

    def answer(asked: Asked) -> Reply:
        marks = (("ETag", f'"{state["etag"]}"'), ("Last-Modified", "Sun, 22 Nov 2026 10:00:00 GMT"))
        if asked.headers.get("if-none-match") == f'"{state["etag"]}"':
            return Reply(b"", 304, marks)
        return Reply(state["body"].encode(), 200, marks)

    return WebApi({f"GET {PATH}": answer})


async def test_a_calendar_that_has_not_changed_is_not_sent_again(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = {"etag": "1", "body": calendar(event("a", noon()))}
    api = published(state)
    async with serving(api.talk) as port:
        feed = probe(engines, monkeypatch, f"http://127.0.0.1:{port}{PATH}")
        for _ in range(2):
            assert values((await feed.measure(60)).samples)["booking_events_today"] == 1
        state |= {"etag": "2", "body": calendar(event("a", noon()), event("b", noon()))}
        assert values((await feed.measure(60)).samples)["booking_events_today"] == 2
        state["etag"] = "3"
        assert values((await feed.measure(60)).samples)["booking_events_today"] == 2
    assert [asked.headers.get("if-none-match") for asked in api.asked] == [None, '"1"', '"1"', '"2"']
    assert api.asked[1].headers["if-modified-since"] == "Sun, 22 Nov 2026 10:00:00 GMT"


async def looked(
    engines: Engines, monkeypatch: pytest.MonkeyPatch, reply: Reply | None, timeout: float = 60, **settings: Any
) -> Measured:
    async with serving(WebApi(first=[reply]).talk) as port:
        return await probe(engines, monkeypatch, f"http://127.0.0.1:{port}{PATH}", **settings).measure(timeout)


async def test_a_large_calendar_is_read_beside_the_other_checks(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = calendar(*(event(str(number), noon(-number % 50)) for number in range(500))).encode()
    assert len(many) > 64 * 1024
    found = await looked(engines, monkeypatch, Reply(many))
    assert values(found.samples)["booking_events_today"] == 10


async def test_a_calendar_with_too_many_events_is_too_large(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    many = calendar(*(event(str(number), noon()) for number in range(MOST_EVENTS + 1))).encode()
    with pytest.raises(Failed, match="events that repeat or are near") as failed:
        await looked(engines, monkeypatch, Reply(many))
    assert failed.value.reason == "body_too_large"


async def test_a_stale_calendar_without_events_ahead_is_measured(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = calendar(event("a", noon(-20), noon(-14)))
    found = await looked(engines, monkeypatch, Reply(old.encode()))
    told = values(found.samples)
    assert told["booking_feed_age_seconds"] >= 9 * 24 * 3600
    assert told["booking_feed_upcoming_events"] == 0
    assert found.detail == "0 events today; last changed 14 days ago"


async def test_ahead_may_be_switched_off(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await looked(engines, monkeypatch, Reply(calendar().encode()), ahead=0)
    assert "booking_feed_upcoming_events" not in values(found.samples)


def reading(count: float | None, at: datetime) -> Reading:
    samples = () if count is None else (Sample("deskwatch_booking_events_today", count),)
    return Reading("booking/nexudus", at, 1.0, Status.UP, "ok", "", samples)


async def test_a_calendar_that_differs_from_the_platform_tells_by_how_much(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Reply(calendar(event("a", noon())).encode())
    engines.latest.take(reading(5, datetime.now(UTC)))
    found = await looked(engines, monkeypatch, one, platform="booking/nexudus")
    assert values(found.samples)["booking_feed_drift_events"] == 4
    assert found.detail.startswith("the platform has 5 bookings today, the calendar 1; ")
    engines.latest.take(reading(1, datetime.now(UTC)))
    found = await looked(engines, monkeypatch, one, platform="booking/nexudus")
    assert values(found.samples)["booking_feed_drift_events"] == 0


async def test_a_platform_that_has_not_told_lately_is_no_drift(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Reply(calendar(event("a", noon())).encode())
    known = reading(5, datetime.now(UTC))
    for before in (None, replace(known, at=known.at - timedelta(days=1)), reading(None, known.at)):
        if before is not None:
            engines.latest.take(before)
        found = await looked(engines, monkeypatch, one, platform="booking/nexudus")
        assert "booking_feed_drift_events" not in values(found.samples)
        assert found.detail.endswith("booking/nexudus has no count of today to compare with")


@pytest.mark.parametrize(
    ("reply", "protocol", "raises", "reason"),
    [
        (Reply(b"Not Found", 404), "ical", Failed, "revoked"),
        (Reply(b"Gone", 410), "ical", Failed, "revoked"),
        (Reply(b"", 403), "ical", Unmeasured, "no_permission"),
        (Reply(b"", 429), "ical", Unmeasured, "throttled"),
        (Reply(b"", 503), "ical", Failed, "wrong_status"),
        (Reply(b"", 405), "caldav", Failed, "wrong_status"),
        (Reply(b"<html>Sign in"), "ical", Failed, "malformed"),
        (Reply(b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n"), "ical", Failed, "malformed"),
        (Reply(b"<html>Sign in"), "caldav", Failed, "malformed"),
        (Reply(b"<html/>", 207), "caldav", Failed, "malformed"),
        (Reply(b"x" * (LARGEST + 1)), "ical", Failed, "body_too_large"),
        (Reply(b"", 304), "ical", Failed, "malformed"),
        (None, "ical", Failed, "timeout"),
    ],
)
async def test_whatever_else_it_answers_is_told_as_it_is(
    engines: Engines,
    monkeypatch: pytest.MonkeyPatch,
    reply: Reply | None,
    protocol: str,
    raises: type[Failed | Unmeasured],
    reason: str,
) -> None:
    with pytest.raises(raises) as raised:
        await looked(engines, monkeypatch, reply, 2 if reply is None else 60, protocol=protocol)
    assert raised.value.reason == reason
    assert "canary-" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://example.com/a.ics", "must begin with https://"),
        ("https://u:canary-x@example.com/a.ics", "do not belong in the address"),
        ("calendar", "must begin with https://"),
    ],
)
def test_an_address_that_is_none_is_refused_and_not_repeated(
    engines: Engines, monkeypatch: pytest.MonkeyPatch, url: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words) as error:
        probe(engines, monkeypatch, url)
    assert "canary-" not in str(error.value)


def test_a_subscription_is_an_address_of_the_web_and_only_its_host_is_shown(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = probe(engines, monkeypatch, f"webcal://calendar.example.com{PATH}")
    assert feed.params.target == "calendar.example.com"
    assert "canary-" not in repr(feed.params)
    with pytest.raises(ValueError, match="both username and password"):
        probe(engines, monkeypatch, "https://example.com", username="u")
