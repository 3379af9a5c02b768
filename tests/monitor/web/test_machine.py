"""What Prometheus and other programs get."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from peers.ports import free_port
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from monitor.config.model import Module
from monitor.web import machine

OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}


@pytest.fixture
async def listener() -> AsyncIterator[int]:
    """The port of something that accepts connections."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


def values(text: str) -> dict[str, float]:
    return {sample.name: sample.value for family in parse(text) for sample in family.samples if not sample.labels}


async def test_metrics_come_as_prometheus_text(stranger: TestClient) -> None:
    answer = await stranger.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert values(await answer.text()) == {"deskwatch_test": 1}


async def test_metrics_are_packed_for_those_who_can_unpack_them(stranger: TestClient) -> None:
    packed = await stranger.get("/metrics", headers={"Accept-Encoding": "gzip"})
    plain = await stranger.get("/metrics", headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert await packed.text() == await plain.text()


async def test_who_asks_for_the_head_of_the_metrics_gets_no_body(stranger: TestClient) -> None:
    answer = await stranger.head("/metrics")
    assert (answer.status, await answer.read()) == (200, b"")


async def test_metrics_come_as_openmetrics_to_those_who_ask(stranger: TestClient) -> None:
    answer = await stranger.get("/metrics", headers=OPENMETRICS)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert [family.name for family in parse_openmetrics(await answer.text())] == ["deskwatch_test"]


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain;version=x", ";;,,"])
async def test_everybody_else_gets_text(stranger: TestClient, accept: str) -> None:
    answer = await stranger.get("/metrics", headers={"Accept": accept})
    assert (answer.status, answer.content_type) == (200, "text/plain")


async def test_a_probe_that_succeeds_is_one(stranger: TestClient, listener: int) -> None:
    answer = await stranger.get("/probe", params={"module": "internet.tcp", "target": f"127.0.0.1:{listener}"})
    found = values(await answer.text())
    assert answer.status == 200
    assert found["probe_success"] == 1
    assert found["probe_timeout_seconds"] == 9.5
    assert 0 <= found["probe_duration_seconds"] < 9.5


async def test_a_probe_that_fails_is_an_answer_too(stranger: TestClient) -> None:
    answer = await stranger.get("/probe", params={"module": "internet.tcp", "target": f"127.0.0.1:{free_port()}"})
    assert answer.status == 200
    assert values(await answer.text())["probe_success"] == 0


async def test_what_runs_programs_or_keeps_connections_is_not_run_for_others(stranger: TestClient) -> None:
    for kind in ("passive.plugin", "passive.mqtt"):
        answer = await stranger.get("/probe", params={"module": kind, "target": "/bin/true"})
        assert answer.status == 403
        assert (await answer.text()).strip() == f"{kind} runs only as a check of the configuration."


async def test_what_could_not_be_measured_is_an_error_and_no_failed_probe(stranger: TestClient) -> None:
    # No machine has this source address, so the fault is ours.
    query = {"module": "internet.tcp", "target": "127.0.0.1:1", "source": "192.0.2.1"}
    answer = await stranger.get("/probe", params=query)
    text = await answer.text()
    assert answer.status == 500
    assert "no_network" in text
    assert "probe_success" not in text


async def test_only_so_many_probes_run_at_once(stranger: TestClient) -> None:
    probing = stranger.app[machine.PROBING]
    for _ in range(machine.AT_ONCE):
        await probing.acquire()
    query = {"module": "internet.tcp", "target": "127.0.0.1:1"}
    refused = await stranger.get("/probe", params=query)
    assert (refused.status, "50 probes" in await refused.text()) == (503, True)
    probing.release()
    assert (await stranger.get("/probe", params=query)).status == 200


async def test_the_target_is_no_label_and_other_parameters_are_settings(stranger: TestClient, listener: int) -> None:
    query = {"module": "internet.tcp", "target": "127.0.0.1:1", "port": str(listener), "steps": '[{"send": "x"}]'}
    text = await (await stranger.get("/probe", params=query)).text()
    assert values(text)["probe_success"] == 1
    assert "127.0.0.1" not in text


async def test_a_probe_has_half_a_second_less_than_the_scrape(stranger: TestClient, listener: int) -> None:
    answer = await stranger.get(
        "/probe",
        params={"module": "internet.tcp", "target": f"127.0.0.1:{listener}"},
        headers={"X-Prometheus-Scrape-Timeout-Seconds": "3"},
    )
    assert values(await answer.text())["probe_timeout_seconds"] == 2.5


async def test_a_probe_on_demand_sends_no_secret_of_ours_anywhere(
    stranger: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOOR_CODE", "4711-4711")
    query = {"module": "internet.http", "target": "http://127.0.0.1:9/", "bearer": "${env:DOOR_CODE}"}
    for params in (
        query,
        {**query, "bearer": "${file:/etc/passwd}"},
        {**query, "headers": '{"A": "${env:DOOR_CODE}"}'},
    ):
        answer = await stranger.get("/probe", params=params)
        assert answer.status == 403
        assert "4711" not in await answer.text()


@pytest.fixture
def modules(space: Any) -> Any:
    """A space whose configuration has modules."""
    named = {
        "tcp_connect": Module("internet.tcp", {}, timeout=30),
        "http_2xx": Module("internet.http", {"bearer": "${env:DOOR_CODE}"}),
    }
    space.config = replace(space.config, modules=named)
    return space


@pytest.mark.usefixtures("modules")
async def test_a_module_of_the_configuration_is_asked_by_its_name(stranger: TestClient, listener: int) -> None:
    query = {"module": "tcp_connect", "target": f"127.0.0.1:{listener}"}
    for seconds, left in (("60", 30), ("20.5", 20)):
        answer = await stranger.get("/probe", params=query, headers={machine.SCRAPE_TIMEOUT: seconds})
        found = values(await answer.text())
        assert (answer.status, found["probe_success"], found["probe_timeout_seconds"]) == (200, 1, left)


@pytest.mark.usefixtures("modules")
async def test_a_module_takes_no_settings_but_those_of_the_configuration(stranger: TestClient) -> None:
    query = {"module": "http_2xx", "target": "http://127.0.0.1:9/", "tls_verify": "false"}
    answer = await stranger.get("/probe", params=query)
    assert answer.status == 400
    assert "leave out tls_verify" in await answer.text()


@pytest.mark.usefixtures("modules")
async def test_who_names_no_module_asks_for_http_2xx(
    stranger: TestClient, listener: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOOR_CODE", "4711-4711")
    found = values(await (await stranger.get("/probe", params={"target": f"127.0.0.1:{listener}"})).text())
    assert (found["probe_success"], found["probe_http_status_code"]) == (0, 0)


@pytest.mark.usefixtures("modules")
async def test_debug_explains_the_probe_and_tells_no_secret(
    stranger: TestClient, listener: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOOR_CODE", "4711-4711")
    query = {"module": "http_2xx", "target": f"http://127.0.0.1:{listener}/", "debug": "true"}
    answer = await stranger.get("/probe", params=query)
    text = await answer.text()
    assert (answer.status, answer.content_type) == (200, "text/plain")
    assert "It is down: " in text
    assert "\nprobe_success 0.0\n" in text
    assert '"bearer": "**********"' in text
    assert "4711" not in text


async def test_debug_explains_also_what_could_not_be_measured(stranger: TestClient) -> None:
    query = {"module": "internet.tcp", "target": "127.0.0.1:1", "source": "192.0.2.1", "debug": "true"}
    text = await (await stranger.get("/probe", params=query)).text()
    assert "It could not be measured: " in text
    assert "probe_success" not in text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"module": "internet.tcp"}, "target"),
        ({"module": "internet.nothing", "target": "127.0.0.1"}, "internet.nothing"),
        ({"target": "127.0.0.1"}, "module"),
        ({"module": "internet._base", "target": "127.0.0.1"}, "internet._base"),
        ({"module": "internet.tcp", "target": "127.0.0.1:1", "colour": "s3cret"}, "colour"),
        ({"module": "internet.tcp", "target": "127.0.0.1", "port": "s3cret"}, "port"),
        ({"module": "internet.tcp", "target": "127.0.0.1:1", "steps": "[" * 5000}, "steps"),
    ],
)
async def test_a_senseless_probe_is_refused_in_words(stranger: TestClient, query: dict[str, str], said: str) -> None:
    answer = await stranger.get("/probe", params=query)
    text = await answer.text()
    assert answer.status == 400
    assert said in text
    assert "s3cret" not in text


@pytest.mark.parametrize("timeout", ["0.5", "-1", "nan", "soon"])
async def test_a_scrape_without_time_is_refused(stranger: TestClient, timeout: str) -> None:
    query = {"module": "internet.tcp", "target": "127.0.0.1:1"}
    answer = await stranger.get("/probe", params=query, headers={"X-Prometheus-Scrape-Timeout-Seconds": timeout})
    assert answer.status == 400


async def test_reload_says_that_it_worked(stranger: TestClient) -> None:
    answer = await stranger.post("/-/reload")
    assert (answer.status, await answer.text()) == (200, "Reloaded.\n")


async def test_reload_of_a_bad_file_gives_every_problem(space, stranger: TestClient) -> None:
    space.after_reload = space.reloads._replace(ok=False, problems=("line 3: no such kind", "line 9: bad interval"))
    answer = await stranger.post("/-/reload")
    assert answer.status == 500
    assert {"line 3: no such kind", "line 9: bad interval"} <= set((await answer.text()).splitlines())


async def test_ready_lists_what_is_missing_and_healthy_does_not_care(space, stranger: TestClient) -> None:
    assert (await stranger.get("/-/ready")).status == 200
    space.troubles = ("the disk is full; free some space",)
    answer = await stranger.get("/-/ready")
    assert (answer.status, await answer.text()) == (503, "the disk is full; free some space\n")
    assert (await stranger.get("/-/healthy")).status == 200
