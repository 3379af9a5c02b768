"""The whole service as its users run it: a real process, a real target, a real sink for its messages."""

import asyncio
import contextlib
import os
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest
from aiohttp import web
from peers import require
from peers.ports import free_port
from stories.on_call import Building, Phones
from typer.testing import CliRunner

from monitor.cli import cli

T = TypeVar("T")
STORIES = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A story waits for many things, each with a limit of its own: on a busy machine all of them may take long."""
    for item in items:
        if STORIES in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(600))


async def until(found: Callable[[], Awaitable[T]], what: str, seconds: float = 60, every: float = 0.05) -> T:
    """Wait for something true, fail with its name if it does not come; `every` is for what is dear to ask."""
    last: Any = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                if last := await found():
                    return last
                await asyncio.sleep(every)
    pytest.fail(f"waited {seconds:g} s in vain for {what}; last seen: {last!r}")


class Target:
    """A booking system that answers with whatever status the story wants."""

    def __init__(self) -> None:
        self.status = 200
        self.asked = 0
        self.address = ""
        self._failing = 0

    def fail_once(self) -> None:
        """Answer the next request, and no other, with 503."""
        self._failing = 1

    async def answer(self, _request: web.Request) -> web.Response:
        self.asked += 1
        if self._failing:
            self._failing -= 1
            return web.Response(status=503)
        return web.Response(status=self.status, text="ok")


class Sink:
    """What a chat provider would be: takes messages, or refuses them with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.messages: list[dict[str, Any]] = []
        self.refused = 0
        self.address = ""

    async def take(self, request: web.Request) -> web.Response:
        message = await request.json()
        if self.status == 200:
            self.messages.append(message)
        else:
            self.refused += 1
        return web.Response(status=self.status)

    def titles(self) -> list[str]:
        return [message["title"] for message in self.messages]


class Clock:
    """The clock on the wall of a process: it goes as fast as the machine's, and a story can set it.

    Only the wall clock is another one: how long something takes is measured as ever.
    """

    def __init__(self, file: Path) -> None:
        require.program("faketime")
        self._file = file
        self.set(datetime.now(UTC))

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    @property
    def env(self) -> dict[str, str]:
        """What a process must be started with to live by this clock."""
        return {
            "LD_PRELOAD": "/usr/$LIB/faketime/libfaketimeMT.so.1",
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Its way around a defect of old C libraries has every thread that waits for the interpreter spin.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
            "NO_FAKE_STAT": "1",
        }

    def set(self, at: datetime) -> None:
        self._ahead = at - datetime.now(UTC)
        written = self._file.with_suffix(".new")
        written.write_text(f"{self._ahead.total_seconds():+.3f}")
        written.replace(self._file)

    def advance(self, **by: float) -> None:
        """Set it forward by a `timedelta`."""
        self.set(self.now + timedelta(**by))


class Deskwatch:
    """`deskwatch run` as a process of its own, by the machine's clock unless it is given one."""

    def __init__(self, folder: Path, env: dict[str, str], clock: Clock | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {**os.environ, **env, **(clock.env if clock is not None else {})}
        self.config = folder / "site.yaml"
        self.process: asyncio.subprocess.Process | None = None
        self.printed = ""
        self.link = ""
        self._reader: asyncio.Task[None] | None = None

    def write(self, text: str) -> None:
        self.config.write_text(text.replace("PORT", str(self.port)))

    async def start(self, *arguments: str) -> None:
        """Start `run` unless another command is given, and wait until the sign-in link is printed."""
        self.link = ""
        self.process = await asyncio.create_subprocess_exec(
            *command(*(arguments or ("run", str(self.config)))),
            cwd=self.folder,
            env=self.env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reader = asyncio.create_task(self._read(self.process))

        async def linked() -> bool:
            assert self.process
            if self.process.returncode is not None:
                pytest.fail(f"deskwatch ended with {self.process.returncode}:\n{self.printed}")
            return bool(self.link)

        await until(linked, "the sign-in link", 120)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout
        async for line in process.stdout:
            text = line.decode(errors="replace")
            self.printed += text
            if found := re.search(r"http\S+/sign-in\?token=\S+", text):
                self.link = found.group()

    async def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        if self.process is None:
            return 0
        if self.process.returncode is None:
            self.process.send_signal(number)
        code = await asyncio.wait_for(self.process.wait(), 60)
        if self._reader:
            await self._reader
        self.process = None
        return code

    async def run(self, *arguments: str) -> tuple[int, str]:
        """Another command of the same site; its exit status and output."""
        process = await asyncio.create_subprocess_exec(
            *command(*arguments),
            cwd=self.folder,
            env=self.env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), 120)
        return process.returncode or 0, output.decode()

    async def types(self, *arguments: str) -> tuple[int, str]:
        """The same without a process of its own, which costs two seconds of processor time."""
        with contextlib.chdir(self.folder):
            ended = await asyncio.to_thread(CliRunner().invoke, cli, arguments, env=self.env)
        if ended.exception is not None and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return ended.exit_code, ended.output

    async def get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as client, client.get(self.url + path) as answer:
            return answer.status, await answer.text()

    async def is_ready(self) -> bool:
        return (await self.get("/-/ready"))[0] == 200

    async def has_noted_a_delivery(self) -> bool:
        """Whether it knows that a message was taken: killed before, it would say it once more, and that it may."""
        _, exposed = await self.get("/metrics")
        return re.search(r'deskwatch_messages_total\{[^}]*outcome="accepted"[^}]*\} [1-9]', exposed) is not None

    async def has_told_all(self) -> bool:
        """Whether no message waits in its SQLite database, nor is under way."""
        with contextlib.closing(sqlite3.connect(self.folder / "var" / "deskwatch.db", timeout=30)) as store:
            waiting: tuple[int] = store.execute("SELECT count(*) FROM messages WHERE finished IS NULL").fetchone()
        return waiting == (0,)


def command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-W", "error::RuntimeWarning", "-m", "monitor", *arguments)


@contextlib.asynccontextmanager
async def served(handler: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    thing = Target()
    async with served(thing.answer) as thing.address:
        yield thing


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    thing = Sink()
    async with served(thing.take) as thing.address:
        yield thing


@pytest.fixture
async def deskwatch(tmp_path: Path, target: Target, sink: Sink) -> AsyncIterator[Deskwatch]:
    """Not started; its site watches `target` every second and tells `sink`."""
    service = Deskwatch(tmp_path, {"CHAT": f"json://{sink.address}/"})
    service.write(SITE.replace("TARGET", target.address))
    yield service
    await service.end(signal.SIGKILL)


@pytest.fixture
async def building() -> AsyncIterator[Building]:
    thing = Building()
    async with served(thing.answer) as thing.address:
        yield thing


@pytest.fixture
async def phones() -> AsyncIterator[Phones]:
    thing = Phones()
    async with served(thing.take) as thing.address:
        yield thing


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "clock")


@pytest.fixture
async def night(tmp_path: Path, phones: Phones, clock: Clock) -> AsyncIterator[Deskwatch]:
    """Not started and without a site yet: lives by `clock` and reaches everybody by `phones`."""
    service = Deskwatch(tmp_path, phones.env, clock)
    yield service
    await service.end(signal.SIGKILL)


SITE = """\
site:
  id: harbour
  name: Harbour Street
  timezone: Europe/Lisbon
  capacity: 120
server:
  listen: 127.0.0.1:PORT
booking:
  - id: booking-system
    name: Booking system
    people: 80
    affects: Members cannot book desks or rooms.
    remedy: Call the vendor's support line.
    checks:
      - kind: internet.http
        url: http://TARGET/
        interval: 1s
        timeout: 1s
        confirm: {times: 4, gap: 100ms}  # so many, as this process may be too busy to answer in time
routes:
  - id: chat
    to: ${env:CHAT}
    repeat: 5s
"""
