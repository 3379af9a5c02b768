"""What is written down of faults: what they cost the members, and what a person reports on the command line."""

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from stories.conftest import Clock, Deskwatch, until
from stories.on_call import Building, Phones, incidents, site, thing, types

LISBON = ZoneInfo("Europe/Lisbon")


async def test_a_night_costs_nobody_anything_a_morning_does_and_what_is_reported_is_kept(
    night: Deskwatch, clock: Clock, building: Building, phones: Phones
) -> None:
    text = site(
        building,
        "booking:\n",
        thing("booking", "Booking system", "people: 40"),
        "routes:\n",
        '  - {id: chat, to: "${env:CHAT}", repeat: never}\n',
    )
    hours = 'opening_hours: {mon-sun: "08:00-20:00"}}\nserver:'
    night.write(text.replace("timezone: Europe/Lisbon}\nserver:", f"timezone: Europe/Lisbon, {hours}"))
    where = str(night.config)
    at_three = (clock.now.astimezone(LISBON) + timedelta(days=1)).replace(hour=3, minute=0, second=0, microsecond=0)
    clock.set(at_three - timedelta(hours=1))
    await night.start()
    clock.set(at_three)
    await building.is_asked("booking", 2)

    building.breaks("booking")
    await phones.hears("chat", "Warning: Booking system is down")
    clock.set(at_three + timedelta(hours=3))
    await building.is_asked("booking", 3)
    building.works_again("booking")
    await phones.hears("chat", "It cost members no time")
    nightly = await shown(night, (await incidents(night, where))["booking"]["id"])
    assert (nightly["cost"]["open_seconds"], nightly["member_minutes"], nightly["level"]) == (0, 0, "none")
    assert lasted(nightly) == pytest.approx(3 * 3600, abs=60)

    clock.set(at_three + timedelta(hours=4, minutes=30))
    building.breaks("booking")
    await phones.hears("chat", "Critical: Booking system is down")
    clock.set(at_three + timedelta(hours=5, minutes=30))
    await building.is_asked("booking", 3)
    building.works_again("booking")
    await phones.hears("chat", "Resolved: Booking system is down", 2)
    morning = await shown(night, (await incidents(night, where))["booking"]["id"])
    in_open_hours = datetime.fromisoformat(morning["resolved"]) - (at_three + timedelta(hours=5))
    assert timedelta(minutes=30) <= in_open_hours < timedelta(minutes=40)
    assert morning["member_minutes"] == pytest.approx(in_open_hours.total_seconds() / 60 * 40, abs=1)
    assert morning["level"] == "critical"
    assert [one["id"] for one in morning["related"]] == [nightly["id"]]

    words = ("The lift is stuck", "--by-member", "--people", "4", "--by", "Ana", "--site", where, "--json")
    reported = await types(night, "incidents", "report", "", *words)
    assert reported[0] == 0, reported[1]
    id = json.loads(reported[1])["id"]
    await phones.hears("chat", "Warning: The lift is stuck")
    fixed = await types(night, "incidents", "fixed", id, where, "--by", "Ana")
    assert fixed == (0, "The lift is stuck: resolved\n")
    await phones.hears("chat", "Ana says that it is fixed.")

    async def told() -> bool:
        return "Told that it is over: chat." in [one["text"] for one in (await shown(night, id))["timeline"]]

    await until(told, "the line that says who was told", every=1)


async def shown(night: Deskwatch, id: str) -> dict[str, Any]:
    code, output = await types(night, "incidents", "show", id, str(night.config), "--json")
    assert code == 0, output
    record: dict[str, Any] = json.loads(output)
    return record


def lasted(record: dict[str, Any]) -> float:
    begin, end = (datetime.fromisoformat(record[name]) for name in ("opened", "resolved"))
    return (end - begin).total_seconds()
