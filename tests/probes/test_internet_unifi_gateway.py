"""internet.unifi_gateway against a UniFi application that answers as public captures do, and every way to let us in."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from peers.canaries import canary
from peers.certificates import Authority, authority
from peers.unifi import API_KEY, PASSWORD, USERNAME, Unifi, console, error, ok
from peers.web_api import Reply
from pydantic import ValidationError

from probes._base import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes.internet.unifi_gateway import UnifiGateway, UnifiGatewayParams, of_health, of_sharing

__all__ = ["authority"]

HEALTH = "/api/s/default/stat/health"
SHARING = "/v2/api/site/default/wan/load-balancing/status"
WATCHED = {"availability": 100.0, "latency_average": 9, "time_period": 86400, "uptime": 492522}


def health(**uptimes: Any) -> dict[str, Any]:
    """What is said of the site, with what it says of these lines."""
    return ok(
        {"subsystem": "wlan", "num_user": 7, "status": "ok"},
        {
            "subsystem": "wan",
            "status": "ok",
            "wan_ip": "198.51.100.7",
            "gw_name": "Gateway",
            "x_authkey": canary("unifi-authkey"),
            "uptime_stats": uptimes,
        },
        {"subsystem": "www", "status": "ok", "latency": 9},
    )


def sharing(*rows: tuple[str, str, str]) -> dict[str, Any]:
    """Lines by name, state and group."""
    return {
        "wan_interfaces": [{"name": name, "state": state, "wan_networkgroup": group} for name, state, group in rows]
    }


def answers(**changed: Any) -> dict[str, Any]:
    both = sharing(("Fibre", "ACTIVE", "WAN"), ("LTE", "BACKUP", "WAN2"))
    return {HEALTH: health(WAN=WATCHED, WAN2=WATCHED), SHARING: both, **changed}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("PASSWORD", PASSWORD)
    monkeypatch.setenv("API_KEY", API_KEY)
    monkeypatch.setenv("WRONG", canary("wrong"))
    monkeypatch.setenv("BROKEN", "one\r\nX-Other: two")


@pytest.fixture
async def engines(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Engines]:
    engines = Engines()
    yield engines
    assert engines.http.running == 0
    engines.close()
    assert "canary-" not in caplog.text


def probe(engines: Engines, port: int, **settings: Any) -> UnifiGateway:
    way_in = {} if "api_key" in settings else {"username": USERNAME, "password": "${env:PASSWORD}"}
    given = {"host": "127.0.0.1", "port": port, "tls_verify": False, **way_in, **settings}
    return UnifiGateway(UnifiGatewayParams.model_validate(given), engines)


async def unmeasured(kind: UnifiGateway, timeout: float = 60) -> Unmeasured:
    with pytest.raises(Unmeasured) as raised:
        await kind.measure(timeout)
    assert "canary-" not in str(raised.value)
    return raised.value


async def failed(kind: UnifiGateway, timeout: float = 60) -> Failed:
    with pytest.raises(Failed) as raised:
        await kind.measure(timeout)
    assert raised.value.reason in {*UnifiGateway.reasons, "timeout"}
    assert "canary-" not in f"{raised.value} {raised.value.samples}"
    return raised.value


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    return {f"{s.metric.removeprefix('deskwatch_gateway_')}/{s.part}".removesuffix("/"): s.value for s in samples}


def works(told: Measured) -> bool:
    assert "canary-" not in repr(told)
    return told.detail == "2 of 2 lines work: Fibre (carries the traffic, 198.51.100.7, 9 ms), LTE (stands by, 9 ms)"


@pytest.mark.parametrize("legacy", [False, True])
async def test_a_user_is_signed_in_once(engines: Engines, authority: Authority, legacy: bool) -> None:
    unifi = Unifi(answers(), legacy=legacy)
    async with console(unifi, authority.issue().context()) as port:
        kind = probe(engines, port, legacy=legacy, lines=["Fibre"], backup=["LTE"])
        told = await kind.measure(60)
        assert works(told)
        assert works(await kind.measure(60))
        assert "canary-" not in f"{kind.params!r} {kind._api!r}"
    assert unifi.signed_in == 1
    prefix = "" if legacy else "/proxy/network"
    login = "/api/login" if legacy else "/api/auth/login"
    reads = [f"GET {prefix}{HEALTH}", f"GET {prefix}{SHARING}"]
    assert unifi.api.paths == [f"POST {login}", *reads, *reads]
    measured = values(told.samples)
    assert (measured["line_up/Fibre"], measured["line_carries/Fibre"], measured["line_carries/LTE"]) == (1, 1, 0)
    assert (measured["line_latency_seconds/LTE"], measured["on_backup"]) == (0.009, 0)


async def test_a_key_needs_no_signing_in(engines: Engines, authority: Authority) -> None:
    unifi = Unifi(answers())
    async with console(unifi, authority.issue().context()) as port:
        assert works(await probe(engines, port, api_key="${env:API_KEY}").measure(60))
        found = await unmeasured(probe(engines, port, api_key="${env:WRONG}"))
    assert (found.reason, "correct `api_key`" in found.detail) == ("no_permission", True)
    assert unifi.signed_in == 0


async def test_a_session_that_ends_is_begun_anew(engines: Engines, authority: Authority) -> None:
    unifi = Unifi(answers())
    async with console(unifi, authority.issue().context()) as port:
        kind = probe(engines, port)
        assert works(await kind.measure(60))
        unifi.sessions.clear()
        assert works(await kind.measure(60))
    assert unifi.signed_in == 2


async def test_a_session_that_ends_between_two_questions_is_begun_anew(engines: Engines, authority: Authority) -> None:
    unifi = Unifi(answers())
    async with console(unifi, authority.issue().context()) as port:
        kind = probe(engines, port)
        assert works(await kind.measure(60))
        unifi.api.first = [Reply(unifi.answers[HEALTH]), Reply(error("api.err.LoginRequired"), 401)]
        assert works(await kind.measure(60))
    login, health, shared = "POST /api/auth/login", f"GET /proxy/network{HEALTH}", f"GET /proxy/network{SHARING}"
    assert unifi.api.paths == [login, health, shared, health, shared, login, shared]


async def test_a_console_that_is_asked_too_often_is_left_alone(engines: Engines, authority: Authority) -> None:
    unifi = Unifi(answers(**{SHARING: Reply({"code": "LIMIT"}, 429, (("Retry-After", "45"),))}))
    async with console(unifi, authority.issue().context()) as port:
        kind = probe(engines, port)
        assert (await unmeasured(kind)).reason == "throttled"
        asked = len(unifi.api.asked)
        assert "not to be asked for 45 s" in (await unmeasured(kind)).detail
        assert len(unifi.api.asked) == asked


@pytest.mark.parametrize("legacy", [False, True])
async def test_a_wrong_password_says_nothing_about_the_lines(
    engines: Engines, authority: Authority, legacy: bool
) -> None:
    async with console(Unifi(answers(), legacy=legacy), authority.issue().context()) as port:
        found = await unmeasured(probe(engines, port, legacy=legacy, password="${env:WRONG}"))
    assert found.reason == "no_permission"
    assert "does not let us in, status 401; correct `username` and `password`" in found.detail


@pytest.mark.parametrize(
    ("reply", "reason", "words"),
    [
        (Reply({"code": "MFA_AUTH_REQUIRED"}, 499), "no_permission", "wants a second factor"),
        (Reply({"code": "LIMIT"}, 429, (("Retry-After", "30"),)), "throttled", "not to be asked for 30 s"),
        (Reply(b"<html>not here</html>", 404), "no_permission", "has no sign-in of UniFi OS; correct `legacy`"),
    ],
)
async def test_a_door_that_stays_shut_says_why(
    engines: Engines, authority: Authority, reply: Reply, reason: str, words: str
) -> None:
    unifi = Unifi(answers())
    unifi.api.first = [reply]
    async with console(unifi, authority.issue().context()) as port:
        found = await unmeasured(probe(engines, port))
    assert found.reason == reason
    assert words in found.detail


async def test_a_legacy_application_is_told_from_unifi_os(engines: Engines, authority: Authority) -> None:
    async with console(Unifi(answers()), authority.issue().context()) as port:
        kind = probe(engines, port, legacy=True)
        assert (await unmeasured(kind)).reason == "no_permission"


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ([Reply(b"<html>starting</html>", 503)], "wrong_status"),
        ([Reply({})], "malformed"),  # it let us in without a cookie
        ([Reply(b"<html>Login</html>")], "malformed"),
        ([None], "timeout"),
    ],
)
async def test_a_door_that_fails_is_down(
    engines: Engines, authority: Authority, first: list[Reply | None], reason: str
) -> None:
    unifi = Unifi(answers())
    unifi.api.first = first
    async with console(unifi, authority.issue().context()) as port:
        assert (await failed(probe(engines, port), 3)).reason == reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Reply({"meta": {"rc": "error"}}, 500), "wrong_status"),
        (Reply({"meta": {"rc": "ok"}}), "malformed"),
    ],
)
async def test_an_answer_that_makes_no_sense_is_down(
    engines: Engines, authority: Authority, answer: Reply, reason: str
) -> None:
    for path in (HEALTH, SHARING):
        async with console(Unifi(answers(**{path: answer})), authority.issue().context()) as port:
            assert (await failed(probe(engines, port, api_key="${env:API_KEY}"))).reason == reason


async def test_a_gateway_on_its_backup_says_so(engines: Engines, authority: Authority) -> None:
    shared = sharing(("Fibre", "OFFLINE", "WAN"), ("LTE", "ACTIVE", "WAN2"))
    given = answers(**{SHARING: shared, HEALTH: health(WAN={"downtime": 120}, WAN2=WATCHED)})
    async with console(Unifi(given), authority.issue().context()) as port:
        told = await probe(engines, port, backup=["LTE"]).measure(60)
        found = await failed(probe(engines, port, lines=["Fibre"], backup=["LTE"]))
        gone = await failed(probe(engines, port, lines=["Starlink"]))
    assert told.detail.startswith("runs on its backup line; ")
    assert values(told.samples)["on_backup"] == 1
    assert (found.reason, found.detail.startswith("the line Fibre (offline) does not work")) == ("line_down", True)
    assert gone.reason == "line_missing"


async def test_a_gateway_without_a_line_is_down(engines: Engines, authority: Authority) -> None:
    shared = sharing(("Fibre", "OFFLINE", "WAN"), ("LTE", "BACKUP", "WAN2"))
    given = answers(**{SHARING: shared, HEALTH: health(WAN={"downtime": 120}, WAN2={"downtime": "99"})})
    async with console(Unifi(given), authority.issue().context()) as port:
        found = await failed(probe(engines, port))
    assert found.reason == "all_lines_down"
    assert found.detail == "no line to the internet works; down: Fibre (offline), LTE (backup)"


async def test_an_older_application_is_asked_for_what_it_has(engines: Engines, authority: Authority) -> None:
    given = {HEALTH: health(WAN=WATCHED, WAN2={"downtime": 7})}
    async with console(Unifi(given, legacy=True), authority.issue().context()) as port:
        told = await probe(engines, port, legacy=True).measure(60)
    assert told.detail == "1 of 1 line works: WAN (9 ms); not in use: WAN2"


def test_a_backup_that_the_gateway_does_not_watch_has_no_cable() -> None:
    shared = sharing(("Fibre", "ACTIVE", "WAN"), ("Internet 2", "BACKUP", "WAN2"))
    assert [line.state for line in of_sharing(shared, health(WAN=WATCHED))] == ["active", "down"]
    assert [line.state for line in of_sharing(shared, health())] == ["active", "standby"], "it watches nothing at all"


def test_numbers_as_texts_missing_fields_and_new_words_are_read() -> None:
    shared = {"wan_interfaces": [{"wan_networkgroup": "WAN", "state": "Sleeping"}, {"name": 7}, "odd", None]}
    told = health(WAN={**WATCHED, "latency_average": "12", "uptime": "9"}, WAN2="odd")
    first, second = of_sharing(shared, told)
    assert (first.name, first.state, first.word, first.latency) == ("WAN", "unknown", "sleeping", 0.012)
    assert (second.name, second.state) == ("", "unknown")
    assert list(of_health(ok({"subsystem": "wan", "uptime_stats": []}))) == []
    assert list(of_health(ok())) == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"username": "", "password": None}, "either api_key, or username and password"),
        ({"username": "a", "password": None}, "both username and password"),
        ({"api_key": "${env:API_KEY}", "username": "a", "password": "${env:WRONG}"}, "either api_key"),
        ({"api_key": "${env:BROKEN}"}, "line break"),
        ({"site": "../other"}, "pattern"),
    ],
)
async def test_settings_that_make_no_sense_are_refused(engines: Engines, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        probe(engines, 443, **settings)
