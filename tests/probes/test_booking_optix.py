"""booking.optix against an emulator of the API as programs use it: what is wrong stands in answers with status 200."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from peers.looks import down, look, unknown, values
from peers.optix import OWNER, TOKEN, Optix
from peers.web_api import Reply, WebApi
from peers.zones import far_from_midnight

from probes._engines.bookings import probe_slot
from probes.booking.optix import Optix as Kind

ZONE = ZoneInfo(far_from_midnight("America/Vancouver", "Asia/Tokyo"))
SETTINGS = {
    "token": "${env:OPTIX}",
    "owner": OWNER,
    "timezone": ZONE.key,
    "probe_resource": "1001",
    "room": "1002",
}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTIX", TOKEN)


@pytest.fixture(autouse=True)
def no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level("DEBUG")
    yield
    assert "canary-" not in caplog.text


def platform(**changed: Any) -> Optix:
    return Optix(**{"resources": ("1001", "1002"), **changed})


async def test_a_draft_tells_which_rooms_are_free_and_nothing_is_committed() -> None:
    optix = platform(booked=("1002",))
    api = optix.api()
    found = await look(Kind, api, **SETTINGS)
    told = values(found.samples)
    assert (told["booking_free/probe"], told["booking_free/room"]) == (1, 0)
    assert "booking_members" not in told
    assert found.detail.startswith("rooms can be looked up in ")
    slot = probe_slot(datetime.now(UTC), ZONE)
    assert [draft["bookings"][0]["start_timestamp"] for draft in optix.drafts] == [slot.start.timestamp()] * 2
    assert not any(b"ommit" in asked.body or b"mutation" in asked.body for asked in api.asked)


async def test_a_probe_slot_that_is_not_free_is_down() -> None:
    assert (await down(Kind, platform(booked=("1001",)).api(), **SETTINGS)).reason == "slot_taken"


async def test_a_resource_that_is_gone_is_down() -> None:
    assert (await down(Kind, platform(resources=()).api(), **SETTINGS)).reason == "room_missing"


async def test_status_200_with_errors_is_no_health() -> None:
    failed = await down(Kind, platform(error="Internal server error").api(), **SETTINGS)
    assert (failed.reason, failed.detail) == ("api_error", "Optix answers with an error: 'Internal server error'")


@pytest.mark.parametrize("errors", [[7], [{}], [{"message": None}]])
async def test_an_error_without_words_is_one(errors: list[Any]) -> None:
    assert (await down(Kind, WebApi({"POST /graphql": {"errors": errors}}), **SETTINGS)).reason == "api_error"


async def test_a_wrong_token_or_owner_says_nothing_about_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await unknown(Kind, platform().api(), **{**SETTINGS, "owner": "1"})).reason == "no_permission"
    monkeypatch.setenv("OPTIX", "canary-other")
    unmeasured = await unknown(Kind, platform().api(), **SETTINGS)
    assert (unmeasured.reason, unmeasured.detail) == (
        "no_permission",
        "Optix does not let us in; correct `token` or its rights",
    )


@pytest.mark.parametrize("answer", [{"data": None}, {"data": {"me": None}}, {}, {"errors": []}, {"errors": None}])
async def test_an_answer_without_what_was_asked_is_malformed(answer: Any) -> None:
    assert (await down(Kind, WebApi({"POST /graphql": answer}), **SETTINGS)).reason == "malformed"


async def test_an_answer_without_a_draft_is_malformed() -> None:
    who = {"data": {"me": {"user": {"user_id": "1"}}}}
    api = WebApi({"POST /graphql": {"data": {"bookingsDraft": None}}}, first=[Reply(who)])
    assert (await down(Kind, api, **SETTINGS)).reason == "malformed"


async def test_a_draft_that_is_answered_with_an_error_of_http_is_unavailable() -> None:
    who = {"data": {"me": {"user": {"user_id": "1"}}}}
    api = WebApi({"POST /graphql": Reply(status=500)}, first=[Reply(who)])
    assert (await down(Kind, api, **SETTINGS)).reason == "unavailable"
