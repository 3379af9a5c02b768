"""SNMP: a get of six values, and a walk of all interfaces of a 48-port switch; the engine beside public tools."""

import json
import subprocess
import sys

from bench.harness import Goal, Missing, Section, Spread, at_most, table
from bench.peers import program
from bench.snmp_peers import PORTS, ROWS

_NEEDED = ("ip", "snmpd", "snmpget", "snmpbulkwalk", "prometheus-snmp-exporter")
_OURS, _THEIRS = "Deskwatch, gufo-snmp", "snmp_exporter"
_V2, _V3 = "Deskwatch, pysnmp", "Deskwatch, pysnmp, version 3"

Found = dict[str, dict[str, Spread]]
"""Figures by contender and name."""


def measure(quick: bool) -> Section:
    """The engine, with each library, beside snmp_exporter and Net-SNMP's programs."""
    found = _contest(quick)
    six, walk = found["six"], found["if_mib"]
    goals = (_goal("SNMP: CPU per get of 6 values", six), _goal("SNMP: CPU per walk of IF-MIB", walk))
    return Section("SNMP", _text(six, walk), goals)


def _contest(quick: bool) -> dict[str, Found]:
    """The figures by question, from a process in a network namespace of its own, which the kernel removes with it."""
    for name in _NEEDED:
        program(name)
    alone = (program("unshare"), "--net")
    trial = (*alone, program("ip"), "link", "add", "type", "veth")
    if subprocess.run(trial, capture_output=True, check=False).returncode:
        raise Missing("making a switch's ports, in a network namespace, needs root and veth in the kernel")
    command = (*alone, sys.executable, "-m", "bench.snmp_contest", *(["--quick"] if quick else []))
    said = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return {question: _spreads(contenders) for question, contenders in json.loads(said).items()}


def _spreads(contenders: dict[str, dict[str, list[float]]]) -> Found:
    return {
        name: {figure: Spread(*values) for figure, values in figures.items()} for name, figures in contenders.items()
    }


def _goal(what: str, found: Found) -> Goal:
    return at_most(what, found[_OURS]["cpu"], found[_THEIRS]["cpu"], 1 / 2, _THEIRS)


def _text(six: Found, walk: Found) -> str:
    return (
        f"Net-SNMP's agent with {PORTS} ports and the loopback interface answers, asked one thing after another. Ours "
        "is the engine in a loop of uvloop's, up to a Python value per variable; not in it are schedule, rules and "
        "store. snmp_exporter also writes its page, with modules that have the same columns and no others. It and "
        f"snmpbulkwalk are set to ask for {ROWS} rows at once; ours finds out what the agent keeps up with, at most as "
        "many.\n\n"
        f"A get of {_values(six)} values:\n\n{_rows(six)}\n"
        f"A walk of ifTable and ifXTable, {_values(walk)} values:\n\n{_rows(walk)}\n"
        f"Version 3, signed by SHA and encrypted by AES, is pysnmp's alone: {_times(six)} the CPU of gufo-snmp for a "
        f"get and {_times(walk)} for a walk ({_more(six)} and {_more(walk)} of pysnmp's version 2c).\n"
    )


def _values(found: Found) -> str:
    """How many values each contender brought. Raises RuntimeError when they differ: then the figures mean nothing."""
    brought = {name: figures["values"] for name, figures in found.items()}
    if len({count for spread in brought.values() for count in spread}) > 1:
        raise RuntimeError(f"the contenders brought different numbers of values: {brought}")
    return f"{brought[_OURS].median:,.0f}"


def _rows(found: Found) -> str:
    rows = [
        (name, f"{figures['cpu']:.3g}", f"{1000 * figures['wall'].median:.3g}", f"{_share(found, name):.2f}")
        for name, figures in found.items()
    ]
    return table(("", "CPU s per 1,000", "wall p50, ms", f"CPU, x {_THEIRS}"), rows)


def _share(found: Found, name: str) -> float:
    return found[name]["cpu"].median / found[_THEIRS]["cpu"].median


def _times(found: Found) -> str:
    return f"{found[_V3]['cpu'].median / found[_OURS]['cpu'].median:.0f} times"


def _more(found: Found) -> str:
    return f"{found[_V3]['cpu'].median / found[_V2]['cpu'].median:.2f} x"
