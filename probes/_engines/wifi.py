"""Wi-Fi as every controller shows it, in one set of terms, and what is wrong with it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from probes._base import DefaultRule, Failed, Measured, Metric, Params, Sample
from probes._engines.inventory import Inventory
from probes._engines.memory import Memory

Name = Annotated[str, Field(min_length=1, max_length=64)]


class WifiParams(Params):
    """Which network is looked at, and what should carry it."""

    ssid: Annotated[
        str, Field(max_length=32, description="the network that must be broadcast; all that there are if not set")
    ] = ""
    role: Annotated[
        Literal["members", "operations", "guest"], Field(description="whom the network is for: goes into messages")
    ] = "members"
    access_points: Annotated[
        tuple[Name, ...],
        Field(
            max_length=1000,
            description="names of the access points that must be there; if not set, those that were seen for an hour "
            "within the last 14 days",
        ),
    ] = ()
    offline_share: Annotated[
        float, Field(gt=0, le=1, description="share of the access points that must be offline for it to count as DOWN")
    ] = 0.2


class Ssid(NamedTuple):
    """A network: None is what the controller does not tell. `radios` is how many broadcast it."""

    name: str
    enabled: bool | None = None
    clients: int | None = None
    radios: int | None = None


class AccessPoint(NamedTuple):
    """An access point: `state` is the controller's word for how it is, for people."""

    name: str
    online: bool
    state: str = ""
    clients: int | None = None


class Radio(NamedTuple):
    """A radio of an access point: `utilization` is the share of time in which its channel is busy."""

    name: str
    band: Literal["2.4", "5", "6", ""] = ""
    channel: int | None = None
    utilization: float | None = None
    clients: int | None = None


class Radius(NamedTuple):
    """A RADIUS server as the controller sees it: requests and those without an answer, since the controller began."""

    server: str
    requests: int
    timeouts: int


class View(NamedTuple):
    """All that a controller tells at once.

    `listed` says whether its access points are listed by name; where only their number is known, `online` and `total`
    hold it. `clients` is how many there are in all, None if it does not tell.
    """

    ssids: tuple[Ssid, ...] = ()
    access_points: tuple[AccessPoint, ...] = ()
    radios: tuple[Radio, ...] = ()
    radius: tuple[Radius, ...] = ()
    listed: bool = True
    online: int | None = None
    total: int | None = None
    clients: int | None = None


_ENABLED = "deskwatch_wifi_ssid_enabled"
_RADIOS = "deskwatch_wifi_ssid_radios"
_SSID_CLIENTS = "deskwatch_wifi_ssid_clients"
_CLIENTS = "deskwatch_wifi_clients"
_POINTS = "deskwatch_wifi_access_points"
_POINT_UP = "deskwatch_wifi_access_point_up"
_POINT_CLIENTS = "deskwatch_wifi_access_point_clients"
_UTILIZATION = "deskwatch_wifi_channel_utilization_ratio"
_CHANNEL = "deskwatch_wifi_channel"
_REQUESTS = "deskwatch_wifi_radius_requests"
_TIMEOUTS = "deskwatch_wifi_radius_timeouts"

_STATES = ("online", "offline", "missing")

METRICS = (
    Metric(_ENABLED, "1 if the network is switched on, else 0", "", "ssid"),
    Metric(_RADIOS, "Radios that broadcast the network", "", "ssid"),
    Metric(_SSID_CLIENTS, "Devices on the network", "", "ssid"),
    Metric(_CLIENTS, "Devices on all networks"),
    Metric(_POINTS, "Access points by how they are; missing are those that are not even listed", "", "state", _STATES),
    Metric(_POINT_UP, "1 if the access point is online, 0 if it is offline or missing", "", "access_point"),
    Metric(_POINT_CLIENTS, "Devices on the access point", "", "access_point"),
    Metric(_UTILIZATION, "Share of the time in which the radio's channel is busy", "ratio", "radio"),
    Metric(_CHANNEL, "Channel that the radio uses", "", "radio"),
    Metric(_REQUESTS, "Requests that the controller has sent to the RADIUS server", "", "server"),
    Metric(_TIMEOUTS, "Requests that the RADIUS server did not answer", "", "server"),
)
"""What every kind that looks at a controller measures."""

REASONS = {
    "ssid_missing": "the controller does not know the network",
    "ssid_disabled": "the network is switched off",
    "ssid_silent": "the network is switched on, but no radio broadcasts it",
    "access_points_down": "too many of the access points are offline or have vanished",
}
"""The reasons for which Wi-Fi is down, beside those for which a controller does not answer."""

RULES = (
    DefaultRule(
        "access-point-down",
        _POINT_UP,
        "has an access point that is offline or has vanished",
        below=1,
        times=2,
        window=2,
    ),
    DefaultRule("crowded", _POINT_CLIENTS, "has more than 40 devices on one access point", above=40, hold=600),
    DefaultRule(
        "busy-air", _UTILIZATION, "has a channel that is busy most of the time", above=0.75, clear=0.6, hold=900
    ),
)
"""What every such kind proposes."""


def judged(view: View, params: WifiParams, memory: Memory, check: str) -> Measured:
    """What a controller's view means for the network of the settings; remembers the access points that were listed.

    Raises Failed when members cannot use it.
    """
    now = datetime.now(UTC)
    missing = _missing(view, params, memory, check, now)
    samples = tuple(_samples(view, missing))
    sentence = "; ".join(_remarks(view, params, missing))
    if objection := _objection(view, params, missing):
        raise Failed(objection[0], f"{objection[1]}; {sentence}", samples)
    return Measured(sentence, samples)


def _missing(view: View, params: WifiParams, memory: Memory, check: str, now: datetime) -> tuple[str, ...]:
    """Access points that are not on the list, but should be."""
    if not view.listed:
        return ()
    before, present = Inventory.of(memory.recall(check)), [point.name for point in view.access_points]
    memory.keep(check, before.after(present, now).memory)
    return before.missing(present, params.access_points)


def _objection(view: View, params: WifiParams, missing: Sequence[str]) -> tuple[str, str] | None:
    """Reason and words, None if members can use it."""
    if params.ssid:
        mine = next((ssid for ssid in view.ssids if ssid.name == params.ssid), None)
        if mine is None:
            return "ssid_missing", f"the controller has no network {params.ssid}"
        if mine.enabled is False:
            return "ssid_disabled", f"the network {params.ssid} is switched off"
        if mine.radios == 0:
            return "ssid_silent", f"no radio broadcasts the network {params.ssid}"
    online, total = _counted(view, missing)
    lost = total - online
    if lost and lost / total >= params.offline_share and (lost > 1 or not online):
        return "access_points_down", f"{lost} of {total} access points are offline or have vanished"
    return None


def _counted(view: View, missing: Sequence[str]) -> tuple[int, int]:
    """How many access points are online, and how many there should be; 0 if that is not known."""
    if view.listed:
        online = sum(point.online for point in view.access_points)
        return online, len(view.access_points) + len(missing)
    online = view.online or 0
    return online, view.total if view.total is not None else online


def _samples(view: View, missing: Sequence[str]) -> Iterator[Sample]:
    found = [*_of_networks(view), *_of_points(view, missing), *_of_the_rest(view)]
    yield from (Sample(metric, float(value), part) for metric, value, part in found if value is not None)


def _of_networks(view: View) -> Iterator[tuple[str, float | None, str]]:
    for ssid in view.ssids:
        yield _ENABLED, ssid.enabled, ssid.name
        yield _RADIOS, ssid.radios, ssid.name
        yield _SSID_CLIENTS, ssid.clients, ssid.name
    yield _CLIENTS, view.clients, ""


def _of_points(view: View, missing: Sequence[str]) -> Iterator[tuple[str, float | None, str]]:
    online, total = _counted(view, missing)
    if view.listed or view.online is not None:
        yield _POINTS, online, "online"
        yield _POINTS, total - online - len(missing), "offline"
    if view.listed:
        yield _POINTS, len(missing), "missing"
    for point in view.access_points:
        yield _POINT_UP, point.online, point.name
        yield _POINT_CLIENTS, point.clients, point.name
    yield from ((_POINT_UP, 0, name) for name in missing)


def _of_the_rest(view: View) -> Iterator[tuple[str, float | None, str]]:
    for radio in view.radios:
        yield _UTILIZATION, radio.utilization, radio.name
        yield _CHANNEL, radio.channel, radio.name
    for server in view.radius:
        yield _REQUESTS, server.requests, server.server
        yield _TIMEOUTS, server.timeouts, server.server


def _remarks(view: View, params: WifiParams, missing: Sequence[str]) -> Iterator[str]:
    """What a community manager should know."""
    mine = next((ssid for ssid in view.ssids if ssid.name == params.ssid), None)
    clients = view.clients if mine is None else mine.clients
    if clients is not None:
        yield f"{clients} {'device is' if clients == 1 else 'devices are'} on {params.ssid or 'the Wi-Fi'}"
    online, total = _counted(view, missing)
    if total:
        yield f"{online} of {total} access points are online"
    offline = [
        f"{point.name} ({point.state})" if point.state else point.name
        for point in view.access_points
        if not point.online
    ]
    if offline:
        yield f"offline: {_few(offline)}"
    if missing:
        yield f"vanished: {_few(missing)}"
    if not total and clients is None:
        yield "the controller answers"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"
