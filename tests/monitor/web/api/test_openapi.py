"""The description of the API: sound, complete, and kept to under whatever anybody sends."""

import asyncio
import re
from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from monitor.people.roles import Role
from monitor.web.api import limits
from monitor.web.api.endpoints import ENDPOINTS
from monitor.web.api.openapi import document
from monitor.web.api.problems import BELOW
from monitor.web.app import build
from monitor.web.auth import Gate
from monitor.web.guard import ROLES

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
EXAMPLES = 4
"""Requests that are made up for each thing that can be asked."""
TALKS_ON = "/events"
ELSEWHERE = re.compile(rf"{BELOW}/(grafana/|alertmanager$)")
"""What other programs prescribe, and is described for them."""


def test_every_route_is_described_and_all_that_is_described_is_served(space) -> None:
    served = {one for one in build(space, Gate())[ROLES] if one[1].startswith(BELOW) and not ELSEWHERE.match(one[1])}
    described = document(ENDPOINTS)["paths"]
    assert {(method.upper(), f"{BELOW}{path}") for path, ways in described.items() for method in ways} == served


def test_all_that_is_referred_to_is_there_and_nothing_else() -> None:
    made = document(ENDPOINTS)
    wanted = set(re.findall(r"'#/components/schemas/(\w+)'", str(made)))
    assert wanted == set(made["components"]["schemas"])


def test_every_operation_has_a_name_of_its_own_and_declares_its_parts() -> None:
    operations = [(path, one) for path, ways in document(ENDPOINTS)["paths"].items() for one in ways.values()]
    names = [one["operationId"] for _, one in operations]
    assert len(names) == len(set(names))
    for path, one in operations:
        assert re.findall(r"{(\w+)}", path) == [p["name"] for p in one["parameters"] if p["in"] == "path"]


def test_the_document_keeps_to_the_schema_of_openapi() -> None:
    schemathesis.openapi.from_dict(document(ENDPOINTS)).validate()


async def test_anybody_may_read_the_description(program) -> None:
    robot = await program(Role.VIEWER)
    answer = await robot.client.get("/api/v1/openapi.json")
    assert (answer.status, await answer.json()) == (200, document(ENDPOINTS))


OPERATIONS = [(one.path, one.method) for one in ENDPOINTS if one.path != TALKS_ON]


async def test_whatever_is_sent_the_answers_are_those_that_are_described(
    harbour, admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = schemathesis.openapi.from_dict(document(ENDPOINTS))
    monkeypatch.setattr(admin.client.server.app[limits.BUDGET], "_most", 10**9)
    there = {"incident": (await admin.get("/incidents"))["items"][0]["id"], "asset": "fibre", "name": "ping"}
    statuses: Counter[int] = Counter()
    for path, method in OPERATIONS:
        attempt = _attempt(schema[path][method], str(admin.client.make_url(BELOW)), admin.secret, there, statuses)
        await asyncio.to_thread(attempt)
    assert {200, 201, 404, 422} <= set(statuses), statuses


def _attempt(operation, base: str, secret: str, there: dict[str, str], statuses: Counter[int]):
    """Asks for one thing in made-up ways, some of them about what is really there."""
    cases = st.one_of(operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode)

    @settings(
        max_examples=EXAMPLES,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, real=st.booleans())
    def check(case, real: bool) -> None:
        if real:
            case.path_parameters = {name: there.get(name, part) for name, part in (case.path_parameters or {}).items()}
        headers = {"Authorization": f"Bearer {secret}"}
        answer = case.call_and_validate(base_url=base, headers=headers, checks=list(CHECKS), timeout=60)
        statuses[answer.status_code] += 1

    return check
