"""The script: faults begin and end at their times, without anybody waiting for it."""

from itertools import islice, pairwise
from pathlib import Path

import pytest

from monitor.demo.faults import FAULTS
from monitor.demo.script import LOOP, OPENING, WHO, Scene, Stage, play, scenes


class Theatre:
    """Writes down what happens and when; time passes at once."""

    def __init__(self) -> None:
        self.now = 0.0
        self.seen: list[tuple[float, str]] = []
        self.stage = Stage(self.begin, self.end, self.sleep)

    async def begin(self, fault: str) -> None:
        self.seen.append((self.now, f"{fault} begins"))

    async def end(self, fault: str) -> None:
        self.seen.append((self.now, f"{fault} ends"))

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def acknowledge(self, asset: str, who: str) -> None:
        self.seen.append((self.now, f"{who} has {asset}"))


async def test_a_newcomer_sees_a_fault_an_answer_and_the_end_within_two_minutes() -> None:
    theatre = Theatre()
    await play(theatre.stage, theatre.acknowledge, iter(OPENING))
    assert theatre.seen == [(15, "booking-down begins"), (45, f"{WHO} has booking"), (75, "booking-down ends")]


async def test_after_the_opening_faults_come_round_with_longer_pauses() -> None:
    theatre = Theatre()
    await play(theatre.stage, theatre.acknowledge, islice(scenes(), 1 + 2 * len(LOOP)))
    begun = [(at, what) for at, what in theatre.seen if what.endswith("begins")]
    assert [what.split()[0] for _, what in begun] == [one.fault for one in (*OPENING, *LOOP, *LOOP)]
    pauses = [after - before for (before, _), (after, _) in pairwise(begun)]
    assert min(pauses) >= 180


async def test_a_fault_also_ends_when_the_script_is_cut_short() -> None:
    theatre = Theatre()

    async def trip(_asset: str, _who: str) -> None:
        raise RuntimeError("the technician tripped")

    with pytest.raises(RuntimeError):
        await play(theatre.stage, trip, iter(OPENING))
    assert [what for _, what in theatre.seen] == ["booking-down begins", "booking-down ends"]


@pytest.mark.parametrize("scene", [*OPENING, *LOOP], ids=lambda scene: scene.fault)
def test_every_scene_is_of_a_fault_that_exists_on_the_asset_that_it_hits(scene: Scene) -> None:
    (fault,) = (fault for fault in FAULTS if fault.id == scene.fault)
    assert scene.asset in fault.assets
    assert 0 < scene.answer < scene.lasts


def test_the_page_on_the_demo_lists_every_fault_as_it_is() -> None:
    page = Path(__file__).parents[3].joinpath("docs/operations/demo.md").read_text(encoding="utf-8")
    for fault in FAULTS:
        down = [f"`{check}` is down: `{reason}`" for check, reason in fault.down.items()]
        rules = ["`{}` opens `{}`".format(*rule.split(" ")) for rule in fault.rules]
        assert f"| `{fault.id}` | {fault.notice} | {', '.join((*down, *rules))} |" in page
    assert page.count("\n| `") == len(FAULTS)
