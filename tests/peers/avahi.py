"""avahi-daemon in a network namespace: announcing services as devices do, or passing them on between networks."""

import contextlib
import subprocess
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

import pytest
from peers import require
from peers.netns import Namespace

_SERVICE = """<?xml version="1.0" standalone="no"?><!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group><name>{name}</name><service><type>{kind}</type><port>{port}</port>{texts}</service></service-group>
"""
_CONFIGURATION = """[server]
host-name={host}
use-ipv6=no
enable-dbus=no
[publish]
publish-workstation=no
publish-hinfo=no
[reflector]
enable-reflector={reflector}
"""
# Its own files would be in its way: a namespace of mounts has others in their places.
_RUN = """mkdir -p /run/avahi-daemon && mount -t tmpfs none /run/avahi-daemon && mount --bind "$1/services" \
/etc/avahi/services && exec "$2" --no-drop-root --no-chroot --no-rlimits --no-proc-title -f "$1/avahi.conf" """


class Announced(NamedTuple):
    """A service as it is announced; `texts` are its key=value pairs."""

    name: str
    kind: str
    port: int
    texts: tuple[str, ...] = ()


@contextlib.contextmanager
def announcing(namespace: Namespace, folder: Path, *services: Announced, host: str = "device") -> Iterator[None]:
    """Announce services at all interfaces of a namespace, as `host`.local."""
    with _running(namespace, folder, _CONFIGURATION.format(host=host, reflector="no"), services):
        yield


@contextlib.contextmanager
def reflecting(namespace: Namespace, folder: Path) -> Iterator[None]:
    """Pass on between the interfaces of a namespace what is asked and announced."""
    with _running(namespace, folder, _CONFIGURATION.format(host="router", reflector="yes"), ()):
        yield


@contextlib.contextmanager
def _running(namespace: Namespace, folder: Path, configuration: str, services: tuple[Announced, ...]) -> Iterator[None]:
    """Run it, from when it says that it answers."""
    (folder / "services").mkdir(parents=True)
    (folder / "avahi.conf").write_text(configuration)
    for number, service in enumerate(services):
        texts = "".join(f"<txt-record>{escape(text)}</txt-record>" for text in service.texts)
        (folder / "services" / f"{number}.service").write_text(
            _SERVICE.format(name=escape(service.name), kind=service.kind, port=service.port, texts=texts)
        )
    command = ("unshare", "-m", "sh", "-c", _RUN, "sh", str(folder), require.program("avahi-daemon"))
    with subprocess.Popen(
        ("ip", "netns", "exec", namespace.name, *command), stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            _wait_for(process, len(services))
            yield
        finally:
            process.terminate()


def _wait_for(process: "subprocess.Popen[str]", services: int) -> None:
    said = ""
    started = 0
    for line in process.stderr or ():
        said += line
        started += "successfully established" in line
        if "Server startup complete" in line:
            started += 1
        if started > services:
            return
    pytest.fail(said)
