"""What lies beyond the two lines: pages, names, and who says from which public address one comes."""

from typing import NamedTuple

from aiohttp import web

from monitor.demo.peers.resolver import Resolver
from monitor.demo.peers.web import WebPeer

ASN_ZONE = "origin.asn.example"
PAGES = ("search.example", "news.example")


class Line(NamedTuple):
    """A line: what goes over it comes from `source`; beyond its provider that is `public`, in the network `asn`."""

    source: str
    gateway: str
    public: str
    prefix: str
    asn: int


FIBRE = Line("127.77.1.10", "127.77.1.1", "198.51.100.18", "198.51.100.16/29", 64500)
LTE = Line("127.77.2.10", "127.77.2.1", "203.0.113.77", "203.0.113.0/24", 64501)

_DEAD = {"failover": FIBRE.source, "no backup": LTE.source}


class Internet(WebPeer):
    """Pages at two addresses, and a DNS server at a third. What it sees of the site comes over the fibre.

    Moods: failover lets no page through over the fibre, and the site comes over LTE; "no backup" lets none through
    over LTE. The kernel answers pings to all of these addresses, so neither line ever looks wholly dead.
    """

    def __init__(self, address: str, mirror: str, resolver: str) -> None:
        super().__init__(address, [web.get("/", self._page), web.get("/ip", self._ip)])
        self.mirror = mirror
        names = {name: ("A", at) for name, at in zip(PAGES, (address, mirror), strict=True)}
        self.resolver = Resolver(resolver, names | {_origin(line): ("TXT", _owner(line)) for line in (FIBRE, LTE)})

    async def start(self) -> None:
        """Listen, for pages on the same port at both addresses."""
        await self.resolver.start()
        await super().start()
        await web.TCPSite(self._runner, self.mirror, self.port).start()

    async def stop(self) -> None:
        """Close all connections."""
        await super().stop()
        await self.resolver.stop()

    def admit(self, request: web.Request) -> None:
        """Hang up on whoever comes over a line that is dead."""
        if request.remote == _DEAD.get(self.mood) and request.transport is not None:
            request.transport.abort()

    async def _page(self, _request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>Welcome</title>", content_type="text/html")

    async def _ip(self, _request: web.Request) -> web.Response:
        return web.Response(text=(LTE if self.mood == "failover" else FIBRE).public)


def _origin(line: Line) -> str:
    return ".".join((*reversed(line.public.split(".")), ASN_ZONE))


def _owner(line: Line) -> str:
    return f'"{line.asn} | {line.prefix} | ZZ | example | 2020-01-01"'
