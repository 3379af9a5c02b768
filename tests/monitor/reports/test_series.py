"""Hours of what was measured: the least, the mean and the most of each, from the recordings of the checks."""

from datetime import UTC, datetime, timedelta
from math import inf, nan

from hypothesis import given
from hypothesis import strategies as st

from monitor.config import Config
from monitor.recording import Recording, Stored
from monitor.reports.series import Hour, hourly, measuring, of_recordings
from monitor.store import Store, recordings
from probes import Reading, Sample, Status

NINE = datetime(2026, 7, 1, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
LOSS = "probe_icmp_loss_ratio"

SITE = """\
site: {id: harbour, timezone: Europe/Lisbon}
services:
  - id: portal
    checks:
      - {kind: internet.tcp, host: 127.0.0.1, port: 80}
      - {kind: internet.ping, host: 127.0.0.1}
"""


def recorded(start: datetime, *values: float, metric: str = LOSS, part: str = "") -> Recording:
    """A value every ten minutes."""
    one = Recording("c", start)
    for number, value in enumerate(values):
        at = start + number * 10 * MINUTE
        one.add(Reading("c", at, 0.1, Status.UP, "ok", "", (Sample(metric, value, part), Sample("other", 1))), at)
    return one


def stored(*some: Recording) -> list[Stored]:
    return [Stored(one.check, one.start, one.encoded()) for one in some]


def test_an_hour_has_the_least_the_mean_and_the_most_of_all_its_pieces() -> None:
    pieces = stored(recorded(NINE, 1, 2), recorded(NINE + 30 * MINUTE, 6), recorded(NINE + 2 * HOUR, 5))
    assert of_recordings(pieces, [LOSS], NINE, NINE + 3 * HOUR) == {
        (LOSS, ""): (Hour(NINE, 1, 3, 6, 3), Hour(NINE + 2 * HOUR, 5, 5, 5, 1))
    }


def test_parts_are_series_of_their_own_and_other_metrics_are_left_out() -> None:
    pieces = stored(recorded(NINE, 1, part="a"), recorded(NINE + 10 * MINUTE, 3, part="b"))
    found = of_recordings(pieces, [LOSS], NINE, NINE + HOUR)
    assert {pair: hours[0].mean for pair, hours in found.items()} == {(LOSS, "a"): 1, (LOSS, "b"): 3}


def test_only_values_from_within_the_time_count() -> None:
    pieces = stored(recorded(NINE, 1, 2, 3, 4, 5, 6))
    (hour,) = of_recordings(pieces, [LOSS], NINE + 10 * MINUTE, NINE + 40 * MINUTE)[LOSS, ""]
    assert (hour.start, hour.least, hour.most, hour.count) == (NINE, 2, 4, 3)


def test_what_is_no_number_counts_for_nothing() -> None:
    pieces = stored(recorded(NINE, nan, 2, inf), recorded(NINE + HOUR, nan))
    assert of_recordings(pieces, [LOSS], NINE, NINE + 2 * HOUR) == {(LOSS, ""): (Hour(NINE, 2, 2, 2, 1),)}


def test_a_damaged_recording_is_left_out() -> None:
    whole, damaged = stored(recorded(NINE, 1), recorded(NINE + HOUR, 2))
    damaged = damaged._replace(data=damaged.data[:-1])
    assert len(of_recordings([whole, damaged], [LOSS], NINE, NINE + 2 * HOUR)[LOSS, ""]) == 1


@given(st.lists(st.integers(0, 239), unique=True, max_size=20).map(sorted), st.integers(0, 240), st.integers(0, 240))
def test_every_value_is_in_the_hour_in_which_it_was_measured(minutes: list[int], first: int, last: int) -> None:
    hours: dict[int, Recording] = {}
    for minute in minutes:
        at = NINE + minute * MINUTE
        one = hours.setdefault(minute // 60, Recording("c", at))
        one.add(Reading("c", at, 0.1, Status.UP, "ok", "", (Sample(LOSS, minute),)), at)
    found = of_recordings(stored(*hours.values()), [LOSS], NINE + first * MINUTE, NINE + last * MINUTE)
    expected = {}
    for minute in minutes:
        if first <= minute < last:
            expected.setdefault(minute // 60, []).append(minute)
    assert {(one.start - NINE) // HOUR: (one.least, one.most, one.count) for one in found.get((LOSS, ""), ())} == {
        hour: (min(some), max(some), len(some)) for hour, some in expected.items()
    }


async def test_the_hours_of_several_checks_are_read_from_the_store(store: Store, config: Config) -> None:
    early = NINE - 30 * MINUTE  # a recording that begins before the time in question reaches into it
    async with store.begin() as conn:
        await recordings.save(conn, [recorded(early, 1, 2), recorded(NINE, 3)])
    async with store.connect() as conn:
        found = await hourly(conn, ["c", "never-measured"], [LOSS], early + 10 * MINUTE, NINE + HOUR)
    assert {key: [hour.mean for hour in hours] for key, hours in found.items()} == {("c", LOSS, ""): [2, 3]}


def test_only_checks_that_measure_it_are_asked(config: Config) -> None:
    assert measuring(config.checks, [LOSS]) == ("portal/ping",)
    assert measuring(config.checks, []) == ()
