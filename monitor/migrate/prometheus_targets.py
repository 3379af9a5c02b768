"""Finds in Prometheus' configuration what it lets blackbox_exporter look at."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from monitor.config.document import printable
from monitor.migrate.draft import Draft, Unportable
from monitor.migrate.settings import Settings, first, yaml_settings

INTERVAL = 60.0
"""Seconds between two scrapes unless Prometheus is told otherwise."""

TIMEOUT = 9.5
"""Seconds that a probe has then: blackbox_exporter keeps half a second back of the scrape's timeout of 10 s."""

_MARGIN = 0.5
_SCRAPE_TIMEOUT = 10.0
_MODULE = "http_2xx"
"""What blackbox_exporter takes when a job names no module."""

_STEPS = {("__address__", "__param_target"), ("__param_target", "instance"), ("", "__address__")}
"""Source and target label of the usual three lines; each must only copy."""

Found = Callable[[str], Sequence[tuple[str, str]]]
"""Names and texts of the files that a pattern of `file_sd_configs` means."""


class Target(NamedTuple):
    """What one module looks at; `interval` and `timeout` in seconds, `labels` as words."""

    address: str
    module: str
    interval: float
    timeout: float
    labels: tuple[str, ...]


class _Pace(NamedTuple):
    interval: float
    timeout: float


def targets(text: str, found: Found, draft: Draft) -> tuple[Target, ...]:
    """The targets of all jobs that ask blackbox_exporter; what of them is left out is noted.

    Raises ValueError when it is no configuration of Prometheus.
    """
    config = yaml_settings("prometheus.yml", text)
    try:
        jobs = config.entries("scrape_configs")
        usual = _pace(config.inner("global"), _Pace(INTERVAL, _SCRAPE_TIMEOUT))
    except Unportable as error:
        raise ValueError(f"it is no configuration of Prometheus: {error}") from None
    if not jobs:
        raise ValueError("it is no configuration of Prometheus: it must have `scrape_configs`")
    return tuple(target for job in jobs if _asks_blackbox(job) for target in _of_job(job, usual, found, draft))


def _asks_blackbox(job: Settings) -> bool:
    """Whether a job passes its targets on, as only that of an exporter with several targets does."""
    rules = job.given.get("relabel_configs")
    passes = isinstance(rules, list) and any(
        isinstance(one, dict) and one.get("target_label") == "__param_target" for one in rules
    )
    return passes and job.given.get("metrics_path") == "/probe"


def _of_job(job: Settings, usual: _Pace, found: Found, draft: Draft) -> Iterator[Target]:
    what = f"job {job.given.get('job_name', '')}"
    with draft.attempt(what):
        pace = _pace(job, usual)
        modules = job.inner("params").texts("module")
        _verify_relabeling(job)
        if len(modules) > 1:
            draft.left(what, f"of its modules only the first, {modules[0]}, as in Prometheus")
        _note_rest(job, what, draft)
        for group in (*job.entries("static_configs"), *_of_files(job, found, what, draft)):
            yield from _of_group(group, first(modules, _MODULE), pace)


def _of_group(group: Settings, module: str, pace: _Pace) -> Iterator[Target]:
    addresses, labels = group.texts("targets"), group.words("labels")
    words = tuple(f"{name}-{value}" for name, value in labels.items() if not name.startswith("__"))
    for address in addresses:
        yield Target(address, module, pace.interval, max(pace.timeout - _MARGIN, _MARGIN), words)


def _of_files(job: Settings, found: Found, what: str, draft: Draft) -> Iterator[Settings]:
    """The groups of targets in the files of a job."""
    for discovery in job.entries("file_sd_configs"):
        for pattern in discovery.texts("files"):
            files = found(pattern)
            if not files:
                draft.left(what, f"no file fits `{printable(pattern)}`, seen from prometheus.yml")
            for name, text in files:
                yield from _of_file(name, text)


def _of_file(name: str, text: str) -> tuple[Settings, ...]:
    """The groups of a file, YAML or JSON. Raises Unportable."""
    try:
        if name.endswith(".json"):
            return Settings({"targets": json.loads(text)}).entries("targets")
        # A list at the top is not what our reader of YAML takes: it becomes the value of a key.
        lines = "".join(f"  {line}\n" for line in text.splitlines() if line.strip() != "---")
        return yaml_settings(name, f"targets:\n{lines}").entries("targets")
    except (ValueError, RecursionError) as error:
        raise Unportable(f"{name} is no file of targets: {printable(str(error))}") from None


def _verify_relabeling(job: Settings) -> None:
    for rule in job.entries("relabel_configs"):
        step = first(rule.texts("source_labels")), rule.text("target_label")
        rule.text("replacement")
        if step not in _STEPS or list(rule.rest):
            raise Unportable("its relabeling does more than pass the target on; add its targets by hand")


def _note_rest(job: Settings, what: str, draft: Draft) -> None:
    for key in ("job_name", "metrics_path", "scheme", "honor_labels", "honor_timestamps", "relabel_configs"):
        job.raw(key)
    for key in job.rest:
        draft.left(what, f"`{key}` is about the scrape, which is not needed here")


def _pace(given: Settings, usual: _Pace) -> _Pace:
    interval = given.seconds("scrape_interval", usual.interval)
    return _Pace(interval, min(given.seconds("scrape_timeout", usual.timeout), interval))
