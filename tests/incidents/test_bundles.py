"""The words of messages about several things, of late ones and of ones that may come twice."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from alerting.rules import Severity
from incidents.bundles import LINES, Place, Thing, began_and_ended, lateness, needs_attention, noted, works_again
from incidents.messages import MAY_REPEAT, Text

NOW = datetime(2026, 8, 3, 7, 55, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PLACE = Place("Harbour Street", ZoneInfo("Europe/Lisbon"), "https://deskwatch.example.org/")


def things(number: int, until: datetime | None = None) -> list[Thing]:
    return [Thing(f"Door {n} is down", NOW + n * MINUTE, until) for n in range(number)]


def test_several_faults_are_one_message_with_a_line_for_each() -> None:
    text = needs_attention(Severity.CRITICAL, things(2), 2, PLACE)
    assert text.title == "Critical: 2 things need attention at Harbour Street"
    assert text.body.splitlines() == [
        "Door 0 is down, since Mon 3 Aug, 08:55",
        "Door 1 is down, since Mon 3 Aug, 08:56",
        "See https://deskwatch.example.org/",
    ]


def test_more_than_fit_are_counted() -> None:
    text = needs_attention(Severity.WARNING, things(LINES), 200, PLACE)
    assert text.title == "Warning: 200 things need attention at Harbour Street"
    assert len(text.body.splitlines()) == LINES + 1
    assert text.body.endswith("\nand 180 more, see https://deskwatch.example.org/")


def test_without_an_address_people_are_sent_to_the_board() -> None:
    assert works_again(things(2), 5, PLACE._replace(url="")).body.endswith("\nand 3 more, see the board")


def test_several_ends_say_since_when_and_after_how_long() -> None:
    text = works_again(things(2, NOW + 15 * MINUTE), 2, PLACE)
    assert text.title == "2 things work again at Harbour Street"
    assert text.body.splitlines()[0] == "Door 0 is down: since Mon 3 Aug, 09:10, after 15 min"


def test_a_name_from_outside_is_one_short_line() -> None:
    text = needs_attention(Severity.CRITICAL, [Thing("Door\n" + "x" * 500, NOW, None)] * 2, 2, PLACE)
    assert text.body.splitlines()[0].startswith("Door xxx")
    assert all(len(line) < 160 for line in text.body.splitlines())


def test_a_beginning_and_its_end_are_told_in_one_message() -> None:
    began = Text("Critical: Door is down (Harbour Street)", "How we know: no answer.\nSince Mon 3 Aug, 08:55 (1 min).")
    end = Text("Resolved: Door is down (Harbour Street)", "It has worked again since Mon 3 Aug, 09:10.")
    text = began_and_ended(began, NOW, end, PLACE)
    assert text.title == end.title
    assert text.body.splitlines() == [
        "It began Mon 3 Aug, 08:55, but the message about that did not get through: "
        "Critical: Door is down (Harbour Street).",
        "How we know: no answer.",
        "It has worked again since Mon 3 Aug, 09:10.",
    ]


@pytest.mark.parametrize(
    ("minutes", "tried", "held", "said"),
    [
        (2, True, True, ""),
        (10, True, True, "Delayed 10 min: chat could not be reached before."),
        (4, False, True, "Delayed 4 min: there were many messages, so this one waited to go out with others."),
        (90, False, False, "Delayed 1 h 30 min: Deskwatch could not send it before."),
    ],
)
def test_a_late_message_says_how_late_it_is_and_why(minutes: int, tried: bool, held: bool, said: str) -> None:
    assert lateness(minutes * MINUTE, "chat", tried=tried, held=held) == said


def test_what_people_must_know_first_comes_first() -> None:
    assert noted(Text("t", "body"), "Delayed 10 min.", repeated=True).body == f"Delayed 10 min.\n{MAY_REPEAT}\nbody"
    assert noted(Text("t", "body"), "", repeated=False) == Text("t", "body")
