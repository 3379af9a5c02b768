"""What Prometheus scrapes: the newest readings of all checks, and how Deskwatch itself is doing."""

import asyncio
import time
from collections import Counter as Counts
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from importlib.metadata import version
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from alerting.channels import Outcome
from alerting.health import Health
from alerting.rules import Severity
from incidents.incident import Incident
from monitor.config.model import Check, Config
from monitor.exposition import Declared, Exposition, Format, Gathering, declared, plus, rendered
from monitor.histograms import Histograms
from monitor.remote_write.outcome import Dropped, Failed
from probes import Metric, Reading, Status, load

LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ANSWER_BUCKETS = (30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 86400.0, 259200.0)
"""How long people take: from half a minute to three days."""

PORTION = 200
"""Checks whose lines are written before other tasks get their turn: a few milliseconds."""
PORTION_SENT = 50
"""The same where each series is taken by itself, which takes several times as long."""
LONGEST_REST = 0.05
"""Seconds that the making of an exposition rests at most: who reads slowly has no right to more."""


STATUS = Metric(
    "deskwatch_check_status",
    "1 for the status that the check's newest run found, 0 for the others.",
    part="status",
    parts=tuple(status.value for status in Status),
)
LAST_RUN = Metric(
    "deskwatch_check_last_run_timestamp_seconds", "When the check's newest run began, as Unix time.", "seconds"
)


class _Watched(NamedTuple):
    """A check as its series name it: its labels, and with each status, are rendered once."""

    check: str
    declared: Declared
    labels: str
    states: tuple[tuple[Status, str], ...]


class Readings:
    """The newest reading of every configured check, labelled `site, asset, check, kind`.

    A check that has not run yet has no series; one that a reload removed has none any more.
    """

    def __init__(self, latest: Callable[[], Mapping[str, Reading]]) -> None:
        self._latest = latest
        self._watched: tuple[_Watched, ...] = ()
        self._histograms = Histograms()

    def adopt(self, config: Config) -> None:
        """Show the checks of this configuration from now on."""
        self._watched = tuple(_watch(config.site.id, check) for check in config.checks)
        self._histograms.adopt(config)

    def count(self, reading: Reading, incident: str) -> None:
        """Count in histograms what a reading measured, during that incident of its check ("" if there is none)."""
        self._histograms.count(reading, incident)

    async def text(self, format: Format) -> AsyncIterator[str]:
        """The families of the kinds and the state of each check, in pieces, without the format's end.

        Made in the event loop, a portion at a time: a thread would hold up the probes by more, for it gives the
        interpreter back only every 5 ms. Between two portions the loop has as long to itself: probes take many turns of
        it, and would else wait for a portion at each.
        """
        found, pace = Exposition(), _Pace()
        await self._add_all(found, pace, PORTION)
        for _ in self._histograms.add_to(found, format, self._latest(), PORTION):
            await pace.rest()
        for piece in found.text(format):
            yield piece
            await pace.rest()

    async def gather(self, found: Gathering) -> None:
        """The same series one by one, at the same pace."""
        pace = _Pace()
        await self._add_all(found, pace, PORTION_SENT)
        for _ in self._histograms.gather(found, self._latest(), PORTION_SENT):
            await pace.rest()

    async def _add_all(self, found: Gathering, pace: "_Pace", portion: int) -> None:
        checks = self._watched
        for first in range(0, len(checks), portion):
            self._add(found, checks[first : first + portion])
            await pace.rest()

    def _add(self, found: Gathering, checks: Iterable[_Watched]) -> None:
        latest = self._latest()
        for watched in checks:
            reading = latest.get(watched.check)
            if reading is not None:
                found.add_verdict(watched.labels, reading)
                found.add_reading(watched.declared, watched.labels, reading)
                _add_state(found, watched, reading)


class Instrument(NamedTuple):
    """A family about Deskwatch itself."""

    name: str
    type: str
    help: str
    labels: tuple[str, ...] = ()


class _Pace:
    """Leaves the event loop to others for as long as it was used, a little while at most."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    async def rest(self) -> None:
        """Wait as long as it is since the last rest."""
        await asyncio.sleep(min(time.monotonic() - self._began, LONGEST_REST))
        self._began = time.monotonic()


class Vitals:
    """The instruments that the service's parts report their own health on; `instruments` lists them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.instruments = list[Instrument]()

        def counter(name: str, help: str, *labels: str) -> Counter:
            self.instruments.append(Instrument(f"deskwatch_{name}", "counter", help, labels))
            return Counter(f"deskwatch_{name}", help, labels, registry=registry)

        def gauge(name: str, help: str, *labels: str) -> Gauge:
            self.instruments.append(Instrument(f"deskwatch_{name}", "gauge", help, labels))
            return Gauge(f"deskwatch_{name}", help, labels, registry=registry)

        def histogram(name: str, help: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            self.instruments.append(Instrument(f"deskwatch_{name}", "histogram", help, labels))
            return Histogram(f"deskwatch_{name}", help, labels, buckets=buckets, registry=registry)

        self.lag = histogram("schedule_lag_seconds", "How much later than due runs began.", LAG_BUCKETS)
        self.runs = counter("runs_total", "Runs of probes, confirmations included.", "kind", "status")
        self.skipped = counter("runs_skipped_total", "Runs left out as the check's last run was still going.", "kind")
        self.paused = counter("runs_paused_total", "Runs left out as the check was paused.", "kind")
        self.running = gauge("runs_running", "Probes that are measuring now.")
        self.waiting = gauge("runs_waiting", "Due runs that wait for others of the same target or kind.")
        self.unconfirmed = counter(
            "unconfirmed_failures_total", "Failures that a second look did not find again.", "kind"
        )
        self.pending = gauge("readings_pending", "Finished runs that wait to be judged.")
        self.commits = counter("commits_total", "Transactions that the store took.")
        self.commit_failures = counter("commit_failures_total", "Transactions that the store refused.")
        self.writable = gauge("store_writable", "Whether the newest transaction was taken.")
        self.messages = counter("messages_total", "Attempts to deliver a message.", "destination", "outcome")
        self._messages_waiting = gauge(
            "messages_waiting", "Messages that are queued and not delivered yet.", "destination"
        )
        self._last_accepted = gauge(
            "destination_last_accepted_timestamp_seconds",
            "When the provider last took a message; 0 if it never did.",
            "destination",
        )
        self._failing = gauge(
            "destination_failing", "Whether the newest attempt to deliver a message failed.", "destination"
        )
        self._incidents_open = gauge("incidents_open", "Incidents whose fault is still there.", "severity")
        self._asset_incidents = gauge(
            "asset_incidents_open",
            "Incidents of the asset whose fault is still there; no asset: what is none of ours any more.",
            "site",
            "asset",
            "severity",
        )
        self._opened = counter("incidents_opened_total", "Incidents that were opened.", "severity")
        self._resolved = counter("incidents_resolved_total", "Times that the fault of an incident ended.", "severity")
        self._answered_after = histogram(
            "incident_acknowledged_after_seconds",
            "How long after the fault began an incident was acknowledged first.",
            ANSWER_BUCKETS,
            "severity",
        )
        self._resolved_after = histogram(
            "incident_resolved_after_seconds", "How long the fault of an incident lasted.", ANSWER_BUCKETS, "severity"
        )
        self.watchdog_sent = counter("watchdog_sent_total", "Signs of life that the watchdog outside has taken.")
        self.watchdog_withheld = counter(
            "watchdog_withheld_total", "Signs of life not sent as something is wrong here."
        )
        self.watchdog_failed = counter("watchdog_failed_total", "Signs of life that did not reach the watchdog.")
        self.watchdog_success_time = gauge(
            "watchdog_last_success_timestamp_seconds", "When the watchdog last took a sign of life; 0 if never."
        )
        self.alertmanager_posts = counter(
            "alertmanager_posts_total", "Times that an Alertmanager was told what fires.", "peer", "outcome"
        )
        self.alertmanager_success_time = gauge(
            "alertmanager_last_success_timestamp_seconds", "When an Alertmanager last took what it was told.", "peer"
        )
        self.remote_write_samples = counter("remote_write_samples_total", "Samples that the receiver has taken.")
        self.remote_write_failed = counter(
            "remote_write_failed_total", "Requests that did not arrive and are made again.", "reason"
        )
        self.remote_write_dropped = counter(
            "remote_write_dropped_total", "Samples that the receiver will never have.", "reason"
        )
        self.remote_write_spool = gauge("remote_write_spool_bytes", "What waits on disk to be sent.")
        self.remote_write_success_time = gauge(
            "remote_write_last_success_timestamp_seconds", "When the receiver last took a request; 0 if never."
        )
        for failed in Failed:
            self.remote_write_failed.labels(failed)
        for dropped in Dropped:
            self.remote_write_dropped.labels(dropped)
        self.alerts_received = counter("alerts_received_total", "Alerts that other programs have sent.", "outcome")
        self._reload_successful = gauge(
            "config_last_reload_successful", "Whether the configuration was taken when last loaded."
        )
        self._reload_success_time = gauge(
            "config_last_reload_success_timestamp_seconds", "When a configuration was last taken."
        )
        gauge("build_info", "The version that runs; always 1.", "version").labels(version("deskwatch")).set(1)
        self.incidents({})
        for severity in (one for one in Severity if one.pages):
            for family in (self._opened, self._resolved, self._answered_after, self._resolved_after):
                family.labels(severity)

    def runs_of(self, kind: str) -> Mapping[Status, Counter]:
        """A kind's counters of runs by status: found once and kept, a run need not look them up.

        All counters of the kind are 0 from then on: to Prometheus a series that begins with 1 has not increased.
        """
        for counter in (self.skipped, self.paused, self.unconfirmed):
            counter.labels(kind)
        return {status: self.runs.labels(kind, status) for status in Status}

    def reloaded(self, ok: bool) -> None:
        """Note that a configuration was loaded now, and whether it was taken."""
        self._reload_successful.set(ok)
        if ok:
            self._reload_success_time.set(time.time())

    def incidents(self, live: Mapping[Severity, int]) -> None:
        """Note how many incidents of each severity are open or acknowledged."""
        for severity in Severity:
            if severity.pages:
                self._incidents_open.labels(severity).set(live.get(severity, 0))

    def asset_incidents(self, config: Config, live: Iterable[Incident]) -> None:
        """Note which assets the incidents that are open or acknowledged are of; every asset has its series."""
        ours = [asset.id for asset in config.assets]
        counts = Counts((one.asset if one.asset in ours else "", one.severity) for one in live)
        self._asset_incidents.clear()
        for asset in ("", *ours):
            for severity in (one for one in Severity if one.pages):
                self._asset_incidents.labels(config.site.id, asset, severity).set(counts[asset, severity])

    def incident(self, before: Incident | None, after: Incident) -> None:
        """Count what a turn did to an incident; `before` is None for one that it opened."""
        severity = after.severity
        if before is None:
            self._opened.labels(severity).inc()
        if after.acknowledged is not None and (before is None or before.acknowledged is None):
            self._answered_after.labels(severity).observe((after.acknowledged - after.opened).total_seconds())
        if after.resolved is not None and (before is None or before.resolved is None):
            self._resolved.labels(severity).inc()
            self._resolved_after.labels(severity).observe((after.resolved - after.opened).total_seconds())

    def reach(self, healths: Mapping[str, Health]) -> None:
        """Note how each destination can be reached; destinations that are not named vanish."""
        self._last_accepted.clear()
        self._failing.clear()
        for destination, health in healths.items():
            self._last_accepted.labels(destination).set(health.accepted.timestamp() if health.accepted else 0)
            self._failing.labels(destination).set(health.failing is not None)
            for outcome in Outcome:
                self.messages.labels(destination, outcome)

    def backlog(self, waiting: Mapping[str, int]) -> None:
        """Note how many messages wait for each destination; destinations that are not named vanish."""
        self._messages_waiting.clear()
        for destination, count in waiting.items():
            self._messages_waiting.labels(destination).set(count)


def _watch(site: str, check: Check) -> _Watched:
    labels = rendered({"asset": check.asset, "check": check.id, "kind": check.kind, "site": site})
    states = tuple((status, plus(labels, "status", status.value)) for status in Status)
    return _Watched(check.id, declared(load(check.kind)), labels, states)


def _add_state(found: Gathering, watched: _Watched, reading: Reading) -> None:
    for status, labels in watched.states:
        found.add(STATUS.name, STATUS.help, labels, float(reading.status is status))
    found.add(LAST_RUN.name, LAST_RUN.help, watched.labels, reading.at.timestamp())
