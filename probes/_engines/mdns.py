"""Asks a network by multicast DNS who offers a service there, as phones and laptops do (RFC 6762, RFC 6763)."""

import asyncio
import contextlib
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.wire
from dns.name import Name
from dns.rdatatype import RdataType

from probes._base import Unmeasured
from probes._engines.displays import printable
from probes._engines.reach import Way
from probes._engines.resolve import local_failure

GROUP, PORT = "224.0.0.251", 5353
MOST_BYTES = 9000
"""Bytes of a message, as RFC 6762 section 17 bounds it."""
MOST_RECORDS = 64
"""Records of a message that are read."""
MOST_WORK = 0.25
"""Seconds of CPU that reading takes until questions are asked again: anybody in the network can send messages."""
MOST_KNOWN = 500
"""Records of one type that are kept of one look."""

_MOST_QUESTIONS = 12  # of one message, so that it fits into a frame
_UNIQUE = 0x8000  # top bit of a record's class: it replaces what was known (RFC 6762 §10.2)
_IP_MULTICAST_ALL = 49  # <linux/in.h>: Python's socket module has no name for it
_FIRST_PAUSE = 1.0  # seconds until questions are asked again, twice as many each time (RFC 6762 §5.2)
_READ = (RdataType.PTR, RdataType.SRV, RdataType.TXT, RdataType.A)

Question = tuple[Name, RdataType]


class Record(NamedTuple):
    """One record of a message; `ttl` 0 takes it back. `data` is a name, a name with a port, texts or an address."""

    name: Name
    kind: RdataType
    ttl: int
    data: Any


class Service(NamedTuple):
    """Something that announces itself: its type, what it is called, and where it is as far as it says so.

    `names` are all that people may know it by, the most telling one first. `addresses` begin with those that routers
    carry.
    """

    kind: str
    names: tuple[str, ...]
    port: int = 0
    addresses: tuple[str, ...] = ()

    def is_called(self, name: str) -> bool:
        """Whether people mean this by the name."""
        return name.casefold() in (known.casefold() for known in self.names)


class Directory:
    """What announces itself in a network, of the types that are looked for, like "_airplay._tcp"."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self._kinds = {dns.name.from_text(f"{kind}.local."): kind for kind in kinds}
        self._instances: dict[Name, str] = {}
        self._places: dict[Name, tuple[Name, int]] = {}
        self._texts: dict[Name, str] = {}
        self._addresses: dict[Name, tuple[str, ...]] = {}

    def hear(self, message: bytes) -> None:
        """Learn from a message; one that is no answer, or broken, says nothing from there on."""
        try:
            for record in records(message):
                self._learn(record)
        except (dns.exception.DNSException, ValueError):
            return

    def questions(self) -> Iterator[Question]:
        """What to ask: who is there, and what those that are known have not told yet."""
        yield from ((kind, RdataType.PTR) for kind in self._kinds)
        for instance in self._instances:
            if instance not in self._places:
                yield instance, RdataType.SRV
            if instance not in self._texts:
                yield instance, RdataType.TXT
        for host, _ in self._places.values():
            if host not in self._addresses:
                yield host, RdataType.A

    @property
    def services(self) -> tuple[Service, ...]:
        """What is known."""
        return tuple(self._service(instance, kind) for instance, kind in self._instances.items())

    def _service(self, instance: Name, kind: str) -> Service:
        host, port = self._places.get(instance, (dns.name.empty, 0))
        label = printable(instance.labels[0].decode(errors="replace"), 64)
        # AirPlay's sound puts the hardware address before the name, Chromecasts have it in their description.
        names = (self._texts.get(instance, ""), label.partition("@")[2], label)
        addresses = sorted(self._addresses.get(host, ()), key=lambda address: address.startswith("169.254."))
        return Service(kind, tuple(filter(None, names)), port, tuple(addresses))

    def _learn(self, record: Record) -> None:
        name, kind, ttl, data = record
        if kind == RdataType.PTR and name in self._kinds:
            _keep(self._instances, data, self._kinds[name] if ttl else None)
        elif kind == RdataType.A:
            known = self._addresses.get(name, ())
            _keep(self._addresses, name, tuple(dict.fromkeys((*known, data)))[:8] if ttl else None)
        elif kind == RdataType.SRV and self._is_looked_for(name):
            _keep(self._places, name, data if ttl else None)
        elif kind == RdataType.TXT and self._is_looked_for(name):
            _keep(self._texts, name, _friendly(data) if ttl else None)

    def _is_looked_for(self, instance: Name) -> bool:
        return len(instance.labels) > 1 and instance.parent() in self._kinds


def _keep(known: dict[Name, Any], name: Name, value: Any) -> None:
    """Keep a value within bounds; None is forgotten."""
    if value is None:
        known.pop(name, None)
    elif name in known or len(known) < MOST_KNOWN:
        known[name] = value


def _friendly(strings: Sequence[bytes]) -> str:
    """The name that a Chromecast shows to people, "" without one."""
    found = (text[3:].decode(errors="replace") for text in strings if text[:3].lower() == b"fn=")
    return printable(next(found, ""), 64)


def records(message: bytes) -> Iterator[Record]:
    """The records of an answer; none for a question. Raises DNSException or ValueError where it is broken.

    Not by dnspython's own reader of messages: that takes the top bit of a class for another class, and the short form
    of names that multicast DNS allows everywhere for an error.
    """
    parser = dns.wire.Parser(message)
    _, flags, questions, *counts = parser.get_struct("!HHHHHH")
    if not flags & dns.flags.QR:
        return
    for _ in range(min(questions, MOST_RECORDS)):
        parser.get_name(decompress=True)
        parser.get_struct("!HH")
    for _ in range(min(sum(counts), MOST_RECORDS)):
        name = parser.get_name(decompress=True)
        kind, rdclass, ttl, length = parser.get_struct("!HHIH")
        if kind not in _READ or rdclass & ~_UNIQUE != dns.rdataclass.IN:
            parser.get_bytes(length)
            continue
        with parser.restrict_to(length):
            data = _data(RdataType(kind), parser)
        yield Record(name, RdataType(kind), ttl, data)


def _data(kind: RdataType, parser: dns.wire.Parser) -> Any:
    """What a record says: a name, a name and a port, texts, or an address."""
    if kind == RdataType.PTR:
        return parser.get_name(decompress=True)
    if kind == RdataType.SRV:
        _, _, port = parser.get_struct("!HHH")
        return parser.get_name(decompress=True), port
    if kind == RdataType.A:
        return socket.inet_ntoa(parser.get_bytes(4))
    texts = []
    while parser.remaining():
        texts.append(parser.get_counted_bytes())
    return texts


def query(questions: Sequence[Question]) -> bytes:
    """A message that asks for these."""
    message = dns.message.Message(id=0)
    message.flags = dns.flags.Flag(0)
    for name, kind in questions:
        message.find_rrset(message.question, name, dns.rdataclass.IN, kind, create=True, force_unique=True)
    return message.to_wire()


async def browse(kinds: Sequence[str], way: Way, patience: float, enough: Callable[[Directory], bool]) -> Directory:
    """What announces itself, after `patience` seconds or when that is enough. Raises Unmeasured when we cannot ask."""
    directory, pause, loop = Directory(kinds), _FIRST_PAUSE, asyncio.get_running_loop()
    end = loop.time() + patience
    with _open(way) as opened:
        while (left := end - loop.time()) > 0 and not enough(directory):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(pause, left)):
                    await _ask(opened, directory, enough)
            pause *= 2
    return directory


async def _ask(opened: socket.socket, directory: Directory, enough: Callable[[Directory], bool]) -> None:
    """Ask everything once, and listen until that is enough. Raises Unmeasured when listening is too much work."""
    message, asked, work = b"", set[Question](), 0.0
    while work < MOST_WORK:
        began = time.thread_time()
        directory.hear(message)
        if enough(directory):
            return
        fresh = [each for each in directory.questions() if each not in asked][:_MOST_QUESTIONS]
        if fresh:
            asked.update(fresh)
            _send(opened, query(fresh))
        work += time.thread_time() - began
        message = await _receive(opened)
    raise Unmeasured("overloaded", "more is announced in this network than we can read beside our other work")


async def _receive(opened: socket.socket) -> bytes:
    """The next message, empty if it is from none that may answer."""
    await asyncio.sleep(0)  # a flood must not keep the other checks from their turn
    while True:
        try:
            message, sender = opened.recvfrom(MOST_BYTES)  # not by the loop's sock_recvfrom: uvloop has none
        except BlockingIOError:
            await _readable(opened)
        else:
            return message if sender[1] == PORT else b""  # RFC 6762 §6


async def _readable(opened: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(opened.fileno(), ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(opened.fileno())


def _send(opened: socket.socket, message: bytes) -> None:
    try:
        opened.sendto(message, (GROUP, PORT))
    except OSError as error:
        raise local_failure(error, "cannot send multicast DNS into this network") from error


def _open(way: Way) -> socket.socket:
    """A socket that asks and hears as a member's device does. Raises Unmeasured when this machine has none for us.

    Asking from another port than 5353 would get answers sent to us alone, which most reflectors do not bring back.
    """
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # beside this machine's own responder
        if way.interface:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, way.interface.encode() + b"\0")
        opened.bind(("", PORT))
        _join(opened, way)
    except OSError as error:
        opened.close()
        where = way.interface or way.source or "this machine"
        raise local_failure(error, f"cannot ask by multicast DNS (UDP port {PORT}) from {where}") from error
    return opened


def _join(opened: socket.socket, way: Way) -> None:
    index = socket.if_nametoindex(way.interface) if way.interface else 0
    if sys.platform == "linux":  # else it would hear what other programs have joined at other interfaces
        opened.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
    source = socket.inet_aton(way.source) if way.source else bytes(4)
    member = struct.pack("=4s4si", socket.inet_aton(GROUP), source, index)
    opened.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    if way.source or way.interface:
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, member)
    opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
