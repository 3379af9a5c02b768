"""What Prometheus scrapes: the newest readings of all checks, and how Deskwatch itself is doing."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample as Series

from alerting.rules import Severity
from monitor.config.model import Check, Config
from monitor.exposition import Labels, family, merged
from probes import Probe, Reading, Status, load

LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class _Watched(NamedTuple):
    """A check as its series name it."""

    check: str
    probe: type[Probe[Any]]
    labels: Labels
    states: tuple[tuple[Status, Labels], ...]


class ReadingsCollector(Collector):
    """The newest reading of every configured check, labelled `site, asset, check, kind`.

    A check that has not run yet has no series; one that a reload removed has none any more. Collecting only reads, so
    a scrape of a large site may run in a thread.
    """

    def __init__(self, config: Callable[[], Config], latest: Callable[[], Mapping[str, Reading]]) -> None:
        self._config = config
        self._latest = latest
        self._watched: tuple[Config | None, tuple[_Watched, ...]] = (None, ())

    def collect(self) -> Iterator[Family]:
        """The families of the kinds, then the state of each check."""
        latest = self._latest()
        measured = [
            (watched, reading) for watched in self._checks() if (reading := latest.get(watched.check)) is not None
        ]
        yield from merged((watched.labels, watched.probe, reading) for watched, reading in measured)
        yield from _states(measured)

    def _checks(self) -> tuple[_Watched, ...]:
        """All checks with their labels, made once for each configuration."""
        config = self._config()
        known, watched = self._watched
        if known is not config:
            watched = tuple(_watch(config.site.id, check) for check in config.checks)
            self._watched = (config, watched)
        return watched


class Vitals:
    """The instruments that the service's parts report their own health on."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, help: str, *labels: str) -> Counter:
            return Counter(f"deskwatch_{name}", help, labels, registry=registry)

        def gauge(name: str, help: str, *labels: str) -> Gauge:
            return Gauge(f"deskwatch_{name}", help, labels, registry=registry)

        self.lag = Histogram(
            "deskwatch_schedule_lag_seconds",
            "How much later than due runs began.",
            buckets=LAG_BUCKETS,
            registry=registry,
        )
        self.runs = counter("runs_total", "Runs of probes, confirmations included.", "kind", "status")
        self.skipped = counter("runs_skipped_total", "Runs left out as the check's last run was still going.", "kind")
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
        self._incidents_open = gauge("incidents_open", "Incidents whose fault is still there.", "severity")
        self._reload_successful = gauge(
            "config_last_reload_successful", "Whether the configuration was taken when last loaded."
        )
        self._reload_success_time = gauge(
            "config_last_reload_success_timestamp_seconds", "When a configuration was last taken."
        )
        gauge("build_info", "The version that runs; always 1.", "version").labels(version("deskwatch")).set(1)
        self.incidents({})

    def runs_of(self, kind: str) -> Mapping[Status, Counter]:
        """A kind's counters of runs by status: found once and kept, a run need not look them up."""
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

    def backlog(self, waiting: Mapping[str, int]) -> None:
        """Note how many messages wait for each destination; destinations that are not named vanish."""
        self._messages_waiting.clear()
        for destination, count in waiting.items():
            self._messages_waiting.labels(destination).set(count)


def _watch(site: str, check: Check) -> _Watched:
    labels = Labels({"asset": check.asset, "check": check.id, "kind": check.kind, "site": site})
    states = tuple((status, labels.plus("status", status.value)) for status in Status)
    return _Watched(check.id, load(check.kind), labels, states)


def _states(measured: Iterable[tuple[_Watched, Reading]]) -> tuple[Family, Family]:
    status = family("deskwatch_check_status", "1 for the status that the check's newest run found, 0 for the others.")
    ran = family("deskwatch_check_last_run_timestamp_seconds", "When the check's newest run began.")
    for watched, reading in measured:
        for one, labels in watched.states:
            status.samples.append(Series(status.name, labels, float(reading.status is one)))
        ran.samples.append(Series(ran.name, watched.labels, reading.at.timestamp()))
    return status, ran
