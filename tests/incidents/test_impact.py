"""Impact: what an outage cost the members, in minutes."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from alerting.hours import OpeningHours
from incidents.impact import member_minutes

LISBON = ZoneInfo("Europe/Lisbon")
OFFICE = OpeningHours(LISBON, (((time(8), time(18)),),) * 5 + ((), ()))


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 8, day, hour, minute, tzinfo=LISBON)


@pytest.mark.parametrize(
    ("start", "end", "people", "minutes"),
    [
        (at(3, 10), at(3, 10, 30), 40, 1200),
        (at(3, 7), at(3, 8, 15), 40, 600),
        (at(3, 17), at(4, 9), 40, 4800),
        (at(8, 10), at(8, 20), 40, 0),
        (at(3, 10), at(3, 11), 0, 0),
        (at(3, 10), at(3, 10), 40, 0),
    ],
)
def test_an_outage_costs_open_minutes_times_people(start: datetime, end: datetime, people: int, minutes: float) -> None:
    assert member_minutes(start, end, OFFICE, people) == minutes
