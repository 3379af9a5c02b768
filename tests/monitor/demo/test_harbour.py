"""Harbour Street as the real probes measure it, and the way to its faults from another terminal."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession

from monitor.config import Config, load
from monitor.demo import FAULTS, Demo, DemoError, Fault, running, trigger
from monitor.demo.control import SOCKET, ask
from monitor.reading import read
from probes import Reading, Status
from probes import load as load_kind
from probes._engines import Engines

DEADLINE = 20.0
"""Seconds after which a condition that a test waits for will not come true any more."""


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    async with Demo(tmp_path / "demo") as running_demo:
        yield running_demo


@pytest.fixture
async def engines() -> AsyncIterator[Engines]:
    opened = Engines()
    yield opened
    opened.close()


async def measure(config: Config, engines: Engines) -> dict[str, Reading]:
    """One reading of every check, by id."""
    probes = [(check, load_kind(check.kind)(check.params, engines)) for check in config.checks]
    readings = await asyncio.gather(*(read(check.id, probe, check.timeout) for check, probe in probes))
    return {reading.check: reading for reading in readings}


def troubles(readings: dict[str, Reading]) -> dict[str, tuple[Status, str]]:
    """What is not up, and why."""
    return {id: (one.status, one.reason) for id, one in readings.items() if one.status is not Status.UP}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.01)


async def test_everything_is_up_while_nothing_is_wrong(demo: Demo, engines: Engines) -> None:
    assert troubles(await measure(load(demo.config_path), engines)) == {}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
async def test_a_fault_is_found_by_its_checks_alone_and_leaves_nothing_behind(
    fault: Fault, demo: Demo, engines: Engines
) -> None:
    config = load(demo.config_path)
    await demo.begin(fault.id)
    assert demo.faults == (fault,)
    assert troubles(await measure(config, engines)) == dict.fromkeys(fault.checks, (Status.DOWN, fault.reason))
    await demo.end(fault.id)
    assert demo.faults == ()
    assert troubles(await measure(config, engines)) == {}


async def test_the_configuration_names_everything_that_a_message_needs(demo: Demo) -> None:
    config = load(demo.config_path)
    assert {asset.section for asset in config.assets} == {"uplinks", "wifi", "doors", "booking", "rooms"}
    assert all(asset.people and asset.affects and asset.remedy for asset in config.assets)
    assert all(check.interval == 5 for check in config.checks)
    assert [secret.get_secret_value() for secret in config.destinations.values()] == [demo.sink.url]


async def test_every_check_of_a_fault_exists(demo: Demo) -> None:
    ids = {check.id for check in load(demo.config_path).checks}
    assert {check for fault in FAULTS for check in fault.checks} <= ids


async def test_two_demos_run_side_by_side(tmp_path: Path, demo: Demo, engines: Engines) -> None:
    async with Demo(tmp_path / "other") as other:
        await other.begin("booking-down")
        assert demo.faults == ()


async def test_a_second_demo_in_the_same_folder_is_refused_and_the_first_goes_on(demo: Demo) -> None:
    with pytest.raises(DemoError, match="already running"):
        async with Demo(demo.folder):
            pass
    assert await running(demo.folder) == ()


async def test_a_fault_begins_and_ends_from_another_terminal(demo: Demo) -> None:
    await trigger(demo.folder, "door-offline", 0.2)
    assert [fault.id for fault in await running(demo.folder)] == ["door-offline"]
    await until(lambda: demo.faults == ())


async def test_a_fault_that_is_begun_again_lasts_from_then(demo: Demo) -> None:
    await trigger(demo.folder, "door-offline", 0.2)
    await trigger(demo.folder, "door-offline", 600)
    await trigger(demo.folder, "dns-silent", 0.4)
    await until(lambda: [fault.id for fault in demo.faults] == ["door-offline"])


async def test_a_fault_of_the_same_peer_replaces_the_one_before(demo: Demo) -> None:
    await demo.begin("booking-down")
    await demo.begin("certificate-expired")
    await demo.end("booking-down")
    assert [fault.id for fault in demo.faults] == ["certificate-expired"]


async def test_without_a_demo_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"no demo is running in .*; start one with `deskwatch demo`"):
        await trigger(tmp_path, "booking-down", 60)


async def test_an_unknown_fault_is_answered_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"no fault 'rain'; there are booking-down, "):
        await trigger(tmp_path, "rain", 60)


@pytest.mark.parametrize("seconds", [0, -1, 3601, float("nan")])
async def test_a_fault_of_no_sensible_length_is_refused(demo: Demo, seconds: float) -> None:
    with pytest.raises(DemoError, match="at most 3600 seconds"):
        await trigger(demo.folder, "booking-down", seconds)
    assert demo.faults == ()


@pytest.mark.parametrize("line", [b"nonsense\n", b"[]\n", b"\xff\xfe\n", b"", b"x" * 10_000 + b"\n"])
async def test_nonsense_at_the_entrance_is_answered_and_harms_nobody(demo: Demo, line: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(demo.folder / SOCKET)
    writer.write(line)
    writer.write_eof()
    assert "error" in json.loads(await reader.readline())
    writer.close()
    await writer.wait_closed()
    assert await running(demo.folder) == ()


async def test_a_request_that_is_none_is_refused_with_those_that_there_are(demo: Demo) -> None:
    with pytest.raises(DemoError, match='"do": "list"'):
        await ask(demo.folder, {"do": "dance"})


async def test_only_the_user_who_started_the_demo_can_reach_it(demo: Demo) -> None:
    assert stat.S_IMODE((demo.folder / SOCKET).stat().st_mode) == 0o600


async def test_the_end_leaves_no_socket_and_no_setting_behind(tmp_path: Path) -> None:
    before = dict(os.environ)
    async with Demo(tmp_path) as demo:
        await demo.begin_for("door-offline", 600)
    assert not (tmp_path / SOCKET).exists()
    assert dict(os.environ) == before


async def test_the_socket_of_a_demo_that_was_killed_is_no_obstacle(tmp_path: Path) -> None:
    dead = await asyncio.start_unix_server(lambda _reader, _writer: None, tmp_path / SOCKET)
    dead.close()
    await dead.wait_closed()
    assert (tmp_path / SOCKET).exists()
    async with Demo(tmp_path):
        assert await running(tmp_path) == ()


async def test_a_folder_that_cannot_be_made_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DemoError, match=r"cannot set up the demo in .*file"):
        async with Demo(tmp_path / "file"):
            pass


async def test_the_sink_keeps_the_newest_fifty_messages(demo: Demo) -> None:
    url = demo.sink.url.replace("json://", "http://")
    async with ClientSession() as session:
        for number in range(51):
            message = {"version": "1.0", "title": f"{number}", "message": "doors", "type": "failure"}
            async with session.post(url, json=message) as response:
                assert response.status == 200
        async with session.post(url, data=b"nonsense") as response:
            assert response.status == 400
    assert len(demo.sink.messages) == 50
    assert demo.sink.messages[-1] == {"title": "50", "message": "doors", "type": "failure"}
