"""What people type about being on call, and what they get to see of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from alerting.gates import Silence
from alerting.hours import OpeningHours
from alerting.oncall import Contact, Override, Period, Person, Rotation, Schedule
from alerting.routes import Route, Step
from alerting.rules import Severity
from alerting.silences import parse_matcher
from monitor.config.model import Asset, Config, Server, Site, Storage
from monitor.rota import Duty, duties, duties_after, moment, paged, typed

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 12, 4, 12, tzinfo=UTC)  # a Friday, 13:00 in Berlin
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ALL = frozenset(Severity)
FIBRE = Asset("fibre", "uplinks", "Fibre", 80, (), "", "", (), frozenset({"cellar"}))
ROTATION = Rotation(("ana", "ben"), Period.DAY, 1, datetime(2026, 12, 4, 9))  # noqa: DTZ001
CONFIG = Config(
    Site("harbour", "Harbour", OpeningHours(BERLIN), 80),
    (FIBRE,),
    (Route("pager", steps=(Step(0, ("it",)),)),),
    {},
    Server(),
    Storage(SecretStr("")),
    people=(Person("ana", "Ana Lopes", (Contact("ana", ALL),)), Person("ben", "Ben Sousa", (Contact("ben", ALL),))),
    schedules=(Schedule("it", BERLIN, ROTATION),),
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-12-06 02:30", "2026-12-06 01:30"),
        ("2026-12-06T02:30", "2026-12-06 01:30"),
        ("2026-12-06 02:30+02:00", "2026-12-06 00:30"),
        ("2027-03-28 02:30", "2027-03-28 01:00"),  # skipped: the first instant after
        ("Sun 02:30", "2026-12-06 01:30"),
        (" fri  13:01 ", "2026-12-04 12:01"),
        ("Fri 13:00", "2026-12-11 12:00"),
        ("Fri 9:00", "2026-12-11 08:00"),
        ("", "2026-12-04 12:00"),
        ("Now", "2026-12-04 12:00"),
    ],
)
def test_a_time_is_read_on_the_clock_of_the_site(text: str, shown: str) -> None:
    assert f"{moment(text, BERLIN, NOW):%Y-%m-%d %H:%M}" == shown


@pytest.mark.parametrize(
    "text", ["soon", "Sun", "Sun 25:00", "Son 02:30", "2026-12-06", "2026-13-06 02:30", "02:30", "x" * 99]
)
def test_a_time_that_makes_no_sense_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be like `2026-12-06 02:30`, `Sun 02:30`"):
        moment(text, BERLIN, NOW)


def test_an_override_ends_on_the_weekday_after_its_beginning() -> None:
    made = typed(CONFIG, "it", "ben", "Sat 09:00", "Fri 09:00", "ana", NOW)
    assert (made.starts, made.ends) == (datetime(2026, 12, 5, 8, tzinfo=UTC), datetime(2026, 12, 11, 8, tzinfo=UTC))
    assert (made.schedule, made.person, made.author, made.created) == ("it", "ben", "ana", NOW)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("itt", "ben", "", "Sun 10:00"), "no on-call schedule 'itt'; did you mean `it`"),
        (("it", "zoe", "", "Sun 10:00"), "no person 'zoe'; there are ana, ben"),
        (("it", "ben", "Sun 10:00", "2026-12-06 10:00"), "over before it begins"),
        (("it", "ben", "2026-12-01 10:00", "2026-12-02 10:00"), "over before it begins"),
        (("it", "ben", "", "2028-12-06 10:00"), "too long; 366 days"),
        (("it", "ben", "", "later"), "the time 'later'"),
    ],
)
def test_an_override_that_makes_no_sense_is_refused(given: tuple[str, str, str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        typed(CONFIG, *given, "ana", NOW)


def test_duties_are_shifts_and_gaps_without_holes() -> None:
    override = Override("01", "it", "ben", NOW, NOW + HOUR, "ana", NOW)
    gone = replace(override, id="02", person="zoe", starts=NOW - 2 * DAY, ends=NOW + DAY)
    found = tuple(duties(CONFIG, (override, gone), NOW - 12 * HOUR, NOW + DAY))
    begin = datetime(2026, 12, 4, 8, tzinfo=UTC)
    assert found == (
        Duty("it", NOW - 12 * HOUR, begin, ""),
        Duty("it", begin, NOW, "Ana Lopes"),
        Duty("it", NOW, NOW + HOUR, "Ben Sousa"),
        Duty("it", NOW + HOUR, begin + DAY, "Ana Lopes"),
        Duty("it", begin + DAY, NOW + DAY, "Ben Sousa"),
    )


def hourly(*people: str) -> Config:
    """Two schedules with turns of an hour."""
    turns = Rotation(people, Period.HOUR, 1, datetime(2026, 10, 20, 9))  # noqa: DTZ001
    return replace(CONFIG, schedules=tuple(Schedule(id, BERLIN, turns) for id in ("doors", "it")))


@given(
    people=st.lists(st.sampled_from(["ana", "ben"]), max_size=3),
    taken=st.lists(st.tuples(st.integers(-5, 30), st.integers(1, 20), st.sampled_from(["doors", "it"])), max_size=3),
    limit=st.integers(1, 9),
)
def test_duties_page_by_page_are_the_duties_at_once(
    people: list[str], taken: list[tuple[int, int, str]], limit: int
) -> None:
    config, end = hourly(*people), NOW + 30 * HOUR
    overrides = [
        Override(f"{n}", schedule, "ben", NOW + begin * HOUR / 2, NOW + (begin + lasts) * HOUR / 2, "ana", NOW)
        for n, (begin, lasts, schedule) in enumerate(taken)
    ]
    page = list(islice(duties(config, overrides, NOW, end), limit))
    found = page
    while page:
        last = found[-1]
        page = list(islice(duties_after(config, overrides, NOW, end, last.schedule, last.starts), limit))
        found = [*found, *page]
    assert found == list(duties(config, overrides, NOW, end))


@pytest.mark.parametrize(("schedule", "hours"), [("it", 1), ("doors", 12), ("it", -1), ("none", 0)])
def test_no_duties_follow_one_that_there_is_not(schedule: str, hours: int) -> None:
    override = Override("01", "it", "ben", NOW, NOW + 2 * HOUR, "ana", NOW)
    with pytest.raises(LookupError):
        next(duties_after(hourly("ana", "ben"), (override,), NOW, NOW + 12 * HOUR, schedule, NOW + hours * HOUR))


def test_only_the_duties_that_are_asked_for_are_worked_out() -> None:
    far = datetime(9000, 1, 1, tzinfo=UTC)  # all of it would take minutes
    config = hourly("ana", "ben")
    assert len(list(islice(duties(config, (), NOW, far), 50))) == 50
    late = datetime(8000, 1, 1, tzinfo=UTC)
    after = list(islice(duties_after(config, (), NOW, far, "doors", late), 50))
    assert [one.starts for one in after] == [late + n * HOUR for n in range(1, 51)]
    (alone, _) = duties(hourly("ana"), (), NOW, far)
    assert (alone.starts, alone.ends) == (NOW, far)


def test_who_would_be_paged_says_what_holds_the_message_back_and_who_has_it_then() -> None:
    silence = Silence("01", (parse_matcher("tag=cellar"),), NOW, NOW + DAY, "ana", "painting", NOW)
    (open_rung,) = paged(CONFIG, (), (), FIBRE, Severity.CRITICAL, NOW)
    (held_rung,) = paged(CONFIG, (), (silence,), FIBRE, Severity.CRITICAL, NOW)
    assert open_rung.held is None
    assert [one.words for one in open_rung.reached] == ["Ana Lopes, on call for it"]
    assert held_rung.held is not None
    assert "painting" in held_rung.held.words
    assert [one.words for one in held_rung.reached] == ["Ben Sousa, on call for it"]
