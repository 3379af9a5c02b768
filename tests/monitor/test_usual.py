"""What is usual is the median of the same hour on the wall of the same weekday in the last four weeks."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.config.model import Config
from monitor.recording import HOUR, Recording
from monitor.store import Store, recordings
from monitor.usual import Past, Usuals, WallHour, usual_metrics
from probes import Reading, Sample, Status

LISBON = ZoneInfo("Europe/Lisbon")
KOLKATA = ZoneInfo("Asia/Kolkata")  # half an hour beside the others
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WEEK = timedelta(weeks=1)
RTT = ("rtt", "median")

SITE = """\
site: {id: harbour, timezone: Europe/Lisbon}
services:
  - id: portal
    checks:
      - kind: internet.tcp
        host: 127.0.0.1
        port: 80
        rules: {unusual: {metric: probe_tcp_duration_seconds, against: usual, above: 3}}
      - {kind: internet.ping, host: 127.0.0.1}
"""


def recorded(start: datetime, *values: float, check: str = "c", pair: tuple[str, str] = RTT) -> Recording:
    """A value every ten minutes."""
    one = Recording(check, start)
    for number, value in enumerate(values):
        at = start + number * timedelta(minutes=10)
        one.add(Reading(check, at, 0.1, Status.UP, "ok", "", (Sample(pair[0], value, pair[1]),)), at)
    return one


def past(*found: Recording, zone: ZoneInfo = LISBON) -> Past:
    one = Past(["rtt"], zone)
    for each in found:
        one.add(each)
    return one


def test_the_median_of_all_values_of_the_same_hour_in_four_weeks_counts() -> None:
    weeks = [
        recorded(MONDAY - number * WEEK, *values) for number, values in enumerate([(99,), (1, 2), (3,), (4,), (9,)])
    ]
    weeks += [recorded(MONDAY - 5 * WEEK, 99), recorded(MONDAY - WEEK - HOUR, 99), recorded(MONDAY - WEEK / 7, 99)]
    assert past(*weeks).usual(WallHour(date(2026, 3, 2), 9)) == {RTT: 3}


def test_one_week_is_not_enough_and_two_are() -> None:
    hour = WallHour.of(MONDAY, LISBON)
    assert past(recorded(MONDAY - WEEK, 1, 2)).usual(hour) == {}
    assert past(recorded(MONDAY - WEEK, 1, 2), recorded(MONDAY - 4 * WEEK, 9)).usual(hour) == {RTT: 2}


def test_each_part_counts_for_itself_and_what_is_no_number_does_not() -> None:
    found = [recorded(MONDAY - number * WEEK, 1, float("nan")) for number in (1, 2)]
    found += [recorded(MONDAY - number * WEEK, number, pair=("rtt", "max")) for number in (1, 2)]
    found += [recorded(MONDAY - number * WEEK, number, pair=("loss", "")) for number in (1, 2)]
    assert past(*found).usual(WallHour.of(MONDAY, LISBON)) == {RTT: 1, ("rtt", "max"): 1.5}


def test_the_hour_is_one_on_the_wall_whatever_the_clocks_do() -> None:
    after = datetime(2026, 3, 30, 8, 0, tzinfo=UTC)  # 9:00 in Lisbon: summer time began the day before
    hour = WallHour.of(after, LISBON)
    before = [after + HOUR - number * WEEK for number in (1, 2)]
    assert past(*(recorded(start, 5) for start in before)).usual(hour) == {RTT: 5}
    assert past(*(recorded(start - HOUR, 5) for start in before)).usual(hour) == {}


def test_where_the_clock_is_half_an_hour_off_values_go_to_the_hour_they_were_measured_in() -> None:
    found = [recorded(MONDAY - number * WEEK, 1, 1, 1, 9, 9, 9) for number in (1, 2)]  # 14:30 to 15:30
    assert past(*found, zone=KOLKATA).usual(WallHour(date(2026, 3, 2), 14)) == {RTT: 1}
    assert past(*found, zone=KOLKATA).usual(WallHour(date(2026, 3, 2), 15)) == {RTT: 9}


@pytest.mark.parametrize(
    ("day", "hour", "zone", "hours"),
    [
        (date(2026, 3, 2), 9, LISBON, ["2026-03-02 09"]),
        (date(2026, 10, 25), 1, LISBON, ["2026-10-25 00", "2026-10-25 01"]),  # it comes twice
        (date(2026, 3, 2), 14, KOLKATA, ["2026-03-02 08", "2026-03-02 09"]),
    ],
)
def test_an_hour_on_the_wall_is_found_in_the_hours_of_utc(
    day: date, hour: int, zone: ZoneInfo, hours: list[str]
) -> None:
    assert [f"{at:%Y-%m-%d %H}" for at in WallHour(day, hour).hours(zone)] == hours


@pytest.fixture
async def store(blank: Callable[[str], str]) -> AsyncIterator[Store]:
    opened = await Store.open(blank("sqlite"))
    async with opened.begin() as conn:
        pair = ("probe_tcp_duration_seconds", "connect")
        for hour, value in ((0, 0.2), (1, 0.7)):
            for week in (1, 2):
                start = MONDAY + hour * HOUR - week * WEEK
                await recordings.save(conn, [recorded(start, value, check="portal/tcp", pair=pair)])
    yield opened
    await opened.close()


async def test_only_checks_with_such_a_rule_are_looked_up(store: Store, config: Config) -> None:
    usuals = Usuals(store)
    assert usuals.of("portal/tcp") is None
    usuals.adopt(config)
    await usuals.renew(MONDAY)
    known = usuals.of("portal/tcp")
    assert known is not None
    assert known("probe_tcp_duration_seconds", "connect") == 0.2
    assert known("probe_tcp_duration_seconds", "tls") is None
    assert usuals.of("portal/ping") is None
    assert usual_metrics(config.checks[1].rules) == frozenset()


async def test_a_new_hour_has_its_own_usual_values_and_a_rule_that_is_gone_none(store: Store, config: Config) -> None:
    usuals = Usuals(store)
    usuals.adopt(config)
    for hour, value in ((0, 0.2), (1, 0.7)):
        await usuals.renew(MONDAY + hour * HOUR)
        known = usuals.of("portal/tcp")
        assert known is not None
        assert known("probe_tcp_duration_seconds", "connect") == value
    usuals.adopt(replace(config, assets=()))
    await usuals.renew(MONDAY + HOUR)
    assert usuals.of("portal/tcp") is None


async def test_a_damaged_recording_is_left_out_and_named(
    store: Store, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    from monitor.store.tables import recordings as table

    async with store.begin() as conn:
        await conn.execute(table.update().where(table.c.start == MONDAY - WEEK).values(data=b"damaged"))
    usuals = Usuals(store)
    usuals.adopt(config)
    await usuals.renew(MONDAY)
    assert usuals.of("portal/tcp") is None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


async def test_the_service_learns_of_a_configuration_at_once(store: Store, config: Config) -> None:
    usuals = Usuals(store)
    now = datetime.now(UTC)
    pair = ("probe_tcp_duration_seconds", "connect")
    async with store.begin() as conn:
        for week in (1, 2):
            for part in (-HOUR, timedelta(), HOUR):  # whatever hour it will be
                hour = (now - week * WEEK + part).replace(minute=0, second=0, microsecond=0)
                await recordings.save(conn, [recorded(hour, 0.5, check="portal/tcp", pair=pair)])
    async with asyncio.timeout(60):
        task = asyncio.create_task(usuals.run())
        await asyncio.sleep(0)
        usuals.adopt(config)
        while usuals.of("portal/tcp") is None:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
