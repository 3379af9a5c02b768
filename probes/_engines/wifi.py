"""Wi-Fi as every controller shows it, in one set of terms, and what is wrong with it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from probes._base import DefaultRule, Failed, Measured, Metric, Params, Sample
from probes._engines.displays import printable
from probes._engines.inventory import MOST, Inventory
from probes._engines.memory import Memory

Band = Literal["2.4", "5", "6", ""]
"""GHz; "" for one that is not known."""
Name = Annotated[str, Field(min_length=1, max_length=64)]


class WifiParams(Params):
    """Which network is looked at, and what should carry it."""

    ssid: Annotated[
        str, Field(max_length=32, description="the network that must be broadcast; all that there are if not set")
    ] = ""
    role: Annotated[
        Literal["members", "operations", "guest"],
        Field(description="whom the network is for: messages say who is without it"),
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
    """A network: None is what the controller does not tell. `radios` is how many broadcast it.

    One that is on several radios or access points may be there several times, each with its own share.
    """

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
    """A radio of an access point: `utilization` is the share of time in which its channel is busy, `up` whether it
    is on the air."""

    name: str
    band: Band = ""
    channel: int | None = None
    utilization: float | None = None
    clients: int | None = None
    up: bool | None = None


class Radius(NamedTuple):
    """A RADIUS server as the controller sees it: requests and those without an answer, since the controller began."""

    server: str
    requests: int
    timeouts: int


class View(NamedTuple):
    """All that a controller tells at once.

    `listed` says whether its access points are listed by name; where only their number is known, `online` and `total`
    hold it. `named` says whether its networks are. `clients` is how many there are in all, None if it does not tell.
    `more` and `complaints` are figures of its own and what they mean for members, in words.
    """

    ssids: tuple[Ssid, ...] = ()
    access_points: tuple[AccessPoint, ...] = ()
    radios: tuple[Radio, ...] = ()
    radius: tuple[Radius, ...] = ()
    listed: bool = True
    online: int | None = None
    total: int | None = None
    clients: int | None = None
    named: bool = True
    more: tuple[Sample, ...] = ()
    complaints: tuple[str, ...] = ()


_ENABLED = "deskwatch_wifi_ssid_enabled"
_RADIOS = "deskwatch_wifi_ssid_radios"
_SSID_CLIENTS = "deskwatch_wifi_ssid_clients"
_CLIENTS = "deskwatch_wifi_clients"
_POINTS = "deskwatch_wifi_access_points"
_POINT_UP = "deskwatch_wifi_access_point_up"
_POINT_CLIENTS = "deskwatch_wifi_access_point_clients"
_UTILIZATION = "deskwatch_wifi_channel_utilization_ratio"
_CHANNEL = "deskwatch_wifi_channel"
_RADIO_UP = "deskwatch_wifi_radio_up"
_RADIO_CLIENTS = "deskwatch_wifi_radio_clients"
_REQUESTS = "deskwatch_wifi_radius_requests_total"
_TIMEOUTS = "deskwatch_wifi_radius_timeouts_total"
_UNANSWERED = "deskwatch_wifi_radius_unanswered_ratio"

_STATES = ("online", "offline", "missing")
_WITHOUT = {
    "members": "members have no Wi-Fi",
    "operations": "devices of the house, like printers and locks, have no Wi-Fi",
    "guest": "guests have no Wi-Fi",
}

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
    Metric(_RADIO_UP, "1 if the radio is on the air, else 0", "", "radio"),
    Metric(_RADIO_CLIENTS, "Devices on the radio", "", "radio"),
    Metric(_REQUESTS, "Requests that the controller has sent to the RADIUS server", "", "server"),
    Metric(_TIMEOUTS, "Requests that the RADIUS server did not answer", "", "server"),
    Metric(
        _UNANSWERED,
        "Share of the requests since the last look without an answer of the RADIUS server",
        "ratio",
        "server",
    ),
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
    DefaultRule(
        "deserted",
        _SSID_CLIENTS,
        "has a network with hardly any device on it, though there usually are some at this hour",
        severity="critical",
        closed="info",
        against="usual",
        least_usual=5,
        below=0.05,
        clear=0.2,
        times=3,
        window=3,
    ),
    DefaultRule("crowded", _POINT_CLIENTS, "has more than 40 devices on one access point", above=40, hold=600),
    DefaultRule(
        "busy-air", _UTILIZATION, "has a channel that is busy most of the time", above=0.75, clear=0.6, hold=900
    ),
    DefaultRule(
        "radius-silent",
        _UNANSWERED,
        "has a RADIUS server that leaves requests unanswered: members may not get in",
        above=0.2,
        clear=0.05,
        times=3,
        window=5,
    ),
)
"""What every such kind proposes."""

LONGEST_NAME = 64
"""The most characters of a name that a controller gives."""
MOST_SSIDS = 256
"""Networks of one controller that are looked at; access points and radios are bounded by `inventory.MOST`."""

_SERVERS = "radius"
_UNNAMED = "unnamed"


def judged(view: View, params: WifiParams, memory: Memory, check: str) -> Measured:
    """What a controller's view means for the network of the settings; remembers the access points that were listed.

    Raises Failed when members cannot use it.
    """
    view = _tidied(view)
    known = memory.recall(check)
    inventory = Inventory.of(known)
    missing = _missing(view, params, inventory)
    samples = (*_samples(view, missing), *_unanswered(view.radius, known.get(_SERVERS, {})), *view.more)
    if view.listed:
        inventory = inventory.after([point.name for point in view.access_points], datetime.now(UTC))
    servers = {each.server: [each.requests, each.timeouts] for each in view.radius}
    memory.keep(check, {**inventory.memory, _SERVERS: servers})
    sentence = "; ".join(_remarks(view, params, missing))
    if objection := _objection(view, params, missing):
        raise Failed(objection[0], f"{objection[1]}; {sentence}", samples)
    return Measured(sentence, samples)


def _tidied(view: View) -> View:
    """The view with each network once, and with names that are fit for labels, none of them twice."""
    points, radios, servers = view.access_points[:MOST], view.radios[:MOST], view.radius[:MOST]
    return view._replace(
        ssids=tuple(_merged(view.ssids)),
        access_points=tuple(p._replace(name=n) for p, n in zip(points, _labels(p.name for p in points), strict=True)),
        radios=tuple(r._replace(name=n) for r, n in zip(radios, _labels(r.name for r in radios), strict=True)),
        radius=tuple(s._replace(server=n) for s, n in zip(servers, _labels(s.server for s in servers), strict=True)),
    )


def _merged(ssids: Iterable[Ssid]) -> Iterator[Ssid]:
    """Each network once: enabled if it is anywhere, with the devices and radios of all places."""
    places: dict[str, list[Ssid]] = {}
    for ssid in ssids:
        name = printable(ssid.name, LONGEST_NAME)
        if name and (name in places or len(places) < MOST_SSIDS):
            places.setdefault(name, []).append(ssid)
    for name, found in places.items():
        enabled = [each.enabled for each in found if each.enabled is not None]
        yield Ssid(
            name,
            any(enabled) if enabled else None,
            _sum(each.clients for each in found),
            _sum(each.radios for each in found),
        )


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _labels(given: Iterable[str]) -> Iterator[str]:
    taken: set[str] = set()
    for name in given:
        label = base = printable(name, LONGEST_NAME) or _UNNAMED
        number = 1
        while label in taken:
            number += 1
            label = f"{base} #{number}"
        taken.add(label)
        yield label


def _missing(view: View, params: WifiParams, inventory: Inventory) -> tuple[str, ...]:
    """Access points that are not on the list, but should be."""
    return inventory.missing([point.name for point in view.access_points], params.access_points) if view.listed else ()


def _objection(view: View, params: WifiParams, missing: Sequence[str]) -> tuple[str, str] | None:
    """Reason and words, None if members can use it."""
    if params.ssid and view.named and (fault := _fault(_mine(view, params), params.ssid)):
        return fault[0], f"{fault[1]}: {_WITHOUT[params.role]}"
    online, total = _counted(view, missing)
    lost = total - online
    if lost and lost / total >= params.offline_share and (lost > 1 or not online):
        return "access_points_down", f"{lost} of {total} access points are offline or have vanished"
    return None


def _fault(ssid: Ssid | None, name: str) -> tuple[str, str] | None:
    """Reason and words for a network that cannot be used."""
    if ssid is None:
        return "ssid_missing", f"there is no network {name}"
    if ssid.enabled is False:
        return "ssid_disabled", f"the network {name} is switched off"
    return ("ssid_silent", f"no radio broadcasts the network {name}") if ssid.radios == 0 else None


def _mine(view: View, params: WifiParams) -> Ssid | None:
    """The network of the settings."""
    wanted = printable(params.ssid, LONGEST_NAME)
    return next((ssid for ssid in view.ssids if ssid.name == wanted), None) if wanted else None


def _counted(view: View, missing: Sequence[str]) -> tuple[int, int]:
    """How many access points are online, and how many there should be; 0 if that is not known."""
    if view.listed:
        online = sum(point.online for point in view.access_points)
        return online, len(view.access_points) + len(missing)
    online = view.online or 0
    return online, max(view.total or 0, online)


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
        yield _RADIO_UP, radio.up, radio.name
        yield _RADIO_CLIENTS, radio.clients, radio.name
    for server in view.radius:
        yield _REQUESTS, server.requests, server.server
        yield _TIMEOUTS, server.timeouts, server.server


def _unanswered(servers: Iterable[Radius], before: Mapping[str, Any]) -> Iterator[Sample]:
    """Of each RADIUS server that was asked since the last look, the share of requests that it did not answer."""
    for server in servers:
        requests, timeouts = before.get(server.server, (server.requests, server.timeouts))
        asked, unanswered = server.requests - requests, server.timeouts - timeouts
        if asked > 0 and unanswered >= 0:
            yield Sample(_UNANSWERED, min(unanswered / asked, 1), server.server)


def _remarks(view: View, params: WifiParams, missing: Sequence[str]) -> Iterator[str]:
    """What a community manager should know, what is wrong first."""
    yield from _complaints(view, missing)
    mine = _mine(view, params)
    clients = view.clients if mine is None else mine.clients
    if clients is not None:
        where = params.ssid if mine else "the Wi-Fi"
        yield f"{clients} {'device is' if clients == 1 else 'devices are'} on {where}"
    online, total = _counted(view, missing)
    if total:
        yield f"{online} of {total} access points are online"
    if params.ssid and not view.named:
        yield "which networks there are is not told"
    if params.access_points and not view.listed:
        yield "which access points there are is not told"
    if not total and clients is None:
        yield "the controller answers"


def _complaints(view: View, missing: Sequence[str]) -> Iterator[str]:
    offline = [
        f"{point.name} ({printable(point.state)})" if point.state else point.name
        for point in view.access_points
        if not point.online
    ]
    if offline:
        yield f"offline: {_few(offline)}"
    if missing:
        yield f"vanished: {_few(missing)}"
    busy = [f"{radio.name} ({100 * (radio.utilization or 0):.0f} %)" for radio in view.radios if _is_busy(radio)]
    if busy:
        yield f"busy channels: {_few(busy)}"
    yield from view.complaints


def _is_busy(radio: Radio) -> bool:
    """Whether its channel is busier than is usual for its band: neighbours fill 2.4 GHz in any house."""
    return radio.utilization is not None and radio.utilization > (0.75 if radio.band in ("2.4", "") else 0.6)


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"
