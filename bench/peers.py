"""The programs that the parts measure and measure against, started on free ports and ended again."""

import http.client
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.harness import Missing

_PATIENCE = 30.0  # seconds that a program has to begin

_NGINX = """
daemon off;
worker_processes 1;
pid FOLDER/pid;
error_log FOLDER/error.log;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path FOLDER; proxy_temp_path FOLDER; fastcgi_temp_path FOLDER;
  uwsgi_temp_path FOLDER; scgi_temp_path FOLDER;
  server {
    listen 127.0.0.1:PORT backlog=4096;
    location / { default_type text/html; return 200 "<html><body>Welcome to Harbour Street</body></html>"; }
  }
}
"""

_BLACKBOX = """
modules:
  http: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4}}
  tcp: {prober: tcp, timeout: 5s}
  icmp: {prober: icmp, timeout: 5s, icmp: {preferred_ip_protocol: ip4}}
  dns: {prober: dns, timeout: 5s, dns: {query_name: booking.example, query_type: A, preferred_ip_protocol: ip4}}
"""


class Running(NamedTuple):
    """A program that runs: its process id, and the port on loopback that it serves."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        """Where it serves HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> str:
        """The body of one of its pages. Raises OSError when it does not answer with 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            raise OSError(f"{path} answered with {answer.status}: {body[:200]}")
        return body


def program(name: str) -> str:
    """Where a program is. Raises Missing."""
    found = shutil.which(name, path="/usr/bin:/usr/sbin:/bin:/sbin:/usr/local/bin")
    if found is None:
        raise Missing(f"{name} is not installed; as root, `make bench` installs it")
    return found


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


@contextmanager
def process(*command: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a folder, which takes what it says in `output`; ended when the block ends."""
    with (folder / "output").open("wb") as output:
        running = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield running
        finally:
            running.terminate()
            running.wait(20)


@contextmanager
def server(command: Sequence[str], port: int, folder: Path, ready: str = "") -> Iterator[Running]:
    """A program that serves a port. It is there when it answers the page `ready`, or else takes connections."""
    with process(*command, folder=folder) as started:
        running = Running(started.pid, port)
        deadline = time.monotonic() + _PATIENCE
        while not _answers(running, ready):
            if started.poll() is not None or time.monotonic() > deadline:
                said = (folder / "output").read_text(errors="replace")
                raise RuntimeError(f"{command[0]} did not begin to serve port {port}:\n{said}")
            time.sleep(0.05)
        yield running


def _answers(running: Running, ready: str) -> bool:
    try:
        if ready:
            running.get(ready)
        else:
            socket.create_connection(("127.0.0.1", running.port), 1).close()
    except OSError:
        return False
    return True


@contextmanager
def nginx() -> Iterator[Running]:
    """A web server with one small page at every path."""
    with TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        (folder / "nginx.conf").write_text(_NGINX.replace("FOLDER", name).replace("PORT", str(port)))
        command = (program("nginx"), "-p", name, "-e", f"{name}/error.log", "-c", f"{name}/nginx.conf")
        with server(command, port, folder) as running:
            yield running


@contextmanager
def dnsmasq() -> Iterator[Running]:
    """A name server that knows booking.example."""
    with TemporaryDirectory() as name:
        port = free_port()
        options = ("--keep-in-foreground", "--no-hosts", "--no-resolv", "--bind-interfaces", "--user=root")
        where = (f"--port={port}", "--listen-address=127.0.0.1", f"--pid-file={name}/pid")
        command = (program("dnsmasq"), *options, *where, "--address=/booking.example/192.0.2.7")
        with server(command, port, Path(name)) as running:
            yield running


@contextmanager
def blackbox() -> Iterator[Running]:
    """blackbox_exporter with the modules http, tcp, icmp and dns."""
    with TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        (folder / "blackbox.yml").write_text(_BLACKBOX)
        executable = program("prometheus-blackbox-exporter")
        options = (f"--web.listen-address=127.0.0.1:{port}", "--config.file=blackbox.yml", "--log.level=error")
        with server((executable, *options), port, folder, "/-/healthy") as running:
            yield running


@contextmanager
def deskwatch(site: str, folder: Path | None = None) -> Iterator[Running]:
    """`deskwatch run` with a site.yaml in which PORT stands for the port that it shall serve.

    In a folder of its own with a new store each time, unless one is given.
    """
    with TemporaryDirectory() as name:
        folder, port = folder or Path(name), free_port()
        (folder / "site.yaml").write_text(site.replace("PORT", str(port)))
        command = (sys.executable, "-m", "monitor", "run", "site.yaml")
        with server(command, port, folder, "/-/ready") as running:
            yield running
