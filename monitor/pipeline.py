"""From readings to rules, incidents and queued messages: what turned is committed in one transaction."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection
from ulid import ULID

from alerting.gates import Silence
from alerting.inbound import OUTSIDE
from alerting.links import Signer
from alerting.oncall import Override
from alerting.rules import Episode, Phase, Rule, State, Why, close, matters, severity_at, step
from incidents import lifecycle
from incidents.chronicle import heard, still
from incidents.incident import US, Change, EntryKind, Incident
from incidents.lifecycle import Report
from language import N_, speaking
from monitor.appraisal import Turned, appraise
from monitor.chronicler import News, changed, measured
from monitor.config.model import Asset, Check, Config
from monitor.ledger import Key, Ledger
from monitor.metrics import Vitals
from monitor.orders import Action, Order, change
from monitor.outside import turn as outside_turn
from monitor.response import Known, Response, Turn
from monitor.runner import Run
from monitor.store import Store, StoreError, decisions, episodes, incidents, orders, outbox
from monitor.store.incidents import Changed
from monitor.store.outbox import Queued
from monitor.usual import Usuals
from monitor.wording import notification
from probes import Status

T = TypeVar("T")

log = logging.getLogger(__name__)

FLUSH = 5.0
"""Seconds between two writes of history; a crash loses at most this much of it, and no turn of a rule."""
TICK = 1.0
"""Seconds between two looks at what time alone makes due: steps, repeats, gates that open."""
GATHER = 0.02
"""Seconds that a run which is not up waits for others: at many runs a second one judging serves them all."""
LULL = 0.1
"""Seconds that a run which is up may wait: it is hardly ever news."""
RETRY = 1.0
"""Seconds to wait after a failed commit."""
PENDING = 50_000
"""Runs that wait for a store that cannot be written; beyond it the oldest are dropped and leave a gap."""


class Pipeline:
    """Judges finished runs and keeps what follows from them.

    `states` holds every rule's state by (check, rule): the store's content, plus what has not turned yet; `known` the
    incidents that can still change, as they are stored. `turned` is called after a commit that changed what people
    see, `queued` after one that queued messages.
    """

    def __init__(self, store: Store, vitals: Vitals, turned: Callable[[], None], queued: Callable[[], None]) -> None:
        self._store = store
        self._vitals = vitals
        self._turned = turned
        self._queued = queued
        self._known: Known | None = None
        self._signer: Signer | None = None
        self._assets: dict[str, Asset] = {}
        self._rules: set[Key] = set()
        self._ledger = Ledger(store, vitals)
        self._news = News()
        self.usuals = Usuals(store)
        self._pending: list[Run] = []
        self._judging: list[Run] = []
        self._arrived = asyncio.Event()
        self._lull: asyncio.TimerHandle | None = None
        self._lock = asyncio.Lock()
        self._notes: list[tuple[Check, str]] = []
        self._gates_changed = False
        self._was_open = False
        self.states: dict[Key, State] = {}
        vitals.pending.set_function(lambda: len(self._pending))

    @property
    def known(self) -> Known:
        """What the next decision is made from."""
        if self._known is None:
            raise RuntimeError("no configuration was adopted")
        return self._known

    @property
    def oldest(self) -> datetime | None:
        """When the oldest run began that is not judged yet, None if all are."""
        waiting = self._judging or self._pending
        return waiting[0].settled.at if waiting else None

    async def adopt(self, config: Config, signer: Signer | None = None) -> None:
        """Take over a configuration: episodes of rules that are gone are closed, and say so. Raises StoreError."""
        async with self._deciding(config):
            self._signer = signer
            if self._known is None:
                await self._load(config)
            await self._note_changes(config)
            self._known = replace(self.known, config=config)
            self._assets = {asset.id: asset for asset in config.assets}
            kept = {(rule.check, rule.id): (check, rule) for check in config.checks for rule in check.rules}
            gone = [key for key in self.states if key not in kept and not key[0].startswith(OUTSIDE)]
            if gone:
                await self._drop(gone)
            self._rules = set(kept)
            self._ledger.keep(lambda key: key in kept or key[0].startswith(OUTSIDE))
            self._known = replace(self.known, firing=self._renewed(kept))
            self._gates_changed = True
        self.usuals.adopt(config)
        self._queued()

    @contextlib.asynccontextmanager
    async def _deciding(self, config: Config) -> AsyncIterator[None]:
        """One decision at a time, and told in the language of the site, whoever makes it in whichever."""
        async with self._lock:
            with speaking(config.site.language):
                yield

    async def _note_changes(self, config: Config) -> None:
        """Write into the timelines of live incidents how what they are about is watched from now on."""
        plan, now = self._plan(), datetime.now(UTC)
        for incident in self.known.incidents.values():
            said = changed(self.known.config.asset(incident.asset), config.asset(incident.asset))
            if said and incident.stage.live:
                line = partial(lifecycle.note, text=said, who=US, now=now, kind=EntryKind.CHANGE)
                plan.decide(incident, line)
        await self._execute(plan)

    def regate(self, silences: tuple[Silence, ...], overrides: tuple[Override, ...]) -> None:
        """Take over what people have silenced and who stands in for whom; what it changes follows within a second."""
        known = self.known
        if (silences, overrides) != (known.silences, known.overrides):
            self._known = replace(known, silences=silences, overrides=overrides)
            self._gates_changed = True
            self._arrived.set()

    def offer(self, run: Run) -> None:
        """Hand over a finished run. Never waits."""
        self._pending.append(run)
        if len(self._pending) > PENDING:
            del self._pending[: len(self._pending) - PENDING]
        if run.settled.status is not Status.UP:
            self._arrived.set()
        elif self._lull is None:
            self._lull = asyncio.get_running_loop().call_later(LULL, self._arrived.set)

    def explain(self, check: Check, evidence: str) -> None:
        """Hand over what a closer look at a check that has just gone down brought. Never waits."""
        self._notes = [*self._notes, (check, evidence)][-PENDING:]
        self._arrived.set()

    async def run(self) -> None:
        """Judge what arrives, do what is due and write history, until cancelled; then write what is left."""
        loop = asyncio.get_running_loop()
        flush_at, tick_at = loop.time() + FLUSH, loop.time()
        try:
            while True:
                await self._gathered(min(flush_at, tick_at))
                flush_due, tick_due = loop.time() >= flush_at, loop.time() >= tick_at or self._gates_changed
                try:
                    more = await _to_its_end(self._work(tick_due, flush_due))
                    if tick_due:
                        tick_at = loop.time() + TICK
                    if flush_due:
                        flush_at = loop.time() + (0 if more else FLUSH)
                    self._vitals.writable.set(1)
                except StoreError:
                    self._fail()
                    flush_at = tick_at = loop.time() + RETRY
                    await asyncio.sleep(RETRY)
        finally:
            await self._finish()

    async def decide(self, id: str, change: Callable[[Incident], Change]) -> Incident | None:
        """Apply a person's decision to an incident; None if there is none of that id. Raises StoreError."""
        async with self._deciding(self.known.config):
            incident = self.known.incidents.get(id)
            if incident is None:
                async with self._store.connect() as conn:
                    incident = await incidents.get(conn, id)
            if incident is None:
                return None
            plan = self._plan()
            decided = plan.decide(incident, change)
            await self._execute(plan, stored={id: incident})
            return plan.incidents.get(id, decided)

    async def merge(self, id: str, into: str, who: str) -> Incident | None:
        """Make one of two incidents: the one that tells of both from now on, None if one of them does not exist.

        Raises StoreError.
        """
        async with self._deciding(self.known.config):
            async with self._store.connect() as conn:
                one, other = await incidents.get(conn, id), await incidents.get(conn, into)
            if one is None or other is None:
                return None
            plan = self._plan()
            kept = plan.merge(one, other, who)
            await self._execute(plan, stored={id: one, into: other})
            return plan.incidents.get(into, kept)

    async def open(self, report: Report, *, tells: bool = True) -> Incident:
        """Open the incident that a person reports, once for its id; the routes hear of it if it `tells`.

        Raises StoreError.
        """
        async with self._deciding(self.known.config):
            async with self._store.connect() as conn:
                known = await incidents.get(conn, report.id)
            if known is not None:
                return known
            plan = self._plan()
            opened = plan.report(report, tells=tells)
            await self._execute(plan)
            return opened

    async def report(self, turns: Sequence[Turn], states: Mapping[Key, State]) -> None:
        """Take in episodes that were judged elsewhere, with what their rules remember now. Raises StoreError."""
        async with self._deciding(self.known.config):
            plan = self._plan()
            for turn in turns:
                plan.take(turn)
            await self._execute(plan, turns, states)
            self.states.update(states)
            self.states = {key: state for key, state in self.states.items() if state != State()}
            self._ledger.change(states.keys() - {(one.rule.check, one.rule.id) for one in turns})

    async def catch_up(self) -> None:
        """Judge all that has arrived up to now. Raises StoreError."""
        await _to_its_end(self._judge())

    async def _work(self, tick_due: bool, flush_due: bool) -> bool:
        """Judge, and do what is due beside; whether more history waits."""
        await self._judge()
        await self._annotate()
        if tick_due:
            await self._obey()
            await self._tick()
        if not flush_due:
            return False
        await self._chronicle()
        more = await self._ledger.write(self.states, datetime.now(UTC))
        if not more:
            await self._count()
        return more

    async def _gathered(self, until: float) -> None:
        """Wait for runs, but not beyond that time of the event loop's clock."""
        try:
            async with asyncio.timeout_at(until):
                await self._arrived.wait()
                await asyncio.sleep(GATHER)
        except TimeoutError:
            pass
        self._arrived.clear()
        if self._lull is not None:
            self._lull.cancel()
            self._lull = None

    async def _judge(self) -> None:
        """Step every rule over the runs that arrived. If the commit fails nothing has happened, and they stay."""
        async with self._deciding(self.known.config):
            runs, self._pending = self._pending, []
            self._judging = runs
            states, turns, plan = dict[Key, State](), list[Turn](), self._plan()
            for run in runs:
                self._step(run, states, turns)
            for turn in turns:
                plan.take(turn)
            try:
                await self._execute(plan, turns, states)
            except BaseException:
                self._pending, self._judging = (runs + self._pending)[-PENDING:], []
                raise
            self._judging = []
            self.states.update(states)
            for run in runs:
                self._ledger.add(run)

    def _step(self, run: Run, states: dict[Key, State], turns: list[Turn]) -> None:
        reading, since, usual = run.settled, run.since, self.usuals.of(run.check.id)
        for rule in run.check.rules:
            key = (rule.check, rule.id)
            if key not in self._rules:  # a reload took it away while the run was under way
                continue
            before = states.get(key) or self.states.get(key) or State()
            state, turned = step(rule, before, reading, since, _ulid, usual)
            if state is before:
                continue
            if turned is not None and _begins_to_fire(before.episode, turned):
                # How much it matters is decided when it begins to fire, and once more when the site opens.
                turned = replace(turned, severity=severity_at(rule, self._counts_as_open(reading.at)))
                state = state._replace(episode=turned)
            states[key] = state
            if turned is not None:
                turns.append(Turn(self._assets[run.check.asset], rule, turned, run.check.kind))
            elif matters(before, state):
                self._ledger.change([key])

    async def _obey(self) -> None:
        """Carry out what people have asked for on the command line."""
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

    async def _carry_out(self, order: Order) -> None:
        match order.action:
            case Action.REPORT:
                await self.open(order.report, tells=order.tells)
            case Action.MERGE:
                await self.merge(order.incident, order.into, order.who)
            case _:
                now, config = datetime.now(UTC), self.known.config
                await self.decide(order.incident, lambda one: change(order, one, now, config))

    async def _tick(self) -> None:
        """Do what time alone makes due."""
        async with self._deciding(self.known.config):
            is_open = self._counts_as_open(datetime.now(UTC))
            changed, self._gates_changed = self._gates_changed, False  # what changes from here on is for the next time
            plan = self._plan()
            plan.tick(gates_changed=changed, opens=is_open and not self._was_open)
            try:
                await self._execute(plan)
            except BaseException:
                self._gates_changed |= changed
                raise
            self._was_open = is_open

    def _plan(self) -> Response:
        return Response(self.known, datetime.now(UTC), _ulid)

    async def _execute(
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
        self._turned()
        if plan.notices:
            self._queued()

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
            message = notification(config, incident, notice.key, self._signer, now)
            queued.append(Queued(message, incident.id, notice.due))
        await outbox.enqueue_all(conn, queued, now)
        await decisions.add(conn, plan.decisions)

    def _counts_as_open(self, at: datetime) -> bool:
        """Whether faults matter as in opening hours: the site is open, or opens soon."""
        config = self.known.config
        return config.site.hours.counts_as_open(at, config.alerting.lead)

    async def _load(self, config: Config) -> None:
        """Go on where the process before us was."""
        await self._ledger.open()
        async with self._store.connect() as conn:
            self.states = dict(await episodes.states(conn))
            begun = datetime.now(UTC) - timedelta(seconds=config.alerting.reopen)
            live = {one.id: one for one in await incidents.watched(conn, begun)}
            ended = await episodes.ended(conn, begun)
        kept = {(rule.check, rule.id): (check, rule) for check in config.checks for rule in check.rules}
        own = {check.id: check.asset for check in config.checks}
        back = {key: id for key, id in ended.items() if id in live and live[id].asset == own.get(key[0])}
        self._known = Known(config, live, ended=back)
        self._assets = {asset.id: asset for asset in config.assets}
        self._known = replace(self._known, firing=self._renewed(kept))

    def _renewed(self, kept: Mapping[Key, tuple[Check, Rule]]) -> dict[str, Turn]:
        """The episodes that fire, with the assets and rules of this configuration, or as they were known before."""
        firing = {}
        for key, state in self.states.items():
            episode = state.episode
            if episode is None or episode.fired is None:
                continue
            if key in kept:
                check, rule = kept[key]
                firing[episode.id] = Turn(self._assets[check.asset], rule, episode, check.kind)
            elif key[0].startswith(OUTSIDE):
                firing[episode.id] = outside_turn(self.known.config, episode)
            else:
                firing[episode.id] = self.known.firing.get(episode.id) or _unknown_turn(episode)
        return firing

    async def _drop(self, gone: Collection[Key]) -> None:
        """End what deleted rules had begun."""
        plan, now = self._plan(), datetime.now(UTC)
        open_ones = [state.episode for key in gone if (state := self.states[key]).episode is not None]
        turns = []
        for episode in open_ones:
            known = self.known.firing.get(episode.id) or _unknown_turn(episode)
            turns.append(known._replace(episode=close(episode, Why.RULE_DELETED, now)))
            plan.take(turns[-1])
        await self._execute(plan, turns, dict.fromkeys(((one.rule.check, one.rule.id) for one in turns), State()))
        async with self._store.begin() as conn:
            await episodes.save_states(conn, dict.fromkeys(gone, State()))
        self.states = {key: state for key, state in self.states.items() if key not in gone}

    async def _annotate(self) -> None:
        """Write evidence into the timeline of the incident that the check's fault belongs to, if it is still one."""
        notes = self._notes
        if not notes:
            return
        async with self._deciding(self.known.config):
            plan, now = self._plan(), datetime.now(UTC)
            for check, evidence in notes:
                line = partial(lifecycle.note, text=evidence, who=US, now=now, kind=EntryKind.EVIDENCE)
                for incident in self._live_of(check):
                    plan.decide(incident, line)
            await self._execute(plan)
        self._notes = self._notes[len(notes) :]

    async def _chronicle(self) -> None:
        """Write into the timelines who has been told, and what is measured while it lasts."""
        async with self._deciding(self.known.config):
            now = datetime.now(UTC)
            async with self._store.connect() as conn:
                news = await self._news.since(conn, now)
                stored = {id: one for id in news if (one := await incidents.get(conn, id)) is not None}
            plan = self._plan()
            for id, some in news.items():
                if id in stored:
                    plan.decide(stored[id], lambda one, some=some: Change(heard(one, some)))  # type: ignore[misc]
            for one in self.known.incidents.values():
                if (says := measured(self.known, self.states, one)) and one.stage.live:
                    plan.decide(one, lambda each, says=says: Change(still(each, says, now)))  # type: ignore[misc]
            await self._execute(plan, stored=stored)
            self._news.seen()

    def _live_of(self, check: Check) -> list[Incident]:
        """The live incidents that the check's open episodes belong to."""
        states = (self.states.get((rule.check, rule.id)) for rule in check.rules)
        open_ones = {state.episode.id for state in states if state is not None and state.episode is not None}
        return [one for one in self.known.incidents.values() if one.stage.live and one.firing & open_ones]

    async def _count(self) -> None:
        """Show how many incidents are open and messages wait."""
        async with self._store.connect() as conn:
            backlog = await outbox.backlog(conn)
        live = [incident for incident in self.known.incidents.values() if incident.stage.live]
        self._vitals.incidents(Counter(incident.severity for incident in live))
        self._vitals.asset_incidents(self.known.config, live)
        waiting = {destination: count for destination, (count, _) in backlog.items()}
        self._vitals.backlog({**dict.fromkeys(self.known.config.destinations, 0), **waiting})

    def _fail(self) -> None:
        self._vitals.commit_failures.inc()
        self._vitals.writable.set(0)
        log.exception("cannot write to the store, will try again", extra={"pending": len(self._pending)})
        self._turned()

    async def _finish(self) -> None:
        try:
            await self._judge()
            await self._annotate()
            await self._ledger.write(self.states)
        except StoreError:
            log.exception("could not write the last readings")


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """What the work returns. If we are cancelled it is finished first: a transaction that is cut off in the middle
    leaves a SQLite database locked, and the last readings could not be written."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with contextlib.suppress(StoreError):
            await task
        raise


def _ulid() -> str:
    return str(ULID())


def _begins_to_fire(before: Episode | None, turned: Episode) -> bool:
    return turned.phase is Phase.FIRING and (before is None or before.fired is None)


def _unknown_turn(episode: Episode) -> Turn:
    """The turn of an episode whose rule nobody knows any more: it was deleted while we were not running."""
    asset = Asset(episode.check.partition("/")[0], "", episode.check, 0, (), "", "", ())
    rule = Rule(episode.check, episode.rule, N_("is no longer watched"), episode.severity, status=Status.DOWN)
    return Turn(asset, rule, episode, "")
