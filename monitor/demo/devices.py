"""Harbour Street's devices and services: where each of them is, and how it is made."""

from typing import NamedTuple
from zoneinfo import ZoneInfo

from monitor.demo.certificates import Authority
from monitor.demo.passwords import Passwords
from monitor.demo.peers import Peer
from monitor.demo.peers.access import Access
from monitor.demo.peers.backup import Backup
from monitor.demo.peers.booking import Booking
from monitor.demo.peers.calendar import Calendar
from monitor.demo.peers.codec import Codec
from monitor.demo.peers.display import Display
from monitor.demo.peers.internet import Internet
from monitor.demo.peers.nexudus import Nexudus
from monitor.demo.peers.panel import Panel
from monitor.demo.peers.printer import Printer
from monitor.demo.peers.projector import Projector
from monitor.demo.peers.resolver import Resolver
from monitor.demo.peers.sink import Sink
from monitor.demo.peers.ups import Ups
from monitor.demo.peers.wifi import WifiController

BOARD = "127.0.0.1"
NAME = "booking.harbour-street.example"
"""The booking system's name: what the house's resolver knows and the certificate is for."""
TIMEZONE = "Europe/Lisbon"

_BOOKING = "127.77.0.20"
_PLATFORM = "127.77.0.21"
_CALENDAR = "127.77.0.22"
_ACCESS = "127.77.0.30"
_PROJECTOR = "127.77.0.41"
_CODEC = "127.77.0.42"
_DISPLAY = "127.77.0.43"
_PANEL = "127.77.0.44"


class Devices(NamedTuple):
    """All that can be measured, and where messages go."""

    internet: Internet
    resolver: Resolver
    wifi: WifiController
    access: Access
    booking: Booking
    platform: Nexudus
    calendar: Calendar
    projector: Projector
    codec: Codec
    display: Display
    panel: Panel
    ups: Ups
    printer: Printer
    backup: Backup
    sink: Sink

    def named(self, name: str) -> Peer:
        """The one of that name."""
        found: Peer = getattr(self, name)
        return found


def made(authority: Authority, passwords: Passwords, board: int) -> Devices:
    """Devices that do not run yet; the board will be served on port `board`."""
    return Devices(
        internet=Internet("127.77.8.1", "127.77.8.2", "127.77.8.53"),
        resolver=Resolver("127.77.0.53", {NAME: ("A", _BOOKING)}),
        wifi=WifiController("127.77.0.10", passwords.snmp, ZoneInfo(TIMEZONE)),
        access=Access(_ACCESS, passwords.access, authority.server(_ACCESS)),
        booking=Booking(_BOOKING, NAME, authority),
        platform=Nexudus(_PLATFORM, passwords.booking, authority.server(_PLATFORM)),
        calendar=Calendar(_CALENDAR),
        projector=Projector(_PROJECTOR, passwords.projector),
        codec=Codec(_CODEC, passwords.codec, authority.server(_CODEC)),
        display=Display(_DISPLAY, passwords.display, authority.server(_DISPLAY)),
        panel=Panel(_PANEL),
        ups=Ups("127.77.0.50", passwords.snmp),
        printer=Printer("127.77.0.51", passwords.snmp),
        backup=Backup(BOARD, board, passwords.heartbeat),
        sink=Sink("127.77.0.99"),
    )
