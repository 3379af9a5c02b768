"""Small Debian servers that take messages: mosquitto for MQTT, ngircd for IRC."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from peers import require
from peers.ports import free_port

_PATIENCE = 60.0


@contextlib.contextmanager
def mosquitto(folder: Path, port: int = 0, passwords: str = "", lines: str = "") -> Iterator[int]:
    """An MQTT broker on 127.0.0.1; yields its port. With `passwords`, lines of name:hash, it lets nobody else in.

    `lines` are further ones of its configuration.
    """
    port = port or free_port()
    rights = "allow_anonymous true"
    if passwords:
        (folder / "passwords").write_text(passwords)
        (folder / "passwords").chmod(0o644)
        rights = f"allow_anonymous false\npassword_file {folder / 'passwords'}"
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nuser root\npersistence false\n{rights}\n{lines}\n")
    with _running([require.program("mosquitto"), "-c", str(config)], folder / "mosquitto.log", port):
        yield port


@contextlib.contextmanager
def ngircd(folder: Path, password: str = "") -> Iterator[int]:
    """An IRC server on 127.0.0.1 with the channel #desk; yields its port."""
    port = free_port()
    config = folder / "ngircd.conf"
    config.write_text(
        f"[Global]\nName = irc.test\nInfo = test\nListen = 127.0.0.1\nPorts = {port}\nPassword = {password}\n"
        "ServerUID = root\nServerGID = root\nMotdPhrase = hello\n"
        "[Options]\nDNS = no\nIdent = no\nPAM = no\nSyslogFacility = user\n[Channel]\nName = #desk\nModes = t\n"
    )
    with _running([require.program("ngircd"), "-n", "-f", str(config)], folder / "ngircd.log", port):
        yield port


@contextlib.contextmanager
def _running(command: list[str], log: Path, port: int) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        end = time.monotonic() + _PATIENCE
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(log.read_text())
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), _PATIENCE):
        return True
    return False
