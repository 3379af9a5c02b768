"""A PostgreSQL cluster of our own: Debian's server on a free port, without fsync, gone after the tests."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from peers import require
from peers.ports import free_port

DEADLINE = 60


class Cluster:
    """A running server. `url()` makes a new, empty database each time."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self._numbers = count(1)

    def url(self) -> str:
        """The URL of a new database."""
        name = f"test_{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def sql(self, statement: str, database: str = "postgres") -> str:
        """What psql prints for a statement."""
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", database]
        command = [require.program("psql"), "-X", "-q", "-A", "-t", *where, "-c", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=DEADLINE).stdout.strip()


def _unprivileged(command: list[str]) -> list[str]:
    """The command as the user postgres, because the server refuses to run as root."""
    if os.geteuid() != 0:
        return command
    return [require.program("setpriv"), "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]


def _serve(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """The server and its port; another one when somebody took it in between."""
    for _ in range(5):
        port = free_port()
        settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [require.program("postgres"), "-D", str(folder / "data"), *options]
        with (folder / "log").open("ab") as log:
            server = subprocess.Popen(_unprivileged(command), stdout=log, stderr=log, cwd=folder)
        if _answers(server, port):
            return server, port
    raise RuntimeError((folder / "log").read_text())


def _answers(server: subprocess.Popen[bytes], port: int) -> bool:
    ready = [require.program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    deadline = time.monotonic() + DEADLINE
    while server.poll() is None and time.monotonic() < deadline:
        if subprocess.run(ready, check=False, timeout=DEADLINE).returncode == 0:
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A cluster for the whole run."""
    initdb = require.program("initdb")
    # Not below pytest's own folder: that one is closed to the user postgres.
    folder = Path(tempfile.mkdtemp(prefix="deskwatch-postgresql-"))
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    command = [initdb, "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(_unprivileged(command), check=True, capture_output=True, cwd=folder, timeout=DEADLINE)
    server, port = _serve(folder)
    yield Cluster(folder, port)
    server.send_signal(signal.SIGINT)  # the fast shutdown, which does not wait for clients
    try:
        server.wait(DEADLINE)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    shutil.rmtree(folder)
