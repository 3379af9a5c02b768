"""Gates: what holds a message back and until when, over midnight, changes of the clock and joined stretches."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.gates import (
    Gate,
    Hold,
    Maintenance,
    Matcher,
    QuietHours,
    Recurring,
    Scope,
    Silence,
    Stretch,
    Subject,
    Window,
    hold,
    matches,
    paused,
)
from alerting.hours import ALWAYS, OpeningHours
from alerting.rules import Severity
from alerting.silences import preview

LISBON = ZoneInfo("Europe/Lisbon")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
EVERY_DAY = frozenset(range(7))
NOW = datetime(2026, 7, 13, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
PRINTER = Subject(
    "harbour", "equipment", "printer", "printer/ping", "internet.ping", "down", Severity.WARNING, frozenset({"floor-2"})
)
FIBRE = Subject("harbour", "uplinks", "fibre", "fibre/loss", "internet.ping", "loss", Severity.CRITICAL)
DRUM = Silence("S1", (Matcher("asset", "=", "printer"),), NOW - HOUR, NOW + 22 * HOUR, "Ana", "new drum", NOW - HOUR)


def work(*windows: Window | Recurring, zone: ZoneInfo = LISBON, scope: Scope | None = None) -> Maintenance:
    return Maintenance("router", "Router upgrade", scope or Scope(), zone, windows)


def every_day(at: time, hours: float) -> Recurring:
    return Recurring(EVERY_DAY, frozenset(), at, hours * 3600)


def wall(zone: ZoneInfo, *when: int) -> datetime:
    return datetime(*when, tzinfo=zone).astimezone(UTC)  # type: ignore[arg-type, misc]


def held(subject: Subject, *gates: object, now: datetime = NOW) -> Hold | None:
    return hold(
        subject,
        [one for one in gates if isinstance(one, Silence)],
        [one for one in gates if isinstance(one, Maintenance)],
        next((one for one in gates if isinstance(one, QuietHours)), None),
        now,
        LISBON,
    )


def test_without_a_gate_nothing_is_held_back() -> None:
    assert held(PRINTER) is None


def test_a_silence_says_who_wants_it_until_when_and_why() -> None:
    words = "silenced by Ana until Tue 14 Jul, 11:00: new drum"
    assert held(PRINTER, DRUM) == Hold(Gate.SILENCE, "S1", NOW + 22 * HOUR, words)
    assert held(FIBRE, DRUM) is None


@pytest.mark.parametrize(("at", "on"), [(-61, False), (-60, True), (22 * 60 - 1, True), (22 * 60, False)])
def test_a_silence_is_on_from_its_start_to_just_before_its_end(at: int, on: bool) -> None:
    assert (held(PRINTER, DRUM, now=NOW + at * MINUTE) is not None) is on


def test_planned_work_says_what_it_is_and_until_when() -> None:
    planned = work(Window(NOW, NOW + HOUR))
    assert held(PRINTER, planned) == Hold(
        Gate.MAINTENANCE, "router", NOW + HOUR, "planned work: Router upgrade, until Mon 13 Jul, 14:00"
    )


def test_planned_work_goes_before_silences_and_these_before_quiet_hours() -> None:
    quiet = QuietHours(OpeningHours(LISBON))
    planned = work(Window(NOW, NOW + HOUR))
    found = [held(PRINTER, *gates) for gates in ((quiet, DRUM, planned), (quiet, DRUM), (quiet,))]
    assert [one.gate for one in found if one] == [Gate.MAINTENANCE, Gate.SILENCE, Gate.QUIET_HOURS]


def test_of_several_gates_of_a_kind_the_one_that_ends_last_counts() -> None:
    longer = replace(DRUM, id="S2", ends=DRUM.ends + HOUR)
    assert held(PRINTER, longer, DRUM) == held(PRINTER, DRUM, longer)
    late = replace(work(Window(NOW, NOW + 3 * HOUR)), id="late")
    found = held(PRINTER, DRUM, longer), held(PRINTER, work(Window(NOW, NOW + HOUR)), late)
    assert [one.by for one in found if one] == ["S2", "late"]


@pytest.mark.parametrize(
    ("scope", "printer", "fibre"),
    [
        (Scope(), True, True),
        (Scope(assets=frozenset({"printer"})), True, False),
        (Scope(sections=frozenset({"uplinks"})), False, True),
        (Scope(tags=frozenset({"floor-2", "floor-3"})), True, False),
        (Scope(assets=frozenset({"fibre"}), tags=frozenset({"floor-2"})), True, True),
    ],
)
def test_planned_work_is_about_what_any_part_of_its_scope_names(scope: Scope, printer: bool, fibre: bool) -> None:
    planned = work(Window(NOW, NOW + HOUR), scope=scope)
    assert [planned.covers(PRINTER), planned.covers(FIBRE)] == [printer, fibre]


def test_only_work_that_skips_pauses_the_checks_of_what_it_covers_while_it_is_on() -> None:
    skipping = replace(work(Window(NOW, NOW + HOUR), scope=Scope(assets=frozenset({"printer"}))), skip=True)
    asked = ("printer", "equipment", frozenset[str]())
    assert paused([skipping], *asked, NOW)
    assert not paused([skipping], *asked, NOW + HOUR)
    assert not paused([skipping], "fibre", "uplinks", frozenset(), NOW)
    assert not paused([replace(skipping, skip=False)], *asked, NOW)


# Stretches of planned work


def test_a_stretch_over_midnight_is_found_from_the_day_before() -> None:
    planned = work(every_day(time(23), 3))
    night = Stretch(wall(LISBON, 2026, 7, 13, 23), wall(LISBON, 2026, 7, 14, 2))
    for at in (night.starts, wall(LISBON, 2026, 7, 14, 0), night.ends - MINUTE):
        assert planned.during(at) == night
    assert planned.during(night.ends) is None


def test_stretches_that_overlap_or_touch_are_one() -> None:
    planned = work(every_day(time(1), 2), every_day(time(3), 1), every_day(time(3, 30), 2))
    whole = Stretch(wall(LISBON, 2026, 7, 13, 1), wall(LISBON, 2026, 7, 13, 5, 30))
    assert {planned.during(wall(LISBON, 2026, 7, 13, hour)) for hour in (1, 3, 4, 5)} == {whole}
    assert planned.upcoming(whole.starts - MINUTE, 1) == (whole,)


def test_work_that_never_ends_is_followed_a_month() -> None:
    planned = work(every_day(time(0), 24))
    found = planned.during(NOW)
    assert found is not None
    assert timedelta(days=31) <= found.ends - NOW < timedelta(days=32)
    assert timedelta(days=31) <= NOW - found.starts < timedelta(days=32)


@pytest.mark.parametrize(
    ("zone", "begins", "expected"),
    [
        # Clocks skip 01:00 to 02:00: what would begin in between begins an hour later.
        (LISBON, (2026, 3, 29, 1, 30), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        # They show 01:00 to 02:00 twice: it begins the first time, and only then.
        (LISBON, (2026, 10, 25, 1, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        # By half an hour, 02:00 to 02:30.
        (LORD_HOWE, (2026, 10, 4, 2, 15), datetime(2026, 10, 3, 15, 45, tzinfo=UTC)),
        (LORD_HOWE, (2026, 4, 5, 1, 45), datetime(2026, 4, 4, 14, 45, tzinfo=UTC)),
        # A day that began at one o'clock.
        (SAO_PAULO, (2018, 11, 4, 0, 0), datetime(2018, 11, 4, 3, tzinfo=UTC)),
    ],
)
def test_work_begins_once_on_days_when_the_clock_changes(
    zone: ZoneInfo, begins: tuple[int, ...], expected: datetime
) -> None:
    year, month, day, hour, minute = begins
    planned = work(Recurring(EVERY_DAY, frozenset(), time(hour, minute), 600), zone=zone)
    midnight = datetime(year, month, day, tzinfo=zone).astimezone(UTC) - MINUTE
    found = [one for one in planned.upcoming(midnight, 3) if one.starts.astimezone(zone).date() == date(*begins[:3])]
    assert found == [Stretch(expected, expected + timedelta(minutes=10))]


@pytest.mark.parametrize(("day", "ends"), [((2026, 3, 29), 7), ((2026, 10, 25), 5), ((2026, 7, 13), 6)])
def test_work_lasts_as_long_as_it_says_also_over_a_change_of_the_clock(day: tuple[int, int, int], ends: int) -> None:
    planned = work(every_day(time(0), 6))
    found = planned.during(wall(LISBON, *day, 0, 30))
    assert found == Stretch(wall(LISBON, *day, 0), wall(LISBON, *day, ends))


@pytest.mark.parametrize(
    ("nth", "days"),
    [
        ({1}, [4, 1]),
        ({2}, [11, 8]),
        ({-1}, [25, 29]),
        ({4}, [25, 22]),
        ({5}, [29]),
        ({1, -1}, [4, 25, 1, 29]),
        (set(), [4, 11, 18, 25, 1, 8, 15, 22, 29]),
    ],
)
def test_work_on_the_nth_weekday_of_a_month(nth: set[int], days: list[int]) -> None:
    monday = Recurring(frozenset({0}), frozenset(nth), time(5), 3600, last=date(2026, 6, 30))
    found = work(monday).upcoming(datetime(2026, 5, 1, tzinfo=UTC), 20)
    assert [one.starts.astimezone(LISBON).day for one in found] == days


def test_work_begins_between_its_first_and_its_last_day() -> None:
    bounded = replace(every_day(time(23), 2), first=date(2026, 7, 14), last=date(2026, 7, 15))
    found = work(bounded).upcoming(NOW, 10)
    assert [one.starts.astimezone(LISBON).day for one in found] == [14, 15]
    assert work(bounded).during(wall(LISBON, 2026, 7, 16, 0, 30)) is not None


def test_what_comes_next_is_in_order_and_without_what_is_on() -> None:
    planned = work(Window(NOW + 30 * HOUR, NOW + 31 * HOUR), every_day(time(12), 2), Window(NOW, NOW + 5 * HOUR))
    found = planned.upcoming(NOW + HOUR, 3)
    assert [one.starts - NOW for one in found] == [23 * HOUR, 30 * HOUR, 47 * HOUR]


@st.composite
def plans(draw: st.DrawFn) -> tuple[Maintenance, datetime]:
    """Some planned work in a zone, and an instant near a change of its clock."""
    zone, near = draw(
        st.sampled_from(
            [
                (LISBON, datetime(2026, 3, 29, 1, tzinfo=UTC)),
                (LISBON, datetime(2026, 10, 25, 1, tzinfo=UTC)),
                (LORD_HOWE, datetime(2026, 4, 4, 15, tzinfo=UTC)),
                (LORD_HOWE, datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
                (SAO_PAULO, datetime(2018, 11, 4, 3, tzinfo=UTC)),
                (SAO_PAULO, datetime(2018, 2, 18, 2, tzinfo=UTC)),
                (ZoneInfo("UTC"), datetime(2026, 1, 1, tzinfo=UTC)),
            ]
        )
    )
    minutes = st.integers(-40 * 60, 40 * 60)
    window = st.builds(
        lambda begin, lasts: Window(near + begin * MINUTE, near + (begin + lasts) * MINUTE),
        minutes,
        st.integers(1, 900),
    )
    recurring = st.builds(
        Recurring,
        st.frozensets(st.integers(0, 6)),
        st.frozensets(st.sampled_from([1, 2, 3, 4, 5, -1]), max_size=3),
        st.times().map(lambda at: at.replace(second=0, microsecond=0, fold=0)),
        st.integers(1, 1600).map(lambda lasts: lasts * 60.0),
    )
    windows = draw(st.lists(st.one_of(window, recurring), max_size=3))
    return work(*windows, zone=zone), near + draw(minutes) * MINUTE


def scan(planned: Maintenance, start: datetime, minutes: int) -> list[bool]:
    """Minute by minute whether work is on, each of its stretches written out."""
    spans = [(one.starts, one.ends) for one in planned.windows if isinstance(one, Window)]
    for one in planned.windows:
        for ahead in range(-4, 4) if isinstance(one, Recurring) else ():
            day = start.astimezone(planned.zone).date() + timedelta(days=ahead)
            if is_one_of(day, one):
                begin = first_shown(datetime.combine(day, one.at), planned.zone)
                spans.append((begin, begin + timedelta(seconds=one.lasts)))
    return [any(begin <= start + step * MINUTE < end for begin, end in spans) for step in range(minutes)]


def is_one_of(day: date, one: Recurring) -> bool:
    same = [day + timedelta(weeks=weeks) for weeks in range(-5, 6) if (day + timedelta(weeks=weeks)).month == day.month]
    numbers = {same.index(day) + 1} | ({-1} if day == same[-1] else set())
    return day.weekday() in one.days and (not one.nth or not numbers.isdisjoint(one.nth))


def first_shown(clock: datetime, zone: ZoneInfo) -> datetime:
    """When a clock of the zone first shows that; if it never does, when one would that nobody had put forward."""
    naive = clock.replace(tzinfo=UTC)
    offsets = [(naive + shift).astimezone(zone).utcoffset() or timedelta() for shift in (-24 * HOUR, 24 * HOUR)]
    shown = [at for at in sorted(naive - one for one in offsets) if at.astimezone(zone).replace(tzinfo=None) == clock]
    return shown[0] if shown else naive - offsets[0]


@settings(max_examples=60)
@given(plans())
def test_what_is_on_and_what_comes_agrees_with_a_look_at_every_minute(plan: tuple[Maintenance, datetime]) -> None:
    planned, start = plan
    minutes = 1440
    on = scan(planned, start, minutes)
    assert [planned.is_on(start + step * MINUTE) for step in range(0, minutes, 7)] == on[::7]
    found = planned.during(start)
    assert (found is not None) is on[0]
    if found is not None and found.ends < start + minutes * MINUTE:
        assert found.ends == start + on.index(False) * MINUTE
    begins = [step for step in range(1, minutes) if on[step] and not on[step - 1]]
    coming = [one for one in planned.upcoming(start, 100) if one.starts < start + minutes * MINUTE]
    assert [one.starts for one in coming] == [start + step * MINUTE for step in begins]
    for one in coming:
        assert planned.during(one.starts) == one


# Quiet hours

AT_NIGHT = ((time.min, time(7, 30)), (time(22), time.max))
NIGHT = QuietHours(OpeningHours(LISBON, (AT_NIGHT,) * 5 + (ALWAYS,) * 2))


@pytest.mark.parametrize(
    ("at", "until", "words"),
    [
        ((2026, 7, 13, 21, 59), None, ""),
        ((2026, 7, 13, 22, 0), (2026, 7, 14, 7, 30), "quiet hours until 07:30"),
        ((2026, 7, 14, 0, 0), (2026, 7, 14, 7, 30), "quiet hours until 07:30"),
        ((2026, 7, 14, 7, 30), None, ""),
        ((2026, 7, 17, 23, 0), (2026, 7, 20, 7, 30), "quiet hours until Mon 20 Jul, 07:30"),
        ((2026, 10, 25, 0, 30), (2026, 10, 26, 7, 30), "quiet hours until Mon 26 Oct, 07:30"),
    ],
)
def test_quiet_hours_run_over_midnight_and_weekends(
    at: tuple[int, ...], until: tuple[int, ...] | None, words: str
) -> None:
    found = held(PRINTER, NIGHT, now=wall(LISBON, *at))
    assert found == (Hold(Gate.QUIET_HOURS, "", wall(LISBON, *until), words) if until else None)


@pytest.mark.parametrize(
    ("severity", "loud", "passes"),
    [
        (Severity.WARNING, Severity.CRITICAL, False),
        (Severity.CRITICAL, Severity.CRITICAL, True),
        (Severity.CRITICAL, Severity.WARNING, True),
        (Severity.INFO, Severity.WARNING, False),
    ],
)
def test_what_is_loud_enough_passes_quiet_hours(severity: Severity, loud: Severity, passes: bool) -> None:
    found = held(replace(PRINTER, severity=severity), replace(NIGHT, loud=loud), now=wall(LISBON, 2026, 7, 13, 23))
    assert (found is None) is passes


def test_quiet_hours_that_overlap_end_with_the_last_of_them() -> None:
    week = (((time(1), time(5)), (time(2), time(3))),) * 7
    assert QuietHours(OpeningHours(LISBON, week)).ends(wall(LISBON, 2026, 7, 13, 2)) == wall(LISBON, 2026, 7, 13, 5)


def test_quiet_hours_that_never_end_have_no_end() -> None:
    assert held(PRINTER, QuietHours(OpeningHours(LISBON))) == Hold(
        Gate.QUIET_HOURS, "", None, "quiet hours that never end"
    )


# Conditions


@pytest.mark.parametrize(
    ("condition", "printer", "fibre"),
    [
        (Matcher("asset", "=", "printer"), True, False),
        (Matcher("asset", "!=", "printer"), False, True),
        (Matcher("check", "=~", "printer/.*"), True, False),
        (Matcher("check", "=~", "print"), False, False),
        (Matcher("check", "!~", "print"), True, True),
        (Matcher("severity", "=", "warning"), True, False),
        (Matcher("tag", "=", "floor-2"), True, False),
        (Matcher("tag", "!=", "floor-2"), False, True),
        (Matcher("tag", "=~", "floor-[12]"), True, False),
        (Matcher("tag", "!~", "floor-.*"), False, True),
        (Matcher("tag", "=", ""), False, True),
        (Matcher("kind", "=~", "internet[.](ping|tcp)"), True, True),
    ],
)
def test_conditions_look_at_the_whole_label(condition: Matcher, printer: bool, fibre: bool) -> None:
    assert [matches(condition, PRINTER), matches(condition, FIBRE)] == [printer, fibre]


def test_a_condition_with_tags_looks_at_each_of_them() -> None:
    both = replace(PRINTER, tags=frozenset({"floor-2", "lease"}))
    assert matches(Matcher("tag", "=", "lease"), both)
    assert not matches(Matcher("tag", "!=", "lease"), both)


WORDS = st.sampled_from(["a", "b", "ab", "a-b", ""])
SUBJECTS = st.builds(
    Subject, WORDS, WORDS, WORDS, WORDS, WORDS, WORDS, st.sampled_from(Severity), st.frozensets(WORDS, max_size=2)
)
CONDITIONS = st.builds(
    Matcher,
    st.sampled_from(["site", "asset", "check", "severity", "tag"]),
    st.sampled_from(["=", "!=", "=~", "!~"]),
    st.sampled_from(["a", "b", "a.*", ".*", "a|b", "", "warning"]),
)


@settings(max_examples=60)
@given(st.lists(SUBJECTS, max_size=8), st.lists(CONDITIONS, min_size=1, max_size=3))
def test_the_preview_is_what_would_be_held_back(subjects: list[Subject], conditions: list[Matcher]) -> None:
    silence = replace(DRUM, matchers=tuple(conditions))
    assert list(preview(silence, subjects)) == [one for one in subjects if held(one, silence) is not None]
