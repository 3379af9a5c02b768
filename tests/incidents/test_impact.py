"""Impact: what an outage cost the members, in minutes."""

from datetime import datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.gates import Stretch
from alerting.hours import OpeningHours
from alerting.rules import Episode, Phase, Severity
from incidents.impact import (
    Basis,
    Crowd,
    Fault,
    Impact,
    Level,
    bookings,
    fault,
    level,
    member_minutes,
    outage,
    weigh,
)

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


def stretch(start: datetime, end: datetime) -> Stretch:
    return Stretch(start, end)


@pytest.mark.parametrize(
    ("minutes", "bookings", "severity", "expected"),
    [
        (0, None, Severity.CRITICAL, Level.NONE),
        (0.9, 0, Severity.CRITICAL, Level.NONE),
        (59, None, Severity.WARNING, Level.MINOR),
        (59, None, Severity.CRITICAL, Level.MAJOR),
        (0, 1, Severity.WARNING, Level.MAJOR),
        (60, None, Severity.WARNING, Level.MAJOR),
        (599, 3, Severity.CRITICAL, Level.MAJOR),
        (600, None, Severity.WARNING, Level.CRITICAL),
    ],
)
def test_how_bad_it_was_is_told_from_what_it_cost(
    minutes: float, bookings: int | None, severity: Severity, expected: Level
) -> None:
    assert level(minutes, bookings, severity) is expected


def test_people_are_counted_where_they_were_measured_and_by_capacity_elsewhere() -> None:
    crowd = [Crowd(stretch(at(3, 10), at(3, 11)), 12), Crowd(stretch(at(3, 11), at(3, 12)), 90)]
    cost = weigh([stretch(at(3, 7), at(3, 12, 30))], OFFICE, crowd, 40, Basis.CLIENTS)
    assert cost == Impact(4.5 * 3600, cost.people, 60 * 12 + 60 * 40 + 150 * 40, Basis.CAPACITY)
    assert cost.people * 4.5 * 60 == pytest.approx(cost.member_minutes)
    most = weigh([stretch(at(3, 10), at(3, 12, 30))], OFFICE, crowd, 40, Basis.CLIENTS)
    assert (most.member_minutes, most.basis) == (60 * 12 + 60 * 40 + 30 * 40, Basis.CLIENTS)


def test_an_outage_at_night_costs_no_open_minutes() -> None:
    cost = weigh([stretch(at(3, 3), at(3, 6))], OFFICE, (), 40, Basis.CLIENTS)
    assert (cost.open_seconds, cost.member_minutes, cost.people) == (0, 0, 40)


def episode(start: datetime, last: datetime, closed: datetime | None) -> Episode:
    phase = Phase.RESOLVED if closed else Phase.FIRING
    return Episode("e", "c", "down", Severity.WARNING, phase, start, last, fired=start, closed=closed)


def test_a_fault_lasts_until_it_was_found_to_be_over() -> None:
    found = fault(episode(at(3, 10), at(3, 10, 29), at(3, 10, 30)), 60, at(3, 12))
    assert found == (at(3, 10), at(3, 10, 30), at(3, 10, 30))
    assert fault(episode(at(3, 10), at(3, 10, 29), None), 60, at(3, 12)).end == at(3, 12)


def test_time_in_which_deskwatch_itself_was_away_is_not_invented() -> None:
    found = fault(episode(at(3, 10), at(3, 10, 29), at(3, 15)), 60, at(3, 15))
    assert found == (at(3, 10), at(3, 10, 35), at(3, 15))
    assert outage(at(3, 10), at(3, 15), [found]) == (stretch(at(3, 10), at(3, 10, 35)),)


def test_the_time_between_two_faults_of_one_incident_is_no_outage() -> None:
    faults = [Fault(at(3, 10), at(3, 11), at(3, 11)), Fault(at(3, 11, 5), at(3, 12), at(3, 12))]
    assert outage(at(3, 10), at(3, 12), faults) == (stretch(*faults[0][:2]), stretch(*faults[1][:2]))


def test_a_person_knows_of_time_before_the_first_measurement_and_after_the_last() -> None:
    faults = [Fault(at(3, 10), at(3, 11), at(3, 11))]
    assert outage(at(3, 9), at(3, 12), faults) == (stretch(at(3, 9), at(3, 12)),)
    assert outage(at(3, 10, 30), at(3, 10, 45), faults) == (stretch(at(3, 10, 30), at(3, 10, 45)),)
    assert outage(at(3, 9), at(3, 12), ()) == (stretch(at(3, 9), at(3, 12)),)


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300)), max_size=6),
    st.integers(0, 300),
    st.integers(1, 300),
)
def test_an_outage_is_in_order_apart_and_within_its_incident(
    lengths: list[tuple[int, int, int]], begin: int, lasts: int
) -> None:
    zero = at(3, 8)
    faults = [
        Fault(zero + minutes(start), zero + minutes(start + seen), zero + minutes(start + seen + away))
        for start, seen, away in lengths
    ]
    opened, resolved = zero + minutes(begin), zero + minutes(begin + lasts)
    down = outage(opened, resolved, faults)
    assert all(opened <= one.starts < one.ends <= resolved for one in down)
    assert all(one.ends < other.starts for one, other in pairwise(down))
    least = weigh(down, OFFICE, (), 1, Basis.CAPACITY).member_minutes
    assert least <= member_minutes(opened, resolved, OFFICE, 1) + 1e-6


@pytest.mark.parametrize(
    ("booked", "expected"),
    [
        ([], None),
        ([(at(3, 12), True)], None),
        ([(at(3, 9), False)], 0),
        ([(at(3, 9), True)], 1),
        ([(at(3, 9), True), (at(3, 9, 30), False)], 0),
        ([(at(3, 9), True), (at(3, 10, 5), True), (at(3, 10, 10), False), (at(3, 10, 30), True)], 2),
    ],
)
def test_bookings_that_an_outage_hit_are_counted_as_they_were_measured(
    booked: list[tuple[datetime, bool]], expected: int | None
) -> None:
    assert bookings([stretch(at(3, 10), at(3, 11))], booked) == expected


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)
