"""On-call: hand-offs on the wall clock in any zone, who goes first, whom a step reaches, and where nobody is."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerting.gates import Subject
from alerting.oncall import (
    Contact,
    Directory,
    Override,
    Period,
    Person,
    Rotation,
    Schedule,
    Shift,
    gaps,
    instant,
    on_call,
    reached,
    stretches,
    valid,
    warnings,
    who_would_be_paged,
)
from alerting.routes import Route, Step
from alerting.rules import Severity

BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
ZONES = [BERLIN, LORD_HOWE, *map(ZoneInfo, ("America/Santiago", "America/New_York", "Pacific/Chatham", "Asia/Kolkata"))]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUARTER = timedelta(minutes=15)
MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
ALL = frozenset(Severity)
ANA = Person("ana", "Ana Lopes", (Contact("ana", ALL),))
PHONE, MAIL = Contact("ben/phone", frozenset({Severity.CRITICAL})), Contact("ben/mail", ALL - {Severity.INFO})
BEN = Person("ben", "Ben Sousa", (PHONE, MAIL))


def wall(*when: int) -> datetime:
    return datetime(*when)  # type: ignore[arg-type]  # noqa: DTZ001


def at(zone: ZoneInfo, *when: int) -> datetime:
    return datetime(*when, tzinfo=zone)  # type: ignore[arg-type, misc]


def schedule(
    zone: ZoneInfo = BERLIN,
    people: tuple[str, ...] = ("ana", "ben"),
    period: Period = Period.WEEK,
    every: int = 1,
    starts: datetime = datetime(2026, 1, 5, 9),  # noqa: DTZ001
    fixed: tuple[Shift, ...] = (),
    fallback: tuple[str, ...] = ("chat",),
) -> Schedule:
    rotation = Rotation(people, period, every, starts) if people else None
    return Schedule("it", zone, rotation, fixed, fallback)


def override(person: str, starts: datetime, ends: datetime, made: int = 0, id: str = "") -> Override:
    return Override(id or f"01{made}", "it", person, starts, ends, "admin", MONDAY + made * HOUR)


def shifts(rota: Schedule, overrides: Iterable[Override], start: datetime, end: datetime) -> tuple[Shift, ...]:
    """The stretches in which somebody has the schedule."""
    found = stretches(rota, overrides, start, end)
    return tuple(Shift(begin, until, person) for begin, until, person in found if person is not None)


def directory(*schedules: Schedule, people: tuple[Person, ...] = (ANA, BEN)) -> Directory:
    return Directory({one.id: one for one in people}, {one.id: one for one in schedules}, frozenset({"chat"}))


@pytest.mark.parametrize(
    ("zone", "shown", "utc"),
    [
        (BERLIN, (2026, 1, 5, 9), (2026, 1, 5, 8)),
        (BERLIN, (2026, 7, 6, 9), (2026, 7, 6, 7)),
        (BERLIN, (2026, 3, 29, 2, 30), (2026, 3, 29, 1)),  # skipped: 02:00 to 03:00
        (BERLIN, (2026, 3, 29, 2), (2026, 3, 29, 1)),
        (BERLIN, (2026, 3, 29, 3), (2026, 3, 29, 1)),
        (BERLIN, (2026, 10, 25, 2, 30), (2026, 10, 25, 0, 30)),  # twice: the first one
        (LORD_HOWE, (2026, 10, 4, 2, 15), (2026, 10, 3, 15, 30)),  # skipped: 02:00 to 02:30
        (LORD_HOWE, (2026, 4, 5, 1, 45), (2026, 4, 4, 14, 45)),  # twice: 01:30 to 02:00
        (ZoneInfo("America/Santiago"), (2026, 9, 6, 0, 30), (2026, 9, 6, 4)),  # midnight is skipped
        (ZoneInfo("Pacific/Apia"), (2011, 12, 30, 9), (2011, 12, 30, 10)),  # a day that never was
    ],
)
def test_a_wall_clock_time_is_one_instant_also_where_the_clock_jumps(
    zone: ZoneInfo, shown: tuple[int, ...], utc: tuple[int, ...]
) -> None:
    assert instant(wall(*shown), zone) == at(ZoneInfo("UTC"), *utc)


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize("period", [Period.DAY, Period.WEEK])
def test_a_hand_off_stays_at_nine_all_year(zone: ZoneInfo, period: Period) -> None:
    rota = schedule(zone, ("ana", "ben", "cleo"), period)
    found = shifts(rota, (), at(zone, 2026, 1, 5, 9), at(zone, 2027, 1, 4, 9))
    assert len(found) == (364 if period is Period.DAY else 52)
    assert {shift.starts.astimezone(zone).strftime("%H:%M") for shift in found} == {"09:00"}
    assert [shift.person for shift in found[:4]] == ["ana", "ben", "cleo", "ana"]


@pytest.mark.parametrize(
    ("zone", "night", "hours"),
    [
        (BERLIN, (2026, 3, 28), 23),
        (BERLIN, (2026, 10, 24), 25),
        (LORD_HOWE, (2026, 10, 3), 23.5),
        (LORD_HOWE, (2026, 4, 4), 24.5),
    ],
)
def test_the_shift_over_a_change_of_the_clock_has_its_true_length(
    zone: ZoneInfo, night: tuple[int, ...], hours: float
) -> None:
    begin = at(zone, *night, 9)
    (shift,) = shifts(schedule(zone, period=Period.DAY), (), begin, begin + DAY)
    assert shift.ends - shift.starts == hours * HOUR


def test_a_hand_off_in_the_skipped_hour_happens_at_its_end() -> None:
    rota = schedule(BERLIN, period=Period.DAY, starts=wall(2026, 3, 27, 2, 30))
    found = shifts(rota, (), at(BERLIN, 2026, 3, 28), at(BERLIN, 2026, 3, 31))
    assert [f"{shift.starts.astimezone(BERLIN):%d %H:%M}" for shift in found[1:]] == [
        "28 02:30",
        "29 03:00",
        "30 02:30",
    ]


def test_turns_of_hours_are_elapsed_hours() -> None:
    rota = schedule(BERLIN, period=Period.HOUR, every=12, starts=wall(2026, 3, 28, 8))
    found = shifts(rota, (), at(BERLIN, 2026, 3, 28, 8), at(BERLIN, 2026, 3, 30, 9))
    assert [f"{shift.starts.astimezone(BERLIN):%d %H}" for shift in found] == [
        "28 08",
        "28 20",
        "29 09",
        "29 21",
        "30 09",
    ][:4]
    assert {shift.ends - shift.starts for shift in found} == {12 * HOUR}


def test_several_periods_make_one_turn() -> None:
    rota = schedule(every=2)
    assert on_call(rota, (), at(BERLIN, 2026, 1, 18, 12)) == "ana"
    assert on_call(rota, (), at(BERLIN, 2026, 1, 19, 8, 59)) == "ana"
    assert on_call(rota, (), at(BERLIN, 2026, 1, 19, 9)) == "ben"


def test_before_its_start_a_rotation_has_nobody() -> None:
    assert on_call(schedule(), (), at(BERLIN, 2026, 1, 5, 8, 59)) is None
    assert on_call(schedule(), (), at(BERLIN, 2026, 1, 5, 9)) == "ana"


def test_a_shift_of_the_calendar_goes_before_the_rotation_and_an_override_before_both() -> None:
    rota = schedule(fixed=(Shift(MONDAY + DAY, MONDAY + 3 * DAY, "cleo"),))
    mine = (override("ben", MONDAY + 2 * DAY, MONDAY + 4 * DAY),)
    assert [on_call(rota, mine, MONDAY + n * DAY) for n in range(5)] == ["ana", "cleo", "ben", "ben", "ana"]


def test_of_overrides_at_the_same_time_the_one_made_last_counts() -> None:
    older, newer = override("ben", MONDAY, MONDAY + 2 * DAY), override("cleo", MONDAY + DAY, MONDAY + 3 * DAY, 1)
    for both in ((older, newer), (newer, older)):
        assert [on_call(schedule(), both, MONDAY + n * DAY) for n in range(4)] == ["ben", "cleo", "cleo", "ana"]
    inside = (override("ben", MONDAY, MONDAY + 3 * DAY, 1), override("cleo", MONDAY + DAY, MONDAY + 2 * DAY))
    assert {shift.person for shift in shifts(schedule(), inside, MONDAY, MONDAY + 3 * DAY)} == {"ben"}


def test_an_override_of_another_schedule_changes_nothing() -> None:
    other = Override("01", "night", "ben", MONDAY, MONDAY + DAY, "admin", MONDAY)
    assert on_call(schedule(), (other,), MONDAY) == "ana"


def test_of_shifts_of_the_calendar_at_the_same_time_the_one_that_began_last_counts() -> None:
    fixed = (Shift(MONDAY, MONDAY + 3 * DAY, "ana"), Shift(MONDAY + DAY, MONDAY + 2 * DAY, "ben"))
    rota = schedule(people=(), fixed=fixed)
    assert [on_call(rota, (), MONDAY + n * DAY) for n in range(4)] == ["ana", "ben", "ana", None]


def test_an_override_by_somebody_who_is_gone_falls_back_to_the_rotation() -> None:
    gone = override("zoe", MONDAY, MONDAY + DAY)
    assert valid((gone,), directory(schedule())) == ()
    found = reached(["it"], directory(schedule()), (gone,), Severity.CRITICAL, MONDAY)
    assert found == (("ana", "Ana Lopes, on call for it"),)


def test_an_override_of_a_schedule_that_is_gone_is_not_heeded() -> None:
    assert valid((override("ben", MONDAY, MONDAY + DAY),), directory()) == ()


@pytest.mark.parametrize(
    ("name", "severity", "destinations"),
    [
        ("ana", Severity.WARNING, ["ana"]),
        ("ben", Severity.CRITICAL, ["ben/phone", "ben/mail"]),
        ("ben", Severity.WARNING, ["ben/mail"]),
        ("ben", Severity.INFO, ["ben/phone", "ben/mail"]),  # none is for it, and silence is worse
        ("it", Severity.WARNING, ["ana"]),
        ("chat", Severity.WARNING, ["chat"]),
        ("gone", Severity.WARNING, []),
    ],
)
def test_a_name_leads_to_the_destinations_that_are_for_the_severity(
    name: str, severity: Severity, destinations: list[str]
) -> None:
    found = reached([name], directory(schedule()), (), severity, MONDAY)
    assert [one.destination for one in found] == destinations


def test_every_destination_is_reached_once_and_for_its_first_reason() -> None:
    found = reached(["it", "ana", "chat", "chat"], directory(schedule()), (), Severity.CRITICAL, MONDAY)
    assert found == (("ana", "Ana Lopes, on call for it"), ("chat", "chat"))


def test_nobody_on_call_reaches_the_fallback_and_says_so() -> None:
    book = directory(schedule(fallback=("chat", "ben", "it")))
    found = reached(["it"], book, (), Severity.WARNING, MONDAY - DAY)
    assert found == (
        ("chat", "nobody is on call for it: fallback chat"),
        ("ben/mail", "nobody is on call for it: fallback Ben Sousa"),
    )
    assert reached(["it"], directory(schedule(fallback=())), (), Severity.WARNING, MONDAY - DAY) == ()


def test_a_later_step_reaches_whoever_is_on_call_by_then() -> None:
    pager = Route("pager", steps=(Step(0, ("it",)), Step(600, ("it",)), Step(300, ("nobody",))))
    late = at(BERLIN, 2026, 1, 12, 8, 55)
    fault = Subject("s", "uplinks", "fibre", "", "", "", Severity.CRITICAL)
    rungs = who_would_be_paged((pager, Route("silent", frozenset())), directory(schedule()), (), fault, late, BERLIN)
    assert [(rung.step, rung.after, [one.destination for one in rung.reached]) for rung in rungs] == [
        (1, 0, ["ana"]),
        (2, 600, ["ben/phone", "ben/mail"]),
        (3, 900, []),
    ]


def test_a_gap_is_announced_with_a_key_that_stays() -> None:
    rota = schedule(
        people=(), fixed=(Shift(MONDAY, MONDAY + DAY, "ana"), Shift(MONDAY + 2 * DAY, MONDAY + 40 * DAY, "ben"))
    )
    looks = [warnings(directory(rota), (), MONDAY + n * HOUR) for n in range(1, 48)]
    assert {gap for gaps_found in looks for gap in gaps_found} == {("it", MONDAY + DAY, MONDAY + 2 * DAY)}
    assert {gap.key for gaps_found in looks for gap in gaps_found} == {"on-call/it/2026-01-06T09:00:00+00:00"}
    assert warnings(directory(rota), (), MONDAY + 49 * HOUR) == ()
    assert warnings(directory(rota), (override("ana", MONDAY + DAY, MONDAY + 2 * DAY),), MONDAY) == ()


def test_a_gap_keeps_its_key_after_the_override_before_it_has_ended() -> None:
    before = (override("ana", MONDAY - 2 * DAY, MONDAY + DAY),)
    book = directory(schedule(people=()))
    looks = [warnings(book, before, MONDAY + n * 12 * HOUR) for n in range(8)]
    assert {gap.key for found in looks for gap in found if gap.ends > MONDAY + DAY} == {
        "on-call/it/2026-01-06T09:00:00+00:00"
    }


def test_a_schedule_that_nobody_ever_had_is_one_gap_with_one_key() -> None:
    book = directory(schedule(people=()))
    assert {gap.key for n in range(5) for gap in warnings(book, (), MONDAY + n * DAY)} == {"on-call/it/always"}


def test_an_override_of_somebody_who_is_gone_fills_no_gap() -> None:
    book = directory(schedule(people=()))
    assert len(warnings(book, (override("zoe", MONDAY - 60 * DAY, MONDAY + 60 * DAY),), MONDAY)) == 1


def test_shifts_are_clipped_and_an_empty_stretch_has_none() -> None:
    assert shifts(schedule(), (), MONDAY, MONDAY + HOUR) == ((MONDAY, MONDAY + HOUR, "ana"),)
    assert shifts(schedule(), (), MONDAY, MONDAY) == shifts(schedule(), (), MONDAY, MONDAY - DAY) == ()
    assert gaps(schedule(), (), MONDAY, MONDAY) == ()


def test_the_same_person_again_is_one_shift() -> None:
    rota = schedule(people=("ana",), period=Period.DAY)
    again = (override("ana", MONDAY + DAY, MONDAY + 2 * DAY),)
    assert shifts(rota, again, MONDAY, MONDAY + 9 * DAY) == ((MONDAY, MONDAY + 9 * DAY, "ana"),)


quarters = st.integers(0, 96 * 5)
periods = st.tuples(quarters, st.integers(1, 200)).map(lambda pair: (pair[0] * QUARTER, (pair[0] + pair[1]) * QUARTER))
changes = st.sampled_from([(2026, 3, 27), (2026, 4, 3), (2026, 9, 4), (2026, 10, 2), (2026, 10, 23), (2026, 11, 1)])
rotations = st.builds(
    Rotation,
    st.lists(st.sampled_from(["ana", "ben", "cleo"]), max_size=4).map(tuple),
    st.sampled_from(Period),
    st.integers(1, 9),
    st.tuples(changes, st.integers(-96 * 3, 96 * 2)).map(lambda one: wall(*one[0]) + one[1] * QUARTER),
)


@settings(max_examples=60)
@given(
    zone=st.sampled_from(ZONES),
    day=changes,
    rotation=st.none() | rotations,
    fixed=st.lists(st.tuples(periods, st.sampled_from(["ana", "ben"])), max_size=3),
    taken=st.lists(st.tuples(periods, st.sampled_from(["ben", "cleo"])), max_size=3),
)
@example(LORD_HOWE, (2026, 10, 2), Rotation(("ana", "ben"), Period.DAY, 1, wall(2026, 10, 1, 2, 15)), [], [])
@example(BERLIN, (2026, 10, 23), Rotation(("ana", "ben"), Period.DAY, 1, wall(2026, 10, 20, 2, 30)), [], [])
def test_shifts_and_gaps_say_what_on_call_says_at_every_quarter_of_an_hour(
    zone: ZoneInfo, day: tuple[int, ...], rotation: Rotation | None, fixed: list, taken: list
) -> None:
    start = at(zone, *day).astimezone(UTC)
    end = start + 4 * DAY
    held = tuple(Shift(start + begin, start + until, person) for (begin, until), person in fixed)
    rota = Schedule("it", zone, rotation, held)
    mine = tuple(override(who, start + begin, start + until, n) for n, ((begin, until), who) in enumerate(taken))
    found, free = shifts(rota, mine, start, end), gaps(rota, mine, start, end)
    for n in range(4 * 96):
        now = start + n * QUARTER
        assert [one.person for one in found if one.starts <= now < one.ends] == [
            person for person in [on_call(rota, mine, now)] if person is not None
        ]
    pieces = sorted([one[:2] for one in found] + list(free))
    assert (pieces[0][0], pieces[-1][1]) == (start, end)
    assert all(before[1] == after[0] for before, after in pairwise(pieces))
    assert all(one.ends < two.starts or one.person != two.person for one, two in pairwise(found))


@given(
    st.sampled_from(ZONES), st.datetimes(wall(2000, 1, 1), wall(2037, 1, 1)).map(lambda one: one.replace(microsecond=0))
)
def test_a_wall_clock_time_is_never_before_it_is_shown(zone: ZoneInfo, shown: datetime) -> None:
    found = instant(shown, zone)
    local = found.astimezone(zone).replace(tzinfo=None)
    assert local >= shown
    if local != shown:  # skipped: a moment before, the clock showed less
        assert (found - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None) < shown
