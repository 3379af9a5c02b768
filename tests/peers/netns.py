"""Network namespaces: networks of our own on this machine, to break as a test likes. They need root."""

import asyncio
import ctypes
import os
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from peers import require

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000
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

    def firewall(self, *rules: str) -> None:
        """Apply nftables rules to what comes in."""
        lines = ("table inet test {", "chain input {", "type filter hook input priority 0", *rules, "}", "}")
        nft = ("ip", "netns", "exec", self.name, require.program("nft"), "-f", "-")
        subprocess.run(nft, input="\n".join(lines) + "\n", text=True, check=True)

    def sysctl(self, name: str, value: str) -> None:
        """Set a network sysctl inside, named as in /proc/sys."""
        _run("ip", "netns", "exec", self.name, "sh", "-c", f"echo '{value}' > /proc/sys/{name}")

    def run(
        self,
        work: Callable[[], Coroutine[Any, Any, T]],
        *,
        raw: bool = True,
        loop: Callable[[], asyncio.AbstractEventLoop] | None = None,
    ) -> T:
        """What `work` returns or raises, run in an event loop inside; without CAP_NET_RAW if not `raw`."""
        outcome: list[T | BaseException] = []

        def inside() -> None:
            try:
                self._enter()
                if not raw:
                    _drop_net_raw()
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


def join(one: Namespace, address: str, other: Namespace, other_address: str, rate: str = "", mtu: int = 1500) -> None:
    """Connect two namespaces by a cable; addresses with prefix length. `rate` is how much `one` can send."""
    ends = [f"v{uuid4().hex[:8]}" for _ in range(2)]
    one.ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1], "netns", other.name)
    for namespace, end, its_address in zip((one, other), ends, (address, other_address), strict=True):
        namespace.ip("link", "set", end, "mtu", str(mtu))
        namespace.ip("address", "add", its_address, "dev", end, *(("nodad",) if ":" in its_address else ()))
        namespace.ip("link", "set", end, "up")
    if rate:
        shape = ("root", "tbf", "rate", rate, "burst", "1mb", "limit", "100mb")
        _run(require.program("tc"), "-n", one.name, "qdisc", "add", "dev", ends[0], *shape)


def _drop_net_raw() -> None:
    """Take CAP_NET_RAW from this thread."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0)
    sets = (ctypes.c_uint32 * 6)()
    _check(_libc.capget(header, sets))
    sets[0] &= ~(1 << _CAP_NET_RAW)
    _check(_libc.capset(header, sets))


def _check(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
