"""Whether the figures are right: round trips under load beside fping, and loss beside what a firewall dropped."""

import asyncio
import json
import math
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import uuid4

from uvloop import new_event_loop

from bench import peers
from bench.harness import Goal, Missing, Section, Spread, spread, table
from monitor.reading import read
from probes import Probe, Reading, load
from probes._engines import Engines

TARGETS = tuple(f"127.3.0.{index}" for index in range(1, 11))
ECHOES, GAP = 20, 0.05
LOAD = 200
"""HTTP probes a second that the same event loop runs meanwhile."""
CLOSE = 0.05e-3
"""Seconds by which our median may differ from fping's."""

DROPPED = 0.10
"""Share of the replies that the firewall drops at random."""
BURSTS, BURST = 4, 1000
Z = 3.29
"""Standard errors on either side that hold 99.9 % of all outcomes."""


def measure(quick: bool) -> Section:
    """Round trips, then loss."""
    with peers.nginx() as target:
        rounds = [_round_trips(target.url) for _ in range(1 if quick else 5)]
    found = {name: spread([one[name] for one in rounds]) for name in rounds[0]}
    lost = _lost(1 if quick else BURSTS)
    text = f"### Round trips under load\n\n{_about_round_trips(found)}\n### Loss\n\n{_about_loss(lost)}"
    return Section("Accuracy", text, (_close(found), *_right(lost)))


def _round_trips(url: str) -> dict[str, float]:
    """The median round trip of all echoes in seconds, as we and as fping measure it at the same time."""
    fping = (peers.program("fping"), f"-C{ECHOES}", f"-p{GAP * 1000:.0f}", "-i1", "-q", *TARGETS)

    async def both() -> dict[str, float]:
        engines = Engines()
        load = asyncio.create_task(_load(engines, url))
        theirs = await asyncio.create_subprocess_exec(*fping, stderr=asyncio.subprocess.PIPE)
        bursts = (engines.icmp.burst(address, ECHOES, GAP, 2.0) for address in TARGETS)
        echoes = [echo for burst in await asyncio.gather(*bursts) for echo in burst]
        _, said = await theirs.communicate()
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)
        engines.close()
        return {
            "Deskwatch": statistics.median(echo.rtt for echo in echoes if echo.rtt is not None),
            "fping": statistics.median(_milliseconds(said.decode())) / 1000,
        }

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(both())


def _milliseconds(said: str) -> list[float]:
    """The figures of lines such as `127.0.0.1 : 0.03 - 0.02`, in which a dash stands for a lost echo."""
    return [float(word) for line in said.splitlines() for word in line.partition(" : ")[2].split() if word != "-"]


async def _load(engines: Engines, url: str) -> None:
    """HTTP probes at a steady rate until cancelled."""
    http = load("internet.http")
    probes: list[Probe[Any]] = [http(http.Params.model_validate({"url": f"{url}/{one}"}), engines) for one in range(50)]
    running: set[asyncio.Task[Reading]] = set()
    loop, turn = asyncio.get_running_loop(), 0
    began = loop.time()
    while True:
        task = asyncio.create_task(read("load", probes[turn % len(probes)], 2.0))
        running.add(task)
        task.add_done_callback(running.discard)
        turn += 1
        await asyncio.sleep(began + turn / LOAD - loop.time())


def _about_round_trips(found: dict[str, Spread]) -> str:
    rows = [
        (name, f"{1e6 * one.median:.0f} µs ({1e6 * one.least:.0f}-{1e6 * one.most:.0f})") for name, one in found.items()
    ]
    return (
        f"{ECHOES} echoes to each of {len(TARGETS)} addresses of loopback, by both at the same time, while our event "
        f"loop runs {LOAD} HTTP probes a second.\n\n{table(('', 'median round trip'), rows)}"
    )


def _close(found: dict[str, Spread]) -> Goal:
    apart = abs(found["Deskwatch"].median - found["fping"].median)
    target = f"within {1e6 * CLOSE:.0f} µs of fping"
    return Goal("Median round trip under load", target, f"{1e6 * apart:.0f} µs apart", apart <= CLOSE)


class Lost(NamedTuple):
    """Echoes sent, what we say was lost of them, and what the firewall dropped."""

    sent: int
    ours: int
    dropped: int


def _lost(bursts: int) -> Lost:
    """Ping through a firewall that drops at random, in a network of its own."""
    peers.program("nft")
    command = (
        sys.executable,
        "-m",
        "monitor",
        "probe",
        "internet.ping",
        "host=127.0.0.1",
        f"count={BURST}",
        "gap=0.01",
    )
    with _namespace() as enter:
        _run(*enter, "nft", "-f", "-", input=_FIREWALL)
        running = [
            subprocess.Popen((*enter, *command, "--timeout", "15", "--json"), stdout=subprocess.PIPE)
            for _ in range(bursts)
        ]
        samples = [_samples(one.communicate()[0]) for one in running]
        counted = re.search(r"counter packets (\d+)", _run(*enter, "nft", "list", "ruleset"))
    sent = sum(one["probe_icmp_packets_sent"] for one in samples)
    received = sum(one["probe_icmp_packets_received"] for one in samples)
    return Lost(int(sent), int(sent - received), int(counted[1]) if counted else 0)


_FIREWALL = f"""\
table inet bench {{
  chain input {{
    type filter hook input priority 0
    icmp type echo-reply numgen random mod 100 < {DROPPED * 100:.0f} counter drop
  }}
}}
"""


@contextmanager
def _namespace() -> Iterator[tuple[str, ...]]:
    """A network namespace with loopback: the words that run a command inside. Raises Missing without root."""
    if os.geteuid() != 0:
        raise Missing("a network namespace needs root")
    name, ip = f"bench-{uuid4().hex[:8]}", peers.program("ip")
    _run(ip, "netns", "add", name)
    try:
        _run(ip, "-n", name, "link", "set", "lo", "up")
        yield (ip, "netns", "exec", name)
    finally:
        _run(ip, "netns", "del", name)


def _run(*command: str, input: str = "") -> str:
    return subprocess.run(command, input=input, text=True, capture_output=True, check=True).stdout


def _samples(printed: bytes) -> dict[str, float]:
    return {sample["metric"]: sample["value"] for sample in json.loads(printed)["samples"] if not sample["part"]}


def _interval(lost: Lost) -> tuple[float, float]:
    """Wilson's interval for the share lost: where the true share lies, with 99.9 % confidence."""
    n, share = lost.sent, lost.ours / lost.sent
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return middle - half, middle + half


def _about_loss(lost: Lost) -> str:
    least, most = _interval(lost)
    return (
        f"nftables drops {DROPPED:.0%} of the echo replies at random. Of {lost.sent:,} echoes we count {lost.ours} as "
        f"lost, its counter says {lost.dropped}: {lost.ours / lost.sent:.2%}, "
        f"99.9 % confidence {least:.2%}-{most:.2%}.\n"
    )


def _right(lost: Lost) -> Sequence[Goal]:
    least, most = _interval(lost)
    held = least <= DROPPED <= most
    return (
        Goal(
            "Lost echoes",
            "as many as the firewall dropped",
            f"{lost.ours} of {lost.dropped}",
            lost.ours == lost.dropped,
        ),
        Goal("Loss", f"{DROPPED:.0%} within its 99.9 % interval", f"{least:.2%}-{most:.2%}", held),
    )
