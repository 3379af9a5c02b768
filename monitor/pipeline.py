"""From readings to rules, incidents and queued messages: what turned is committed in one transaction."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection
from ulid import ULID

from alerting.channels import Key, NoticeKind, Notification
from alerting.routes import audience
from alerting.rules import Episode, Phase, Rule, State, Why, close, step
from incidents import lifecycle, messages
from incidents.grouping import cause
from incidents.impact import member_minutes
from incidents.lifecycle import Change, Incident
from monitor.config.model import Asset, Check, Config
from monitor.history import PORTION, History
from monitor.metrics import Vitals
from monitor.runner import Run
from monitor.store import Store, StoreError, episodes, incidents, outbox, rollups, spans
from probes import load

log = logging.getLogger(__name__)

FLUSH = 5.0
"""Seconds between two writes of history; a crash loses at most this much of it, and no turn of a rule."""
GATHER = 0.02
"""Seconds that the first run of a batch waits for others: at many runs a second one judging serves them all."""
RETRY = 1.0
"""Seconds to wait after a failed commit."""
PENDING = 50_000
"""Runs that wait for a store that cannot be written; beyond it the oldest are dropped and leave a gap."""


class Turn(NamedTuple):
    """An episode that changed its phase, with the rule that it is of."""

    asset: Asset
    rule: Rule
    episode: Episode


class Pipeline:
    """Judges finished runs and keeps what follows from them.

    `states` holds every rule's state by (check, rule): the store's content, plus what has not turned yet. `turned` is
    called after a commit that changed what people see, `queued` after one that queued messages.
    """

    def __init__(self, store: Store, vitals: Vitals, turned: Callable[[], None], queued: Callable[[], None]) -> None:
        self._store = store
        self._vitals = vitals
        self._turned = turned
        self._queued = queued
        self._config: Config | None = None
        self._assets: dict[str, Asset] = {}
        self._rules: set[tuple[str, str]] = set()
        self._history = History()
        self._pending: list[Run] = []
        self._arrived = asyncio.Event()
        self._deciding = asyncio.Lock()
        self._unsaved: dict[tuple[str, str], State] = {}
        self._notes: list[tuple[Check, str]] = []
        self.states: dict[tuple[str, str], State] = {}
        vitals.pending.set_function(lambda: len(self._pending))

    async def adopt(self, config: Config) -> None:
        """Take over a configuration: episodes of rules that are gone are closed, and say so. Raises StoreError."""
        async with self._deciding:
            if self._config is None:
                async with self._store.connect() as conn:
                    self.states = dict(await episodes.states(conn))
                    self._history = History(await spans.latest(conn))
            kept = {(rule.check, rule.id) for check in config.checks for rule in check.rules}
            gone = [(key, state) for key, state in self.states.items() if key not in kept]
            if gone:
                async with self._store.begin() as conn:
                    for (check, rule), state in gone:
                        await episodes.save_state(conn, check, rule, State())
                        if state.episode is not None:
                            await self._drop(conn, config, state.episode)
            self.states = {key: state for key, state in self.states.items() if key in kept}
            self._unsaved = {key: state for key, state in self._unsaved.items() if key in kept}
            self._config = config
            self._assets = {asset.id: asset for asset in config.assets}
            self._rules = kept
        self._queued()

    def offer(self, run: Run) -> None:
        """Hand over a finished run. Never waits."""
        self._pending.append(run)
        if len(self._pending) > PENDING:
            del self._pending[: len(self._pending) - PENDING]
        self._arrived.set()

    def explain(self, check: Check, evidence: str) -> None:
        """Hand over what a closer look at a check that has just gone down brought. Never waits."""
        self._notes = [*self._notes, (check, evidence)][-PENDING:]
        self._arrived.set()

    async def run(self) -> None:
        """Judge what arrives, write history and remind people, until cancelled; then write what is left."""
        loop = asyncio.get_running_loop()
        flush_at = loop.time() + FLUSH
        try:
            while True:
                await self._gathered(flush_at)
                try:
                    more = await _to_its_end(self._work(flush_due := loop.time() >= flush_at))
                    if flush_due:
                        flush_at = loop.time() + (0 if more else FLUSH)
                    self._vitals.writable.set(1)
                except StoreError:
                    self._fail()
                    flush_at = loop.time() + RETRY
                    await asyncio.sleep(RETRY)
        finally:
            await self._finish()

    async def _work(self, flush_due: bool) -> bool:
        """Judge, and write history if that is due; whether more of it waits."""
        await self._judge()
        await self._annotate()
        if not flush_due:
            return False
        await self._remind()
        more = await self._flush(datetime.now(UTC))
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

    async def decide(self, id: str, change: Callable[[Incident], Change]) -> Incident | None:
        """Apply a person's decision to an incident; None if there is none of that id. Raises StoreError."""
        async with self._store.begin() as conn:
            incident = await incidents.get(conn, id)
            if incident is None:
                return None
            changed = change(incident)
            await self._save(conn, changed, self._require(), {})
        self._turned()
        self._queued()
        return changed.incident

    async def _judge(self) -> None:
        """Step every rule over the runs that arrived. If the commit fails nothing has happened, and they stay."""
        async with self._deciding:
            runs, self._pending = self._pending, []
            states, turns = dict[tuple[str, str], State](), list[Turn]()
            for run in runs:
                self._step(run, states, turns)
            if turns:
                try:
                    async with self._store.begin() as conn:
                        await self._commit(conn, turns, states)
                except BaseException:
                    self._pending = (runs + self._pending)[-PENDING:]
                    raise
                self._vitals.commits.inc()
            self.states.update(states)
            for run in runs:
                self._remember(run)
        if turns:
            self._turned()
            self._queued()

    def _step(self, run: Run, states: dict[tuple[str, str], State], turns: list[Turn]) -> None:
        reading, since = run.settled, run.since
        for rule in run.check.rules:
            key = (rule.check, rule.id)
            if key not in self._rules:  # a reload took it away while the run was under way
                continue
            before = states.get(key) or self.states.get(key) or State()
            state, turned = step(rule, before, reading, since, _ulid)
            if state is before:
                continue
            states[key] = state
            if rule.window > 1 and state.recent != before.recent:
                self._unsaved[key] = state
            if turned is not None:
                turns.append(Turn(self._assets[run.check.asset], rule, turned))

    def _remember(self, run: Run) -> None:
        check = run.check
        self._history.add(run.settled, run.since, check.interval, check.timeout, load(check.kind).latency)

    async def _commit(
        self, conn: AsyncConnection, turns: Iterable[Turn], states: Mapping[tuple[str, str], State]
    ) -> None:
        live = {incident.asset: incident for incident in await incidents.live(conn)}
        for turn in turns:
            key = (turn.rule.check, turn.rule.id)
            await episodes.save_state(conn, *key, states[key])
            incident = await self._attribute(conn, turn, live)
            await episodes.save(conn, turn.episode, incident)

    async def _attribute(self, conn: AsyncConnection, turn: Turn, live: dict[str, Incident]) -> str | None:
        """Open, extend or end the incident that the episode belongs to; its id, None if it is nobody's business."""
        episode = turn.episode
        if not episode.severity.pages or episode.fired is None or episode.phase is Phase.RECOVERING:
            return None
        config = self._require()
        says = messages.says(_named(turn), turn.rule, episode)
        routes = audience(config.routes, episode.severity, turn.asset.section, turn.asset.id)
        holder = next((one for one in live.values() if episode.id in one.firing), None)
        if episode.phase is Phase.RESOLVED:
            if holder is None:
                return None
            change = lifecycle.step(holder, episode, says, ())
        elif holder is not None:
            return holder.id
        else:
            parents = {asset.id: asset.depends_on for asset in config.assets}
            at = cause(turn.asset.id, parents, live)
            if at is None:
                title = messages.title(turn.asset.name, turn.rule)
                change = lifecycle.opened(_ulid(), turn.asset.id, title, episode, says, routes)
            else:
                change = lifecycle.step(live[at], episode, says, routes)
        await self._save(conn, change, config, live)
        return change.incident.id

    async def _drop(self, conn: AsyncConnection, config: Config, open_one: Episode) -> None:
        """End what a deleted rule had begun."""
        episode = close(open_one, Why.RULE_DELETED, datetime.now(UTC))
        id = await episodes.incident_of(conn, episode.id)
        await episodes.save(conn, episode, id)
        incident = await incidents.get(conn, id) if id else None
        if incident is not None:
            says = f"{episode.check} is no longer watched for this."
            await self._save(conn, lifecycle.step(incident, episode, says, ()), config, {})

    async def _save(self, conn: AsyncConnection, change: Change, config: Config, live: dict[str, Incident]) -> None:
        """Write the incident and queue its messages; `live` follows."""
        incident = change.incident
        if incident.resolved is not None and incident.member_minutes is None:
            asset = config.asset(incident.asset)
            people = asset.people if asset is not None else config.site.capacity
            minutes = member_minutes(incident.opened, incident.resolved, config.site.hours, people)
            incident = replace(incident, member_minutes=minutes)
        live.pop(incident.asset, None)
        if incident.stage.live:
            live[incident.asset] = incident
        await incidents.save(conn, incident)
        now = datetime.now(UTC)
        for key in change.notices:
            await outbox.enqueue(conn, _notification(config, incident, key, now), incident.id, now)

    async def _annotate(self) -> None:
        """Write evidence into the timeline of the incident that the check's fault belongs to, if it is still one."""
        if not self._notes:
            return
        notes, now = self._notes, datetime.now(UTC)
        async with self._store.begin() as conn:
            for check, evidence in notes:
                for id in {await episodes.incident_of(conn, episode.id) for episode in self._open(check)} - {None}:
                    incident = await incidents.get(conn, id or "")
                    if incident is not None and incident.stage.live:
                        await incidents.save(conn, lifecycle.note(incident, evidence, lifecycle.US, now).incident)
        self._notes = self._notes[len(notes) :]
        self._turned()

    def _open(self, check: Check) -> list[Episode]:
        states = (self.states.get((rule.check, rule.id)) for rule in check.rules)
        return [state.episode for state in states if state is not None and state.episode is not None]

    async def _remind(self) -> None:
        now = datetime.now(UTC)
        async with self._store.connect() as conn:
            due = await incidents.due(conn, now)
        if not due:
            return
        async with self._store.begin() as conn:
            for incident in await incidents.due(conn, now):
                await self._save(conn, lifecycle.remind(incident, now), self._require(), {})
        self._queued()

    async def _flush(self, over_by: datetime | None = None) -> bool:
        """Write history, a portion of it if there is an `over_by`; whether that was a full one, so that more waits."""
        batch, windows = self._history.take(over_by), dict(self._unsaved)
        if not (batch.spans or batch.rollups or windows):
            return False
        try:
            async with self._store.begin() as conn:
                await spans.save(conn, batch.spans)
                await rollups.save(conn, batch.rollups)
                for (check, rule), state in windows.items():
                    await episodes.save_state(conn, check, rule, state)
        except BaseException:
            self._history.restore(batch)
            raise
        self._unsaved.clear()
        self._vitals.commits.inc()
        return len(batch.spans) >= PORTION

    async def _count(self) -> None:
        """Show how many incidents are open and messages wait."""
        async with self._store.connect() as conn:
            live = await incidents.live(conn)
            backlog = await outbox.backlog(conn)
        self._vitals.incidents(Counter(incident.severity for incident in live))
        self._vitals.backlog({destination: count for destination, (count, _) in backlog.items()})

    def _fail(self) -> None:
        self._vitals.commit_failures.inc()
        self._vitals.writable.set(0)
        log.exception("cannot write to the store, will try again", extra={"pending": len(self._pending)})
        self._turned()

    async def _finish(self) -> None:
        try:
            await self._judge()
            await self._annotate()
            await self._flush()
        except StoreError:
            log.exception("could not write the last readings")

    def _require(self) -> Config:
        if self._config is None:
            raise RuntimeError("no configuration was adopted")
        return self._config


def _named(turn: Turn) -> str:
    """The asset, and which of its checks it was if it has several."""
    if len(turn.asset.checks) == 1:
        return turn.asset.name
    return f"{turn.asset.name}, {turn.rule.check.rpartition('/')[2]}"


async def _to_its_end(work: Coroutine[Any, Any, bool]) -> bool:
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


def _notification(config: Config, incident: Incident, key: Key, now: datetime) -> Notification:
    """The message of a key, in words."""
    asset = config.asset(incident.asset)
    facts = messages.Facts(
        asset=asset.name if asset else incident.asset,
        section=asset.section if asset else "",
        people=asset.people if asset else config.site.capacity,
        affects=asset.affects if asset else "",
        remedy=asset.remedy if asset else "",
        site=config.site.name,
        zone=config.site.hours.zone,
        url=config.server.url,
    )
    write = {
        NoticeKind.FIRING: messages.firing,
        NoticeKind.REPEAT: messages.repeat,
        NoticeKind.RESOLVED: messages.resolved,
    }[key.kind]
    title, body = write(incident, facts, now)
    return Notification(key, incident.severity, title, body)
