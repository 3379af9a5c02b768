"""Wakes a display before anybody needs it, times how long it takes to show a picture, and puts it back to sleep."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import Field

from probes import Failed, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines import displays
from probes._engines.cron import Crontab, following, parse
from probes._engines.displays import Switchable
from probes._engines.weekly import Zone

_SECONDS = "deskwatch_room_wake_seconds"
_TESTED = "deskwatch_room_wake_timestamp_seconds"

_LATE = timedelta(minutes=30)  # how long after its time a test still begins
_LOOK = 3.0  # seconds that the display may take to say how it is
_GAP = 1.0  # seconds between two looks
_RETURN = 20.0  # seconds kept for putting it back to sleep
_ASLEEP = ("standby", "cooling")


class WakeParams(Params):
    """Which display, and when nobody is disturbed by it."""

    display: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9-]+/[a-z0-9-]+$",
            max_length=200,
            description="check of the display, as asset/check: boardroom/pjlink",
        ),
    ]
    cron: Annotated[
        Crontab,
        Field(max_length=200, description="when to test, as in a crontab: 30 7 * * mon-fri"),
    ]
    timezone: Annotated[Zone, Field(description="time zone of cron, like Europe/Berlin")] = "UTC"
    within: Annotated[float, Field(ge=1, le=300, description="seconds in which it must show a picture")] = 60

    @property
    def target(self) -> str:
        """The display's check."""
        return self.display

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """The display's check."""
        return {"display": target}


class Outcome(NamedTuple):
    """How a test ended: `reason` "ok" or one of the kind's; `seconds` until the picture, None without one."""

    at: float
    reason: str
    detail: str
    seconds: float | None = None

    @property
    def samples(self) -> tuple[Sample, ...]:
        """What was measured."""
        tested = Sample(_TESTED, self.at)
        return (tested,) if self.seconds is None else (tested, Sample(_SECONDS, self.seconds))


class Wake(Probe[WakeParams]):
    """Whether a display wakes in time for a meeting. The only kind that switches anything, and it switches it back."""

    Params = WakeParams
    metrics = (
        Metric(_SECONDS, "Time from the order to wake until the display showed a picture", "seconds"),
        Metric(_TESTED, "When that was tested", "seconds"),
    )
    reasons: ClassVar = {
        "not_woken": "the display did not show a picture",
        "too_slow": "the display took longer than allowed to show a picture",
        "left_on": "the display woke, and could not be put back to sleep",
    }
    says = "failed its wake test"
    latency = (_SECONDS, "")
    on_demand = False
    per_target = 1

    async def measure(self, timeout: float) -> Measured:
        """Test if it is time to; otherwise say how the last test ended."""
        now = datetime.now(UTC)
        due, remembered = self._due(now), self.engines.memory.recall(self.check)
        if due <= now and remembered.get("due") != due.timestamp():
            outcome = await self._test(now, timeout)
            remembered = {"due": due.timestamp(), "outcome": list(outcome)}
            self.engines.memory.keep(self.check, remembered)
        return told(remembered, due, ZoneInfo(self.params.timezone))

    def _due(self, now: datetime) -> datetime:
        """The time of the test that can be held now, or else of the next one."""
        return following(parse(self.params.cron), ZoneInfo(self.params.timezone), now - _LATE)

    async def _test(self, now: datetime, timeout: float) -> Outcome:
        display = self.engines.neighbours.of(self.params.display)
        if not isinstance(display, Switchable):
            what = "there is no such check" if display is None else "its kind cannot be switched"
            raise Unmeasured("no_source", f"{self.params.display}: {what}; name the check of a display")
        if timeout < self.params.within + _RETURN:
            least = self.params.within + _RETURN
            raise Unmeasured("no_source", f"a test takes up to {least:g} s; set `timeout` to more than that")
        at = now.timestamp()
        state = await _state(display)
        if state not in _ASLEEP:
            return Outcome(at, "ok", "it was on already and was left alone")
        return await self._wake(display, at, timeout - _RETURN)

    async def _wake(self, display: Switchable, at: float, patience: float) -> Outcome:
        """Switch it on, wait for the picture, and back whatever happens."""
        began = time.monotonic()
        try:
            await display.switch(True, _LOOK)
            seconds = await _reached(display, ("on",), began, patience)
        except Failed as failure:
            seconds, why = None, f": {failure.detail}"
        else:
            why = ""
        finally:
            asleep = await _put_to_sleep(display)
        return judged(at, seconds, asleep, self.params.within, patience, why)


def judged(at: float, seconds: float | None, asleep: bool, within: float, patience: float, why: str = "") -> Outcome:
    """What a test means that took so many seconds until the picture; None: none within `patience` seconds."""
    if seconds is None:
        return Outcome(at, "not_woken", f"it showed no picture within {patience:.0f} s{why}")
    if not asleep:
        return Outcome(
            at, "left_on", f"it woke in {seconds:.0f} s and does not go back to sleep: switch it off", seconds
        )
    if seconds > within:
        return Outcome(at, "too_slow", f"it took {seconds:.0f} s to show a picture; {within:g} s are allowed", seconds)
    return Outcome(at, "ok", f"it showed a picture after {seconds:.0f} s and sleeps again", seconds)


def told(remembered: Mapping[str, Any], due: datetime, zone: ZoneInfo) -> Measured:
    """How the last test ended. Raises Failed when it failed, Unmeasured before the first one."""
    if "outcome" not in remembered:
        raise Unmeasured("waiting", f"it is tested for the first time at {due.astimezone(zone):%a %H:%M}")
    outcome = Outcome(*remembered["outcome"])
    words = f"tested {datetime.fromtimestamp(outcome.at, zone):%a %H:%M}: {outcome.detail}"
    if outcome.reason != "ok":
        raise Failed(outcome.reason, words, outcome.samples)
    return Measured(words, outcome.samples)


async def _state(display: Switchable) -> str:
    """The state of POWER, "" where it does not tell. Raises Failed and Unmeasured as the display's kind does."""
    found = await display.measure(_LOOK)
    return next((one.part for one in found.samples if one.metric == displays.POWER.name and one.value), "")


async def _reached(display: Switchable, states: tuple[str, ...], began: float, patience: float) -> float | None:
    """After how many seconds since `began` it is in one of these states; None if not in time. While they wake,
    displays do not answer now and then."""
    while time.monotonic() - began < patience:
        try:
            if await _state(display) in states:
                return time.monotonic() - began
        except (Failed, Unmeasured):
            pass
        await asyncio.sleep(_GAP)
    return None


async def _put_to_sleep(display: Switchable) -> bool:
    """Switch it off again, more than once if it must be; whether it sleeps then."""
    began = time.monotonic()
    while time.monotonic() - began < _RETURN - 2 * _LOOK:
        try:
            await display.switch(False, _LOOK)
            if await _reached(display, _ASLEEP, time.monotonic(), _LOOK) is not None:
                return True
        except (Failed, Unmeasured):
            await asyncio.sleep(_GAP)
    return False
