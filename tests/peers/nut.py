"""NUT's own server with simulated UPSes behind it."""

import contextlib
import getpass
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from peers import require
from peers.ports import free_port

_DRIVERS = Path("/lib/nut")
_PATIENCE = 60.0


@contextlib.contextmanager
def upsd(folder: Path, upses: Mapping[str, Mapping[str, str] | None]) -> Iterator[int]:
    """Serves each UPS with its variables on 127.0.0.1, ups.status among them; one with None has no driver.

    Yields the port.
    """
    require.program("upsd")
    port, simulated = free_port(), [name for name, variables in upses.items() if variables is not None]
    _configure(folder, port, upses)
    environment = {
        **os.environ,
        "NUT_CONFPATH": str(folder),
        "NUT_STATEPATH": str(folder),
        "NUT_ALTPIDPATH": str(folder),
    }
    me = getpass.getuser()
    commands = [[str(_DRIVERS / "dummy-ups"), "-F", "-u", me, "-a", name] for name in simulated]
    with contextlib.ExitStack() as running:
        for command in [*commands, [str(_DRIVERS / "upsd"), "-F", "-4", "-u", me]]:
            running.enter_context(_running(command, environment, folder))
        for name, variables in upses.items():
            if variables is not None:
                _wait_for(port, name, variables["ups.status"], folder)
        yield port


def _configure(folder: Path, port: int, upses: Mapping[str, Mapping[str, str] | None]) -> None:
    for name, variables in upses.items():
        lines = [f"{key}: {value}\n" for key, value in (variables or {}).items()]
        (folder / f"{name}.dev").write_text("".join(lines))
    sections = [f"[{name}]\ndriver = dummy-ups\nport = {folder}/{name}.dev\nmode = dummy-once\n" for name in upses]
    (folder / "ups.conf").write_text("".join(sections))
    (folder / "upsd.conf").write_text(f"LISTEN 127.0.0.1 {port}\n")
    (folder / "upsd.users").write_text("[desk]\npassword = s3cret\n")


@contextlib.contextmanager
def _running(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[None]:
    with (folder / "output").open("ab") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int, name: str, status: str, folder: Path) -> None:
    """Until the driver has read its file, and the server has heard of it."""
    command = [require.program("upsc"), f"{name}@127.0.0.1:{port}", "ups.status"]
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if subprocess.run(command, capture_output=True, check=False, text=True).stdout.strip() == status:
            return
        time.sleep(0.05)
    raise AssertionError(f"{name} was not served: {(folder / 'output').read_text()}")
