"""ICMP: one echo to each of thousands of loopback addresses, as fast as each contender can."""

import asyncio
import gc
import resource
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar

import aiohttp
from icmplib import async_multiping
from uvloop import new_event_loop

from bench import peers
from bench.harness import Figures, Goal, Section, Spread, alternate, at_most, cpu, table
from monitor.reading import read
from probes import Probe, Status, load
from probes._engines import Engines

T = TypeVar("T")

SIZES = (1_000, 10_000)
ASKED = 1_000
"""Addresses that blackbox_exporter is asked for: it takes 30 times as long for each."""
SCRAPERS = 16
TIMEOUT = 5.0

_ENGINE, _PROBE, _FPING = "Deskwatch, engine", "Deskwatch, whole probe", "fping -i 0 -c1 -q"
_ICMPLIB, _BLACKBOX = "icmplib async_multiping", "blackbox_exporter"


def measure(quick: bool) -> Section:
    """Sweeps over both sizes."""
    gc.collect()
    gc.freeze()
    with peers.blackbox() as blackbox:
        found = {size: _sweeps(size, blackbox, 2 if quick else 7) for size in SIZES}
    text = "".join(f"### {size:,} addresses\n\n{_table(one)}\n" for size, one in found.items())
    return Section(
        "ICMP", f"{_ABOUT}\n{text}", tuple(goal for size, one in found.items() for goal in _goals(size, one))
    )


_ABOUT = f"""\
One echo each, to addresses of loopback. fping sends without a gap and is timed from its start to its end; ours is timed
in a running event loop, with what was loaded before exempt from garbage collection, as in the service. The whole probe
is what the service runs for an `internet.ping` check: name lookup, burst, verdict and reading, {Probe.concurrency} at
once. blackbox_exporter is asked by {SCRAPERS} scrapers at once, for {ASKED:,} of the addresses.

Of an echo's time in our engine half is the kernel's: on loopback, sending includes the answer. The rest is Python: the
burst, the packet, both clocks, parsing the reply, finding its burst. Replies are taken many at a time (recvmmsg), and
echoes are prepared many at a time, since kernel and interpreter push each other out of the processor's caches. They are
still sent one by one, each with a time of its own: sending many at a time would cost round trips their accuracy.
"""


def _sweeps(size: int, blackbox: peers.Running, rounds: int) -> dict[str, dict[str, Spread]]:
    addresses = list(_addresses(size))
    probes = _pings(addresses)
    fping = peers.program("fping")
    return alternate(
        {
            _FPING: lambda: _fping(fping, addresses),
            _ENGINE: lambda: _in_loop(_engine, addresses),
            _PROBE: lambda: _in_loop(_whole_probes, probes),
            _ICMPLIB: lambda: _in_loop(_icmplib, addresses),
            _BLACKBOX: lambda: _blackbox(blackbox, addresses[:ASKED]),
        },
        rounds,
    )


def _addresses(count: int) -> Iterator[str]:
    """127.1.0.1, 127.1.0.2, ..."""
    return (f"127.1.{index // 250}.{index % 250 + 1}" for index in range(count))


def _fping(program: str, addresses: Sequence[str]) -> Figures:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = (program, "-i", "0", "-c1", "-q", f"-t{TIMEOUT * 1000:.0f}")
    subprocess.run(command, input="\n".join(addresses).encode(), capture_output=True, check=True)
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _figures(used, took, len(addresses))


def _in_loop(sweep: Callable[[Sequence[T]], Awaitable[int]], targets: Sequence[T]) -> Figures:
    """A sweep of our own process, which says how many answered."""

    async def timed() -> Figures:
        used, began = time.process_time(), time.perf_counter()
        answered = await sweep(targets)
        took, used = time.perf_counter() - began, time.process_time() - used
        if answered != len(targets):
            raise RuntimeError(f"{len(targets) - answered} of {len(targets)} loopback addresses did not answer")
        return _figures(used, took, len(targets))

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(timed())


async def _engine(addresses: Sequence[str]) -> int:
    engines = Engines()
    bursts = [engines.icmp.burst(address, 1, 0, TIMEOUT) for address in addresses]
    return len([echo for burst in bursts for echo in await burst if echo.rtt is not None])


def _pings(addresses: Sequence[str]) -> list[Probe[Any]]:
    engines, ping = Engines(), load("internet.ping")
    return [ping(ping.Params.model_validate({"host": address, "count": 1}), engines) for address in addresses]


async def _whole_probes(probes: Sequence[Probe[Any]]) -> int:
    left = iter(probes)

    async def work() -> int:
        return len([probe for probe in left if (await read("sweep", probe, TIMEOUT)).status is Status.UP])

    return sum(await asyncio.gather(*(work() for _ in range(Probe.concurrency))))


async def _icmplib(addresses: Sequence[str]) -> int:
    hosts = await async_multiping(addresses, count=1, timeout=TIMEOUT, concurrent_tasks=500)
    return sum(host.is_alive for host in hosts)


def _blackbox(blackbox: peers.Running, addresses: Sequence[str]) -> Figures:
    before, began = cpu(blackbox.pid), time.perf_counter()
    asyncio.run(_scrape([f"{blackbox.url}/probe?module=icmp&target={address}" for address in addresses]))
    return _figures(cpu(blackbox.pid) - before, time.perf_counter() - began, len(addresses))


async def _scrape(urls: Sequence[str]) -> None:
    left = iter(urls)

    async def work() -> None:
        for url in left:
            async with session.get(url) as answer:
                if "probe_success 1" not in await answer.text():
                    raise RuntimeError(f"{url} did not succeed")

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for _ in range(SCRAPERS):
            group.create_task(work())


def _figures(used: float, took: float, echoes: int) -> Figures:
    return {"wall": took, "cpu": used / echoes * 1000, "echoes": echoes}


def _table(found: dict[str, dict[str, Spread]]) -> str:
    rows = [
        (name, f"{one['echoes'].median:,.0f}", f"{one['wall']:.3f}", f"{one['cpu']:.4f}") for name, one in found.items()
    ]
    return table(("", "echoes", "wall s", "CPU s per 1,000"), rows)


def _goals(size: int, found: dict[str, dict[str, Spread]]) -> tuple[Goal, ...]:
    engine, fping, blackbox = found[_ENGINE], found[_FPING], found[_BLACKBOX]
    what = f"ICMP, {size:,} addresses"
    return (
        at_most(f"{what}: wall time of a sweep", engine["wall"], fping["wall"], 1.0, "fping -i 0"),
        at_most(f"{what}: CPU per echo", engine["cpu"], blackbox["cpu"], 1 / 20, "blackbox_exporter"),
    )
