"""Queries to a Prometheus: a real one, and answers that none would give."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st
from peers.ports import free_port
from peers.prometheus import prometheus
from peers.service import until
from pydantic import ValidationError

from probes import Measured, Sample, Unmeasured, load
from probes._engines import Engines
from probes.passive.promql import MOST_SERIES, PromqlParams, found


def answer(*series: tuple[dict[str, str], str], kind: str = "vector") -> bytes:
    result = [{"metric": labels, "value": [1, value]} for labels, value in series]
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode()


async def ask(url: str, query: str, timeout: float = 60, **settings: Any) -> Measured:
    engines = Engines()
    try:
        return await load("passive.promql")(PromqlParams(url=url, query=query, **settings), engines).measure(timeout)
    finally:
        engines.close()


async def test_a_real_prometheus_is_asked(tmp_path: Path) -> None:
    port = free_port()
    async with prometheus(tmp_path, port, "127.0.0.1:9") as peer:
        await until(lambda: peer.query("vector(1)"), "Prometheus to be ready")
        assert (await ask(peer.url, "1 + 1")).samples == (Sample("deskwatch_promql_value", 2),)
        one = (
            'label_replace(vector(3), "room", "boardroom", "", "") or label_replace(vector(5), "room", "booth", "", "")'
        )
        assert (await ask(peer.url, one, part_label="room")).samples == (
            Sample("deskwatch_promql_value", 3, "boardroom"),
            Sample("deskwatch_promql_value", 5, "booth"),
        )
        assert [sample.part for sample in (await ask(peer.url, one)).samples] == ["room=boardroom", "room=booth"]
        assert await ask(peer.url, "no_such_series") == Measured("the query finds nothing")
        with pytest.raises(Unmeasured, match=r"Prometheus answered 400: .*parse error"):
            await ask(peer.url, "sum(")
        with pytest.raises(Unmeasured, match="finds a 'matrix'; it must find single values"):
            await ask(peer.url, "prometheus_build_info[5m]")
    with pytest.raises(Unmeasured, match=r"Prometheus does not answer: 127\.0\.0\.1 refused") as gone:
        await ask(peer.url, "1")
    assert gone.value.reason == "no_source"


async def test_it_says_who_it_is_and_how_long_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cret")
    seen: dict[str, str] = {}

    async def handler(request: web.Request) -> web.Response:
        seen.update(request.headers)
        seen.update({key: str(value) for key, value in (await request.post()).items()})
        return web.Response(body=answer(({}, "1")))

    app = web.Application()
    app.router.add_post("/prefix/api/v1/query", handler)
    async with TestServer(app) as server:
        url = str(server.make_url("/prefix/"))
        headers = {"X-Scope-OrgID": "harbour"}
        await ask(url, "a+b>1&c", authorization="Bearer ${env:TOKEN}", headers=headers)
    assert seen["Authorization"] == "Bearer s3cret"
    assert seen["X-Scope-OrgID"] == "harbour"
    assert (seen["query"], seen["timeout"]) == ("a+b>1&c", "59.950")


def test_infinite_and_missing_numbers_are_values() -> None:
    measured = found(200, answer(({"a": "1"}, "+Inf"), ({"a": "2"}, "NaN"), ({"a": "3"}, "1e3")), "a")
    assert [sample.part for sample in measured.samples] == ["1", "2", "3"]
    assert measured.detail == "the query finds 3 series from 1000 to inf"


@pytest.mark.parametrize(
    ("series", "part_label", "words"),
    [
        ([({"a": "1", "b": "1"}, "1"), ({"a": "1", "b": "2"}, "1")], "a", "have the same a; aggregate by it"),
        ([({}, "1"), ({"__name__": "up"}, "1")], "", "cannot be told apart"),
        ([({"a": str(n)}, "1") for n in range(MOST_SERIES + 1)], "", f"finds {MOST_SERIES + 1} series; make it find"),
    ],
)
def test_series_that_cannot_be_shown_are_unknown(series: Any, part_label: str, words: str) -> None:
    with pytest.raises(Unmeasured, match=words):
        found(200, answer(*series), part_label)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, b"", "does not let us in, status 401; correct authorization"),
        (502, b"<html>\x1b[31m", r"status 502 is no Prometheus: '<html>\\x1b\[31m'"),
        (200, b'{"status": "success"}', "is no Prometheus"),
        (200, b"[]", "is no Prometheus"),
        (200, answer(({}, "many")), "is no Prometheus"),
        (503, b'{"status": "error", "error": "too \\u0007 busy"}', r"answered 503: 'too \\x07 busy'"),
        (200, b"[" * 100_000, "is no Prometheus"),
    ],
)
def test_what_is_no_answer_is_unknown_in_words(status: int, body: bytes, words: str) -> None:
    with pytest.raises(Unmeasured, match=words) as unknown:
        found(status, body, "")
    assert unknown.value.reason == "no_source"


def test_names_of_series_are_bounded_and_printable() -> None:
    (sample,) = found(200, answer(({"a": "x\x1b" * 900}, "1")), "a").samples
    assert len(sample.part) == 200
    assert sample.part.isprintable()


@given(st.binary(max_size=60) | st.recursive(
    st.none() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["status", "data", "resultType", "result", "metric", "value"]), inner, max_size=4),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_answer_is_a_measurement_or_unknown(body: bytes) -> None:
    with contextlib.suppress(Unmeasured):
        assert isinstance(found(200, body, ""), Measured)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"url": "ftp://127.0.0.1"}, "an address begins with"),
        ({"url": "http://127.0.0.1:9090/graph?x=1"}, "an address begins with"),
        ({"url": "http://me:hunter2@127.0.0.1"}, "do not belong in the address"),
        ({"query": ""}, "at least 1"),
        ({"part_label": "a-b"}, "pattern"),
        ({"authorization": "Bearer abc"}, "secrets do not belong in the file"),
        ({"authorization": "Bearer ${env:BROKEN}"}, "line break"),
        ({"headers": {"X": "a\nb"}}, "pattern"),
    ],
)
def test_senseless_settings_are_refused(settings: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKEN", "a\nb")
    with pytest.raises(ValidationError, match=words) as refused:
        PromqlParams(**{"url": "http://127.0.0.1:9090", "query": "up", **settings})
    assert "hunter2" not in str(refused.value)
