"""Runs the parts of the benchmark, prints what they find and, after a whole run, writes it to bench/RESULTS.md."""

import argparse
import importlib
import os
import platform
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.harness import Goal, Missing, Section, table

HERE = Path(__file__).parent

PARTS = (
    "icmp",
    "http",
    "tcp",
    "dns",
    "accuracy",
    "service_pipeline",
    "service_scale",
    "service_alert",
    "memo",
    "web",
    "snmp",
)
"""The parts in their order: each is a module with `measure(quick) -> Section`."""

METHOD = """\
Contenders run on one otherwise idle machine, alternating round after round or in the same seconds; figures are medians
with the least and the most in brackets, and goals compare medians. CPU is user and system time of the measured process
and its children, from `/proc`; what drives a peer, and the targets, are not counted. All targets are on loopback: what
is measured is the cost of measuring, not a network. Machines differ: compare ratios, and run `make bench` on yours.
"""


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Deskwatch beside public tools.")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"one of: {', '.join(_existing())}")
    parser.add_argument("--quick", action="store_true", help="few and short rounds, to try a part out")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(_existing()):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    began = time.monotonic()
    sections = [_run(part, given.quick) for part in given.parts or _existing()]
    if not given.parts and not given.quick:
        took = (time.monotonic() - began) / 60
        (HERE / "RESULTS.md").write_text(_report(sections, took))


def _existing() -> list[str]:
    return [part for part in PARTS if (HERE / f"{part}.py").exists()]


def _run(part: str, quick: bool) -> Section:
    module = importlib.import_module(f"bench.{part}")
    try:
        section: Section = module.measure(quick)
    except Missing as missing:
        section = Section(part, f"Not measured: {missing}.\n")
    print(f"## {section.title}\n\n{_summary(section.goals)}\n{section.text}", flush=True)
    return section


def _report(sections: list[Section], minutes: float) -> str:
    goals = [goal for section in sections for goal in section.goals]
    bodies = "\n".join(f"## {section.title}\n\n{section.text}" for section in sections)
    when = f"{datetime.now(UTC):%Y-%m-%d}, by `make bench` in {minutes:.0f} minutes"
    return f"# What Deskwatch costs\n\nMeasured on {when}.\n\n{METHOD}\n{_machine()}\n{_summary(goals)}\n{bodies}"


def _summary(goals: tuple[Goal, ...] | list[Goal]) -> str:
    rows = [(goal.what, goal.target, goal.reached, "yes" if goal.met else "**no**") for goal in goals]
    return table(("what", "target", "reached", "met"), rows)


def _machine() -> str:
    model = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    rows = [
        ("machine", f"{model.partition(': ')[2]}, {os.cpu_count()} cores, Linux {platform.release()}"),
        ("Deskwatch", f"{version('deskwatch')}, Python {platform.python_version()}, uvloop {version('uvloop')}"),
        ("peers", _packages()),
    ]
    return table(("", ""), rows)


def _packages() -> str:
    names = (HERE / "debian.txt").read_text().split()
    command = ("dpkg-query", "-W", "-f=${Package} ${Version}\\n", *names)
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return ", ".join(line for line in listed.splitlines() if not line.endswith(" "))


if __name__ == "__main__":
    main()
