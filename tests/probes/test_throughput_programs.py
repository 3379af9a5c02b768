"""internet.throughput where another program measures: iperf3 against a real server, speedtest-cli and a mini one."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from peers import require
from peers.calm import undisturbed
from peers.ports import free_port
from peers.service import until
from peers.slow_line import line, payload
from peers.speed import SpeedServer, serving
from peers.tcp import serving as talking

from monitor.reading import read
from probes import Failed, Reading, Status, Unmeasured
from probes._engines import Engines
from probes._engines.process import Ended
from probes._engines.resolve import Resolved
from probes._engines.transfer.iperf3 import Iperf3
from probes._engines.transfer.iperf3 import reported as reported_by_iperf3
from probes._engines.transfer.speedtest import Speedtest
from probes._engines.transfer.speedtest import reported as reported_by_speedtest
from probes._engines.transfer.streams import Pace
from probes.internet.throughput import Throughput, ThroughputParams

PACED = 2_000_000  # bytes a second of one connection

RATE = "deskwatch_throughput_bits_per_second"
BYTES = "deskwatch_throughput_bytes"
LATENCY = "deskwatch_throughput_latency_seconds"


async def reading(**settings: Any) -> Reading:
    """What is found while nothing holds up this machine, which has the server, the line and the probe."""
    return await undisturbed(lambda: once(**settings))


async def once(**settings: Any) -> Reading:
    quick = {"down": 1, "up": 1, "grace": 0.1, "length": 0.5, **settings}
    return await read("", Throughput(ThroughputParams(**quick), Engines()), 60)


class TestIperf3:
    @pytest.fixture
    def server(self) -> Iterator[int]:
        """A real iperf3 server."""
        port = free_port()
        command = [require.program("iperf3"), "-s", "-B", "127.0.0.1", "-p", str(port)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                asyncio.run(_listened(port))
                yield port
            finally:
                process.terminate()

    def test_both_directions_are_measured(self) -> None:
        program = require.program("iperf3")
        with line(down="40mbit", up="20mbit") as (home, far, address), far.start(program, "-s") as server:

            async def work() -> Reading:
                await _listened(5201, Path(f"/proc/{server.pid}/net/tcp"))
                return await reading(server="iperf3", url=f"iperf3://{address}", length=1)

            try:
                found = home.run(work)
            finally:
                server.terminate()
        assert found.status is Status.UP, found.detail
        assert found.value(RATE, "down") == pytest.approx(payload(40e6), rel=0.1)
        assert found.value(RATE, "up") == pytest.approx(payload(20e6), rel=0.1)
        assert (found.value(BYTES, "down") or 0) > 5_000_000

    async def test_what_the_budget_slowed_is_not_the_line(self, server: int) -> None:
        found = await reading(server="iperf3", url=f"iperf3://127.0.0.1:{server}", up=0, budget=4_000_000)
        assert (found.status, found.reason) == (Status.UNKNOWN, "no_source")
        assert "the budget slowed iperf3 to" in found.detail
        assert found.value(BYTES, "down") is None

    async def test_one_that_is_busy_is_no_fault_of_the_line(self, server: int) -> None:
        client = (require.program("iperf3"), "-c", "127.0.0.1", "-p", str(server))
        other = (*client, "-t", "30", "-b", "1M", "--forceflush")
        with subprocess.Popen(other, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert any("connected to" in line for line in process.stdout), "the other was not the first"

                async def is_busy() -> bool:
                    found = await once(server="iperf3", url=f"iperf3://127.0.0.1:{server}", up=0, budget=1_000_000)
                    return (found.status, found.reason) == (Status.UNKNOWN, "no_source") and "busy" in found.detail

                await until(is_busy, "the server to be busy")
            finally:
                process.terminate()

    async def test_a_dead_one_refuses(self) -> None:
        require.program("iperf3")
        found = await reading(server="iperf3", url=f"iperf3://127.0.0.1:{free_port()}")
        assert (found.status, found.reason) == (Status.DOWN, "refused")
        assert "iperf3 says" in found.detail

    async def test_one_that_falls_silent_is_ended_in_time(self) -> None:
        require.program("iperf3")

        async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            await reader.read()

        async with talking(silent) as port:
            found = await once(server="iperf3", url=f"iperf3://127.0.0.1:{port}", up=0)
            assert (found.status, found.reason) == (Status.DOWN, "timeout")
            assert not [one for one in Path("/proc").glob("[0-9]*/cmdline") if f"-p\0{port}\0" in _text(one)]

    async def test_without_the_program_nothing_is_said_of_the_line(self) -> None:
        found = await reading(server="iperf3", url="iperf3://127.0.0.1", program="/nowhere/iperf3")
        assert (found.status, found.reason) == (Status.UNKNOWN, "no_source")
        assert "install iperf3, or set program to its path" in found.detail

    def test_it_is_bound_to_the_uplink(self) -> None:
        one = Iperf3("iperf3", Resolved("192.0.2.7", 4, 0), 5201, "198.51.100.2", "wan2")
        words = " ".join(one.command("down", Pace(4, 1.5, 8, 1000), 8e6))
        assert words.endswith("-t 8 -O 2 -P 4 -b 2000000 --connect-timeout 3000 -4 -R -B 198.51.100.2 --bind-dev wan2")

    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            ('{"error": "the server is busy running a test. try again later"}', Unmeasured),
            ('{"error": "unable to connect to server: Cannot assign requested address"}', Unmeasured),
            ('{"error": "unable to set socket: Operation not permitted"}', Unmeasured),
            ('{"error": "unable to connect to server: No route to host"}', "unreachable"),
            ('{"error": "unable to connect to server: Connection timed out"}', "timeout"),
            ('{"error": "control socket has closed unexpectedly"}', "reset"),
            ('{"error": "something new"}', "iperf3_failed"),
            ('{"end": {"sum_received": {"bits_per_second": 0, "bytes": 0, "seconds": 1}}}', "no_transfer"),
            ('{"end": {}}', Unmeasured),
            ("[1]", Unmeasured),
            ("Usage: iperf3", Unmeasured),
        ],
    )
    def test_what_it_says_is_sorted(self, said: str, expected: Any) -> None:
        with pytest.raises((Failed, Unmeasured)) as raised:
            reported_by_iperf3(Ended(1, said.encode(), b""), "down", Pace(1, 1, 1, 1000), 9)
        assert getattr(raised.value, "reason", "") == expected or type(raised.value) is expected


class TestSpeedtestMini:
    async def test_both_directions_are_measured(self) -> None:
        server = SpeedServer("mini", PACED)
        async with serving(server) as url:
            found = await reading(server="speedtest_mini", url=url, budget=8_000_000)
        assert found.status is Status.UP, found.detail
        assert (found.value(RATE, "down") or 0) > 0
        assert (found.value(RATE, "up") or 0) > 0
        assert (found.value(LATENCY, "down median") or 0) > 0
        assert any(asked.startswith("GET /speedtest/random350x350.jpg") for asked in server.asked)

    @pytest.mark.parametrize(
        ("fault", "settings", "reason"),
        [
            ({"latency": "nothing"}, {"up": 0}, "no_speed_test"),
            ({"empty": True}, {"up": 0}, "no_transfer"),
            ({"status": 500}, {"up": 0}, "wrong_status"),
            ({"most_upload": 1000}, {"down": 0}, "refused_upload"),
        ],
    )
    async def test_its_silences_are_failures(
        self, fault: dict[str, Any], settings: dict[str, Any], reason: str
    ) -> None:
        async with serving(SpeedServer("mini", **{"rate": PACED, **fault})) as url:
            found = await reading(server="speedtest_mini", url=url, budget=1_000_000, **settings)
        assert (found.status, found.reason) == (Status.DOWN, reason), found.detail

    @pytest.mark.parametrize(
        ("said", "expected", "words"),
        [
            ('{"missing": true}', Unmeasured, "speedtest-cli is not installed for python9"),
            ('{"error": "SpeedtestMiniConnectFailure: x"}', Failed, "SpeedtestMiniConnectFailure"),
            ('{"rate": 0, "bytes": 0, "latency": 1, "failures": {"URLError": 2}}', Failed, "it met URLError"),
            ('{"rate": 9, "bytes": 9, "latency": 1800000.0, "failures": {}}', Failed, "latency.txt"),
            ('{"rate": 9, "bytes": 9, "latency": 1, "failures": {"503": 1}}', Unmeasured, "busy with others"),
            ('{"rate": "x"}', Unmeasured, "speedtest-cli answered"),
            ("Traceback", Unmeasured, "without an answer"),
        ],
    )
    def test_what_it_says_is_doubted(self, said: str, expected: type[Exception], words: str) -> None:
        with pytest.raises(expected, match=words):
            reported_by_speedtest(Ended(0, said.encode(), b""), "down", 9, "python9")

    def test_one_that_does_not_end_was_ended(self) -> None:
        with pytest.raises(Failed, match="did not end within 9 s, and was ended"):
            reported_by_speedtest(Ended(None, b"", b""), "up", 9, "python9")

    def test_it_is_bound_to_the_uplink(self) -> None:
        command = Speedtest("python9", "http://192.0.2.7", "198.51.100.2").command("down", Pace(1, 1, 1, 1000))
        assert command[:2] == ["python9", "-I"]
        assert json.loads(command[-1])["source"] == "198.51.100.2"


async def _listened(port: int, table: Path = Path("/proc/net/tcp")) -> None:
    """Wait until somebody listens, without a visit: an iperf3 server takes each one for a client."""

    async def listens() -> bool:
        lines = [*table.read_text().splitlines(), *table.with_name("tcp6").read_text().splitlines()]
        return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in lines)

    await until(listens, f"a server on port {port}")


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
