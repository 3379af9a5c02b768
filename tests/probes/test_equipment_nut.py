"""equipment.nut against NUT's own server with simulated UPSes, and against servers that misbehave."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from peers.nut import upsd
from pydantic import ValidationError

from monitor.reading import read
from probes import Reading, Status, load
from probes._engines import Engines
from probes.equipment.nut import Nut, NutParams, state

SOUND = {
    "ups.status": "OL CHRG",
    "ups.load": "23",
    "ups.test.result": "Done and passed",
    "battery.charge": "90",
    "battery.runtime": "1240",
    "battery.temperature": "25.5",
    "battery.voltage": "27.4",
    "output.voltage": "230.1",
    "input.frequency": "49.9",
    "ups.realpower": "184",
    "input.voltage": "231.0",
    "ups.mfr": 'Peers "and" Co.',
}
BATTERY = SOUND | {"ups.status": "OB DISCHRG LB RB", "input.voltage": "0", "battery.runtime": "120"}


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", 's3"cret')


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    off, starting = SOUND | {"ups.status": "OFF"}, {"ups.status": "WAIT"}
    upses = {"office": SOUND, "rack": BATTERY, "off": off, "starting": starting, "unplugged": None}
    with upsd(tmp_path_factory.mktemp("nut"), upses) as port:
        yield port


@asynccontextmanager
async def saying(answer: bytes | None) -> AsyncIterator[int]:
    """A server that says the same whatever it is asked, and hangs up; with None it listens in silence."""
    visits: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.add(asyncio.current_task())
        with suppress(ConnectionError):
            await (reader.read() if answer is None else reader.readline())
            writer.write(answer or b"")
            await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]
        await asyncio.gather(*(visit for visit in visits if visit))


async def measured(port: int, timeout: float = 60, **settings: Any) -> Reading:
    engines = Engines()
    try:
        return await read("ups/nut", Nut(NutParams(host="127.0.0.1", port=port, **settings), engines), timeout)
    finally:
        engines.close()


def figures(reading: Reading) -> dict[str, float]:
    return {sample.metric.removeprefix("deskwatch_ups_"): sample.value for sample in reading.samples}


class TestARealServer:
    async def test_shows_a_ups_on_mains(self, server: int) -> None:
        reading = await measured(server, ups="office")
        assert reading.status is Status.UP, reading.detail
        assert reading.detail == f"office@127.0.0.1:{server}: on mains, charged to 90%, would last 21 min, load 23%"
        assert figures(reading) == {
            "on_battery": 0,
            "input_volts": 231,
            "input_lost": 0,
            "runtime_seconds": 1240,
            "charge_ratio": 0.9,
            "load_ratio": 0.23,
            "battery_low": 0,
            "replace_battery": 0,
            "on_bypass": 0,
            "overloaded": 0,
            "test_failed": 0,
            "battery_celsius": 25.5,
            "battery_volts": 27.4,
            "output_volts": 230.1,
            "input_hertz": 49.9,
            "output_watts": 184,
        }

    async def test_shows_a_ups_on_its_battery_as_up_with_findings(self, server: int) -> None:
        reading = await measured(server, ups="rack")
        assert reading.status is Status.UP
        assert "on battery, charged to 90%, 2 min left" in reading.detail
        found = figures(reading)
        assert [found[name] for name in ("on_battery", "input_lost", "battery_low", "replace_battery")] == [1, 1, 1, 1]

    async def test_shows_a_ups_that_is_off_as_down(self, server: int) -> None:
        reading = await measured(server, ups="off")
        assert (reading.status, reading.reason) == (Status.DOWN, "output_off")

    async def test_whose_driver_is_starting_tells_nothing_yet(self, server: int) -> None:
        reading = await measured(server, ups="starting")
        assert (reading.status, reading.reason) == (Status.UNKNOWN, "no_source")

    async def test_that_lost_its_ups_is_down(self, server: int) -> None:
        reading = await measured(server, ups="unplugged")
        assert (reading.status, reading.reason) == (Status.DOWN, "ups_lost")
        assert "USB cable" in reading.detail

    async def test_without_such_a_ups_tells_nothing_of_one(self, server: int) -> None:
        reading = await measured(server, ups="cellar")
        assert (reading.status, reading.reason) == (Status.UNKNOWN, "no_source")
        assert "upsc -l" in reading.detail

    async def test_with_several_wants_to_know_which(self, server: int) -> None:
        reading = await measured(server)
        assert (reading.status, reading.reason) == (Status.UNKNOWN, "no_source")
        assert all(name in reading.detail for name in ("office", "rack", "off", "unplugged"))

    async def test_takes_a_user_and_a_password(self, server: int) -> None:
        reading = await measured(server, ups="office", username="desk", password="${env:PASSWORD}")
        assert reading.status is Status.UP, reading.detail


async def test_a_server_with_one_ups_need_not_be_told_which(tmp_path_factory: pytest.TempPathFactory) -> None:
    with upsd(tmp_path_factory.mktemp("nut"), {"only": SOUND}) as port:
        reading = await measured(port)
    assert reading.detail.startswith("only@"), reading.detail


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"ERR DATA-STALE\n", "ups_lost"),
        (b"ERR ACCESS-DENIED\n", "auth_failed"),
        (b"ERR UNKNOWN-COMMAND\n", "unexpected"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "unexpected"),
        (b"BEGIN LIST VAR office\nVAR office\n", "unexpected"),
        (b"BEGIN LIST VAR office\n" + b'VAR office ups.load "1"\n' * 2000, "unexpected"),
        (b"x" * 100_000, "unexpected"),
        (b"ERR \n", "unexpected"),
        (b"BEGIN LIST VAR office\n", "closed"),
        (b"", "closed"),
    ],
)
async def test_a_server_that_tells_nothing_of_use_is_down(answer: bytes, reason: str) -> None:
    async with saying(answer) as port:
        reading = await measured(port, ups="office")
    assert (reading.status, reading.reason) == (Status.DOWN, reason), reading.detail


@pytest.mark.parametrize(
    ("status", "on_battery"),
    [
        ("OL", False),
        ("OL TRIM", False),
        ("OB", True),
        ("OB CAL", False),
        ("BYPASS", False),
        ("OL TEST DISCHRG", False),
        ("WAIT", None),
    ],
)
def test_only_an_outage_counts_as_on_battery(status: str, on_battery: bool | None) -> None:
    assert state({"ups.status": status}).on_battery is on_battery


def test_a_failed_self_test_is_a_finding() -> None:
    assert state({"ups.test.result": "Battery test failed"}).test_failed
    assert state({}).test_failed is None


def test_three_lines_are_as_good_as_their_best() -> None:
    lines = {f"input.L{line}-N.voltage": volts for line, volts in ((1, "230.4"), (2, "0.0"), (3, "nan"))}
    assert state(lines).input_volts == 230.4


def test_it_measures_and_judges_what_the_kind_over_snmp_does() -> None:
    other = load("equipment.ups")
    assert (Nut.metrics, Nut.rules) == (other.metrics, other.rules)


def test_a_target_may_name_the_ups() -> None:
    assert NutParams.of_target("office@nas.example.com") == {"host": "nas.example.com", "ups": "office"}
    assert NutParams.of_target("nas.example.com") == {"host": "nas.example.com", "ups": ""}


@pytest.mark.parametrize(
    ("settings", "remedy"),
    [
        ({"username": "desk"}, "need each other"),
        ({"username": "desk", "password": "plain"}, "use \\${env:NAME}"),
        ({"ups": "a\nLOGOUT"}, "match pattern"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], remedy: str) -> None:
    with pytest.raises(ValidationError, match=remedy):
        NutParams(host="nas.example.com", **settings)


def test_a_password_of_several_lines_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "one\ntwo")
    with pytest.raises(ValidationError, match="one line"):
        NutParams(host="nas.example.com", username="desk", password="${env:PASSWORD}")
