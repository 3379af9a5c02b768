"""Makes the morning check at its time, once for each day on which the site opens, and raises the alarm when it was not
sent."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol

from ulid import ULID

from alerting.channels import Key, NoticeKind, Notification
from alerting.health import Health
from alerting.oncall import Override, reached
from alerting.rules import Severity
from incidents.messages import Text, plain
from language import N_, gettext, local
from monitor import afresh
from monitor.afresh import Looked
from monitor.config.model import Config, Morning
from monitor.notices import hearers
from monitor.openings import Due, newest_run
from monitor.reports.document import Document, Kind, Mark
from monitor.reports.morning import morning
from monitor.reports.rendering import message
from monitor.store import Store, StoreError, outbox, reports
from monitor.store.reports import Report
from probes import Reading

log = logging.getLogger(__name__)

LATE = timedelta(minutes=15)
"""How long after its time one that was not sent is missed."""
MARGIN = 60.0
"""Seconds beyond its deadline in which what was found must be judged and gathered."""
AGAIN = timedelta(minutes=1)
"""How long after one that could not be made or kept another one is tried."""
POLL = 5.0
"""Seconds between two looks at whether one is due."""
USUAL = timedelta(days=10)
"""How long ago one may have been sent, for the next to be missed that was due while Deskwatch did not run."""
EARLIER = 50
"""Among how many of the newest ones that is looked for."""

_OPENS = N_("It was due {due}, and the space opens at {opens}: nobody has looked whether everything works.")
_OPENED = N_("It was due {due}, and the space opened at {opens}: nobody has looked whether everything works.")
_TODO = N_(
    'What to do: open the page Morning and press "Run it now". '
    "If that does not work, walk through the space, and call whoever looks after Deskwatch."
)
_TODO_THERE = N_(
    'What to do: open the page Morning and press "Run it now": {page} '
    "If that does not work, walk through the space, and call whoever looks after Deskwatch."
)


class App(Protocol):
    """The running service, as the morning check sees it."""

    @property
    def config(self) -> Config: ...

    @property
    def store(self) -> Store: ...

    @property
    def latest(self) -> Mapping[str, Reading]:
        """The newest reading of every check that has one."""
        ...

    @property
    def healths(self) -> Mapping[str, Health]:
        """How well each destination can be reached."""
        ...

    @property
    def overrides(self) -> tuple[Override, ...]:
        """Who stands in for whom."""
        ...

    async def refresh(self, checks: Collection[str], within: float) -> frozenset[str]:
        """Run checks now and judge what they found; those that did not end within so many seconds."""
        ...

    async def problems(self) -> tuple[str, ...]:
        """What keeps the service from its work, in words."""
        ...

    async def alarm(self, title: str, body: str) -> None:
        """Tell every destination at once, without the store."""
        ...


class Mornings:
    """Makes morning checks. Which have been sent is in the store: a restart neither loses nor repeats one."""

    def __init__(self, app: App, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._app = app
        self._clock = clock
        self._asked = asyncio.Event()
        self._plan: Morning | None = None
        self._since: datetime | None = None
        self._begun: datetime | None = None
        self._sent = ""
        self._alarmed = ""
        self._again = datetime.min.replace(tzinfo=UTC)

    async def run(self) -> None:
        """Make those of the configuration, and those that people ask for, until cancelled."""
        while True:
            try:
                if self._asked.is_set():
                    await self._make_by_hand()
                await self.turn()
            except Exception:
                # Whatever is wrong with a report must not end the watching; that it is missing raises the alarm.
                log.exception("a morning check failed, will try again")
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._asked.wait()

    def ask(self) -> None:
        """Have one made now, for the pages alone; once, however often it is asked for."""
        self._asked.set()

    @property
    def is_asked(self) -> bool:
        """Whether one that somebody asked for is being made."""
        return self._asked.is_set()

    async def turn(self) -> None:
        """Do what is due now. Raises StoreError, and TimeoutError if looking at everything did not end."""
        now = self._clock()
        plan, hours = self._app.config.reports.morning, self._app.config.site.hours
        self._mind(plan, now)
        due = newest_run(hours, plan.before, now) if plan is not None else None
        if plan is None or due is None or await self._is_sent(due):
            return
        missed = due.at + max(LATE, timedelta(seconds=plan.deadline + 2 * MARGIN))
        if now >= missed and due.id != self._alarmed and await self._is_expected(due, now):
            await self._miss(due, now)
        if self._again <= now < max(due.opens, missed):
            self._again = now + AGAIN
            await self._make(plan, due)

    def _mind(self, plan: Morning | None, now: datetime) -> None:
        """Notice since when it is planned like this; None is since before this process began."""
        if self._begun is None:
            self._begun = now
        elif plan != self._plan:
            self._since = now
        self._plan = plan

    async def _is_sent(self, due: Due) -> bool:
        """Whether it was sent; not, as long as the store does not say."""
        if self._sent != due.id:
            with suppress(StoreError):
                async with self._app.store.connect() as conn:
                    found = await reports.get(conn, due.id)
                self._sent = due.id if found is not None else self._sent
        return self._sent == due.id

    async def _is_expected(self, due: Due, now: datetime) -> bool:
        """Whether somebody waits for it: not if it is planned only since its time went by. Raises StoreError."""
        since = self._since or self._begun
        if since is None or since <= due.at:
            return True
        if self._since is not None:
            return False
        async with self._app.store.connect() as conn:
            earlier = [one.document for one in await reports.page(conn, EARLIER, Kind.MORNING)]
        return any(one.end != one.made and now - one.made < USUAL for one in earlier)  # made by itself, not by hand

    async def _make(self, plan: Morning, due: Due) -> None:
        """Make it, then keep it and queue its messages in one transaction. Raises StoreError and TimeoutError."""
        document = await self._document(due.opens)
        to, now = self._readers(plan), self._clock()
        async with self._app.store.begin() as conn:
            await reports.save(conn, Report(due.id, document))
            for one in _notifications(self._app.config, due, document, to):
                await outbox.enqueue(conn, one, "", now)
        self._sent = due.id
        log.info("the morning check was made", extra={"day": str(due.day), "found": document.title})

    async def _make_by_hand(self) -> None:
        try:
            document = await self._document(None)
            async with self._app.store.begin() as conn:
                await reports.save(conn, Report(str(ULID.from_datetime(document.made)), document))
        finally:
            self._asked.clear()

    async def _document(self, end: datetime | None) -> Document:
        """Everything, looked at now; about the time until then, None for now. Raises StoreError and TimeoutError."""
        app, config = self._app, self._app.config
        within = afresh.deadline_of(config)
        async with asyncio.timeout(within + MARGIN):
            late = await afresh.look(app.refresh, config, within)
            looked = Looked(app.latest, late, app.healths, await app.problems())
            async with app.store.connect() as conn:
                seen = await afresh.gather(conn, config, looked, self._clock())
        return morning(seen, end)

    def _readers(self, plan: Morning) -> tuple[str, ...]:
        """The destinations of whoever gets it; if that is nobody any more, of whom critical faults reach."""
        now, config = self._clock(), self._app.config
        found = reached(plan.to, config.directory, self._app.overrides, Severity.WARNING, now)
        return tuple(one.destination for one in found) or self._hearers(now)

    def _hearers(self, now: datetime) -> tuple[str, ...]:
        failing = {id for id, health in self._app.healths.items() if health.failing}
        return hearers(self._app.config, "", failing, self._app.overrides, now)

    async def _miss(self, due: Due, now: datetime) -> None:
        """Say that it was not sent: through the store once for all restarts, else past it."""
        title, body = _missing(self._app.config, due, now)
        log.error("a morning check was not sent", extra={"day": str(due.day)})
        try:
            async with self._app.store.begin() as conn:
                for to in self._hearers(now):
                    key = Key(due.episode, to, NoticeKind.ALARM, 0)
                    await outbox.enqueue(conn, Notification(key, Severity.CRITICAL, title, body), "", now)
        except StoreError:
            await self._app.alarm(title, body)
        self._alarmed = due.id


def _notifications(config: Config, due: Due, document: Document, to: Iterable[str]) -> Iterable[Notification]:
    text = message(document, _page(config))
    severity = Severity.INFO if document.mark is Mark.GOOD else Severity.WARNING
    for destination in to:
        yield Notification(Key(due.episode, destination, NoticeKind.REPORT, 0), severity, *text)


def _missing(config: Config, due: Due, now: datetime) -> Text:
    zone = config.site.hours.zone
    missed = _OPENS if now < due.opens else _OPENED
    what = gettext(missed, due=local(due.at, zone), opens=f"{due.opens.astimezone(zone):%H:%M}")
    page = _page(config)
    todo = gettext(_TODO_THERE, page=page) if page else gettext(_TODO)
    title = gettext("The morning check was not sent ({site})", site=plain(config.site.name))
    return Text(title, f"{what}\n{todo}")


def _page(config: Config) -> str:
    """The address of its page, "" if nobody said how people reach us."""
    return f"{config.server.url.rstrip('/')}/morning" if config.server.url else ""
