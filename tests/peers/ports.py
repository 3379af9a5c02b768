"""Ports for programs that are told where to listen."""

import errno
import itertools
import os
import random
import socket
from pathlib import Path

HERE = "127.0.0.1"
_LEAST = 10_000
_MOST_WORKERS = 64


def free_port() -> int:
    """A port of loopback on which nothing listens, for UDP and TCP, over IPv4 and IPv6; each is given out once.

    The kernel never picks it for a socket that does not care, as it does with the ports above, and no other worker
    of the same run is given it: so it is still free when the program that is meant to listen there has started.
    """
    return next(port for port in _PORTS if _is_free(port))


def _own() -> tuple[int, ...]:
    """The share of this worker, each run from another place on."""
    most = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    share = (most - _LEAST) // _MOST_WORKERS
    first = _LEAST + share * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % _MOST_WORKERS)
    begin = random.SystemRandom().randrange(share)
    return tuple(first + (begin + number) % share for number in range(share))


def _is_free(port: int) -> bool:
    for family, host in ((socket.AF_INET, HERE), (socket.AF_INET6, "::1")):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(family, kind) as tried:
                try:
                    tried.bind((host, port))
                except OSError as error:
                    if error.errno == errno.EADDRINUSE:  # any other error means that there is no such address here
                        return False
    return True


_PORTS = itertools.cycle(_own())
