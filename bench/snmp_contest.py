"""Runs the SNMP part's contenders in the network namespace that it is started in; prints what they took, as JSON."""

import argparse
import json
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal, NamedTuple

import uvloop
from pydantic import SecretStr

from bench.harness import Figures, alternate, cpu
from bench.peers import Running, program
from bench.snmp_peers import COMMUNITY, INTERFACES, PASSPHRASE, ROWS, SIX, USER, make_ports, snmp_exporter, switch
from probes._engines.snmp.engine import Credentials, Device, Library, SnmpEngine

_ANSWER_IN = 10.0  # seconds
_WARM = 3  # questions before the measured ones: connections, keys, and the pace that the agent keeps up with
_ANSWERED = "snmp_scrape_pdus_returned "

Question = Literal["six", "if_mib"]
"""A get of six instances, or a walk of IF-MIB: named as the modules of snmp_exporter."""
Contender = Callable[[], Figures]


class Counts(NamedTuple):
    """How often a contender asks in one round: fast ones more often, so that the clock of CPU time is fine enough."""

    fast: int
    exporter: int
    slow: int


FULL: dict[Question, Counts] = {"six": Counts(1000, 1000, 60), "if_mib": Counts(100, 30, 5)}
QUICK: dict[Question, Counts] = {"six": Counts(200, 200, 20), "if_mib": Counts(20, 10, 2)}


def main() -> None:
    """Entry point: needs a network namespace of its own, which it fills with interfaces."""
    parser = argparse.ArgumentParser(prog="python -m bench.snmp_contest", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round")
    quick = parser.parse_args().quick
    make_ports()
    with tempfile.TemporaryDirectory() as name:
        # For Net-SNMP's programs: no settings of this machine, and no MIB files, which they would read at each start.
        os.environ.update(MIBS="", SNMPCONFPATH=name, SNMP_PERSISTENT_DIR=f"{name}/state")
        with switch(Path(name)) as port, snmp_exporter() as exporter:
            counts, rounds = (QUICK, 1) if quick else (FULL, 5)
            found = {ask: alternate(_contenders(ask, counts[ask], port, exporter), rounds) for ask in counts}
    print(json.dumps(found))


def _contenders(question: Question, counts: Counts, port: int, exporter: Running) -> dict[str, Contender]:
    by_community = Device("127.0.0.1", port, Credentials(community=SecretStr(COMMUNITY)))
    tool = "snmpget" if question == "six" else "snmpbulkwalk"
    return {
        "Deskwatch, gufo-snmp": lambda: _asked("gufo", by_community, question, counts.fast),
        "snmp_exporter": lambda: _scraped(exporter, f"module={question}&target=127.0.0.1:{port}", counts.exporter),
        f"{tool} processes": lambda: _started(_commands(tool, question, port), counts.slow),
        "Deskwatch, pysnmp": lambda: _asked("pysnmp", by_community, question, counts.slow),
        "Deskwatch, pysnmp, version 3": lambda: _asked("pysnmp", _by_user(port), question, counts.slow),
    }


def _by_user(port: int) -> Device:
    secret = SecretStr(PASSPHRASE)
    return Device(
        "127.0.0.1",
        port,
        Credentials(
            version="3",
            user=USER,
            authentication="SHA",
            authentication_passphrase=secret,
            privacy="AES",
            privacy_passphrase=secret,
        ),
    )


def _asked(library: Library, device: Device, question: Question, count: int) -> Figures:
    """Our engine, as it runs within the service: one for all questions, in a loop of uvloop's."""

    async def run() -> Figures:
        engine = SnmpEngine(library)
        ask = _QUESTIONS[question]
        for _ in range(_WARM):
            await ask(engine, device)
        walls, before = [], time.process_time()
        for _ in range(count):
            began = time.perf_counter()
            values = await ask(engine, device)
            walls.append(time.perf_counter() - began)
        took = time.process_time() - before
        engine.close()
        return _figures(took, walls, values)

    return uvloop.run(run())


async def _get(engine: SnmpEngine, device: Device) -> int:
    found = await engine.get(device, SIX, _ANSWER_IN)
    return sum(value is not None for value in found.values())


async def _walk(engine: SnmpEngine, device: Device) -> int:
    found = await engine.walk(device, *INTERFACES, timeout=_ANSWER_IN)
    if any(walk.stopped for walk in found.values()):
        raise RuntimeError("a walk of the interfaces stopped before its end")
    return sum(len(walk.rows) for walk in found.values())


_QUESTIONS: dict[Question, Callable[[SnmpEngine, Device], Awaitable[int]]] = {"six": _get, "if_mib": _walk}


def _scraped(exporter: Running, query: str, count: int) -> Figures:
    """snmp_exporter, asked by us."""
    for _ in range(_WARM):
        exporter.get(f"/snmp?{query}")
    before = cpu(exporter.pid)

    def scrape() -> int:
        page = exporter.get(f"/snmp?{query}")
        line = next(line for line in page.splitlines() if line.startswith(_ANSWERED))
        return int(line.removeprefix(_ANSWERED))

    walls, values = _timed(scrape, count)
    return _figures(cpu(exporter.pid) - before, walls, values)


def _started(commands: list[tuple[str, ...]], count: int) -> Figures:
    """Programs, of which one run answers one line per value."""
    before = _children()

    def run() -> int:
        done = (subprocess.run(command, capture_output=True, check=True) for command in commands)
        return sum(one.stdout.count(b"\n") for one in done)

    walls, values = _timed(run, count)
    return _figures(_children() - before, walls, values)


def _commands(tool: str, question: Question, port: int) -> list[tuple[str, ...]]:
    common = ("-v2c", "-c", COMMUNITY, "-On")
    agent = f"127.0.0.1:{port}"
    if question == "six":
        return [(program(tool), *common, agent, *SIX)]
    return [(program(tool), *common, f"-Cr{ROWS}", agent, subtree) for subtree in INTERFACES]


def _children() -> float:
    """CPU seconds of programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _timed(ask: Callable[[], int], count: int) -> tuple[list[float], int]:
    """How long each of so many questions took, and how many values the last one brought."""
    walls: list[float] = []
    for _ in range(count):
        began = time.perf_counter()
        values = ask()
        walls.append(time.perf_counter() - began)
    return walls, values


def _figures(seconds: float, walls: list[float], values: int) -> Figures:
    return {"cpu": seconds / len(walls) * 1000, "wall": statistics.median(walls), "values": values}


if __name__ == "__main__":
    main()
