"""What a fault costs by the calendar of the site: half days, holidays, and the night in which the clocks go forward."""

import json
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from stories.conftest import Clock, Deskwatch, until
from stories.on_call import Building, Phones, incidents, site, thing, types

NEW_YORK = ZoneInfo("America/New_York")
HOURS = """opening_hours: {mon-fri: "09:00-18:00", sat: "09:00-13:00", sun: "00:00-06:00"}, holidays: [2026-03-09]}
server:"""


class Fault(NamedTuple):
    """When it began and ended, and for how much of that the site was open, as the record has it."""

    begin: datetime
    end: datetime
    open_minutes: float


def minutes(begin: datetime, end: datetime) -> Any:
    return pytest.approx((end - begin).total_seconds() / 60, abs=0.05)  # the record is told in whole seconds


def march(day: int, hour: int, minute: int) -> datetime:
    """A time on the clock of the site."""
    return datetime(2026, 3, day, hour, minute, tzinfo=NEW_YORK)


async def test_a_fault_costs_what_falls_into_the_hours_of_the_site_by_its_own_calendar(
    night: Deskwatch, clock: Clock, building: Building, phones: Phones
) -> None:
    text = site(building, "booking:\n", thing("booking", "Booking system", "people: 40"))
    night.write(text.replace("timezone: Europe/Lisbon}\nserver:", f"timezone: America/New_York, {HOURS}"))
    where = str(night.config)

    async def fault(begin: datetime, end: datetime) -> Fault:
        """One from one time of the site's clock to another."""
        clock.set(begin)
        await building.is_asked("booking", 3)
        building.breaks("booking")
        id = await until(opened, "a new incident", every=0.3)
        clock.set(end)
        await building.is_asked("booking", 3)
        building.works_again("booking")
        record = await until(lambda: costed(id), "what the incident cost", every=0.3)
        assert record["member_minutes"] == pytest.approx(record["cost"]["open_seconds"] / 60 * 40)
        began, ended = (datetime.fromisoformat(record[name]) for name in ("opened", "resolved"))
        for planned, at in ((begin, began), (end, ended)):
            assert timedelta() <= at - planned < timedelta(minutes=10)
        return Fault(began, ended, record["cost"]["open_seconds"] / 60)

    async def opened() -> str:
        newest = (await incidents(night, where)).get("booking", {"stage": ""})
        return newest["id"] if newest["stage"] == "open" else ""

    async def costed(id: str) -> dict[str, Any] | None:
        code, output = await types(night, "incidents", "show", id, where, "--json")
        assert code == 0, output
        record: dict[str, Any] = json.loads(output)
        return record if record["stage"] == "resolved" and record["cost"] else None

    clock.set(march(6, 8, 0))
    await night.start()
    friday = await fault(march(6, 8, 30), march(6, 9, 30))
    half_day = await fault(march(7, 12, 30), march(7, 14, 0))
    clocks_go_forward = await fault(march(8, 1, 30), march(8, 3, 30))
    holiday = await fault(march(9, 10, 0), march(9, 11, 0))

    assert friday.open_minutes == minutes(march(6, 9, 0), friday.end)
    assert half_day.open_minutes == minutes(half_day.begin, march(7, 13, 0))
    assert clocks_go_forward.open_minutes == minutes(clocks_go_forward.begin, clocks_go_forward.end)
    assert 50 < clocks_go_forward.open_minutes < 70  # half past three comes an hour after half past one
    assert holiday.open_minutes == 0
