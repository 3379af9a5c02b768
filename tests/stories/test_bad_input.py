"""Files, targets and disks that misbehave: each is named, none stops the service."""

import asyncio
import os
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from peers import require
from peers.ports import free_port
from stories.conftest import Deskwatch, Sink, Target, until


async def test_a_binary_file_as_configuration_is_one_clear_line_and_exit_status_1(deskwatch: Deskwatch) -> None:
    deskwatch.config.write_bytes(bytes(range(256)) * 40)
    code, output = await deskwatch.types("check", "site.yaml")
    assert code == 1
    assert "site.yaml" in output
    assert "Traceback" not in output


async def test_broken_yaml_names_the_line(deskwatch: Deskwatch) -> None:
    deskwatch.config.write_text("site:\n  id: a\n  name: [1, 2\nrooms: {\n")
    code, output = await deskwatch.types("run", "site.yaml")
    assert code == 1
    assert re.search(r"site\.yaml:[345]", output), output
    assert "Traceback" not in output


async def test_every_problem_of_a_file_is_reported_at_once(deskwatch: Deskwatch) -> None:
    text = deskwatch.config.read_text()
    text = (
        text.replace("interval: 1s", "intervall: 1s")
        .replace("internet.http", "internet.htp")
        .replace("Europe/Lisbon", "Mars/Base")
    )
    deskwatch.config.write_text(text)
    code, output = await deskwatch.types("check", "site.yaml")
    assert code == 1
    for word in ("`internet.http`", "Mars/Base"):
        assert word in output
    assert "3 problems" in output or "2 problems" in output


async def test_5000_checks_in_one_file_are_watched(deskwatch: Deskwatch, target: Target) -> None:
    check = "{{kind: internet.tcp, host: 127.0.0.1, port: {1}, interval: 60s}}"
    asset = "  - {{id: shop-{0}, name: Shop {0}, checks: [" + check + "]}}\n"
    port = target.address.rpartition(":")[2]
    deskwatch.config.write_text(
        deskwatch.config.read_text() + "services:\n" + "".join(asset.format(n, port) for n in range(5000))
    )
    await deskwatch.start()

    async def measured() -> bool:
        status, body = await deskwatch.get("/metrics")
        return status == 200 and body.count('probe_success{asset="shop-') > 300

    await until(measured, "some hundred of the 5,000 checks")
    await until(deskwatch.is_ready, "the service to be ready")


async def test_targets_that_stall_flood_or_talk_garbage_leave_the_other_checks_alone(
    deskwatch: Deskwatch, target: Target, silent: int, flood: int, noise: int
) -> None:
    check = "  - {{id: {0}, name: {0}, checks: [{{{1}, interval: 2s, timeout: 1s, confirm: {{times: 0}}}}]}}\n"
    deskwatch.config.write_text(
        deskwatch.config.read_text()
        + "services:\n"
        + check.format("silent", f"kind: internet.http, url: 'http://127.0.0.1:{silent}/'")
        + check.format("flood", f"kind: internet.http, url: 'http://127.0.0.1:{flood}/'")
        + check.format("noise", f"kind: internet.http, url: 'http://127.0.0.1:{noise}/'")
        + check.format("mute-panel", f"kind: internet.tcp, host: 127.0.0.1, port: {silent}, steps: [{{expect: OK}}]")
    )
    await deskwatch.start()

    async def judged() -> bool:
        metrics = (await deskwatch.get("/metrics"))[1]
        downs = set(re.findall(r'probe_success\{asset="([a-z-]+)".*\} 0\.0', metrics))
        ups = set(re.findall(r'probe_success\{asset="([a-z-]+)".*\} 1\.0', metrics))
        return (downs, ups) == ({"silent", "flood", "noise", "mute-panel"}, {"booking-system"})

    await until(judged, "the four to be down and the booking system to be up")
    await until(deskwatch.is_ready, "the service to be ready")
    pid = deskwatch.process and deskwatch.process.pid
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    assert pages * os.sysconf("SC_PAGESIZE") < 300e6, "the endless body must not end up in memory"


async def test_a_full_disk_is_said_and_survived_and_the_alert_comes_when_there_is_room(
    deskwatch: Deskwatch, target: Target, sink: Sink, small_disk: Path
) -> None:
    deskwatch.config.write_text(
        deskwatch.config.read_text() + f"storage: {{url: 'sqlite:///{small_disk}/state/deskwatch.db'}}\n"
    )
    await deskwatch.start()
    await until(deskwatch.is_ready, "a healthy start")
    filler = small_disk / "filler"
    _fill(filler)
    target.status = 503

    async def cannot_write() -> bool:
        status, body = await deskwatch.get("/-/ready")
        return status == 503 and str(small_disk) in body

    await until(cannot_write, "the service to say that it cannot write there")
    assert not any("Booking" in title for title in sink.titles())
    await until(lambda: _told(sink, "cannot record"), "the alarm that nothing can be recorded", 60)

    filler.unlink()
    await until(deskwatch.is_ready, "the service to recover")
    await until(lambda: _told(sink, "Critical: Booking system is down"), "the alert")
    code, output = await deskwatch.types("incidents", "list", "--json")
    assert code == 0
    assert output.count('"asset": "booking-system"') == 1


@pytest.fixture
async def silent() -> AsyncIterator[int]:
    """Accepts and never answers."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async for port in _listen(serve):
        yield port


@pytest.fixture
async def flood() -> AsyncIterator[int]:
    """Answers with a body that never ends."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
        except ConnectionError:
            writer.close()

    async for port in _listen(serve):
        yield port


@pytest.fixture
async def noise() -> AsyncIterator[int]:
    """Answers with what is no HTTP."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x00\xff\x1b[31m" * 100)
        writer.close()

    async for port in _listen(serve):
        yield port


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    require.root()
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


async def _listen(serve: object) -> AsyncIterator[int]:
    port = free_port()
    server = await asyncio.start_server(serve, "127.0.0.1", port)  # type: ignore[arg-type]
    yield port
    server.close()


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


async def _told(sink: Sink, words: str) -> bool:
    return any(words in title for title in sink.titles())
