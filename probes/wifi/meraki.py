"""Asks Meraki's cloud how the Wi-Fi of a network is: access points, radios, networks, and who fails to join."""

import asyncio
import re
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Annotated, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from pydantic import Field

from probes import Failed, Measured, Probe, Unmeasured
from probes._engines import Engines, wifi, wifi_joins
from probes._engines.api import MARGIN, Answer, Question, rows
from probes._engines.json_values import count, share, words
from probes._engines.meraki import Id, OrganizationParams, meraki_api
from probes._engines.wifi import AccessPoint, Band, Radio, Ssid, View, WifiParams

MOST_PAGES = 20
"""Pages of a list that are read."""

_PAGE = 100  # entries; the largest are those of the networks, with some ten kilobytes
_PATIENCE = 5.0  # seconds that we wait when asked to: an organization shares ten questions a second among all programs
_JOINS = 1800  # seconds of attempts to join
_RECENT = 900  # seconds of what is measured in steps of five minutes
_STEP = 300

_ONLINE = ("online", "alerting")
_STATES = {"offline": "offline", "dormant": "has not been seen for long"}
_BANDS: Mapping[str, Band] = {"2.4": "2.4", "5": "5", "6": "6"}
_STAGES = dict(zip(wifi_joins.STAGES, ("assoc", "auth", "dhcp", "dns"), strict=True))
_UNUSED = re.compile(r"Unconfigured SSID \d+")

Rows = tuple[Mapping[str, Any], ...]


class MerakiParams(WifiParams, OrganizationParams):
    """Which network is meant, and how the cloud lets us in."""

    network: Annotated[Id, Field(description="id of the network, like L_123456789012345678")]

    @property
    def target(self) -> str:
        """The network."""
        return self.network

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """The id of a network."""
        return {"network": target}


class Meraki(Probe[MerakiParams]):
    """Whether members can use the Wi-Fi of a Meraki network.

    That the cloud does not answer says nothing about the Wi-Fi, which works without it: the reading is UNKNOWN then.
    """

    Params = MerakiParams
    metrics = (*wifi.METRICS, *wifi_joins.METRICS)
    reasons: ClassVar = wifi.REASONS
    rules = (*wifi.RULES, *wifi_joins.RULES)
    per_target = 1

    def __init__(self, params: MerakiParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._api = meraki_api(engines, params)

    async def measure(self, timeout: float) -> Measured:
        """Read the lists of the access points, and the figures of the network."""
        try:
            found = await self._look(time.monotonic() + timeout - MARGIN)
        except Failed as failed:
            raise Unmeasured("no_source", f"nothing is known about the Wi-Fi: {failed.detail}") from None
        return wifi.judged(found, self.params, self.engines.memory, self.check)

    async def _look(self, deadline: float) -> View:
        of = f"/organizations/{self.params.organization}"
        points = await self._list(f"{of}/devices/availabilities", deadline, **{"productTypes[]": "wireless"})
        networks = await self._list(f"{of}/wireless/ssids/statuses/byDevice", deadline)
        busy = await self._list(
            f"{of}/wireless/devices/channelUtilization/byDevice", deadline, timespan=_RECENT, interval=_STEP
        )
        clients = await self._list(f"{of}/wireless/clients/overview/byDevice", deadline)
        found = view(points, networks, busy, clients)
        return await self._with_network(found, _number(networks, self.params.ssid), deadline)

    async def _with_network(self, found: View, number: int | None, deadline: float) -> View:
        """The view with what is told of the whole network, or of the one SSID with this number."""
        of = f"/networks/{self.params.network}/wireless"
        which = {} if number is None else {"ssid": number}
        failures, joins = attempts(await self._figures(f"{of}/connectionStats", deadline, timespan=_JOINS, **which))
        if number is not None:
            query = {"timespan": _RECENT, "resolution": _STEP, "ssid": number}
            history = await self._figures(f"{of}/clientCountHistory", deadline, **query)
            found = found._replace(ssids=(*found.ssids, Ssid(self.params.ssid, clients=newest(history))))
        return found._replace(
            more=tuple(wifi_joins.samples(failures, joins)),
            complaints=(*found.complaints, *wifi_joins.complaints(failures, joins)),
        )

    async def _list(self, path: str, deadline: float, **query: str | int) -> Rows:
        """All entries of a list of access points that comes in pages, as an array or as `items`."""
        found: list[Mapping[str, Any]] = []
        page = {"networkIds[]": self.params.network, "perPage": _PAGE, **query}
        for _ in range(MOST_PAGES):
            answer = await self._ask(Question(path, page), deadline)
            found += rows(answer.document) if isinstance(answer.document, list) else rows(answer.document, "items")
            after = following(answer.header("Link"))
            if not after:
                return tuple(found)
            page = {**page, "startingAfter": after}
        raise Unmeasured("no_source", f"the network has more than {MOST_PAGES * _PAGE} access points: too many to read")

    async def _figures(self, path: str, deadline: float, **query: str | int) -> Any:
        return (await self._ask(Question(path, query), deadline)).document

    async def _ask(self, question: Question, deadline: float) -> Answer:
        try:
            answer = await self._api.try_(question, deadline)
        except Unmeasured:
            if self._api.quiet > _PATIENCE:
                raise
            await asyncio.sleep(self._api.quiet)
            answer = await self._api.try_(question, deadline)
        if answer.status == HTTPStatus.NOT_FOUND:  # what a key may not see does not exist for it
            remedy = "correct `organization`, `network`, and what the administrator of `api_key` may read"
            raise Unmeasured("no_permission", f"the Meraki cloud knows no such network; {remedy}")
        if answer.status != HTTPStatus.OK:
            raise self._api.objection(answer.status)
        return answer


def following(links: str) -> str:
    """Where the next page begins, by the header line Link; "" if there is none.

    Only that is taken of the address in there: our key goes to nobody else.
    """
    for link in links.split(","):
        found = re.fullmatch(r"\s*<([^>]+)>\s*;\s*rel=\"?next\"?\s*", link)
        if found:
            return parse_qs(urlsplit(found[1]).query).get("startingAfter", [""])[0]
    return ""


def view(points: Rows, networks: Rows, busy: Rows, clients: Rows) -> View:
    """What the lists of access points say, which know each other by serial number."""
    on_each = {words(row.get("serial")): count(_inner(row, "counts", "byStatus", "online")) for row in clients}
    names = {words(row.get("serial")): _name(row) for row in points}
    known = [number for number in on_each.values() if number is not None]
    channels = _channels(networks)
    online = {words(row.get("serial")) for row in points if row.get("status") in _ONLINE}
    warned = [_name(row) for row in points if row.get("status") == "alerting"]
    return View(
        ssids=tuple(ssid for row in networks for ssid in _ssids(row, words(row.get("serial")) in online)),
        access_points=tuple(_point(row, on_each) for row in points),
        radios=tuple(radio for row in busy for radio in _radios(row, names, channels)),
        clients=sum(known) if known else None,
        complaints=(f"Meraki has an alert about {', '.join(warned[:3])}",) if warned else (),
    )


def _ssids(row: Mapping[str, Any], online: bool) -> Iterator[Ssid]:
    """The networks of an access point, each once for each of its radios. Places that nobody has set up are left out."""
    for each in _list_in(row, "basicServiceSets"):
        name, enabled = words(_inner(each, "ssid", "name")), _inner(each, "ssid", "enabled") is True
        if enabled or not _UNUSED.fullmatch(name):
            on_air = online and enabled and _inner(each, "radio", "isBroadcasting") is True
            yield Ssid(name, enabled, None, int(on_air))


def _name(row: Mapping[str, Any]) -> str:
    return words(row.get("name")) or words(row.get("serial"))


def _point(row: Mapping[str, Any], clients: Mapping[str, int | None]) -> AccessPoint:
    status = words(row.get("status"))
    if status in _ONLINE:
        return AccessPoint(_name(row), True, "", clients.get(words(row.get("serial"))))
    return AccessPoint(_name(row), False, _STATES.get(status, "in a state that we do not know"))


def _channels(networks: Rows) -> Mapping[tuple[str, str], int | None]:
    """The channel of each radio, by serial number and band."""
    return {
        (words(row.get("serial")), words(_inner(each, "radio", "band"))): count(_inner(each, "radio", "channel"))
        for row in networks
        for each in _list_in(row, "basicServiceSets")
    }


def _radios(
    row: Mapping[str, Any], names: Mapping[str, str], channels: Mapping[tuple[str, str], int | None]
) -> Iterator[Radio]:
    serial = words(row.get("serial"))
    for each in _list_in(row, "byBand"):
        band = words(each.get("band"))
        name = f"{names.get(serial, serial)} {band} GHz"
        busy = share(_inner(each, "total", "percentage"))
        yield Radio(name, _BANDS.get(band, ""), channels.get((serial, band)), busy)


def _number(networks: Rows, ssid: str) -> int | None:
    """The number that the cloud has for a network, None if it is not there."""
    found = (each for row in networks for each in _list_in(row, "basicServiceSets"))
    numbers = (count(_inner(each, "ssid", "number")) for each in found if _inner(each, "ssid", "name") == ssid)
    return next((number for number in numbers if number is not None), None) if ssid else None


def attempts(stats: Any) -> tuple[Mapping[str, int], int]:
    """The attempts to join that failed, by stage, and those that did not. A network that nobody joined has none."""
    told = stats if isinstance(stats, Mapping) else {}
    return {stage: count(told.get(field)) or 0 for stage, field in _STAGES.items()}, count(told.get("success")) or 0


def newest(history: Any) -> int | None:
    """The last number of devices that is known; the newest ones are often not there yet."""
    steps = history if isinstance(history, list) else []
    counts = [count(each.get("clientCount")) for each in steps if isinstance(each, Mapping)]
    return next((number for number in reversed(counts) if number is not None), None)


def _inner(row: Any, *path: str) -> Any:
    for step in path:
        row = row.get(step) if isinstance(row, Mapping) else None
    return row


def _list_in(row: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    found = row.get(field)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
