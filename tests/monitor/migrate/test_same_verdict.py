"""What was carried over judges answers as the other program does: those that pass there, and those that fail."""

import json
from typing import Any

import pytest

from monitor.migrate import blackbox, gatus, kuma
from monitor.migrate.draft import Draft, Migration
from monitor.migrate.kuma_source import of_backup
from probes._engines.http.exchange import Hop, Phases, Response
from probes.internet.http import Expectations, HttpParams


def complaint(migration: Migration, body: str, status: int = 200, head: str = "") -> bool:
    """Whether the only check that was made of a page is not content with an answer."""
    (entry,) = migration.sections["services"]
    check = entry.value["checks"][0]
    own = ("kind", "name", "interval", "timeout", "rules", "confirm")
    params = HttpParams.model_validate({key: value for key, value in check.items() if key not in own})
    hop = Hop(params.url, Phases())
    answer = Response(status, "1.1", f"{head}\r\n".encode(), len(body), body.encode(), (hop,))
    return Expectations(params).complaint(answer) is not None


@pytest.mark.parametrize(
    ("condition", "passes", "fails"),
    [
        ("[BODY] == 1", ["1"], ["{}", "2", "11"]),
        ("[BODY] == pat(*<h1>Hi</h1>*)", ["<p>\n<h1>Hi</h1>\n</p>", "<h1>Hi</h1>"], ["<h1>Ho</h1>"]),
        ("[BODY] != pat(*error*)", ["fine"], ["an error here"]),
        ("[BODY].user.name == john", ['{"user": {"name": "john"}}'], ['{"user": {"name": "johnny"}}', "{}"]),
        ("[BODY].data[0].id == 1", ['{"data": [{"id": 1}]}'], ['{"data": [{"id": 2}]}', '{"data": []}']),
        ("[BODY].name == pat(john*)", ['{"name": "john.doe"}'], ['{"name": "bob"}']),
        ("[BODY].id == any(1, 2)", ['{"id": 1}', '{"id": "2"}'], ['{"id": 3}', '{"id": 12}']),
        ("[BODY].up == true", ['{"up": true}'], ['{"up": false}']),
        ("len([BODY].data) < 5", ['{"data": [1]}', '{"data": []}'], ['{"data": [1, 2, 3, 4, 5]}']),
        ("len([BODY].data) == 2", ['{"data": [1, 2]}'], ['{"data": [1]}', '{"data": [1, 2, 3]}']),
        ("len([BODY].data) > 1", ['{"data": [1, null]}'], ['{"data": [1]}']),
        ("len([BODY].data) <= 1", ['{"data": [1]}'], ['{"data": [1, 2]}']),
        ("has([BODY].errors) == false", ['{"name": "x"}'], ['{"errors": []}']),
        ("has([BODY].users) == true", ['{"users": []}', '{"users": null}'], ["{}"]),
        ("[BODY].state != off", ['{"state": "on"}', "{}"], ['{"state": "off"}']),
    ],
)
def test_conditions_of_gatus_pass_and_fail_as_there(condition: str, passes: list[str], fails: list[str]) -> None:
    endpoint = {"name": "x", "url": "http://h", "conditions": [condition]}
    migration = gatus.migrated(json.dumps({"endpoints": [endpoint]}))
    assert [complaint(migration, body) for body in passes] == [False] * len(passes)
    assert [complaint(migration, body) for body in fails] == [True] * len(fails)


@pytest.mark.parametrize(
    ("condition", "passes", "fails"),
    [
        ("[STATUS] == 200", [200], [201, 404]),
        ("[STATUS] < 300", [200, 299], [301]),
        ("[STATUS] > 400", [401, 404], [400, 200]),
        ("[STATUS] == any(200, 429)", [200, 429], [201]),
        ("[STATUS] != any(200, 429)", [201], [200, 429]),
        ("[STATUS] == pat(2*)", [200, 204], [304]),
        ("[CONNECTED] == true", [200, 500], []),
    ],
)
def test_statuses_of_gatus_pass_and_fail_as_there(condition: str, passes: list[int], fails: list[int]) -> None:
    endpoint = {"name": "x", "url": "http://h", "conditions": [condition]}
    migration = gatus.migrated(json.dumps({"endpoints": [endpoint]}))
    assert [complaint(migration, "", status) for status in passes] == [False] * len(passes)
    assert [complaint(migration, "", status) for status in fails] == [True] * len(fails)


@pytest.mark.parametrize(
    ("monitor", "passes", "fails"),
    [
        ({"type": "keyword", "keyword": "a+b (c)"}, ["so a+b (c) is"], ["aab c", "A+B (C)"]),
        ({"type": "keyword", "keyword": "error", "invertKeyword": True}, ["fine"], ["an error"]),
        (
            {"type": "json-query", "jsonPath": "a.b", "expectedValue": "1.5"},
            ['{"a": {"b": 1.5}}'],
            ['{"a": {"b": 105}}'],
        ),
        ({"type": "json-query", "jsonPath": "$.ok", "expectedValue": "true"}, ['{"ok": true}'], ['{"ok": false}', "x"]),
        (
            {"type": "json-query", "jsonPath": "a", "expectedValue": "x", "jsonPathOperator": "contains"},
            ['{"a": "1\\nx2"}'],
            ['{"a": "y"}'],
        ),
    ],
)
def test_monitors_of_uptime_kuma_pass_and_fail_as_there(
    monitor: dict[str, Any], passes: list[str], fails: list[str]
) -> None:
    given = {"id": 1, "name": "x", "url": "http://h"} | monitor
    migration = kuma.migrated(of_backup(json.dumps({"monitorList": [given]})))
    assert [complaint(migration, body) for body in passes] == [False] * len(passes)
    assert [complaint(migration, body) for body in fails] == [True] * len(fails)


@pytest.mark.parametrize(
    ("option", "value", "passes", "fails"),
    [
        (
            "fail_if_header_matches",
            [{"header": "X-Cache", "regexp": "MISS"}],
            ["X-Cache: HIT"],
            ["X-Cache: a MISS", "A: b"],
        ),
        ("fail_if_header_not_matches", [{"header": "Via", "regexp": "^x"}], ["Via: xy"], ["Via: y", "A: b"]),
        ("fail_if_header_matches", [{"header": "Via", "regexp": "(?i)^X$"}], ["Via: xy"], ["Via: x"]),
    ],
)
def test_header_lines_of_blackbox_pass_and_fail_as_there(
    option: str, value: object, passes: list[str], fails: list[str]
) -> None:
    module = {"prober": "http", "http": {option: value}}
    migration = blackbox.migrated(json.dumps({"modules": {"x": module}}), None, Draft("blackbox"))
    assert [complaint(migration, "", head=head) for head in passes] == [False] * len(passes)
    assert [complaint(migration, "", head=head) for head in fails] == [True] * len(fails)
