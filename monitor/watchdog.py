"""Tell somebody outside, again and again, that all is well here: when that stops, they raise the alarm for us."""

import asyncio
import logging
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, DummyCookieJar

from incidents.incident import Incident, deadlines
from language import DEFAULT, N_, gettext, speaking
from monitor.config.model import Config, Watchdog
from monitor.metrics import Vitals
from monitor.store import Store, StoreError, incidents, lateness

log = logging.getLogger(__name__)

SCHEDULE = 5.0
"""Seconds that runs may begin late."""
EVALUATOR = 30.0
"""Seconds that a finished run may wait to be judged."""
OUTBOX = 60.0
"""Seconds that a message may lie about although its destination could have it."""
ESCALATION = 60.0
"""Seconds by which a step, a repeat or a gate's end may be overdue."""
ANSWER = 10.0
"""Seconds that the other side has to answer."""
IDLE = 5.0
"""Seconds between two looks whether a reload has brought a watchdog."""


@dataclass(frozen=True, slots=True)
class Signs:
    """How Deskwatch is doing; all figures are seconds, 0 when nothing is late.

    `schedule` is how late runs begin, `evaluator` how long the oldest finished run has waited to be judged, `outbox`
    how long a message has been due to a destination that works, `escalation` by how much a step, a repeat or the end
    of a gate is overdue. `store` says why nothing can be written, "" if it can.
    """

    schedule: float = 0
    evaluator: float = 0
    outbox: float = 0
    escalation: float = 0
    store: str = ""


class App(Protocol):
    """The running service, as the watchdog sees it."""

    @property
    def config(self) -> Config: ...

    @property
    def vitals(self) -> Vitals: ...

    async def vital_signs(self) -> Signs:
        """How it is doing now."""
        ...


def unwell(signs: Signs) -> tuple[str, ...]:
    """Why nobody should be told that all is well, in words; empty when it is."""
    late = (
        (signs.schedule, SCHEDULE, N_("checks start {seconds} s late")),
        (signs.evaluator, EVALUATOR, N_("a reading has waited {seconds} s to be judged")),
        (signs.outbox, OUTBOX, N_("a message has been due for {seconds} s and nobody sends it")),
        (signs.escalation, ESCALATION, N_("a step or a repeat is {seconds} s overdue")),
    )
    found = [gettext(words, seconds=f"{by:.0f}") for by, most, words in late if by > most]
    if signs.store:
        found.append(gettext("nothing can be written: {why}", why=signs.store))
    return tuple(found)


def overdue(watched: Iterable[Incident], now: datetime) -> float:
    """By how many seconds the most overdue deadline of any incident has passed; 0 if none has."""
    due = [at for incident in watched for at in deadlines(incident)]
    due += [one.hold.until for incident in watched for one in incident.waiting if one.hold.until is not None]
    return max((now - min(due, default=now)).total_seconds(), 0)


async def look(store: Store, schedule: float, evaluator: float, failing: Collection[str], now: datetime) -> Signs:
    """The signs, as far as the store knows them; `failing` are the destinations that do not take messages."""
    try:
        await store.check_writable()
        async with store.connect() as conn:
            outbox = await lateness.of_messages(conn, failing, now)
            escalation = overdue(await incidents.watched(conn), now)
    except StoreError as error:
        return Signs(schedule, evaluator, store=str(error))
    return Signs(schedule, evaluator, outbox, escalation)


async def watch(app: App) -> None:
    """Say that all is well every interval while it is, until cancelled."""
    cookies, timeout = DummyCookieJar(), ClientTimeout(total=ANSWER)
    async with ClientSession(cookie_jar=cookies, timeout=timeout) as session:
        while True:
            settings = app.config.watchdog
            # At first it waits: a service that dies right after each start must not look alive from outside.
            await asyncio.sleep(settings.interval if settings is not None else IDLE)
            if settings is not None and settings == app.config.watchdog:
                await _beat(app, session, settings)


async def _beat(app: App, session: ClientSession, settings: Watchdog) -> None:
    troubles = await _troubles(app, settings.interval)
    if troubles:
        app.vitals.watchdog_withheld.inc()
        log.error("the watchdog is not told that all is well", extra={"troubles": troubles})
        return
    trouble = await _send(session, settings.url.get_secret_value())
    if trouble:
        app.vitals.watchdog_failed.inc()
        log.warning("the watchdog outside was not reached", extra={"trouble": trouble})
        return
    app.vitals.watchdog_sent.inc()
    app.vitals.watchdog_success_time.set(time.time())


async def _troubles(app: App, most: float) -> tuple[str, ...]:
    """What is wrong here; taking too long to find out is, too."""
    try:
        async with asyncio.timeout(most):
            signs = await app.vital_signs()
    except TimeoutError:
        return (f"whether all is well was not clear within {most:.0f} s",)
    with speaking(DEFAULT):  # it goes into the log
        return unwell(signs)


async def _send(session: ClientSession, url: str) -> str:
    """Send one sign of life; why it did not arrive, without the address, which holds a key."""
    try:
        # A redirect could lead the key to anybody.
        async with session.get(url, allow_redirects=False) as answer:
            if answer.status < 300:
                return ""
            return f"it answered {answer.status}{'; write the address it leads to' if answer.status < 400 else ''}"
    except TimeoutError:
        return f"no answer within {ANSWER:.0f} s"
    except ClientConnectorError as error:
        return f"no connection: {error.os_error.strerror or type(error.os_error).__name__}"
    except (ClientError, ValueError) as error:
        return f"the request failed: {type(error).__name__}"
