"""Alerts from outside over a real store: one incident each, kept through restarts, ended when silent."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from peers.pipelines import pipeline_over
from prometheus_client import CollectorRegistry

import monitor.inbound
from alerting.inbound import ALERTMANAGER, PROMETHEUS, Alert, Batch
from alerting.rules import Why
from incidents.incident import Incident, Stage
from monitor.config.model import Config
from monitor.inbound import Inbound
from monitor.metrics import Vitals
from monitor.pipeline import Pipeline
from monitor.store import Store, StoreError, episodes, incidents, outbox

SITE = """\
site: {id: harbour, name: Harbour Street, timezone: Europe/Lisbon, capacity: 60}
uplinks:
  - id: fibre
    name: Fibre
    people: 40
    remedy: Restart the white box.
    checks:
      - {kind: internet.ping, host: 127.0.0.1}
      - {kind: internet.tcp, host: 127.0.0.1, port: 80}
wifi:
  - {id: members, name: Members, depends_on: [fibre], checks: [{kind: internet.ping, host: 127.0.0.1}]}
routes:
  - {id: chat, to: "${env:CHAT}", repeat: never}
"""

DISK = {"alertname": "DiskFull", "instance": "nas:9100", "severity": "critical"}
LATENCY = {"alertname": "Slow", "asset": "fibre", "severity": "warning"}


async def started(store: Store, config: Config) -> tuple[Inbound, Pipeline]:
    """As after a start of the service, be it after a kill."""
    vitals = Vitals(CollectorRegistry())
    pipeline = pipeline_over(store, vitals)
    await pipeline.adopt(config)
    return Inbound(pipeline, vitals), pipeline


def fires(labels: dict[str, str], minutes: float = 4, **annotations: str) -> Batch:
    now = datetime.now(UTC)
    return Batch((Alert(labels, annotations, now - timedelta(minutes=1), now + timedelta(minutes=minutes)),))


def ends(labels: dict[str, str]) -> Batch:
    return Batch((Alert(labels, {}, None, datetime.now(UTC)),))


async def log_of(store: Store) -> tuple[Incident, ...]:
    async with store.connect() as conn:
        return await incidents.page(conn)


async def messages(store: Store) -> list[tuple[str, str, str]]:
    async with store.connect() as conn:
        found = await outbox.recent(conn, 100)
    return sorted((one.notification.key.destination, str(one.notification.key.kind), one.notification.body)
                  for one in found)  # fmt: skip


async def test_it_opens_an_incident_with_its_words_and_nobody_is_counted_who_is_not_known(
    store: Store, config: Config
) -> None:
    inbound, _ = await started(store, config)
    await inbound.take(fires(DISK, summary="Disk almost full", description="Delete something."), PROMETHEUS)
    await inbound.take(fires(DISK, summary="Disk almost full"), PROMETHEUS)
    (incident,) = await log_of(store)
    assert incident.title == "DiskFull nas:9100 has an alert: Disk almost full"
    ((destination, kind, body),) = await messages(store)
    assert (destination, kind) == ("chat", "firing")
    assert "How we know: DiskFull nas:9100: Disk almost full Delete something." in body
    assert "Who it hits" not in body
    await inbound.take(ends(DISK), PROMETHEUS)
    (incident,) = await log_of(store)
    assert incident.resolved is not None
    assert incident.member_minutes == 0
    assert [kind for _, kind, _ in await messages(store)] == ["firing", "resolved"]


async def test_it_is_about_the_asset_that_it_names(store: Store, config: Config) -> None:
    inbound, pipeline = await started(store, config)
    await inbound.take(fires(LATENCY), PROMETHEUS)
    (incident,) = await log_of(store)
    assert (incident.asset, incident.title) == ("fibre", "Fibre has an alert: Slow")
    ((_, _, body),) = await messages(store)
    assert "How we know: Fibre: has an alert: Slow." in body
    assert "Restart the white box." in body
    assert "40 people" in body
    (turn,) = pipeline.desk.known.firing.values()
    assert (turn.asset.section, turn.kind) == ("uplinks", "outside")


async def test_info_is_noted_and_told_to_nobody(store: Store, config: Config) -> None:
    inbound, pipeline = await started(store, config)
    await inbound.take(fires({"alertname": "Watchdog", "severity": "none"}), PROMETHEUS)
    assert await log_of(store) == ()
    assert len(pipeline.states) == 1


async def test_it_is_still_open_after_a_kill_and_ends_for_those_who_were_told(store: Store, config: Config) -> None:
    inbound, _ = await started(store, config)
    await inbound.take(fires(DISK, summary="Disk almost full"), PROMETHEUS)
    await inbound.take(fires(LATENCY), PROMETHEUS)
    inbound, pipeline = await started(store, config)
    assert {turn.asset.id for turn in pipeline.desk.known.firing.values()} == {"outside/DiskFull nas:9100", "fibre"}
    await inbound.take(fires(DISK), PROMETHEUS)
    assert len(await log_of(store)) == 2
    await inbound.take(ends(DISK), PROMETHEUS)
    await inbound.take(ends(LATENCY), PROMETHEUS)
    assert {one.stage.live for one in await log_of(store)} == {False}
    inbound, pipeline = await started(store, config)
    assert not pipeline.states


async def test_what_repeats_say_is_kept_with_the_next_flush(store: Store, config: Config) -> None:
    inbound, pipeline = await started(store, config)
    await inbound.take(Batch((Alert(DISK),)), ALERTMANAGER)
    await inbound.take(fires(DISK, minutes=3000), ALERTMANAGER)
    await pipeline.adopt(config)
    task = asyncio.create_task(pipeline.run())
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    _, pipeline = await started(store, config)
    ((_, state),) = pipeline.states.items()
    assert state.episode is not None
    assert state.episode.deadline is not None
    assert state.episode.deadline > datetime.now(UTC) + timedelta(minutes=2900)


async def test_a_source_that_falls_silent_ends_it_and_the_words_say_so(store: Store, config: Config) -> None:
    inbound, pipeline = await started(store, config)
    await inbound.take(fires(DISK), PROMETHEUS)
    now = datetime.now(UTC)
    await inbound.expire(now + timedelta(minutes=4))
    assert pipeline.states, "we have only just begun to listen"
    await inbound.expire(now + timedelta(minutes=6))
    assert not pipeline.states
    (incident,) = await log_of(store)
    assert incident.timeline[-1].text == "Closed: its source has not been heard of any more."
    async with store.connect() as conn:
        (episode,) = await episodes.closed_since(conn, now)
    assert episode.why is Why.SOURCE_SILENT
    _, (_, _, body) = await messages(store)
    assert body.startswith("Whether it works is not known: what reported it was no longer heard of at ")


async def test_while_nothing_can_be_written_nothing_is_noted_and_no_source_counts_as_silent(
    store: Store, config: Config
) -> None:
    inbound, pipeline = await started(store, config)
    inbound._listening -= timedelta(hours=1)
    await inbound.take(fires(DISK, minutes=1), PROMETHEUS)
    async with store.begin() as conn:
        await conn.exec_driver_sql("ALTER TABLE episodes RENAME TO away")
    with pytest.raises(StoreError):
        await inbound.take(fires(LATENCY), PROMETHEUS)
    assert len(pipeline.states) == 1
    async with store.begin() as conn:
        await conn.exec_driver_sql("ALTER TABLE away RENAME TO episodes")
    await inbound.expire(datetime.now(UTC) + timedelta(minutes=4))
    assert len(pipeline.states) == 1
    await inbound.take(fires(LATENCY), PROMETHEUS)
    assert len(pipeline.states) == 2


async def test_there_is_room_for_so_many(store: Store, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor.inbound, "MOST", 2)
    inbound, pipeline = await started(store, config)
    (alert,) = fires(DISK).alerts
    many = Batch(tuple(replace(alert, labels=DISK | {"device": str(n)}) for n in range(3)))
    assert await inbound.take(many, PROMETHEUS) == 1
    assert await inbound.take(many, PROMETHEUS) == 1, "those that are known are still kept up"
    assert len(pipeline.states) == 2
    await inbound.take(ends(DISK | {"device": "0"}), PROMETHEUS)
    assert await inbound.take(many, PROMETHEUS) == 1
    assert len(await log_of(store)) == 1, "alerts of one name and place are one incident"


async def test_our_own_alerts_that_come_back_are_left_alone(store: Store, config: Config) -> None:
    inbound, pipeline = await started(store, config)
    await inbound.take(fires({"alertname": "Down", "source": "deskwatch", "site": "harbour"}), PROMETHEUS)
    assert not pipeline.states
    await inbound.take(fires({"alertname": "Down", "source": "deskwatch", "site": "pier"}), PROMETHEUS)
    assert len(pipeline.states) == 1


async def test_one_message_may_begin_end_and_begin_again(store: Store, config: Config) -> None:
    inbound, pipeline = await started(store, config)
    three = Batch((*fires(DISK).alerts, *ends(DISK).alerts, *fires(DISK).alerts))
    await inbound.take(three, PROMETHEUS)
    (found,) = await log_of(store)
    assert (found.stage, found.reopened) == (Stage.OPEN, 1)
    assert len(pipeline.desk.known.firing) == 1


async def test_a_reload_keeps_it_and_finds_its_asset_anew(store: Store, config: Config) -> None:
    inbound, pipeline = await started(store, config)
    await inbound.take(fires(LATENCY | {"asset": "line"}), PROMETHEUS)
    renamed = tuple(replace(asset, id="line") if asset.id == "fibre" else asset for asset in config.assets)
    await pipeline.adopt(replace(config, assets=renamed))
    (turn,) = pipeline.desk.known.firing.values()
    assert (turn.asset.id, turn.asset.name) == ("line", "Fibre")
