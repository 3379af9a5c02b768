"""Memos: made when they are due or somebody asks, kept, and sent to those who want them."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection
from ulid import ULID

from alerting.channels import Key, NoticeKind, Notification
from alerting.oncall import reached
from alerting.rules import Severity
from language import gettext, speaking
from monitor.config.model import Config, Memo
from monitor.dossier import fingerprints, providers
from monitor.reports import daily, isp, monthly, use, weekly
from monitor.reports.document import Document, Kind
from monitor.reports.facts import Facts, gather
from monitor.reports.periods import Period, about, before, newest_due, period_of
from monitor.reports.rendering import message
from monitor.store import Store, StoreError, outbox, overrides, reports
from monitor.store.reports import Report
from probes import Reading

log = logging.getLogger(__name__)

POLL = 30.0
"""Seconds between two looks at what is due."""
RETRY = 300.0
"""Seconds after which a memo that could not be made is tried again."""
LATE = timedelta(days=2)
"""A memo that is due for longer is not made any more by itself: Deskwatch was not there, and it can be asked for."""

Builder = Callable[[Facts, Facts], tuple[Document, ...]]
"""Makes the documents about a period; the second facts are those of the period before, for trends."""

MADE: Mapping[Kind, Builder] = {
    Kind.DAILY: daily.documents,
    Kind.WEEKLY: weekly.documents,
    Kind.MONTHLY: monthly.documents,
    Kind.ISP: isp.documents,
}
"""What makes each kind of memo."""


class Service(Protocol):
    """What memos need of the running service."""

    @property
    def config(self) -> Config: ...

    @property
    def store(self) -> Store: ...

    @property
    def latest(self) -> Mapping[str, Reading]: ...


class Memos:
    """Makes each memo once when it is due, also if that was while nothing ran, and queues it for its readers."""

    def __init__(self, app: Service, queued: Callable[[], None]) -> None:
        self._app = app
        self._queued = queued

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.make_due(datetime.now(UTC))
                await asyncio.sleep(POLL)
            except StoreError:
                log.exception("a memo could not be made, will try again")
                await asyncio.sleep(RETRY)

    async def make_due(self, now: datetime) -> None:
        """Make what is due and was not made yet. Raises StoreError."""
        for kind, memo in _wanted(self._app.config).items():
            due = newest_due(memo, self._app.config.site.hours.zone, now)
            if now - due <= LATE and not await self._is_made(kind, due):
                await self._make(kind, memo, about(kind, due, self._app.config.site.hours.zone), now)

    async def _is_made(self, kind: Kind, due: datetime) -> bool:
        async with self._app.store.connect() as conn:
            return await reports.is_made(conn, kind, due)

    async def _make(self, kind: Kind, memo: Memo, period: Period, now: datetime) -> None:
        config = self._app.config
        async with self._app.store.connect() as conn:
            made = await documents(conn, config, kind, period, now, self._app.latest)
        async with self._app.store.begin() as conn:
            to = reached(memo.to, config.directory, await overrides.current(conn, now), Severity.WARNING, now)
            for report in _kept(made):
                await reports.save(conn, report)
                for one in {one.destination for one in to}:
                    await outbox.enqueue(conn, _notification(config, report, one), "", now)
        log.info("memo made", extra={"kind": str(kind), "reports": len(made)})
        self._queued()


async def documents(
    conn: AsyncConnection,
    config: Config,
    kind: Kind,
    period: Period,
    now: datetime,
    latest: Mapping[str, Reading],
) -> tuple[Document, ...]:
    """The documents of a kind about a period; of one that lasts still, about what has been of it.

    Raises ValueError for a period that has not begun.
    """
    if period.start >= now:
        raise ValueError(gettext("that time has not begun yet; choose an earlier one"))
    period = period._replace(end=min(period.end, now))
    then = before(period, config.site.hours.zone)
    metrics = isp.METRICS if kind is Kind.ISP else use.METRICS
    found = await gather(conn, config, period.start, period.end, now, latest, metrics)
    earlier = await gather(conn, config, then.start, then.end, now, {}, metrics)
    made = await asyncio.to_thread(MADE[kind], found, earlier)
    if kind is not Kind.ISP:
        return made
    prints = await fingerprints(conn, found)
    return tuple(isp.sealed(one, prints[provider]) for one, provider in zip(made, providers(found), strict=True))


async def made_of(app: Service, kind: Kind, day: date) -> tuple[Report, ...]:
    """Make the memos about the day, week or month that a day lies in, and keep them. Raises ValueError as above."""
    if kind not in MADE:
        raise ValueError(gettext("a report of the kind {kind} cannot be made of a day", kind=kind))
    now, zone = datetime.now(UTC), app.config.site.hours.zone
    async with app.store.connect() as conn:
        with speaking(app.config.site.language):  # it is kept for everybody
            made = await documents(conn, app.config, kind, period_of(kind, day, zone), now, app.latest)
    kept = _kept(made)
    async with app.store.begin() as conn:
        for report in kept:
            await reports.save(conn, report)
    return kept


def _wanted(config: Config) -> dict[Kind, Memo]:
    found = {kind: getattr(config.reports, kind.value) for kind in MADE}
    return {kind: memo for kind, memo in found.items() if memo is not None}


def _kept(made: tuple[Document, ...]) -> tuple[Report, ...]:
    return tuple(Report(str(ULID()), document) for document in made)


def _notification(config: Config, report: Report, destination: str) -> Notification:
    url = f"{config.server.url.rstrip('/')}/reports/{report.id}" if config.server.url else ""
    text = message(report.document, url)
    key = Key(f"report/{report.id}", destination, NoticeKind.REPORT, 0)
    return Notification(key, Severity.INFO, text.title, text.body)
