"""What the pages cost over a year of a large site: CPU for each, bytes on the wire, and streams that stay open."""

import asyncio
import http.client
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import urlencode

from bench import peers, year
from bench.harness import Goal, Section, Spread, process_cpu, spread, table
from monitor.store import Store

INTERVAL = 120.0
"""Seconds between two runs of a check."""
STREAMS = 200
EVERY = 1.0
"""Seconds between two changes while streams are open."""
WINDOW = 30.0
"""Seconds for which they are."""
BOARD = 0.150
HISTORY = 0.300
"""CPU seconds that the board, and every other page, may take."""
SIZE = 300_000
"""Bytes that the board may have, packed and plain."""
SHARE = 0.05
"""Of a core, that the streams may take."""
ROUNDS = 5

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_KEY = re.compile(r'name="form_key" value="([^"]+)"')
_LINK = re.compile(r"/sign-in\?token=(\S+)")
_LIVE = re.compile(r'href="/incidents/(\w+)"')


class Visitor:
    """Somebody who is signed in, over one kept connection."""

    def __init__(self, running: peers.Running, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
        self.cookie = ""
        self._send("POST", "/sign-in", {"token": token})
        board = self.get("/").decode()
        self._key, self._incident = self._first(_KEY, board), self._first(_LIVE, board)

    @property
    def incident(self) -> str:
        """The id of an incident that is live."""
        return self._incident

    def get(self, path: str, encoding: str = "identity") -> bytes:
        """A page as it is on the wire. Raises RuntimeError unless it is there."""
        return self._send("GET", path, None, encoding)

    def change(self) -> None:
        """Write a line into the timeline of an incident: every board has to be made anew."""
        self._send("POST", f"/incidents/{self._incident}/note", {"form_key": self._key, "text": "Still at it."})

    def _send(self, method: str, path: str, form: Mapping[str, str] | None, encoding: str = "identity") -> bytes:
        headers = {"Cookie": self.cookie, "Accept-Encoding": encoding, "Accept": "text/html"}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, urlencode(form) if form is not None else None, headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status not in (200, 303):
            raise RuntimeError(f"{method} {path} was answered with {answer.status}: {body[:500]!r}")
        self.cookie = (answer.getheader("Set-Cookie") or self.cookie).partition(";")[0]
        return body

    @staticmethod
    def _first(wanted: re.Pattern[str], text: str) -> str:
        found = wanted.search(text)
        if found is None:
            raise RuntimeError(f"the board has nothing like {wanted.pattern}")
        return found.group(1)


class Cost(NamedTuple):
    """What a page took: CPU seconds when nothing has changed, and right after a change; bytes plain and packed."""

    name: str
    kept: Spread
    fresh: Spread
    plain: int
    packed: int

    @property
    def worst(self) -> float:
        """CPU seconds where it takes longer."""
        return max(self.kept.median, self.fresh.median)


def measure(quick: bool) -> Section:
    """Every page in turn, then the streams."""
    size = year.Year(assets=100, incidents=200, audited=1_000, days=60) if quick else year.Year()
    with _served(size) as (running, visitor, spans):
        background = _share(running, 2 if quick else 10)
        costs = [_cost(running, visitor, name, path, 2 if quick else ROUNDS) for name, path in _pages(visitor)]
        shares = asyncio.run(_streams(running, visitor, 5 if quick else WINDOW))
    return Section("The pages", _text(size, spans, background, costs, shares), _goals(costs, shares))


@contextmanager
def _served(size: year.Year) -> Iterator[tuple[peers.Running, Visitor, int]]:
    """The service over such a store, once every check has run, somebody who is signed in, and how many spans it has."""
    with TemporaryDirectory() as name, peers.nginx() as target:
        folder = Path(name)
        spans = asyncio.run(_fill(folder, size))
        with peers.deskwatch(year.site(size, target.port, INTERVAL), folder) as running:
            link = _LINK.search((folder / "output").read_text())
            if link is None:
                raise RuntimeError("Deskwatch printed no link to sign in")
            visitor = Visitor(running, link.group(1))
            _wait_for_all(visitor)
            yield running, visitor, spans


async def _fill(folder: Path, size: year.Year) -> int:
    store = await Store.open(f"sqlite:///{folder}/bench.db")
    try:
        async with store.begin() as conn:
            return await year.save(conn, size, datetime.now(UTC))
    finally:
        await store.close()


def _wait_for_all(visitor: Visitor) -> None:
    """Until every check has a reading."""
    deadline = time.monotonic() + 3 * INTERVAL
    while b"Not measured yet" in visitor.get("/fragment/board"):
        if time.monotonic() > deadline:
            raise RuntimeError("some checks did not run")
        time.sleep(5)


def _pages(visitor: Visitor) -> Sequence[tuple[str, str]]:
    now = datetime.now(UTC)
    back = now - timedelta(days=20)
    return (
        ("the board", "/"),
        ("its changing part", "/fragment/board"),
        ("wallboard", "/wallboard"),
        ("an asset", "/assets/asset-7"),
        ("an asset that flaps", "/assets/asset-0"),
        ("a check", "/checks/asset-1/c0"),
        ("a check that flaps", "/checks/asset-0/c0"),
        ("incidents", "/incidents"),
        ("incidents of an asset", "/incidents?asset=asset-7"),
        ("incidents by words", "/incidents?words=room+17+"),
        ("an incident", f"/incidents/{visitor.incident}"),
        ("status page", "/status"),
        ("why", f"/why?{urlencode({'about': 'asset-0/c0', 'at': f'{back:%Y-%m-%d %H:%M}'})}"),
        ("messages", "/deliveries"),
        ("reports", "/reports"),
        ("audit log", "/audit-log"),
        ("audit log of a person", "/audit-log?who=person-7"),
        ("availability of a day", "/api/v1/availability"),
    )


def _cost(running: peers.Running, visitor: Visitor, name: str, path: str, rounds: int) -> Cost:
    fresh = []
    for _ in range(rounds):
        visitor.change()
        fresh.append(_cpu_of(running, lambda: visitor.get(path)))
    kept = [_cpu_of(running, lambda: visitor.get(path)) for _ in range(rounds)]
    return Cost(name, spread(kept), spread(fresh), len(visitor.get(path)), len(visitor.get(path, "gzip")))


def _cpu_of(running: peers.Running, act: Callable[[], object]) -> float:
    """CPU seconds of the server meanwhile; what else it does takes some hundredths of that."""
    before = process_cpu(running.pid)
    act()
    return process_cpu(running.pid) - before


def _share(running: peers.Running, seconds: float) -> float:
    """The share of a core that the server takes while nobody asks."""
    return _cpu_of(running, lambda: time.sleep(seconds)) / seconds


async def _streams(running: peers.Running, visitor: Visitor, seconds: float) -> Mapping[str, float]:
    """The share of a core that the server takes: changes alone, with streams open, and with pages that follow."""
    found = {"none": await _window(running, visitor, seconds)}
    for name, follows in (("streams", False), ("pages", True)):
        streams = [await _opened(running.port, visitor.cookie) for _ in range(STREAMS)]
        readers = [asyncio.create_task(_listen(one, running.port, visitor.cookie, follows)) for one in streams]
        found[name] = await _window(running, visitor, seconds)
        if over := [one for one in readers if one.done()]:
            raise RuntimeError(f"{len(over)} streams ended") from over[0].exception()
        for one in readers:
            one.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
    return found


async def _opened(port: int, cookie: str) -> Stream:
    """A stream of events. Those that were closed a moment ago still count until the next event, so it may take some."""
    deadline = time.monotonic() + 60
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_request("/events", cookie))
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " in head:
            return reader, writer
        writer.close()
        if time.monotonic() > deadline:
            raise RuntimeError(f"no place for a stream: {head!r}")
        await asyncio.sleep(1)


async def _window(running: peers.Running, visitor: Visitor, seconds: float) -> float:
    before, began = process_cpu(running.pid), time.monotonic()
    due = began
    while due < began + seconds:
        await asyncio.to_thread(visitor.change)
        due += EVERY
        await asyncio.sleep(due - time.monotonic())
    return (process_cpu(running.pid) - before) / (time.monotonic() - began)


async def _listen(stream: Stream, port: int, cookie: str, follows: bool) -> None:
    """Read a stream to its end; one that `follows` reads the board at every event, as a page does."""
    page = await asyncio.open_connection("127.0.0.1", port) if follows else None
    try:
        while line := await stream[0].readline():
            if page is not None and line.startswith(b"event:"):
                await _read_board(*page, cookie)
    finally:
        for _, writer in filter(None, (stream, page)):
            writer.close()


async def _read_board(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cookie: str) -> None:
    writer.write(_request("/fragment/board", cookie))
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = re.search(r"content-length: (\d+)", head)
    if length is not None:
        await reader.readexactly(int(length.group(1)))
    else:
        await reader.readuntil(b"\r\n0\r\n\r\n")


def _request(path: str, cookie: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\nCookie: {cookie}\r\n\r\n".encode()


def _text(size: year.Year, spans: int, background: float, costs: Sequence[Cost], shares: Mapping[str, float]) -> str:
    rows = [
        (one.name, _ms(one.kept), _ms(one.fresh), f"{one.plain / 1e3:.0f}", f"{one.packed / 1e3:.1f}") for one in costs
    ]
    return (
        f"`deskwatch run` over SQLite with {size.assets:,} assets of {year.PER_ASSET} checks, each run every "
        f"{INTERVAL:g} s, which takes {100 * background:.1f} % of a core, and {size.days} days of history: {spans:,} "
        f"spans (every hundredth check flaps, one of them has an outage every ten minutes), {size.incidents:,} "
        f"incidents with messages, {size.audited:,} lines of the audit log. CPU time of the process for a request, in "
        f"ms; a change is a note on an incident. Debian has no other program with such a board to compare with.\n\n"
        f"{table(('page', 'unchanged', 'after a change', 'kB', 'kB packed'), rows)}\n"
        f"With a change every {EVERY:g} s the server takes {_percent(shares['none'])} of a core; with {STREAMS} event "
        f"streams open {_percent(shares['streams'])}; with {STREAMS} boards that are read again at every event "
        f"{_percent(shares['pages'])}.\n"
    )


def _goals(costs: Sequence[Cost], shares: Mapping[str, float]) -> tuple[Goal, ...]:
    board, *others = costs
    worst = max(others, key=lambda one: one.worst)
    streams = shares["streams"] - shares["none"]
    return (
        Goal("The board", "< 150 ms of CPU", f"{1e3 * board.worst:.0f} ms", board.worst < BOARD),
        Goal("The board, packed by gzip", "< 300 kB", f"{board.packed / 1e3:.0f} kB", board.packed < SIZE),
        Goal("The board, before compression", "< 300 kB", f"{board.plain / 1e3:.0f} kB", board.plain < SIZE),
        Goal(
            "Every page over a year",
            "< 300 ms of CPU",
            f"{1e3 * worst.worst:.0f} ms ({worst.name})",
            worst.worst < HISTORY,
        ),
        Goal(f"{STREAMS} event streams", "< 5 % of a core", _percent(streams), streams < SHARE),
    )


def _ms(found: Spread) -> str:
    return format(Spread(*(1e3 * value for value in found)), ".0f")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
