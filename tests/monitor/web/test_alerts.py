"""The addresses to which other programs send their alerts."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp.test_utils import TestClient
from peers.pipelines import pipeline_over
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

import monitor.inbound
from monitor.inbound import Inbound
from monitor.metrics import Vitals
from monitor.pipeline import Pipeline
from monitor.web import alerts

DISK = {"labels": {"alertname": "DiskFull", "instance": "nas:9100"}, "annotations": {"summary": "Disk almost full"}}


@pytest.fixture
async def pipeline(space) -> Pipeline:
    """What judges the alerts that reach the pages of the space."""
    vitals = Vitals(CollectorRegistry())
    made = pipeline_over(space.store, vitals, space.touch)
    await made.adopt(replace(space.config, routes=()))
    space.inbound = Inbound(made, vitals)
    return made


async def test_prometheus_gets_an_empty_answer(stranger: TestClient, pipeline: Pipeline) -> None:
    answer = await stranger.post("/api/v2/alerts", json=[DISK])
    assert (answer.status, await answer.read()) == (200, b"")
    assert len(pipeline.states) == 1
    over = DISK | {"endsAt": datetime.now(UTC).isoformat()}
    assert (await stranger.post("/api/v2/alerts", json=[over])).status == 200
    assert not pipeline.states


async def test_a_bad_alert_is_refused_with_a_quoted_text_and_the_good_one_counts(
    stranger: TestClient, pipeline: Pipeline
) -> None:
    answer = await stranger.post("/api/v2/alerts", json=[{"labels": {}}, DISK])
    assert answer.status == 400
    assert await answer.json() == "alert 0: at least one label is needed"
    assert len(pipeline.states) == 1


@pytest.mark.parametrize("path", ["/api/v2/alerts", "/api/v1/alertmanager"])
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"7"])
async def test_a_body_that_is_none_is_refused(stranger: TestClient, pipeline: Pipeline, path: str, body: bytes) -> None:
    answer = await stranger.post(path, data=body)
    assert answer.status == 400
    assert "body must be" in await answer.json()


async def test_a_large_body_is_taken_and_a_larger_one_refused(
    stranger: TestClient, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    wordy = DISK | {"annotations": {"summary": "x" * 200_000}}
    assert (await stranger.post("/api/v2/alerts", json=[wordy])).status == 200
    monkeypatch.setattr(alerts, "LARGEST", 100_000)
    assert (await stranger.post("/api/v2/alerts", json=[wordy])).status == 413


async def test_an_alertmanager_tells_a_whole_group(stranger: TestClient, pipeline: Pipeline) -> None:
    firing = DISK | {"status": "firing", "startsAt": "2026-03-02T08:00:00Z", "endsAt": "0001-01-01T00:00:00Z"}
    other = firing | {"labels": {"alertname": "Slow"}}
    body = {"version": "4", "status": "firing", "truncatedAlerts": 0, "alerts": [firing, other]}
    answer = await stranger.post("/api/v1/alertmanager", json=body)
    assert answer.status == 200
    assert len(pipeline.states) == 2
    deadlines = [state.episode.deadline - datetime.now(UTC) for state in pipeline.states.values() if state.episode]
    assert all(left > timedelta(hours=24) for left in deadlines), "it repeats only every few hours"
    body["alerts"] = [firing | {"status": "resolved", "endsAt": "2026-03-02T09:00:00Z"}, other]
    assert (await stranger.post("/api/v1/alertmanager", json=body)).status == 200
    assert len(pipeline.states) == 1


async def test_a_store_that_cannot_be_written_makes_the_sender_try_again(
    stranger: TestClient, pipeline: Pipeline, space
) -> None:
    async with space.store.begin() as conn:
        await conn.exec_driver_sql("ALTER TABLE episodes RENAME TO away")
    assert (await stranger.post("/api/v2/alerts", json=[DISK])).status == 503


async def test_too_many_are_left_out_and_the_sender_hears_it(
    stranger: TestClient, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor.inbound, "MOST", 1)
    answer = await stranger.post("/api/v2/alerts", json=[DISK, {"labels": {"alertname": "Slow"}}])
    assert answer.status == 503
    assert json.loads(await answer.text()) == "1 alerts were left out: too many from outside are open"


@pytest.mark.parametrize("path", ["/api/v2/alerts", "/api/v1/alertmanager"])
async def test_both_want_the_token(stranger: TestClient, pipeline: Pipeline, space, path: str) -> None:
    space.config = replace(space.config, server=replace(space.config.server, token=SecretStr("s3cret")))
    assert (await stranger.post(path, json=[DISK])).status == 401
    answer = await stranger.post(path, json=[DISK], headers={"Authorization": "Bearer s3cret"})
    assert answer.status != 401


async def test_its_incident_has_a_page_and_stands_on_the_board(person: TestClient, pipeline: Pipeline, space) -> None:
    hostile = {"labels": {"alertname": "<b>Bold", "job": "<script>"}, "annotations": {"summary": "<i>x"}}
    assert (await person.post("/api/v2/alerts", json=[hostile])).status == 200
    (incident,) = pipeline.desk.known.incidents
    for path in ("/", f"/incidents/{incident}", "/incidents"):
        answer = await person.get(path)
        text = await answer.text()
        assert answer.status == 200
        assert "&lt;b&gt;Bold &lt;script&gt; has an alert: &lt;i&gt;x" in text
        assert "<script>" not in text.replace("<script src", "")
