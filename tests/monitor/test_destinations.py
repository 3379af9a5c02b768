"""Every way in which a destination can fail, beside two that work: it delays nobody, and catches up when it is back."""

import asyncio
import contextlib
import json
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from peers.certificates import DAY, Authority, authority
from peers.ports import free_port
from peers.tcp import http, serving
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

import alerting.apprise
from alerting.apprise import AppriseChannel
from alerting.channels import Delivery, Key, NoticeKind, Notification, Outcome
from alerting.health import Reach
from alerting.hours import OpeningHours
from alerting.routes import Route, Step
from alerting.rules import Severity
from incidents.messages import MAY_REPEAT
from monitor.config.model import Config, Server, Site, Storage
from monitor.metrics import Vitals
from monitor.outbox import Outbox
from monitor.store import Store, outbox
from monitor.store.outbox import Message, MessageState

__all__ = ["authority"]

HEALTHY = ("steady", "second")
NAME = "chat.example"
SLOW = ("hanging", "trickling")
AMPLE = 120.0
"""Seconds that only a failure of the test would last."""
RETRIED, PERHAPS, DEAD = Outcome.RETRY, Outcome.AMBIGUOUS, Outcome.DEAD
LATE = timedelta(minutes=2, seconds=31)
"""How late a message is when it is queued: as it is told to the nearest minute, 3 min for nearly another minute."""

Fault = Callable[[asyncio.StreamWriter, asyncio.Event], Awaitable[None]]


def says(answer: bytes) -> Fault:
    """Answers that, and hangs up."""

    async def fault(writer: asyncio.StreamWriter, _healed: asyncio.Event) -> None:
        writer.write(answer)
        await writer.drain()

    return fault


async def hangs(_writer: asyncio.StreamWriter, healed: asyncio.Event) -> None:
    await healed.wait()


async def trickles(writer: asyncio.StreamWriter, healed: asyncio.Event) -> None:
    """Never stops to answer, a byte at a time."""
    writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not healed.is_set():
        writer.write(b"a")
        await writer.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await healed.wait()


@dataclass
class Provider:
    """A web hook that takes a message and then does what is wrong with it, until it is healed."""

    fault: Fault | None = None
    got: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    healed: asyncio.Event = field(default_factory=asyncio.Event)
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    port: int = 0

    @property
    def url(self) -> SecretStr:
        return SecretStr(f"json{'s' if self.tls else ''}://{self.host}:{self.port}/")

    @property
    def titles(self) -> list[str]:
        return sorted(one["title"] for one in self.got)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        assert length
        message = json.loads(await reader.readexactly(int(length[1])))
        self.asked += 1
        if self.fault is not None and not self.healed.is_set():
            await self.fault(writer, self.healed)
            return
        self.got.append(message)
        writer.write(http())
        await writer.drain()


@dataclass(frozen=True)
class Case:
    """What is wrong, what docs/operations/delivery.md says of it, and the words by which people know it."""

    outcome: Outcome
    words: str
    fault: Fault | None = None


CASES = {
    "in-trouble": Case(RETRIED, "error=503", says(http(status="503 Service Unavailable"))),
    "too-many": Case(RETRIED, "error=429", says(http(status="429 Too Many Requests", headers="Retry-After: 1\r\n"))),
    "moved": Case(RETRIED, "error=302", says(http(status="302 Found", headers="Location: /elsewhere\r\n"))),
    "locked-out": Case(DEAD, "error=401", says(http(status="401 Unauthorized"))),
    "refused": Case(RETRIED, "Connection refused"),
    "no-such-name": Case(RETRIED, "Failed to resolve"),
    "untrusted": Case(RETRIED, "certificate verify failed"),
    "expired": Case(RETRIED, "certificate verify failed"),
    "cut-off": Case(PERHAPS, "Connection aborted", says(b"")),
    "half-an-answer": Case(PERHAPS, "Connection broken", says(b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nhalf")),
    "garbage": Case(PERHAPS, "Connection aborted", says(b"\x16\x03\x01\x00\xff\x00 what?\r\n\r\n")),
    "hanging": Case(PERHAPS, "Read timed out", hangs),
    "trickling": Case(PERHAPS, "No answer within", trickles),
}


class Street:
    """All providers, those that work and those that do not, and what it takes to repair them."""

    def __init__(self, authority: Authority, stranger: Authority, stack: contextlib.AsyncExitStack) -> None:
        self.providers = {name: Provider() for name in HEALTHY}
        self.providers |= {name: Provider(case.fault) for name, case in CASES.items()}
        self.providers["untrusted"].tls = stranger.issue().context()
        self.providers["expired"].tls = authority.issue(begins=-3 * DAY, ends=-DAY).context()
        self.providers["no-such-name"].host = NAME
        self.resolves = False
        self._authority = authority
        self._stack = stack

    async def open(self) -> None:
        for name, provider in self.providers.items():
            if name == "refused":
                provider.port = free_port()
            else:
                await self._serve(provider)

    async def repair(self) -> None:
        """Nothing is wrong any more."""
        self.resolves = True
        await self._serve(self.providers["refused"])
        for provider in self.providers.values():
            provider.healed.set()
            if provider.tls is not None:
                provider.tls.load_cert_chain(self._authority.issue().file)

    async def _serve(self, provider: Provider) -> None:
        served = serving(provider.talk, tls=provider.tls, port=provider.port)
        provider.port = await self._stack.enter_async_context(served)

    def look_up(self, host: Any, *rest: Any, **more: Any) -> Any:
        """The resolver of this street: it alone knows NAME, and only once that is repaired."""
        if host == NAME and not self.resolves:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return _look_up("127.0.0.1" if host == NAME else host, *rest, **more)


_look_up = socket.getaddrinfo


@pytest.fixture
async def street(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Street]:
    (tmp_path / "stranger").mkdir()
    async with contextlib.AsyncExitStack() as stack:
        opened = Street(authority, Authority(tmp_path / "stranger"), stack)
        await opened.open()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
        monkeypatch.setattr(socket, "getaddrinfo", opened.look_up)
        monkeypatch.setattr(alerting.apprise, "PAUSE", 1.0)
        yield opened
        for provider in opened.providers.values():
            provider.healed.set()


def configured(street: Street, names: Iterable[str]) -> Config:
    """A route for everything leads to each of these destinations."""
    urls = {name: street.providers[name].url for name in names}
    hours = OpeningHours(ZoneInfo("Europe/Lisbon"), ((),) * 7)
    routes = tuple(Route(id, steps=(Step(0, (id,)),)) for id in urls)
    site = Site("harbour", "Harbour Street", hours, 120)
    return Config(site, (), routes, urls, Server(url="https://deskwatch.example.org"), Storage(SecretStr("")))


@contextlib.asynccontextmanager
async def delivering(
    store: Store, street: Street, names: Iterable[str], patience: float = AMPLE
) -> AsyncIterator[Outbox]:
    """`patience`: seconds that one attempt at a slow destination may take; half as many if no answer begins."""
    delivery, config = Outbox(store, Vitals(CollectorRegistry()), lambda: None), configured(street, names)
    seconds = {id: patience if id in SLOW else AMPLE for id in config.destinations}
    opened = [await AppriseChannel.open(id, url, seconds[id]) for id, url in config.destinations.items()]
    delivery.adopt(dict(zip(config.destinations, opened, strict=True)), config)
    task = asyncio.create_task(delivery.run())
    try:
        yield delivery
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def queue(
    store: Store,
    delivery: Outbox,
    destinations: Iterable[str],
    *incidents: str,
    severity: Severity = Severity.CRITICAL,
    ago: timedelta = timedelta(0),
) -> None:
    """A message about the beginning of each incident, to each destination, in one moment."""
    async with store.begin() as conn:
        for destination in destinations:
            for incident in incidents:
                key = Key(f"{incident}-e", destination, NoticeKind.FIRING, 0)
                notification = Notification(key, severity, f"{incident} fails", "Nobody can book.")
                await outbox.enqueue(conn, notification, incident, datetime.now(UTC) - ago)
    delivery.wake()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await true():
            await asyncio.sleep(0.1)


async def everything(store: Store) -> tuple[Message, ...]:
    async with store.connect() as conn:
        return await outbox.recent(conn, 1000)


async def attempts(store: Store) -> dict[str, list[Delivery]]:
    """What became of every attempt, by destination, oldest first."""
    rows = await everything(store)
    async with store.connect() as conn:
        made = await outbox.deliveries(conn, [row.id for row in rows])
    found: dict[str, list[Delivery]] = {}
    ended = [(at, row.notification.key.destination, one) for row in rows for at, one in made[row.id]]
    for _, destination, delivery in sorted(ended, key=lambda one: one[0]):
        found.setdefault(destination, []).append(delivery)
    return found


async def seconds_to_tell(store: Store, delivery: Outbox, street: Street, incidents: Iterable[str]) -> list[float]:
    """How long each message takes to reach both healthy destinations, one after the other."""
    taken = []
    for incident in incidents:
        before = [len(street.providers[name].got) for name in HEALTHY]
        await queue(store, delivery, delivery.healths, incident)
        start = time.monotonic()
        async with asyncio.timeout(60):
            while any(len(street.providers[name].got) == n for name, n in zip(HEALTHY, before, strict=True)):
                await asyncio.sleep(0.005)
        taken.append(time.monotonic() - start)
    return taken


async def test_those_that_work_are_told_while_attempts_at_all_others_fail_or_hang(store: Store, street: Street) -> None:
    async with delivering(store, street, HEALTHY) as delivery:
        alone = await seconds_to_tell(store, delivery, street, [f"alone-{n}" for n in range(5)])
    async with delivering(store, street, street.providers) as delivery:
        await queue(store, delivery, SLOW, "stuck")
        await until(lambda: are_asked(street, SLOW))
        beside = await seconds_to_tell(store, delivery, street, ["first"])
        stuck = [row for row in await everything(store) if row.incident == "stuck"]
        assert [row.state for row in stuck] == [MessageState.LEASED] * len(SLOW)
        beside += await seconds_to_tell(store, delivery, street, [f"beside-{n}" for n in range(4)])
    print(f"{median(alone):.3f} s with two destinations, {median(beside):.3f} s beside {len(CASES)} that fail")


async def test_each_failure_ends_as_documented_and_what_waited_arrives_late_as_one_message(
    store: Store, street: Street
) -> None:
    retried = [name for name, case in CASES.items() if case.outcome is not DEAD]
    async with delivering(store, street, street.providers, patience=8) as delivery:
        await queue(store, delivery, [*HEALTHY, *retried], "wifi", "doors", "booking", ago=LATE)
        await until(lambda: are_tried(store, retried))
        await queue(store, delivery, ["locked-out"], "wifi", "doors", "booking", ago=LATE)
        await until(lambda: are_tried(store, CASES))
        first = {name: made[0] for name, made in (await attempts(store)).items() if name in CASES}
        await street.repair()
        await queue(store, delivery, street.providers, "printer", severity=Severity.WARNING)
        await until(lambda: are_finished(store))
        found = await attempts(store)
        assert {one.reach for one in delivery.healths.values()} == {Reach.OK}
    print("\n".join(table(first, found)))
    assert {name: one.outcome for name, one in first.items()} == {name: one.outcome for name, one in CASES.items()}
    assert [name for name, one in first.items() if CASES[name].words not in one.words] == []
    for name, case in CASES.items():
        assert_caught_up(name, case, street.providers[name])
    for name in HEALTHY:
        told = ["Critical: 3 things need attention at Harbour Street", "Deskwatch could not reach locked-out"]
        assert [title.removesuffix(" (Harbour Street)") for title in street.providers[name].titles] == [
            *told,
            "printer fails",
        ]


def assert_caught_up(name: str, case: Case, provider: Provider) -> None:
    """It has the new message, and all that waited as one that says why it is late, and whether it may be a repeat."""
    if case.outcome is DEAD:
        assert provider.titles == ["printer fails"]
        return
    assert provider.titles == ["Critical: 3 things need attention at Harbour Street", "printer fails"], name
    late = next(one["message"] for one in provider.got if one["title"].startswith("Critical"))
    assert late.startswith(f"Delayed 3 min: {name} could not be reached before."), late
    assert (MAY_REPEAT in late) is (case.outcome is PERHAPS), name


async def are_asked(street: Street, names: Iterable[str]) -> bool:
    return all(street.providers[name].asked for name in names)


async def are_tried(store: Store, names: Iterable[str]) -> bool:
    return set(names) <= (await attempts(store)).keys()


async def are_finished(store: Store) -> bool:
    return all(row.finished is not None for row in await everything(store))


def table(first: dict[str, Delivery], found: dict[str, list[Delivery]]) -> Iterable[str]:
    for name, delivery in first.items():
        then = ", ".join(one.outcome for one in found[name][1:])
        yield f"{name:15} {delivery.outcome:10} then {then:40} {delivery.words}"
