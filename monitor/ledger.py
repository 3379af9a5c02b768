"""What turned nothing and is written in batches: spans, latencies, recordings, and what rules remember."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import chain

from alerting.rules import State
from alerting.verdicts import Decision, Verdict
from language import gettext
from monitor.days import QUARTER, QUARTERS, Days
from monitor.history import PORTION, History
from monitor.metrics import Vitals
from monitor.recorder import Recorder
from monitor.runner import Run
from monitor.store import Store, decisions, episodes, recordings, rollups, spans
from probes import load

MOST_DECISIONS = 50_000
"""Decisions that wait for a store that cannot be written; beyond it the oldest are dropped."""

Key = tuple[str, str]
"""A rule's check and id."""


class Ledger:
    """Takes down every finished run; a crash loses what was not written yet, and no turn of a rule.

    `days` is what is stored of the last day of every check.
    """

    def __init__(self, store: Store, vitals: Vitals) -> None:
        self._store = store
        self._vitals = vitals
        self._history = History()
        self.days = Days()
        self._recorder = Recorder()
        self._decisions: list[Decision] = []
        self._changed: set[Key] = set()

    async def open(self) -> None:
        """Go on where the process before us was. Raises StoreError."""
        now = datetime.now(UTC)
        async with self._store.connect() as conn:
            self._history = History(await spans.latest(conn))
            recent = await spans.between(conn, now - QUARTERS * QUARTER, now)
        self.days = Days(chain.from_iterable(recent.values()))

    def add(self, run: Run) -> None:
        """Take down a run that was judged."""
        check = run.check
        if run.unconfirmed:
            first = run.readings[0]
            words = gettext("a second look did not find it again: {found}", found=first.detail)
            made = Decision(first.at, check.id, "", "", "", "", Verdict.UNCONFIRMED, words)
            self._decisions = [*self._decisions, made][-MOST_DECISIONS:]
        self._recorder.add(run.settled, run.since)
        self._history.add(run.settled, run.since, check.interval, check.timeout, load(check.kind).latency)

    def change(self, rules: Iterable[Key]) -> None:
        """What these rules remember is not as it is stored."""
        self._changed.update(rules)

    def keep(self, wanted: Callable[[Key], bool]) -> None:
        """Forget the rules that are gone."""
        self._changed = {key for key in self._changed if wanted(key)}

    async def write(self, states: Mapping[Key, State], over_by: datetime | None = None) -> bool:
        """Write a portion of what was over by a time, or all there is; whether it was a full one, so that more waits.

        Raises StoreError, and then nothing was written and nothing is lost.
        """
        batch, measured = self._history.take(over_by), self._recorder.take(over_by)
        made, changed = self._decisions, {key: states[key] for key in self._changed if key in states}
        if not (batch.spans or batch.rollups or measured or made or changed):
            return False
        try:
            async with self._store.begin() as conn:
                await spans.save(conn, batch.spans)
                await rollups.save(conn, batch.rollups)
                await recordings.save(conn, measured)
                await episodes.save_states(conn, changed)
                await decisions.add(conn, made)
        except BaseException:
            self._history.restore(batch)
            self._recorder.restore(measured)
            raise
        self.days.add(batch.spans)
        self._vitals.commits.inc()
        self._changed.clear()
        self._decisions = self._decisions[len(made) :]
        return len(batch.spans) >= PORTION
