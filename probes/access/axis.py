"""Asks an Axis door controller how its doors are."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field

from probes import Failed
from probes._engines import Engines
from probes._engines.api import Answer, Api, Question, rows
from probes._engines.door_answers import Row, named, optional, skew, truth
from probes._engines.door_probe import DoorProbe
from probes._engines.door_sources import Look
from probes._engines.doors import Door, DoorParams, Panel, View, labels
from probes._engines.http.exchange import Trust, origin
from probes._engines.json_values import words
from probes._engines.resolve import Host
from probes._engines.trust import CaFile, TlsVerify
from probes._secrets import LineSecret

MOST_DOORS = 32
"""Doors of a controller that are looked at: each is a question of its own, and a controller has two to eight."""
MOST_CREDENTIALS = 5000
"""Credentials that are counted."""

_DOORS = "/vapix/doorcontrol"
_PEOPLE = "/vapix/pacs"
_COUNTS = 3600.0  # seconds between two counts of the credentials: small controllers need long for the list
_UNLOCKED = {"Unlocked": "unlocked by its schedule or by hand", "LockedOpen": "locked open"}
_LOCKED = frozenset({"Locked", "DoubleLocked", "Blocked", "LockedDown", "Accessed"})  # the last lets one person pass
_FAULTS = {"DoorForcedOpen": "forced open", "DoorForcedOpenAlarm": "forced open"}
_HELD = frozenset({"DoorOpenTooLong", "DoorOpenTooLongAlarm"})


class AxisParams(DoorParams):
    """Which controller to ask, and how it lets us in."""

    host: Annotated[Host, Field(description="host name or address of the door controller")]
    port: Annotated[int | None, Field(ge=1, le=65_535, description="TCP port; 443, or 80 without TLS, if not set")] = (
        None
    )
    tls: Annotated[
        bool, Field(description="whether to ask over TLS; without it the password is sent by Digest only")
    ] = True
    username: Annotated[
        str, Field(pattern=r"^[^:\x00-\x1f\x7f]+$", max_length=200, description="a user of the controller")
    ]
    password: Annotated[LineSecret, Field(description="the password of that user")]
    tls_verify: TlsVerify = True
    ca_file: CaFile = ""

    @property
    def base(self) -> str:
        """The address of the controller."""
        url = origin(self.host, self.port or (443 if self.tls else 80))
        return url if self.tls else url.replace("https:", "http:", 1)

    @property
    def target(self) -> str:
        """The host and port."""
        return self.base.partition("//")[2]


class Axis(DoorProbe[AxisParams]):
    """Whether the doors of an Axis controller do what they should."""

    Params = AxisParams

    def look(self) -> Look:
        """What asks the controller."""
        return _Controller(self.engines, self.params).view


class _Controller:
    """A door controller, asked by the calls of VAPIX that read."""

    def __init__(self, engines: Engines, params: AxisParams) -> None:
        login = (params.username, params.password.get_secret_value())
        trust = Trust(params.tls_verify, params.ca_file)
        settings = "`username` and `password`"
        self._api = Api(engines.http, params.base, "the door controller", settings, login=login, trust=trust)
        self._credentials: int | None = None
        self._counted = -_COUNTS

    async def view(self, deadline: float) -> View:
        """Ask for the doors and the state of each, and for what is told beside them."""
        answer = await self._api.ask(_call(_DOORS, "tdc:GetDoorInfoList"), deadline)
        doors = [row for row in rows(_said(answer), "DoorInfo") if words(row.get("token"))]
        asked = doors[:MOST_DOORS]
        states = [await self._state(words(row.get("token")), deadline) for row in asked]
        controllers = await optional(self._api, _call(_PEOPLE, "pacsaxis:GetAccessControllerList"), deadline)
        await self._count(deadline)
        return seen(asked, states, _rows(controllers, "AccessController"))._replace(
            whole=len(doors) <= MOST_DOORS,
            credentials=self._credentials,
            skew=skew(answer.header("Date"), datetime.now(UTC)),
        )

    async def _state(self, token: str, deadline: float) -> Row:
        document = _said(await self._api.ask(_call(_DOORS, "tdc:GetDoorState", Token=token), deadline))
        state = document.get("DoorState") if isinstance(document, Mapping) else None
        if not isinstance(state, Mapping):
            raise Failed("malformed", "the answer does not follow the API: there is no DoorState")
        return state

    async def _count(self, deadline: float) -> None:
        """Count the credentials now and then; of what is listed nothing but the number of lines is kept."""
        if time.monotonic() - self._counted < _COUNTS:
            return
        self._counted = time.monotonic()
        answer = await optional(
            self._api, _call(_PEOPLE, "pacsaxis:GetCredentialList", Limit=MOST_CREDENTIALS), deadline
        )
        self._credentials = None if answer is None else len(_rows(answer, "Credential"))


def _call(path: str, function: str, **arguments: str | int) -> Question:
    """A call of VAPIX. Every one that this module makes begins with Get."""
    return Question(path, json={function: arguments})


def _said(answer: Answer) -> Any:
    """The document, unless it is an error that came with a good status. Raises Failed for that."""
    if isinstance(answer.document, Mapping) and "Fault" in answer.document:
        raise Failed("wrong_status", "the door controller answered with a fault")
    return answer.document


def _rows(answer: Answer | None, key: str) -> list[Row]:
    found = answer.document.get(key) if answer is not None and isinstance(answer.document, Mapping) else None
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []


def seen(doors: Sequence[Row], states: Sequence[Row], controllers: Sequence[Row]) -> View:
    """The view of doors with their states, in the same order."""
    panel = next((name for row in controllers if (name := named(row, "Name"))), "controller")
    called = labels(named(row, "Name") for row in doors)
    return View(
        doors=tuple(_door(name, state, panel) for name, state in zip(called, states, strict=True)),
        panels=(Panel(panel, True),),
    )


def _door(name: str, state: Row, panel: str) -> Door:
    mode, alarm = words(state.get("DoorMode")), words(state.get("Alarm"))
    return Door(
        name=name,
        online=True if mode in _UNLOCKED or mode in _LOCKED else None,
        open=truth(state, "DoorPhysicalState"),
        unlocked=True if mode in _UNLOCKED else False if mode in _LOCKED else None,
        held_open=alarm in _HELD if alarm else None,
        locked_down=mode == "LockedDown",
        panel=panel,
        kept=_UNLOCKED.get(mode, ""),
        fault=_FAULTS.get(alarm, "its door contact is broken" if state.get("DoorPhysicalState") == "Fault" else ""),
    )
