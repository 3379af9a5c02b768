"""Both ways to take packets from an ICMP socket, against the kernel and its structures."""

import ctypes
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from peers import netns

from probes._engines.icmp.burst import packed
from probes._engines.icmp.messages import family, ip_header, request
from probes._engines.icmp.receive import IOVEC, MMSGHDR, ROOM, SLOTS, Batches, Packet, Receiver, Singles, receiver
from probes._engines.icmp.socket import Way, open_socket

T = TypeVar("T")

GROUPS = {"datagram": "0 2147483647", "raw": "1 0"}
ADDRESSES = {4: "127.9.8.7", 6: "::1"}


@pytest.fixture(params=GROUPS)
def either_socket(request: pytest.FixtureRequest) -> Iterator[netns.Namespace]:
    """A namespace that allows ICMP over datagram sockets, and one that leaves only raw ones."""
    with netns.namespaces() as (made,):
        made.sysctl("net/ipv4/ping_group_range", GROUPS[request.param])
        yield made


@pytest.fixture(params=[Batches, Singles])
def made(request: pytest.FixtureRequest) -> Receiver:
    """Each kind of receiver."""
    return Batches(ctypes.CDLL(None, use_errno=True)) if request.param is Batches else Singles()


def inside(namespace: netns.Namespace, version: int, work: Callable[[socket.socket], T]) -> T:
    """What `work` returns, done with an ICMP socket in a namespace."""

    async def run() -> T:
        with open_socket(Way(version)) as opened:
            return work(opened)

    return namespace.run(run)


def echo(opened: socket.socket, version: int, payload: bytes, sequence: int = 1) -> None:
    """Ask this machine, which has answered when this returns."""
    opened.sendto(request(version, 7, sequence, payload), (ADDRESSES[version], 0))


def message(opened: socket.socket, version: int, packet: bytes) -> bytes:
    """The ICMP message of a packet: a raw IPv4 socket prepends the IP header."""
    wrapped = version == 4 and opened.type == socket.SOCK_RAW
    return packet[ip_header(packet)[0] :] if wrapped else packet


def everything(receiver: Receiver, opened: socket.socket, version: int) -> list[list[Packet]]:
    """What is there, as it was taken; the last list is the first that says that there is no more."""
    taken = [receiver.receive(opened, version)]
    while len(taken[-1]) == receiver.at_once:
        taken.append(receiver.receive(opened, version))
    return taken


def test_this_machine_takes_many_packets_at_once() -> None:
    assert isinstance(receiver(), Batches)


@pytest.mark.parametrize("version", [4, 6])
def test_a_packet_comes_with_its_sender_its_time_and_its_hop_limit(
    either_socket: netns.Namespace, made: Receiver, version: int
) -> None:
    def work(opened: socket.socket) -> None:
        before = time.time_ns()
        echo(opened, version, b"0123456789")
        ((packet, sender, kernel, hop_limit),) = everything(made, opened, version)[0]
        assert message(opened, version, packet)[8:] == b"0123456789"
        assert sender == packed(ADDRESSES[version])
        assert kernel is not None and before <= kernel <= time.time_ns()
        # Over a raw IPv4 socket it is in the packet, and the kernel does not repeat it.
        assert (hop_limit or ip_header(packet)[1]) == 64

    inside(either_socket, version, work)


def test_no_packet_is_left_and_all_are_in_their_order(either_socket: netns.Namespace, made: Receiver) -> None:
    def work(opened: socket.socket) -> None:
        for sequence in range(300):
            echo(opened, 4, b"0123456789", sequence)
        taken = everything(made, opened, 4)
        packets = [message(opened, 4, packet) for some in taken for packet, *_ in some]
        assert [struct.unpack_from("!H", packet, 6)[0] for packet in packets] == list(range(300))
        assert [len(some) for some in taken] == [made.at_once] * (300 // made.at_once) + [300 % made.at_once]

    inside(either_socket, 4, work)


def test_a_short_packet_has_nothing_of_the_long_one_before_it(either_socket: netns.Namespace, made: Receiver) -> None:
    def work(opened: socket.socket) -> None:
        for payload in (b"x" * 5000, b"abc", b""):
            echo(opened, 4, payload)
            ((packet, *_),) = everything(made, opened, 4)[0]
            inner = message(opened, 4, packet)
            assert inner[8:] == payload[: ROOM - len(packet) + len(inner) - 8]

    inside(either_socket, 4, work)


def test_one_receiver_serves_sockets_of_both_versions(either_socket: netns.Namespace, made: Receiver) -> None:
    async def work() -> None:
        with open_socket(Way(4)) as four, open_socket(Way(6)) as six:
            for version, opened in ((4, four), (6, six), (4, four)):
                echo(opened, version, b"0123456789")
                ((_, sender, kernel, _),) = everything(made, opened, version)[0]
                assert (sender, kernel is None) == (packed(ADDRESSES[version]), False)

    either_socket.run(work)


@pytest.mark.parametrize("version", [4, 6])
def test_an_empty_socket_gives_nothing(either_socket: netns.Namespace, made: Receiver, version: int) -> None:
    assert inside(either_socket, version, lambda opened: made.receive(opened, version)) == []


def test_a_pending_error_is_raised_once(made: Receiver) -> None:
    with netns.namespaces() as (namespace,):
        namespace.sysctl("net/ipv4/ping_group_range", GROUPS["datagram"])
        namespace.firewall("icmp type echo-request reject with icmp type host-unreachable")

        def work(opened: socket.socket) -> None:
            echo(opened, 4, b"0123456789")
            with pytest.raises(OSError, match="No route to host"):
                made.receive(opened, 4)
            assert made.receive(opened, 4) == []

        inside(namespace, 4, work)


def test_the_structures_are_laid_out_as_in_c() -> None:
    """As <sys/socket.h> has them, put together by ctypes, which knows this machine's alignment."""

    class Iovec(ctypes.Structure):
        _fields_ = (("base", ctypes.c_void_p), ("len", ctypes.c_size_t))

    class Msghdr(ctypes.Structure):
        _fields_ = (
            ("name", ctypes.c_void_p),
            ("namelen", ctypes.c_uint32),
            ("iov", ctypes.c_void_p),
            ("iovlen", ctypes.c_size_t),
            ("control", ctypes.c_void_p),
            ("controllen", ctypes.c_size_t),
            ("flags", ctypes.c_int),
        )

    class Mmsghdr(ctypes.Structure):
        _fields_ = (("hdr", Msghdr), ("len", ctypes.c_uint))

    assert IOVEC.pack(1, 2) == bytes(Iovec(1, 2))
    assert MMSGHDR.pack(1, 2, 3, 4, 5, 6, 7, 8) == bytes(Mmsghdr(Msghdr(1, 2, 3, 4, 5, 6, 7), 8))


@pytest.mark.parametrize("version", [4, 6])
def test_a_slot_has_the_room_that_the_kernel_uses(version: int) -> None:
    name = {4: 16, 6: 28}[version]  # sockaddr_in, sockaddr_in6
    control = socket.CMSG_SPACE(struct.calcsize("@ll")) + socket.CMSG_SPACE(struct.calcsize("@i"))
    before = struct.calcsize("@28s0N")
    assert name <= before
    assert SLOTS[version].size == before + control + ROOM
    address = socket.inet_pton(family(version), "192.0.2.1" if version == 4 else "2001:db8::1")
    slot = bytes({4: 4, 6: 8}[version]) + address
    assert SLOTS[version].unpack(slot + bytes(SLOTS[version].size - len(slot)))[0] == address
