"""How every kind that asks a web API ends when that answers, and yet does not tell what it is asked."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from peers.certificates import Authority, Issued, authority
from peers.confidants import CONFIDANTS, Come
from peers.impostors import Ended, Imposture, amiss, ended
from peers.outages import OUTAGES, Outage
from peers.stage import Settings, Stage
from peers.tcp import Talk
from peers.web_api import WebApi

from probes import Failed, Measured, Unmeasured, load

__all__ = ["authority"]

OWN_TESTS = {
    "access.controller": "asks over SNMP",
    "access.credentials": "compares two systems",
    "booking.calendar_feed": "asks for a calendar",
    "booking.portal": "asks for web pages",
    "equipment.device": "asks over SNMP",
    "equipment.interfaces": "asks over SNMP",
    "equipment.nut": "has a protocol of its own",
    "equipment.printer": "asks over SNMP",
    "equipment.ups": "asks over SNMP",
    "internet.fortigate": "asks over SNMP",
    "internet.http": "asks for a web page",
    "internet.peplink": "asks over SNMP",
    "passive.heartbeat": "waits to be called",
    "passive.mqtt": "asks over MQTT",
    "passive.plugin": "runs a program",
    "passive.promql": "knows nothing whatever its source answers",
    "rooms.bravia": "is asked before any sign-in",
    "rooms.cisco_roomos": "asks in XML",
    "rooms.extron": "has a protocol of its own",
    "rooms.pjlink": "has a protocol of its own",
    "rooms.readiness": "looks at other checks",
    "rooms.samsung_mdc": "has a protocol of its own",
    "wifi.radius": "asks over UDP",
    "wifi.snmp": "asks over SNMP",
}
"""The kinds with secrets that are not looked at here, and why; one without secrets asks no web API."""

APIS: Mapping[str, Come] = {kind: come for kind, come in CONFIDANTS.items() if kind not in OWN_TESTS}

SOURCES = {"internet.meraki", "rooms.zoom", "wifi.meraki"}
"""The kinds that ask others about their target: when these fail, nothing is known about it."""

SIGN_INS = ("/token", "/login", "/userlogin.html", "/api/info", "/v1/account")
"""How the paths end at which the kinds sign in, or find out whether they may."""


def is_right(kind: str, outage: Outage, end: Ended) -> bool:
    """Whether that is how the kind ends; what is known of one whose source fails is nothing."""
    if kind in SOURCES and outage.raises is Failed:
        return isinstance(end, Unmeasured) and end.reason == "no_source"
    return isinstance(end, outage.raises) and end.reason == outage.reason


def is_special(kind: str, outage: Outage) -> bool:
    """Whether the answer means something else to that kind, which its own tests look at."""
    match kind:
        case "access.brivo" | "access.kisi" | "access.salto_ks" | "internet.mikrotik" | "wifi.meraki":
            return outage.reply.document == []  # there is nothing to list
        case "rooms.crestron" | "wifi.omada":
            return outage.raises is Failed and outage.reason != "body_too_large"  # who is not let in gets a web page
        case "wifi.unifi":
            return outage.reason == "body_too_large"  # it reads longer lists than others
    return False


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


def test_the_kinds_that_are_not_looked_at_here_have_their_reasons() -> None:
    assert set(OWN_TESTS) <= set(CONFIDANTS)


@pytest.mark.parametrize("spared", [(), SIGN_INS], ids=["at-once", "once-signed-in"])
@pytest.mark.parametrize("outage", OUTAGES, ids=lambda outage: f"{outage.reason}-{outage.reply.status}")
async def test_whatever_it_answers_is_told_as_it_is(
    stack: AsyncExitStack, authority: Authority, tmp_path: Path, outage: Outage, spared: tuple[str, ...]
) -> None:
    stage = Imposture(stack, authority, tmp_path, instead=amiss(outage.reply, spared))
    kinds = [kind for kind in APIS if not is_special(kind, outage)]
    found = {kind: await ended(APIS[kind], kind, stage) for kind in kinds}
    assert {kind: end for kind, end in found.items() if not is_right(kind, outage, end)} == {}


class Misnaming(Authority):
    """Issues certificates for another name than the one it is asked for."""

    def issue(self, *_: Any, **__: Any) -> Issued:
        return super().issue(["elsewhere.test"])


def with_(come: Come, **changed: Any) -> Come:
    """The same peer, and other settings."""

    async def changing(stage: Stage) -> Settings:
        return {**await come(stage), **changed}

    return changing


async def test_only_who_shows_the_right_certificate_is_told_the_secrets(
    stack: AsyncExitStack, authority: Authority, tmp_path: Path
) -> None:
    secured = {kind: come for kind, come in APIS.items() if "ca_file" in await come(Stage(stack, authority, tmp_path))}
    assert len(secured) > 9
    met: list[WebApi] = []

    def noting(talk: Talk) -> Talk:
        met.append(talk.__self__)  # type: ignore[attr-defined]
        return talk

    good = Imposture(stack, authority, tmp_path, instead=noting)
    misnamed = Imposture(stack, Misnaming(tmp_path, "Misnaming"), tmp_path, instead=noting)
    for kind, come in secured.items():
        met.clear()
        strange = await ended(with_(come, ca_file=""), kind, good), await ended(come, kind, misnamed)
        assert all(isinstance(end, Failed | Unmeasured) for end in strange), kind
        if kind not in SOURCES:
            reasons = [getattr(end, "reason", "") for end in strange]
            assert reasons == ["certificate_untrusted", "certificate_wrong_name"], kind
        assert not any(api.asked for api in met), kind
        if "tls_verify" in load(kind).Params.model_fields:
            assert isinstance(await ended(with_(come, ca_file="", tls_verify=False), kind, good), Measured), kind
            assert met[-1].asked, kind
