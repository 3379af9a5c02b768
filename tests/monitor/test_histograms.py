"""Histograms count every reading, and say by example which one it was."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample as Series

from monitor.config import Config, load
from monitor.exposition import OPENMETRICS, TEXT, Format
from monitor.metrics import Readings
from probes import Reading, Sample, Status

SITE = """\
site: {id: harbour, timezone: UTC}
uplinks:
  - {id: line, checks: [{kind: internet.uplink, interface: wan1}, {kind: internet.ping, host: 192.0.2.1}]}
  - {id: spare, checks: [{kind: internet.ping, host: 192.0.2.2}]}
services:
  - {id: web, checks: [{kind: internet.http, url: "http://192.0.2.3/"}]}
"""

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
INCIDENT = "01JNBA8M5T3Q0V9Y6W2X4Z7K1C"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "site.yaml"
    path.write_text(SITE)
    return load(path)


@pytest.fixture
def latest() -> dict[str, Reading]:
    return {}


@pytest.fixture
def readings(config: Config, latest: dict[str, Reading]) -> Readings:
    made = Readings(lambda: latest)
    made.adopt(config)
    return made


def of(check: str, *samples: Sample) -> Reading:
    return Reading(check, AT, 0.1, Status.UP, "ok", "answered", samples)


def rtt(check: str, seconds: float) -> Reading:
    return of(check, Sample("probe_icmp_rtt_seconds", seconds, "median"), Sample("probe_icmp_rtt_seconds", 9, "max"))


def line(seconds: float) -> Reading:
    return of("line/uplink", Sample("deskwatch_uplink_rtt_seconds", seconds, "median"))


async def written(readings: Readings, format: Format = TEXT) -> str:
    return "".join([piece async for piece in readings.text(format)]) + format.end


async def buckets(readings: Readings, name: str, **labels: str) -> dict[str, float]:
    """The series of a histogram with these labels, by the end of the bucket; "count" and "sum" besides."""
    found = {}
    for family in text_string_to_metric_families(await written(readings)):
        for one in family.samples if family.name == name else ():
            if labels.items() <= one.labels.items():
                found[one.labels.get("le") or one.name.rpartition("_")[2]] = one.value
    return found


async def exemplars(readings: Readings, name: str) -> Mapping[str, Series]:
    """The buckets of a histogram that have an exemplar, by their ends."""
    families = parse_openmetrics(await written(readings, OPENMETRICS))
    series = (one for family in families if family.name == name for one in family.samples)
    return {one.labels["le"]: one for one in series if one.exemplar is not None}


async def test_each_value_is_counted_in_its_bucket_and_all_above(readings: Readings) -> None:
    for seconds in (0.001, 0.0011, 0.2, 7):
        readings.count(rtt("line/ping", seconds), "")
    found = await buckets(readings, "deskwatch_ping_round_trip_seconds", kind="internet.ping", site="harbour")
    assert (found["0.0005"], found["0.001"], found["0.0025"], found["0.25"], found["1.0"]) == (0, 1, 2, 3, 3)
    assert found["+Inf"] == found["count"] == 4
    assert found["sum"] == pytest.approx(7.2021)


async def test_checks_of_a_kind_are_counted_together_and_each_line_by_itself(
    readings: Readings, latest: dict[str, Reading]
) -> None:
    for reading in (rtt("line/ping", 0.01), rtt("spare/ping", 0.02), line(0.03)):
        readings.count(reading, "")
    latest["line/uplink"] = line(0.03)
    assert (await buckets(readings, "deskwatch_ping_round_trip_seconds"))["count"] == 2
    assert (await buckets(readings, "deskwatch_uplink_round_trip_seconds", check="line/uplink"))["count"] == 1


async def test_each_phase_is_counted_by_itself_and_is_there_from_the_start(readings: Readings) -> None:
    readings.count(of("web/http", Sample("probe_http_duration_seconds", 0.3, "connect")), "")
    assert (await buckets(readings, "deskwatch_http_phase_seconds", phase="connect"))["count"] == 1
    assert (await buckets(readings, "deskwatch_http_phase_seconds", phase="tls"))["count"] == 0


async def test_a_phase_that_was_not_gone_through_is_not_counted(readings: Readings) -> None:
    readings.count(of("web/http", Sample("probe_http_duration_seconds", 0, "tls")), "")
    assert (await buckets(readings, "deskwatch_http_phase_seconds", phase="tls"))["count"] == 0


async def test_an_exemplar_names_check_time_and_incident_to_those_who_ask_for_openmetrics(readings: Readings) -> None:
    readings.count(rtt("spare/ping", 0.02), "")
    readings.count(rtt("line/ping", 0.3), INCIDENT)
    found = await exemplars(readings, "deskwatch_ping_round_trip_seconds")
    assert {end: one.exemplar.labels for end, one in found.items()} == {
        "0.025": {"check": "spare/ping"},
        "0.5": {"check": "line/ping", "incident_id": INCIDENT},
    }
    assert (found["0.5"].exemplar.value, float(found["0.5"].exemplar.timestamp)) == (0.3, AT.timestamp())
    assert INCIDENT not in await written(readings)


async def test_the_newest_value_of_a_bucket_is_its_exemplar(readings: Readings) -> None:
    for check in ("line/ping", "spare/ping"):
        readings.count(rtt(check, 0.02), "")
    found = await exemplars(readings, "deskwatch_ping_round_trip_seconds")
    assert found["0.025"].exemplar.labels == {"check": "spare/ping"}


async def test_an_exemplar_stays_within_what_openmetrics_allows(tmp_path: Path) -> None:
    asset, name = "a" * 63, "b" * 63
    path = tmp_path / "site.yaml"
    checks = f"[{{kind: internet.ping, name: {name}, host: 192.0.2.1}}]"
    path.write_text(f"site: {{id: hub, timezone: UTC}}\nservices: [{{id: {asset}, checks: {checks}}}]\n")
    readings = Readings(dict)
    readings.adopt(load(path))
    readings.count(rtt(f"{asset}/{name}", 0.02), INCIDENT)
    found = await exemplars(readings, "deskwatch_ping_round_trip_seconds")
    assert found["0.025"].exemplar.labels == {"incident_id": INCIDENT}


async def test_a_reload_keeps_what_was_counted_of_checks_that_stay_and_nothing_of_others(
    config: Config, readings: Readings, latest: dict[str, Reading]
) -> None:
    latest["line/uplink"] = line(0.03)
    readings.count(line(0.03), "")
    readings.count(rtt("spare/ping", 0.02), "")
    readings.adopt(replace(config, assets=config.assets[:1]))
    readings.count(rtt("spare/ping", 0.02), "")
    assert (await buckets(readings, "deskwatch_uplink_round_trip_seconds"))["count"] == 1
    assert (await buckets(readings, "deskwatch_ping_round_trip_seconds"))["count"] == 1
    readings.adopt(replace(config, assets=config.assets[1:]))
    assert await buckets(readings, "deskwatch_uplink_round_trip_seconds") == {}
    assert "deskwatch_http_phase_seconds" in await written(readings)
