"""How the service grows with the number of checks: CPU, memory and how late runs begin, on one core."""

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench import peers
from bench.harness import Goal, Section, cpu, rss, table
from bench.service_site import site_of


class Size(NamedTuple):
    """So many checks, each every `interval` seconds, over all of `kinds` in turn; whether the peers can do that too."""

    checks: int
    interval: float
    kinds: Sequence[str]
    peers: bool


class Found(NamedTuple):
    """What was measured: CPU seconds per 1,000 probes, CPU as a share of a core, bytes, seconds of lag (nan: none)."""

    cpu: float
    share: float
    rss: float
    median: float = float("nan")
    worst: float = float("nan")


HTTP = "kind: internet.http, url: 'http://127.0.0.1:{port}/{one}'"
TCP = "kind: internet.tcp, host: 127.0.0.1, port: {port}"
SIZES = (Size(200, 20, (HTTP,), True), Size(1_000, 20, (HTTP,), True), Size(10_000, 10, (HTTP, TCP), False))

_BUCKET = re.compile(r'^deskwatch_schedule_lag_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.MULTILINE)

_PROMETHEUS = """
global: {{scrape_interval: {interval:g}s, scrape_timeout: 5s}}
scrape_configs:
  - job_name: probes
    metrics_path: /probe
    params: {{module: [http]}}
    static_configs: [{{targets: [{targets}]}}]
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{source_labels: [__param_target], target_label: instance}}
      - {{target_label: __address__, replacement: "127.0.0.1:{blackbox}"}}
"""


def measure(quick: bool) -> Section:
    """Each size, ours and then the peers."""
    rows, ours = [], {}
    with peers.nginx() as target:
        for size in SIZES:
            name = f"{size.checks:,} checks every {size.interval:g} s"
            ours[size.checks] = _ours(size, target.port, quick)
            rows.append((name, "Deskwatch", *_cells(ours[size.checks])))
            if size.peers:
                rows.append((name, "blackbox_exporter + Prometheus", *_cells(_theirs(size, target.port, quick))))
    headings = ("", "", "CPU s per 1,000", "of a core", "RSS MB", "lag p50 ms", "lag p99 ms")
    text = (
        "`deskwatch run` on one core, HTTP checks of as many URLs; at 10,000 every second one is TCP. The peers have "
        "both cores, and no history, rules or messages; they were not run at 10,000.\n\n"
    )
    return Section("Size", text + table(headings, rows), _goals(ours))


def _ours(size: Size, port: int, quick: bool) -> Found:
    site = site_of(size.checks, size.interval, lambda one: size.kinds[one % len(size.kinds)].format(port=port, one=one))
    with peers.deskwatch(site) as running:
        _pin(running.pid)
        time.sleep(size.interval + 5)
        lag = _lag(running)
        before, began = cpu(running.pid), time.monotonic()
        time.sleep(10 if quick else 40)
        took, used = time.monotonic() - began, cpu(running.pid) - before
        since = {bound: count - lag[bound] for bound, count in _lag(running).items()}
        rate = size.checks / size.interval
        return Found(
            1000 * used / took / rate, used / took, rss(running.pid), quantile(since, 0.5), quantile(since, 0.99)
        )


def _theirs(size: Size, port: int, quick: bool) -> Found:
    with peers.blackbox() as blackbox, _prometheus(size, port, blackbox.port) as prometheus:
        time.sleep(size.interval + 5)
        before, began = cpu(blackbox.pid) + cpu(prometheus.pid), time.monotonic()
        time.sleep(10 if quick else 40)
        share = (cpu(blackbox.pid) + cpu(prometheus.pid) - before) / (time.monotonic() - began)
        return Found(1000 * share * size.interval / size.checks, share, rss(blackbox.pid) + rss(prometheus.pid))


@contextmanager
def _prometheus(size: Size, target: int, blackbox: int) -> Iterator[peers.Running]:
    with TemporaryDirectory() as name:
        port, targets = peers.free_port(), (f'"http://127.0.0.1:{target}/{one}"' for one in range(size.checks))
        config = _PROMETHEUS.format(interval=size.interval, targets=", ".join(targets), blackbox=blackbox)
        (Path(name) / "prometheus.yml").write_text(config)
        options = ("--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{port}")
        with peers.server((peers.program("prometheus"), *options), port, Path(name), "/-/ready") as running:
            yield running


def _pin(pid: int) -> None:
    """Keep a process, with all its threads, on one core."""
    core = {max(os.sched_getaffinity(0))}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), core)


def _lag(running: peers.Running) -> dict[float, float]:
    """How many runs began at most so many seconds late."""
    return {float(bound): float(count) for bound, count in _BUCKET.findall(running.get("/metrics"))}


def quantile(counts: Mapping[float, float], q: float) -> float:
    """The value that a share `q` of a histogram's observations did not exceed, as Prometheus estimates it."""
    rank = q * counts[float("inf")]
    for (low, below), (high, upto) in pairwise([(0.0, 0.0), *sorted(counts.items())]):
        if upto >= rank > below:
            return low if high == float("inf") else low + (high - low) * (rank - below) / (upto - below)
    return 0.0


def _cells(found: Found) -> tuple[str, ...]:
    cells = f"{found.cpu:.2f}", f"{100 * found.share:.0f} %", f"{found.rss / 1e6:.0f}"
    if found.median != found.median:
        return *cells, "", ""
    return *cells, f"{1e3 * found.median:.1f}", f"{1e3 * found.worst:.0f}"


def _goals(ours: Mapping[int, Found]) -> tuple[Goal, ...]:
    thousand, most = ours[1_000], ours[10_000]
    return (
        Goal("1,000 HTTP checks every 20 s", "<= 0.3 CPU s per 1,000", f"{thousand.cpu:.2f} s", thousand.cpu <= 0.3),
        Goal("Memory with 1,000 checks", "<= 120 MB", f"{thousand.rss / 1e6:.0f} MB", thousand.rss <= 120e6),
        Goal(
            "10,000 checks every 10 s on one core", "lag p99 <= 100 ms", f"{1e3 * most.worst:.0f} ms", most.worst <= 0.1
        ),
    )
