"""Network namespaces: networks of our own on this machine, to break as a test likes. They need root."""

import asyncio
import ctypes
import os
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar
from uuid import uuid4

from peers import require

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000
_CAP_NET_BIND_SERVICE = 10
_CAP_NET_RAW = 13
_CAPABILITIES = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """One network namespace, with its loopback interface up and nothing else."""

    def __init__(self) -> None:
        require.root()
        require.program("ip")
        self.name = f"dw-{os.getpid()}-{uuid4().hex[:6]}"
        _run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def remove(self) -> None:
        _run("ip", "netns", "del", self.name)

    def ip(self, *arguments: str) -> None:
        """Run `ip` inside."""
        _run("ip", "-n", self.name, *arguments)

    def wait_for(self, interface: str) -> None:
        """Until the kernel sends by an interface whose cable was plugged in: before, it drops what is sent."""
        deadline = time.monotonic() + 30
        command = ("ip", "-n", self.name, "-brief", "link", "show", "dev", interface)
        while subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[1] != "UP":
            assert time.monotonic() < deadline, f"the interface {interface} did not come up"
            time.sleep(0.01)

    def firewall(self, *rules: str) -> None:
        """Apply nftables rules to what comes in."""
        self.nft("table inet test {", "chain input {", "type filter hook input priority 0", *rules, "}", "}")

    def passes(self, *rules: str) -> None:
        """Apply nftables rules to what is forwarded, and take back those applied before."""
        chain = ("chain forward {", "type filter hook forward priority 0", *rules, "}")
        self.nft("table inet passing", "delete table inet passing", "table inet passing {", *chain, "}")

    def nft(self, *lines: str) -> None:
        """Run a script of nftables inside."""
        command = ("ip", "netns", "exec", self.name, require.program("nft"), "-f", "-")
        subprocess.run(command, input="\n".join(lines) + "\n", text=True, check=True)

    def start(self, *command: str, output: int | IO[bytes] = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start a program inside; its end is the caller's business."""
        return subprocess.Popen(("ip", "netns", "exec", self.name, *command), stdout=output, stderr=output)

    def listens(self, port: int) -> bool:
        """Whether somebody inside listens on that TCP port."""
        sockets = ("ip", "netns", "exec", self.name, "cat", "/proc/net/tcp")
        lines = subprocess.run(sockets, check=True, capture_output=True, text=True).stdout.splitlines()[1:]
        return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in lines)

    def sysctl(self, name: str, value: str) -> None:
        """Set a network sysctl inside, named as in /proc/sys."""
        _run("ip", "netns", "exec", self.name, "sh", "-c", f"echo '{value}' > /proc/sys/{name}")

    def run(
        self,
        work: Callable[[], Coroutine[Any, Any, T]],
        *,
        raw: bool = True,
        low_ports: bool = True,
        loop: Callable[[], asyncio.AbstractEventLoop] | None = None,
    ) -> T:
        """What `work` returns or raises, run in an event loop inside.

        Without CAP_NET_RAW if not `raw`, and without CAP_NET_BIND_SERVICE if not `low_ports`.
        """
        outcome: list[T | BaseException] = []

        def inside() -> None:
            try:
                self._enter()
                if not raw:
                    _drop(_CAP_NET_RAW)
                if not low_ports:
                    _drop(_CAP_NET_BIND_SERVICE)
                with asyncio.Runner(loop_factory=loop) as runner:
                    outcome.append(runner.run(work()))
            except BaseException as error:
                outcome.append(error)

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        return outcome[0]

    def _enter(self) -> None:
        """Move this thread into the namespace."""
        file = os.open(Path("/run/netns") / self.name, os.O_RDONLY)
        try:
            _check(_libc.setns(file, _CLONE_NEWNET))
        finally:
            os.close(file)


@contextmanager
def namespaces(count: int = 1) -> Iterator[list[Namespace]]:
    """Fresh namespaces, removed at the end."""
    made: list[Namespace] = []
    try:
        for _ in range(count):
            made.append(Namespace())
        yield made
    finally:
        for namespace in made:
            namespace.remove()


def join(
    one: Namespace, address: str, other: Namespace, other_address: str, rate: str = "", mtu: int = 1500
) -> tuple[str, str]:
    """Connect two namespaces by a cable; addresses with prefix length. `rate` is how much `one` can send.

    The names of the interfaces at both ends.
    """
    ends = [f"v{uuid4().hex[:8]}" for _ in range(2)]
    one.ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1], "netns", other.name)
    for namespace, end, its_address in zip((one, other), ends, (address, other_address), strict=True):
        namespace.ip("link", "set", end, "mtu", str(mtu))
        namespace.ip("address", "add", its_address, "dev", end, *(("nodad",) if ":" in its_address else ()))
        namespace.ip("link", "set", end, "up")
    for namespace, end in zip((one, other), ends, strict=True):
        namespace.wait_for(end)
    if rate:
        shape(one, ends[0], rate)
    return ends[0], ends[1]


def shape(namespace: Namespace, interface: str, rate: str, queue: str = "limit 100mb") -> None:
    """Bound what can be sent by an interface; `queue` says how much may wait, as tc's tbf wants it."""
    bounds = ("root", "tbf", "rate", rate, "burst", "1mb", *queue.split())
    _run(require.program("tc"), "-n", namespace.name, "qdisc", "add", "dev", interface, *bounds)


def plug(hub: Namespace, *plugged: tuple[Namespace, str]) -> None:
    """Connect namespaces by a switch that stands in `hub`; each gets an interface lan0 with its address, if not ""."""
    hub.ip("link", "add", "switch", "type", "bridge")
    hub.ip("link", "set", "switch", "up")
    for namespace, address in plugged:
        port = f"p{uuid4().hex[:8]}"
        hub.ip("link", "add", port, "type", "veth", "peer", "name", "lan0", "netns", namespace.name)
        hub.ip("link", "set", port, "master", "switch", "up")
        if address:
            namespace.ip("address", "add", address, "dev", "lan0")
        namespace.ip("link", "set", "lan0", "up")
        namespace.wait_for("lan0")
        hub.wait_for(port)


def _drop(capability: int) -> None:
    """Take a capability from this thread."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0)
    sets = (ctypes.c_uint32 * 6)()
    _check(_libc.capget(header, sets))
    sets[0] &= ~(1 << capability)
    _check(_libc.capset(header, sets))


def _check(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
