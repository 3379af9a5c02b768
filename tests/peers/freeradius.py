"""FreeRADIUS on loopback: one client, a few users with passwords, Status-Server."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from peers import require
from peers.ports import free_port

CONFIG = """
prefix = /usr
libdir = /usr/lib/freeradius
logdir = {folder}
run_dir = {folder}
pidfile = {folder}/pid
hostname_lookups = no
log {{
    destination = stdout
}}
security {{
    reject_delay = 0
    status_server = yes
}}
thread pool {{
    start_servers = 1
    max_servers = 2
    min_spare_servers = 1
    max_spare_servers = 2
}}
client tests {{
    ipaddr = 127.0.0.1
    secret = {secret}
}}
modules {{
    pap {{
    }}
    files {{
        filename = {folder}/users
        key = "%{{User-Name}}"
    }}
}}
server tests {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {port}
    }}
    authorize {{
        files
        pap
    }}
    authenticate {{
        pap
    }}
    post-auth {{
        {sign}
        Post-Auth-Type REJECT {{
            {sign}
        }}
    }}
}}
"""
_SIGN = "update reply {\n Message-Authenticator := 0x00\n }"


@contextlib.contextmanager
def serving(folder: Path, secret: str, users: str, delay: int = 0, sign: bool = True, port: int = 0) -> Iterator[int]:
    """Answer requests signed with that secret and yield the port.

    `users` are lines of its users file; without `sign` it leaves log-ins unprotected, as servers did before 2024.
    """
    port = free_port()
    words = {"folder": folder, "secret": secret, "port": port, "sign": _SIGN if sign else ""}
    (folder / "radiusd.conf").write_text(CONFIG.format(**words))
    (folder / "users").write_text(users)
    command = [require.program("freeradius"), "-f", "-d", str(folder), "-n", "radiusd"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            _wait_for(process)
            yield port
        finally:
            process.terminate()


def _wait_for(process: "subprocess.Popen[str]") -> None:
    """Until it serves, which it says."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "Ready to process requests" in line:
            return
    pytest.fail(said)
