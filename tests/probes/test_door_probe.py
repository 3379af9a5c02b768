"""What holds for every kind that asks an access system: how it fails, what it asks, what never shows, who shares."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
from peers import axis, brivo, kisi, salto_ks, unifi_access
from peers.certificates import Authority, authority
from peers.json_api import Asked
from peers.tcp import serving
from peers.web_api import Reply, WebApi
from pydantic import ValidationError

from probes import Failed, Measured, Unmeasured, load
from probes._engines import Engines
from probes._engines.door_probe import DoorProbe
from probes._engines.door_sources import Source, Sources
from probes._engines.doors import Door, View

__all__ = ["authority"]


class Case(NamedTuple):
    """A kind, a system that is well, the settings for one on that port, and the words that name its sign-in."""

    kind: str
    system: Callable[[], WebApi]
    settings: Callable[[int], dict[str, Any]]
    first: str
    remedy: str


def _cloud(port: int) -> dict[str, Any]:
    return {"username": "desk", "client_id": "client", "sign_in_url": f"http://127.0.0.1:{port}"}


CASES = {
    case.kind: case
    for case in (
        Case(
            "access.unifi",
            unifi_access.console,
            lambda port: {"host": "127.0.0.1", "port": port, "token": "${env:UNIFI}", "tls_verify": False},
            unifi_access.DOORS,
            "correct `token`",
        ),
        Case(
            "access.kisi",
            kisi.account,
            lambda port: {"url": f"http://127.0.0.1:{port}", "key": "${env:KISI}"},
            kisi.LOCKS,
            "correct `key`",
        ),
        Case(
            "access.salto_ks",
            salto_ks.site,
            lambda port: {
                **_cloud(port),
                "site": salto_ks.SITE,
                "url": f"http://127.0.0.1:{port}/v1.2",
                "sign_in_url": f"http://127.0.0.1:{port}/connect/token",
                "username": "desk@example.com",
                "client_secret": "${env:SALTO_SECRET}",
                "password": "${env:SALTO_PASSWORD}",
            },
            salto_ks.LOCKS,
            "correct `site` and the rights of `username`",
        ),
        Case(
            "access.brivo",
            brivo.account,
            lambda port: {
                **_cloud(port),
                "url": f"http://127.0.0.1:{port}/v1/api",
                "sign_in_url": f"http://127.0.0.1:{port}/oauth/token",
                "api_key": "${env:BRIVO_KEY}",
                "client_secret": "${env:BRIVO_SECRET}",
                "password": "${env:BRIVO_PASSWORD}",
            },
            brivo.POINTS,
            "correct `api_key` and the rights of `username`",
        ),
        Case(
            "access.axis",
            lambda: axis.Controller().api(),
            lambda port: {
                "host": "127.0.0.1",
                "port": port,
                "tls": False,
                "username": "root",
                "password": "${env:AXIS}",
            },
            "POST /vapix/doorcontrol",
            "correct `username` and `password`",
        ),
    )
}

each_kind = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "UNIFI": unifi_access.TOKEN,
        "KISI": kisi.KEY,
        "SALTO_SECRET": salto_ks.SECRET,
        "SALTO_PASSWORD": salto_ks.PASSWORD,
        "BRIVO_KEY": brivo.API_KEY,
        "BRIVO_SECRET": brivo.SECRET,
        "BRIVO_PASSWORD": brivo.PASSWORD,
        "AXIS": axis.PASSWORD,
        "WRONG": "canary-wrong-0",
        "LINES": "a\r\nX-Evil: 1",
    }.items():
        monkeypatch.setenv(name, value)


@asynccontextmanager
async def up(case: Case, talk: Any, authority: Authority) -> AsyncIterator[int]:
    tls = authority.issue().context() if case.kind == "access.unifi" else None
    async with serving(talk, tls=tls) as port:
        yield port


def probing(engines: Engines, case: Case, port: int, **settings: Any) -> DoorProbe[Any]:
    kind = load(case.kind)
    probe = kind(kind.Params.model_validate({**case.settings(port), **settings}), engines)
    assert isinstance(probe, DoorProbe)
    return probe


async def ended(probe: DoorProbe[Any], timeout: float = 60) -> Failed | Unmeasured:
    """How the probe fails; no secret may show in that."""
    with pytest.raises((Failed, Unmeasured)) as error:
        await probe.measure(timeout)
    assert "canary-" not in repr(error.value) + str(error.value.__cause__) + repr(probe.params)
    if isinstance(error.value, Failed):
        assert error.value.reason in {*type(probe).reasons, "timeout"}
    assert isinstance(error.value, Failed | Unmeasured)
    return error.value


@each_kind
async def test_no_secret_of_ours_or_theirs_shows(
    engines: Engines, authority: Authority, case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    system = case.system()
    async with up(case, system.talk, authority) as port:
        probe = probing(engines, case, port)
        probe.check = "door/access"
        found = await probe.measure(60)
    assert isinstance(found, Measured)
    kept = str(engines.memory.recall("door/access"))
    assert "canary-" not in repr(found) + repr(probe.params) + repr(vars(probe)) + kept + caplog.text


@each_kind
async def test_it_asks_only_to_read(engines: Engines, authority: Authority, case: Case) -> None:
    system = case.system()
    async with up(case, system.talk, authority) as port:
        await probing(engines, case, port).measure(60)
    posted = {asked.path for asked in system.asked if asked.method != "GET"}
    assert posted <= {"/connect/token", "/oauth/token", "/vapix/doorcontrol", "/vapix/pacs"}


@each_kind
async def test_who_is_not_let_in_says_nothing_about_the_doors(
    engines: Engines, authority: Authority, case: Case
) -> None:
    system = case.system()
    system.door = lambda asked: None if "token" in asked.path else Reply({"message": "canary-answer-1"}, 403)
    async with up(case, system.talk, authority) as port:
        refused = await ended(probing(engines, case, port))
    assert refused.reason == "no_permission"
    assert case.remedy in refused.detail


@each_kind
async def test_what_doors_can_do_without_may_fail(engines: Engines, authority: Authority, case: Case) -> None:
    """People, cards and events are not for the eyes of every account."""
    system, beside = case.system(), ("/users", "/credentials", "/events", "/card", "/settings", "/pacs")

    def door(asked: Asked) -> Reply | None:
        return Reply({}, 403) if any(word in asked.path for word in beside) else inner(asked)

    inner, system.door = system.door, door
    async with up(case, system.talk, authority) as port:
        found = await probing(engines, case, port).measure(60)
    assert {"deskwatch_access_users", "deskwatch_access_credentials"}.isdisjoint(s.metric for s in found.samples)


@each_kind
async def test_several_checks_ask_once_and_a_second_look_asks_anew(
    engines: Engines, authority: Authority, case: Case
) -> None:
    system = case.system()
    async with up(case, system.talk, authority) as port:
        all_doors, front = probing(engines, case, port), probing(engines, case, port, doors=["Front door"])
        await all_doors.measure(60)
        asked = len(system.asked)
        assert (await front.measure(60)).detail.count("door") >= 1
        assert len(system.asked) == asked
        await front.measure(60)
        assert len(system.asked) > asked


@each_kind
async def test_another_sign_in_is_another_system(engines: Engines, authority: Authority, case: Case) -> None:
    secret = {"access.unifi": "token", "access.kisi": "key"}.get(case.kind, "password")
    system = case.system()
    async with up(case, system.talk, authority) as port:
        await probing(engines, case, port).measure(60)
        refused = await ended(probing(engines, case, port, **{secret: "${env:WRONG}"}))
    assert refused.reason == "no_permission"


@each_kind
def test_settings_that_make_no_sense_are_refused(case: Case) -> None:
    params = load(case.kind).Params
    good = case.settings(1)
    params.model_validate(good)
    for wrong in ({"unlocked_hours": "often"}, {"doors": "Front"}, {"url": "ftp://x"}, {"url": "http://a:b@x"}):
        with pytest.raises(ValidationError):
            params.model_validate({**good, **wrong})
    for name in {"token", "key", "api_key", "client_secret"} & set(good):
        with pytest.raises(ValidationError, match="line break"):
            params.model_validate({**good, name: "${env:LINES}"})


async def test_a_source_lives_as_long_as_somebody_looks_at_it() -> None:
    async def look(_: float) -> View:
        return View((Door("A"),))

    sources = Sources()
    source = sources.of("key", lambda: look)
    assert sources.of("key", lambda: look) is source
    del source
    assert not len(sources._sources)


async def test_a_failed_look_is_shared_as_well() -> None:
    looks: list[float] = []

    async def look(deadline: float) -> View:
        looks.append(deadline)
        raise Failed("refused", "nobody is there")

    source, one, other = Source(look), asyncio.Event(), asyncio.Event()
    for who in (one, other, one):
        with pytest.raises(Failed, match="refused: nobody is there"):
            await source.view(who, 0)
    assert len(looks) == 2
