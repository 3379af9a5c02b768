"""Messages: the exact words that people get."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.against import Against
from alerting.rules import Episode, Phase, Rule, Severity, Why, close
from incidents.lifecycle import UNWATCHED, US, Change, Entry, Incident, Stage, dismiss, opened, step
from incidents.messages import Facts, duration, figure, firing, missed, plain, repeat, resolved, says, title
from language import local
from probes import Status

LISBON = ZoneInfo("Europe/Lisbon")
START = datetime(2026, 8, 3, 7, 55, tzinfo=UTC)
DOWN = Rule("booking/http", "down", "does not answer", Severity.CRITICAL, status=Status.DOWN)
LOSS = Rule("uplink-a/ping", "loss", "loses packets", Severity.WARNING, metric="loss_ratio", above=0.1)
FACTS = Facts(
    asset="Booking system",
    section="booking",
    people=120,
    affects="Members cannot book rooms.",
    remedy="Call Nexudus support on 555 0100.",
    site="Harbour Desk",
    zone=LISBON,
    url="https://watch.example.org/",
)


def episode(rule: Rule = DOWN, value: float | None = None, detail: str = "HTTP status is 503, expected 2xx") -> Episode:
    return Episode(
        id="e1",
        check=rule.check,
        rule=rule.id,
        severity=rule.severity,
        phase=Phase.FIRING,
        opened=START,
        last_true=START + timedelta(minutes=1),
        fired=START + timedelta(minutes=1),
        value=value,
        detail=detail,
    )


def incident() -> Incident:
    told = says("Booking system", DOWN, episode())
    return opened("01J", "booking", title("Booking system", DOWN), episode(), told, ()).incident


def over(why: Why = Why.RECOVERED, cost: float | None = 15_000.0) -> Incident:
    end = close(episode(), why, START + timedelta(minutes=125))
    change: Change = step(incident(), end, says("Booking system", DOWN, end), ())
    return replace(change.incident, member_minutes=cost)


def test_the_first_message_says_what_since_when_whom_it_hits_and_what_to_do() -> None:
    text = firing(incident(), FACTS, START + timedelta(minutes=1))
    assert text.title == "Critical: Booking system does not answer (Harbour Desk)"
    assert text.body == (
        "How we know: Booking system: HTTP status is 503, expected 2xx.\n"
        "Since Mon 3 Aug, 08:55 (1 min).\n"
        "Who it hits: 120 people. Members cannot book rooms.\n"
        "What to do: Call Nexudus support on 555 0100.\n"
        "https://watch.example.org/incidents/01J"
    )


def test_without_remedy_address_or_people_there_is_still_something_to_do() -> None:
    bare = replace(FACTS, section="uplinks", remedy="", url="", people=0, affects="")
    assert firing(incident(), bare, START + timedelta(minutes=1)).body == (
        "How we know: Booking system: HTTP status is 503, expected 2xx.\n"
        "Since Mon 3 Aug, 08:55 (1 min).\n"
        "What to do: Restart the router of this line once. "
        "If it does not come back, call the provider and give this time."
    )


def test_a_message_about_more_trouble_says_what_came_first_and_what_came_last() -> None:
    grown = replace(
        incident(), timeline=(*incident().timeline, Entry(START, US, "Door: no answer"), Entry(START, "Ana", "Hm"))
    )
    assert firing(grown, FACTS, START).body.splitlines()[:2] == [
        "How we know: Booking system: HTTP status is 503, expected 2xx.",
        "Latest: Door: no answer.",
    ]


def test_a_reminder_says_that_nobody_has_it_yet() -> None:
    text = repeat(incident(), FACTS, START + timedelta(minutes=61))
    assert text.title == "Nobody has it yet: Booking system does not answer (Harbour Desk)"
    assert text.body == (
        "Nobody has said yet that they are on it.\n"
        "How we know: Booking system: HTTP status is 503, expected 2xx.\n"
        "Since Mon 3 Aug, 08:55 (1 h 1 min).\n"
        "Who it hits: 120 people. Members cannot book rooms.\n"
        "What to do: Call Nexudus support on 555 0100.\n"
        "https://watch.example.org/incidents/01J"
    )


def test_a_reminder_says_who_had_it_if_that_was_not_the_end_of_it() -> None:
    text = repeat(replace(incident(), acknowledged_by="Ben Sousa"), FACTS, START)
    assert text.body.startswith("Ben Sousa had it, but it still lasts.")


def test_a_warning_is_called_one_and_is_not_said_to_be_down() -> None:
    mild = replace(incident(), severity=Severity.WARNING)
    assert firing(mild, FACTS, START).title.startswith("Warning: ")
    assert repeat(mild, FACTS, START).title.startswith("Nobody has it yet: ")


def test_the_last_message_says_how_long_it_lasted_what_it_cost_and_what_is_missing() -> None:
    text = resolved(over(), FACTS, START + timedelta(days=1))
    assert text.title == "Resolved: Booking system does not answer (Harbour Desk)"
    assert text.body == (
        "It has worked again since Mon 3 Aug, 11:00. It lasted 2 h 5 min.\n"
        "It cost members 10 d 10 h together in opening hours (15,000 member-minutes).\n"
        "Please write down what was done about it, what kind of cause it had and 4 things more.\n"
        "https://watch.example.org/incidents/01J"
    )


def test_an_outage_at_night_cost_nobody_anything() -> None:
    body = resolved(over(cost=0.0), FACTS, START).body
    assert "It cost members no time: the space was closed, or nobody depends on it." in body


def test_a_reviewed_incident_asks_for_nothing() -> None:
    done = replace(over(cost=None), stage=Stage.REVIEWED, resolution="restarted", root_cause="firmware")
    assert resolved(done, replace(FACTS, url=""), START).body == (
        "It has worked again since Mon 3 Aug, 11:00. It lasted 2 h 5 min."
    )


def test_what_is_no_longer_watched_is_not_said_to_work() -> None:
    gone = over(Why.RULE_DELETED)
    assert gone.timeline[-1].text == UNWATCHED
    assert resolved(gone, FACTS, START) == (
        "Closed: Booking system does not answer (Harbour Desk)",
        "It has not been watched since Mon 3 Aug, 11:00: it was taken out of the configuration.\n"
        "https://watch.example.org/incidents/01J",
    )


@pytest.mark.parametrize(
    ("rule", "turn", "expected"),
    [
        (DOWN, episode(), "Booking system: HTTP status is 503, expected 2xx"),
        (DOWN, episode(detail=""), "Booking system: does not answer"),
        (
            DOWN,
            close(episode(), Why.RECOVERED, START + timedelta(minutes=5)),
            "Booking system: back to normal after 5 min. Before: HTTP status is 503, expected 2xx",
        ),
        (
            DOWN,
            close(episode(), Why.RULE_DELETED, START),
            "Booking system: no longer watched. Before: HTTP status is 503, expected 2xx",
        ),
        (
            LOSS,
            close(episode(LOSS, 0.4), Why.SOURCE_SILENT, START + timedelta(minutes=5)),
            "Booking system: no data any more after 5 min. Before: loses packets (40 %, above 10 %)",
        ),
        (
            DOWN,
            replace(episode(), turns=4),
            "Booking system: HTTP status is 503, expected 2xx. It comes and goes, 4 times by now; "
            "it is over when it has been well for 10 min",
        ),
        (
            DOWN,
            close(replace(episode(), turns=7), Why.RECOVERED, START + timedelta(minutes=25)),
            "Booking system: back to normal after 25 min, having failed 7 times. "
            "Before: HTTP status is 503, expected 2xx",
        ),
        (LOSS, episode(LOSS, 0.4), "Booking system: loses packets (40 %, above 10 %)"),
        (LOSS, episode(LOSS), "Booking system: loses packets (it cannot be measured)"),
        (
            replace(LOSS, against=Against.USUAL, above=3),
            episode(LOSS, 0.4),
            "Booking system: loses packets (40 %, above 3 times the usual)",
        ),
        (
            replace(LOSS, against=Against.RATE, above=0.05),
            episode(LOSS, 0.4),
            "Booking system: loses packets (40 %, above 5 % per hour)",
        ),
        (
            replace(LOSS, against=Against.RATE, above=None, below=-0.05),
            episode(LOSS, 0.4),
            "Booking system: loses packets (40 %, below -5 % per hour)",
        ),
        (
            replace(LOSS, metric="down_bits_per_second", above=None, below=25e6, says="is slow"),
            episode(LOSS, 3.21e6),
            "Booking system: is slow (3.21 Mbit/s, below 25 Mbit/s)",
        ),
    ],
)
def test_a_turn_is_one_line_of_the_timeline(rule: Rule, turn: Episode, expected: str) -> None:
    assert says("Booking system", rule, turn) == expected


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (89, "1 min"),
        (90, "2 min"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (86_399, "1 d"),
        (90_000, "1 d 1 h"),
        (86_400 + 300, "1 d"),
        (400 * 86_400, "400 d"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("metric", "value", "words"),
    [
        ("loss_ratio", 0.125, "12.5 %"),
        ("probe_duration_seconds", 0.0421, "42.1 ms"),
        ("probe_duration_seconds", 2.5, "2.5 s"),
        ("tls_left_seconds", 5 * 86_400, "5 d"),
        ("down_bits_per_second", 25e6, "25 Mbit/s"),
        ("free_bytes", 1.5e9, "1.5 GB"),
        ("free_bytes", 2.5e6, "2.5 MB"),
        ("room_celsius", 31.5, "31.5 °C"),
        ("clients", 12.0, "12"),
    ],
)
def test_a_figure_has_the_unit_that_people_use(metric: str, value: float, words: str) -> None:
    assert figure(metric, value) == words


def test_a_time_is_on_the_sites_own_clock() -> None:
    assert local(datetime(2026, 1, 5, 23, 30, tzinfo=UTC), ZoneInfo("Asia/Tokyo")) == "Tue 6 Jan, 08:30"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Front\ndoor\r\n", "Front door"),
        ("a\x00\x1b[31mred\x7f", "a [31mred"),
        ("paid\u202egpj.exe", "paid gpj.exe"),
        ("two\u2028lines", "two lines"),
        ("Café — Sala 2", "Café — Sala 2"),
        ("x" * 501, "x" * 499 + "…"),
    ],
)
def test_names_and_details_are_made_harmless(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text(), st.text(), st.text(), st.text())
def test_nothing_that_peers_or_configurations_say_adds_a_line(
    name: str, detail: str, affects: str, remedy: str
) -> None:
    facts = replace(FACTS, affects=f"x{affects}", remedy=f"x{remedy}", site=name)
    told = says(name, DOWN, episode(detail=f"x{detail}"))
    hostile = opened("01J", "booking", title(name, DOWN), episode(), told, ()).incident
    text = firing(hostile, facts, START)
    assert len(text.title.splitlines()) == 1
    assert len(text.body.splitlines()) == 5


def test_at_night_the_message_says_until_when_it_can_wait() -> None:
    closed = replace(FACTS, opens=START + timedelta(hours=1))
    assert (
        "The space is closed now: fix it before it opens, Mon 3 Aug, 09:55."
        in firing(incident(), closed, START).body.splitlines()
    )


def test_the_link_to_answer_with_is_the_last_but_one_line() -> None:
    linked = replace(FACTS, link="https://watch.example.org/act/TOKEN")
    assert firing(incident(), linked, START).body.splitlines()[-2:] == [
        "Answer with one tap: https://watch.example.org/act/TOKEN",
        "https://watch.example.org/incidents/01J",
    ]


def test_an_end_that_somebody_announced_is_theirs_and_not_measured() -> None:
    ended = dismiss(incident(), "Ana", START + timedelta(minutes=20), START + timedelta(minutes=35)).incident
    body = resolved(ended, FACTS, START + timedelta(minutes=20)).body
    assert body.startswith(
        "Ana says that it is fixed. It lasted 20 min. If it is still broken at Mon 3 Aug, 09:30, it is open again."
    )
    assert "has worked again" not in body


def test_what_came_and_went_in_quiet_hours_is_told_with_its_times() -> None:
    text = missed(over(), FACTS, START + timedelta(hours=9))
    assert text.title == "Came and went: Booking system does not answer (Harbour Desk)"
    assert text.body.splitlines()[:2] == [
        "It is over; nobody was disturbed. From Mon 3 Aug, 08:55 to Mon 3 Aug, 11:00 (2 h 5 min).",
        "How we know: Booking system: HTTP status is 503, expected 2xx.",
    ]
