"""Two machines with a router between them, as slow as a test wants, whose queues are far too long."""

from collections.abc import Iterator
from contextlib import contextmanager

from peers.netns import Namespace, join, namespaces, shape


@contextmanager
def line(down: str, up: str) -> Iterator[tuple[Namespace, Namespace, str]]:
    """Two machines with a router between them, whose queues are far too long; the address of the second one.

    Nothing is ever lost: how senders recover from losses would show in transfers as short as these.
    """
    with namespaces(3) as (home, router, far):
        to_home = join(home, "10.9.0.1/24", router, "10.9.0.2/24")[1]
        to_far = join(router, "10.9.1.1/24", far, "10.9.1.2/24")[0]
        home.ip("route", "add", "default", "via", "10.9.0.2")
        far.ip("route", "add", "default", "via", "10.9.1.1")
        router.sysctl("net/ipv4/ip_forward", "1")
        shape(router, to_home, down)
        shape(router, to_far, up)
        for end in (home, far):
            end.sysctl("net/ipv4/tcp_congestion_control", "reno")  # fills queues, unlike the kernel's BBR
        yield home, far, "10.9.1.2"


def payload(rate: float) -> float:
    """Bit/s that TCP leaves for what it carries, of a line that counts whole Ethernet frames."""
    return rate * 1448 / 1514
