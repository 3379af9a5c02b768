"""The SNMP part's peers: a 48-port switch, which is Net-SNMP's agent in a network of its own, and snmp_exporter."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.peers import Running, free_port, process, program, server

PORTS = 48
ROWS = 64
"""How many rows of a walk the peers ask for at once: as many as our engine at most, more than they do untold."""
COMMUNITY = "public"
USER, PASSPHRASE = "bench", "a long passphrase"
"""Of version 3, with SHA and AES; the passphrase serves for both."""

_UPTIME, _NUMBER = "1.3.6.1.2.1.1.3", "1.3.6.1.2.1.2.1"
_IF, _IFX = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
INTERFACES = ("1.3.6.1.2.1.2", _IFX.removesuffix(".1"))
"""The subtrees of IF-MIB that hold ifTable and ifXTable."""

_PORT = "2"  # index of the first port: 1 is the loopback interface
SIX = (
    f"{_UPTIME}.0",
    *(f"{_IF}.{column}.{_PORT}" for column in (8, 14, 20)),  # ifOperStatus, ifInErrors, ifOutErrors
    *(f"{_IFX}.{column}.{_PORT}" for column in (6, 10)),  # ifHCInOctets, ifHCOutOctets
)
"""What one asks about an uplink: the agent's uptime, and status, errors and octets of a port."""

_IF_COLUMNS = {
    3: ("ifType", "gauge"),
    4: ("ifMtu", "gauge"),
    5: ("ifSpeed", "gauge"),
    6: ("ifPhysAddress", "PhysAddress48"),
    7: ("ifAdminStatus", "gauge"),
    8: ("ifOperStatus", "gauge"),
    9: ("ifLastChange", "gauge"),
    10: ("ifInOctets", "counter"),
    11: ("ifInUcastPkts", "counter"),
    12: ("ifInNUcastPkts", "counter"),
    13: ("ifInDiscards", "counter"),
    14: ("ifInErrors", "counter"),
    15: ("ifInUnknownProtos", "counter"),
    16: ("ifOutOctets", "counter"),
    17: ("ifOutUcastPkts", "counter"),
    18: ("ifOutNUcastPkts", "counter"),
    19: ("ifOutDiscards", "counter"),
    20: ("ifOutErrors", "counter"),
    21: ("ifOutQLen", "gauge"),
}
_IFX_COLUMNS = {
    2: ("ifInMulticastPkts", "counter"),
    3: ("ifInBroadcastPkts", "counter"),
    4: ("ifOutMulticastPkts", "counter"),
    5: ("ifOutBroadcastPkts", "counter"),
    6: ("ifHCInOctets", "counter"),
    7: ("ifHCInUcastPkts", "counter"),
    8: ("ifHCInMulticastPkts", "counter"),
    9: ("ifHCInBroadcastPkts", "counter"),
    10: ("ifHCOutOctets", "counter"),
    11: ("ifHCOutUcastPkts", "counter"),
    12: ("ifHCOutMulticastPkts", "counter"),
    13: ("ifHCOutBroadcastPkts", "counter"),
    15: ("ifHighSpeed", "gauge"),
    16: ("ifPromiscuousMode", "gauge"),
    17: ("ifConnectorPresent", "gauge"),
    19: ("ifCounterDiscontinuityTime", "gauge"),
}
_LABELS = {"ifAlias": f"{_IFX}.18", "ifDescr": f"{_IF}.2", "ifName": f"{_IFX}.1"}
"""The columns that its module if_mib makes labels of."""


def make_ports() -> None:
    """Give the network namespace that we are in its loopback interface and PORTS ports, all up: cables in pairs."""
    ends = [(f"port{first}", f"port{first + 1}") for first in range(1, PORTS, 2)]
    lines = [
        "link set lo up",
        *(f"link add {one} up type veth peer name {other}" for one, other in ends),
        *(f"link set {other} up" for _, other in ends),
    ]
    subprocess.run((program("ip"), "-batch", "-"), input="\n".join(lines), text=True, check=True)


@contextmanager
def switch(folder: Path) -> Iterator[int]:
    """Net-SNMP's agent; yields its UDP port on 127.0.0.1."""
    port = free_port()
    lines = (
        f"agentaddress udp:127.0.0.1:{port}",
        f"rocommunity {COMMUNITY}",
        f'createUser {USER} SHA "{PASSPHRASE}" AES "{PASSPHRASE}"',
        f"rouser {USER} priv",
    )
    (folder / "snmpd.conf").write_text("\n".join(lines) + "\n")
    command = (program("snmpd"), "-f", "-C", "-c", str(folder / "snmpd.conf"), "-Lo", "-I", "-smux")
    with process(*command, folder=folder):
        _await(port)
        yield port


def _await(port: int) -> None:
    """Return when the agent answers."""
    command = (program("snmpget"), "-v2c", "-c", COMMUNITY, "-r20", "-t0.5", f"127.0.0.1:{port}", SIX[0])
    deadline = time.monotonic() + 20
    while subprocess.run(command, capture_output=True, check=False).returncode:
        if time.monotonic() > deadline:
            raise RuntimeError(f"snmpd did not begin to serve port {port}")
        time.sleep(0.1)


@contextmanager
def snmp_exporter() -> Iterator[Running]:
    """snmp_exporter with the modules six and if_mib."""
    with TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        (folder / "snmp.yml").write_text(_modules())
        options = (f"--web.listen-address=127.0.0.1:{port}", "--config.file=snmp.yml", "--log.level=error")
        with server((program("prometheus-snmp-exporter"), *options), port, folder, "/metrics") as running:
            yield running


def _modules() -> str:
    """Its configuration, in the form of version 0.21, as its generator writes it but for help texts and the names of
    enumerated values. Both modules have what `SIX` and `INTERFACES` ask for, no more."""
    six = [
        _metric("sysUpTime", "gauge", _UPTIME),
        *(_metric(*_IF_COLUMNS[column], f"{_IF}.{column}", _INDEX) for column in (8, 14, 20)),
        *(_metric(*_IFX_COLUMNS[column], f"{_IFX}.{column}", _INDEX) for column in (6, 10)),
    ]
    by_port = _INDEX + ", " + _lookups()
    if_mib = [
        _metric("ifNumber", "gauge", _NUMBER),
        *(_metric(*column, f"{_IF}.{number}", by_port) for number, column in _IF_COLUMNS.items()),
        *(_metric(*column, f"{_IFX}.{number}", by_port) for number, column in _IFX_COLUMNS.items()),
    ]
    return _module("six", "get", SIX, six) + _module("if_mib", "walk", INTERFACES, if_mib)


def _module(name: str, how: str, oids: tuple[str, ...], metrics: list[str]) -> str:
    lines = [
        f"{name}:",
        "  version: 2",
        f"  max_repetitions: {ROWS}",
        f"  auth: {{community: {COMMUNITY}}}",
        f"  {how}: [{', '.join(oids)}]",
        "  metrics:",
        *(f"  - {metric}" for metric in metrics),
    ]
    return "\n".join(lines) + "\n"


_INDEX = "indexes: [{labelname: ifIndex, type: gauge}]"


def _metric(name: str, type: str, oid: str, more: str = "") -> str:
    return f"{{name: {name}, oid: {oid}, type: {type}, help: '{name} - {oid}'{', ' if more else ''}{more}}}"


def _lookups() -> str:
    each = (
        f"{{labels: [ifIndex], labelname: {label}, oid: {oid}, type: DisplayString}}" for label, oid in _LABELS.items()
    )
    return f"lookups: [{', '.join(each)}]"
