"""From runs to incidents and queued messages, over a real store."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from peers.pipelines import pipeline_over
from prometheus_client import CollectorRegistry

from alerting.channels import NoticeKind
from alerting.gates import Matcher, Silence
from alerting.rules import Phase
from incidents import lifecycle
from incidents.impact import Basis, Impact
from incidents.lifecycle import Incident, Stage
from monitor.config import load
from monitor.config.model import Config
from monitor.metrics import Vitals
from monitor.pipeline import Pipeline
from monitor.runner import Run
from monitor.store import Store, episodes, incidents, outbox, spans
from probes import Reading, Sample, Status

START = datetime(2026, 3, 2, 10, tzinfo=UTC)  # a Monday, in opening hours

SITE = """\
site:
  {id: harbour, name: Harbour Street, timezone: Europe/Lisbon, opening_hours: {mon-fri: "09:00-18:00"}, capacity: 60}
uplinks:
  - id: fibre
    name: Fibre
    checks: [{kind: internet.ping, host: 127.0.0.1}]
booking:
  - id: portal
    name: Booking portal
    people: 40
    depends_on: [fibre]
    checks: [{kind: internet.tcp, host: 127.0.0.1, port: 80}]
routes:
  - {id: chat, to: "${env:CHAT}", repeat: 1h}
  - {id: pager, to: "${env:CHAT}", severities: [critical], repeat: never}
"""


def configured(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Config:
    monkeypatch.setenv("CHAT", "json://127.0.0.1:9/")
    (folder / "site.yaml").write_text(text)
    return load(folder / "site.yaml")


async def fed(
    store: Store, config: Config, runs: Sequence[Run], *evidence: str, registry: CollectorRegistry | None = None
) -> Pipeline:
    """A pipeline that has judged these runs and written everything, as at a clean stop."""
    pipeline = pipeline_over(store, Vitals(registry or CollectorRegistry()))
    await pipeline.adopt(config)
    task = asyncio.create_task(pipeline.run())
    await asyncio.sleep(0)
    for run in runs:
        pipeline.offer(run)
    for one in evidence:
        pipeline.explain(runs[-1].check, one)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return pipeline


def run(
    config: Config, check: str, status: Status, minute: float, *samples: Sample, reason: str = "", detail: str = "seen"
) -> Run:
    found = next(one for one in config.checks if one.id == check)
    word = reason or ("ok" if status is Status.UP else "refused")
    at = START + timedelta(minutes=minute)
    return Run(found, (Reading(check, at, 0.01, status, word, detail, samples),))


async def log_of(store: Store) -> tuple[Incident, ...]:
    async with store.connect() as conn:
        return await incidents.page(conn)


async def queued(store: Store) -> list[tuple[str, str]]:
    async with store.connect() as conn:
        found = await outbox.recent(conn, 100)
    return sorted((one.notification.key.destination, str(one.notification.key.kind)) for one in found)


async def test_what_is_counted_is_shown_from_the_first_scrape_on(store: Store, config: Config) -> None:
    registry = CollectorRegistry()
    await pipeline_over(store, Vitals(registry)).adopt(config)
    for asset in ("fibre", "portal", ""):
        labels = {"site": "harbour", "asset": asset, "severity": "critical"}
        assert registry.get_sample_value("deskwatch_asset_incidents_open", labels) == 0
    assert registry.get_sample_value("deskwatch_incidents_open", {"severity": "warning"}) == 0
    assert {
        registry.get_sample_value("deskwatch_messages_waiting", {"destination": one}) for one in config.destinations
    } == {0}


async def test_a_failure_that_lasts_is_one_incident_and_one_message_for_each_route(
    store: Store, config: Config
) -> None:
    await fed(store, config, [run(config, "portal/tcp", Status.DOWN, minute) for minute in range(5)])
    (incident,) = await log_of(store)
    assert (incident.asset, incident.stage, incident.title) == ("portal", Stage.OPEN, "Booking portal is down")
    assert await queued(store) == [("chat", "firing"), ("pager", "firing")]


async def test_its_recovery_resolves_it_computes_the_impact_and_tells_the_same_routes(
    store: Store, config: Config
) -> None:
    down = [run(config, "portal/tcp", Status.DOWN, minute) for minute in range(0, 30, 5)]
    await fed(store, config, [*down, run(config, "portal/tcp", Status.UP, 30)])
    (incident,) = await log_of(store)
    assert incident.stage is Stage.RESOLVED
    assert incident.member_minutes == 30 * 40
    assert incident.cost == Impact(1800, 40, 1200, Basis.CAPACITY, ("portal",))
    assert await queued(store) == [("chat", "firing"), ("chat", "resolved"), ("pager", "firing"), ("pager", "resolved")]


async def test_incidents_are_counted_as_they_open_and_end_and_not_again_after_a_restart(
    store: Store, config: Config
) -> None:
    names = ("opened_total", "resolved_total")
    first, second = CollectorRegistry(), CollectorRegistry()
    await fed(store, config, [run(config, "portal/tcp", Status.DOWN, 0)], registry=first)
    await fed(store, config, [run(config, "portal/tcp", Status.UP, 30)], registry=second)
    critical = {"severity": "critical"}
    assert [first.get_sample_value(f"deskwatch_incidents_{name}", critical) for name in names] == [1, 0]
    assert [second.get_sample_value(f"deskwatch_incidents_{name}", critical) for name in names] == [0, 1]
    assert second.get_sample_value("deskwatch_incident_resolved_after_seconds_sum", critical) == 30 * 60


async def test_what_waits_to_be_written_does_not_undo_a_turn(store: Store, config: Config) -> None:
    statuses = (Status.DOWN, Status.UNKNOWN, Status.UP)
    await fed(store, config, [run(config, "portal/tcp", status, minute) for minute, status in enumerate(statuses)])
    async with store.connect() as conn:
        (episode,) = (one for one in await episodes.recent(conn, "portal/tcp") if one.rule == "down")
        assert (await episodes.states(conn))["portal/tcp", "down"].episode is None
    assert episode.phase is Phase.RESOLVED


async def test_an_outage_while_the_site_is_closed_costs_nobody_anything(store: Store, config: Config) -> None:
    night = 12 * 60
    await fed(
        store,
        config,
        [run(config, "portal/tcp", Status.DOWN, night), run(config, "portal/tcp", Status.UP, night + 60)],
    )
    assert [incident.member_minutes for incident in await log_of(store)] == [0]


async def test_unknown_says_nothing_about_the_target_and_a_run_of_it_is_a_warning_about_the_monitor(
    store: Store, config: Config
) -> None:
    blind = [run(config, "portal/tcp", Status.UNKNOWN, minute, reason="no_network") for minute in range(4)]
    await fed(store, config, blind)
    assert await log_of(store) == ()
    await fed(store, config, [run(config, "portal/tcp", Status.UNKNOWN, 6, reason="no_network")])
    (incident,) = await log_of(store)
    assert incident.title.startswith("Booking portal cannot be checked")
    assert await queued(store) == [("chat", "firing")]


async def test_a_fault_of_what_an_open_incident_explains_joins_it_and_pages_nobody_again(
    store: Store, config: Config
) -> None:
    await fed(store, config, [run(config, "fibre/ping", Status.DOWN, 0), run(config, "portal/tcp", Status.DOWN, 1)])
    (incident,) = await log_of(store)
    assert incident.asset == "fibre"
    assert len(incident.firing) == 2
    assert any("Booking portal" in entry.text for entry in incident.timeline)
    assert len(await queued(store)) == 2

    await fed(store, config, [run(config, "fibre/ping", Status.UP, 2)])
    assert [one.stage for one in await log_of(store)] == [Stage.OPEN], "the portal is still down"
    await fed(store, config, [run(config, "portal/tcp", Status.UP, 3)])
    assert [one.stage for one in await log_of(store)] == [Stage.RESOLVED]


async def test_a_warning_that_becomes_critical_is_told_to_everybody_who_wants_to_hear_of_that(
    store: Store, config: Config
) -> None:
    lossy = Sample("probe_icmp_loss_ratio", 0.4)
    await fed(store, config, [run(config, "fibre/ping", Status.UP, minute, lossy) for minute in range(3)])
    assert await queued(store) == [("chat", "firing")]
    await fed(store, config, [run(config, "fibre/ping", Status.DOWN, 4)])
    assert await queued(store) == [("chat", "firing"), ("chat", "firing"), ("pager", "firing")]
    assert len(await log_of(store)) == 1


async def test_the_window_of_a_rule_survives_a_restart(store: Store, config: Config) -> None:
    lossy = Sample("probe_icmp_loss_ratio", 0.4)
    await fed(store, config, [run(config, "fibre/ping", Status.UP, 0, lossy)])
    assert await log_of(store) == ()
    await fed(store, config, [run(config, "fibre/ping", Status.UP, 1, lossy)])
    assert len(await log_of(store)) == 1


async def test_an_open_episode_survives_a_restart(store: Store, config: Config) -> None:
    await fed(store, config, [run(config, "portal/tcp", Status.DOWN, 0)])
    pipeline = await fed(store, config, [run(config, "portal/tcp", Status.DOWN, 10)])
    assert len(await log_of(store)) == 1
    episode = pipeline.states["portal/tcp", "down"].episode
    assert episode is not None
    assert episode.phase is Phase.FIRING
    assert episode.opened == START


async def test_what_is_no_longer_watched_is_closed_and_those_who_were_told_hear_it(
    store: Store, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fed(store, config, [run(config, "portal/tcp", Status.DOWN, 0)])
    without = configured(
        tmp_path, monkeypatch, SITE.replace("internet.tcp, host", "internet.ping, host").replace(", port: 80", "")
    )
    await fed(store, without, [])
    (incident,) = await log_of(store)
    assert incident.stage is Stage.RESOLVED
    assert "no longer watched" in incident.timeline[-1].text
    assert ("pager", "resolved") in await queued(store)
    async with store.connect() as conn:
        assert ("portal/tcp", "down") not in await episodes.states(conn)


async def test_a_run_that_a_reload_overtook_brings_nothing_back(
    store: Store, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = run(config, "portal/tcp", Status.DOWN, 0)
    text = SITE.replace("internet.tcp, host", "internet.ping, host").replace(", port: 80", "")
    await fed(store, configured(tmp_path, monkeypatch, text), [late])
    assert await log_of(store) == ()
    async with store.connect() as conn:
        assert await episodes.states(conn) == {}


async def test_an_acknowledgement_is_written_down(store: Store, config: Config) -> None:
    pipeline = await fed(store, config, [run(config, "portal/tcp", Status.DOWN, 0)])
    id = (await log_of(store))[0].id
    acknowledged = await pipeline.desk.decide(id, lambda incident: lifecycle.acknowledge(incident, "Ana", START))
    assert acknowledged is not None
    assert (acknowledged.stage, acknowledged.acknowledged_by) == (Stage.ACKNOWLEDGED, "Ana")
    assert (await log_of(store))[0] == acknowledged
    assert await pipeline.desk.decide("01AAAAAAAAAAAAAAAAAAAAAAAA", lambda incident: lifecycle.Change(incident)) is None


async def test_nobody_acknowledges_and_the_message_is_repeated_to_the_routes_that_repeat(
    store: Store, config: Config
) -> None:
    # START is long past, so the hour until the repeat is over when the pipeline first looks.
    await fed(store, config, [run(config, "portal/tcp", Status.DOWN, 0)])
    pipeline = pipeline_over(store)
    await pipeline.adopt(config)
    task = asyncio.create_task(pipeline.run())
    async with asyncio.timeout(60):
        while ("chat", str(NoticeKind.REPEAT)) not in await queued(store):
            await asyncio.sleep(0.05)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert ("pager", str(NoticeKind.REPEAT)) not in await queued(store)


async def test_evidence_goes_into_the_timeline_of_the_incident_and_is_lost_on_a_fault_that_is_over(
    store: Store, config: Config
) -> None:
    down, up = run(config, "fibre/ping", Status.DOWN, 0), run(config, "fibre/ping", Status.UP, 5)
    await fed(store, config, [down], "path to 192.0.2.1: 10.0.0.1, then nobody answers")
    assert (await log_of(store))[0].timeline[-1].text == "path to 192.0.2.1: 10.0.0.1, then nobody answers"
    await fed(store, config, [up], "too late")
    assert "too late" not in [entry.text for entry in (await log_of(store))[0].timeline]


async def test_history_is_written_as_spans(store: Store, config: Config) -> None:
    await fed(
        store,
        config,
        [
            run(config, "portal/tcp", status, minute / 2)
            for minute, status in enumerate([Status.UP, Status.UP, Status.DOWN])
        ],
    )
    async with store.connect() as conn:
        found = await spans.between(conn, START, START + timedelta(hours=1))
    assert [span.status for span in found["portal/tcp"]] == [Status.UP, Status.DOWN]


async def test_a_silence_that_ends_while_the_end_of_another_is_being_written_is_not_overlooked(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = "doors:\n  - {id: door, name: Door, checks: [{kind: internet.tcp, host: 127.0.0.1, port: 81}]}\n"
    config = configured(tmp_path, monkeypatch, SITE.replace('mon-fri: "09:00-18:00"', 'mon-sun: "00:00-24:00"') + door)
    now = datetime.now(UTC)
    door_works, portal_works = (
        Silence(asset, (Matcher("asset", "=", asset),), now, now + timedelta(days=1), "Ana", "works", now)
        for asset in ("door", "portal")
    )
    ends_next: list[Silence] = []

    def committed() -> None:
        if ends_next:
            ends_next.clear()
            pipeline.regate((), ())

    pipeline = pipeline_over(store, turned=committed)
    await pipeline.adopt(config)
    pipeline.regate((door_works, portal_works), ())
    async with asyncio.timeout(60), cancelled_at_end(pipeline.run()):
        for check in ("door/tcp", "portal/tcp"):
            pipeline.offer(run(config, check, Status.DOWN, (now - START) / timedelta(minutes=1)))
        while len(pipeline.desk.known.incidents) < 2:
            await asyncio.sleep(0.02)
        assert await queued(store) == []
        ends_next.append(portal_works)
        pipeline.regate((portal_works,), ())
        while [destination for destination, _ in await queued(store)].count("chat") < 2:
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def cancelled_at_end(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
