"""Two lines to an internet of our own, broken in every way that lines break, and what is said of it.

The settings come from a site's file, as the uplinks hand them to their checks.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from peers.ports import free_port
from peers.service import until, watching
from peers.two_lines import TARGETS, Building, two_lines
from stories.conftest import served
from stories.on_call import Phones

from monitor.app import App
from monitor.config import load
from probes import Failed, Measured, Probe, Sample, Status, Unmeasured
from probes import load as kind_of
from probes._engines import Engines
from probes._engines.memory import Memory

PATIENT, HASTY = 20.0, 3.0
"""Seconds: for what answers, however busy this machine is; and where something never will, and the rest must."""


@pytest.fixture(scope="module")
def wired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Building]:
    with two_lines(tmp_path_factory.mktemp("two_lines")) as building:
        yield building


@pytest.fixture
def building(wired: Building, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Building]:
    """Two lines that work, and their site in the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("site.yaml").write_text(site(wired))
    yield wired
    for line in (wired.fibre, wired.mobile):
        line.switch_on()
        line.passes()
        line.is_seen_as(line.public)
    wired.use(wired.fibre)


def site(building: Building, listen: int = 8470) -> str:
    return f"""\
site: {{id: harbour, timezone: Europe/Lisbon}}
server: {{listen: "127.0.0.1:{listen}"}}
defaults:
  interval: 2s
  timeout: 2s
  confirm: {{times: 1, gap: 100ms}}
uplinks:
  - id: fibre
    name: Fibre
    provider: Fibre One
    source: {building.fibre.source}
    gateway: {building.fibre.gateway}
    prefix: 198.51.100.0/29
    asn: 64500
    contract: {{down: 500 Mbit/s, up: 100 Mbit/s, latency: 10}}
    checks: [{CHECK}]
  - id: mobile
    name: Mobile
    provider: Mobile Two
    role: backup
    interface: {building.mobile.interface}
    gateway: {building.mobile.gateway}
    asn: 64501
    rules: {{down: {{severity: warning}}}}
    checks: [{CHECK}]
services:
  - id: internet
    name: Internet
    depends_on: {{any_of: [fibre, mobile]}}
    checks:
      - {{kind: internet.egress, echo: ["http://{TARGETS[1]}/json"], asn_zone: origin.test, resolver: {TARGETS[0]}}}
"""


CHECK = f"""{{
      kind: internet.uplink, targets: [{", ".join(TARGETS)}], tcp_port: 80, resolvers: [{TARGETS[0]}], gap: 0.01,
      urls: ["http://desk.pages.test/", "http://door.pages.test/"]}}"""


class Seen:
    """What one run found, however it ended."""

    def __init__(self, status: str, detail: str, samples: tuple[Sample, ...]) -> None:
        self.status = status
        self.detail = detail
        self._samples = samples

    def value(self, metric: str, part: str = "") -> float | None:
        return next(
            (one.value for one in self._samples if (one.metric, one.part) == (f"deskwatch_{metric}", part)), None
        )


async def measured(probe: Probe[Any], timeout: float) -> Seen:
    try:
        found = await probe.measure(timeout)
    except Failed as failed:
        return Seen(failed.reason, failed.detail, failed.samples)
    except Unmeasured as unmeasured:
        return Seen(unmeasured.reason, unmeasured.detail, ())
    assert isinstance(found, Measured)
    return Seen("ok", found.detail, found.samples)


@contextlib.asynccontextmanager
async def probing(check: str, memory: Memory | None = None, **settings: object) -> AsyncIterator[Probe[Any]]:
    """The probe of a check of the site, with other settings if need be."""
    found = next(one for one in load(Path("site.yaml")).checks if one.id == check)
    engines = Engines()
    if memory is not None:
        vars(engines)["memory"] = memory
    probe = kind_of(found.kind)(found.params.model_copy(update=settings), engines)
    probe.check = check
    try:
        yield probe
    finally:
        engines.close()


def look(building: Building, check: str, timeout: float = PATIENT, **settings: Any) -> Seen:
    """One run of a check of the site, within the monitor."""

    async def once() -> Seen:
        async with probing(check, **settings) as probe:
            return await measured(probe, timeout)

    return building.monitor.run(once)


def path(building: Building, check: str) -> str:
    """What is looked at when the check has just gone down."""

    async def once() -> str:
        async with probing(check) as probe:
            return await probe.evidence(2 * HASTY)

    return building.monitor.run(once)


def test_both_lines_work_and_the_fibre_carries_the_traffic(building: Building) -> None:
    for check, provider in (("fibre/uplink", "Fibre One"), ("mobile/uplink", "Mobile Two")):
        seen = look(building, check)
        assert seen.status == "ok", seen.detail
        assert seen.detail.startswith(f"{provider} (provider): 15 of 15 echoes to 3 destinations answered, median")
        assert [seen.value("uplink_target_up", target) for target in TARGETS] == [1, 1, 1]
        assert (seen.value("uplink_gateway_up"), seen.value("uplink_loss_ratio")) == (1, 0)
        for measured_too in ("rtt_seconds", "gateway_rtt_seconds", "tcp_seconds", "dns_seconds", "http_seconds"):
            assert seen.value(f"uplink_{measured_too}", "median" if measured_too == "rtt_seconds" else "")
    egress = look(building, "internet/egress")
    assert egress.detail == "fibre of Fibre One (provider) carries traffic; public address 198.51.100.2 of AS64500"
    assert (egress.value("egress_uplink", "fibre"), egress.value("egress_uplink", "mobile")) == (1, 0)
    assert (egress.value("egress_on_backup"), egress.value("egress_asn")) == (0, 64500)


def test_the_contract_is_measured_against(building: Building) -> None:
    seen = look(building, "fibre/uplink")
    assert seen.value("uplink_contract_bits_per_second", "down") == 500e6
    assert seen.value("uplink_contract_bits_per_second", "up") == 100e6
    assert 0 < (seen.value("uplink_rtt_of_contract_ratio") or 0) < 1


def test_a_dead_router_is_told_from_a_dead_line(building: Building) -> None:
    building.fibre.switch_off()
    seen = look(building, "fibre/uplink", HASTY)
    assert seen.status == "gateway_down"
    assert "our router 10.1.0.1 does not answer" in seen.detail
    assert "before you call Fibre One" in seen.detail
    assert (seen.value("uplink_gateway_up"), seen.value("uplink_loss_ratio")) == (0, 1)
    assert path(building, "fibre/uplink").endswith("over Fibre One (provider): not even the first hop answers")
    assert look(building, "mobile/uplink").status == "ok"


def test_a_line_that_is_cut_beyond_the_router_is_the_providers_fault(building: Building) -> None:
    building.fibre.cut()
    seen = look(building, "fibre/uplink", HASTY)
    assert seen.status == "line_down"
    assert seen.detail.startswith("Fibre One (provider) carries nothing: our router 10.1.0.1 answers, but none of ")
    assert seen.value("uplink_gateway_up") == 1
    assert [seen.value("uplink_target_up", target) for target in TARGETS] == [0, 0, 0]
    assert path(building, "fibre/uplink").endswith("over Fibre One (provider): 10.1.0.1, then nobody answers")


def test_one_dead_destination_is_not_the_line(building: Building) -> None:
    building.fibre.passes(f"ip daddr {TARGETS[2]} drop")
    seen = look(building, "fibre/uplink", HASTY)
    assert seen.status == "ok"
    assert seen.detail.startswith(f"{TARGETS[2]} alone does not answer: it is the destination, not the line; Fibre One")
    assert (seen.value("uplink_target_up", TARGETS[2]), seen.value("uplink_loss_ratio")) == (0, 0)


def test_a_line_that_loses_a_third_of_its_packets_is_up_and_the_loss_a_figure(building: Building) -> None:
    building.fibre.passes("icmp type echo-request numgen random mod 100 < 30 drop")
    seen = look(building, "fibre/uplink", 2 * HASTY, count=80)
    assert seen.status == "ok"
    assert 0.15 < (seen.value("uplink_loss_ratio") or 0) < 0.45  # 240 echoes: beyond five standard deviations
    assert seen.value("uplink_recent_loss_ratio") == seen.value("uplink_loss_ratio")


def test_a_line_on_which_only_names_fail_is_down_for_that(building: Building) -> None:
    building.fibre.passes("udp dport 53 drop")
    seen = look(building, "fibre/uplink", 2 * HASTY)
    assert seen.status == "dns_failed"
    assert seen.detail == f"packets pass over Fibre One (provider), but no name is found: {TARGETS[0]} does not answer"
    assert (seen.value("uplink_loss_ratio"), seen.value("uplink_dns_seconds")) == (0, None)


def test_a_line_that_lets_no_connection_through_is_held_back(building: Building) -> None:
    building.mobile.passes("tcp dport 80 drop")
    seen = look(building, "mobile/uplink", 2 * HASTY)
    assert seen.status == "blocked"
    assert "http://desk.pages.test/: no answer to the connection attempt" in seen.detail
    assert seen.value("uplink_http_seconds") is None


def test_an_idle_backup_that_dies_is_noticed_while_it_carries_nothing(building: Building) -> None:
    building.mobile.cut()
    seen = look(building, "mobile/uplink", HASTY)
    assert seen.status == "line_down"
    assert seen.detail.endswith("; it is the backup: there is none until it works")
    assert look(building, "fibre/uplink").status == "ok"
    assert look(building, "internet/egress").value("egress_on_backup") == 0


def test_failover_and_return_are_noticed_timed_and_remembered_across_a_restart(building: Building) -> None:
    async def story() -> list[Seen]:
        memory = Memory()
        async with probing("internet/egress", memory) as probe:
            seen = [await measured(probe, PATIENT)]
            building.use(building.mobile)
            seen.append(await measured(probe, PATIENT))
            restarted = Memory()
            restarted.restore(memory.take_changed())
        building.use(building.fibre)
        async with probing("internet/egress", restarted) as probe:
            return [*seen, await measured(probe, PATIENT)]

    before, during, after = building.monitor.run(story)
    assert (before.value("egress_on_backup"), before.value("egress_failovers_total")) == (0, 0)
    assert before.value("egress_failover_seconds") is None
    assert during.detail.startswith(
        "running on the backup: mobile of Mobile Two (provider) carries traffic, which took"
    )
    assert [during.value("egress_uplink", line) for line in ("fibre", "mobile")] == [0, 1]
    assert (during.value("egress_on_backup"), during.value("egress_asn")) == (1, 64501)
    assert during.value("egress_failovers_total") == 1
    assert 0 < (during.value("egress_failover_seconds") or 0) < 60
    assert (after.value("egress_on_backup"), after.value("egress_failovers_total")) == (0, 1)
    assert 0 < (after.value("egress_failback_seconds") or 0) < 60
    assert after.value("egress_failover_seconds") == during.value("egress_failover_seconds")


def test_a_static_address_that_changes_is_noticed(building: Building) -> None:
    building.internet.ip("route", "replace", "198.51.100.77", "via", building.fibre.public)
    building.fibre.is_seen_as("198.51.100.77")
    seen = look(building, "internet/egress")
    assert seen.detail.endswith("outside 198.51.100.0/29, which the uplink declares: its address has changed")
    assert (seen.value("egress_uplink", "fibre"), seen.value("egress_address_expected")) == (1, 0)


def test_a_failover_is_told_and_all_lines_down_is_one_page_and_silence_about_what_lies_behind_them(
    building: Building, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        phones = Phones()
        async with served(phones.take) as phones.address:
            for name, value in phones.env.items():
                monkeypatch.setenv(name, value)
            Path("site.yaml").write_text(site(building, free_port()) + BEHIND)
            async with watching(Path("site.yaml")) as app:
                await until(lambda: works(app), "everything to work")
                building.use(building.mobile)
                await phones.hears("chat", "Warning: Internet runs on the backup line")
                building.use(building.fibre)
                await phones.hears("chat", "Resolved: Internet runs on the backup line")
                building.mobile.cut()
                await phones.hears("chat", "Warning: Mobile is down")
                building.fibre.cut()
                await phones.hears("ana", "Critical: Fibre is down")
                await until(lambda: fires(app, "internet/egress", "booking/http"), "all that lies behind to be down")
                for line in (building.fibre, building.mobile):
                    line.passes()
                await phones.hears("ana", "Resolved: Fibre is down")
                await phones.hears("chat", "Resolved: Mobile is down")
                await until(lambda: works(app), "everything to work again")
        assert phones.titles("ana") == ["Critical: Fibre is down (harbour)", "Resolved: Fibre is down (harbour)"]
        assert not phones.read("chat", "Booking is down")
        assert not phones.read("chat", "Internet is down")

    building.monitor.run(story)


BEHIND = f"""\
booking:
  - id: booking
    name: Booking
    depends_on: {{any_of: [fibre, mobile]}}
    checks: [{{kind: internet.http, url: "http://{TARGETS[1]}/"}}]
routes:
  - {{id: chat, to: "${{env:CHAT}}"}}
  - {{id: pager, to: "${{env:ANA}}", severities: [critical]}}
"""


async def works(app: App) -> bool:
    """Whether every check of the site is up."""
    return all(check.id in app.latest and app.latest[check.id].status is Status.UP for check in app.config.checks)


async def fires(app: App, *checks: str) -> bool:
    """Whether it has been judged that these are down."""
    states = [app.episodes.get((check, "down")) for check in checks]
    return all(state is not None and state.episode is not None for state in states)
