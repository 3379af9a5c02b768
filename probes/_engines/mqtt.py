"""Listens to MQTT brokers over one connection each, and keeps the newest message of every topic that was asked for."""

import asyncio
import secrets
import socket
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from weakref import WeakSet

from pydantic import SecretStr

from probes._base import Failed, Unmeasured
from probes._engines import mqtt_packets as packets
from probes._engines.connect import connect, network_failure, open_socket
from probes._engines.mqtt_packets import Kind, Malformed, Packet, Publication
from probes._engines.resolve import resolve

MOST_TOPICS = 200
"""Topics that are kept for one subscription."""
LONGEST_TOPIC = 250
"""Characters of a topic. Messages on longer ones, and on those with control characters in it, are nobody's."""

_PATIENCE = 10.0  # seconds for a connection and the broker's welcome
_BEAT = 20.0  # seconds from one ping to the next; one that is not answered by then ends the connection
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0  # seconds until the next attempt to connect
_OBJECTIONS = {
    1: "it does not speak MQTT 3.1.1",
    2: "it does not take our client name",
    3: "it is not available just now",
    4: "wrong user name or password",
    5: "this user has no right to be there",
}
_NOT_LET_IN = (4, 5)


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker is and how to get in. Without `verify` its certificate is not looked at."""

    host: str
    port: int
    tls: bool = False
    verify: bool = True
    ca_file: str = ""
    username: str = ""
    password: SecretStr | None = None

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Heard:
    """The newest message on a topic: what is kept of it, and when it came, in aware UTC.

    `cut` when it was too large to keep. `live` is when the newest one came that the broker had not kept from before:
    of a retained message nobody knows when it was sent.
    """

    payload: bytes
    at: datetime
    cut: bool = False
    live: datetime | None = None


@dataclass(eq=False, slots=True, weakref_slot=True)
class Feed:
    """What was heard on the topics that a filter with + in it matches.

    It lasts as long as somebody holds it. `since` is when the broker began to pass on its messages without a break,
    None while it does not; `denied` whether it will not; `crowded` whether there are more topics than are kept.
    """

    filter: str
    heard: dict[str, Heard] = field(default_factory=dict)
    since: datetime | None = None
    denied: bool = False
    crowded: bool = False

    def take(self, message: Publication, cut: bool, now: datetime) -> None:
        """Note a message. An empty one says that there is nothing to know about the topic any more."""
        known = self.heard.get(message.topic)
        if not message.payload and not cut:
            self.heard.pop(message.topic, None)
        elif known is None and len(self.heard) >= MOST_TOPICS:
            self.crowded = True
        elif not message.retained:
            self.heard[message.topic] = Heard(message.payload, now, cut, now)
        elif known is None or known.payload != message.payload:
            self.heard[message.topic] = Heard(message.payload, now, cut, known.live if known else None)


def matched(filter: str, topic: str) -> str | None:
    """What the + in a filter stand for in a topic, joined by /; None when it is not one of the filter's topics."""
    wanted, given = filter.split("/"), topic.split("/")
    if len(wanted) != len(given):
        return None
    pairs = list(zip(wanted, given, strict=True))
    if any(one not in ("+", other) for one, other in pairs):
        return None
    return "/".join(other for one, other in pairs if one == "+")


class MqttEngine:
    """The connections to all brokers, each made when a probe first listens and ended when none does any more."""

    def __init__(self) -> None:
        self._connections: dict[Broker, Connection] = {}

    def listen(self, broker: Broker, filter: str) -> tuple["Connection", Feed]:
        """Begin to listen, until the feed is let go."""
        connection = self._connections.get(broker)
        if connection is None or connection.over:
            connection = self._connections[broker] = Connection(broker)
        feed = Feed(filter)
        connection.add(feed)
        return connection, feed

    def close(self) -> None:
        """End all connections."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()


class Connection:
    """A connection to a broker that is made again whenever it breaks."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._feeds: WeakSet[Feed] = WeakSet()
        self._trouble: Failed | Unmeasured | None = None
        self._settled = asyncio.Event()
        self._wait = _FIRST_WAIT
        self._writer: asyncio.StreamWriter | None = None
        self._asked: dict[int, Feed] = {}
        self._number = 0
        self._answered = True
        self._mute = False
        self._beat: asyncio.TimerHandle | None = None
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"mqtt {broker}")

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._task.done()

    def add(self, feed: Feed) -> None:
        """Listen for one more."""
        self._feeds.add(feed)
        if self._writer is not None:
            self._subscribe(feed)

    async def settled(self, timeout: float) -> None:
        """Wait until the broker passes on what it should, and has passed on all that it kept.

        Raises Unmeasured when it does not: it is our instrument, so that says nothing about who publishes there.
        """
        waiting = asyncio.ensure_future(self._settled.wait())
        try:
            await asyncio.wait({waiting, self._task}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if self._task.done():
            self._task.result()
        if not self._settled.is_set():
            raise Unmeasured("no_source", f"the broker {self._broker} did not answer within {timeout:g} s")
        match self._trouble:
            case Failed() as trouble:
                raise Unmeasured("no_source", f"the broker cannot be reached: {trouble.detail}")
            case Unmeasured() as trouble:
                raise Unmeasured(trouble.reason, trouble.detail)

    def close(self) -> None:
        """End it."""
        self._task.cancel()

    async def _run(self) -> None:
        while self._feeds:
            try:
                await self._visit()
            except (Failed, Unmeasured) as trouble:
                self._trouble = trouble
                self._settled.set()
                await asyncio.sleep(self._wait)
                self._wait = min(2 * self._wait, _LONGEST_WAIT)

    async def _visit(self) -> None:
        """One connection from its beginning to its end. Raises Failed or Unmeasured with the reason why it ended."""
        broker = self._broker
        try:
            async with asyncio.timeout(_PATIENCE):
                reader, writer = await self._open()
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._greet(reader, writer)
                await self._listen(reader, writer)
            finally:
                writer.transport.abort()
        except TimeoutError:
            raise Failed("timeout", f"{broker} did not answer within {_PATIENCE:g} s") from None
        except asyncio.IncompleteReadError:
            words = f"has not answered for {_BEAT:g} s" if self._mute else "closed the connection"
            raise Failed("closed", f"{broker} {words}") from None
        except Malformed as error:
            raise Failed("malformed", f"{broker} does not speak MQTT: {error}; see `port` and `tls`") from None
        except ssl.SSLError as error:
            raise Failed("tls_failed", f"{broker}: {_words(error)}") from None
        except OSError as error:
            raise network_failure(error, str(broker)) from error

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        broker = self._broker
        found = await resolve(broker.host, "auto", _PATIENCE)
        opened = open_socket(socket.SOCK_STREAM, found.version)
        try:
            await connect(opened, found, broker.port)
            if self._tls is None:
                return await asyncio.open_connection(sock=opened)
            return await asyncio.open_connection(sock=opened, ssl=self._tls, server_hostname=broker.host)
        except BaseException:
            opened.close()
            raise

    @cached_property
    def _tls(self) -> ssl.SSLContext | None:
        """Made once: reading the system's certificates takes many times longer than a handshake."""
        broker = self._broker
        if not broker.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=broker.ca_file or None)
        except OSError as error:
            words = f"ca_file {broker.ca_file} cannot be used: {error.strerror or error}; name a PEM file"
            raise Unmeasured("no_source", words) from None
        if not broker.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Introduce ourselves. Raises Failed or Unmeasured when we are not welcome."""
        broker = self._broker
        password = None if broker.password is None else broker.password.get_secret_value()
        writer.write(packets.connect(f"deskwatch{secrets.token_hex(6)}", broker.username, password))
        objection = packets.connected(await packets.read(reader))
        if objection:
            reason = "no_permission" if objection in _NOT_LET_IN else "no_source"
            words = _OBJECTIONS.get(objection, f"objection {objection}")
            raise Unmeasured(reason, f"the broker {broker} does not let us in: {words}")

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Subscribe, and take what comes until the connection ends."""
        self._writer, self._answered, self._mute = writer, True, False
        try:
            self._subscribe_all()
            self._ping_from_time_to_time()
            while True:
                self._take(await packets.read(reader))
                await asyncio.sleep(0)  # a flood of messages that have come already would let nobody else work
        finally:
            self._writer = None
            self._asked.clear()
            if self._beat is not None:
                self._beat.cancel()
            self._pause_all()

    def _subscribe_all(self) -> None:
        # Not in the loop that listens: its last feed would live as long as the connection.
        for feed in self._feeds:
            self._subscribe(feed)

    def _pause_all(self) -> None:
        for feed in self._feeds:
            feed.since = None

    def _subscribe(self, feed: Feed) -> None:
        self._number = self._number % 0xFFFF + 1
        self._asked[self._number] = feed
        if self._trouble is None:
            self._settled.clear()
        self._send(packets.subscribe(self._number, feed.filter))

    def _send(self, packet: bytes) -> None:
        if self._writer is not None:
            self._writer.write(packet)

    def _ping_from_time_to_time(self) -> None:
        """Nobody listens any more, or the broker has not answered: that ends the connection."""
        if self._writer is None:
            return
        if not self._feeds or not self._answered:
            self._mute = not self._answered
            self._writer.transport.abort()
            return
        self._answered = False
        self._send(packets.ping())
        self._beat = asyncio.get_running_loop().call_later(_BEAT, self._ping_from_time_to_time)

    def _take(self, packet: Packet) -> None:
        match packet.kind:
            case Kind.PUBLISH:
                self._hear(packets.published(packet), packet.cut)
            case Kind.SUBACK:
                self._granted(*packets.subscribed(packet))
            case Kind.PINGRESP:
                self._answered = True
                if not self._asked:
                    self._trouble, self._wait = None, _FIRST_WAIT
                    self._settled.set()

    def _granted(self, number: int, yes: bool) -> None:
        feed = self._asked.pop(number, None)
        if feed is None:
            return
        feed.denied = not yes
        feed.since = datetime.now(UTC) if yes else None
        if not self._asked:
            # What the broker had kept comes before its answer to this: then we know all that it knows.
            self._send(packets.ping())

    def _hear(self, message: Publication, cut: bool) -> None:
        now = datetime.now(UTC)
        if len(message.topic) > LONGEST_TOPIC or not message.topic.isprintable():
            return
        for feed in self._feeds:
            if matched(feed.filter, message.topic) is not None:
                feed.take(message, cut, now)


def _words(error: ssl.SSLError) -> str:
    """What OpenSSL says, without its source file and line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    return str(error.reason or error).replace("_", " ").lower()
