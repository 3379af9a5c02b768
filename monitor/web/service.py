"""What the pages need of the running service."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from datetime import datetime
from typing import Protocol

from alerting.gates import Silence
from alerting.health import Health
from alerting.oncall import Override
from alerting.rules import State
from incidents.lifecycle import Change, Incident, Report
from monitor.config.model import Config
from monitor.days import Day
from monitor.exposition import Format
from monitor.heartbeats import Heartbeats
from monitor.inbound import Inbound
from monitor.morning import Mornings
from monitor.sites import Heard
from monitor.store import Store
from monitor.store.attachments import Attachment
from monitor.watchdog import Signs
from probes import Reading
from probes._engines.audits import Audits


class Reloads(Protocol):
    """The outcome of the newest load of the configuration; `problems` name the file, the line and the remedy."""

    @property
    def ok(self) -> bool: ...

    @property
    def at(self) -> datetime: ...

    @property
    def problems(self) -> tuple[str, ...]: ...


class App(Protocol):
    """One running service, as the pages see it."""

    @property
    def config(self) -> Config:
        """Replaced as a whole by a reload."""
        ...

    @property
    def store(self) -> Store: ...

    @property
    def latest(self) -> Mapping[str, Reading]:
        """The newest reading by check id; a check without one has not run yet."""
        ...

    @property
    def days(self) -> Mapping[str, Day]:
        """The last day by check id; a check without one has no span that is stored."""
        ...

    @property
    def others(self) -> Mapping[str, Heard]:
        """What the Deskwatch of each other site said last, by its id; one that was not asked yet is missing."""
        ...

    @property
    def episodes(self) -> Mapping[tuple[str, str], State]:
        """What each rule remembers, by check id and rule id."""
        ...

    @property
    def reloads(self) -> Reloads: ...

    def exposition(self, format: Format) -> AsyncIterator[str]:
        """What Prometheus scrapes, in pieces."""
        ...

    @property
    def started(self) -> datetime: ...

    @property
    def version(self) -> int:
        """Grows whenever what the board shows may have changed."""
        ...

    async def changed(self, version: int) -> int:
        """Wait until the version is beyond this one; the new version."""
        ...

    async def decide(self, incident: str, change: Callable[[Incident], Change]) -> Incident | None:
        """Change an incident in one transaction; the incident as it is now, None if there is none of that id."""
        ...

    async def report(self, report: Report, *, tells: bool = True) -> Incident:
        """Open an incident that a person reports; the routes hear of it if it `tells`."""
        ...

    async def merge(self, incident: str, into: str, who: str) -> Incident | None:
        """Make one of two incidents: the one that tells of both, None if one of them does not exist."""
        ...

    async def attach(self, attachment: Attachment) -> bool:
        """Keep a file with its incident. False if there is none of that id; ValueError if it has too many."""
        ...

    @property
    def silences(self) -> tuple[Silence, ...]:
        """The silences that have not ended, also those to come."""
        ...

    async def silence(self, silence: Silence) -> None:
        """Begin a silence, at once or when it starts."""
        ...

    async def unsilence(self, id: str, who: str) -> bool:
        """End a silence now; False if there is none of that id that has not ended."""
        ...

    @property
    def overrides(self) -> tuple[Override, ...]:
        """Who takes schedules over, now or later."""
        ...

    async def override(self, override: Override) -> None:
        """Have somebody take a schedule over, at once or when it starts."""
        ...

    async def drop_override(self, id: str) -> bool:
        """Take an override back; False if there is none of that id."""
        ...

    async def reload(self) -> Reloads:
        """Load the configuration again; a bad file changes nothing."""
        ...

    async def problems(self) -> tuple[str, ...]:
        """What keeps the service from being ready, in words; empty when it is."""
        ...

    @property
    def healths(self) -> Mapping[str, Health]:
        """How well each destination can be reached."""
        ...

    async def send_test(self, destination: str) -> None:
        """Queue a test message. Raises KeyError for a destination that is not configured."""
        ...

    @property
    def heartbeats(self) -> Heartbeats:
        """Takes the pings of jobs."""
        ...

    @property
    def inbound(self) -> Inbound:
        """Takes the alerts of other programs."""
        ...

    @property
    def audits(self) -> Audits:
        """The newest audits of who can enter, with names."""
        ...

    @property
    def mornings(self) -> Mornings:
        """Makes morning checks."""
        ...

    async def measure(self, kind: str, settings: Mapping[str, object], timeout: float) -> Reading:
        """Run one probe once. Raises KeyError for an unknown kind, pydantic.ValidationError for bad settings."""
        ...

    async def refresh(self, checks: Collection[str], within: float) -> frozenset[str]:
        """Run checks now, off their schedule, and judge them; those that did not end within so many seconds."""
        ...

    async def vital_signs(self) -> Signs:
        """How well Deskwatch itself does."""
        ...
