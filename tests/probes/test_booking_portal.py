"""booking.portal against a web server over TLS: a login page, and a question for a free room."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from peers.canaries import canary
from peers.certificates import Authority, authority
from peers.json_api import Asked
from peers.looks import values
from peers.tcp import serving
from peers.web_api import Reply, WebApi
from peers.zones import far_from_midnight

from probes import Failed, Measured, Unmeasured
from probes._engines import Engines
from probes._engines.bookings import probe_slot
from probes.booking.portal import Portal, PortalParams

__all__ = ["authority"]

KEY = canary("portal-key")
ZONE = ZoneInfo(far_from_midnight("Asia/Tokyo", "Europe/Berlin"))
PAGE = b"<html><title>Sign in</title><form>"


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL", KEY)


def available(asked: Asked) -> Reply:
    if asked.headers.get("x-api-key") != KEY:
        return Reply({"error": "no"}, 401)
    slot = probe_slot(datetime.now(UTC), ZONE)
    right = asked.one("start") == f"{slot.start:%Y-%m-%dT%H:%M:%SZ}"
    right = right and asked.document == {"day": f"{slot.start.astimezone(ZONE):%Y-%m-%d}"}
    return Reply({"slots": [{"state": "free" if right else "?"}]})


def portal() -> WebApi:
    return WebApi({"GET /login": Reply(PAGE), "POST /api/availability": available})


async def visit(engines: Engines, tls: Authority, api: WebApi, timeout: float = 60, **availability: Any) -> Measured:
    async with serving(api.talk, tls=tls.issue().context()) as port:
        base = f"https://127.0.0.1:{port}"
        common = {"ca_file": str(tls.file)}
        login = {"name": "login", "url": f"{base}/login", "body_matches": ["Sign in"], **common}
        question = {
            "name": "availability",
            "url": f"{base}/api/availability?start={{from}}&end={{to}}",
            "method": "POST",
            "body": '{"day": "{day}"}',
            "secret_headers": {"X-Api-Key": "${env:PORTAL}"},
            "json_matches": {"$.slots[0].state": "free"},
            **common,
            **availability,
        }
        params = PortalParams.model_validate({"timezone": ZONE.key, "steps": [login, question]})
        return await Portal(params, engines).measure(timeout)


async def test_every_step_is_taken_and_timed_and_the_slot_is_asked_for(engines: Engines, authority: Authority) -> None:
    api = portal()
    found = await visit(engines, authority, api)
    told = values(found.samples)
    assert 0 < told["portal_seconds/login"] < 60
    assert 0 < told["portal_seconds/availability"] < 60
    assert told["certificate_remaining_seconds/leaf"] > 0
    assert api.paths == ["GET /login", "POST /api/availability"]
    assert found.detail.startswith("login in ")


@pytest.mark.parametrize(
    ("path", "reply", "reason", "words"),
    [
        ("GET /login", Reply(b"<html>We will be back soon"), "unexpected_body", "login: the body lacks 'Sign in'"),
        ("GET /login", Reply(b"", 503), "wrong_status", "login: the server answered with status 503"),
        ("POST /api/availability", Reply({"slots": []}), "unexpected_json", "availability: $['slots'][0]['state'] is"),
        ("POST /api/availability", Reply(PAGE), "unexpected_json", "availability: the body is not JSON"),
    ],
)
async def test_the_step_that_fails_is_named(
    engines: Engines, authority: Authority, path: str, reply: Reply, reason: str, words: str
) -> None:
    api = portal()
    api.answers[path] = reply
    with pytest.raises(Failed) as failed:
        await visit(engines, authority, api)
    assert failed.value.reason == reason
    assert failed.value.detail.startswith(words)
    assert ("portal_seconds/login" in values(failed.value.samples)) == ("login" not in words)
    assert "canary-" not in f"{failed.value!r} {failed.value.samples}"


async def test_a_certificate_nobody_trusts_is_down(engines: Engines, authority: Authority) -> None:
    api = portal()
    with pytest.raises(Failed) as failed:
        await visit(engines, authority, api, ca_file="")
    assert failed.value.reason == "certificate_untrusted"
    assert failed.value.detail.startswith("availability: ")
    assert api.paths == ["GET /login"], "the key must not go to a stranger"


async def test_silence_is_a_timeout(engines: Engines, authority: Authority) -> None:
    api = portal()
    api.first = [Reply(PAGE), None]
    with pytest.raises(Failed) as failed:
        await visit(engines, authority, api, 3)
    assert (failed.value.reason, failed.value.detail.partition(":")[0]) == ("timeout", "availability")


async def test_a_step_that_comes_too_late_is_not_taken(engines: Engines, authority: Authority) -> None:
    api = portal()
    with pytest.raises(Failed, match="login: the steps before took all the time there is"):
        await visit(engines, authority, api, 0.0)
    assert not api.paths


async def test_what_this_machine_lacks_is_not_the_portals_fault(engines: Engines, authority: Authority) -> None:
    with pytest.raises(Unmeasured) as unmeasured:
        await visit(engines, authority, portal(), ca_file="/nowhere/ca.pem")
    assert unmeasured.value.detail.startswith("availability: ")


def test_settings_are_checked() -> None:
    step = {"name": "login", "url": "https://portal.example.com/"}
    with pytest.raises(ValueError, match="two steps have the same name"):
        PortalParams.model_validate({"steps": [step, step]})
    with pytest.raises(ValueError, match="at least 1 item"):
        PortalParams.model_validate({"steps": []})
    assert PortalParams.model_validate({"steps": [step]}).target == "https://portal.example.com/"
    assert (
        PortalParams.model_validate(PortalParams.of_target("portal.example.com")).target == "https://portal.example.com"
    )
