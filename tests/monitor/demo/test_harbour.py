"""Harbour Street as the real probes measure it, and the way to its faults from another terminal."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest
from aiohttp import ClientSession, web

from alerting.rules import Rule, State, step
from monitor.config import Config, load
from monitor.config.model import Check
from monitor.demo import FAULTS, Demo, DemoError, Fault, running, trigger
from monitor.demo.control import SOCKET, ask
from monitor.reading import read
from probes import Reading, Status
from probes import load as load_kind
from probes._engines import Engines
from probes._engines.pings import Ping, digest

DEADLINE = 60.0
"""Seconds after which a condition that a test waits for will not come true any more."""
LOOKS = 10
"""How often a figure is looked at again that should be better."""
SILENT = ("timeout", "blocked", "malformed")
"""Reasons of checks that wait for an answer until their time is up; all others are given as long as they need."""


@pytest.fixture(autouse=True)
def _no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe whose time is up says so itself, however late this machine notices; whoever gives orders is heard out."""
    monkeypatch.setattr("monitor.reading.GRACE", DEADLINE)
    monkeypatch.setattr("monitor.demo.control.PATIENCE", DEADLINE)


@pytest.fixture
async def engines() -> AsyncIterator[Engines]:
    opened = Engines()
    yield opened
    opened.close()


@pytest.fixture
async def demo(tmp_path: Path, engines: Engines) -> AsyncIterator[Demo]:
    """A demo whose backup reaches the engines, as it reaches the board."""

    async def hear(request: web.Request) -> web.Response:
        ping = Ping(request.match_info.get("what", "success"))
        engines.pings.take(digest(request.match_info["key"]), ping, None, datetime.now(UTC))
        return web.Response()

    board = web.Application()
    board.add_routes([web.post(path, hear) for path in ("/ping/{key}", "/ping/{key}/{what}")])
    runner = web.AppRunner(board, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with Demo(tmp_path / "demo", runner.addresses[0][1]) as running_demo:
        yield running_demo
    await runner.cleanup()


async def measure(
    config: Config, engines: Engines, down: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Reading]:
    """One reading of every check, by id: first of those that measure, then of those that judge what these found.

    `down` are the reasons of those that will be down.
    """
    judging = [check for check in config.checks if not load_kind(check.kind).on_demand]
    measuring = [check for check in config.checks if check not in judging]
    for checks in (measuring, judging):
        looks = (look(check, engines, is_silent=down.get(check.id) in SILENT) for check in checks)
        for reading in await asyncio.gather(*looks):
            engines.latest.take(reading)
    return dict(engines.latest.readings)


async def look(check: Check, engines: Engines, *, is_silent: bool = False) -> Reading:
    probe = load_kind(check.kind)(check.params, engines)
    probe.check = check.id
    return await read(check.id, probe, check.timeout if is_silent else DEADLINE)


def troubles(readings: dict[str, Reading]) -> dict[str, str]:
    """What is not up, and why."""
    return {id: one.reason for id, one in readings.items() if one.status is not Status.UP}


async def opened(
    config: Config, engines: Engines, readings: dict[str, Reading], expected: Collection[str] = ()
) -> set[str]:
    """The rules about figures that checks open which are up, if they go on like that."""
    working = [check for check in config.checks if readings[check.id].status is Status.UP]
    rules = {f"{check.id} {rule.id}": (check, rule) for check in working for rule in check.rules if rule.metric}
    found = {name: one for name, one in rules.items() if opens(one[1], readings[one[0].id])}
    return {name for name, one in found.items() if name in expected or await lasts(*one, engines)}


async def lasts(check: Check, rule: Rule, engines: Engines) -> bool:
    """Whether the rule opens however often the check is looked at: this machine may have been slow once."""
    for _ in range(LOOKS):
        if not opens(rule, await look(check, engines)):
            return False
    return True


def opens(rule: Rule, reading: Reading) -> bool:
    at_once = replace(rule, times=1, window=1)
    return step(at_once, State(), reading, reading.at, lambda: "episode").turned is not None


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.01)


async def heard(demo: Demo, engines: Engines, *, failed: bool) -> None:
    """Wait until the backup has told how it went."""
    key = digest(demo.folder.joinpath("secrets", "heartbeat").read_text(encoding="utf-8"))
    await until(lambda: engines.pings.of(key).ended is not None and engines.pings.of(key).failed is failed)


async def test_everything_is_up_while_nothing_is_wrong_and_nobody_gives_orders(demo: Demo, engines: Engines) -> None:
    config = load(demo.config_path)
    await heard(demo, engines, failed=False)
    readings = await measure(config, engines)
    assert (troubles(readings), await opened(config, engines, readings)) == ({}, set())
    assert demo.orders == ()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
async def test_a_fault_is_found_by_its_checks_alone(fault: Fault, demo: Demo, engines: Engines) -> None:
    config = load(demo.config_path)
    await demo.begin(fault.id)
    assert demo.faults == (fault,)
    await heard(demo, engines, failed=fault.id == "backup-fails")
    readings = await measure(config, engines, fault.down)
    assert troubles(readings) == fault.down
    assert await opened(config, engines, readings, fault.rules) == set(fault.rules)


async def test_faults_leave_nothing_behind(demo: Demo, engines: Engines) -> None:
    config = load(demo.config_path)
    for fault in FAULTS:
        await demo.begin(fault.id)
        await demo.end(fault.id)
    await heard(demo, engines, failed=False)
    readings = await measure(config, engines)
    assert (demo.faults, troubles(readings), await opened(config, engines, readings)) == ((), {}, set())


async def test_the_configuration_names_everything_that_a_message_needs(demo: Demo) -> None:
    config = load(demo.config_path)
    sections = {"uplinks", "wifi", "doors", "booking", "rooms", "equipment", "services"}
    assert {asset.section for asset in config.assets} == sections
    assert all(asset.people and asset.affects and asset.remedy for asset in config.assets)
    assert all(check.interval <= 15 for check in config.checks)
    assert [secret.get_secret_value() for secret in config.destinations.values()] == [demo.sink.url]


async def test_the_configuration_holds_no_secret_and_their_files_are_for_the_user_alone(demo: Demo) -> None:
    text = demo.config_path.read_text(encoding="utf-8")
    files = [*demo.folder.joinpath("secrets").iterdir()]
    assert len(files) == 10
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert [file.name for file in files if f"'{file.read_text()}'" in text or f" {file.read_text()}\n" in text] == []


async def test_what_the_readme_shows_of_the_start_is_so(demo: Demo) -> None:
    config = load(demo.config_path)
    readme = Path(__file__).parents[3].joinpath("README.md").read_text(encoding="utf-8")
    assert f"Watching Harbour Street: {len(config.assets)} assets, {len(config.checks)} checks\n" in readme


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
    await trigger(demo.folder, "door-offline", 600)
    assert [fault.id for fault in await running(demo.folder)] == ["door-offline"]
    await trigger(demo.folder, "door-offline", 0.2)
    await until(lambda: demo.faults == ())


async def test_a_fault_that_is_begun_again_lasts_from_then(demo: Demo) -> None:
    await trigger(demo.folder, "door-offline", 0.2)
    await trigger(demo.folder, "door-offline", 600)
    await trigger(demo.folder, "dns-silent", 0.4)
    await until(lambda: [fault.id for fault in demo.faults] == ["door-offline"])


async def test_a_fault_of_the_same_device_replaces_the_one_before(demo: Demo) -> None:
    await demo.begin("booking-down")
    await demo.begin("certificate-expired")
    await demo.end("booking-down")
    assert [fault.id for fault in demo.faults] == ["certificate-expired"]


async def test_without_a_demo_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"no demo is running in .*; start one with `deskwatch demo`"):
        await trigger(tmp_path, "booking-down", 60)


async def test_an_unknown_fault_is_answered_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"no fault 'rain'; there are access-point-lost, "):
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
