"""Reviews that fall due by the calendar, and what a sign-off changes."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from alerting.rules import Phase, Severity, State, step
from monitor.config.rules import proposed
from probes import Failed, Measured, Status, Unmeasured, load
from probes._base import Reading
from probes._engines import Engines
from probes._engines.periods import parse
from probes.passive.review import LONGEST_SAID, Due, Review, ReviewParams, judge

SETTINGS: dict[str, Any] = {
    "what": "Restore one file from each backup. Evidence: which, and how long it took.",
    "every": "3 months",
    "first": "2027-02-20",
    "timezone": "Europe/Berlin",
}
BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
DUE, REMAINING, REMINDER, SIGNED = (
    f"deskwatch_review_{name}_seconds"
    for name in ("due_timestamp", "remaining", "reminder_remaining", "signed_timestamp")
)


def params(**changed: Any) -> ReviewParams:
    return ReviewParams.model_validate({**SETTINGS, **changed})


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("every", "signed", "day"),
    [
        ("3 months", "2027-01-31", "2027-04-30"),
        ("3 months", "2026-11-30", "2027-02-28"),
        ("3 months", "2027-11-30", "2028-02-29"),
        ("3 months", "2027-10-15", "2028-01-15"),
        ("1 month", "2027-12-31", "2028-01-31"),
        ("1 year", "2028-02-29", "2029-02-28"),
        ("1 year", "2027-02-28", "2028-02-28"),
        ("4 years", "2028-02-29", "2032-02-29"),
        ("90d", "2027-01-31", "2027-05-01"),
        ("90 days", "2028-01-31", "2028-04-30"),
        ("2 weeks", "2028-02-20", "2028-03-05"),
    ],
)
def test_it_is_due_a_period_after_the_day_of_its_sign_off(every: str, signed: str, day: str) -> None:
    review = params(every=every, first="2026-01-01", remind="1d")
    assert str(review.due(berlin(f"{signed} 12:00")).day) == day


def test_it_is_due_the_first_time_on_a_day_of_its_own() -> None:
    due = params().due(None)
    assert due == (date(2027, 2, 20), berlin("2027-02-21 00:00"), berlin("2027-02-06 00:00"))


def test_an_early_sign_off_never_brings_the_first_day_forward() -> None:
    assert params().due(berlin("2026-10-01 09:00")).day == date(2027, 2, 20)
    assert params().due(berlin("2027-01-15 09:00")).day == date(2027, 4, 15)


def test_a_late_sign_off_shortens_nothing() -> None:
    assert params().due(berlin("2027-03-20 09:00")).day == date(2027, 6, 20)


def test_the_day_of_a_sign_off_is_that_of_the_site() -> None:
    late = datetime(2027, 3, 9, 23, 30, tzinfo=UTC)  # half past midnight of the tenth in Berlin
    assert params().due(late).day == date(2027, 6, 10)
    assert params(timezone="UTC").due(late).day == date(2027, 6, 9)
    assert params(timezone="America/New_York").due(late).day == date(2027, 6, 9)


@pytest.mark.parametrize(
    ("zone", "first", "ends", "hours"),
    [
        ("Europe/Berlin", "2027-03-28", "2027-03-28T22:00+00:00", 23),
        ("Europe/Berlin", "2027-10-31", "2027-10-31T23:00+00:00", 25),
        # In Beirut the clocks skip midnight: the day before ends when they do.
        ("Asia/Beirut", "2026-03-28", "2026-03-28T22:00+00:00", 24),
        ("Asia/Beirut", "2026-03-29", "2026-03-29T21:00+00:00", 23),
        ("Pacific/Auckland", "2027-04-04", "2027-04-04T12:00+00:00", 25),
    ],
)
def test_a_day_ends_by_the_clock_of_the_site_whatever_its_length(zone: str, first: str, ends: str, hours: int) -> None:
    found = params(timezone=zone, first=first).due(None)
    assert found.ends == datetime.fromisoformat(ends)
    before = params(timezone=zone, first=str(found.day - DAY)).due(None)
    assert found.ends - before.ends == timedelta(hours=hours)


moments = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
periods = st.one_of(
    st.integers(2, 120).map("{} months".format),
    st.integers(1, 10).map("{} years".format),
    st.integers(40, 3660).map("{}d".format),
)
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Asia/Beirut"])


@given(moments, st.timedeltas(timedelta(0), timedelta(days=4000)), periods, zones)
def test_who_signs_later_is_never_due_earlier(signed: datetime, later: timedelta, every: str, zone: str) -> None:
    review = params(every=every, timezone=zone, first="2020-01-01")
    first, second = review.due(signed), review.due(signed + later)
    assert first.day <= second.day
    assert first.reminds < first.ends
    assert signed < first.reminds, "a sign-off ends every alarm"


@given(moments, periods)
def test_a_sign_off_lasts_for_its_period_and_no_day_longer(signed: datetime, every: str) -> None:
    due = params(every=every, timezone="UTC", first="2020-01-01").due(signed)
    assert parse(every).least <= (due.day - signed.date()).days <= parse(every).most
    assert due.ends == datetime.combine(due.day + DAY, datetime.min.time(), UTC)


@given(periods, st.dates(date(2001, 1, 1), date(2190, 12, 31)))
def test_a_period_earlier_and_later_are_each_others_opposite_but_for_the_ends_of_months(every: str, day: date) -> None:
    back = parse(every).before(parse(every).after(day))
    assert back <= day
    assert (day - back).days <= 3
    assert back == day or (day.day > 28 and "d" not in every)


def test_in_time_it_is_up_and_says_until_when() -> None:
    now = berlin("2026-11-22 10:00")
    assert judge(params(), None, now).detail == "due on 2027-02-20, in 90 days; never done yet"
    found = judge(params(), berlin("2026-12-01 09:00"), berlin("2026-12-02 09:00"))
    assert found.detail == "due on 2027-03-01, in 89 days; signed off last on 2026-12-01"
    assert judge(params(), None, berlin("2027-02-19 23:59")).detail.startswith("due on 2027-02-20, in 1 day;")
    assert judge(params(), None, berlin("2027-02-20 23:59")).detail.startswith("due on 2027-02-20, today;")


def test_after_its_day_it_is_down_until_it_is_signed() -> None:
    last = berlin("2027-02-20 23:59")
    assert judge(params(), None, last)
    with pytest.raises(Failed) as late:
        judge(params(), None, last + timedelta(minutes=1))
    assert late.value.reason == "overdue"
    assert late.value.detail == (
        "was due on 2027-02-20, 1 day ago; never done yet. "
        "Restore one file from each backup. Evidence: which, and how long it took"
    )
    with pytest.raises(Failed, match=r"was due on 2027-02-20, 28 days ago; signed off last on 2026-11-01\."):
        judge(params(), berlin("2026-11-01 09:00"), berlin("2027-03-20 09:00"))
    assert judge(params(), berlin("2027-03-20 09:00"), berlin("2027-03-20 09:01"))


def test_a_long_task_is_cut_in_messages() -> None:
    with pytest.raises(Failed) as late:
        judge(params(what="Look at it.\n" * 100), None, berlin("2027-03-20 09:00"))
    assert late.value.detail.endswith("…")
    assert len(late.value.detail) < LONGEST_SAID + 100
    assert "\n" not in late.value.detail


def figures(found: Measured | Failed) -> dict[str, float]:
    return {sample.metric: sample.value for sample in found.samples}


def test_its_figures_say_how_long_there_is() -> None:
    ends, signed = berlin("2027-02-21 00:00"), berlin("2026-11-01 09:00")
    assert figures(judge(params(), None, ends - 20 * DAY)) == {
        DUE: ends.timestamp(),
        REMAINING: 20 * 86_400,
        REMINDER: 5 * 86_400,
    }
    with pytest.raises(Failed) as late:
        judge(params(), signed, ends + DAY)
    assert figures(late.value) == {
        DUE: ends.timestamp(),
        REMAINING: -86_400,
        REMINDER: -16 * 86_400,
        SIGNED: signed.timestamp(),
    }


@pytest.mark.parametrize(("remind", "hours", "phase"), [("14d", -1, None), ("14d", 0, "fires"), ("3d", 1, None)])
def test_people_are_reminded_as_long_before_as_they_want(remind: str, hours: int, phase: str | None) -> None:
    rule = proposed(Review).known["due-soon"]
    now = berlin("2027-02-06 00:00") + timedelta(hours=hours, seconds=1)
    found = judge(params(remind=remind), None, now)
    reading = Reading("restore/review", now, 0, Status.UP, "ok", found.detail, found.samples)
    turned = step(rule, State(), reading, now, lambda: "episode").turned
    assert (turned.phase if turned else None) == (Phase.FIRING if phase else None)
    assert rule.severity is Severity.INFO


def test_overdue_is_a_warning_unless_the_file_says_more() -> None:
    down = proposed(Review).known["down"]
    assert (down.severity, down.says) == (Severity.WARNING, "is overdue")


def test_what_is_soon_is_not_over() -> None:
    due = Due(date(2027, 2, 20), berlin("2027-02-21 00:00"), berlin("2027-02-06 00:00"))
    assert [(due.is_soon(at), due.is_over(at)) for at in (due.reminds - DAY, due.reminds, due.ends)] == [
        (False, False),
        (True, False),
        (False, True),
    ]


async def test_the_probe_looks_at_what_was_signed_for_its_check_and_for_the_one_that_it_names() -> None:
    engines = Engines()
    review, audit = (load("passive.review")(params(first="2020-01-01", of=of), engines) for of in ("", "doors/keys"))
    review.check, audit.check = "audit/review", "keys/review"
    engines.neighbours.replace({"doors/keys": review})
    for probe in (review, audit):
        with pytest.raises(Failed):
            await probe.measure(1)
    engines.signoffs.take({"doors/keys": datetime.now(UTC)})
    assert isinstance(await audit.measure(1), Measured)
    with pytest.raises(Failed):
        await review.measure(1)
    engines.signoffs.take({"audit/review": datetime.now(UTC)})
    assert isinstance(await review.measure(1), Measured)
    engines.close()


async def test_a_check_that_it_names_and_that_is_gone_is_a_mistake_of_the_configuration() -> None:
    engines = Engines()
    probe = load("passive.review")(params(of="doors/keys"), engines)
    with pytest.raises(Unmeasured, match=r"there is no check doors/keys.*correct `of`") as lost:
        await probe.measure(1)
    assert lost.value.reason == "no_source"
    engines.close()


def test_news_are_the_checks_that_were_signed_anew() -> None:
    engines, first = Engines(), datetime(2027, 1, 1, tzinfo=UTC)
    assert engines.signoffs.take({"a/review": first, "b/review": first}) == {"a/review", "b/review"}
    assert engines.signoffs.take({"a/review": first, "b/review": first + DAY}) == {"b/review"}
    assert engines.signoffs.of(("a/review", "b/review", "c/review")) == first + DAY
    assert engines.signoffs.of(("c/review",)) is None
    engines.close()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"every": "quarterly"}, "must be a period like"),
        ({"every": "0d"}, "must be a period from"),
        ({"every": "11 years"}, "must be a period from"),
        ({"every": "3 month s"}, "must be a period like"),
        ({"every": "2 weeks"}, "remind, 14d, must be shorter than every, 2 weeks"),
        ({"every": "1 month", "remind": "30d"}, "must be shorter"),
        ({"first": "20.2.2027"}, "must be a date like `2027-02-20`"),
        ({"first": "2027-02-30"}, "date"),
        ({"first": 20270220}, "must be a date like"),
        ({"timezone": "Mars/Olympus"}, "no such time zone"),
        ({"what": "do it"}, "at least 10 characters"),
        ({"of": "doors"}, "pattern"),
    ],
)
def test_senseless_settings_are_refused_in_words(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        params(**changed)
