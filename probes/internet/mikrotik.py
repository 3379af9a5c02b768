"""Asks a MikroTik router over its REST API how the lines to the internet are, as its netwatch tests them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from typing import Annotated, Any, ClassVar

from pydantic import Field

from probes import Measured, Probe
from probes._engines import Engines, api, gateways
from probes._engines.devices import DeviceParams
from probes._engines.gateways import GatewayParams, Line, Look, of_looks, ratio
from probes._engines.http.exchange import Trust, origin
from probes._engines.json_values import words
from probes._engines.trust import CaFile, TlsVerify
from probes._secrets import Secret

Row = Mapping[str, Any]
"""An entry of one of the router's lists: all values are texts."""

_WATCH_FIELDS = "name,comment,host,status,disabled,loss-percent,rtt-avg,rtt-jitter"
_INTERFACE_FIELDS = "name,comment,running,disabled"
_ROUTE_FIELDS = "gateway,immediate-gw,active"
_DEFAULT = "0.0.0.0/0"

_ALIVE: Mapping[str, bool] = {"up": True, "down": False}
_DURATION = re.compile(r"(?:(\d{1,6})s)?(?:(\d{1,6}(?:\.\d{1,6})?)ms)?(?:(\d{1,6})us)?")
_CLOCK = re.compile(r"00:00:(\d\d(?:\.\d{1,9})?)")


class MikrotikParams(GatewayParams, DeviceParams):
    """Which router to ask, how it lets us in, and which lines it must have."""

    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port of its service www-ssl")] = 443
    username: Annotated[
        str,
        Field(
            pattern=r"^[^:\x00-\x1f\x7f]+$",
            max_length=200,
            description="a user with the policies `read` and `rest-api`",
        ),
    ]
    password: Annotated[Secret, Field(description="the password of that user")]
    tls_verify: TlsVerify = True
    ca_file: CaFile = ""


class Mikrotik(Probe[MikrotikParams]):
    """Whether the lines of a MikroTik router work."""

    Params = MikrotikParams
    metrics = gateways.METRICS
    reasons: ClassVar = {**api.REASONS, **gateways.REASONS}
    rules = gateways.RULES
    per_target = 1

    def __init__(self, params: MikrotikParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._api = api.Api(
            engines.http,
            f"{origin(params.host, params.port)}/rest",
            "the router",
            "`username` and `password`, and the policies of that user",
            private=api.basic(params.username, params.password.get_secret_value()),
            trust=Trust(params.tls_verify, params.ca_file),
        )

    async def measure(self, timeout: float) -> Measured:
        """Ask for the tests, the interfaces, and the routes that lead everywhere."""
        deadline = monotonic() + timeout - api.MARGIN
        watches = await self._list("/tool/netwatch", _WATCH_FIELDS, deadline)
        interfaces = await self._list("/interface", _INTERFACE_FIELDS, deadline)
        routes = await self._list("/ip/route", _ROUTE_FIELDS, deadline, **{"dst-address": _DEFAULT})
        wanted = tuple(dict.fromkeys((*self.params.lines, *self.params.backup)))
        lines = tuple(read(watches, interfaces, routes, wanted))
        return gateways.judged(lines, self.params, self.engines.memory, self.check)

    async def _list(self, path: str, fields: str, deadline: float, **query: str) -> tuple[Row, ...]:
        return api.rows(await self._api.get(path, deadline, **{".proplist": fields, **query}))


def read(
    watches: Sequence[Row], interfaces: Sequence[Row], routes: Sequence[Row], wanted: Sequence[str]
) -> Iterator[Line]:
    """The lines: what netwatch tests, by the name or comment of a test, with the interface that is called the same.

    If any are wanted by name, only those: a router may test its printers, too.
    """
    tested = {line.name: line for line in of_looks(_looks(watches))}
    known = {label: row for row in interfaces for label in (words(row.get("comment")), words(row.get("name"))) if label}
    carrying = set(_carrying(routes))
    for name in wanted or tested:
        if name not in tested and name not in known:
            continue  # it is missing
        line = tested.get(name) or Line(name, "active")
        yield _on_interface(line, known[name], carrying) if name in known else line


def _looks(watches: Sequence[Row]) -> Iterator[Look]:
    for row in watches:
        if row.get("disabled") != "true":
            label = words(row.get("name")) or words(row.get("comment")) or words(row.get("host"))
            yield Look(
                label,
                _ALIVE.get(words(row.get("status"))),
                latency=duration(row.get("rtt-avg")),
                jitter=duration(row.get("rtt-jitter")),
                loss=ratio(row.get("loss-percent")),
            )


def _on_interface(line: Line, interface: Row, carrying: set[str]) -> Line:
    """The line, on an interface that may be off or have no link, and that routes may lead to."""
    line = line._replace(carries=words(interface.get("name")) in carrying)
    if interface.get("disabled") == "true":
        return line._replace(state="disabled", word="switched off")
    if interface.get("running") != "true":
        return line._replace(state="down", word="no link")
    return line


def _carrying(routes: Sequence[Row]) -> Iterator[str]:
    """The interfaces that active default routes lead to: "192.0.2.1%ether1", or an interface alone, or several."""
    for row in routes:
        if row.get("active") == "true":
            leads = words(row.get("immediate-gw")) or words(row.get("gateway"))
            yield from (way.rpartition("%")[2] for way in leads.split(","))


def duration(told: Any) -> float | None:
    """Seconds of "12ms345us", "1s20ms" or "00:00:00.0123"; None for anything else."""
    text = words(told)
    if found := _CLOCK.fullmatch(text):
        return float(found[1])
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        return None
    seconds, milliseconds, microseconds = (float(part or 0) for part in found.groups())
    return seconds + milliseconds / 1e3 + microseconds / 1e6
