"""The ICMP engine against the kernel, against icmplib, and against peers that misbehave."""

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import icmplib
import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from peers import netns, require, sockets

from probes import Unmeasured
from probes._engines.icmp.burst import Burst, Echo, Moment, Trouble, round_trip
from probes._engines.icmp.engine import IcmpEngine
from probes._engines.icmp.messages import (
    TOKEN,
    Refusal,
    checksum,
    ip_header,
    queued_refusal,
    refused,
    reply,
    request,
    unwrap,
)

SOCKETS = {"datagram": "0 2147483647", "raw": "1 0"}
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def namespace() -> Iterator[netns.Namespace]:
    with netns.namespaces() as (made,):
        yield made


@pytest.fixture(params=SOCKETS)
def either_socket(request: pytest.FixtureRequest, namespace: netns.Namespace) -> netns.Namespace:
    """A namespace that allows ICMP over datagram sockets, and one that leaves only raw ones."""
    namespace.sysctl("net/ipv4/ping_group_range", SOCKETS[request.param])
    return namespace


async def burst(address: str, count: int = 3, gap: float = 0.01, timeout: float = 60, **how: Any) -> tuple[Echo, ...]:
    return await IcmpEngine().burst(address, count, gap, timeout, **how)


class Responder:
    """Answers echo requests in the kernel's place, each as `answers` says: payloads, and who they come from."""

    def __init__(self, answers: Callable[[bytes], list[tuple[str, bytes]]], delay: float = 0) -> None:
        self._answers = answers
        self._delay = delay
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._socket.setblocking(False)

    def _read(self) -> None:
        packet, _ = self._socket.recvfrom(65_535)
        _, message = unwrap(packet) or (0, b"")
        if message[0] == 8:
            asyncio.get_running_loop().call_later(self._delay, self._answer, message)

    def _answer(self, message: bytes) -> None:
        for source, payload in self._answers(message[8:]):
            header = struct.pack("!BBH", 0, 0, 0) + message[4:8]
            reply = struct.pack("!BBH", 0, 0, checksum(header + payload)) + message[4:8] + payload
            with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sender:
                sender.bind((source, 0))
                sender.sendto(reply, ("127.0.0.1", 0))

    @contextmanager
    def answering(self) -> Iterator[None]:
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        try:
            yield
        finally:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()


def answered_by(
    namespace: netns.Namespace, answers: Callable[[bytes], list[tuple[str, bytes]]], delay: float = 0, **how: Any
) -> tuple[Echo, ...]:
    """A burst to 127.0.0.1, which answers as told."""
    namespace.sysctl("net/ipv4/icmp_echo_ignore_all", "1")

    async def work() -> tuple[Echo, ...]:
        with Responder(answers, delay).answering():
            return await burst("127.0.0.1", source="127.0.0.1", **how)

    return namespace.run(work)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.8.7", "::1"])
def test_the_kernel_answers_every_echo(either_socket: netns.Namespace, address: str, loop: str) -> None:
    echoes = either_socket.run(partial(burst, address), loop=LOOPS[loop])
    assert len(echoes) == 3
    for echo in echoes:
        assert echo.rtt is not None and 0 < echo.rtt < 5
        assert (echo.hop_limit, echo.duplicates, echo.late, echo.trouble) == (64, 0, False, None)


def test_ttl_size_mark_source_and_interface_are_what_was_asked_for(either_socket: netns.Namespace) -> None:
    either_socket.sysctl("net/ipv4/icmp_echo_ignore_all", "1")

    async def work() -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as seen:
            seen.setblocking(False)
            await burst("127.0.0.1", 1, 0, 0.05, size=100, ttl=7, dscp=46, source="127.0.0.5", interface="lo")
            async with asyncio.timeout(30):
                return await asyncio.get_running_loop().sock_recv(seen, 65_535)

    packet = either_socket.run(work)
    assert packet[1] >> 2 == 46
    assert packet[8] == 7
    assert packet[12:16] == bytes([127, 0, 0, 5])
    assert len(packet) == 20 + 8 + 100


def test_an_echo_is_as_long_over_either_socket_as_icmplib_says(namespace: netns.Namespace) -> None:
    namespace.sysctl("net/ipv4/icmp_echo_ignore_all", "1")

    async def work() -> tuple[tuple[Echo, ...], icmplib.Host]:
        with Responder(lambda payload: [("127.0.0.1", payload)], delay=0.05).answering():
            ours = await burst("127.0.0.1", 5)
            return ours, await icmplib.async_ping("127.0.0.1", count=5, interval=0.01, timeout=60)

    ours, theirs = namespace.run(work)
    assert theirs.packets_received == sum(echo.rtt is not None for echo in ours) == 5
    assert theirs.min_rtt >= 50
    assert min(echo.rtt or 0 for echo in ours) >= 0.05


def test_ten_thousand_echoes_at_once_lose_none(either_socket: netns.Namespace) -> None:
    targets = [f"127.{1 + i // 250}.1.{1 + i % 250}" for i in range(10_000)]

    async def work() -> list[tuple[Echo, ...]]:
        engine = IcmpEngine()
        return await asyncio.gather(*(engine.burst(target, 1, 0, 30) for target in targets))

    echoes = either_socket.run(work, loop=LOOPS["uvloop"])
    assert [echo.rtt is not None for (echo,) in echoes] == [True] * 10_000


def test_more_echoes_than_sequence_numbers_are_told_apart(namespace: netns.Namespace) -> None:
    """70,000 echoes to one silent address are outstanding while those to its neighbour are answered."""
    namespace.firewall("ip daddr 127.0.0.2 drop")

    async def work() -> tuple[int, int]:
        engine = IcmpEngine()
        silent = [asyncio.ensure_future(engine.burst("127.0.0.2", 1000, 0, 60, size=8)) for _ in range(70)]
        answered = await asyncio.gather(*(engine.burst("127.0.0.1", 1000, 0, 60, size=8) for _ in range(5)))
        for task in silent:
            task.cancel()
        ended = await asyncio.gather(*silent, return_exceptions=True)
        return sum(echo.rtt is not None for echoes in answered for echo in echoes), len(ended)

    assert namespace.run(work) == (5000, 70)


def test_loss_is_within_its_confidence_interval(either_socket: netns.Namespace) -> None:
    either_socket.firewall("icmp type echo-request numgen random mod 100 < 30 drop")

    echoes = either_socket.run(partial(burst, "127.0.0.1", 1000, 0, 3))
    lost = sum(echo.rtt is None for echo in echoes)
    assert 220 < lost < 380  # 300 +- 5.5 standard deviations: fails once in 20 million runs


def test_a_second_reply_is_a_duplicate(either_socket: netns.Namespace) -> None:
    echoes = answered_by(either_socket, lambda payload: [("127.0.0.1", payload)] * 3, gap=0.2)
    assert [echo.rtt is not None for echo in echoes] == [True] * 3
    assert [echo.duplicates for echo in echoes[:2]] == [2, 2]


def test_a_reply_after_the_timeout_is_late_and_not_an_answer(either_socket: netns.Namespace) -> None:
    either_socket.sysctl("net/ipv4/icmp_echo_ignore_all", "1")

    async def work() -> list[Moment | Echo | None]:
        """The burst goes on for as long as the replies take: it is over when a slow machine has heard them."""
        engine = IcmpEngine()
        with Responder(lambda payload: [("127.0.0.1", payload)], delay=0.3).answering():
            asked = engine.burst("127.0.0.1", 1000, 0.2, 0.1, source="127.0.0.1")
            assert isinstance(asked, Burst)
            async with asyncio.timeout(60):
                while not all(isinstance(echo, Echo) for echo in asked.echoes[:2]):
                    await asyncio.sleep(0.01)
            found = asked.echoes[:2]
            engine.close()
            return found

    for echo in either_socket.run(work):
        assert isinstance(echo, Echo)
        assert (echo.rtt, echo.late) == (None, True)


class Nobody:
    """Sends no echoes."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()

    def forget(self, burst: Burst) -> None:
        """There is nothing to forget."""


async def test_a_late_reply_is_told_with_what_became_of_the_others() -> None:
    asked = Burst(Nobody(), "127.0.0.1", 2, gap=1, timeout=0.1, token=bytes(TOKEN), size=TOKEN)
    now = time.monotonic_ns()
    asked.echoes[:] = [(0, now - 10**9)] * 2
    asked.answer(asked.first, (0, now), None, 64)
    asked.expire()
    late, lost = await asked
    assert (late.rtt, late.late) == (None, True)
    assert (lost.rtt, lost.late) == (None, False)


@pytest.mark.parametrize(
    "forged",
    [
        lambda payload: [("127.0.0.1", bytes(8) + payload[8:])],
        lambda payload: [("127.0.0.1", b"")],
        lambda payload: [("127.0.0.1", payload[:7])],
        lambda payload: [("127.0.0.9", payload)],
    ],
    ids=["wrong token", "no payload", "cut payload", "another sender"],
)
def test_a_forged_reply_counts_for_nothing(
    either_socket: netns.Namespace, forged: Callable[[bytes], list[tuple[str, bytes]]]
) -> None:
    echoes = answered_by(either_socket, forged, timeout=0.2)
    assert all(echo.rtt is None and not echo.late and not echo.duplicates for echo in echoes)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_rejected_echo_says_who_rejected_it_and_why(either_socket: netns.Namespace, address: str) -> None:
    either_socket.firewall(
        "icmp type echo-request reject with icmp type admin-prohibited",
        "icmpv6 type echo-request reject with icmpv6 type admin-prohibited",
    )

    echoes = either_socket.run(partial(burst, address))
    troubles = [echo.trouble for echo in echoes]
    assert troubles == [("unreachable", "administratively prohibited", address)] * 3


def test_a_host_that_nobody_has_is_unreachable_and_the_others_are_not(namespace: netns.Namespace) -> None:
    """The error that a datagram socket reports belongs to another target's echo than the one being sent."""
    with netns.namespaces(1) as (far,):
        netns.join(namespace, "10.77.0.1/24", far, "10.77.0.2/24")
        namespace.sysctl("net/ipv4/ping_group_range", SOCKETS["datagram"])

        async def work() -> list[tuple[Echo, ...]]:
            engine = IcmpEngine()
            absent, present = engine.burst("10.77.0.9", 2, 0.1, 20), engine.burst("10.77.0.2", 40, 0.1, 20)
            return await asyncio.gather(absent, present)

        absent, present = namespace.run(work)
    assert [echo.trouble and echo.trouble[:2] for echo in absent] == [("unreachable", "host unreachable")] * 2
    assert all(echo.rtt is not None for echo in present)


def test_an_echo_whose_hop_limit_ends_on_the_way_names_the_router(either_socket: netns.Namespace) -> None:
    with netns.namespaces(1) as (router,):
        netns.join(either_socket, "10.77.0.1/24", router, "10.77.0.2/24")
        netns.join(router, "10.78.0.1/24", router, "10.79.0.1/24")
        either_socket.ip("route", "add", "10.78.0.0/24", "via", "10.77.0.2")
        router.sysctl("net/ipv4/ip_forward", "1")

        echoes = either_socket.run(partial(burst, "10.78.0.7", 1, ttl=1))
    assert echoes[0].trouble == ("ttl_exceeded", "TTL exceeded on the way", "10.77.0.2")


FAR = {4: ("10.77.0.2", "10.78.0.2"), 6: ("fd77::2", "fd78::2")}
"""By IP version: a router, and a host behind it."""


def behind_a_router(
    here: netns.Namespace, router: netns.Namespace, far: netns.Namespace, version: int, **mtu: int
) -> None:
    """Connect `far` to here through a router; `near` and `beyond` are the MTUs of the two links."""
    near, beyond = mtu.get("near", 1500), mtu.get("beyond", 1500)
    if version == 4:
        netns.join(here, "10.77.0.1/24", router, "10.77.0.2/24", mtu=near)
        netns.join(router, "10.78.0.1/24", far, "10.78.0.2/24", mtu=beyond)
        here.ip("route", "add", "10.78.0.0/24", "via", "10.77.0.2")
        far.ip("route", "add", "10.77.0.0/24", "via", "10.78.0.1")
        router.sysctl("net/ipv4/ip_forward", "1")
    else:
        netns.join(here, "fd77::1/64", router, "fd77::2/64", mtu=near)
        netns.join(router, "fd78::1/64", far, "fd78::2/64", mtu=beyond)
        here.ip("route", "add", "fd78::/64", "via", "fd77::2")
        far.ip("route", "add", "fd77::/64", "via", "fd78::1")
        router.sysctl("net/ipv6/conf/all/forwarding", "1")


@pytest.mark.parametrize("version", [4, 6])
def test_an_echo_too_big_for_the_path_names_the_mtu_and_the_router(
    either_socket: netns.Namespace, version: int
) -> None:
    """Asked twice, and after the path has been mended: what the kernel remembers of the path must not count."""
    router_address, target = FAR[version]
    fits = 1300 - {4: 28, 6: 48}[version]
    with netns.namespaces(2) as (router, far):
        behind_a_router(either_socket, router, far, version, beyond=1300)
        ask = partial(burst, target, dont_fragment=True)
        for _ in range(2):
            echoes = either_socket.run(partial(ask, size=fits + 1))
            assert [echo.trouble for echo in echoes] == [
                ("too_big", "packet too big for an MTU of 1300 bytes", router_address)
            ] * 3
            assert all(echo.queued is not None for echo in echoes)
        assert all(echo.rtt is not None for echo in either_socket.run(partial(ask, size=fits)))
        for namespace in (router, far):
            namespace.ip("link", "set", "group", "default", "mtu", "1500")
        assert all(echo.rtt is not None for echo in either_socket.run(partial(ask, size=fits + 1)))


@pytest.mark.parametrize("version", [4, 6])
def test_an_echo_too_big_for_the_path_is_fragmented_unless_forbidden(
    either_socket: netns.Namespace, version: int
) -> None:
    with netns.namespaces(2) as (router, far):
        behind_a_router(either_socket, router, far, version, beyond=1300)
        either_socket.run(partial(burst, FAR[version][1], 1, size=1400))  # from which the kernel learns the MTU
        assert all(echo.rtt is not None for echo in either_socket.run(partial(burst, FAR[version][1], size=1400)))


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("version", [4, 6])
def test_an_echo_too_big_for_our_own_link_never_leaves(either_socket: netns.Namespace, version: int, loop: str) -> None:
    with netns.namespaces(2) as (router, far):
        behind_a_router(either_socket, router, far, version, near=1400)
        ask = partial(burst, FAR[version][1], 2, dont_fragment=True, size=1400)
        echoes = either_socket.run(ask, loop=LOOPS[loop])
    trouble = ("too_big", "packet too big for this machine's MTU of 1400 bytes", "")
    assert list(echoes) == [Echo(trouble=Trouble(*trouble))] * 2


def test_an_error_of_our_own_link_is_told_once(namespace: netns.Namespace) -> None:
    """A datagram socket is readable until its error is taken: a loop that is woken for ever would never be idle."""
    namespace.sysctl("net/ipv4/ping_group_range", SOCKETS["datagram"])
    woken = 0

    class Watched(asyncio.SelectorEventLoop):
        def _run_once(self) -> None:
            nonlocal woken
            woken += 1
            super()._run_once()

    with netns.namespaces() as (far,):
        netns.join(namespace, "10.77.0.1/24", far, "10.77.0.2/24", mtu=1400)
        namespace.run(partial(burst, "10.77.0.2", 2, 0.3, dont_fragment=True, size=1400), loop=Watched)
    assert woken < 50


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_no_route_is_our_own_trouble(either_socket: netns.Namespace, address: str) -> None:
    with pytest.raises(Unmeasured, match=f"no_network: cannot send to {address}: Network is unreachable"):
        either_socket.run(partial(burst, address))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"source": "192.0.2.7"}, "cannot send from 192.0.2.7: Cannot assign requested address"),
        ({"interface": "wan9"}, "cannot send from wan9: No such device"),
    ],
)
def test_a_source_that_this_machine_lacks_is_our_own_trouble(
    either_socket: netns.Namespace, how: dict[str, str], words: str
) -> None:
    with pytest.raises(Unmeasured, match=words):
        either_socket.run(partial(burst, "127.0.0.1", **how))


def test_without_permission_the_remedy_is_named(namespace: netns.Namespace) -> None:
    namespace.sysctl("net/ipv4/ping_group_range", SOCKETS["raw"])
    with pytest.raises(Unmeasured, match=r"no_permission: .*net.ipv4.ping_group_range.*CAP_NET_RAW"):
        namespace.run(partial(burst, "127.0.0.1"), raw=False)


def test_the_ping_group_needs_no_capability(namespace: netns.Namespace) -> None:
    namespace.sysctl("net/ipv4/ping_group_range", SOCKETS["datagram"])
    echoes = namespace.run(partial(burst, "127.0.0.1"), raw=False)
    assert all(echo.rtt is not None for echo in echoes)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_cancelled_burst_leaves_nothing_open(either_socket: netns.Namespace, loop: str) -> None:
    either_socket.sysctl("net/ipv4/icmp_echo_ignore_all", "1")

    async def work() -> tuple[set[str], set[str]]:
        before = sockets.opened()
        engine = IcmpEngine()
        tasks = [asyncio.ensure_future(engine.burst(f"127.0.0.{i}", 5, 0.01, 60)) for i in range(1, 50)]
        await asyncio.sleep(0)
        during = sockets.opened()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(task.cancelled() for task in tasks)
        return during - before, sockets.opened() - before

    opened, left = either_socket.run(work, loop=LOOPS[loop])
    assert len(opened) == 1
    assert not left


def test_a_burst_that_nobody_waits_for_ends_by_itself(either_socket: netns.Namespace) -> None:
    either_socket.sysctl("net/ipv4/icmp_echo_ignore_all", "1")

    async def work() -> tuple[Echo, ...]:
        before = sockets.opened()
        unasked = IcmpEngine().burst("127.0.0.1", 2, 0.01, 0.02)
        assert sockets.opened() - before
        async with asyncio.timeout(60):
            while sockets.opened() - before:
                await asyncio.sleep(0.01)
        return await unasked

    echoes = either_socket.run(work)
    assert [echo.rtt for echo in echoes] == [None] * 2


@pytest.mark.parametrize("loop", LOOPS)
def test_bursts_that_are_due_at_the_same_time_all_go_on(namespace: netns.Namespace, loop: str) -> None:
    """More is due than the loop gets done in time: every echo leaves, and every burst ends."""

    async def work() -> list[tuple[Echo, ...]]:
        engine = IcmpEngine()
        return await asyncio.gather(*(engine.burst(f"127.0.0.{i}", 20, 0.001, 30) for i in range(1, 50)))

    found = namespace.run(work, loop=LOOPS[loop])
    assert all(echo.rtt is not None for echoes in found for echo in echoes)


def test_closing_the_engine_ends_its_bursts(namespace: netns.Namespace) -> None:
    namespace.sysctl("net/ipv4/icmp_echo_ignore_all", "1")

    async def work() -> None:
        engine = IcmpEngine()
        task = asyncio.ensure_future(engine.burst("127.0.0.1", 1, 0, 60))
        await asyncio.sleep(0)
        engine.close()
        await task

    with pytest.raises(Unmeasured, match="Deskwatch is stopping"):
        namespace.run(work)


async def test_a_reply_is_in_time_however_late_we_read_it() -> None:
    """A loop that is busy for longer than the timeout: the kernel's stamps show that the reply was there."""
    require.root()
    task = asyncio.ensure_future(burst("127.0.0.1", 1, 0, 0.5))
    await asyncio.sleep(0)
    time.sleep(1)
    (echo,) = await task
    assert echo.rtt is not None and echo.rtt < 0.5


def test_an_echo_that_we_sent_too_late_is_not_counted_as_lost(either_socket: netns.Namespace) -> None:
    """A loop that stands still: the second echo is only sent when the time for its reply is over."""
    either_socket.sysctl("net/ipv4/icmp_echo_ignore_all", "1")

    async def work() -> tuple[Echo, ...]:
        task = asyncio.ensure_future(burst("127.0.0.1", 2, 0.05, 0.1))
        await asyncio.sleep(0)
        time.sleep(0.3)
        return await task

    first, second = either_socket.run(work)
    assert first.queued is not None and first.rtt is None
    assert second == Echo()


def test_a_full_send_buffer_is_waited_for(either_socket: netns.Namespace) -> None:
    with netns.namespaces() as (far,):
        netns.join(either_socket, "10.77.0.1/24", far, "10.77.0.2/24", rate="200mbit")
        echoes = either_socket.run(partial(burst, "10.77.0.2", 250, 0, 20, size=60_000))
    # Whether each is answered is up to the other kernel, which drops a reply when it is busy with another one. Ours may
    # say of some that it has no memory for all of their fragments: those never left, and are no loss.
    assert sum(echo.queued is not None for echo in echoes) >= 200
    assert max(echo.queued or 0 for echo in echoes) > 0.05


@pytest.mark.parametrize(
    ("kernel", "read", "expected"),
    [
        (1_000_200_000, (1_000_500_000, 500_000), 0.0002),
        (None, (1_000_500_000, 500_000), 0.0005),
        (9_000_200_000, (9_000_500_000, 500_000), 0.0005),
        (200_000, (500_000, 500_000), 0.0005),
        (1_000_900_000, (1_000_500_000, 500_000), 0.0005),
    ],
    ids=["stamped", "no stamp", "clock set forward", "clock set back", "stamp from the future"],
)
def test_a_round_trip_survives_a_clock_that_is_set(kernel: int | None, read: Moment, expected: float) -> None:
    assert round_trip((1_000_000_000, 0), read, kernel) == pytest.approx(expected)


@given(st.sampled_from([4, 6]), st.binary(max_size=200))
def test_no_message_breaks_the_parser(version: int, message: bytes) -> None:
    found = reply(version, message, 0)
    assert found is None or len(found[2]) == TOKEN
    assert isinstance(refused(version, message), Refusal | None)


@given(
    st.sampled_from([(4, 3), (4, 11), (4, 12), (6, 1), (6, 2), (6, 3), (6, 4), (4, 0), (6, 129)]),
    st.integers(0, 255),
    st.sampled_from([b"\x45", b"\x4f", b"\x60", b"\x41"]),
    st.binary(max_size=100),
)
def test_no_quoted_packet_breaks_the_parser(kind: tuple[int, int], code: int, first: bytes, rest: bytes) -> None:
    message = struct.pack("!BBHI", kind[1], code, 0, 0) + first + rest
    assert isinstance(refused(kind[0], message), Refusal | None)


@given(st.sampled_from([4, 6]), st.integers(0, 0xFFFFFFFF), st.binary(max_size=30), st.booleans())
def test_any_mtu_is_read_from_an_error_and_from_the_queue(
    version: int, rest: int, payload: bytes, queued: bool
) -> None:
    """RFC 1191 leaves the first half of those four bytes unused, and older routers say 0."""
    kind, code = {4: (3, 4), 6: (2, 0)}[version]
    mtu = rest & 0xFFFF if version == 4 else rest
    if queued:
        error = struct.pack("@IBBBBII", 90, version // 2, kind, code, 0, mtu, 0) + bytes(28)
        found = queued_refusal(version, error, "target", request(version, 7, 9, payload))
        refusal = found[0] if found else None
    else:
        refusal = refused(version, struct.pack("!BBHI", kind, code, 0, rest) + quoted_echo(version, payload))
    assert isinstance(refusal, Refusal)
    assert (refusal.id, refusal.sequence, refusal.payload, refusal.reason) == (7, 9, payload, "too_big")
    assert refusal.words == (f"packet too big for an MTU of {mtu} bytes" if mtu else "packet too big for the path")


def quoted_echo(version: int, payload: bytes) -> bytes:
    """A packet with an echo request, number 9 of 7, as an error quotes it."""
    if version == 4:
        return bytes([0x45, *bytes(8), 1, *bytes(6), 192, 0, 2, 1]) + request(4, 7, 9, payload)
    return bytes([0x60, *bytes(5), 58, *bytes(33)]) + request(6, 7, 9, payload)


@given(st.sampled_from([4, 6]), st.binary(max_size=60), st.binary(max_size=100))
def test_no_queued_error_breaks_the_parser(version: int, error: bytes, quoted: bytes) -> None:
    queued_refusal(version, error, "192.0.2.1", quoted)


@given(st.binary(max_size=100))
def test_no_packet_breaks_the_ip_parser(packet: bytes) -> None:
    found = unwrap(packet)
    assert found is None or len(found[1]) <= len(packet) - 20


@given(st.integers(0, 65_535), st.integers(0, 65_535), st.binary(max_size=100))
def test_the_checksum_of_a_request_verifies(id: int, sequence: int, payload: bytes) -> None:
    message = request(4, id, sequence, payload)
    padded = message + bytes(len(message) % 2)
    assert sum(struct.unpack(f"!{len(padded) // 2}H", padded)) % 0xFFFF == 0


@given(st.integers(5, 15), st.integers(0, 255), st.binary(min_size=TOKEN, max_size=TOKEN))
def test_a_reply_is_found_behind_any_ip_options(words: int, ttl: int, token: bytes) -> None:
    header = bytes([0x40 | words, *bytes(7), ttl]).ljust(words * 4, b"\0")
    packet = header + struct.pack("!BBHHH", 0, 0, 0, 7, 9) + token
    assert ip_header(packet) == (words * 4, ttl)
    assert reply(4, packet, words * 4) == (7, 9, token)
    assert reply(4, packet[:-1], words * 4) is None


def test_an_error_that_quotes_only_eight_bytes_is_understood() -> None:
    found = refused(4, struct.pack("!BBHI", 3, 1, 0, 0) + quoted_echo(4, b""))
    assert found == Refusal(7, 9, b"", "192.0.2.1", "unreachable", "host unreachable")
