"""Asks a UniFi Network application how its Wi-Fi is: networks, access points, radios, and who gets no address."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from probes import DefaultRule, Failed, Measured, Metric, Probe, Sample, Unmeasured
from probes._engines import Engines, wifi
from probes._engines.api import MARGIN, REASONS, Question, rows
from probes._engines.json_values import count, share, words
from probes._engines.unifi import UnifiParams, unifi_api
from probes._engines.wifi import AccessPoint, Band, Radio, Ssid, View, WifiParams

MOST_PAGES = 20
"""Pages of a list that are read."""
MOST_DEVICES = 16 * 1024 * 1024
"""Bytes of the list of devices, of which an access point takes some 40,000."""

_PAGE = 200
_REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
_CONNECTED = 1
_STATES: Mapping[int | None, str] = {
    0: "disconnected",
    2: "waits for adoption",
    4: "is being updated",
    5: "is being set up",
    6: "does not report any more",
    9: "cannot reach the application",
    10: "adoption failed",
    11: "has lost its uplink",
}
_STATES_IN_WORDS = {
    "OFFLINE": "disconnected",
    "PENDING_ADOPTION": "waits for adoption",
    "UPDATING": "is being updated",
    "GETTING_READY": "is being set up",
    "ADOPTING": "is being adopted",
    "CONNECTION_INTERRUPTED": "does not report any more",
    "ISOLATED": "has lost its uplink",
}
_UNKNOWN_STATE = "in a state that we do not know"
_BANDS: Mapping[str, Band] = {"ng": "2.4", "na": "5", "6e": "6"}
_MESH = ("vwire-", "element-")  # networks by which access points talk to each other
_SATISFACTION = "deskwatch_wifi_access_point_satisfaction_ratio"
_NO_ADDRESS = "deskwatch_wifi_address_timeouts"
_NO_NAMES = "deskwatch_wifi_dns_timeouts"
_MANY = 5

Rows = tuple[Mapping[str, Any], ...]


class UnifiWifiParams(UnifiParams, WifiParams):
    """Where the application is, how it lets us in, and what should be there."""


class Unifi(Probe[UnifiWifiParams]):
    """Whether members can use the Wi-Fi that a UniFi Network application runs."""

    Params = UnifiWifiParams
    metrics = (
        *wifi.METRICS,
        Metric(
            _SATISFACTION,
            "How well devices on the access point are served, by UniFi's reckoning",
            "ratio",
            "access_point",
        ),
        Metric(_NO_ADDRESS, "Times that devices on the network waited in vain for an address lately", "", "ssid"),
        Metric(_NO_NAMES, "Times that devices on the network waited in vain for a DNS server lately", "", "ssid"),
    )
    reasons: ClassVar = {**REASONS, **wifi.REASONS}
    rules = (
        *wifi.RULES,
        DefaultRule(
            "no-addresses",
            _NO_ADDRESS,
            "has a network on which devices wait in vain for an address: DHCP",
            above=_MANY,
            clear=1,
            hold=600,
        ),
    )
    per_target = 1

    def __init__(self, params: UnifiWifiParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._api = unifi_api(engines, params, most=MOST_DEVICES)
        self._integration = False

    async def measure(self, timeout: float) -> Measured:
        """Read the devices and the networks of the site."""
        try:
            found = await self._look(time.monotonic() + timeout - MARGIN)
        except (Failed, Unmeasured):
            self._integration = False  # it may have been updated
            raise
        return wifi.judged(found, self.params, self.engines.memory, self.check)

    async def _look(self, deadline: float) -> View:
        if self._integration:
            return await self._look_by_integration(deadline)
        of = f"/api/s/{self.params.site}"
        answer = await self._api.try_(Question(f"{of}/stat/device"), deadline)
        if answer.status in _REFUSALS and self.params.api_key is not None:
            self._integration = True  # so do older versions, to which a key opens the new paths alone
            return await self._look_by_integration(deadline)
        if answer.status != HTTPStatus.OK:
            raise self._api.objection(answer.status)
        networks = await self._api.try_(Question(f"{of}/rest/wlanconf"), deadline)
        if networks.status in _REFUSALS:
            return view(rows(answer.document, "data"), None)
        if networks.status != HTTPStatus.OK:
            raise self._api.objection(networks.status)
        return view(rows(answer.document, "data"), rows(networks.document, "data"))

    async def _look_by_integration(self, deadline: float) -> View:
        of = f"/integration/v1/sites/{await self._site_id(deadline)}"
        devices = await self._list(f"{of}/devices", deadline)
        clients = await self._list(f"{of}/clients", deadline)
        networks = await self._api.try_(Question(f"{of}/wifi/broadcasts", {"limit": _PAGE}), deadline)
        named = rows(networks.document, "data") if networks.status == HTTPStatus.OK else None
        return integration_view(devices, clients, named)

    async def _site_id(self, deadline: float) -> str:
        for site in await self._list("/integration/v1/sites", deadline):
            if self.params.site in (site.get("internalReference"), site.get("name")):
                return words(site.get("id"))
        raise Unmeasured("no_permission", f"`api_key` opens no site {self.params.site}; correct `site` or the key")

    async def _list(self, path: str, deadline: float) -> Rows:
        """All entries of a list that comes in pages."""
        found: list[Mapping[str, Any]] = []
        for _ in range(MOST_PAGES):
            document = await self._api.get(path, deadline, limit=_PAGE, offset=len(found))
            entries = rows(document, "data")
            found += entries
            if not entries or len(found) >= (count(document.get("totalCount")) or 0):
                return tuple(found)
        most = MOST_PAGES * _PAGE
        raise Unmeasured(
            "no_source", f"the application lists more than {most} {path.rpartition('/')[2]}: too many to read"
        )


def view(devices: Rows, networks: Rows | None) -> View:
    """What the devices say, and the networks as they are set up, None if we may not see those.

    The networks are listed with their passphrases. Devices are counted where they are broadcast, which costs no
    further question, and no list of members' devices.
    """
    points = sorted((one for one in devices if _is_point(one)), key=lambda one: words(one.get("mac")))
    online = [point for point in points if count(point.get("state")) == _CONNECTED]
    places = [place for point in online for place in _places(point)]
    waits = {field: _waits(places, field) for field in ("sta_ip_timeout", "sta_dns_timeout")}
    return View(
        ssids=(*_planned(networks or ()), *(_ssid(place) for place in places)),
        access_points=tuple(_point(point) for point in points),
        radios=tuple(radio for point in online for radio in _radios(point)),
        clients=sum(count(place.get("num_sta")) or 0 for place in places),
        more=(
            *_satisfaction(online),
            *(Sample(_NO_ADDRESS, number, name) for name, number in waits["sta_ip_timeout"].items()),
            *(Sample(_NO_NAMES, number, name) for name, number in waits["sta_dns_timeout"].items()),
        ),
        complaints=tuple(
            f"devices on {name} wait in vain for an address (DHCP), {number} times lately"
            for name, number in waits["sta_ip_timeout"].items()
            if number > _MANY
        ),
    )


def _is_point(device: Mapping[str, Any]) -> bool:
    """Also a gateway with radios; but no power plug, which says that it is an access point as well.

    One that nobody has adopted stands there, but does not count: it may be a neighbour's.
    """
    has_radios = device.get("type") == "uap" or bool(device.get("vap_table"))
    return has_radios and not device.get("outlet_table") and device.get("adopted") is not False


def _planned(networks: Iterable[Mapping[str, Any]]) -> Iterator[Ssid]:
    """Each network as it is set up, which is then broadcast or not."""
    for each in networks:
        enabled = each.get("enabled")
        yield Ssid(words(each.get("name")), enabled if isinstance(enabled, bool) else None, 0, 0)


def _places(point: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The networks on each radio of an access point."""
    for place in _list_in(point, "vap_table"):
        name = words(place.get("essid"))
        if name and not name.startswith(_MESH):
            yield place


def _ssid(place: Mapping[str, Any]) -> Ssid:
    on_air = place.get("up") is not False and place.get("state") in (None, "RUN")
    return Ssid(words(place.get("essid")), None, count(place.get("num_sta")), int(on_air))


def _waits(places: Iterable[Mapping[str, Any]], field: str) -> Mapping[str, int]:
    """How often devices waited for something lately, by network; only where access points count that."""
    found: Counter[str] = Counter()
    for place in places:
        chart = place.get("anomalies_bar_chart_now")
        number = count(chart.get(field)) if isinstance(chart, Mapping) else None
        if number is not None:
            found[words(place.get("essid"))] += number
    return found


def _satisfaction(points: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    """-1 is how an access point without devices says that there is nobody to ask."""
    for name, point in {_name(point): point for point in points}.items():
        if (satisfied := share(point.get("satisfaction"))) is not None:
            yield Sample(_SATISFACTION, satisfied, name)


def _name(device: Mapping[str, Any]) -> str:
    return words(device.get("name")) or words(device.get("mac")) or words(device.get("macAddress"))


def _point(point: Mapping[str, Any]) -> AccessPoint:
    state = count(point.get("state"))
    if state == _CONNECTED:
        return AccessPoint(_name(point), True, "", count(point.get("num_sta")))
    return AccessPoint(_name(point), False, _STATES.get(state, _UNKNOWN_STATE))


def _radios(point: Mapping[str, Any]) -> Iterator[Radio]:
    for each in _list_in(point, "radio_table_stats"):
        band = _BANDS.get(words(each.get("radio")), "")
        name = f"{_name(point)} {band} GHz" if band else f"{_name(point)} {words(each.get('name'))}"
        up = each.get("state") == "RUN" if isinstance(each.get("state"), str) else None
        yield Radio(name, band, count(each.get("channel")), share(each.get("cu_total")), count(each.get("num_sta")), up)


def integration_view(devices: Rows, clients: Rows, networks: Rows | None) -> View:
    """What the newer paths tell, which is less: which devices there are, who is on them, and the names of networks."""
    points = [device for device in devices if _has_radios(device.get("features"))]
    wireless = [client for client in clients if client.get("type") == "WIRELESS"]
    on_each = Counter(words(client.get("uplinkDeviceId")) for client in wireless)
    return View(
        ssids=tuple(one._replace(clients=None, radios=None) for one in _planned(networks or ())),
        access_points=tuple(_integration_point(point, on_each) for point in points),
        clients=len(wireless),
        named=networks is not None,
    )


def _has_radios(features: Any) -> bool:
    return isinstance(features, list | dict) and "accessPoint" in features


def _integration_point(point: Mapping[str, Any], on_each: Counter[str]) -> AccessPoint:
    state = words(point.get("state"))
    if state == "ONLINE":
        return AccessPoint(_name(point), True, "", on_each[words(point.get("id"))])
    return AccessPoint(_name(point), False, _STATES_IN_WORDS.get(state, _UNKNOWN_STATE))


def _list_in(row: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    found = row.get(field)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
