"""internet.throughput against speed test servers, real and rebuilt, over lines that are as fast as a test wants."""

import asyncio
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from peers import require
from peers.calm import undisturbed
from peers.certificates import Authority, authority
from peers.ports import free_port
from peers.service import until
from peers.slow_line import line, payload
from peers.speed import SpeedServer, listener, serving
from peers.tcp import answering, http
from peers.tcp import serving as talking
from pydantic import ValidationError

from monitor.reading import read
from probes import Reading, Sample, Status
from probes._engines import Engines
from probes._engines.transfer.gates import UTILISATION
from probes.internet.throughput import Throughput, ThroughputParams

__all__ = ["authority"]

QUICK: dict[str, Any] = {"down": 1, "up": 1, "grace": 0.1, "length": 0.5}
PACED = 2_000_000  # bytes a second of one connection
MOST_ON_THE_WAY = 4 * 2**20  # bytes that were sent and have not been read: what the buffers between hold
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

RATE = "deskwatch_throughput_bits_per_second"
RATIO = "deskwatch_throughput_contract_ratio"
BYTES = "deskwatch_throughput_bytes"
LATENCY = "deskwatch_throughput_latency_seconds"
INCREASE = "deskwatch_throughput_latency_increase_seconds"
RPM = "deskwatch_throughput_responsiveness_rpm"

NGINX = """
daemon off; worker_processes 1; user root; pid {folder}/pid; error_log {folder}/error.log; events {{}}
http {{
  access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e; client_max_body_size 1g;
  server {{
    listen {port}; root {folder}/www;
    location = /up {{ return 204; }}
    location /small {{ client_max_body_size 1m; root {folder}/uploads; }}
  }}
}}
"""


def throughput(engines: Engines | None = None, **settings: Any) -> Throughput:
    probe = Throughput(ThroughputParams(**{**QUICK, **settings}), engines or Engines())
    probe.check = "fibre/throughput"
    return probe


async def reading(engines: Engines | None = None, timeout: float = 60, **settings: Any) -> Reading:
    """What is found while nothing holds up this machine, which has the server, the line and the probe."""
    return await undisturbed(lambda: once(engines, timeout, **settings))


async def once(engines: Engines | None = None, timeout: float = 60, **settings: Any) -> Reading:
    return await read("fibre/throughput", throughput(engines, **settings), timeout)


def told(check: str, metric: str, value: float, at: datetime | None = None) -> Reading:
    return Reading(check, at or datetime.now(UTC), 0.1, Status.UP, "ok", "", (Sample(metric, value, "x"),))


@contextmanager
def nginx(folder: Path, port: int, *inside: str) -> Iterator[None]:
    """A real nginx with a large file and places to upload to; `inside` is what its command line begins with."""
    (folder / "www").mkdir()
    with (folder / "www" / "large.bin").open("wb") as file:
        file.truncate(100_000_000)
    (folder / "conf").write_text(NGINX.format(folder=folder, port=port))
    command = [*inside, require.program("nginx"), "-e", str(folder / "start.log"), "-c", str(folder / "conf")]
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.terminate()


async def accepting(host: str, port: int) -> None:
    """Wait until somebody listens."""

    async def answers() -> bool:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            return False
        writer.close()
        return True

    await until(answers, f"a server on port {port}")


def test_it_measures_a_line_within_five_percent_and_sees_its_bloated_queues() -> None:
    with line(down="40mbit", up="20mbit") as (home, far, address):

        async def listening() -> socket.socket:
            return listener(address, 4 * 2**20)

        there = far.run(listening)

        async def work() -> Reading:
            async with serving(SpeedServer(), there) as url:
                contract = {"down": "40 Mbit/s", "up": "100 Mbit/s"}
                return await reading(url=url, down=4, up=2, grace=0.8, length=1.2, contract=contract)

        found = home.run(work)
    assert found.status is Status.UP, found.detail
    assert found.value(RATE, "down") == pytest.approx(payload(40e6), rel=0.05)
    assert found.value(RATE, "up") == pytest.approx(payload(20e6), rel=0.05)
    assert found.value(RATIO, "up") == pytest.approx(payload(0.2), rel=0.05)
    assert found.detail.startswith("upload 1")  # what keeps least of its promise comes first
    assert "19 % of the contract" in found.detail
    for direction in ("down", "up"):
        assert (found.value(INCREASE, direction) or 0) > 0.1
        assert (found.value(RPM, direction) or 1e9) < 600
        assert (found.value(LATENCY, f"{direction} p95") or 0) >= (found.value(LATENCY, f"{direction} median") or 1)
    assert (found.value(LATENCY, "idle median") or 1) < 0.1


def test_it_measures_against_a_plain_nginx(tmp_path: Path) -> None:
    require.program("nginx")
    with line(down="20mbit", up="20mbit") as (home, far, address):
        inside = ("ip", "netns", "exec", far.name)
        with nginx(tmp_path, 8080, *inside):

            async def work() -> Reading:
                await accepting(address, 8080)
                url = f"http://{address}:8080"
                streams: dict[str, Any] = {"down": 2, "up": 2, "grace": 0.8, "length": 0.8}
                return await reading(server="http", url=f"{url}/large.bin", upload_url=f"{url}/up", **streams)

            found = home.run(work)
    assert found.status is Status.UP, found.detail
    assert found.value(RATE, "down") == pytest.approx(payload(20e6), rel=0.1)
    assert found.value(RATE, "up") == pytest.approx(payload(20e6), rel=0.1)
    assert found.value(LATENCY, "idle median") is not None


async def test_nginx_that_takes_no_large_uploads_is_said_to(tmp_path: Path) -> None:
    port = free_port()
    with nginx(tmp_path, port):
        await accepting("127.0.0.1", port)
        url = f"http://127.0.0.1:{port}"
        found = await reading(server="http", url=f"{url}/large.bin", upload_url=f"{url}/small/x", down=0, up=2)
    assert (found.status, found.reason) == (Status.DOWN, "refused_upload")
    assert "21 MB; raise its limit, or lower upload_size" in found.detail


@pytest.mark.parametrize(
    ("style", "paths"), [("php", ("/backend/garbage.php", "/backend/empty.php")), ("go", ("/garbage", "/empty"))]
)
async def test_it_finds_the_paths_of_librespeed(style: str, paths: tuple[str, str]) -> None:
    async def measured() -> tuple[SpeedServer, Reading]:
        server = SpeedServer(style, PACED)
        async with serving(server) as url:
            return server, await once(url=url, source="127.0.0.1")

    server, found = await undisturbed(measured)
    assert found.status is Status.UP, found.detail
    assert f"GET {paths[0]}?ckSize=256" in server.asked
    assert f"POST {paths[1]}" in server.asked
    assert (found.value(RATE, "down") or 0) > 0
    assert 0 < server.received <= (found.value(BYTES, "up") or 0) <= server.received + MOST_ON_THE_WAY


async def test_it_leaves_by_the_source_of_the_uplink() -> None:
    server = SpeedServer("go", PACED)
    async with serving(server) as url:
        found = await reading(url=url, source="127.0.0.9", up=0)
    assert found.status is Status.UP, found.detail
    assert server.visitors == {"127.0.0.9"}


async def test_an_interface_that_this_machine_lacks_is_no_fault_of_the_line() -> None:
    found = await reading(url="http://127.0.0.1:1", interface="nope0")
    assert (found.status, found.reason) == (Status.UNKNOWN, "no_network")


async def test_a_responsiveness_server_names_its_addresses() -> None:
    server = SpeedServer("nq", PACED)
    async with serving(server) as url:
        found = await reading(server="responsiveness", url=url)
    assert found.status is Status.UP, found.detail
    assert {"GET /large", "GET /small", "POST /slurp"} <= set(server.asked)
    assert (found.value(RPM, "down") or 0) > 0


async def test_over_tls_the_certificate_must_be_trusted(authority: Authority) -> None:
    server = SpeedServer("nq", PACED)
    async with serving(server, tls=authority.issue().context()) as url:
        trusted = await reading(server="responsiveness", url=url, ca_file=str(authority.file))
        stranger = await reading(server="responsiveness", url=url)
    assert trusted.status is Status.UP, trusted.detail
    assert (trusted.value(RPM, "up") or 0) > 0
    assert (stranger.status, stranger.reason) == (Status.DOWN, "certificate_untrusted")


async def test_one_upload_after_the_other_goes_over_the_same_connection() -> None:
    async def upload() -> tuple[SpeedServer, Reading]:
        server = SpeedServer("go", PACED)
        async with serving(server) as url:
            return server, await once(url=url, down=0, upload_size=100_000)

    server, found = await undisturbed(upload)
    assert found.status is Status.UP, found.detail
    assert len([asked for asked in server.asked if asked.startswith("POST")]) > 2
    assert len(server.uploaders) == 1


FAULTS: list[tuple[dict[str, Any], Status, str, str]] = [
    ({"breaks_after": 50_000}, Status.DOWN, "reset", "closed the connection before the answer was complete"),
    ({"stalls_after": 50_000}, Status.DOWN, "stalled", "download: it stood still for the last"),
    ({"empty": True}, Status.DOWN, "no_transfer", "download: the server ended it after 0 bytes"),
    ({"status": 500}, Status.DOWN, "wrong_status", "download: the server answered with status 500"),
    ({"status": 503}, Status.UNKNOWN, "no_source", "download: the server is busy with others"),
    ({"status": 429}, Status.UNKNOWN, "throttled", "download: the server wants to be asked less often"),
    ({"style": "none"}, Status.DOWN, "no_speed_test", "neither the paths of LibreSpeed in PHP nor those in Go"),
]


@pytest.mark.parametrize(("fault", "status", "reason", "words"), FAULTS, ids=[fault[2] for fault in FAULTS])
async def test_a_server_that_fails_is_named(fault: dict[str, Any], status: Status, reason: str, words: str) -> None:
    async with serving(SpeedServer(**{"rate": PACED, **fault})) as url:
        found = await reading(url=url, up=0)
    assert (found.status, found.reason) == (status, reason), found.detail
    assert words in found.detail


async def test_what_was_measured_before_a_refused_upload_is_kept() -> None:
    async with serving(SpeedServer("php", PACED, most_upload=1_000_000)) as url:
        found = await reading(url=url)
    assert (found.status, found.reason) == (Status.DOWN, "refused_upload")
    assert (found.value(RATE, "down") or 0) > 0
    assert (found.value(LATENCY, "idle median") or 0) > 0
    assert found.value(RATE, "up") is None


async def test_a_dead_server_refuses() -> None:
    found = await reading(url=f"http://127.0.0.1:{free_port()}")
    assert (found.status, found.reason) == (Status.DOWN, "refused")


async def test_a_server_that_never_answers_is_given_up() -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with talking(silent) as port:
        found = await reading(timeout=8.5, url=f"http://127.0.0.1:{port}")
    assert (found.status, found.reason) == (Status.DOWN, "timeout")


async def test_a_transfer_of_which_nothing_comes_is_no_transfer() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET /backend/empty.php"):
            writer.write(http())
            await writer.drain()
            return
        await reader.read()

    async with talking(talk) as port:
        found = await reading(url=f"http://127.0.0.1:{port}", up=0)
    assert (found.status, found.reason) == (Status.DOWN, "no_transfer")
    assert "not a byte in 0." in found.detail


@pytest.mark.parametrize(
    ("answer", "reason"), [(http(b"<html>"), "malformed"), (http(status="404 Not Found"), "no_speed_test")]
)
async def test_what_is_no_responsiveness_server_is_named(answer: bytes, reason: str) -> None:
    async with talking(answering(answer)) as port:
        found = await reading(server="responsiveness", url=f"http://127.0.0.1:{port}")
    assert (found.status, found.reason) == (Status.DOWN, reason)


class TestHeldBack:
    async def test_where_every_byte_costs_it_waits_unless_told(self) -> None:
        found = await reading(url="http://127.0.0.1:1", contract={"metered": True})
        assert (found.status, found.reason) == (Status.UNKNOWN, "waiting")
        assert "on_metered: true" in found.detail
        forced = await reading(url="http://127.0.0.1:1", contract={"metered": True}, on_metered=True)
        assert forced.reason == "refused"

    async def test_a_busy_line_is_left_alone(self) -> None:
        engines = Engines()
        engines.latest.take(told("core/interfaces", UTILISATION, 0.62))
        found = await reading(engines, url="http://127.0.0.1:1", busy=["core/interfaces"])
        assert (found.status, found.reason) == (Status.UNKNOWN, "waiting")
        assert "core/interfaces sees a line that is 62 % full" in found.detail

    async def test_a_room_in_a_call_is_left_alone(self) -> None:
        engines = Engines()
        engines.latest.take(told("boardroom/codec", "deskwatch_room_calls", 1))
        found = await reading(engines, url="http://127.0.0.1:1", not_while=[{"check": "boardroom/codec"}])
        assert (found.status, found.reason) == (Status.UNKNOWN, "waiting")
        assert "boardroom/codec says that somebody needs the line now" in found.detail

    async def test_what_was_said_long_ago_holds_nothing_back_and_is_mentioned(self) -> None:
        engines = Engines()
        engines.latest.take(told("core/interfaces", UTILISATION, 0.9, NOW))
        async with serving(SpeedServer("go", PACED)) as url:
            found = await reading(engines, url=url, up=0, busy=["core/interfaces"])
        assert found.status is Status.UP, found.detail
        assert "nothing was heard of core/interfaces lately" in found.detail

    async def test_the_bytes_of_a_day_are_remembered(self) -> None:
        day = {"length": 0.8, "budget": 2_000_000, "day_budget": 2_000_000}

        async def until_they_are_gone() -> tuple[Reading, Reading]:
            """The first and the last: a busy machine does not use up all of them at once."""
            engines = Engines()
            first = last = await once(engines, url=url, up=0, **day)
            for _ in range(10):
                if last.status is Status.UP:
                    last = await once(engines, url=url, up=0, **day)
            return first, last

        async with serving(SpeedServer("go", PACED)) as url:
            first, last = await undisturbed(until_they_are_gone)
        assert first.status is Status.UP, first.detail
        assert (last.status, last.reason) == (Status.UNKNOWN, "waiting")
        assert "of 24 hours are used up" in last.detail

    async def test_a_budget_that_is_used_up_too_soon_measures_nothing(self) -> None:
        async with serving(SpeedServer("go", 20_000_000)) as url:
            found = await reading(url=url, up=0, budget=1_000_000)
        assert (found.status, found.reason) == (Status.UNKNOWN, "no_source")
        assert "raise budget, or shorten grace and length" in found.detail

    async def test_a_timeout_that_is_too_short_is_said(self) -> None:
        found = await reading(url="http://127.0.0.1:1", timeout=5)
        assert (found.status, found.reason) == (Status.UNKNOWN, "no_source")
        assert "give the check `timeout: 14s`" in found.detail


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"url": "ftp://speed.example"}, "write an address like"),
        ({"url": "https://me:you@speed.example"}, "no user and password"),
        ({"url": "https://speed.example", "server": "iperf3"}, "goes with server: iperf3"),
        ({"url": "iperf3://speed.example"}, "goes with server: iperf3"),
        ({"url": "https://speed.example", "upload_url": "https://speed.example/up"}, "upload_url is for http"),
        ({"url": "https://speed.example", "server": "http", "down": 0}, "nothing would be measured"),
        ({"url": "https://speed.example", "budget": 2_000_000, "day_budget": 1_000_000}, "not a single run fits"),
        ({"url": "http://speed.example", "server": "speedtest_mini", "interface": "wan2"}, "give the source address"),
        ({"url": "http://speed.example", "server": "speedtest_mini", "tls_verify": False}, "always verifies"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ThroughputParams(**settings)
