"""Reviews: what must be written down, the more the worse it was, and when people are reminded of what is to be done."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from incidents.impact import Level
from incidents.review import TEMPLATES, Action, Category, Detection, Review, missing, reminds

LISBON = ZoneInfo("Europe/Lisbon")
DUE = date(2026, 8, 20)
WRITTEN = Review("restarted", "firmware", category=Category.VENDOR, factors="no spare", detection=Detection.US)


def action(**changes: object) -> Action:
    made = datetime(2026, 8, 3, 10, tzinfo=UTC)
    return Action("a1", "i1", "Buy a spare", "ana", DUE, made, "Ben")._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (Level.NONE, ("resolution",)),
        (Level.MINOR, ("resolution", "category")),
        (Level.MAJOR, ("resolution", "category", "root_cause", "detection")),
        (Level.CRITICAL, ("resolution", "category", "root_cause", "detection", "factors", "actions")),
    ],
)
def test_the_worse_it_was_the_more_is_to_be_written_down(level: Level, expected: tuple[str, ...]) -> None:
    assert missing(level, Review()) == expected
    assert missing(level, Review(" \n")) == expected
    assert missing(level, WRITTEN, [action()]) == ()


def test_an_action_is_missing_until_there_is_one_or_somebody_says_why_there_is_none() -> None:
    assert missing(Level.CRITICAL, WRITTEN) == ("actions",)
    assert missing(Level.CRITICAL, WRITTEN._replace(no_action="The building is torn down in May.")) == ()


@pytest.mark.parametrize("level", Level)
def test_what_a_member_noticed_first_lacks_a_check(level: Level) -> None:
    noticed = WRITTEN._replace(detection=Detection.MEMBER)
    assert missing(level, noticed, [action()]) == ("missing_check",)
    assert missing(level, noticed._replace(missing_check="paper tray"), [action()]) == ()


def test_a_review_is_filled_in_field_by_field() -> None:
    first = Review.of({"resolution": "restarted", "category": "isp"})
    assert first == Review("restarted", category=Category.ISP)
    assert Review.of({"detection": "member"}, first) == first._replace(detection=Detection.MEMBER)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"cause": "x"}, "no field 'cause'"),
        ({"category": "gremlins"}, "must be one of isp, power"),
        ({"detection": "x"}, "us, member"),
    ],
)
def test_a_field_or_a_word_that_does_not_exist_is_refused(said: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Review.of(said)


def test_every_category_has_questions_and_actions_to_choose_from() -> None:
    assert set(TEMPLATES) == set(Category) - {Category.UNSAID}
    assert all(one.questions and one.actions for one in TEMPLATES.values())


def test_an_action_is_spoken_of_three_days_before_on_the_day_and_every_week_after() -> None:
    one, told = action(), []
    for day in (DUE + timedelta(days=number) for number in range(-10, 17)):
        if reminds(one, day, LISBON):
            told.append((day - DUE).days)
            one = one._replace(reminded=datetime(day.year, day.month, day.day, 9, tzinfo=UTC))
    assert told == [-3, 0, 1, 8, 15]
    assert not reminds(action(done=action().created), DUE, LISBON)


def test_who_has_just_been_given_an_action_is_not_reminded_of_it_at_once() -> None:
    today = datetime(2026, 8, 18, 10, tzinfo=UTC)
    assert not reminds(action(created=today), today.date(), LISBON)
    assert reminds(action(created=today), DUE, LISBON)


def test_a_reminder_that_nobody_sent_in_time_is_made_up_for() -> None:
    assert reminds(action(), DUE - timedelta(days=2), LISBON)
    assert reminds(action(), DUE + timedelta(days=4), LISBON)
