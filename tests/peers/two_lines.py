"""A building with two lines to an internet of its own: routers with NAT, a DNS server, web pages; each can be broken.

monitor --- fibre's router --- internet
    `------ mobile's router ------'
"""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from peers import netns, require

TARGETS = ("192.0.2.53", "192.0.2.80", "198.18.0.9")
"""Addresses that answer echoes, and connections and pages on port 80, in two networks. At the first is the DNS server,
which knows every name below `test`."""

_PATIENCE = 60.0


@dataclass(frozen=True)
class Line:
    """One line: where it begins in the monitor, the router, and the public address behind which the router hides us."""

    router: netns.Namespace
    interface: str
    inside: str
    source: str
    gateway: str
    public: str

    def passes(self, *rules: str) -> None:
        """What the router lets through, as nftables rules; everything without any."""
        self.router.passes(*rules)

    def cut(self) -> None:
        """The provider's line is dead, the router is not."""
        self.passes("drop")

    def switch_off(self) -> None:
        """The router is dead."""
        self.router.ip("link", "set", self.inside, "down")

    def switch_on(self) -> None:
        self.router.ip("link", "set", self.inside, "up")

    def is_seen_as(self, address: str) -> None:
        """The provider gives it another public address, which the internet must know the way to."""
        self.router.nft(*_hiding(address))


@dataclass(frozen=True)
class Building:
    """The monitor with its two lines, and the internet beyond them."""

    monitor: netns.Namespace
    internet: netns.Namespace
    fibre: Line
    mobile: Line

    def use(self, line: Line) -> None:
        """Everything that is not bound to a line takes this one."""
        self.monitor.ip("route", "replace", "default", "via", line.gateway)


@contextlib.contextmanager
def two_lines(folder: Path) -> Iterator[Building]:
    """A building whose traffic takes the fibre."""
    with netns.namespaces(4) as (monitor, internet, one, other), contextlib.ExitStack() as servers:
        internet.ip("address", "add", TARGETS[0], "dev", "lo")
        internet.ip("address", "add", TARGETS[1], "dev", "lo")
        internet.ip("address", "add", TARGETS[2], "dev", "lo")
        fibre = _line(monitor, one, internet, 1, "198.51.100")
        mobile = _line(monitor, other, internet, 2, "203.0.113")
        servers.enter_context(_dnsmasq(internet, folder))
        servers.enter_context(_nginx(internet, folder))
        building = Building(monitor, internet, fibre, mobile)
        building.use(fibre)
        yield building


def _line(
    monitor: netns.Namespace, router: netns.Namespace, internet: netns.Namespace, number: int, network: str
) -> Line:
    """A line with its router; what comes from its source address takes it, whatever the default route says."""
    source, gateway, public = f"10.{number}.0.2", f"10.{number}.0.1", f"{network}.2"
    interface, inside = netns.join(monitor, f"{source}/24", router, f"{gateway}/24")
    netns.join(router, f"{public}/24", internet, f"{network}.1/24")
    # What it sends to a dead router stays unanswered. By itself it would call it unreachable after three seconds.
    monitor.sysctl(f"net/ipv4/neigh/{interface}/mcast_solicit", "600")
    router.sysctl("net/ipv4/ip_forward", "1")
    router.ip("route", "add", "default", "via", f"{network}.1")
    router.nft(*_hiding(public))
    monitor.ip("route", "add", "default", "via", gateway, "dev", interface, "table", str(number))
    monitor.ip("rule", "add", "from", source, "table", str(number))
    return Line(router, interface, inside, source, gateway, public)


def _hiding(public: str) -> tuple[str, ...]:
    """NAT: everybody behind the router appears as one address."""
    chain = ("chain hide {", "type nat hook postrouting priority 100", f"ip saddr 10.0.0.0/8 snat to {public}", "}")
    return ("table ip nat", "delete table ip nat", "table ip nat {", *chain, "}")


@contextlib.contextmanager
def _dnsmasq(internet: netns.Namespace, folder: Path) -> Iterator[None]:
    """A DNS server that tells everybody's network as well."""
    networks = {"100.51.198": "64500 | 198.51.100.0/24", "113.0.203": "64501 | 203.0.113.0/24"}
    txt = [
        f"--txt-record={host}.{network}.origin.test,{said} | PT | lab | 2026-01-01"
        for network, said in networks.items()
        for host in (2, 77)
    ]
    command = (
        require.program("dnsmasq"),
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
        f"--listen-address={TARGETS[0]}",
        "--bind-interfaces",
        f"--pid-file={folder / 'dnsmasq.pid'}",
        f"--address=/pages.test/{TARGETS[1]}",
        *txt,
    )
    with _running(internet, folder / "dnsmasq.log", 53, *command):
        yield


@contextlib.contextmanager
def _nginx(internet: netns.Namespace, folder: Path) -> Iterator[None]:
    """Pages: /ip as text and /json as LibreSpeed has it tell who asks, /odd is no address, everything else is empty."""
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; master_process off; user root; pid {folder / 'nginx.pid'}; error_log stderr;\n"
        "events {}\n"
        f"http {{ access_log off; client_body_temp_path {folder}; server {{ listen 80;\n"
        " location /ip { return 200 $remote_addr; }\n"
        ' location /json { return 200 \'{"processedString": "$remote_addr - Lab"}\'; }\n'
        " location /odd { return 200 '<html>welcome</html>'; }\n"
        " location / { return 204; } } }\n"
    )
    with _running(internet, folder / "nginx.log", 80, require.program("nginx"), "-p", str(folder), "-c", str(config)):
        yield


@contextlib.contextmanager
def _running(internet: netns.Namespace, log: Path, port: int, *command: str) -> Iterator[None]:
    with log.open("wb") as output:
        process = internet.start(*command, output=output)
    try:
        _wait_for(internet, process, port, log)
        yield
    finally:
        process.terminate()
        process.wait()


def _wait_for(internet: netns.Namespace, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until something listens on that port of the internet."""
    end = time.monotonic() + _PATIENCE
    while not internet.listens(port):
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(log.read_text())
        time.sleep(0.02)
