"""From readings to rules, incidents and queued messages: what turned is committed in one transaction."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from alerting.gates import Silence
from alerting.inbound import OUTSIDE
from alerting.links import Signer
from alerting.oncall import Override
from alerting.rules import Episode, Phase, Rule, State, Why, close, matters, severity_at, step
from incidents import lifecycle
from incidents.chronicle import heard, still
from incidents.incident import US, Change, EntryKind, Incident
from language import N_
from monitor.chronicler import News, measured
from monitor.config.model import Asset, Check, Config
from monitor.days import Day
from monitor.desk import Desk, new_id
from monitor.ledger import Key, Ledger
from monitor.metrics import Vitals
from monitor.outside import turn as outside_turn
from monitor.response import Known, Turn
from monitor.runner import Run
from monitor.store import Store, StoreError, episodes, incidents, outbox
from monitor.usual import Usuals
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

    `states` holds every rule's state by (check, rule): the store's content, plus what has not turned yet; the `desk`
    has the incidents.
    """

    def __init__(self, desk: Desk, store: Store, vitals: Vitals) -> None:
        self.desk = desk
        self._store = store
        self._vitals = vitals
        self._assets: dict[str, Asset] = {}
        self._rules: set[Key] = set()
        self._ledger = Ledger(store, vitals)
        self._news = News()
        self.usuals = Usuals(store)
        self._pending: list[Run] = []
        self._judging: list[Run] = []
        self._arrived = asyncio.Event()
        self._lull: asyncio.TimerHandle | None = None
        self._notes: list[tuple[Check, str]] = []
        self._gates_changed = False
        self._was_open = False
        self.states: dict[Key, State] = {}
        vitals.pending.set_function(lambda: len(self._pending))

    @property
    def days(self) -> Mapping[str, Day]:
        """What is stored of the last day of every check, by its id."""
        return self._ledger.days.by_check

    @property
    def oldest(self) -> datetime | None:
        """When the oldest run began that is not judged yet, None if all are."""
        waiting = self._judging or self._pending
        return waiting[0].settled.at if waiting else None

    async def adopt(self, config: Config, signer: Signer | None = None) -> None:
        """Take over a configuration: episodes of rules that are gone are closed, and say so. Raises StoreError."""
        async with self.desk.deciding(config):
            self.desk.signer = signer
            if self.desk.is_new:
                await self._load(config)
            await self.desk.note_changes(config)
            self.desk.known = replace(self.desk.known, config=config)
            self._assets = {asset.id: asset for asset in config.assets}
            kept = {(rule.check, rule.id): (check, rule) for check in config.checks for rule in check.rules}
            gone = [key for key in self.states if key not in kept and not key[0].startswith(OUTSIDE)]
            if gone:
                await self._drop(gone)
            self._rules = set(kept)
            self._ledger.keep(lambda key: key in kept or key[0].startswith(OUTSIDE))
            self.desk.known = replace(self.desk.known, firing=self._renewed(kept))
            self._gates_changed = True
        await self._count()  # no series begins later than the others
        self.usuals.adopt(config)
        self.desk.queued()

    def regate(self, silences: tuple[Silence, ...], overrides: tuple[Override, ...]) -> None:
        """Take over what people have silenced and who stands in for whom; what it changes follows within a second."""
        known = self.desk.known
        if (silences, overrides) != (known.silences, known.overrides):
            self.desk.known = replace(known, silences=silences, overrides=overrides)
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

    async def report(self, turns: Sequence[Turn], states: Mapping[Key, State]) -> None:
        """Take in episodes that were judged elsewhere, with what their rules remember now. Raises StoreError."""
        async with self.desk.deciding():
            plan = self.desk.plan()
            for turn in turns:
                plan.take(turn)
            await self.desk.execute(plan, turns, states)
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
            await self.desk.obey()
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
        async with self.desk.deciding():
            runs, self._pending = self._pending, []
            self._judging = runs
            states, turns, plan = dict[Key, State](), list[Turn](), self.desk.plan()
            for run in runs:
                self._step(run, states, turns)
            for turn in turns:
                plan.take(turn)
            try:
                await self.desk.execute(plan, turns, states)
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
            state, turned = step(rule, before, reading, since, new_id, usual)
            if state is before:
                continue
            if turned is not None and _begins_to_fire(before.episode, turned):
                # How much it matters is decided when it begins to fire, and once more when the site opens.
                turned = replace(turned, severity=severity_at(rule, self.desk.counts_as_open(reading.at)))
                state = state._replace(episode=turned)
            states[key] = state
            if turned is not None:
                turns.append(Turn(self._assets[run.check.asset], rule, turned, run.check.kind))
            elif matters(before, state):
                self._ledger.change([key])

    async def _tick(self) -> None:
        """Do what time alone makes due."""
        async with self.desk.deciding():
            is_open = self.desk.counts_as_open(datetime.now(UTC))
            changed, self._gates_changed = self._gates_changed, False  # what changes from here on is for the next time
            plan = self.desk.plan()
            plan.tick(gates_changed=changed, opens=is_open and not self._was_open)
            try:
                await self.desk.execute(plan)
            except BaseException:
                self._gates_changed |= changed
                raise
            self._was_open = is_open

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
        self.desk.known = Known(config, live, ended=back)
        self._assets = {asset.id: asset for asset in config.assets}
        self.desk.known = replace(self.desk.known, firing=self._renewed(kept))

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
                firing[episode.id] = outside_turn(self.desk.known.config, episode)
            else:
                firing[episode.id] = self.desk.known.firing.get(episode.id) or _unknown_turn(episode)
        return firing

    async def _drop(self, gone: Collection[Key]) -> None:
        """End what deleted rules had begun."""
        plan, now = self.desk.plan(), datetime.now(UTC)
        open_ones = [state.episode for key in gone if (state := self.states[key]).episode is not None]
        turns = []
        for episode in open_ones:
            known = self.desk.known.firing.get(episode.id) or _unknown_turn(episode)
            turns.append(known._replace(episode=close(episode, Why.RULE_DELETED, now)))
            plan.take(turns[-1])
        await self.desk.execute(plan, turns, dict.fromkeys(((one.rule.check, one.rule.id) for one in turns), State()))
        async with self._store.begin() as conn:
            await episodes.save_states(conn, dict.fromkeys(gone, State()))
        self.states = {key: state for key, state in self.states.items() if key not in gone}

    async def _annotate(self) -> None:
        """Write evidence into the timeline of the incident that the check's fault belongs to, if it is still one."""
        notes = self._notes
        if not notes:
            return
        async with self.desk.deciding():
            plan, now = self.desk.plan(), datetime.now(UTC)
            for check, evidence in notes:
                line = partial(lifecycle.note, text=evidence, who=US, now=now, kind=EntryKind.EVIDENCE)
                for incident in self._live_of(check):
                    plan.decide(incident, line)
            await self.desk.execute(plan)
        self._notes = self._notes[len(notes) :]

    async def _chronicle(self) -> None:
        """Write into the timelines who has been told, and what is measured while it lasts."""
        async with self.desk.deciding():
            now = datetime.now(UTC)
            async with self._store.connect() as conn:
                news = await self._news.since(conn, now)
                stored = {id: one for id in news if (one := await incidents.get(conn, id)) is not None}
            plan = self.desk.plan()
            for id, some in news.items():
                if id in stored:
                    plan.decide(stored[id], lambda one, some=some: Change(heard(one, some)))  # type: ignore[misc]
            for one in self.desk.known.incidents.values():
                if (says := measured(self.desk.known, self.states, one)) and one.stage.live:
                    plan.decide(one, lambda each, says=says: Change(still(each, says, now)))  # type: ignore[misc]
            await self.desk.execute(plan, stored=stored)
            self._news.seen()

    def _live_of(self, check: Check) -> list[Incident]:
        """The live incidents that the check's open episodes belong to."""
        states = (self.states.get((rule.check, rule.id)) for rule in check.rules)
        open_ones = {state.episode.id for state in states if state is not None and state.episode is not None}
        return [one for one in self.desk.known.incidents.values() if one.stage.live and one.firing & open_ones]

    async def _count(self) -> None:
        """Show how many incidents are open and messages wait."""
        async with self._store.connect() as conn:
            backlog = await outbox.backlog(conn)
        live = [incident for incident in self.desk.known.incidents.values() if incident.stage.live]
        self._vitals.incidents(Counter(incident.severity for incident in live))
        self._vitals.asset_incidents(self.desk.known.config, live)
        waiting = {destination: count for destination, (count, _) in backlog.items()}
        self._vitals.backlog({**dict.fromkeys(self.desk.known.config.destinations, 0), **waiting})

    def _fail(self) -> None:
        self._vitals.commit_failures.inc()
        self._vitals.writable.set(0)
        log.exception("cannot write to the store, will try again", extra={"pending": len(self._pending)})
        self.desk.turned()

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


def _begins_to_fire(before: Episode | None, turned: Episode) -> bool:
    return turned.phase is Phase.FIRING and (before is None or before.fired is None)


def _unknown_turn(episode: Episode) -> Turn:
    """The turn of an episode whose rule nobody knows any more: it was deleted while we were not running."""
    asset = Asset(episode.check.partition("/")[0], "", episode.check, 0, (), "", "", ())
    rule = Rule(episode.check, episode.rule, N_("is no longer watched"), episode.severity, status=Status.DOWN)
    return Turn(asset, rule, episode, "")
