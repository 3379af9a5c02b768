"""What a view of an access system means: which door is blamed for what, and what is measured of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.looks import values_of
from pydantic import ValidationError

from probes import Failed, Measured, Unmeasured
from probes._engines.door_answers import battery, moment, skew, truth
from probes._engines.doors import METRICS, REASONS, Door, DoorParams, Panel, Reader, View, judged, labels
from probes._engines.memory import Memory

CHECK = "front-door/access"
FRONT = Door("Front door", online=True, open=False, unlocked=False, battery=0.9, panel="Hub front")
YARD = Door("Yard", online=True, panel="Hub yard")
PANELS = (Panel("Hub front", True), Panel("Hub yard", True))


def view(*doors: Door, **changed: Any) -> View:
    return View(doors=doors or (FRONT, YARD), panels=PANELS)._replace(**changed)


def settings(**given: Any) -> DoorParams:
    return DoorParams.model_validate(given)


def seen(view: View, memory: Memory | None = None, **given: Any) -> Measured:
    return judged(view, settings(**given), memory or Memory(), CHECK)


def blamed(view: View, memory: Memory | None = None, **given: Any) -> Failed:
    with pytest.raises(Failed) as failed:
        seen(view, memory, **given)
    assert failed.value.reason in REASONS
    return failed.value


values = values_of(METRICS)


def remembering(ago: timedelta, **since: list[str]) -> Memory:
    """A memory in which doors have been so for so long."""
    memory = Memory()
    at = (datetime.now(UTC) - ago).timestamp()
    memory.keep(CHECK, {"since": {what: dict.fromkeys(names, at) for what, names in since.items()}})
    return memory


def test_doors_that_do_what_they_should_are_counted_and_measured() -> None:
    used = datetime.now(UTC) - timedelta(minutes=5)
    found = seen(
        view(readers=(Reader("Reader front", True),), newest=used, users=143, credentials=97, skew=-1.5),
    )
    assert found.detail == "2 of 2 doors are online; a door was last used 5 min ago"
    told = values(found.samples)
    assert told.pop("door_newest_event_age_seconds") == pytest.approx(300, abs=5)
    assert told == {
        "door_online/Front door": 1,
        "door_open/Front door": 0,
        "door_unlocked/Front door": 0,
        "door_held_open/Front door": 0,
        "door_battery_ratio/Front door": 0.9,
        "door_online/Yard": 1,
        "door_reader_online/Reader front": 1,
        "door_panel_online/Hub front": 1,
        "door_panel_online/Hub yard": 1,
        "door_missing": 0,
        "access_users": 143,
        "access_credentials": 97,
        "door_clock_skew_seconds": 1.5,
    }


def test_a_door_that_is_offline_is_named_with_when_it_was_last_seen() -> None:
    gone = YARD._replace(online=False, seen=datetime.now(UTC) - timedelta(hours=3))
    failed = blamed(view(FRONT, gone))
    assert failed.reason == "door_offline"
    assert failed.detail == "offline: Yard (last seen 3 h ago); 1 of 2 doors are online"
    assert values(failed.samples)["door_online/Yard"] == 0


def test_a_panel_that_is_offline_is_to_blame_for_the_doors_behind_it() -> None:
    dead = view(FRONT, YARD._replace(online=False), panels=(PANELS[0], Panel("Hub yard", False)))
    failed = blamed(dead)
    assert failed.reason == "panel_offline"
    assert failed.detail.startswith("offline: Hub yard, and behind it Yard; ")
    assert seen(dead, doors=["Front door"]).detail == "1 of 1 door is online"
    assert blamed(dead, doors=["Yard"]).reason == "panel_offline"


@pytest.mark.parametrize(
    ("changed", "reason", "words"),
    [
        ({"evacuation": True, "lockdown": True}, "evacuation", "the doors are unlocked"),
        ({"lockdown": True}, "lockdown", "nobody gets in: all doors"),
        ({"doors": (FRONT._replace(locked_down=True), YARD)}, "lockdown", "nobody gets in: Front door"),
    ],
)
def test_an_emergency_is_told_before_all_else(changed: dict[str, Any], reason: str, words: str) -> None:
    failed = blamed(view(**changed))
    assert failed.reason == reason
    assert words in failed.detail


def test_a_named_door_that_is_not_listed_is_missing_and_the_others_are_offered() -> None:
    failed = blamed(view(), doors=["Front dor"])
    assert failed.reason == "door_missing"
    assert failed.detail.startswith("not on the access system's list: Front dor (it has Front door, Yard); ")
    told = values(failed.samples)
    assert (told["door_missing"], told["door_online/Front dor"]) == (1, 0)


def learned(*names: str) -> Memory:
    """A memory of doors that were listed for two hours up to now."""
    memory, now = Memory(), datetime.now(UTC).timestamp()
    memory.keep(CHECK, {"inventory": {name: [now - 7200, now] for name in names}})
    return memory


def test_a_door_that_has_vanished_from_the_list_is_missed() -> None:
    failed = blamed(view(FRONT), learned("Front door", "Yard"))
    assert (failed.reason, values(failed.samples)["door_missing"]) == ("door_missing", 1)
    assert blamed(View(), learned("Yard")).reason == "door_missing"


def test_a_list_that_is_not_whole_makes_no_door_missing() -> None:
    assert seen(view(FRONT, whole=False), learned("Front door", "Yard"))


def test_an_account_that_sees_no_door_says_nothing_about_the_doors() -> None:
    with pytest.raises(Unmeasured, match="lists no door") as unmeasured:
        seen(View())
    assert unmeasured.value.reason == "no_source"


def test_a_door_unlocked_outside_its_hours_is_blamed_once_that_has_lasted() -> None:
    unlocked, memory = view(FRONT._replace(unlocked=True, kept="by its schedule"), YARD), Memory()
    assert "unlocked: Front door (by its schedule)" in seen(unlocked, memory, unlocked_hours="never").detail
    memory = remembering(timedelta(seconds=130), unlocked=["Front door"])
    failed = blamed(unlocked, memory, unlocked_hours="never")
    assert failed.reason == "unlocked_outside_schedule"
    assert failed.detail.startswith("unlocked outside never: Front door (by its schedule); ")
    assert blamed(unlocked, unlocked_hours="never", unlocked_for=0).reason == "unlocked_outside_schedule"


def test_a_door_may_stand_unlocked_within_its_hours_and_where_none_are_set() -> None:
    unlocked, memory = (
        view(FRONT._replace(unlocked=True), YARD),
        remembering(timedelta(days=1), unlocked=["Front door"]),
    )
    assert seen(unlocked, memory)
    assert seen(unlocked, memory, unlocked_hours="always", unlocked_for=0)
    assert memory.recall(CHECK)["since"]["unlocked"] == {}, "the time begins anew when the hours end"


def test_a_door_that_was_locked_in_between_begins_anew() -> None:
    memory = remembering(timedelta(hours=1), unlocked=["Front door"], open=["Front door"])
    seen(view(), memory, unlocked_hours="never")
    found = seen(view(FRONT._replace(unlocked=True, open=True), YARD), memory, unlocked_hours="never")
    assert values(found.samples)["door_held_open/Front door"] == 0


def test_a_door_that_stands_open_for_too_long_is_held_open_and_up() -> None:
    standing = view(FRONT._replace(open=True), YARD)
    assert values(seen(standing).samples)["door_held_open/Front door"] == 0
    found = seen(standing, remembering(timedelta(minutes=6), open=["Front door"]))
    assert values(found.samples)["door_held_open/Front door"] == 1
    assert "held open: Front door" in found.detail
    alarm = seen(view(YARD._replace(held_open=True)))
    assert values(alarm.samples)["door_held_open/Yard"] == 1


def test_the_time_a_door_stands_open_survives_a_restart() -> None:
    memory, later = Memory(), Memory()
    seen(view(FRONT._replace(open=True)), memory)
    later.restore(memory.take_changed())
    seen(view(FRONT._replace(open=True)), later)
    assert later.recall(CHECK)["since"] == memory.recall(CHECK)["since"]


def test_batteries_readers_and_faults_are_told_and_leave_the_door_up() -> None:
    tired = FRONT._replace(battery=0.0, fault="its motor is stuck")
    found = seen(view(tired, readers=(Reader("Reader front", False, "Front door"), Reader("Lift", False))))
    assert "fault: Front door (its motor is stuck); battery low: Front door (0%)" in found.detail
    assert "readers offline: Reader front, Lift" in found.detail
    told = values(found.samples)
    assert (told["door_fault/Front door"], told["door_reader_online/Lift"]) == (1, 0)
    mine = seen(
        view(tired, YARD, readers=(Reader("Reader front", False, "Front door"), Reader("Lift", False))), doors=["Yard"]
    )
    assert "reader" not in mine.detail


@pytest.mark.parametrize(("hours", "quiet"), [("always", 10_800), ("never", 0)])
def test_silence_counts_within_the_busy_hours_alone(hours: str, quiet: float) -> None:
    now = datetime.now(UTC)
    used = now - timedelta(hours=3)
    begun = (now - now.replace(hour=0, minute=0)).total_seconds()
    week = begun + 86_400 * now.weekday()  # `always` begins on Monday
    told = values(seen(view(newest=used), busy_hours=hours).samples)
    assert told["door_quiet_seconds"] == pytest.approx(min(quiet, week), abs=60)


def test_a_system_that_does_not_tell_whether_doors_are_online_is_not_guessed_at() -> None:
    assert seen(view(Door("A"), Door("B"))).detail == "2 doors; whether they are online is not told"


def test_names_are_printable_bounded_and_told_apart() -> None:
    assert labels(["Front", "Front", "", "x" * 80, "a\x1b[2J"]) == ["Front", "Front #2", "#3", "x" * 64, "a\ufffd[2J"]


@pytest.mark.parametrize(
    "given",
    [
        {"unlocked_hours": "mo-fr 8-20"},
        {"busy_hours": ""},
        {"timezone": "Berlin"},
        {"doors": [""]},
        {"held_open_after": 0},
    ],
)
def test_settings_that_make_no_sense_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**given)


@pytest.mark.parametrize(
    ("value", "ratio"),
    [
        ("85", 0.85),
        ("85%", 0.85),
        ("85 %", 0.85),
        (12.5, 0.125),
        (0.85, 0.85),
        (0, 0.0),
        ("Low", 0.15),
        ("critical", 0.05),
        ("good", 1.0),
        ("101", None),
        (-1, None),
        ("purple", None),
        (None, None),
        (True, None),
    ],
)
def test_a_battery_is_read_in_whatever_way_it_is_told(value: Any, ratio: float | None) -> None:
    assert battery(value) == ratio


def test_a_time_is_read_in_whatever_way_it_is_told() -> None:
    told = datetime(2026, 11, 16, 9, tzinfo=UTC)
    for value in (
        "2026-11-16T09:00:00.000Z",
        "2026-11-16T10:00:00+01:00",
        "2026-11-16 09:00",
        1794819600,
        1794819600_000,
    ):
        assert moment(value) == told
    assert [moment(value) for value in ("", "soon", 1e300, True, None)] == [None] * 5


def test_the_skew_of_a_clock_is_read_from_its_header_line() -> None:
    now = datetime(2026, 11, 16, 9, tzinfo=UTC)
    assert skew("Mon, 16 Nov 2026 09:03:00 GMT", now) == 180
    assert skew("Mon, 16 Nov 2026 09:03:00 -0000", now) == 180
    assert [skew(stated, now) for stated in (None, "", "now")] == [None] * 3


def test_the_first_field_that_says_something_counts() -> None:
    assert (
        truth({"online": None, "is_online": "Offline", "connected": True}, "online", "is_online", "connected") is False
    )
    assert truth({"state": "UNLOCKED"}, "state") is True
    assert truth({"state": "jammed", "more": []}, "state", "more") is None


MAYBE = st.none() | st.booleans()
DOORS = st.builds(
    Door,
    name=st.sampled_from(["A", "B", "C"]),
    online=MAYBE,
    open=MAYBE,
    unlocked=MAYBE,
    held_open=MAYBE,
    locked_down=st.booleans(),
    battery=st.none() | st.floats(0, 1),
    panel=st.sampled_from(["", "P"]),
    kept=st.sampled_from(["", "by its schedule"]),
    fault=st.sampled_from([None, "", "forced open"]),
    seen=st.none() | st.datetimes(timezones=st.just(UTC)),
)


@given(st.lists(DOORS, max_size=3, unique_by=lambda door: door.name), MAYBE, st.sampled_from([(), ("A",)]))
def test_any_view_is_judged(doors: list[Door], online: bool | None, names: tuple[str, ...]) -> None:
    try:
        found: Measured | Failed = seen(View(tuple(doors), panels=(Panel("P", online),)), doors=names)
    except Failed as failed:
        found = failed
    except Unmeasured:
        return
    values(found.samples)
    assert found.detail.isprintable()
