"""Asks a TP-Link Omada controller how its Wi-Fi is: networks, access points, radios, and who is on them."""

import re
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import Field

from probes import Failed, Measured, Probe, Unmeasured
from probes._engines import Engines, wifi
from probes._engines.api import MARGIN, REASONS, Answer, Api, Grant, Question, cookies, rows
from probes._engines.devices import DeviceParams
from probes._engines.http.exchange import Response, Trust
from probes._engines.json_values import count, share, words
from probes._engines.trust import CaFile, TlsVerify
from probes._engines.wifi import AccessPoint, Band, Radio, Ssid, View, WifiParams
from probes._secrets import Secret

MOST_PAGES = 20
"""Pages of a list that are read, of 100 entries each."""
MOST_GROUPS = 20
"""WLAN groups whose networks are looked at."""

_SESSION = 1800.0  # seconds; controllers end a session after an hour or so without a question
_PAGE = 100
_NOT_LET_IN = (-1005, -1007, -30109)  # "operation forbidden", "no permissions", "invalid user name or password"
_CONNECTED = range(14, 18)
_STATES = (
    (range(2), "disconnected"),
    (range(10, 12), "is being set up"),
    (range(12, 13), "is being updated"),
    (range(13, 14), "restarts"),
    (range(20, 24), "waits for adoption"),
    (range(24, 26), "adoption failed"),
    (range(26, 28), "belongs to another controller"),
    (range(30, 34), "does not report any more"),
    (range(40, 42), "has lost its uplink"),
)
_RADIOS: tuple[tuple[str, str, Band, int], ...] = (
    ("wp2g", "2.4 GHz", "2.4", 1),
    ("wp5g", "5 GHz", "5", 2),
    ("wp5g2", "5 GHz 2", "5", 2),
    ("wp6g", "6 GHz", "6", 4),
)
"""Field, name, band, and the bit that a network has set if it is broadcast in that band."""


class OmadaParams(DeviceParams, WifiParams):
    """Where the controller is, how it lets us in, and what should be there."""

    port: Annotated[
        int, Field(ge=1, le=65_535, description="its HTTPS port: 8043 of the software, 443 of the hardware controller")
    ] = 8043
    username: Annotated[str, Field(min_length=1, max_length=200, description="a local account with the role Viewer")]
    password: Annotated[Secret, Field(description="the password of that account")]
    site: Annotated[str, Field(min_length=1, max_length=100, description="name of the site")] = "Default"
    tls_verify: TlsVerify = True
    ca_file: CaFile = ""


class Omada(Probe[OmadaParams]):
    """Whether members can use the Wi-Fi that an Omada controller runs."""

    Params = OmadaParams
    metrics = wifi.METRICS
    reasons: ClassVar = {**REASONS, **wifi.REASONS}
    rules = wifi.RULES
    per_target = 1

    def __init__(self, params: OmadaParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._api = Api(
            engines.http,
            f"https://{params.target}",
            "the Omada controller",
            "`username` and `password`, and which sites the account may see",
            headers=(("Omada-Request-Source", "web-local"),),
            trust=Trust(params.tls_verify, params.ca_file),
            sign_in=self._sign_in,
            expired=_is_login_page,
        )
        self._controller = ""
        self._site = ""

    async def measure(self, timeout: float) -> Measured:
        """Read the devices, the networks and the clients of the site."""
        try:
            found = await self._look(time.monotonic() + timeout - MARGIN)
        except (Failed, Unmeasured):
            self._controller = self._site = ""  # another controller may stand there next time
            self._api.forget()
            raise
        return wifi.judged(found, self.params, self.engines.memory, self.check)

    async def _look(self, deadline: float) -> View:
        if not self._controller:
            self._controller = _id(result((await self._hello(deadline)).document), "omadacId")
        if not self._site:
            self._site = await self._site_id(deadline)
        devices = rows(await self._get(f"sites/{self._site}/devices", deadline))
        networks = await self._networks(deadline)
        return view(devices, networks, await self._clients(deadline))

    async def _clients(self, deadline: float) -> tuple[Mapping[str, Any], ...] | None:
        """Who is connected, None where that is not told like this any more, or of too many."""
        try:
            return await self._list(f"sites/{self._site}/clients", deadline, **{"filters.active": "true"})
        except (Failed, Unmeasured) as error:
            if error.reason not in ("wrong_status", "no_source"):
                raise
            return None

    async def _hello(self, deadline: float) -> Answer:
        """What the controller tells everybody; newer ones give their cookie with it."""
        return await self._api.ask(Question("/api/info", signed=False), deadline)

    async def _sign_in(self, api: Api, deadline: float) -> Grant:
        hello = await self._hello(deadline)
        credentials = {"username": self.params.username, "password": self.params.password.get_secret_value()}
        path = f"/{self._controller}/api/v2/login"
        answer = await api.ask(Question(path, json=credentials, private=cookies(hello), signed=False), deadline)
        token = result(answer.document).get("token") if isinstance(result(answer.document), Mapping) else None
        if not isinstance(token, str) or not re.fullmatch(r"[!-~]{1,500}", token):
            raise Failed("malformed", "the answer does not follow the API: a sign-in without a token")
        return Grant((("Csrf-Token", token), *cookies(hello, answer)), _SESSION)

    async def _site_id(self, deadline: float) -> str:
        for site in await self._list("sites", deadline):
            if site.get("name") == self.params.site:
                return _id(site, "id")
        raise Unmeasured("no_permission", f"the account sees no site {self.params.site}; correct `site` or its rights")

    async def _networks(self, deadline: float) -> tuple["Network", ...]:
        base = f"sites/{self._site}/setting/wlans"
        found: list[Network] = []
        for group in (await self._list(base, deadline))[:MOST_GROUPS]:
            listed = await self._list(f"{base}/{_id(group, 'id')}/ssids", deadline)
            found += (network(row, words(group.get("name"))) for row in listed)
        return tuple(found)

    async def _get(self, path: str, deadline: float, **query: str | int) -> Any:
        return result(await self._api.get(f"/{self._controller}/api/v2/{path}", deadline, **query))

    async def _list(self, path: str, deadline: float, **query: str | int) -> tuple[Mapping[str, Any], ...]:
        """All entries of a list that comes in pages."""
        found: list[Mapping[str, Any]] = []
        for page in range(1, MOST_PAGES + 1):
            document = await self._get(path, deadline, currentPage=page, currentPageSize=_PAGE, **query)
            entries = rows(document, "data")
            found += entries
            if not entries or len(found) >= (count(document.get("totalRows")) or 0):
                return tuple(found)
        most = MOST_PAGES * _PAGE
        raise Unmeasured(
            "no_source", f"the controller lists more than {most} {path.rpartition('/')[2]}: too many to read"
        )


class Network(NamedTuple):
    """A network as it is set up in a WLAN group: `enabled` is None where it can't be switched off.

    `bands` has a bit for each band, 0 for all.
    """

    name: str
    group: str
    enabled: bool | None
    bands: int


def result(document: Any) -> Any:
    """What is in the envelope of an answer. Raises Unmeasured when we may not know, Failed for errors and garbage."""
    code = document.get("errorCode") if isinstance(document, Mapping) else None
    if not isinstance(code, int):
        raise Failed("malformed", "the answer does not follow the API: it has no error code")
    if code in _NOT_LET_IN:
        remedy = "correct `username` and `password`, and what the account may see"
        raise Unmeasured("no_permission", f"the Omada controller does not let us in, error {code}; {remedy}")
    if code:
        raise Failed("wrong_status", f"the Omada controller answered with error {code}")
    return document.get("result")


def network(row: Mapping[str, Any], group: str) -> Network:
    """A network of a list, in which its passphrase stands as well."""
    enabled = row.get("ssidEnable")
    known = enabled if isinstance(enabled, bool) else None
    return Network(words(row.get("name")), group, known, count(row.get("band")) or 0)


def view(
    devices: Iterable[Mapping[str, Any]],
    networks: Collection[Network],
    clients: Iterable[Mapping[str, Any]] | None,
) -> View:
    """What the lists of a site say of its Wi-Fi."""
    points = sorted((device for device in devices if device.get("type") == "ap"), key=lambda ap: words(ap.get("mac")))
    online = [point for point in points if _status(point) in _CONNECTED]
    places, on_each = tuple(_places(networks, online)), tuple(_on_each(networks, clients))
    return View(
        ssids=(*places, *on_each),
        access_points=tuple(_point(point) for point in points),
        radios=tuple(radio for point in online for radio, _ in _radios(point)),
        clients=sum(count(point.get("clientNum")) or 0 for point in online),
    )


def _on_each(networks: Iterable[Network], clients: Iterable[Mapping[str, Any]] | None) -> Iterator[Ssid]:
    """How many devices are on each of the networks."""
    if clients is not None:
        found = Counter(words(client.get("ssid")) for client in clients if client.get("wireless") is True)
        yield from (Ssid(name, clients=found[name]) for name in sorted({each.name for each in networks}))


def _places(networks: Iterable[Network], online: Collection[Mapping[str, Any]]) -> Iterator[Ssid]:
    """Each network of each group, with the radios that broadcast it: those of the group's access points, in its bands.

    Older controllers do not tell the group of an access point; then it is not known how many there are.
    """
    grouped = all("wlanGroup" in point for point in online)
    for each in networks:
        radios = 0 if each.enabled is False else sum(_broadcasts(each, point) for point in online)
        yield Ssid(each.name, each.enabled, None, radios if grouped else None)


def _broadcasts(each: Network, point: Mapping[str, Any]) -> int:
    """How many radios of an access point broadcast a network; one if it tells of no radios."""
    if words(point.get("wlanGroup")) != each.group:
        return 0
    bits = [bit for _, bit in _radios(point)]
    return sum(not each.bands or bool(each.bands & bit) for bit in bits) if bits else 1


def _name(point: Mapping[str, Any]) -> str:
    return words(point.get("name")) or words(point.get("mac"))


def _point(point: Mapping[str, Any]) -> AccessPoint:
    status = _status(point)
    if status in _CONNECTED:
        return AccessPoint(_name(point), True, "", count(point.get("clientNum")))
    state = next((said for numbers, said in _STATES if status in numbers), "in a state that we do not know")
    return AccessPoint(_name(point), False, state)


def _status(point: Mapping[str, Any]) -> int:
    status = count(point.get("status"))
    return -1 if status is None else status


def _radios(point: Mapping[str, Any]) -> Iterator[tuple[Radio, int]]:
    """The radios that an access point tells of, each with the bit of its band."""
    for field, called, band, bit in _RADIOS:
        told = point.get(field)
        if isinstance(told, Mapping):
            yield Radio(f"{_name(point)} {called}", band, _channel(told.get("actualChannel")), _utilization(told)), bit


def _utilization(radio: Mapping[str, Any]) -> float | None:
    """Newer access points tell how busy the channel is; of older ones, it is the sum of what keeps it busy."""
    if (busy := share(radio.get("busyUtil"))) is not None:
        return busy
    shares = [share(radio.get(field)) for field in ("txUtil", "rxUtil", "interUtil")]
    known = [one for one in shares if one is not None]
    return min(sum(known), 1.0) if known else None


def _channel(said: Any) -> int | None:
    """The channel of "17 / 5745MHz": of the frequency, as the number before it is an index in some bands."""
    found = re.search(r"/\s*(\d{4})\s*MHz", said) if isinstance(said, str) else None
    if found is None:
        return None
    frequency = int(found[1])
    base = 2407 if frequency < 3000 else 5000 if frequency < 5950 else 5950
    return (frequency - base) // 5 or None


def _id(row: Any, field: str) -> str:
    """An id, which becomes a part of a path. Raises Failed for what is none."""
    value = row.get(field) if isinstance(row, Mapping) else None
    if not isinstance(value, str) or not re.fullmatch(r"[0-9A-Za-z_-]{1,64}", value):
        raise Failed("malformed", f"the answer does not follow the API: {field} is no id")
    return value


def _is_login_page(response: Response) -> bool:
    """How controllers answer once a session has ended: they send us to their login page, or send the page itself."""
    sent_away = HTTPStatus.MULTIPLE_CHOICES <= response.status < HTTPStatus.BAD_REQUEST
    return sent_away or response.body.lstrip()[:1] == b"<"
