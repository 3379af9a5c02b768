"""Turns a host name into the address to measure, and says what a network error of our own machine means."""

import asyncio
import errno
import ipaddress
import os
import socket
import time
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from probes._base import Failed, Sample, Unmeasured

Family = Literal["auto", "ipv4", "ipv6"]
Host = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[^\s/@\x00-\x1f]+$")]
Interface = Annotated[str, Field(min_length=1, max_length=15, pattern=r"^[^\s/\x00-\x1f]+$")]

_FAMILIES = {"auto": socket.AF_UNSPEC, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
_VERSIONS = {socket.AF_INET: 4, socket.AF_INET6: 6}
_NO_SUCH_NAME = {
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY") if hasattr(socket, name)
}
_PERMISSION = {errno.EPERM, errno.EACCES}


class Resolved(NamedTuple):
    """An address to measure: numeric, IP version 4 or 6, and the seconds it took to find."""

    address: str
    version: int
    took: float

    @property
    def samples(self) -> tuple[Sample, ...]:
        """What every kind that resolves a name reports about it."""
        return (Sample("probe_dns_lookup_time_seconds", self.took), Sample("probe_ip_protocol", self.version))


async def resolve(host: str, family: Family, timeout: float, source: object = None) -> Resolved:
    """The address of a host that this machine would use first, within `timeout` seconds.

    `source` is the address that will be sent from; its IP version decides when the family is "auto". Raises Failed
    "unresolved" when the name has no such address, Unmeasured when our resolver does not answer.
    """
    wanted = _FAMILIES[family]
    if source is not None and family == "auto":
        wanted = _FAMILIES[f"ipv{ip_version(str(source))}"]
    version = ip_version(host)
    if version and wanted in (socket.AF_UNSPEC, _FAMILIES[f"ipv{version}"]):
        return Resolved(host, version, 0.0)
    began = time.monotonic()
    try:
        async with asyncio.timeout(timeout):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, family=wanted, type=socket.SOCK_STREAM)
    except TimeoutError as error:
        raise Unmeasured("no_network", f"our resolver did not answer for {host} within {timeout:.3g} s") from error
    except socket.gaierror as error:
        raise _unresolved(host, family, error) from error
    except UnicodeError as error:
        raise Failed("unresolved", f"{host} is not a host name") from error
    of, _, _, _, address = found[0]
    return Resolved(str(address[0]), _VERSIONS[of], time.monotonic() - began)


@lru_cache(maxsize=16_384)
def ip_version(host: str) -> int:
    """4 or 6 for a numeric address, 0 for a name. Remembered: parsing one costs as much as sending an echo to it."""
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return 0


def _unresolved(host: str, family: Family, error: socket.gaierror) -> Failed | Unmeasured:
    if error.errno in _NO_SUCH_NAME:
        kind = "" if family == "auto" else f"{family.replace('ip', 'IP')} "
        return Failed("unresolved", f"{host} has no {kind}address")
    return Unmeasured("no_network", f"our resolver could not look up {host}: {error.strerror}")


def local_failure(error: OSError, what: str) -> Unmeasured:
    """The reading that an error of our own machine stands for: it says nothing about the target."""
    reason = "no_permission" if error.errno in _PERMISSION else "no_network"
    words = os.strerror(error.errno) if error.errno else str(error)
    return Unmeasured(reason, f"{what}: {words}")
