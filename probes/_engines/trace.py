"""The path to an address: which router answers at each hop, found by echoes that run out of hops on the way."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from probes._engines.icmp.burst import Echo
from probes._engines.icmp.engine import IcmpEngine

HOPS = 20
"""Hops that are looked at; a path through the internet rarely has more."""


class Hop(NamedTuple):
    """Who answered at one hop: `by` is an address, "" for silence. `end` says in words why the path ends here."""

    by: str
    end: str = ""


async def trace(
    engine: IcmpEngine, address: str, timeout: float, *, source: str = "", interface: str = "", hops: int = HOPS
) -> tuple[Hop, ...]:
    """The hops towards a numeric address, nearest first, up to the one that ends the path.

    All hops are asked at once, so it takes `timeout` seconds whatever the length, and neither a thread nor more rights
    than an echo. Raises Unmeasured as `IcmpEngine.burst` does.
    """
    bursts = [
        engine.burst(address, 2, 0.1, timeout, source=source, interface=interface, ttl=ttl)
        for ttl in range(1, hops + 1)
    ]
    found = [_hop(address, echoes) for echoes in await asyncio.gather(*bursts)]
    ends = [number for number, hop in enumerate(found) if hop.end]
    return tuple(found[: ends[0] + 1] if ends else found)


def in_words(hops: Sequence[Hop]) -> str:
    """The path on one line: "10.0.0.1, *, 192.0.2.7, then nobody answers"."""
    answered = [number for number, hop in enumerate(hops, 1) if hop.by]
    if not answered:
        return "not even the first hop answers"
    known = [hop.by or "*" for hop in hops[: answered[-1]]]
    end = hops[-1].end or "then nobody answers"
    return ", ".join([*known, end])


def _hop(address: str, echoes: Sequence[Echo]) -> Hop:
    for echo in echoes:
        if echo.rtt is not None:
            return Hop(address, "which is the target")
        if echo.trouble is not None:
            end = "" if echo.trouble.reason == "ttl_exceeded" else f"which says: {echo.trouble.words}"
            return Hop(echo.trouble.by, end)
    return Hop("")
