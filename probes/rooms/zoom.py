"""Asks Zoom's cloud how its Zoom Rooms are: online, in a meeting, and which of their devices are not there."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

from pydantic import Field

from probes import Failed, Measured, Probe, Sample, Unmeasured
from probes._engines import Engines, oauth, room_clouds, room_systems
from probes._engines.api import MARGIN, Api, Grant, Question, basic, rows
from probes._engines.cloud import Address, host_of
from probes._engines.door_answers import optional
from probes._engines.http.exchange import Trust
from probes._engines.json_values import words
from probes._engines.room_clouds import MOST_ROOMS, Room, RoomsParams, View
from probes._secrets import LineSecret

PAGE = 100
"""Rooms of a page; Zoom gives 300 at most."""
MOST_ASKED = 20
"""Rooms whose devices are asked for: each is a question of its own."""

_AT_ONCE = 4  # questions for devices
_STATUSES = {"available": (True, False), "inmeeting": (True, True), "offline": (False, False)}
_NOT_ALLOWED = (104, 200, 4700, 4711)  # codes of Zoom's with status 400: a scope or a plan is missing

Row = Mapping[str, Any]


class ZoomParams(RoomsParams):
    """Which account to ask, and how Zoom lets us in."""

    account: Annotated[
        str, Field(pattern=r"^[0-9A-Za-z_-]{1,100}$", description="account id of your server-to-server OAuth app")
    ]
    client_id: Annotated[
        str, Field(pattern=r"^[^:\x00-\x1f\x7f]+$", max_length=200, description="client id of that app")
    ]
    client_secret: Annotated[LineSecret, Field(description="client secret of that app")]
    devices: Annotated[
        bool, Field(description=f"whether the devices of rooms are looked at, of {MOST_ASKED} rooms at most")
    ] = True
    dashboard: Annotated[
        bool, Field(description="whether the dashboard is asked for issues, which needs a Business plan")
    ] = False
    url: Annotated[Address, Field(description="address of the API")] = "https://api.zoom.us/v2"
    sign_in_url: Annotated[Address, Field(description="address at which tokens are given")] = (
        "https://zoom.us/oauth/token"
    )

    @property
    def target(self) -> str:
        """The account."""
        return f"{host_of(self.url)} {self.account}"

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """The id of an account."""
        return {"account": target}


class Zoom(Probe[ZoomParams]):
    """Whether meetings can be held in the Zoom Rooms of an account.

    That the cloud does not answer says nothing about a room: the reading is UNKNOWN then.
    """

    Params = ZoomParams
    metrics = (*room_clouds.METRICS, room_systems.CALLS)
    reasons: ClassVar = room_clouds.REASONS
    rules = room_clouds.RULES
    says = "has a Zoom Room that cannot be used"
    per_target = 1

    def __init__(self, params: ZoomParams, engines: Engines) -> None:
        super().__init__(params, engines)
        settings = "`account`, `client_id`, `client_secret` and the scopes of the app"
        trust = Trust(ca_file=params.ca_file)
        self._api = Api(
            engines.http, params.url, "Zoom", settings, sign_in=_sign_in(engines, params, settings, trust), trust=trust
        )

    async def measure(self, timeout: float) -> Measured:
        """Read the list of rooms, and what is known of their devices."""
        try:
            view = await self._look(time.monotonic() + timeout - MARGIN)
        except Failed as failed:
            raise room_clouds.silent("Zoom", failed) from None
        return room_clouds.judged(view, self.params, self.engines.memory, self.check)

    async def _look(self, deadline: float) -> View:
        listed = await self._pages("/rooms", "rooms", "zoom_rooms:read:list_rooms:admin", deadline)
        asked = [row for row in listed if not self.params.rooms or words(row.get("name")) in self.params.rooms]
        devices = await self._devices(asked[:MOST_ASKED], deadline) if self.params.devices else {}
        remarks: list[str] = []
        if untold := sum(found is None for found in devices.values()):
            remarks.append(f"the devices of {untold} rooms are not told: the app may lack the scope for them")
        issues: dict[str, Row] = {}
        if self.params.dashboard:
            issues, trouble = await self._issues(deadline)
            remarks += [trouble] if trouble else []
        return View(tuple(_room(row, devices, issues) for row in listed), tuple(remarks))

    async def _devices(self, asked: Sequence[Row], deadline: float) -> dict[str, tuple[Row, ...] | None]:
        """The devices of rooms by the room's id, None where they are not told."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def of(id: str) -> tuple[Row, ...] | None:
            async with gate:
                answer = await optional(self._api, Question(f"/rooms/{quote(id, safe='')}/devices"), deadline)
            try:
                return None if answer is None else rows(answer.document, "devices")
            except Failed:
                return None

        ids = [id for row in asked if (id := _id(row, "id"))]
        return dict(zip(ids, await asyncio.gather(*map(of, ids)), strict=True))

    async def _issues(self, deadline: float) -> tuple[dict[str, Row], str]:
        """What the dashboard has of each room by its id there, and what went wrong."""
        try:
            found = await self._pages("/metrics/zoomrooms", "zoom_rooms", "dashboard_zr:read:admin", deadline)
        except (Failed, Unmeasured) as error:
            return {}, f"the dashboard tells no issues: {error.detail}"
        return {_id(row, "id"): row for row in found}, ""

    async def _pages(self, path: str, key: str, scope: str, deadline: float) -> tuple[Row, ...]:
        """All entries of a list. Raises Unmeasured where there are too many, or where we may not see it."""
        found: list[Row] = []
        page: dict[str, str | int] = {"page_size": PAGE}
        while len(found) < MOST_ROOMS:
            answer = await self._api.try_(Question(path, page), deadline)
            if answer.status != HTTPStatus.OK:
                raise self._objection(answer.status, answer.document, scope)
            found += rows(answer.document, key)
            after = answer.document.get("next_page_token")
            if not after or not isinstance(after, str):
                return tuple(found)
            page = {"page_size": PAGE, "next_page_token": after}
        raise Unmeasured("no_source", f"the account has more than {MOST_ROOMS} rooms: too many to read")

    def _objection(self, status: int, document: Any, scope: str) -> Failed | Unmeasured:
        code = document.get("code") if isinstance(document, Mapping) else None
        if status == HTTPStatus.BAD_REQUEST and code in _NOT_ALLOWED:
            remedy = f"give the app the scope {scope}, and see that your plan has it"
            return Unmeasured("no_permission", f"Zoom does not let us see this, code {code}; {remedy}")
        return self._api.objection(status)


def _sign_in(
    engines: Engines, params: ZoomParams, settings: str, trust: Trust
) -> Callable[[Api, float], Awaitable[Grant]]:
    """Signs in as the app itself: server-to-server OAuth."""
    tokens = Api(engines.http, params.sign_in_url, "Zoom", settings, trust=trust)
    signed = basic(params.client_id, params.client_secret.get_secret_value())
    form = {"grant_type": "account_credentials", "account_id": params.account}

    async def sign_in(_: Api, deadline: float) -> Grant:
        return await oauth.grant(tokens, "", form, settings, deadline, private=signed)

    return sign_in


def _id(row: Row, name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) and len(value) <= 100 else ""


def _room(row: Row, devices: Mapping[str, tuple[Row, ...] | None], issues: Mapping[str, Row]) -> Room:
    """A room by its row; the dashboard knows it by another id than the list of devices."""
    status = words(row.get("status")).replace(" ", "").lower()
    online, in_use = _STATUSES.get(status, (None, None))
    faults, warnings = of_devices(devices.get(_id(row, "id")) or ())
    more, noted = of_dashboard(issues.get(_id(row, "room_id"), {}))
    return Room(
        name=words(row.get("name")),
        online=online,
        maintenance=status == "underconstruction",
        in_use=in_use,
        faults=(*faults, *more),
        warnings=(*warnings, *noted),
        figures=() if in_use is None else (Sample(room_systems.CALLS.name, int(in_use)),),
    )


def of_devices(devices: Sequence[Row]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Faults and warnings of a room's devices: without any controller nobody can start a meeting."""
    offline = [row for row in devices if words(row.get("status")).lower() == "offline"]
    controllers = [row for row in devices if _is_controller(row)]
    stuck = bool(controllers) and all(row in offline for row in controllers)
    faults = ("its controller is offline" if len(controllers) == 1 else "all its controllers are offline",)
    warned = (row for row in offline if not (stuck and _is_controller(row)))
    return faults if stuck else (), tuple(f"{_called(row)} is offline" for row in warned)


def _is_controller(row: Row) -> bool:
    return words(row.get("device_type")).lower() == "controller"


def _called(row: Row) -> str:
    kind, name = words(row.get("device_type")), words(row.get("device_name"))
    return f"{kind} {name}" if kind and name and name != kind else kind or name or "a device"


def of_dashboard(row: Row) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Faults and warnings that the dashboard has of a room: its issues are faults where it calls that critical."""
    told = row.get("issues")
    issues = tuple(text for one in told[:20] if (text := words(one))) if isinstance(told, list) else ()
    if words(row.get("health")).lower() != "critical":
        return (), issues
    return issues or ("Zoom calls its health critical",), ()
