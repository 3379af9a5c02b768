"""rooms.wake: a display is woken before anybody needs it, timed, and put back to sleep whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from peers import bravia, samsung
from peers.projector import Projector, projecting
from pydantic import ValidationError

from monitor.reading import read
from probes import Failed, Measured, Params, Probe, Reading, Sample, Status, Unmeasured
from probes._engines import Engines
from probes._engines.displays import POWER, Switchable
from probes.rooms.bravia import Bravia, BraviaParams
from probes.rooms.pjlink import Pjlink, PjlinkParams
from probes.rooms.samsung_mdc import SamsungMdc, SamsungMdcParams
from probes.rooms.wake import Wake, WakeParams, judged, told

NOW = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
LISBON = ZoneInfo("Europe/Lisbon")
ALWAYS = "* * * * *"


@pytest.fixture
async def engines() -> AsyncIterator[Engines]:
    made = Engines()
    yield made
    made.close()


def waker(engines: Engines, display: Probe[Any] | None, **settings: Any) -> Wake:
    """A wake test of that display, with the memory of earlier ones."""
    engines.neighbours.replace({} if display is None else {"boardroom/display": display})
    probe = Wake(WakeParams(**{"display": "boardroom/display", "cron": ALWAYS, "within": 30} | settings), engines)
    probe.check = "boardroom/wake"
    return probe


async def result_of(engines: Engines, display: Probe[Any] | None, timeout: float = 60, **settings: Any) -> Reading:
    return await read("boardroom/wake", waker(engines, display, **settings), timeout)


async def test_a_projector_is_timed_from_standby_to_picture_and_sleeps_again(engines: Engines) -> None:
    projector = Projector(warms=0.3)
    projector.answers["%1POWR"] = "0"
    async with projecting(projector) as port:
        found = await result_of(engines, Pjlink(PjlinkParams(host="127.0.0.1", port=port), engines))
    assert (found.status, found.reason) == (Status.UP, "ok"), found.detail
    assert 0.3 <= (found.value("deskwatch_room_wake_seconds") or 0) < 30
    assert "and sleeps again" in found.detail
    assert projector.switched == ["1", "0"]
    assert projector.answers["%1POWR"] == "0"


async def test_the_result_is_told_until_the_next_test_and_over_a_restart(engines: Engines) -> None:
    projector = Projector(warms=0.0)
    projector.answers["%1POWR"] = "0"
    async with projecting(projector) as port:
        display = Pjlink(PjlinkParams(host="127.0.0.1", port=port), engines)
        cron = _this_minute()
        first = await result_of(engines, display, cron=cron)
        again = await result_of(engines, display, cron=cron)
    assert projector.switched == ["1", "0"], "it was tested once"
    assert (again.status, again.detail) == (first.status, first.detail)


def _this_minute() -> str:
    now = datetime.now(UTC) - timedelta(minutes=1)
    return f"{now.minute} {now.hour} * * *"


@pytest.mark.parametrize("state", ["1", "3"])
async def test_a_display_that_is_on_already_is_left_alone(engines: Engines, state: str) -> None:
    projector = Projector(warms=0.0)
    projector.answers["%1POWR"] = state
    async with projecting(projector) as port:
        found = await result_of(engines, Pjlink(PjlinkParams(host="127.0.0.1", port=port), engines))
    assert found.status is Status.UP
    assert "was on already and was left alone" in found.detail
    assert projector.switched == []


async def test_one_that_shows_no_picture_is_found_and_put_back(engines: Engines) -> None:
    projector = Projector(warms=3600)
    projector.answers["%1POWR"] = "0"
    async with projecting(projector) as port:
        display = Pjlink(PjlinkParams(host="127.0.0.1", port=port), engines)
        found = await result_of(engines, display, timeout=22, within=1)
    assert (found.status, found.reason) == (Status.DOWN, "not_woken")
    assert projector.switched[0] == "1"
    assert projector.answers["%1POWR"] == "0"


async def test_one_that_refuses_is_found_with_its_words(engines: Engines) -> None:
    projector = Projector()
    projector.answers["%1POWR"] = "0"
    display = Refuses(engines)
    found = await result_of(engines, display)
    assert (found.status, found.reason) == (Status.DOWN, "not_woken")
    assert "the remote control is locked" in found.detail
    assert display.orders[-1] is False, "whatever it did, it is put back"


class Refuses(Probe[Params]):
    """A display that cannot be woken."""

    Params = Params

    def __init__(self, engines: Engines) -> None:
        super().__init__(Params(), engines)
        self.orders: list[bool] = []

    async def measure(self, timeout: float) -> Measured:
        return Measured("asleep", (Sample(POWER.name, 1, "standby"),))

    async def switch(self, on: bool, timeout: float) -> None:
        self.orders.append(on)
        if on:
            raise Failed("unsupported", "the remote control is locked")


class Slumbers(Refuses):
    """One that never ends waking: the run is cut off meanwhile."""

    async def switch(self, on: bool, timeout: float) -> None:
        self.orders.append(on)
        if on:
            await asyncio.sleep(3600)


async def test_a_test_that_is_broken_off_puts_the_display_back_first(engines: Engines) -> None:
    display = Slumbers(engines)
    probe = waker(engines, display)
    task = asyncio.create_task(probe.measure(60))
    while not display.orders:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert display.orders == [True, False]


async def test_a_samsung_display_is_switched_by_its_protocol(engines: Engines) -> None:
    display = samsung.Display(switchable=True)
    display.answers[samsung.POWER] = b"\x00"
    async with samsung.displaying(display) as port:
        found = await result_of(engines, SamsungMdc(SamsungMdcParams(host="127.0.0.1", port=port), engines))
    assert found.status is Status.UP, found.detail
    assert found.value("deskwatch_room_wake_seconds") is not None
    assert display.answers[samsung.POWER] == b"\x00"


async def test_a_bravia_display_is_switched_by_its_web_api(engines: Engines) -> None:
    display = bravia.Display(switchable=True)
    display.results["getPowerStatus"] = [{"status": "standby"}]
    async with bravia.displaying(display) as port:
        found = await result_of(engines, Bravia(BraviaParams(host="127.0.0.1", port=port), engines))
    assert found.status is Status.UP, found.detail
    assert [line.split()[-1] for line in display.asked].count("setPowerStatus") == 2
    assert display.results["getPowerStatus"] == [{"status": "standby"}]


def test_all_displays_that_can_be_switched_say_so() -> None:
    assert all(hasattr(kind, "switch") for kind in (Pjlink, SamsungMdc, Bravia))
    assert isinstance(Refuses(Engines()), Switchable)


@pytest.mark.parametrize(
    ("seconds", "asleep", "reason", "words"),
    [
        (None, True, "not_woken", "no picture within 120 s: it hangs"),
        (75.4, True, "too_slow", "it took 75 s to show a picture; 60 s are allowed"),
        (12.0, False, "left_on", "switch it off"),
        (60.0, True, "ok", "after 60 s"),
    ],
)
def test_what_a_test_means(seconds: float | None, asleep: bool, reason: str, words: str) -> None:
    outcome = judged(NOW.timestamp(), seconds, asleep, 60, 120, ": it hangs")
    assert outcome.reason == reason
    assert words in outcome.detail
    remembered = {"due": 0, "outcome": list(outcome)}
    if reason == "ok":
        assert told(remembered, NOW, LISBON).detail.startswith("tested Mon 07:30: ")
    else:
        with pytest.raises(Failed, match="tested Mon 07:30") as caught:
            told(remembered, NOW, LISBON)
        assert caught.value.reason == reason


async def test_before_its_time_it_waits_and_says_when(engines: Engines) -> None:
    later = datetime.now(UTC) + timedelta(hours=5)
    found = await result_of(engines, Refuses(engines), cron=f"{later.minute} {later.hour} * * *")
    assert (found.status, found.reason) == (Status.UNKNOWN, "waiting")
    assert f"{later:%H:%M}" in found.detail


async def test_what_cannot_be_switched_and_too_short_a_timeout_are_said(engines: Engines) -> None:
    assert "there is no such check" in (await result_of(engines, None)).detail
    assert "cannot be switched" in (await result_of(engines, waker(engines, None))).detail
    found = await result_of(engines, Refuses(engines), timeout=20)
    assert (found.status, found.reason) == (Status.UNKNOWN, "no_source")
    assert "set `timeout` to more than that" in found.detail


def test_nothing_is_lost_before_the_first_test() -> None:
    with pytest.raises(Unmeasured, match="for the first time at Mon 07:30"):
        told({}, NOW, LISBON)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cron": "30 7"}, "five fields"),
        ({"timezone": "Lisbon"}, "no such time zone"),
        ({"display": "pjlink"}, "pattern"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        WakeParams(**{"display": "boardroom/pjlink", "cron": ALWAYS} | settings)
