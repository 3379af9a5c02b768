"""What timelines are written from: messages that arrived, what is measured now, a configuration that changed."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.rules import Phase, State
from incidents import messages
from incidents.chronicle import Heard
from incidents.incident import Incident
from language import N_, gettext
from monitor.config.model import Asset, Check
from monitor.ledger import Key
from monitor.response import Known
from monitor.store import outbox

SETTLED = timedelta(seconds=1)
"""How old the end of a message is when it is looked at: by then whoever has written it has committed that."""
AT_FIRST = timedelta(days=1)
"""How far back a process that begins looks for messages whose end the one before did not write down."""


class News:
    """The messages that came to an end since the last look."""

    def __init__(self) -> None:
        self._seen: datetime | None = None
        self._looked: datetime | None = None

    async def since(self, conn: AsyncConnection, now: datetime) -> Mapping[str, tuple[Heard, ...]]:
        """What became of them, by incident. Raises StoreError."""
        self._looked = now - SETTLED
        found = defaultdict[str, list[Heard]](list)
        for one in await outbox.finished(conn, self._seen or now - AT_FIRST, self._looked):
            found[one.incident].append(one.heard)
        return {id: tuple(some) for id, some in found.items()}

    def seen(self) -> None:
        """What was handed over has been written down."""
        self._seen = self._looked


def measured(known: Known, states: Mapping[Key, State], incident: Incident) -> str:
    """What the newest bad reading of the worst of an incident's faults said, "" if nothing fires."""
    turns = [known.firing[id] for id in incident.firing - incident.joined if id in known.firing]
    worst = max(turns, key=lambda one: one.episode.severity.rank, default=None)
    if worst is None:
        return ""
    state = states.get((worst.rule.check, worst.rule.id))
    episode = state.episode if state is not None and state.episode is not None else worst.episode
    if episode.phase is not Phase.FIRING:
        return ""
    return messages.says(worst.asset.name, worst.rule, episode)


def changed(before: Asset | None, after: Asset | None) -> str:
    """How it is watched otherwise than before, in words that tell no setting; "" if it is as it was."""
    if before is None or after is None:
        return ""
    old, new = ({check.name: check for check in asset.checks} for asset in (before, after))
    told = [
        *(gettext("{check} is new", check=name) for name in new if name not in old),
        *(gettext("{check} is gone", check=name) for name in old if name not in new),
        *(_how(old[name], new[name]) for name in new if name in old and old[name] != new[name]),
    ]
    if not told:
        return ""
    return gettext("The configuration was changed while this lasted: {changes}.", changes=", ".join(told))


def _how(old: Check, new: Check) -> str:
    words = N_("{check} has other rules")
    if replace(old, rules=()) != replace(new, rules=()):
        words = N_("{check} has other settings")
        if old.rules != new.rules:
            words = N_("{check} has other settings and rules")
    return gettext(words, check=new.name)
