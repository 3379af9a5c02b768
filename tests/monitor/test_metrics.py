"""What Prometheus scrapes: right to the library's own parser and to promtool, with gaps where nothing is known."""

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers import require
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from alerting.rules import Severity
from incidents.incident import Incident, Stage
from monitor.config import Config
from monitor.exposition import OPENMETRICS, TEXT, Exposition, Format, declared, instruments, rendered
from monitor.metrics import Readings, Vitals
from probes import Measured, Metric, Probe, Reading, Sample, Status, kinds
from probes import load as load_kind

SITE = """\
site: {id: harbour, timezone: UTC}
uplinks:
  - id: line
    checks:
      - {kind: internet.ping, host: 192.0.2.1}
      - {kind: internet.tcp, host: 192.0.2.1, port: 80}
doors:
  - id: front-door
    checks:
      - {kind: internet.tcp, host: 192.0.2.9, port: 80}
"""

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
UP = Reading(
    "line/ping",
    AT,
    0.25,
    Status.UP,
    "ok",
    "answered",
    (
        Sample("probe_icmp_loss_ratio", 0),
        Sample("probe_icmp_rtt_seconds", 0.001, "min"),
        Sample("probe_icmp_rtt_seconds", 0.002, "max"),
        Sample("probe_ip_protocol", 4),
    ),
)
DOWN = Reading("line/tcp", AT, 2.0, Status.DOWN, "refused", "refused", (Sample("probe_ip_protocol", 4),))
UNKNOWN = Reading("front-door/tcp", AT, 0.1, Status.UNKNOWN, "no_network", "no route")

PING = {"site": "harbour", "asset": "line", "check": "line/ping", "kind": "internet.ping"}
TCP = {"site": "harbour", "asset": "line", "check": "line/tcp", "kind": "internet.tcp"}
DOOR = {"site": "harbour", "asset": "front-door", "check": "front-door/tcp", "kind": "internet.tcp"}

BLACKBOX = {
    "probe_http_content_length",
    "probe_http_uncompressed_body_length",
    "probe_ssl_earliest_cert_expiry",
}
"""Families that are named as blackbox_exporter named them, before there were rules."""

Found = dict[tuple[str, frozenset[tuple[str, str]]], float]


TIMES = tuple(f"incident_{end}_after_seconds_{of}" for end in ("acknowledged", "resolved") for of in ("count", "sum"))


class Water(Probe[Any]):
    """A kind that other people might add: a counter, a gauge and a part that is not known before."""

    metrics = (
        Metric("water_litres_total", "Litres so far"),
        Metric("water_level_ratio", "How full", "ratio", "tank"),
        Metric("water_pressure", "First of two texts"),
    )

    async def measure(self, timeout: float) -> Measured:
        return Measured("wet")


class Steam(Water):
    metrics = (Metric("water_pressure", "Second of two texts"),)


def water(*samples: Sample) -> Reading:
    return Reading("w", AT, 0.1, Status.UP, "ok", "wet", samples)


def parsed(exposed: str) -> Found:
    """The series by name and labels."""
    return {
        (series.name, frozenset(series.labels.items())): series.value
        for metric in text_string_to_metric_families(exposed)
        for series in metric.samples
    }


def fault(asset: str) -> Incident:
    return Incident("01", asset, "It is down", Severity.CRITICAL, AT)


def of_assets(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    """The live incidents by asset and severity."""
    (family,) = (one for one in registry.collect() if one.name == "deskwatch_asset_incidents_open")
    return {(one.labels["asset"], one.labels["severity"]): one.value for one in family.samples}


def series(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


@pytest.fixture
def readings(config: Config) -> Readings:
    latest = {reading.check: reading for reading in (UP, DOWN, UNKNOWN)}
    made = Readings(lambda: latest)
    made.adopt(config)
    return made


async def written(readings: Readings, format: Format = TEXT) -> str:
    return "".join([piece async for piece in readings.text(format)])


async def scrape(readings: Readings) -> Found:
    return parsed(await written(readings))


async def checks(readings: Readings) -> set[str]:
    """The checks that have series."""
    return {dict(labels)["check"] for _, labels in await scrape(readings) if "check" in dict(labels)}


def exposed(reading: Reading, labels: dict[str, str] | None = None, format: Format = TEXT) -> str:
    """A reading of the water works."""
    found = Exposition()
    found.add_reading(declared(Water), rendered(labels or {}), reading)
    return "".join((*found.text(format), format.end))


def used() -> CollectorRegistry:
    """Instruments that have been used."""
    registry = CollectorRegistry()
    vitals = Vitals(registry)
    vitals.lag.observe(0.01)
    vitals.runs.labels("internet.ping", Status.UP).inc()
    vitals.skipped.labels("internet.ping").inc()
    vitals.unconfirmed.labels("internet.ping").inc()
    vitals.messages.labels("chat", "accepted").inc()
    vitals.backlog({"chat": 1})
    return registry


async def test_a_reading_has_its_verdict_its_length_and_what_it_measured(readings: Readings) -> None:
    found = await scrape(readings)
    assert found[series("probe_success", **PING)] == 1
    assert found[series("probe_success", **TCP)] == 0
    assert found[series("probe_duration_seconds", **TCP)] == 2
    assert found[series("probe_icmp_rtt_seconds", **PING, stat="max")] == 0.002
    assert found[series("deskwatch_check_last_run_timestamp_seconds", **PING)] == AT.timestamp()


async def test_an_unknown_reading_is_a_gap_and_not_a_failure(readings: Readings) -> None:
    found = await scrape(readings)
    assert series("probe_success", **DOOR) not in found
    assert series("probe_duration_seconds", **DOOR) not in found
    assert found[series("deskwatch_check_status", **DOOR, status="unknown")] == 1


async def test_each_check_has_all_states_and_is_in_one(readings: Readings) -> None:
    found = await scrape(readings)
    states = {status.value: found[series("deskwatch_check_status", **TCP, status=status.value)] for status in Status}
    assert states == {"up": 0, "down": 1, "unknown": 0}


async def test_a_check_that_has_not_run_has_no_series(config: Config) -> None:
    readings = Readings(dict)
    readings.adopt(config)
    assert await checks(readings) == set()


async def test_a_check_that_a_reload_removed_vanishes_though_its_reading_is_still_there(
    config: Config, readings: Readings
) -> None:
    assert await checks(readings) == {"line/ping", "line/tcp", "front-door/tcp"}
    readings.adopt(replace(config, assets=tuple(asset for asset in config.assets if asset.id == "line")))
    assert await checks(readings) == {"line/ping", "line/tcp"}


async def test_a_family_of_several_kinds_is_exposed_once(readings: Readings) -> None:
    text = await written(readings)
    assert text.count("# TYPE probe_ip_protocol ") == 1
    found = parsed(text)
    assert found[series("probe_ip_protocol", **PING)] == found[series("probe_ip_protocol", **TCP)] == 4


def test_of_two_descriptions_of_a_family_the_first_is_taken() -> None:
    found, reading = Exposition(), water(Sample("water_pressure", 3))
    found.add_reading(declared(Steam), rendered({"check": "a"}), reading)
    found.add_reading(declared(Water), rendered({"check": "b"}), reading)
    text = "".join(found.text(TEXT))
    assert text.splitlines()[0] == "# HELP water_pressure Second of two texts"
    assert len(parsed(text)) == 2


def test_our_text_of_instruments_says_what_the_library_says() -> None:
    registry = used()
    theirs = parsed(generate_latest(registry).decode())
    created = {key for key in theirs if key[0].endswith("_created")}
    assert created, "the library adds the times at which counters began, which we leave out"
    assert parsed("".join(instruments(registry.collect(), TEXT))) == {
        key: theirs[key] for key in theirs.keys() - created
    }


async def test_both_formats_have_the_same_families_and_series(readings: Readings) -> None:
    registry = used()
    plain = "".join(instruments(registry.collect(), TEXT)) + await written(readings)
    open_one = "".join(instruments(registry.collect(), OPENMETRICS)) + await written(readings, OPENMETRICS)
    families = list(parse_openmetrics(open_one + OPENMETRICS.end))
    assert {(one.name, frozenset(one.labels.items())): one.value for f in families for one in f.samples} == parsed(
        plain
    )
    types = {family.name: (family.type, family.documentation) for family in families}
    assert types == {
        family.name: (family.type, family.documentation) for family in text_string_to_metric_families(plain)
    }
    assert types["deskwatch_runs"][0] == "counter"
    assert types["deskwatch_schedule_lag_seconds"][0] == "histogram"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30))
def test_any_part_survives_the_way_through_the_text(part: str) -> None:
    text = exposed(water(Sample("water_level_ratio", 0.5, part)), {"site": 'a"b\\n'})
    registry = CollectorRegistry()
    Gauge("water_level_ratio", "How full", ("site", "tank"), registry=registry).labels('a"b\\n', part).set(0.5)
    assert parsed(text) == parsed(generate_latest(registry).decode())


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=30))
def test_any_part_survives_the_way_through_openmetrics(part: str) -> None:
    text = exposed(water(Sample("water_level_ratio", 0.5, part)), format=OPENMETRICS)
    ((level,),) = (family.samples for family in parse_openmetrics(text))
    assert level.labels == {"tank": part}


@given(st.floats())
def test_any_value_survives_the_way_through_the_text(value: float) -> None:
    (back,) = parsed(exposed(water(Sample("water_pressure", value)))).values()
    assert back == value or (back != back and value != value)


def test_values_that_are_no_numbers_are_written_as_prometheus_does() -> None:
    shown = [exposed(water(Sample("water_pressure", value))).splitlines()[-1] for value in (inf, -inf, nan)]
    assert shown == ["water_pressure +Inf", "water_pressure -Inf", "water_pressure NaN"]


def test_a_help_text_stays_on_its_line() -> None:
    help = 'one\ntwo \\ "three"'
    assert TEXT.header("told", "gauge", help).splitlines()[0] == r'# HELP told one\ntwo \\ "three"'
    assert OPENMETRICS.header("told", "gauge", help).splitlines()[0] == r"# HELP told one\ntwo \\ \"three\""


def test_a_family_that_counts_is_a_counter() -> None:
    reading = water(Sample("water_litres_total", 7))
    assert "# TYPE water_litres_total counter\nwater_litres_total 7.0\n" in exposed(reading)
    assert "# TYPE water_litres counter\nwater_litres_total 7.0\n" in exposed(reading, format=OPENMETRICS)


def test_a_sample_that_its_kind_does_not_declare_is_left_out() -> None:
    assert exposed(water(Sample("oil", 1))) == ""


def test_an_instrument_without_series_is_not_mentioned() -> None:
    registry = CollectorRegistry()
    Gauge("empty", "Nothing", ("by",), registry=registry)
    assert list(instruments(registry.collect(), TEXT)) == []


def test_the_vitals_are_there_from_the_start() -> None:
    registry = CollectorRegistry()
    Vitals(registry)
    names = {metric.name for metric in text_string_to_metric_families(generate_latest(registry).decode())}
    assert names >= {
        "deskwatch_build_info",
        "deskwatch_schedule_lag_seconds",
        "deskwatch_runs",
        "deskwatch_runs_skipped",
        "deskwatch_runs_running",
        "deskwatch_runs_waiting",
        "deskwatch_unconfirmed_failures",
        "deskwatch_readings_pending",
        "deskwatch_commits",
        "deskwatch_commit_failures",
        "deskwatch_store_writable",
        "deskwatch_config_last_reload_successful",
        "deskwatch_config_last_reload_success_timestamp_seconds",
        "deskwatch_incidents_open",
        "deskwatch_messages",
        "deskwatch_messages_waiting",
    }


def test_severities_without_incidents_are_zero() -> None:
    registry = CollectorRegistry()
    vitals = Vitals(registry)
    vitals.incidents({Severity.CRITICAL: 2})
    vitals.incidents({Severity.WARNING: 1})
    found = parsed("".join(instruments(registry.collect(), TEXT)))
    assert found[series("deskwatch_incidents_open", severity="critical")] == 0
    assert found[series("deskwatch_incidents_open", severity="warning")] == 1


def test_every_asset_has_its_incidents_from_the_start_and_what_is_none_of_ours_is_counted_together(
    config: Config,
) -> None:
    registry = CollectorRegistry()
    vitals = Vitals(registry)
    vitals.asset_incidents(config, [])
    assert set(of_assets(registry).values()) == {0}
    vitals.asset_incidents(config, [fault("line"), fault("line"), fault("gone"), fault("outside:disk")])
    assert of_assets(registry) == {
        ("", "critical"): 2,
        ("", "warning"): 0,
        ("line", "critical"): 2,
        ("line", "warning"): 0,
        ("front-door", "critical"): 0,
        ("front-door", "warning"): 0,
    }


def test_an_incident_is_counted_when_it_opens_when_somebody_has_it_and_when_it_ends() -> None:
    registry = CollectorRegistry()
    vitals = Vitals(registry)
    opened = fault("line")
    acknowledged = replace(opened, stage=Stage.ACKNOWLEDGED, acknowledged=AT + timedelta(seconds=90))
    lapsed = replace(acknowledged, stage=Stage.OPEN)
    resolved = replace(lapsed, stage=Stage.RESOLVED, resolved=AT + timedelta(seconds=600))
    for before, after in pairwise((None, opened, acknowledged, lapsed, acknowledged, resolved, resolved)):
        vitals.incident(before, after)
    found = parsed("".join(instruments(registry.collect(), TEXT)))
    names = ("incidents_opened_total", "incidents_resolved_total", *TIMES)
    assert {name: found[series(f"deskwatch_{name}", severity="critical")] for name in names} == {
        "incidents_opened_total": 1,
        "incidents_resolved_total": 1,
        "incident_acknowledged_after_seconds_count": 1,
        "incident_acknowledged_after_seconds_sum": 90,
        "incident_resolved_after_seconds_count": 1,
        "incident_resolved_after_seconds_sum": 600,
    }
    assert {found[series(f"deskwatch_{name}", severity="warning")] for name in names} == {0}


def test_a_destination_that_is_gone_has_no_backlog_any_more() -> None:
    registry = CollectorRegistry()
    vitals = Vitals(registry)
    vitals.backlog({"chat": 3, "mail": 0})
    vitals.backlog({"mail": 1})
    found = parsed("".join(instruments(registry.collect(), TEXT)))
    assert found[series("deskwatch_messages_waiting", destination="mail")] == 1
    assert series("deskwatch_messages_waiting", destination="chat") not in found


def test_a_refused_configuration_keeps_the_time_of_the_last_one_that_was_taken() -> None:
    registry = CollectorRegistry()
    vitals = Vitals(registry)
    vitals.reloaded(True)
    taken = parsed("".join(instruments(registry.collect(), TEXT)))
    vitals.reloaded(False)
    refused = parsed("".join(instruments(registry.collect(), TEXT)))
    time = series("deskwatch_config_last_reload_success_timestamp_seconds")
    assert taken[time] == refused[time] > 0
    assert taken[series("deskwatch_config_last_reload_successful")] == 1
    assert refused[series("deskwatch_config_last_reload_successful")] == 0


async def test_a_failed_run_shows_what_it_did_not_come_to_as_it_is_known(readings: Readings) -> None:
    found = await scrape(readings)
    assert found[series("probe_dns_lookup_time_seconds", **TCP)] == 0
    assert found[series("probe_ip_protocol", **TCP)] == 4
    assert series("probe_dns_lookup_time_seconds", **PING) not in found, "a run that passed is shown as it is"


def test_a_rate_is_exposed_in_bytes_as_prometheus_wants() -> None:
    found, rate = Exposition(), Sample("deskwatch_throughput_bits_per_second", 8e6, "down")
    reading = Reading("line/throughput", AT, 10, Status.UP, "ok", "fast", (rate,))
    found.add_reading(declared(load_kind("internet.throughput")), "", reading)
    assert parsed("".join(found.text(TEXT))) == {series("deskwatch_throughput_bytes_per_second", direction="down"): 1e6}


def complaints(text: str) -> tuple[int, str, str]:
    """What promtool says: its exit status, and its words."""
    command = [require.program("promtool"), "check", "metrics"]
    result = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    return result.returncode, result.stdout, result.stderr


def of_everything(kind: str) -> Reading:
    """A reading of a kind that measured all that it declares."""
    declared = load_kind(kind).metrics
    samples = [Sample(one.name, 1, part) for one in declared for part in one.parts or ("x" if one.part else "",)]
    return Reading(f"{kind}/x", AT, 0.1, Status.UP, "ok", "all is well", tuple(samples))


async def test_promtool_finds_nothing_to_complain_about(readings: Readings) -> None:
    readings.count(UP, "")
    text = "".join(instruments(used().collect(), TEXT)) + await written(readings)
    assert complaints(text) == (0, "", "")


def test_promtool_finds_nothing_to_complain_about_in_a_service_with_every_kind_of_check() -> None:
    found = Exposition()
    for kind in kinds():
        reading = of_everything(kind)
        found.add_verdict(rendered({"kind": kind}), reading)
        found.add_reading(declared(load_kind(kind)), rendered({"kind": kind}), reading)
    assert complaints("".join(found.text(TEXT))) == (0, "", "")


@pytest.mark.parametrize("kind", kinds())
def test_names_of_metrics_follow_the_rules_of_prometheus(kind: str) -> None:
    for metric in load_kind(kind).metrics:
        name, unit = declared(load_kind(kind)).metrics[metric.name].name, metric.unit.replace("bits", "bytes")
        words = name.removesuffix("_total").split("_")
        assert name.startswith(("deskwatch_", "probe_")), name
        assert not unit or name in BLACKBOX or "_".join(words).endswith(unit) or f"_{unit}_per_" in name, name
        assert ("timestamp" in words) == name.endswith("_timestamp_seconds"), name
        assert not name.endswith(("_count", "_sum", "_bucket")), name
        assert not name.endswith("_info") or metric.part, f"{name} says nothing without a label"


def test_histograms_are_of_metrics_that_the_kind_has_and_no_family_is_two_things() -> None:
    of_kinds = [(load_kind(kind), one) for kind in kinds() for one in load_kind(kind).histograms]
    gauges = {metric.name for kind in kinds() for metric in load_kind(kind).metrics}
    assert of_kinds
    for kind, histogram in of_kinds:
        metric = next(one for one in kind.metrics if one.name == histogram.metric)
        assert histogram.part in ("", *metric.parts)
        assert list(histogram.buckets) == sorted(set(histogram.buckets))
        assert histogram.name.endswith(f"_{metric.unit}")
        assert histogram.name not in gauges
    assert len({histogram.name for _, histogram in of_kinds}) == len(of_kinds)
