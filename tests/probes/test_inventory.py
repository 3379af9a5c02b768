"""What should be on a list: declared or learned; and what checks remember of it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes._engines.inventory import FORGETS, LEARNS, MOST, Inventory
from probes._engines.memory import MOST as MOST_BYTES
from probes._engines.memory import Memory

NOON = datetime(2026, 8, 3, 12, 0, tzinfo=UTC)
names = st.sets(st.sampled_from(["lobby", "loft", "attic", "cellar"]))


def learned(*present: str, after: timedelta = LEARNS) -> Inventory:
    """What has been on the list at noon, and still was after a while."""
    return Inventory().after(present, NOON).after(present, NOON + after)


class TestWhatIsLearned:
    def test_is_missed_when_it_was_on_the_list_for_an_hour(self) -> None:
        assert learned("lobby", "loft").missing(["loft"]) == ("lobby",)

    def test_is_not_missed_when_it_was_there_only_for_moments(self) -> None:
        assert learned("visitor", after=LEARNS - timedelta(seconds=1)).missing([]) == ()

    def test_is_missed_no_longer_once_it_is_back(self) -> None:
        assert learned("lobby", "loft").missing(["loft", "lobby"]) == ()

    def test_is_still_known_when_it_comes_back_after_a_while(self) -> None:
        back = learned("lobby").after([], NOON + timedelta(days=1)).after(["lobby"], NOON + timedelta(days=2))
        assert back.missing([]) == ("lobby",)

    def test_is_forgotten_when_it_stays_away(self) -> None:
        gone = learned("lobby", "loft").after(["loft"], NOON + LEARNS + FORGETS)
        assert gone.missing([]) == ("lobby", "loft")
        assert gone.after(["loft"], NOON + LEARNS + FORGETS + timedelta(seconds=1)).missing([]) == ("loft",)

    def test_is_bounded_and_known_names_keep_their_place(self) -> None:
        full = Inventory().after([f"ap-{number}" for number in range(MOST)], NOON)
        fuller = full.after(["one-more", "ap-0"], NOON + LEARNS)
        assert len(fuller.seen) == MOST
        assert "one-more" not in fuller.seen
        assert fuller.missing([]) == ("ap-0",)

    def test_is_not_written_down_anew_at_every_look(self) -> None:
        inventory = learned("lobby")
        assert inventory.after(["lobby"], NOON + LEARNS + timedelta(minutes=9)) == inventory
        assert inventory.after(["lobby"], NOON + LEARNS + timedelta(minutes=10)) != inventory

    def test_survives_being_remembered(self) -> None:
        memory = Memory()
        memory.keep("wifi/ap", learned("lobby").memory)
        assert Inventory.of(memory.recall("wifi/ap")) == learned("lobby")

    def test_is_nothing_when_nothing_is_remembered(self) -> None:
        assert Inventory.of({}) == Inventory()


def test_what_is_declared_is_missed_at_once_and_what_was_learned_is_not() -> None:
    assert learned("lobby").missing(["loft"], declared=["loft", "attic"]) == ("attic",)


@given(names, names, names)
def test_what_is_missing_is_never_present_and_was_always_expected(
    before: set[str], present: set[str], declared: set[str]
) -> None:
    missing = set(learned(*before).missing(present, declared))
    assert missing == (declared or before) - present


class TestMemory:
    def test_of_a_check_is_what_it_kept_last(self) -> None:
        memory = Memory()
        memory.keep("wifi/ap", {"seen": 1})
        memory.keep("wifi/ap", {"seen": 2})
        assert memory.recall("wifi/ap") == {"seen": 2}
        assert memory.recall("wifi/other") == {}

    def test_holds_nothing_of_what_is_asked_on_demand(self) -> None:
        memory = Memory()
        memory.keep("", {"seen": 1})
        assert memory.recall("") == {}
        assert memory.take_changed() == {}

    def test_tells_what_has_changed_once(self) -> None:
        memory = Memory()
        memory.restore({"wifi/ap": {"seen": 1}})
        memory.keep("wifi/ap", {"seen": 1})
        assert memory.take_changed() == {}
        memory.keep("wifi/ap", {"seen": 2})
        assert memory.take_changed() == {"wifi/ap": {"seen": 2}}
        assert memory.take_changed() == {}

    def test_tells_again_of_what_could_not_be_written(self) -> None:
        memory = Memory()
        memory.keep("wifi/ap", {"seen": 1})
        memory.mark(*memory.take_changed())
        assert memory.take_changed() == {"wifi/ap": {"seen": 1}}

    def test_refuses_what_is_too_long_and_keeps_what_it_had(self) -> None:
        memory = Memory()
        memory.keep("wifi/ap", {"seen": 1})
        with pytest.raises(ValueError, match=f"wifi/ap would remember .* bytes; {MOST_BYTES} is the most"):
            memory.keep("wifi/ap", {"seen": "x" * MOST_BYTES})
        assert memory.recall("wifi/ap") == {"seen": 1}

    def test_has_room_for_the_longest_inventory_of_ordinary_names(self) -> None:
        memory = Memory()
        present = [f"Building 7, floor 3, room {number:04}" for number in range(MOST)]
        memory.keep("wifi/ap", learned(*present).memory)
        assert len(Inventory.of(memory.recall("wifi/ap")).seen) == MOST

    def test_is_empty_once_it_is_closed(self) -> None:
        memory = Memory()
        memory.keep("wifi/ap", {"seen": 1})
        memory.close()
        assert memory.recall("wifi/ap") == {}
        assert memory.take_changed() == {}
