"""The demo's devices and services: real servers on loopback that can be told to misbehave."""

import asyncio
import ssl
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from aiohttp import web

from monitor.demo.certificates import Authority

WELL = "well"
"""How every peer behaves unless told otherwise."""

NAME = "booking.harbour-street.example"
"""The booking system's name: what the resolver knows and the certificate is for."""

ROUTER = "127.77.0.1"
ACCESS_POINTS = ("127.77.0.11", "127.77.0.12")
BOOKING = "127.77.0.20"
DOORS = "127.77.0.30"
ROOM = "127.77.0.41"
ROOM_PANEL = "127.77.0.42"
RESOLVER = "127.77.0.53"
SINK = "127.77.0.99"

SLOW = 30.0
"""Seconds that a slow answer takes: longer than any check of the demo waits."""


class Peer(Protocol):
    """Something that is measured and can be told how to behave."""

    mood: str

    async def start(self) -> None:
        """Begin to listen, on free ports."""
        ...

    async def behave(self, mood: str) -> None:
        """Behave like that from now on."""
        ...

    async def stop(self) -> None:
        """Let go of sockets and connections."""
        ...


class Booking:
    """A booking system for the web: a login page and the availability of rooms as JSON, over HTTP and HTTPS.

    Moods: down answers 503, slow takes longer than anybody waits, wrong reports an error with status 200, expired
    shows a certificate of last year.
    """

    def __init__(self, authority: Authority) -> None:
        self.mood = WELL
        self.port = self.secure_port = 0
        year = timedelta(days=365)
        self._secure = authority.server(-timedelta(hours=1), year)
        self._expired = authority.server(-year, -timedelta(days=3))
        self._secure.sni_callback = self._present
        app = web.Application()
        app.router.add_get("/login", self._login)
        app.router.add_get("/api/availability", self._availability)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    async def start(self) -> None:
        """Listen on two free ports."""
        await self._runner.setup()
        await web.TCPSite(self._runner, BOOKING, 0).start()
        await web.TCPSite(self._runner, BOOKING, 0, ssl_context=self._secure).start()
        (_, self.port), (_, self.secure_port) = self._runner.addresses

    async def behave(self, mood: str) -> None:
        """Behave like that from now on."""
        self.mood = mood

    async def stop(self) -> None:
        """Close all connections."""
        await self._runner.cleanup()

    def _present(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        # OpenSSL asks at each handshake, so the certificate changes without a new listener.
        if self.mood == "expired":
            connection.context = self._expired

    async def _login(self, _request: web.Request) -> web.Response:
        await self._delay()
        page = "<!doctype html><title>Harbour Street</title><h1>Sign in to book a room</h1>"
        return web.Response(text=page, content_type="text/html")

    async def _availability(self, _request: web.Request) -> web.Response:
        await self._delay()
        if self.mood == "wrong":
            return web.json_response({"status": "error", "error": "calendar sync failed", "rooms": []})
        rooms = [{"name": "Harbour", "free": True}, {"name": "Lighthouse", "free": False}]
        return web.json_response({"status": "ok", "rooms": rooms})

    async def _delay(self) -> None:
        if self.mood == "down":
            raise web.HTTPServiceUnavailable(text="The booking system is being maintained.")
        if self.mood == "slow":
            await asyncio.sleep(SLOW)


class Panel:
    """A device that speaks lines over TCP: a banner, then an answer to each command.

    Moods: mute accepts and never says a word, refused does not listen at all; any other name picks the answers from
    `answers`, which hold for each mood what is said to each command.
    """

    def __init__(self, address: str, banner: str, answers: Mapping[str, Mapping[str, str]]) -> None:
        self.mood = WELL
        self.port = 0
        self._address = address
        self._banner = banner
        self._answers = answers
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen, on a free port at first and on the same one later."""
        self._server = await asyncio.start_server(self._talk, self._address, self.port, limit=256)
        self.port = self._server.sockets[0].getsockname()[1]

    async def behave(self, mood: str) -> None:
        """Behave like that from now on, also towards those who are connected."""
        self.mood = mood
        if mood == "refused":
            await self.stop()
        elif self._server is None:
            await self.start()

    async def stop(self) -> None:
        """Close the listener and all connections."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for talk in self._talks:
            talk.close()
        await server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._talks.add(writer)
        try:
            if self.mood != "mute":
                writer.write(f"{self._banner}\r\n".encode())
            while line := await reader.readline():
                if self.mood != "mute":
                    writer.write(f"{self._answer(line)}\r\n".encode())
        except (ConnectionError, ValueError):
            pass  # the other side is gone, or speaks something else
        finally:
            self._talks.discard(writer)
            writer.close()

    def _answer(self, line: bytes) -> str:
        answers = self._answers.get(self.mood, {})
        return answers.get(line.decode(errors="replace").strip(), "ERR unknown command")


class Resolver(asyncio.DatagramProtocol):
    """A DNS server that knows one name, over UDP and TCP.

    Moods: garbage answers with bytes that are no DNS message, silent does not answer.
    """

    def __init__(self) -> None:
        self.mood = WELL
        self.port = 0
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on one free port over both."""
        loop = asyncio.get_running_loop()
        while self._udp is None:
            tcp = await asyncio.start_server(self._converse, RESOLVER, 0)
            port = tcp.sockets[0].getsockname()[1]
            try:
                self._udp, _ = await loop.create_datagram_endpoint(lambda: self, (RESOLVER, port))
            except OSError:
                tcp.close()  # somebody has that port over UDP
            else:
                self._tcp, self.port = tcp, port

    async def behave(self, mood: str) -> None:
        """Behave like that from now on."""
        self.mood = mood

    async def stop(self) -> None:
        """Close both sockets."""
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
            await self._tcp.wait_closed()

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Answer one question."""
        answer = self._answer(data)
        if answer and self._udp is not None:
            self._udp.sendto(answer, addr)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(2), "big")
                answer = self._answer(await reader.readexactly(length))
                if answer:
                    writer.write(len(answer).to_bytes(2, "big") + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other side is gone
        finally:
            writer.close()

    def _answer(self, data: bytes) -> bytes:
        """The answer's bytes, none if there is none."""
        if self.mood == "silent":
            return b""
        if self.mood == "garbage":
            # The header of an answer to this very question, and nothing sensible behind it.
            return data[:2] + b"\x81\x80" + b"\xff" * 28
        try:
            question = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return b""
        return _resolved(question).to_wire()


class Sink:
    """Takes what Apprise posts to a `json://` address and keeps the newest fifty messages."""

    def __init__(self) -> None:
        self.messages: deque[dict[str, Any]] = deque(maxlen=50)
        self.port = 0
        app = web.Application()
        app.router.add_post("/", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    @property
    def url(self) -> str:
        """Where to send to, as Apprise writes it."""
        return f"json://{SINK}:{self.port}/"

    async def start(self) -> None:
        """Listen on a free port."""
        await self._runner.setup()
        await web.TCPSite(self._runner, SINK, 0).start()
        ((_, self.port),) = self._runner.addresses

    async def stop(self) -> None:
        """Close all connections."""
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        try:
            message = await request.json()
        except ValueError:
            raise web.HTTPBadRequest(text="not JSON") from None
        if not isinstance(message, dict):
            raise web.HTTPBadRequest(text="not a JSON object")
        self.messages.append({key: message.get(key, "") for key in ("title", "message", "type")})
        return web.Response(text="taken")


def door_panel() -> Panel:
    """The panel that the four doors hang on. Mood offline: one of them does not report."""
    return Panel(
        DOORS,
        "HARBOUR ACCESS 2.4",
        {WELL: {"STATUS": "OK doors=4 online=4"}, "offline": {"STATUS": "OK doors=4 online=3"}},
    )


def room_panel() -> Panel:
    """The touch panel of a meeting room."""
    return Panel(ROOM_PANEL, "ROOM PANEL 1.0", {WELL: {"STATUS": "OK room=ready"}})


def _resolved(question: dns.message.Message) -> dns.message.Message:
    answer = dns.message.make_response(question, recursion_available=True)
    for asked in question.question:
        if asked.name.to_text(omit_final_dot=True).lower() != NAME:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif asked.rdtype == dns.rdatatype.A:
            answer.answer.append(dns.rrset.from_text(asked.name, 60, asked.rdclass, asked.rdtype, BOOKING))
    return answer
