"""What the lines that a gateway lists mean, whatever its make."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes._base import Failed, Measured, Sample, Unmeasured
from probes._engines import gateways
from probes._engines.gateways import MOST, GatewayParams, Line, Look, figure, judged, of_looks, ratio
from probes._engines.inventory import Inventory
from probes._engines.memory import Memory

FIBRE = Line("Fibre", "active", carries=True, loss=0.0, latency=0.0124, jitter=0.001, address="198.51.100.7")
LTE = Line("LTE", "standby", carries=False, signal=-87.0)
DEAD = Line("DSL", "down", word="no link", loss=1.0, latency=0.0)


def found(*lines: Line, memory: Memory | None = None, **settings: Any) -> Measured:
    return judged(lines, GatewayParams(**settings), memory or Memory(), "uplink/gateway")


def failing(*lines: Line, memory: Memory | None = None, **settings: Any) -> Failed:
    with pytest.raises(Failed) as failed:
        found(*lines, memory=memory, **settings)
    assert failed.value.reason in gateways.REASONS
    return failed.value


def doubting(*lines: Line, **settings: Any) -> str:
    with pytest.raises(Unmeasured) as unmeasured:
        found(*lines, **settings)
    assert unmeasured.value.reason == "no_source"
    return unmeasured.value.detail


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    assert {sample.metric for sample in samples} <= {metric.name for metric in gateways.METRICS}
    return {f"{s.metric.removeprefix('deskwatch_gateway_')}/{s.part}".removesuffix("/"): s.value for s in samples}


def states(samples: tuple[Sample, ...]) -> dict[str, float]:
    told = values(samples)
    return {name.removeprefix("lines/"): told[name] for name in told if name.startswith("lines/") and told[name]}


def remembering(*names: str, ago: timedelta = timedelta(hours=2)) -> Memory:
    """A memory in which these lines have worked, since so long ago."""
    memory, now = Memory(), datetime.now(UTC)
    inventory = Inventory().after(names, now - ago).after(names, now)
    memory.keep("uplink/gateway", inventory.memory)
    return memory


def test_lines_that_work_are_measured() -> None:
    told = found(FIBRE, LTE)
    assert told.detail == (
        "2 of 2 lines work: Fibre (carries the traffic, 198.51.100.7, 12 ms), LTE (stands by, -87 dBm)"
    )
    measured = values(told.samples)
    assert {name: measured[name] for name in measured if "/" in name and not name.startswith("lines/")} == {
        "line_up/Fibre": 1,
        "line_carries/Fibre": 1,
        "line_loss_ratio/Fibre": 0,
        "line_latency_seconds/Fibre": 0.0124,
        "line_jitter_seconds/Fibre": 0.001,
        "line_up/LTE": 1,
        "line_carries/LTE": 0,
        "line_signal_dbm/LTE": -87,
    }
    assert states(told.samples) == {"active": 1, "standby": 1}
    assert "on_backup" not in measured, "nobody said which one is the backup"


def test_a_line_that_never_worked_is_a_spare_socket() -> None:
    told = found(FIBRE, DEAD, Line("WAN 3", "disabled"))
    assert told.detail.startswith("1 of 1 line works: Fibre")
    assert told.detail.endswith("; not in use: DSL (no link), WAN 3")
    assert states(told.samples) == {"active": 1, "unused": 1, "disabled": 1}
    assert "line_up/DSL" not in values(told.samples)


def test_a_line_that_has_worked_is_missed_when_it_is_down_or_gone() -> None:
    told = found(FIBRE, DEAD, memory=remembering("DSL", "LTE", "Fibre"))
    assert told.detail.startswith("down: DSL (no link); vanished: LTE; 1 of 3 lines work: Fibre")
    measured = values(told.samples)
    assert (measured["line_up/DSL"], measured["line_up/LTE"], measured["line_up/Fibre"]) == (0, 0, 1)
    assert states(told.samples) == {"active": 1, "down": 1, "missing": 1}
    assert not [name for name in measured if "DSL" in name and not name.startswith("line_up")], "it has no figures"


def test_a_line_is_learned_by_working_for_an_hour_and_not_before() -> None:
    assert "unused" in states(found(FIBRE, DEAD, memory=remembering("DSL", ago=timedelta(minutes=50))).samples)
    assert "down" in states(found(FIBRE, DEAD, memory=remembering("DSL", ago=timedelta(minutes=61))).samples)
    memory = Memory()
    found(FIBRE, DEAD, memory=memory)
    assert set(Inventory.of(memory.recall("uplink/gateway")).seen) == {"Fibre"}, "what is down is not learned"


def test_a_line_that_somebody_switched_off_is_not_missed_unless_it_is_named() -> None:
    off = Line("LTE", "disabled")
    assert "disabled" in states(found(FIBRE, off, memory=remembering("LTE")).samples)
    assert values(found(FIBRE, off, backup=["LTE"]).samples)["line_up/LTE"] == 0
    assert failing(FIBRE, off, lines=["LTE"]).reason == "line_down"


def test_a_line_that_must_work_and_does_not_is_down() -> None:
    failed = failing(FIBRE, DEAD, lines=["DSL"])
    assert failed.reason == "line_down"
    assert failed.detail.startswith("the line DSL (no link) does not work; down: DSL (no link); 1 of 2 lines work")
    assert values(failed.samples)["line_up/DSL"] == 0
    assert found(FIBRE, DEAD, lines=["Fibre"]).detail.startswith("1 of 1 line works")


def test_a_line_that_must_work_and_is_not_listed_is_missing() -> None:
    failed = failing(FIBRE, LTE, lines=["Fibre", "fibre"])
    assert failed.reason == "line_missing"
    assert failed.detail.startswith("the gateway has no line fibre; it lists Fibre, LTE; vanished: fibre; ")
    assert values(failed.samples)["line_up/fibre"] == 0
    assert failing(lines=["Fibre"]).detail.startswith("the gateway has no line Fibre; it lists none")


def test_a_gateway_without_any_line_that_works_is_down() -> None:
    failed = failing(DEAD, Line("LTE", "down"), Line("WAN 3", "disabled"), lines=["Fibre"])
    assert failed.reason == "all_lines_down"
    assert failed.detail == (
        "no line to the internet works; down: DSL (no link), LTE; vanished: Fibre; not in use: WAN 3"
    )
    assert failing(memory=remembering("Fibre")).reason == "all_lines_down"
    assert failing(DEAD).reason == "all_lines_down"


def test_what_a_gateway_does_not_know_is_not_held_against_its_lines() -> None:
    pending = Line("DSL", "unknown", word="pending")
    assert "state not known: DSL (pending)" in found(FIBRE, pending, memory=remembering("DSL")).detail
    assert doubting(pending, LTE._replace(state="down")) == "down: LTE; state not known: DSL (pending)"
    assert "state not known" in doubting(FIBRE, pending, lines=["DSL"])
    assert doubting() == "the gateway answers, but lists no line to the internet"
    assert doubting(Line("WAN", "disabled")) == "not in use: WAN"


@pytest.mark.parametrize(
    ("lines", "on_backup"),
    [
        ([FIBRE, LTE], 0),
        ([FIBRE._replace(state="down", carries=False), LTE._replace(state="active", carries=True)], 1),
        ([FIBRE._replace(carries=False), LTE._replace(state="active", carries=True)], 1),
        ([FIBRE, LTE._replace(state="active", carries=True)], 0),
        ([Line("Fibre", "active"), Line("LTE", "active")], 0),
        ([Line("Fibre", "down"), Line("LTE", "active")], 1),
        ([FIBRE, Line("LTE", "down")], 0),
        ([FIBRE], 0),
    ],
)
def test_running_on_the_backup_is_a_state_and_no_failure(lines: list[Line], on_backup: int) -> None:
    told = found(*lines, backup=["LTE"])
    assert values(told.samples)["on_backup"] == on_backup
    assert told.detail.startswith("runs on its backup line; ") == bool(on_backup)


def test_whether_the_backup_carries_is_not_told_while_another_line_is_not_known() -> None:
    told = found(Line("Fibre", "unknown"), Line("LTE", "active"), backup=["LTE"])
    assert "on_backup" not in values(told.samples)
    assert values(found(FIBRE, Line("LTE", "unknown"), backup=["LTE"]).samples)["on_backup"] == 0


def test_many_lines_and_odd_names_are_bounded() -> None:
    told = found(*[Line(f"L{number}", "active") for number in range(500)])
    assert states(told.samples) == {"active": MOST}
    assert told.detail == "100 of 100 lines work: L0, L1, L2 and 97 more"
    told = found(
        Line("a\nb\x1b[0m" + "x" * 200, "active"), Line("", "active"), Line("A", "active"), Line("A", "active")
    )
    parts = {sample.part for sample in told.samples if sample.metric.endswith("line_up")}
    assert parts == {"a b[0m" + "x" * 58, "#1", "A", "A #3"}


def test_a_line_is_as_good_as_the_best_of_its_tests_shows_it() -> None:
    looks = [
        Look("wan1", True, 0.030, 0.002, 0.0),
        Look("wan1", True, 0.020, None, 0.5),
        Look("wan1", False, 0.0, 0.0, 1.0),
        Look("wan2", False),
        Look("wan3", None),
        Look("wan3", False),
    ]
    assert list(of_looks(looks)) == [
        Line("wan1", "active", latency=0.020, jitter=0.002, loss=0.0, word="passes 2 of 3 tests"),
        Line("wan2", "down", word="fails its test"),
        Line("wan3", "unknown", word="not tested yet"),
    ]


@pytest.mark.parametrize(
    ("told", "read"),
    [
        *[("12.3 ms", 12.3), ("0.0 %", 0), ("4", 4), (7, 7), (1.5, 1.5)],
        *[(odd, None) for odd in ("~", "", "nan", "-3 ms", "1 of 3", None, True, {}, -1, float("inf"))],
    ],
)
def test_figures_are_read_however_they_are_written(told: Any, read: float | None) -> None:
    assert figure(told) == read


def test_ratios_stay_below_one() -> None:
    assert (ratio("2.000"), ratio("0.000%"), ratio(250), ratio("x")) == (0.02, 0, 1, None)


LINES = st.lists(
    st.builds(
        Line,
        st.text(max_size=80),
        st.sampled_from(["active", "standby", "down", "disabled", "unknown"]),
        st.none() | st.booleans(),
        st.none() | st.floats(0, 1),
        word=st.sampled_from(["", "odd"]),
    ),
    max_size=6,
)


@given(LINES, st.lists(st.sampled_from(["a", "b"]), max_size=2), st.lists(st.sampled_from(["b", "c"]), max_size=2))
def test_any_list_of_lines_is_judged(lines: list[Line], must: list[str], backup: list[str]) -> None:
    try:
        told = found(*lines, lines=must, backup=backup, memory=remembering("c"))
    except Failed as failed:
        told = Measured(failed.detail, failed.samples)
    except Unmeasured:
        return
    assert told.detail
    parts = [(sample.metric, sample.part) for sample in told.samples]
    assert len(parts) == len(set(parts)), "no series twice"
