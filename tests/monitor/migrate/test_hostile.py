"""Files that nobody's program wrote: each is taken or refused, and neither slow nor a surprise."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.migrate import blackbox, gatus, kuma, prometheus_targets
from monitor.migrate.draft import MOST, Draft, Migration
from monitor.migrate.kuma_source import of_backup

KEYS = st.sampled_from(
    (
        *("id", "name", "type", "url", "interval", "active", "conditions", "hostname", "headers", "alerts", "client"),
        *("dns", "prober", "http", "tcp", "icmp", "timeout", "query_response", "targets", "labels", "params"),
        *("static_configs", "maxretries", "parent", "tags", "heartbeat", "maintenance-windows", "notificationIDList"),
    )
)
WORDS = st.sampled_from(
    (
        *("http", "https://example.org", "icmp://h", "ping", "push", "keyword", "tcp", "dns", "group", "1m", "x" * 500),
        *("[STATUS] == 200", "[BODY].a == pat(*)", "<<", "${A}", "²", "inf", "1e9", "-1", "\x00", "{}", "[1]", "null"),
    )
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)
ENTRIES = st.lists(st.dictionaries(KEYS, VALUES, max_size=8), min_size=1, max_size=4)


def taken_or_refused(make: Callable[[], Migration]) -> None:
    try:
        migration = make()
    except ValueError as error:
        assert str(error)
    else:
        assert migration.lines


@settings(max_examples=25)
@given(ENTRIES, ENTRIES, VALUES)
def test_any_gatus_is_taken_or_refused(endpoints: Any, external: Any, alerting: Any) -> None:
    document = {"endpoints": endpoints, "external-endpoints": external, "alerting": alerting, "maintenance": alerting}
    taken_or_refused(lambda: gatus.migrated(json.dumps(document)))


@settings(max_examples=25)
@given(ENTRIES, ENTRIES)
def test_any_backup_of_uptime_kuma_is_taken_or_refused(monitors: Any, notifications: Any) -> None:
    listed = [{**one, "id": index} for index, one in enumerate(monitors)]
    document = {"monitorList": listed, "notificationList": notifications}
    taken_or_refused(lambda: kuma.migrated(of_backup(json.dumps(document))))


@settings(max_examples=25)
@given(st.dictionaries(st.sampled_from("abc"), st.dictionaries(KEYS, VALUES, max_size=6), min_size=1))
def test_any_modules_are_taken_or_refused(modules: Any) -> None:
    taken_or_refused(lambda: blackbox.migrated(json.dumps({"modules": modules}), None, Draft("blackbox")))


@settings(max_examples=25)
@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=8), min_size=1, max_size=4), VALUES)
def test_any_jobs_are_taken_or_refused(jobs: Any, rules: Any) -> None:
    def nothing(_pattern: str) -> Sequence[tuple[str, str]]:
        return ()

    passing = [{"target_label": "__param_target", "source_labels": ["__address__"]}]
    listed = [job | {"metrics_path": "/probe", "relabel_configs": passing} for job in jobs]
    document = {"scrape_configs": [*listed, {"relabel_configs": rules, "metrics_path": "/probe"}]}
    draft = Draft("blackbox")
    found = prometheus_targets.targets(json.dumps(document), nothing, draft)
    taken_or_refused(lambda: blackbox.migrated("modules: {http_2xx: {prober: http}}", found, draft))


def test_the_number_of_assets_is_bounded() -> None:
    document = {"endpoints": [{"name": "x", "url": "icmp://h"}] * (MOST + 2)}
    migration = gatus.migrated(json.dumps(document))
    assert len(migration.sections["services"]) == MOST
    assert "divide the file" in migration.lines[-1].words


@pytest.mark.parametrize("text", ["[STATUS] " + " " * 100_000, "[BODY]" + ".a" * 100_000 + " == 1", " " * 100_000])
def test_long_conditions_are_refused_at_once(text: str) -> None:
    migration = gatus.migrated(json.dumps({"endpoints": [{"name": "x", "url": "http://h", "conditions": [text]}]}))
    assert any("no condition" in line.words for line in migration.lines)
