"""What an audit of who can enter finds, and when: no sources, no clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.canaries import canary

from probes._engines.credentials import Audit, Policy, Remembered, State, audit, doubted
from probes._engines.memory import Memory
from probes._engines.rosters import Counts, Credential, Keys, Member, address, card_digest, digest

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SALT = "00" * 16
NOTHING = Remembered(SALT)


def keyed(name: str, **keys: str) -> Keys:
    return Keys(**(keys or {"email": f"{name.casefold()}@example.com"}))


def has(name: str, enabled: bool = True, keys: Keys | None = None, **more: Any) -> Credential:
    return Credential(name, keys or keyed(name), enabled, **more)


def may(name: str, keys: Keys | None = None, **more: Any) -> Member:
    return Member(name, keys or keyed(name), **more)


def found(made: Audit, ripe: bool = True) -> list[tuple[str, tuple[str, ...]]]:
    return [(str(one.state), one.names) for one in made.findings if one.ripe is ripe]


def once(
    credentials: list[Credential],
    members: list[Member],
    before: Remembered = NOTHING,
    now: datetime = NOW,
    **policy: Any,
) -> tuple[Audit, Remembered]:
    return audit(credentials, members, before, Policy(**policy), now)


def test_when_both_lists_agree_nothing_is_found() -> None:
    made, after = once([has("Ana"), has("Ben")], [may("Ana"), may("Ben")])
    assert made.findings == ()
    assert made.counts == Counts(2, 2, 2)
    assert after.counts == made.counts


@pytest.mark.parametrize(
    ("at_the_lock", "at_the_platform"),
    [
        ({"id": "17", "email": "old@example.com"}, {"id": "17", "email": "new@example.com"}),
        ({"email": "ana@example.com"}, {"id": "17", "email": "ana@example.com"}),
        ({"id": "55", "email": "ana@example.com"}, {"id": "17", "email": "ana@example.com"}),
        ({"card": "d1"}, {"id": "17", "email": "ana@example.com", "card": "d1"}),
    ],
)
def test_people_are_found_by_id_then_address_then_card(
    at_the_lock: dict[str, str], at_the_platform: dict[str, str]
) -> None:
    made, _ = once([has("Ana", keys=Keys(**at_the_lock))], [may("Ana", Keys(**at_the_platform))])
    assert made.findings == ()


def test_the_surer_key_wins() -> None:
    gone = may("Ana", Keys(id="17", email="old@example.com"), until=NOW - 3 * DAY)
    other = may("Ben", Keys(id="18", email="ana@example.com"))
    credentials = [has("Ana", keys=Keys(id="17", email="ana@example.com")), has("Ben", keys=Keys(id="18"))]
    made, _ = once(credentials, [gone, other])
    assert found(made) == [("orphaned", ("Ana",))]


def test_a_credential_without_a_contract_is_found_after_the_grace_and_not_before() -> None:
    credentials, members = [has("Ana"), has("Ben")], [may("Ben")]
    first, after = once(credentials, members)
    assert (found(first), found(first, ripe=False)) == ([], [("orphaned", ("Ana",))])
    later, after = once(credentials, members, after, NOW + DAY - timedelta(seconds=1))
    assert found(later) == []
    last, _ = once(credentials, members, after, NOW + DAY)
    assert found(last) == [("orphaned", ("Ana",))]
    assert last.ripe()[0].since == NOW


def test_where_the_contract_says_when_it_ended_the_grace_counts_from_there() -> None:
    made, _ = once([has("Ana")], [may("Ana", until=NOW - DAY), may("Ben"), may("Cleo")], missing_after=9e9)
    assert found(made) == [("orphaned", ("Ana",))]
    made, _ = once([has("Ana")], [may("Ana", until=NOW - 23 * HOUR)], missing_after=9e9)
    assert found(made) == []


def test_nobody_is_blamed_for_an_end_that_was_written_down_later() -> None:
    _, after = once([has("Ana")], [may("Ana")])
    made, _ = once([has("Ana")], [may("Ana", until=NOW - 30 * DAY)], after, NOW + HOUR)
    assert made.unripe[0].since == NOW + HOUR


def test_on_the_last_day_the_credential_may_be_on_or_off() -> None:
    ends_today = may("Ana", until=NOW - 9 * HOUR)
    assert once([has("Ana")], [ends_today])[0].ripe() == ()
    assert once([has("Ana", enabled=False)], [ends_today])[0].findings == ()


def test_a_credential_that_is_off_is_nobodys_concern() -> None:
    assert once([has("Ana", enabled=False)], [])[0].findings == ()


def test_staff_need_no_contract_by_address_id_or_name() -> None:
    allowed = frozenset({"ana@example.com", "e-7", "cleaning crew"})
    credentials = [has("Ana"), has("Ben", keys=Keys(id="E-7")), has("Cleaning Crew", keys=Keys(row="3")), has("Dan")]
    made, _ = once(credentials, [], allowed=allowed, grace=0)
    assert found(made) == [("orphaned", ("Dan",))]


def test_a_member_who_has_paid_and_is_locked_out_is_found_after_two_hours() -> None:
    members = [may("Ana", since=NOW)]
    first, after = once([], members)
    assert found(first, ripe=False) == [("missing", ("Ana",))]
    assert found(once([], members, after, NOW + 2 * HOUR - timedelta(seconds=1))[0]) == []
    assert found(once([], members, after, NOW + 2 * HOUR)[0]) == [("missing", ("Ana",))]


def test_a_credential_that_is_there_and_off_is_told_apart_from_none() -> None:
    made, _ = once([has("Ana", enabled=False)], [may("Ana"), may("Ben")])
    words = {one.names[0]: one.words for one in made.findings}
    assert words == {"Ana": "the credential is switched off", "Ben": "no credential has this id, address or card"}


def test_a_credential_that_was_switched_off_today_is_missing_since_today() -> None:
    member = may("Ana", since=NOW - 300 * DAY)
    _, after = once([has("Ana")], [member])
    made, _ = once([has("Ana", enabled=False)], [member], after, NOW + HOUR)
    assert made.unripe[0].since == NOW + HOUR


@pytest.mark.parametrize(
    "member",
    [
        may("Ana", since=NOW + DAY),
        may("Ana", until=NOW),
        may("Ana", enters=False),
        may("Ana", Keys()),
    ],
    ids=["not yet", "over", "no key in the plan", "nothing to find them by"],
)
def test_who_may_not_enter_misses_nothing(member: Member) -> None:
    assert once([], [member], missing_after=0)[0].findings == ()


def test_members_without_anything_to_find_them_by_are_counted() -> None:
    assert once([], [may("Ana", Keys())])[0].unknown == 1


def test_of_two_contracts_the_one_that_runs_counts() -> None:
    members = [may("Ana", Keys("1", "a@x"), until=NOW - 9 * DAY), may("Ana", Keys("2", "a@x"), since=NOW - DAY)]
    assert once([has("Ana", keys=Keys(email="a@x"))], members)[0].findings == ()
    assert once([has("Ana", keys=Keys(id="2"))], members)[0].findings == ()


def test_one_card_for_two_people_is_found() -> None:
    credentials = [has("Ana", keys=Keys("1", card="d1")), has("Ben", keys=Keys("2", card="d1"))]
    made, _ = once(credentials, [may("Ana", Keys("1")), may("Ben", Keys("2"))])
    assert found(made) == [("duplicate", ("Ana", "Ben"))]
    assert made.findings[0].words == "one card, 2 people"


def test_two_credentials_of_one_person_are_found_only_if_asked_for() -> None:
    credentials = [has("Ana", keys=Keys("1", card="d1")), has("Ana", keys=Keys("1", card="d2"))]
    assert once(credentials, [may("Ana", Keys("1"))])[0].findings == ()
    assert found(once(credentials, [may("Ana", Keys("1"))], twice=True)[0]) == [("duplicate", ("Ana",))]


def test_around_the_clock_without_such_a_contract_is_found_where_both_sides_tell() -> None:
    always, day = has("Ana", always=True), may("Ana", always=False)
    assert found(once([always], [day])[0]) == [("over_privileged", ("Ana",))]
    assert once([always], [may("Ana", always=True)])[0].findings == ()
    assert once([always], [may("Ana")])[0].findings == ()
    assert once([has("Ana")], [day])[0].findings == ()


def test_a_credential_that_nobody_has_used_for_90_days_is_stale() -> None:
    made, _ = once([has("Ana", used=NOW - 91 * DAY), has("Ben", used=NOW - 89 * DAY), has("Cleo")],
                   [may("Ana"), may("Ben"), may("Cleo")])  # fmt: skip
    assert found(made) == [("stale", ("Ana",))]
    assert made.findings[0].since == NOW - 91 * DAY


def test_what_was_put_right_late_is_counted_for_a_quarter() -> None:
    both, members = [has("Ana"), has("Ben")], [may("Ben"), may("Cleo", since=NOW - DAY)]
    _, after = once(both, members)
    _, after = once(both, members, after, NOW + 2 * DAY)
    put_right = [has("Ben"), has("Cleo")]
    made, after = once(put_right, members, after, NOW + 3 * DAY)
    assert (made.activated, made.deactivated) == (1, 1)
    made, after = once(put_right, members, after, NOW + 4 * DAY)
    assert (made.activated, made.deactivated) == (1, 1)
    made, _ = once(put_right, members, after, NOW + 94 * DAY)
    assert (made.activated, made.deactivated) == (0, 0)


def test_a_contract_that_was_renewed_is_nobodys_delay_and_neither_is_what_was_right_in_time() -> None:
    _, after = once([has("Ana")], [])
    _, after = once([has("Ana")], [], after, NOW + 2 * DAY)
    made, _ = once([has("Ana")], [may("Ana")], after, NOW + 3 * DAY)
    assert made.deactivated == 0
    _, after = once([has("Ben")], [])
    made, _ = once([], [], after, NOW + HOUR)
    assert made.deactivated == 0


def test_what_is_remembered_names_nobody_and_survives_as_json() -> None:
    memory = Memory()
    _, after = once([has("Ana", keys=Keys("1", "ana@example.com", card_digest(canary("card"), SALT)))], [may("Ben")])
    memory.keep("a/b", after.memory)
    kept = repr(memory.recall("a/b")).casefold()
    assert not any(word in kept for word in ("ana", "ben", "example", "canary"))
    assert Remembered.of(memory.recall("a/b"), "ff") == after


def test_even_very_much_can_be_remembered() -> None:
    people = [has(f"person {number}") for number in range(5000)]
    _, after = once(people, [], now=NOW + timedelta(microseconds=123_457))
    _, after = once([], [may(f"member {number}") for number in range(5000)], after, NOW + 2 * DAY)
    full = after._replace(
        late={"activated": (NOW.timestamp() + 0.123,) * 1000, "deactivated": after.late["deactivated"]}
    )
    Memory().keep("a/b", full.memory)
    assert len(full.since) == 3000


def test_no_person_shows_where_a_value_is_printed() -> None:
    made, _ = once([has("Ana"), has("Ben", used=NOW - 99 * DAY)], [may("Ben"), may("Cleo")])
    shown = repr((has("Ana"), may("Ana"), keyed("Ana"), made, made.findings))
    assert not any(word in shown for word in ("Ana", "Ben", "Cleo", "example"))


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (Counts(0, 0, 100), "list of credentials is empty"),
        (Counts(100, 0, 100), "list of credentials that are switched on is empty"),
        (Counts(100, 100, 0), "list of members is empty"),
        (Counts(69, 69, 100), "list of credentials has shrunk from 100 to 69"),
        (Counts(100, 69, 100), "switched on has shrunk from 100 to 69"),
        (Counts(100, 100, 69), "list of members has shrunk from 100 to 69, by more than 30%"),
        (Counts(70, 70, 70), ""),
        (Counts(500, 500, 500), ""),
    ],
)
def test_nothing_is_concluded_from_a_list_that_is_empty_or_has_shrunk(counts: Counts, words: str) -> None:
    before = NOTHING._replace(counts=Counts(100, 100, 100))
    doubts, _ = doubted(counts, before, 0.3, 86_400, NOW)
    assert words in doubts
    assert bool(words) == bool(doubts)


def test_a_list_that_stays_short_for_a_day_is_believed() -> None:
    before, short = NOTHING._replace(counts=Counts(100, 100, 100)), Counts(100, 100, 50)
    doubts, after = doubted(short, before, 0.3, 86_400, NOW)
    assert "believed in 24.0 h, or at once with `shrink_limit: 1`" in doubts
    assert doubted(short, after, 0.3, 86_400, NOW + 23 * HOUR)[0]
    assert not doubted(short, after, 0.3, 86_400, NOW + DAY)[0]
    assert not doubted(short, before, 1, 86_400, NOW)[0]
    _, whole = doubted(Counts(100, 100, 100), after, 0.3, 86_400, NOW + HOUR)
    assert doubted(short, whole, 0.3, 86_400, NOW + DAY)[0], "it has to stay short without a break"


def test_an_empty_list_is_never_believed() -> None:
    before = NOTHING._replace(counts=Counts(100, 100, 100), shrunk=0.0)
    assert "empty" in doubted(Counts(100, 100, 0), before, 1, 0, NOW)[0]


@pytest.mark.parametrize(
    ("written", "compared", "without_tag"),
    [
        (" Ana@Example.COM ", "ana@example.com", "ana@example.com"),
        ("ana+door@example.com", "ana+door@example.com", "ana@example.com"),
        ("+door@example.com", "+door@example.com", "+door@example.com"),
        ("ana", "", ""),
        ("@example.com", "", ""),
        ("", "", ""),
    ],
)
def test_addresses_are_compared_without_case_and_on_request_without_a_tag(
    written: str, compared: str, without_tag: str
) -> None:
    assert (address(written), address(written, strip_tags=True)) == (compared, without_tag)


def test_a_cards_number_is_the_same_however_it_is_written_and_salted() -> None:
    same = {card_digest(number, SALT) for number in ("0012-345 AB", "12345ab", "00:12:34:5A:B")}
    assert len(same) == 1
    assert same != {card_digest("12345ab", "11" * 16)}
    assert card_digest(" 0 ", SALT) == digest("", SALT) == ""


PEOPLE = st.sampled_from(["", "1", "2", "3"])
KEYS = st.builds(Keys, PEOPLE, PEOPLE, PEOPLE, PEOPLE)
TIMES = st.none() | st.integers(-400, 400).map(lambda hours: NOW + timedelta(hours=hours))
MAYBE = st.none() | st.booleans()


@given(
    st.lists(st.builds(Credential, st.just("a"), KEYS, st.booleans(), TIMES, MAYBE), max_size=6),
    st.lists(st.builds(Member, st.just("b"), KEYS, TIMES, TIMES, MAYBE, st.booleans()), max_size=6),
)
def test_no_member_who_may_enter_is_orphaned_and_every_finding_is_remembered(
    credentials: list[Credential], members: list[Member]
) -> None:
    made, after = once(credentials, members, grace=0, missing_after=0)
    again, _ = once(credentials, members, after, NOW, grace=0, missing_after=0)
    assert [one.since for one in again.findings] == [one.since for one in made.findings]
    assert sum(made.figures[state] for state in State) + made.figures["within_grace"] == len(made.findings)
    if all(member.is_entitled(NOW) for member in members) and members:
        known = {key for member in members for key in member.keys.searched}
        orphaned = len(made.ripe(State.ORPHANED))
        assert orphaned <= sum(one.enabled and not known & set(one.keys.searched) for one in credentials)
