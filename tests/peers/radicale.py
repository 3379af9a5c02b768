"""Radicale, a calendar server: a real peer for CalDAV and for calendars as files."""

import base64
import contextlib
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from peers.canaries import canary
from peers.ports import free_port

USER, PASSWORD = "deskwatch", canary("radicale-password")
_PATIENCE = 60.0
_MADE = (
    '<?xml version="1.0"?><d:mkcol xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:set><d:prop>'
    "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype></d:prop></d:set></d:mkcol>"
)


class Radicale(NamedTuple):
    """A running server with one user and one calendar."""

    port: int

    @property
    def calendar(self) -> str:
        """The address of the calendar."""
        return f"http://127.0.0.1:{self.port}/{USER}/room/"

    def put(self, name: str, event: str) -> None:
        """Write an event, given as an iCalendar file, under a name."""
        self._ask("PUT", f"{self.calendar}{name}.ics", event, "text/calendar")

    def empty(self) -> None:
        """Make the calendar, without events."""
        with contextlib.suppress(urllib.request.HTTPError):
            self._ask("DELETE", self.calendar)
        self._ask("MKCOL", self.calendar, _MADE, "application/xml")

    def _ask(self, method: str, url: str, body: str = "", type: str = "text/plain") -> None:
        signed = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {signed}", "Content-Type": type}
        request = urllib.request.Request(url, body.encode(), headers, method=method)
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            answer.read()


@contextlib.contextmanager
def radicale(folder: Path) -> Iterator[Radicale]:
    """A server on 127.0.0.1 that lets in its one user alone."""
    port = free_port()
    (folder / "users").write_text(f"{USER}:{PASSWORD}\n")
    config = folder / "radicale.conf"
    config.write_text(
        f"[server]\nhosts = 127.0.0.1:{port}\n"
        f"[auth]\ntype = htpasswd\nhtpasswd_filename = {folder / 'users'}\nhtpasswd_encryption = plain\ndelay = 0\n"
        f"[storage]\nfilesystem_folder = {folder / 'collections'}\n"
    )
    with (folder / "radicale.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "radicale", "--config", str(config)], stdout=log, stderr=log)
    server = Radicale(port)
    try:
        _wait(server, process, folder / "radicale.log")
        yield server
    finally:
        process.terminate()
        process.wait()


def _wait(server: Radicale, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until the calendar is made, which no earlier question would be."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            server.empty()
        except urllib.request.URLError:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.05)
        else:
            return
