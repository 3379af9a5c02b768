"""The path to a target, through routers made of network namespaces."""

from collections.abc import Iterator

import icmplib
import pytest
from peers import netns

from probes._engines.icmp.engine import IcmpEngine
from probes._engines.trace import Hop, in_words, trace

TARGET = "10.3.0.2"


@pytest.fixture
def here() -> Iterator[tuple[netns.Namespace, netns.Namespace]]:
    """Where we are and the target, with two routers between: 10.1.0.1 and 10.2.0.2."""
    with netns.namespaces(4) as (start, first, second, target):
        netns.join(start, "10.1.0.2/24", first, "10.1.0.1/24")
        netns.join(first, "10.2.0.1/24", second, "10.2.0.2/24")
        netns.join(second, "10.3.0.1/24", target, f"{TARGET}/24")
        for router in (first, second):
            router.sysctl("net/ipv4/ip_forward", "1")
            router.sysctl("net/ipv4/icmp_ratelimit", "0")
        start.ip("route", "add", "default", "via", "10.1.0.1")
        first.ip("route", "add", "10.3.0.0/24", "via", "10.2.0.2")
        second.ip("route", "add", "10.1.0.0/24", "via", "10.2.0.1")
        target.ip("route", "add", "default", "via", "10.3.0.1")
        yield start, target


def traced(namespace: netns.Namespace, address: str, *, raw: bool = True) -> tuple[Hop, ...]:
    async def work() -> tuple[Hop, ...]:
        engine = IcmpEngine()
        try:
            return await trace(engine, address, 0.5, hops=6)
        finally:
            engine.close()

    return namespace.run(work, raw=raw)


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "datagram"])
def test_the_path_names_each_router_and_ends_at_the_target(
    here: tuple[netns.Namespace, netns.Namespace], raw: bool
) -> None:
    start, _ = here
    start.sysctl("net/ipv4/ping_group_range", "0 0" if not raw else "1 0")
    hops = traced(start, TARGET, raw=raw)
    assert [hop.by for hop in hops] == ["10.1.0.1", "10.2.0.2", TARGET]
    assert in_words(hops) == f"10.1.0.1, 10.2.0.2, {TARGET}, which is the target"


def test_it_agrees_with_icmplib(here: tuple[netns.Namespace, netns.Namespace]) -> None:
    start, _ = here

    async def reference() -> list[str]:
        return [hop.address for hop in icmplib.traceroute(TARGET, count=1, timeout=30, max_hops=6)]

    assert [hop.by for hop in traced(start, TARGET)] == start.run(reference)


def test_beyond_the_last_router_that_answers_it_says_that_nobody_does(
    here: tuple[netns.Namespace, netns.Namespace],
) -> None:
    start, target = here
    target.firewall("icmp type echo-request drop")
    assert in_words(traced(start, TARGET)) == "10.1.0.1, 10.2.0.2, then nobody answers"


def test_a_router_that_knows_no_way_ends_the_path(here: tuple[netns.Namespace, netns.Namespace]) -> None:
    start, _ = here
    words = in_words(traced(start, "10.9.0.1"))
    assert words.startswith("10.1.0.1, which says: ")
    assert "unreachable" in words


def test_a_dead_line_is_said_to_be_dead_from_the_first_hop() -> None:
    assert in_words([Hop(""), Hop("")]) == "not even the first hop answers"
    assert (
        in_words([Hop("192.0.2.1"), Hop(""), Hop("192.0.2.9"), Hop("")])
        == "192.0.2.1, *, 192.0.2.9, then nobody answers"
    )
