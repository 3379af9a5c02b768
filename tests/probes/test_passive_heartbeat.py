"""Jobs that ping, and those that stay away."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from probes import Failed, Measured, Unmeasured, load
from probes._engines import Engines
from probes._engines.cron import following, parse
from probes._engines.pings import Beat, Ping, Pings, digest
from probes.passive.heartbeat import HeartbeatParams, judge

KEY = "0123456789abcdef-backup"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LONG_AGO = NOW - 30 * DAY


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", KEY)


@pytest.fixture
def hourly(_key: None) -> HeartbeatParams:
    """A ping each hour, which may be five minutes late."""
    return HeartbeatParams(key="${env:KEY}", period=3600)


@pytest.fixture
def nightly(_key: None) -> HeartbeatParams:
    """A ping each night at half past three in Berlin."""
    return HeartbeatParams(key="${env:KEY}", cron="30 3 * * *", timezone="Europe/Berlin", grace=600)


def heard(*pings: tuple[timedelta, Ping, int | None]) -> Beat:
    beat = Beat()
    for ago, ping, code in pings:
        beat = beat.after(ping, code, NOW - ago)
    return beat


WELL = heard((HOUR, Ping.SUCCESS, None))


def test_a_ping_in_time_is_up_with_its_age(hourly: HeartbeatParams) -> None:
    found = judge(WELL, hourly, LONG_AGO, NOW)
    assert found.detail == "the job ended well 60 min ago"
    assert {sample.metric: sample.value for sample in found.samples} == {"deskwatch_heartbeat_age_seconds": 3600}


def test_a_ping_may_be_late_by_the_grace_and_no_more(hourly: HeartbeatParams) -> None:
    assert judge(WELL, hourly, LONG_AGO, NOW + 5 * MINUTE)
    with pytest.raises(Failed, match=r"the last ping came 65 min ago, one was awaited by 2026-03-02 09:05 UTC") as late:
        judge(WELL, hourly, LONG_AGO, NOW + 5 * MINUTE + timedelta(seconds=1))
    assert late.value.reason == "late"
    assert late.value.samples


def test_nothing_is_known_until_the_first_ping_is_overdue(hourly: HeartbeatParams) -> None:
    with pytest.raises(Unmeasured, match="nothing was heard yet; the next ping is awaited by 2026-03-02 10:05") as wait:
        judge(Beat(), hourly, NOW, NOW + 64 * MINUTE)
    assert wait.value.reason == "waiting"
    with pytest.raises(Failed, match="nothing was heard yet"):
        judge(Beat(), hourly, NOW, NOW + 66 * MINUTE)


def test_what_was_due_while_we_did_not_listen_is_not_held_against_the_job(hourly: HeartbeatParams) -> None:
    before = heard((10 * HOUR, Ping.SUCCESS, None))
    with pytest.raises(Unmeasured):
        judge(before, hourly, NOW, NOW + HOUR)
    with pytest.raises(Failed):
        judge(before, hourly, NOW, NOW + 66 * MINUTE)


def test_after_a_restart_a_ping_that_is_not_yet_due_is_still_in_time(hourly: HeartbeatParams) -> None:
    assert judge(WELL, hourly, NOW, NOW)


@pytest.mark.parametrize(("code", "words"), [(None, "failed"), (3, "failed with exit status 3")])
def test_a_job_that_says_that_it_failed_is_down_until_it_succeeds(
    hourly: HeartbeatParams, code: int | None, words: str
) -> None:
    failed = heard((2 * MINUTE, Ping.FAIL, code))
    with pytest.raises(Failed, match=f"the job said 2 min ago that it {words}$") as down:
        judge(failed, hourly, LONG_AGO, NOW)
    assert down.value.reason == "failed"
    again = failed.after(Ping.START, None, NOW)
    with pytest.raises(Failed):
        judge(again, hourly, LONG_AGO, NOW)
    assert judge(again.after(Ping.SUCCESS, 0, NOW), hourly, LONG_AGO, NOW)


def test_a_job_that_begins_must_end_within_the_grace(hourly: HeartbeatParams) -> None:
    begun = heard((2 * HOUR, Ping.SUCCESS, None), (4 * MINUTE, Ping.START, None))
    with pytest.raises(Failed, match="the last ping"):
        judge(begun, hourly, LONG_AGO, NOW)
    begun = heard((HOUR / 2, Ping.SUCCESS, None), (4 * MINUTE, Ping.START, None))
    assert judge(begun, hourly, LONG_AGO, NOW)
    with pytest.raises(Failed, match="the job began 6 min ago and has not said that it ended"):
        judge(begun, hourly, LONG_AGO, NOW + 2 * MINUTE)


def test_the_run_time_is_measured_from_the_start_ping(hourly: HeartbeatParams) -> None:
    ran = heard((5 * MINUTE, Ping.START, None), (MINUTE, Ping.SUCCESS, None))
    found = judge(ran, hourly, LONG_AGO, NOW)
    assert found.detail == "the job ended well 60 s ago after 4 min"
    assert found.samples[1].value == 240
    next_time = ran.after(Ping.SUCCESS, None, NOW)
    assert next_time.took is None


def test_a_crontab_says_when_a_ping_is_due(nightly: HeartbeatParams) -> None:
    beat = heard((6 * HOUR, Ping.SUCCESS, None))  # 04:00 in Berlin
    last = datetime(2026, 3, 3, 2, 40, tzinfo=UTC)
    assert judge(beat, nightly, LONG_AGO, last)
    with pytest.raises(Failed):
        judge(beat, nightly, LONG_AGO, last + timedelta(seconds=1))


async def test_the_probe_looks_at_what_its_key_sent() -> None:
    engines = Engines()
    heartbeat = load("passive.heartbeat")
    probe = heartbeat(HeartbeatParams(key="${env:KEY}", period=3600), engines)
    with pytest.raises(Unmeasured):
        await probe.measure(1)
    engines.pings.take(digest("another-key-of-16"), Ping.SUCCESS, None, datetime.now(UTC))
    with pytest.raises(Unmeasured):
        await probe.measure(1)
    engines.pings.take(digest(KEY), Ping.SUCCESS, 0, datetime.now(UTC))
    assert isinstance(await probe.measure(1), Measured)
    engines.close()


def test_what_was_known_is_restored() -> None:
    pings = Pings()
    pings.restore({b"k": WELL})
    assert pings.of(b"k") == WELL
    assert pings.take(b"k", Ping.START, None, NOW).ended == NOW - HOUR


def test_its_target_does_not_betray_the_key(hourly: HeartbeatParams) -> None:
    assert KEY not in hourly.target
    assert KEY not in repr(hourly)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "either period or cron"),
        ({"period": 60, "cron": "* * * * *"}, "either period or cron"),
        ({"cron": "* * * *"}, "must have five fields"),
        ({"cron": "61 * * * *"}, "the minute `61` must be from 0 to 59"),
        ({"cron": "* * * * funday"}, "the day of the week `funday` is none"),
        ({"cron": "0 0 30 2 *"}, "never comes"),
        ({"period": 60, "timezone": "Mars/Olympus"}, "no such time zone"),
    ],
)
def test_senseless_settings_are_refused_in_words(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        HeartbeatParams(key="${env:KEY}", **settings)


@pytest.mark.parametrize("key", ["short", "a" * 200, "with/slash-and-more", "with space in it.."])
def test_a_key_that_could_be_guessed_or_not_be_written_is_refused(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("KEY", key)
    with pytest.raises(ValidationError, match="openssl rand") as refused:
        HeartbeatParams(key="${env:KEY}", period=60)
    assert key not in str(refused.value)


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("line", "after", "expected"),
    [
        ("* * * * *", "2026-03-02 09:00:30", "2026-03-02 09:01"),
        ("30 3 * * *", "2026-03-02 03:30", "2026-03-03 03:30"),
        ("*/20 8-9 * * *", "2026-03-02 08:41", "2026-03-02 09:00"),
        ("0 9 * * mon-fri", "2026-03-06 09:00", "2026-03-09 09:00"),
        ("0 9 * * 7", "2026-03-02 09:00", "2026-03-08 09:00"),
        ("0 9 * * 0,6", "2026-03-02 09:00", "2026-03-07 09:00"),
        ("0 9 13 * fri", "2026-03-02 09:00", "2026-03-06 09:00"),
        ("0 9 13 * *", "2026-03-02 09:00", "2026-03-13 09:00"),
        ("0 0 1 jan,jul *", "2026-03-02 09:00", "2026-07-01 00:00"),
        ("0 0 29 2 *", "2026-03-02 09:00", "2028-02-29 00:00"),
        ("10/25 * * * *", "2026-03-02 09:11", "2026-03-02 09:35"),
        # The clocks go from two to three on 29 March, and from three back to two on 25 October.
        ("30 2 * * *", "2026-03-28 12:00", "2026-03-29 03:30"),
        ("30 2 * * *", "2026-10-24 12:00", "2026-10-25 02:30"),
        ("30 3 * * *", "2026-10-24 12:00", "2026-10-25 03:30"),
    ],
)
def test_a_crontab_line_means_these_times(line: str, after: str, expected: str) -> None:
    begin, end = (datetime.fromisoformat(at).replace(tzinfo=BERLIN) for at in (after, expected))
    assert following(parse(line), BERLIN, begin.astimezone(UTC)) == end.astimezone(UTC)


fields = (st.integers(0, 59), st.integers(0, 23), st.sampled_from(["*", "1", "*/7"]), st.sampled_from(["*", "1-6"]))


@given(st.tuples(*fields), st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)))  # noqa: DTZ001
def test_the_following_time_is_later_and_fits_the_line(line: tuple[object, ...], at: datetime) -> None:
    cron, after = parse(" ".join(map(str, (*line, "*")))), at.replace(tzinfo=UTC)
    found = following(cron, ZoneInfo("UTC"), after)
    assert found > after
    assert (found.minute, found.hour) == (cron.minutes[0], cron.hours[0])
    assert cron.fits(found.date())


@given(st.text(max_size=40))
def test_any_other_text_is_refused_with_a_sentence(text: str) -> None:
    try:
        parse(text)
    except ValueError as error:
        assert "must" in str(error) or "is none" in str(error)
