"""When a line must not be filled: every byte costs, somebody needs it now, or enough was sent today."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from probes._engines.latest import Latest, is_fresh

CheckId = Annotated[str, Field(min_length=3, max_length=200, pattern=r"^[^/\s]+/[^/\s]+$")]
"""A check as others name it: its asset's id, a slash and its name."""

UTILISATION = "deskwatch_interface_utilisation_ratio"

_RECENT = 900.0  # seconds for which a reading says how things are now
_DAY = timedelta(days=1)


class InUse(BaseModel):
    """A check that tells whether somebody needs the line now."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    check: Annotated[CheckId, Field(description="id of the check, like boardroom/cisco-roomos")]
    metric: Annotated[str, Field(max_length=200, description="its metric that is above 0 while the room is in use")] = (
        "deskwatch_room_calls"
    )


def busy(latest: Latest, checks: Sequence[str], share: float, now: datetime) -> str:
    """Who says that the line is busy, in words; "" if nobody does."""
    for check in checks:
        highest = _highest(latest, check, UTILISATION, now)
        if highest is not None and highest > share:
            return f"{check} sees a line that is {100 * highest:.0f} % full"
    return ""


def in_use(latest: Latest, uses: Sequence[InUse], now: datetime) -> str:
    """Who says that a room is in use, in words; "" if nobody does."""
    for use in uses:
        highest = _highest(latest, use.check, use.metric, now)
        if highest is not None and highest > 0:
            return f"{use.check} says that somebody needs the line now"
    return ""


def unheard(latest: Latest, checks: Sequence[str], now: datetime) -> tuple[str, ...]:
    """The checks that have said nothing lately."""
    readings = {check: latest.of(check) for check in checks}
    return tuple(check for check, one in readings.items() if one is None or not is_fresh(one, now, _RECENT))


def _highest(latest: Latest, check: str, metric: str, now: datetime) -> float | None:
    reading = latest.of(check)
    if reading is None or not is_fresh(reading, now, _RECENT):
        return None
    return max((sample.value for sample in reading.samples if sample.metric == metric), default=None)


class Hour(NamedTuple):
    """What the runs of one hour of the clock moved: bytes in all, and bytes of the largest of them."""

    begins: datetime
    moved: int
    largest: int


@dataclass(frozen=True, slots=True)
class Spending:
    """What was moved within the last 24 hours, by the hour."""

    hours: tuple[Hour, ...] = ()

    @classmethod
    def of(cls, memory: Mapping[str, Any], now: datetime) -> "Spending":
        """What a check remembers of it."""
        known = (Hour(datetime.fromisoformat(begins), *moved) for begins, *moved in memory.get("hours", ()))
        return cls(tuple(hour for hour in known if now - hour.begins < _DAY))

    def after(self, now: datetime, moved: int) -> "Spending":
        """With one more run."""
        begins = now.replace(minute=0, second=0, microsecond=0)
        before = next((hour for hour in self.hours if hour.begins == begins), Hour(begins, 0, 0))
        others = tuple(hour for hour in self.hours if hour.begins != begins)
        return Spending((*others, Hour(begins, before.moved + moved, max(before.largest, moved))))

    def left(self, day_budget: int) -> int:
        """Bytes that may still be moved; 0 when there are fewer than a run of the last 24 hours took."""
        left = day_budget - sum(hour.moved for hour in self.hours)
        return left if left > 0 and left >= max((hour.largest for hour in self.hours), default=0) else 0

    @property
    def memory(self) -> dict[str, Any]:
        """As JSON."""
        return {"hours": [[hour.begins.isoformat(), hour.moved, hour.largest] for hour in self.hours]}
