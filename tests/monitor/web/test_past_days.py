"""Days that are well over are read once; what a page shows is what it would show if all of it were read again."""

import random
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from aiohttp.test_utils import TestClient
from hypothesis import given
from hypothesis import strategies as st

from alerting.gates import Maintenance, Recurring, Scope
from incidents.availability import Availability, Span
from monitor.store import Store, spans
from monitor.web import charts
from monitor.web.past_days import Day, KeptDays, Subject, by_day, past, until
from probes import Status

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia")
"""Among them one where clocks change at midnight, one where by half an hour, and one that left out a day."""
NOW = datetime(2026, 4, 12, 9, 30, tzinfo=UTC)
WORK = Maintenance("w", "Work", Scope(), BERLIN, (Recurring(frozenset(range(7)), frozenset(), time(2), 3600),))


instants = st.sampled_from((2011, 2026)).flatmap(
    lambda year: st.integers(0, 400 * 24 * 60).map(lambda n: datetime(year, 6, 1, tzinfo=UTC) + timedelta(minutes=n))
)


def turns(dice: random.Random, check: str, start: datetime, end: datetime, pause: timedelta) -> list[Span]:
    """Spans one after the other, with a gap or an overlap here and there, as after a restart or a clock set back."""
    found, at = [], start
    while at < end:
        begin = at + dice.choice((timedelta(), timedelta(), pause / 3, -pause / 5))
        at = max(at, begin) + pause * dice.uniform(0.01, 2)
        found.append(Span(check, begin, min(at, end), dice.choice(list(Status)), "ok"))
    return found


async def save(store: Store, some: list[Span]) -> None:
    async with store.begin() as conn:
        await spans.save(conn, some)


async def afresh(store: Store, subject: Subject, now: datetime) -> tuple[Day, ...]:
    return (await past(store, KeptDays(), subject, now)).days


@pytest.mark.parametrize("zone", ZONES)
async def test_days_that_are_kept_are_those_made_afresh_while_the_clock_goes_on(store: Store, zone: str) -> None:
    dice = random.Random(zone)
    start = datetime(2011, 12, 24, tzinfo=UTC) if zone == "Pacific/Apia" else datetime(2026, 3, 20, tzinfo=UTC)
    some = [one for check in "ab" for one in turns(dice, check, start - 30 * DAY, start + 30 * DAY, 7 * HOUR)]
    kept, now, stored = KeptDays(), start, start - 99 * DAY
    subjects = [Subject(("a", "b"), ZoneInfo(zone), 20), Subject(("b",), ZoneInfo(zone), 9, (WORK,))]
    while now < start + 25 * DAY:
        late = now - dice.uniform(0, 1) * DAY  # what was measured since then could not be stored yet
        new = [one for one in some if stored < one.end and one.start < late]
        await save(store, [one._replace(end=min(one.end, late)) for one in new])
        stored = late
        for subject in subjects:
            assert (await past(store, kept, subject, now)).days == await afresh(store, subject, now)
        now += dice.uniform(0, 2) * DAY


async def test_a_later_look_reads_the_last_days_alone(store: Store) -> None:
    await save(store, turns(random.Random(1), "a", NOW - 80 * DAY, NOW, HOUR))
    kept, subject = KeptDays(), Subject(("a",), BERLIN)
    first, later = [await past(store, kept, subject, now) for now in (NOW, NOW + HOUR)]
    assert first.read > 1_000 > 100 > later.read
    assert later.days[:-1] == first.days[:-1]
    assert {one.check for one in later.spans} == {"a"}
    assert (await past(store, kept, subject, NOW, since=NOW - 20 * DAY)).spans[0].start <= NOW - 20 * DAY


async def test_more_turns_than_are_read_leave_days_unknown_and_are_not_kept(store: Store) -> None:
    await save(store, turns(random.Random(2), "a", NOW - 80 * DAY, NOW, HOUR))
    kept, subject = KeptDays(), Subject(("a",), BERLIN)
    cut = await past(store, kept, subject, NOW, most=50)
    assert (cut.read, cut.complete) == (50, False)
    assert {one.found.known for one in cut.days} == {timedelta()}
    assert (await past(store, kept, subject, NOW)).days == await afresh(store, subject, NOW)
    again = await past(store, kept, subject, NOW, most=1)
    assert not again.complete
    assert again.days[-3].found.known, "what is kept is known all the same"


async def test_what_could_not_be_stored_for_days_counts_when_it_is(store: Store) -> None:
    kept, subject, dice = KeptDays(), Subject(("a",), BERLIN), random.Random(4)
    await save(store, turns(dice, "a", NOW - 9 * DAY, NOW - 5 * DAY, HOUR))
    for now in (NOW - DAY, NOW):
        assert (await past(store, kept, subject, now)).days[-3].found.known == timedelta()
    await save(store, turns(dice, "a", NOW - 5 * DAY, NOW, HOUR))
    assert (await past(store, kept, subject, NOW)).days == await afresh(store, subject, NOW)


async def test_a_clock_that_was_wrong_by_days_leaves_nothing_behind(store: Store) -> None:
    kept, subject, dice = KeptDays(), Subject(("a",), BERLIN), random.Random(3)
    await save(store, turns(dice, "a", NOW + 8 * DAY, NOW + 9 * DAY, HOUR))
    await past(store, kept, subject, NOW + 9 * DAY)
    await save(store, turns(dice, "a", NOW - 5 * DAY, NOW + 8 * DAY, HOUR))
    await past(store, kept, Subject(("b",), BERLIN), NOW)
    found = (await past(store, kept, subject, NOW + 9 * DAY)).days
    assert found == await afresh(store, subject, NOW + 9 * DAY)


def test_days_are_kept_of_those_that_were_asked_about_last_and_only_when_they_are_well_over() -> None:
    kept, calendar = KeptDays(most=2), until(NOW, BERLIN, 5)
    days = tuple(Day(one, Availability(HOUR)) for one in calendar.dates)
    one, other, third = (Subject((check,), BERLIN, 5) for check in "abc")
    kept.keep(one, days)
    kept.keep(other, days)
    assert kept.known(one, calendar) == days[:3]
    kept.keep(third, days)
    assert [kept.known(each, calendar) for each in (one, other, third)] == [days[:3], (), days[:3]]
    changed = [one._replace(zone=ZoneInfo("Asia/Kolkata")), one._replace(works=(WORK,)), one._replace(days=6)]
    assert [kept.known(each, calendar) for each in changed] == [()] * 3


@given(instants, st.sampled_from(ZONES).map(ZoneInfo), st.integers(1, 40))
def test_a_calendar_has_the_days_of_the_clock_and_covers_the_time(now: datetime, zone: ZoneInfo, n: int) -> None:
    calendar = until(now, zone, n)
    assert calendar.edges[-1] == now
    assert calendar.dates[-1] == now.astimezone(zone).date()
    assert len(calendar.dates) == len(calendar.edges) - 1 == n
    for day, (start, end) in zip(calendar.dates, pairwise(calendar.edges), strict=True):
        assert timedelta() <= end - start <= 25 * HOUR
        if start < end:
            assert start.astimezone(zone).date() == (end - timedelta(microseconds=1)).astimezone(zone).date() == day


@given(st.integers(0, 10**6))
def test_the_days_add_up_to_the_microsecond(seed: int) -> None:
    dice = random.Random(seed)
    some = [Span("a", NOW - n * HOUR, NOW - (n - dice.random()) * HOUR, Status.DOWN, "") for n in range(200, 0, -1)]
    calendar = until(NOW, BERLIN, 30)
    days = by_day(some, calendar)
    assert sum((one.found.down for one in days), timedelta()) == sum((one.end - one.start for one in some), timedelta())
    assert sum((one.found.total for one in days), timedelta()) == NOW - calendar.edges[0]


def test_nothing_is_drawn_of_days_that_have_no_time() -> None:
    calendar = until(datetime(2011, 12, 30, 10, 0, tzinfo=UTC), ZoneInfo("Pacific/Apia"), 3)
    assert [end - start for start, end in pairwise(calendar.edges)] == [24 * HOUR, timedelta(), timedelta()]
    assert charts.bars(by_day([], calendar)).words == "not known"


async def test_an_outage_every_ten_minutes_for_a_quarter_is_drawn(space, person: TestClient, make_asset) -> None:
    space.add(make_asset("door", "Door"))
    start, minute = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - DAY * 90, timedelta(minutes=1)
    begins = [start + n * 10 * minute for n in range(90 * 144 + 24)]  # also the next day begins with one
    down = [Span("door/ping", at, at + minute, Status.DOWN, "timeout") for at in begins]
    works = [Span("door/ping", at + minute, at + 10 * minute, Status.UP, "ok") for at in begins]
    await save(space.store, [*down, *works])
    for path in ("/checks/door/ping", "/assets/door"):
        assert "outages on 90 days" in await (await person.get(path)).text(), path
