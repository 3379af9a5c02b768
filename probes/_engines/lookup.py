"""Asks a DNS server over one line, where the system's resolver would take any."""

import asyncio
import os
import socket
import time
from contextlib import suppress
from typing import NamedTuple

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver

from probes._base import Unmeasured
from probes._engines.connect import open_socket
from probes._engines.http.exchange import Via
from probes._engines.resolve import ip_version

_AGAIN = 0.4  # seconds until a question is sent again: one lost packet is no dead server
_MOST_RECORDS, _LONGEST_RECORD = 20, 500


class Answer(NamedTuple):
    """What a server said: the records of the type asked for, and the seconds until they came.

    `trouble` says in words why there are none, "" if there are some.
    """

    server: str
    records: tuple[str, ...] = ()
    took: float = 0.0
    trouble: str = ""


async def ask(server: str, port: int, name: str, kind: str, timeout: float, via: Via) -> Answer:
    """Ask a server, given by its address, for records of a kind ("A", "TXT"), within `timeout` seconds.

    Raises Unmeasured when this machine does not have what `via` asks for.
    """
    query, began = dns.message.make_query(name, kind), time.monotonic()
    with open_socket(socket.SOCK_DGRAM, ip_version(server), via.source, via.interface) as opened:
        try:
            async with asyncio.timeout(timeout):
                opened.connect((server, port))
                response = await _exchange(opened, query)
        except TimeoutError:
            return Answer(server, trouble=f"{server} does not answer")
        except OSError as error:
            words = os.strerror(error.errno) if error.errno else str(error)
            return Answer(server, trouble=f"{server} cannot be asked: {words}")
    return _answer(server, response, kind, time.monotonic() - began)


def first_nameserver() -> str:
    """The address of the server that this machine asks first; read anew each time, because DHCP changes it.

    Raises Unmeasured when there is none.
    """
    try:
        return str(dns.resolver.Resolver().nameservers[0])
    except (dns.exception.DNSException, OSError, IndexError) as error:
        raise Unmeasured("no_network", "this machine has no DNS server in /etc/resolv.conf") from error


async def _exchange(opened: socket.socket, query: dns.message.Message) -> dns.message.Message:
    """Send the question again and again until an answer comes. Raises OSError."""
    loop, wire = asyncio.get_running_loop(), query.to_wire()
    while True:
        await loop.sock_sendall(opened, wire)
        with suppress(TimeoutError):
            async with asyncio.timeout(_AGAIN):
                return await _response(loop, opened, query)


async def _response(
    loop: asyncio.AbstractEventLoop, opened: socket.socket, query: dns.message.Message
) -> dns.message.Message:
    """The first datagram that answers the question: anybody can send others."""
    while True:
        wire = await loop.sock_recv(opened, 65_535)
        with suppress(Exception):  # dnspython lets a few errors through for records that nobody writes
            response = dns.message.from_wire(wire)
            if query.is_response(response):
                return response


def _answer(server: str, response: dns.message.Message, kind: str, took: float) -> Answer:
    if response.rcode() != dns.rcode.NOERROR:
        return Answer(server, took=took, trouble=f"{server} answers {dns.rcode.to_text(response.rcode())}")
    wanted = dns.rdatatype.from_text(kind)
    found = [record.to_text() for rrset in response.answer if rrset.rdtype == wanted for record in rrset]
    if not found:
        return Answer(server, took=took, trouble=f"{server} knows no such name")
    return Answer(server, tuple(text[:_LONGEST_RECORD] for text in found[:_MOST_RECORDS]), took)
