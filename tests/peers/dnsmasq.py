"""dnsmasq, as a name server on loopback and as a DHCP server in a network namespace."""

import contextlib
import subprocess
from collections.abc import Iterator

import pytest
from peers import require
from peers.netns import Namespace
from peers.ports import free_port

HERE = "127.0.0.1"

_IN_FRONT = ("--keep-in-foreground", "--conf-file=/dev/null", "--log-facility=-", "--user=root", "--pid-file=")


@contextlib.contextmanager
def serving_names(*options: str) -> Iterator[int]:
    """Answer for names on loopback, asking nobody else, and yield the port; `options` are those of dnsmasq."""
    port = free_port()
    command = [
        *(require.program("dnsmasq"), *_IN_FRONT),
        *("--no-resolv", "--no-hosts", "--bind-interfaces", f"--listen-address={HERE}", f"--port={port}"),
        *options,
    ]
    with _running(command, "started, version"):
        yield port


@contextlib.contextmanager
def serving_dhcp(namespace: Namespace, *options: str) -> Iterator[None]:
    """Offer addresses at lan0 of a namespace; `options` are those of dnsmasq, --dhcp-range among them."""
    command = [
        *("ip", "netns", "exec", namespace.name, require.program("dnsmasq")),
        *_IN_FRONT,
        *("--port=0", "--interface=lan0", "--bind-interfaces", "--dhcp-authoritative", "--dhcp-leasefile=/dev/null"),
        *options,
    ]
    with _running(command, "DHCP, sockets bound"):
        yield


@contextlib.contextmanager
def _running(command: list[str], ready: str) -> Iterator[None]:
    """Run it, from when it says that its sockets are open."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = ""
            for line in process.stderr:
                said += line
                if ready in line:
                    break
            else:
                pytest.fail(said)
            yield
        finally:
            process.terminate()
