"""What every part of the benchmark is made of: figures measured in alternating rounds, goals, and their Markdown."""

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

Figures = Mapping[str, float]
"""What one round of one contender measured, by name."""

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Missing(Exception):  # noqa: N818 - read as a sentence: `raise Missing("fping is not installed")`
    """Something that a part measures against is not there; the text says what."""


class Spread(NamedTuple):
    """A figure over all rounds."""

    median: float
    least: float
    most: float

    def __format__(self, spec: str) -> str:
        """`median (least-most)`, each in the given format."""
        return f"{self.median:{spec}} ({self.least:{spec}}-{self.most:{spec}})"


class Goal(NamedTuple):
    """Something to reach, in words, and whether it was."""

    what: str
    target: str
    reached: str
    met: bool


class Section(NamedTuple):
    """What one part found: Markdown without a heading, and its goals."""

    title: str
    text: str
    goals: tuple[Goal, ...] = ()


def alternate(contenders: Mapping[str, Callable[[], Figures]], rounds: int) -> dict[str, dict[str, Spread]]:
    """Run the contenders in turn, A B A B ..., so that what else the machine does hits all of them alike."""
    found: dict[str, list[Figures]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            found[name].append(run())
    return {name: {figure: spread([one[figure] for one in runs]) for figure in runs[0]} for name, runs in found.items()}


def spread(values: Sequence[float]) -> Spread:
    """Median, least and most of some values."""
    return Spread(statistics.median(values), min(values), max(values))


def at_most(what: str, ours: Spread, theirs: Spread, ratio: float, peer: str) -> Goal:
    """The goal that our median is at most `ratio` times that of a peer."""
    reached = ours.median / theirs.median
    return Goal(what, f"<= {ratio:.3g} x {peer}", f"{reached:.3f} x", reached <= ratio)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def cpu(pid: int) -> float:
    """CPU seconds, user and system, of a process, its children and the children that they have waited for."""
    return sum(sum(map(int, _stat(one)[11:15])) for one in _tree(pid)) / _TICKS


def process_cpu(pid: int) -> float:
    """CPU seconds of one process without its children, to the nanosecond: for what takes less than a tick."""
    return time.clock_gettime((~pid << 3) | 2)  # what clock_getcpuclockid(3) makes of a process id on Linux


def rss(pid: int) -> float:
    """Bytes of memory that a process and its children hold."""
    return float(sum(int(_stat(one)[21]) for one in _tree(pid)) * _PAGE)


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on: the second is the name, which may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _tree(int(child)))]
