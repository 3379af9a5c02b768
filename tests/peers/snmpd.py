"""Net-SNMP's agent with a configuration of our own, and snmpsim with recordings of devices."""

import contextlib
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from peers import require
from peers.ports import free_port

_PATIENCE = 150.0  # s; snmpsim indexes its recordings first
_GET_SYS_DESCR = bytes.fromhex("a019020101020100020100300e300c06082b060102010101000500")


@contextlib.contextmanager
def snmpd(folder: Path, config: str, port: int | None = None) -> Iterator[int]:
    """Yields the port on 127.0.0.1 and ::1. The community "public" may read everything."""
    binary = require.program("snmpd")
    port = port or free_port()
    (folder / "snmpd.conf").write_text(
        f"agentaddress udp:127.0.0.1:{port},udp6:[::1]:{port}\nrocommunity public\nrocommunity6 public\n{config}"
    )
    command = [binary, "-f", "-C", "-c", str(folder / "snmpd.conf"), "-Lf", str(folder / "log"), "-I", "-smux"]
    environment = {**os.environ, "SNMP_PERSISTENT_DIR": str(folder / "state"), "MIBS": ""}
    with _running(command, environment, folder):
        _wait_for_answer(port, "public", folder)
        yield port


@contextlib.contextmanager
def snmpsim(folder: Path, recordings: Path, community: str) -> Iterator[int]:
    """Serves a folder of recordings on 127.0.0.1, each under its file name as community; yields the port."""
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("snmpsim-command-responder")),
        f"--data-dir={recordings}",
        f"--cache-dir={folder / 'cache'}",
        f"--agent-udpv4-endpoint=127.0.0.1:{port}",
        "--logging-method=null",
        "--log-level=error",
    ]
    with _running(command, {**os.environ, "SNMPSIM_ALLOW_ROOT": "true"}, folder):
        _wait_for_answer(port, community, folder)
        yield port


@contextlib.contextmanager
def _running(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[None]:
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def _wait_for_answer(port: int, community: str, folder: Path) -> None:
    """Ask until there is an answer, whatever it says."""
    content = b"\x02\x01\x01\x04" + bytes([len(community)]) + community.encode() + _GET_SYS_DESCR
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("127.0.0.1", port))
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(ConnectionRefusedError):
                asking.send(b"\x30" + bytes([len(content)]) + content)
                if select.select([asking], [], [], 0.2)[0]:
                    asking.recv(65_536)
                    return
            time.sleep(0.05)
    raise AssertionError(f"no answer on port {port}: {(folder / 'output').read_text()}")
