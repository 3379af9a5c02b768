"""What dashboards without Prometheus are shown: right to the minute, bounded, and clear about a senseless question."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp.test_utils import TestClient
from pydantic import SecretStr

from incidents import lifecycle
from incidents.availability import Span
from monitor.store import incidents, spans
from monitor.web import grafana
from probes import Status

PAGE = Path(__file__).parents[3] / "docs" / "operations" / "grafana-json.md"
ENDPOINTS = ("incidents", "status", "availability", "verdicts")
MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
"""Nine in Berlin; the site is open from eight to twenty there."""
HOUR = timedelta(hours=1)


async def asked(client: TestClient, what: str, **query: str) -> dict[str, Any]:
    """The answer to a question that makes sense."""
    answer = await client.get(
        f"/api/v1/grafana/{what}", params={name.rstrip("_"): said for name, said in query.items()}
    )
    assert answer.status == 200, await answer.text()
    assert answer.content_type == "application/json"
    found: dict[str, Any] = await answer.json()
    return found


async def rows(client: TestClient, what: str, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await asked(client, what, **query))["rows"]
    return found


def at(hours: float) -> str:
    """So many hours after MONDAY, as the answers have it."""
    return (MONDAY + hours * HOUR).strftime("%Y-%m-%dT%H:%M:%S.000Z")


MORNING = {"from_": at(0), "to": at(4)}


@pytest.fixture
async def morning(space, make_asset: Callable[..., Any]):
    """Four hours of two assets: the fibre fails for one of them and is not measured for another, the door works."""
    space.add(make_asset("fibre", "Nordnet fibre", "uplinks"), make_asset("door", "Street door", "doors", people=40))
    history = [
        Span("fibre/ping", MONDAY - HOUR, MONDAY + HOUR, Status.UP, "ok"),
        Span("fibre/ping", MONDAY + HOUR, MONDAY + 2 * HOUR, Status.DOWN, "timeout"),
        Span("fibre/ping", MONDAY + 3 * HOUR, MONDAY + 5 * HOUR, Status.UP, "ok"),
        Span("door/ping", MONDAY, MONDAY + 4 * HOUR, Status.UP, "ok"),
    ]
    async with space.store.begin() as conn:
        await spans.save(conn, history)
    return space


async def test_status_is_one_row_for_each_stretch_and_a_gap_is_a_row_without_status(
    morning, stranger: TestClient
) -> None:
    found = await rows(stranger, "status", asset="fibre", **MORNING)
    assert [(row["time"], row["end"], row["status"], row["reason"]) for row in found] == [
        (at(0), at(1), "up", "ok"),
        (at(1), at(2), "down", "timeout"),
        (at(2), at(3), None, "no_readings"),
        (at(3), at(4), "up", "ok"),
    ]
    assert {(row["asset"], row["name"], row["check"]) for row in found} == {("fibre", "Nordnet fibre", "fibre/ping")}


async def test_time_after_the_last_reading_is_a_gap_too(morning, stranger: TestClient) -> None:
    *_, last = await rows(stranger, "status", asset="fibre", from_=at(0), to=at(9))
    assert (last["time"], last["end"], last["status"]) == (at(5), at(9), None)


async def test_a_reading_that_need_not_have_come_yet_is_no_gap(space, make_asset, stranger: TestClient) -> None:
    fibre = make_asset("fibre", "Nordnet fibre")
    space.add(fibre)
    await space.works(fibre)
    (row,) = await rows(stranger, "status")
    assert row["status"] == "up"


async def test_status_by_asset_names_the_check_that_decides(morning, stranger: TestClient) -> None:
    found = await rows(stranger, "status", by="asset", **MORNING)
    assert [(row["asset"], row["check"], row["status"]) for row in found][:2] == [
        ("fibre", "fibre/ping", "up"),
        ("fibre", "fibre/ping", "down"),
    ]
    assert found[-1]["asset"] == "door"


async def test_status_of_one_check_alone(morning, stranger: TestClient) -> None:
    found = await rows(stranger, "status", check="door/ping", **MORNING)
    assert [row["check"] for row in found] == ["door/ping"]


async def test_availability_is_about_the_known_time_and_the_open_hours(morning, stranger: TestClient) -> None:
    fibre, door = await rows(stranger, "availability", **MORNING)
    assert (fibre["up"], fibre["down"], fibre["unknown"]) == (7200, 3600, 3600)
    assert (fibre["availability"], fibre["coverage"]) == (pytest.approx(2 / 3), 0.75)
    assert (door["availability"], door["people"], door["section"]) == (1, 40, "doors")
    (early,) = await rows(stranger, "availability", asset="fibre", from_=at(-3), to=at(2))
    assert (early["coverage"], early["open_coverage"]) == (0.6, 1)
    assert (early["open_availability"], early["open_down"]) == (pytest.approx(2 / 3), 3600)
    (before,) = await rows(stranger, "availability", asset="fibre", from_=at(-48), to=at(-24))
    assert (before["availability"], before["coverage"]) == (None, 0)


async def test_incidents_come_newest_first_and_those_that_last_have_no_end(harbour, stranger: TestClient) -> None:
    found = await rows(stranger, "incidents")
    assert [(row["asset"], row["severity"], row["stage"]) for row in found] == [
        ("street", "warning", "acknowledged"),
        ("fibre", "critical", "open"),
    ]
    assert found[1]["end"] is None
    assert found[1]["minutes"] == pytest.approx(14, abs=1)
    assert found[0]["acknowledged_by"] == "admin"
    assert found[0]["name"] == "Street door"


FILTERS = [
    ({"stage": "open"}, ["fibre"]),
    ({"stage": "acknowledged,resolved"}, ["street"]),
    ({"severity": "warning"}, ["street"]),
    ({"asset": "fibre"}, ["fibre"]),
    ({"asset": "fibre,street", "severity": "critical"}, ["fibre"]),
    ({"asset": "gone-long-ago"}, []),
    ({"asset": "", "stage": ""}, ["street", "fibre"]),
]


async def test_incidents_can_be_chosen(harbour, stranger: TestClient) -> None:
    for query, assets in FILTERS:
        assert [row["asset"] for row in await rows(stranger, "incidents", **query)] == assets


async def test_only_incidents_that_reach_into_the_time_are_shown(harbour, stranger: TestClient) -> None:
    fibre = next(row for row in await rows(stranger, "incidents") if row["asset"] == "fibre")
    opened = datetime.fromisoformat(fibre["time"])
    before = {"from_": (opened - HOUR).isoformat(), "to": (opened - timedelta(seconds=1)).isoformat()}
    assert "fibre" not in [row["asset"] for row in await rows(stranger, "incidents", **before)]
    after = {"from_": (opened + timedelta(minutes=1)).isoformat(), "to": (opened + HOUR).isoformat()}
    assert "fibre" in [row["asset"] for row in await rows(stranger, "incidents", **after)]


async def test_more_incidents_than_wanted_are_announced(harbour, stranger: TestClient) -> None:
    found = await asked(stranger, "incidents", limit="1")
    assert (found["more"], [row["asset"] for row in found["rows"]]) == (True, ["street"])
    assert (await asked(stranger, "incidents", limit="2"))["more"] is False


async def test_an_incident_that_was_merged_is_told_of_by_the_other(harbour, stranger: TestClient) -> None:
    async with harbour.store.begin() as conn:
        other, merged = await incidents.live(conn)
        await incidents.save(conn, replace(merged, merged_into=other.id))
    assert [row["id"] for row in await rows(stranger, "incidents")] == [other.id]


async def test_verdicts_are_those_of_the_board(harbour, stranger: TestClient) -> None:
    found = {row["asset"]: row for row in await rows(stranger, "verdicts")}
    assert list(found) == [asset.id for asset in harbour.config.assets]
    assert {id: row["verdict"] for id, row in found.items() if row["verdict"] != "working"} == {
        "fibre": "down",
        "street": "degraded",
        "printer": "checking",
        "ups": "unknown",
    }
    assert found["fibre"]["detail"] == "no answer from 3 of 3 addresses"
    assert found["fibre"]["incident"]
    assert [row["asset"] for row in await rows(stranger, "verdicts", asset="ups")] == ["ups"]


async def test_both_ways_to_write_a_time_mean_the_same(morning, stranger: TestClient) -> None:
    milliseconds = str(int(MONDAY.timestamp() * 1000))
    found = await asked(stranger, "status", from_=milliseconds, to="2026-03-02T13:00:00+01:00")
    assert (found["from"], found["to"]) == (at(0), at(4))
    assert found["rows"] == await rows(stranger, "status", **MORNING)


async def test_unless_said_it_is_about_the_last_day(morning, stranger: TestClient) -> None:
    found = await asked(stranger, "status")
    start, end = (datetime.fromisoformat(found[name]) for name in ("from", "to"))
    assert end - start == timedelta(days=1)
    assert abs(datetime.now(UTC) - end) < HOUR


SENSELESS = [
    ("incidents", {"from": "now-6h"}, "`from`: 'now-6h' must be milliseconds since 1970"),
    ("incidents", {"to": "2026-03-02T09:00:00"}, "`to`: '2026-03-02T09:00:00' must be"),
    ("incidents", {"to": "9" * 40}, "`to`: "),
    ("incidents", {"to": "99999999999999999"}, "`to`: "),
    ("incidents", {"to": "0001-01-01T00:00:00+14:00"}, "`to`: "),
    ("incidents", {"to": "²"}, "`to`: '²' must be"),
    ("status", {"from": at(1), "to": at(0)}, "`from` must be before `to`"),
    ("status", {"from": at(0), "to": at(0)}, "`from` must be before `to`"),
    ("availability", {"from": "2020-01-01T00:00:00Z", "to": at(0)}, "by 400 days at most"),
    ("incidents", {"stage": "broken"}, "`stage`: 'broken' must be one of open, acknowledged, resolved, reviewed"),
    ("incidents", {"severity": "bad"}, "`severity`: 'bad' must be one of info, warning, critical"),
    ("incidents", {"limit": "0"}, "`limit`: '0' must be a number from 1 to 1000"),
    ("incidents", {"limit": "-1"}, "`limit`: "),
    ("incidents", {"asset": "a\0b"}, "`asset`: "),
    ("status", {"asset": "cellar"}, "`asset`: nothing of the name 'cellar' is watched"),
    ("status", {"check": "fibre/pnig"}, "`check`: 'fibre/pnig' must be one of fibre/ping, door/ping"),
    ("status", {"by": "room"}, "`by`: 'room' must be one of check, asset"),
    ("verdicts", {"stage": "open"}, "There is no parameter 'stage' here, only from, to, asset."),
]


async def test_a_senseless_question_is_refused_in_words(morning, stranger: TestClient) -> None:
    for what, query, words in SENSELESS:
        answer = await stranger.get(f"/api/v1/grafana/{what}", params=query)
        assert (answer.status, words in await answer.text()) == (400, True), (query, await answer.text())


async def test_an_answer_that_would_be_too_long_says_what_to_do(
    morning, stranger: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grafana, "MOST_SPANS", 3)
    answer = await stranger.get("/api/v1/grafana/status", params={"from": at(0), "to": at(4)})
    assert answer.status == 400
    assert "Ask about a shorter time, or name an asset" in await answer.text()


async def test_programs_need_the_token(morning, stranger: TestClient) -> None:
    morning.serve(token=SecretStr("grafana-token"))
    for what in ENDPOINTS:
        path = f"/api/v1/grafana/{what}"
        assert (await stranger.get(path)).status == 401
        assert (await stranger.get(path, headers={"Authorization": "Bearer wrong"})).status == 401
        assert (await stranger.get(path, headers={"Authorization": "Bearer grafana-token"})).status == 200


async def test_hostile_names_are_only_text(space, make_asset, stranger: TestClient) -> None:
    fibre = make_asset("fibre", "Fibre \u202e<script>\x07")
    space.add(fibre)
    incident = await space.fails(fibre, "gone")
    assert incident is not None
    await space.decide(incident.id, lambda one: lifecycle.acknowledge(one, "ana\x1b[2J", datetime.now(UTC), None))
    for what in ENDPOINTS:
        for row in await rows(stranger, what):
            assert row["name"] == "Fibre \N{REPLACEMENT CHARACTER}<script>\N{REPLACEMENT CHARACTER}"
    (row,) = await rows(stranger, "incidents")
    assert "\x1b" not in row["acknowledged_by"] + row["title"]


@pytest.mark.parametrize("what", ENDPOINTS)
async def test_the_example_of_the_page_works_and_its_columns_are_there(
    harbour, stranger: TestClient, what: str
) -> None:
    section = PAGE.read_text("utf-8").partition(f"\n## {what.capitalize()}")[2].partition("\n## ")[0]
    (example,) = re.findall(r"^    (/api/v1/grafana/\S+)$", section, re.MULTILINE)
    shown = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    query = example.replace("${__from}", str(int((datetime.now(UTC) - HOUR).timestamp() * 1000)))
    query = query.replace("${__to}", str(int(datetime.now(UTC).timestamp() * 1000)))
    assert urlsplit(query).path.endswith(what)
    answer = await stranger.get(query)
    assert answer.status == 200, await answer.text()
    (row, *_) = (await answer.json())["rows"]
    assert shown == list(row)
