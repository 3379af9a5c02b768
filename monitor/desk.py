"""What is going on, and every change to it: one decision at a time, written before anybody hears of it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection
from ulid import ULID

from alerting.links import Signer
from alerting.rules import State
from incidents import lifecycle
from incidents.incident import US, Change, EntryKind, Incident
from incidents.lifecycle import Report
from language import speaking
from monitor.appraisal import Turned, appraise
from monitor.chronicler import changed
from monitor.config.model import Config
from monitor.ledger import Key
from monitor.metrics import Vitals
from monitor.orders import Action, Order, change
from monitor.response import Known, Response, Turn
from monitor.store import Store, decisions, episodes, incidents, orders, outbox
from monitor.store.incidents import Changed
from monitor.store.outbox import Queued
from monitor.wording import notification

log = logging.getLogger(__name__)


class Desk:
    """Holds what is `known` and carries out what is decided about it, by rules, by time or by people.

    `turned` is called after a commit that changed what people see, `queued` after one that queued messages. Messages
    have links to answer by where a `signer` makes them.
    """

    def __init__(self, store: Store, vitals: Vitals, turned: Callable[[], None], queued: Callable[[], None]) -> None:
        self._store = store
        self._vitals = vitals
        self.turned = turned
        self.queued = queued
        self._known: Known | None = None
        self._lock = asyncio.Lock()
        self.signer: Signer | None = None

    @property
    def is_new(self) -> bool:
        """Whether nothing is known yet, not even a configuration."""
        return self._known is None

    @property
    def known(self) -> Known:
        """What the next decision is made from."""
        if self._known is None:
            raise RuntimeError("no configuration was adopted")
        return self._known

    @known.setter
    def known(self, known: Known) -> None:
        self._known = known

    @contextlib.asynccontextmanager
    async def deciding(self, config: Config | None = None) -> AsyncIterator[None]:
        """One decision at a time, and told in the language of the site, whoever makes it in whichever."""
        async with self._lock:
            with speaking((config or self.known.config).site.language):
                yield

    def plan(self) -> Response:
        """A plan to begin with: nothing has happened yet."""
        return Response(self.known, datetime.now(UTC), new_id)

    async def execute(
        self,
        plan: Response,
        turns: Collection[Turn] = (),
        states: Mapping[Key, State] | None = None,
        stored: Mapping[str, Incident] | None = None,
    ) -> None:
        """Write a plan in one transaction, and only then let what is known follow.

        `stored` holds incidents that are not among the known ones, as they are.
        """
        if not (turns or plan.incidents or plan.decisions):
            return
        before = {**(stored or {}), **self.known.incidents}
        await self._weigh(plan, turns)
        async with self._store.begin() as conn:
            await self._write(conn, plan, turns, states or {}, before)
        self._vitals.commits.inc()
        for id, incident in plan.incidents.items():
            self._vitals.incident(before.get(id), incident)
        after = plan.known
        self._known = replace(self.known, incidents=after.incidents, firing=after.firing, ended=after.ended)
        self.turned()
        if plan.notices:
            self.queued()

    async def decide(self, id: str, change: Callable[[Incident], Change]) -> Incident | None:
        """Apply a person's decision to an incident; None if there is none of that id. Raises StoreError."""
        async with self.deciding():
            incident = self.known.incidents.get(id)
            if incident is None:
                async with self._store.connect() as conn:
                    incident = await incidents.get(conn, id)
            if incident is None:
                return None
            plan = self.plan()
            decided = plan.decide(incident, change)
            await self.execute(plan, stored={id: incident})
            return plan.incidents.get(id, decided)

    async def merge(self, id: str, into: str, who: str) -> Incident | None:
        """Make one of two incidents: the one that tells of both from now on, None if one of them does not exist.

        Raises StoreError.
        """
        async with self.deciding():
            async with self._store.connect() as conn:
                one, other = await incidents.get(conn, id), await incidents.get(conn, into)
            if one is None or other is None:
                return None
            plan = self.plan()
            kept = plan.merge(one, other, who)
            await self.execute(plan, stored={id: one, into: other})
            return plan.incidents.get(into, kept)

    async def open(self, report: Report, *, tells: bool = True) -> Incident:
        """Open the incident that a person reports, once for its id; the routes hear of it if it `tells`.

        Raises StoreError.
        """
        async with self.deciding():
            async with self._store.connect() as conn:
                known = await incidents.get(conn, report.id)
            if known is not None:
                return known
            plan = self.plan()
            opened = plan.report(report, tells=tells)
            await self.execute(plan)
            return opened

    async def note_changes(self, config: Config) -> None:
        """Write into the timelines of live incidents how what they are about is watched from now on."""
        plan, now = self.plan(), datetime.now(UTC)
        for incident in self.known.incidents.values():
            said = changed(self.known.config.asset(incident.asset), config.asset(incident.asset))
            if said and incident.stage.live:
                line = partial(lifecycle.note, text=said, who=US, now=now, kind=EntryKind.CHANGE)
                plan.decide(incident, line)
        await self.execute(plan)

    async def obey(self) -> None:
        """Carry out what people have asked for on the command line. Raises StoreError."""
        async with self._store.connect() as conn:
            waiting = await orders.waiting(conn)
        for order in waiting:
            try:
                await self._carry_out(order)
            except (LookupError, ValueError, TypeError):
                log.exception("an order makes no sense and is dropped", extra={"order": order.id})
        if waiting:
            async with self._store.begin() as conn:
                await orders.done(conn, [order.id for order in waiting])

    def counts_as_open(self, at: datetime) -> bool:
        """Whether faults matter as in opening hours: the site is open, or opens soon."""
        config = self.known.config
        return config.site.hours.counts_as_open(at, config.alerting.lead)

    async def _carry_out(self, order: Order) -> None:
        match order.action:
            case Action.REPORT:
                await self.open(order.report, tells=order.tells)
            case Action.MERGE:
                await self.merge(order.incident, order.into, order.who)
            case _:
                now, config = datetime.now(UTC), self.known.config
                await self.decide(order.incident, lambda one: change(order, one, now, config))

    async def _weigh(self, plan: Response, turns: Collection[Turn]) -> None:
        """Work out what the incidents of a plan cost that are over."""
        over = [one for one in plan.incidents.values() if one.uncosted]
        if not over:
            return
        turned = Turned({turn.episode.id: turn.episode for turn in turns}, plan.episodes, plan.incidents)
        async with self._store.connect() as conn:
            for id, cost in (await appraise(conn, self.known.config, over, turned)).items():
                plan.incidents[id] = lifecycle.costed(plan.incidents[id], cost)

    async def _write(
        self,
        conn: AsyncConnection,
        plan: Response,
        turns: Collection[Turn],
        states: Mapping[Key, State],
        stored: Mapping[str, Incident],
    ) -> None:
        turned = dict.fromkeys((turn.rule.check, turn.rule.id) for turn in turns)
        await episodes.save_states(conn, {key: states[key] for key in turned})
        await episodes.save_all(conn, [(turn.episode, plan.episodes.get(turn.episode.id)) for turn in turns])
        await incidents.save_all(conn, [Changed(one, stored.get(id)) for id, one in plan.incidents.items()])
        now, config = datetime.now(UTC), self.known.config
        queued = []
        for notice in plan.notices:
            incident = plan.incidents.get(notice.incident) or stored[notice.incident]
            message = notification(config, incident, notice.key, self.signer, now)
            queued.append(Queued(message, incident.id, notice.due))
        await outbox.enqueue_all(conn, queued, now)
        await decisions.add(conn, plan.decisions)


def new_id() -> str:
    """An id that sorts by when it was made (ULID)."""
    return str(ULID())
