"""What this machine knows of its own network, read from the kernel and from files: nothing is sent, nobody is asked."""

import fcntl
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import NamedTuple

from monitor.config.values import parse_zone
from monitor.hosts import is_address

_UP, _GATEWAY, _REJECT = 0x1, 0x2, 0x200  # linux/route.h
_SIOCGIFADDR = 0x8915  # linux/sockios.h
_STUB = "127.0.0.53"  # where systemd-resolved listens; it keeps the real servers in a file of its own


class Gateway(NamedTuple):
    """A default route: the interface and the router's address."""

    interface: str
    address: str


class Interface(NamedTuple):
    """A network interface with its addresses."""

    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """What a first configuration is made from; `gateways` the preferred one first."""

    host: str = "site"
    timezone: str = "UTC"
    gateways: tuple[Gateway, ...] = ()
    resolvers: tuple[str, ...] = ()
    interfaces: tuple[Interface, ...] = ()


def survey(root: Path = Path("/")) -> Machine:
    """What this machine knows; what it does not know stays empty. `root` is where /proc, /etc and /run are."""
    return Machine(
        host=socket.gethostname(),
        timezone=_timezone(root),
        gateways=(
            *gateways_v4(_text(root / "proc/net/route")),
            *gateways_v6(_text(root / "proc/net/ipv6_route")),
        ),
        resolvers=_resolvers(root),
        interfaces=tuple(_interfaces(_text(root / "proc/net/if_inet6"))),
    )


def gateways_v4(table: str) -> tuple[Gateway, ...]:
    """The default routes of /proc/net/route, the lowest metric first."""
    found = []
    for line in table.splitlines()[1:]:
        match line.split():
            case [interface, "00000000", gateway, flags, _, _, metric, "00000000", *_]:
                if int(flags, 16) & _UP and int(flags, 16) & _GATEWAY and not int(flags, 16) & _REJECT:
                    address = IPv4Address(struct.pack("=L", int(gateway, 16)))  # in the machine's byte order
                    found.append((int(metric), Gateway(interface, str(address))))
    return tuple(gateway for _, gateway in sorted(found))


def gateways_v6(table: str) -> tuple[Gateway, ...]:
    """The default routes of /proc/net/ipv6_route, the lowest metric first; a link-local router carries its zone."""
    found = []
    for line in table.splitlines():
        match line.split():
            case [destination, "00", _, _, gateway, metric, _, _, flags, interface] if not int(destination, 16):
                if int(flags, 16) & _GATEWAY and not int(flags, 16) & _REJECT:
                    address = IPv6Address(bytes.fromhex(gateway))
                    zone = f"%{interface}" if address.is_link_local else ""
                    found.append((int(metric, 16), Gateway(interface, f"{address}{zone}")))
    return tuple(gateway for _, gateway in sorted(found))


def nameservers(text: str) -> tuple[str, ...]:
    """The servers of a resolv.conf, in order, each once."""
    words = [line.split() for line in text.splitlines()]
    servers = [line[1] for line in words if len(line) > 1 and line[0] == "nameserver" and is_address(line[1])]
    return tuple(dict.fromkeys(servers))


def _resolvers(root: Path) -> tuple[str, ...]:
    servers = nameservers(_text(root / "etc/resolv.conf"))
    if servers == (_STUB,):
        return nameservers(_text(root / "run/systemd/resolve/resolv.conf")) or servers
    return servers


def _timezone(root: Path) -> str:
    """The zone of /etc/timezone, else the one that /etc/localtime links to, else UTC."""
    named = _text(root / "etc/timezone").strip()
    try:
        linked = str((root / "etc/localtime").readlink()).rpartition("zoneinfo/")[2]
    except OSError:
        linked = ""
    for name in (named, linked):
        try:
            return parse_zone(name)
        except ValueError:
            continue
    return "UTC"


def _interfaces(table_v6: str) -> Iterator[Interface]:
    """The interfaces that have addresses, without the loopback."""
    addresses: dict[str, list[str]] = {name: [] for _, name in socket.if_nameindex() if name != "lo"}
    for name in addresses:
        addresses[name].extend(_address_v4(name))
    for line in table_v6.splitlines():
        match line.split():
            case [address, _, _, _, _, name] if name in addresses:
                addresses[name].append(str(IPv6Address(bytes.fromhex(address))))
    for name, found in addresses.items():
        if found:
            yield Interface(name, tuple(found))


def _address_v4(interface: str) -> Iterator[str]:
    """The first IPv4 address of an interface, if it has one; the socket asks the kernel and sends nothing."""
    request = struct.pack("256s", interface.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as kernel:
        try:
            answer = fcntl.ioctl(kernel.fileno(), _SIOCGIFADDR, request)
        except OSError:
            return
    yield str(IPv4Address(answer[20:24]))


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
