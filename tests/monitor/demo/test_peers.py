"""The demo's devices by themselves: they keep strangers out, take no orders, and live by the clock."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientSession, TCPConnector
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.api import v2c

from monitor.config import load
from monitor.config.model import Check
from monitor.demo import Demo
from monitor.demo.peers.calendar import feed
from monitor.demo.peers.wifi import devices
from monitor.reading import read
from probes import Failed, Status
from probes import load as load_kind
from probes._engines import Engines
from probes._engines.snmp.engine import Library, SnmpEngine

AMPLE = 60.0
"""Seconds that only a failure of the test would last."""


@pytest.fixture
async def engines() -> AsyncIterator[Engines]:
    opened = Engines()
    yield opened
    opened.close()


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    async with Demo(tmp_path / "demo", port=1) as running:
        yield running


def check_of(demo: Demo, id: str) -> Check:
    (found,) = (check for check in load(demo.config_path).checks if check.id == id)
    return found


@pytest.mark.parametrize(
    ("secret", "check"),
    [
        ("access", "doors/unifi"),
        ("booking", "booking/platform"),
        ("codec", "room-harbour/codec"),
        ("display", "room-lighthouse/display"),
        ("projector", "room-harbour/projector"),
    ],
)
async def test_a_device_lets_nobody_in_who_has_another_password(
    secret: str, check: str, demo: Demo, engines: Engines
) -> None:
    path = demo.folder / "secrets" / secret
    path.write_text(path.read_text()[::-1].translate(str.maketrans("0123456789", "1234567890")))
    found = check_of(demo, check)
    reading = await read(check, load_kind(found.kind)(found.params, engines), AMPLE)
    assert (reading.status, reading.reason) == (Status.UNKNOWN, "no_permission")


@pytest.mark.parametrize(
    ("check", "order"), [("room-harbour/projector", "%1POWR 0"), ("room-lighthouse/display", "0x11 00")]
)
async def test_a_device_that_is_told_to_switch_off_refuses_and_remembers_it(
    check: str, order: str, demo: Demo, engines: Engines
) -> None:
    found = check_of(demo, check)
    probe = load_kind(found.kind)(found.params, engines)
    with pytest.raises(Failed, match="when it is told to switch"):
        await probe.switch(False, AMPLE)  # type: ignore[attr-defined]
    assert demo.orders == (order,)


async def test_a_service_that_is_written_to_refuses_and_remembers_it(demo: Demo) -> None:
    params = check_of(demo, "doors/unifi").params.model_dump()
    url = f"https://{params['host']}:{params['port']}/api/v1/developer/doors/door-1/unlock"
    async with ClientSession(connector=TCPConnector(ssl=False)) as session, session.put(url) as response:
        assert response.status == 403
    assert demo.orders == ("PUT /api/v1/developer/doors/door-1/unlock",)


async def test_an_snmp_agent_refuses_to_be_set_and_remembers_it(demo: Demo) -> None:
    params = check_of(demo, "ups/ups").params.model_dump()
    message = v2c.Message()
    v2c.apiMessage.set_defaults(message)
    v2c.apiMessage.set_community(message, params["community"].get_secret_value())
    pdu = v2c.SetRequestPDU()
    v2c.apiPDU.set_defaults(pdu)
    v2c.apiPDU.set_varbinds(pdu, [((1, 3, 6, 1, 2, 1, 1, 5, 0), v2c.OctetString("mine"))])
    v2c.apiMessage.set_pdu(message, pdu)
    loop = asyncio.get_running_loop()
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect((params["host"], params["port"]))
        await loop.sock_sendall(sock, encoder.encode(message))
        async with asyncio.timeout(AMPLE):
            answer, _ = decoder.decode(await loop.sock_recv(sock, 4096), asn1Spec=v2c.Message())
    assert int(v2c.apiPDU.get_error_status(v2c.apiMessage.get_pdu(answer))) == 17
    assert demo.orders == ("set 1.3.6.1.2.1.1.5.0",)


async def test_an_snmp_agent_does_not_answer_a_stranger_nor_nonsense(
    demo: Demo, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.reading.GRACE", AMPLE)  # so that it is not cut off before it says so
    demo.folder.joinpath("secrets", "snmp").write_text("public")
    found = check_of(demo, "ups/ups")
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(b"\x30\x80nonsense", (found.params.model_dump()["host"], found.params.model_dump()["port"]))
    reading = await read(found.id, load_kind(found.kind)(found.params, engines), 0.3)
    assert reading.reason == "no_answer"


@pytest.mark.parametrize("library", ["gufo", "pysnmp"])
async def test_an_snmp_agent_tells_both_libraries_the_same(library: Library, demo: Demo, engines: Engines) -> None:
    if library == "gufo":
        pytest.importorskip("gufo.snmp", exc_type=ImportError)
    engines.snmp = SnmpEngine(library)
    found = check_of(demo, "wifi-members/snmp")
    reading = await read(found.id, load_kind(found.kind)(found.params, engines), AMPLE)
    assert (reading.status, reading.value("deskwatch_wifi_access_points", "online")) == (Status.UP, 3)


def test_members_come_by_day_and_are_gone_by_night() -> None:
    zone = ZoneInfo("Europe/Lisbon")
    assert devices(datetime(2026, 3, 2, 3, tzinfo=zone)) < 5
    assert devices(datetime(2026, 3, 2, 15, tzinfo=zone)) > 50


@pytest.mark.parametrize("minutes", range(0, 1440, 97))
def test_one_room_is_booked_at_any_time_and_the_other_is_free_for_hours(minutes: int) -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(minutes=minutes)
    assert any(starts <= now < ends for starts, ends in booked("harbour", now))
    assert all(starts - now > timedelta(hours=3) for starts, _ in booked("lighthouse", now))


def booked(room: str, now: datetime) -> list[tuple[datetime, datetime]]:
    times = [datetime.fromisoformat(time) for time in re.findall(r"DT(?:START|END):(\S+)", feed(room, now))]
    return list(zip(times[::2], times[1::2], strict=True))
