"""Takes all series every interval and sends them, oldest first and one request after the other."""

import asyncio
import logging
import random
import time
from base64 import b64decode
from collections.abc import Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Protocol

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, DummyCookieJar
from pydantic import SecretStr

from alerting.inbound import line
from monitor.config.model import Config, RemoteWrite
from monitor.exposition import Gathering
from monitor.metrics import Vitals
from monitor.remote_write.outcome import Answer, Dropped, Failed, judged, pause
from monitor.remote_write.snapshot import Known, Request, Snapshot
from monitor.remote_write.spool import Record, Spool
from monitor.remote_write.wire import HEADERS

log = logging.getLogger(__name__)

ANSWER = 30.0
"""Seconds that a receiver has to answer."""
IDLE = 5.0
"""Seconds between two looks whether a reload has changed the settings."""
DISK = 30.0
"""Seconds until the next attempt when the spool cannot be used."""
FAREWELL = 3.0
"""Seconds that sending may still take at the end; what is left waits for the next start."""
QUIET = 60.0
"""Seconds between two log lines about refused requests."""


class App(Protocol):
    """The running service, as it is sent to a receiver."""

    @property
    def config(self) -> Config: ...

    @property
    def vitals(self) -> Vitals: ...

    async def gather(self, found: Gathering) -> None:
        """Hand over all series that there are now."""
        ...


async def write(app: App) -> None:
    """Send all series to the receiver of the configuration, until cancelled."""
    while True:
        settings = app.config.remote_write
        spool = await _opened(app.vitals, settings) if settings is not None else None
        if settings is None or spool is None:
            await asyncio.sleep(IDLE if settings is None else DISK)
        else:
            await _Writer(app, settings, spool).run()


async def _opened(vitals: Vitals, settings: RemoteWrite) -> Spool | None:
    """The spool of the settings; None if it cannot be used."""

    def dropped(why: Dropped, samples: int) -> None:
        vitals.remote_write_dropped.labels(why).inc(samples)

    try:
        return await asyncio.to_thread(Spool, settings.folder, settings.spool, settings.keep, dropped)
    except OSError as error:
        words = "nothing is sent by remote write: its folder cannot be used; set remote_write.folder to one that can"
        log.error(words, extra={"error": str(error)})  # noqa: TRY400
        return None


class _Writer:
    """One receiver, and what it has been sent."""

    def __init__(self, app: App, settings: RemoteWrite, spool: Spool) -> None:
        self._app = app
        self._vitals = app.vitals
        self._settings = settings
        self._spool = spool
        self._known = Known(settings.labels)
        self._newest = spool.newest
        self._news = asyncio.Event()
        self._leaving = asyncio.Event()
        self._failing = False
        self._complained = -QUIET
        self._secrets = _words(settings.authorization)

    async def run(self) -> None:
        """Send until a reload changes the settings; then, or when cancelled, say that all series have ended."""
        secret = self._settings.authorization
        signing = {"Authorization": secret.get_secret_value()} if secret is not None else {}
        cookies, timeout = DummyCookieJar(), ClientTimeout(total=ANSWER)
        async with (
            ClientSession(cookie_jar=cookies, timeout=timeout, headers={**HEADERS, **signing}) as session,
            asyncio.TaskGroup() as group,
        ):
            sending = group.create_task(self._send(session))
            try:
                await self._collect()
            finally:
                await self._end()
                await asyncio.wait([sending], timeout=FAREWELL)
                sending.cancel()

    async def _collect(self) -> None:
        due = time.monotonic()
        while self._is_wanted():
            await self._take()
            due += self._settings.interval
            if due < time.monotonic():  # it took too long; what was missed is not made up for
                due = time.monotonic() + self._settings.interval
            await self._until(due)

    async def _until(self, due: float) -> None:
        """Wait until then, or until a reload changes the settings."""
        while self._is_wanted():
            rest = due - time.monotonic()
            if rest <= 0:
                return
            await asyncio.sleep(min(rest, IDLE))

    def _is_wanted(self) -> bool:
        return self._app.config.remote_write == self._settings

    async def _take(self) -> None:
        at = _now()
        if at <= self._newest:
            self._vitals.remote_write_dropped.labels(Dropped.CLOCK).inc(len(self._known))
            log.warning("the clock was set back: nothing is sent until it is where it was")
            return
        snapshot = Snapshot(self._known, at)
        await self._app.gather(snapshot)
        await self._keep(snapshot, at)

    async def _end(self) -> None:
        """All series have ended, a little later than they were seen."""
        at = max(_now(), self._newest + 1)
        await self._keep(Snapshot(self._known, at), at)
        self._leaving.set()

    async def _keep(self, snapshot: Snapshot, at: int) -> None:
        """Have a snapshot sent, and with it that what is not in it has ended."""
        for _ in snapshot.end():
            await asyncio.sleep(0)
        requests = snapshot.requests()
        self._newest = at
        try:
            if requests:
                await _to_its_end(asyncio.to_thread(self._spool.add, at, requests))
        except OSError as error:
            self._vitals.remote_write_dropped.labels(Dropped.DISK).inc(sum(one.samples for one in requests))
            _complain_of_disk(error)
        self._news.set()

    async def _send(self, session: ClientSession) -> None:
        """Send what waits, until nothing does at the end."""
        attempts = 0
        while True:
            self._news.clear()
            record = await self._first()
            if record is None:
                if self._leaving.is_set():
                    return
                await self._news.wait()
                continue
            answer = await self._post(session, record.request)
            self._note(answer, record.request.samples)
            if answer.failed is None:
                attempts = 0
                await self._remove(record)
            elif self._leaving.is_set():
                return
            else:
                attempts += 1
                await self._rest(pause(attempts, answer.wait, random.random()))  # noqa: S311 - spreads load, no secret

    async def _first(self) -> Record | None:
        try:
            return await asyncio.to_thread(self._spool.first, _now())
        except OSError as error:
            _complain_of_disk(error)
            await self._rest(DISK)
            return None
        finally:
            self._vitals.remote_write_spool.set(self._spool.size)

    async def _remove(self, record: Record) -> None:
        try:
            await _to_its_end(asyncio.to_thread(self._spool.remove, record))
        except OSError as error:
            _complain_of_disk(error)

    async def _rest(self, seconds: float) -> None:
        """Wait so long, or until it is time to leave."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._leaving.wait()

    async def _post(self, session: ClientSession, request: Request) -> Answer:
        try:
            # A redirect could lead what signs us in to anybody.
            async with session.post(self._settings.url, data=request.body, allow_redirects=False) as answer:
                words = "" if answer.status < 300 else (await answer.content.read(2000)).decode(errors="replace")
                return judged(answer.status, answer.headers, line(self._masked(words), 200), datetime.now(UTC))
        except TimeoutError:
            return Answer(Failed.NETWORK, words=f"no answer within {ANSWER:.0f} s")
        except ClientConnectorError as error:
            words = f"no connection: {error.os_error.strerror or type(error.os_error).__name__}"
            return Answer(Failed.NETWORK, words=words)
        except (ClientError, ValueError) as error:
            return Answer(Failed.NETWORK, words=f"the request failed: {type(error).__name__}")

    def _masked(self, words: str) -> str:
        """Words of an answer without what signs us in, which something on the way may have said back."""
        for word in self._secrets:
            words = words.replace(word, "***")
        return words

    def _note(self, answer: Answer, samples: int) -> None:
        """Count an attempt, and log it if it is news."""
        about = {"url": self._settings.url, "trouble": answer.words}
        if answer.failed is not None:
            self._vitals.remote_write_failed.labels(answer.failed).inc()
            if not self._failing:
                log.warning("samples cannot be sent by remote write, will try again", extra=about)
        elif answer.refused:
            self._vitals.remote_write_dropped.labels(Dropped.REFUSED).inc(samples)
            if time.monotonic() - self._complained >= QUIET:
                self._complained = time.monotonic()
                log.error("samples sent by remote write were refused and are lost", extra={**about, "samples": samples})
        else:
            self._vitals.remote_write_samples.inc(samples)
            self._vitals.remote_write_success_time.set(time.time())
            if self._failing:
                log.info("samples are sent by remote write again", extra={"url": self._settings.url})
        self._failing = answer.failed is not None


def _now() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Do the work. If we are cancelled it is finished first: what is kept later must not overtake it, and what was
    taken must not be sent again."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(OSError):
            await task
        raise


def _complain_of_disk(error: OSError) -> None:
    words = "the spool of remote write cannot be used; free space on its disk, or set remote_write.folder"
    log.error(words, extra={"error": str(error)})


def _words(secret: SecretStr | None) -> tuple[str, ...]:
    """What must not be shown of the value of the header Authorization, the longest first."""
    value = secret.get_secret_value() if secret is not None else ""
    scheme, _, credentials = value.rpartition(" ")
    password = ""
    if scheme == "Basic":
        with suppress(ValueError):
            password = b64decode(credentials).decode(errors="replace").partition(":")[2]
    return tuple(filter(None, (value, credentials, password)))
