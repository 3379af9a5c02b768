"""Asks a Barco ClickShare base unit over its web API how it is: errors, power, sharing, buttons, displays."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import Field

from probes import Failed, Measured, Metric, Probe, Sample
from probes._engines import Engines, api, displays, room_systems
from probes._engines.api import Api, Question
from probes._engines.devices import DeviceParams
from probes._engines.http.exchange import Trust, origin
from probes._engines.json_values import count, words
from probes._engines.trust import CaFile, TlsVerify
from probes._secrets import Secret

MOST_ANSWER = 256 * 1024
"""Bytes of an answer; the longest, the list of buttons, takes a few thousand."""
MOST_ROWS = 256
"""Buttons, or displays, that are counted."""

_BASE = "/v2/configuration"
_SHARING = "deskwatch_room_sharing"
_BUTTONS = "deskwatch_room_buttons"

_FINE, _FAILED = ("ok", "0", ""), ("error", "2")  # newer software says a word, older a number
_POWER = {"on": "on", "standby": "standby", "ecostandby": "standby", "networkedstandby": "standby", "off": "standby"}

Row = Mapping[str, Any]


class ClickshareParams(DeviceParams):
    """Where the base unit is, how it lets us in, and what must be there."""

    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port of its web API")] = 4003
    username: Annotated[
        str, Field(pattern=r"^[^:\x00-\x1f\x7f]+$", max_length=200, description="user of the web API")
    ] = "admin"
    password: Annotated[Secret, Field(description="the password of that user")]
    buttons: Annotated[
        int | None, Field(ge=1, le=MOST_ROWS, description="buttons that must be paired; not looked at if not set")
    ] = None
    displays: Annotated[
        int | None, Field(ge=1, le=8, description="displays that must be connected while it is on; or not looked at")
    ] = None
    tls_verify: TlsVerify = True
    ca_file: CaFile = ""


class BaseUnit(NamedTuple):
    """What a base unit says of itself; None and "" for what it does not tell.

    `health` is fine, warns or failed, and `trouble` says why. `uptime` is in seconds.
    """

    health: str
    trouble: str = ""
    in_use: bool | None = None
    sharing: bool | None = None
    uptime: int | None = None
    power: str = ""
    paired: int | None = None
    plugged: int | None = None
    connected: int | None = None
    model: str = ""
    serial: str = ""


class Clickshare(Probe[ClickshareParams]):
    """Whether laptops can be shown through a ClickShare base unit."""

    Params = ClickshareParams
    metrics = (
        displays.POWER,
        displays.FAULT,
        displays.WARNING,
        room_systems.IN_USE,
        Metric(_SHARING, "1 while somebody shows something through it, else 0"),
        Metric(
            _BUTTONS, "Buttons that belong to it, and those that are plugged in", "", "state", ("paired", "plugged")
        ),
        replace(room_systems.CONNECTED, parts=("displays",)),
        room_systems.UPTIME,
        displays.MODEL,
        displays.SERIAL,
    )
    reasons: ClassVar = {
        **api.REASONS,
        "fault": "the base unit reports an error",
        "missing": "fewer buttons are paired, or fewer displays connected, than there must be",
    }
    rules = (displays.WARNS,)
    per_target = 1

    def __init__(self, params: ClickshareParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._api = Api(
            engines.http,
            origin(params.host, params.port),
            "the base unit",
            "`username` and `password`",
            private=api.basic(params.username, params.password.get_secret_value()),
            trust=Trust(params.tls_verify, params.ca_file),
            most=MOST_ANSWER,
        )
        self._identity: Row = {}

    async def measure(self, timeout: float) -> Measured:
        """Read the status, and what else it tells."""
        deadline = time.monotonic() + timeout - api.MARGIN
        status = await self._api.get(f"{_BASE}/system/status", deadline)
        if not self._identity:
            self._identity = _object(await self._beside("system/device-identity", deadline))
        power = _object(await self._beside("system/power-management", deadline))
        buttons = await self._beside("buttons", deadline)
        outputs = await self._beside("video-outputs", deadline)
        return judged(seen(status, self._identity, power, buttons, outputs), self.params)

    async def _beside(self, path: str, deadline: float) -> Any:
        """The answer to a question that not every base unit knows, None if it does not."""
        answer = await self._api.try_(Question(f"{_BASE}/{path}"), deadline)
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise self._api.objection(answer.status)
        return answer.document if answer.status == HTTPStatus.OK else None


def _object(value: Any) -> Row:
    return value if isinstance(value, Mapping) else {}


def seen(status: Any, identity: Row, power: Row, buttons: Any, outputs: Any) -> BaseUnit:
    """What the answers say. Raises Failed "malformed" where there is no status."""
    if not isinstance(status, Mapping) or not {"errorCode", "currentUptime", "inUse"} & set(status):
        raise Failed("malformed", "the answer does not follow the API: it is no status of a base unit")
    code = status.get("errorCode", "")
    code = str(code) if isinstance(code, int) and not isinstance(code, bool) else words(code)
    paired = _rows(buttons)
    return BaseUnit(
        health(code),
        words(status.get("errorMessage")) or f"code {code}",
        _truth(status, "inUse"),
        _truth(status, "sharing"),
        count(status.get("currentUptime")),
        _POWER.get(words(power.get("status")).lower().replace(" ", ""), ""),
        None if paired is None else len(paired),
        _plugged(paired),
        _plugged(_rows(outputs)),
        words(identity.get("productName")) or words(identity.get("modelName")),
        words(identity.get("serialNumber")),
    )


def health(code: str) -> str:
    """How a base unit is by its error's code; one that nobody knows is a warning."""
    code = code.strip().lower()
    if code in _FINE:
        return "fine"
    return "failed" if code in _FAILED else "warns"


def _rows(value: Any) -> list[Row] | None:
    """The objects of a list, None if it is none."""
    return [one for one in value[:MOST_ROWS] if isinstance(one, Mapping)] if isinstance(value, list) else None


def _plugged(rows: list[Row] | None) -> int | None:
    return None if rows is None else sum(_truth(row, "connected") is True for row in rows)


def _truth(row: Row, name: str) -> bool | None:
    value = row.get(name)
    return value if isinstance(value, bool) else None


def judged(unit: BaseUnit, params: ClickshareParams) -> Measured:
    """What a base unit means by that. Raises Failed when it reports an error, or lacks what must be there."""
    samples, sentence = tuple(_samples(unit)), "; ".join(_remarks(unit, params))
    if unit.health == "failed":
        raise Failed("fault", f"the base unit reports an error: {unit.trouble}; {sentence}", samples)
    if missing := tuple(_missing(unit, params)):
        raise Failed("missing", f"{', '.join(missing)}; {sentence}", samples)
    return Measured(sentence, samples)


def _missing(unit: BaseUnit, params: ClickshareParams) -> Iterator[str]:
    if params.buttons is not None and unit.paired is not None and unit.paired < params.buttons:
        yield f"{unit.paired} of {params.buttons} buttons paired"
    asleep = unit.power == "standby"  # then displays go to sleep as well
    if params.displays is not None and unit.connected is not None and not asleep and unit.connected < params.displays:
        yield f"{unit.connected} of {params.displays} displays connected"


def _samples(unit: BaseUnit) -> Iterator[Sample]:
    if unit.power:
        yield from displays.power(unit.power)
    yield Sample(displays.FAULT.name, int(unit.health == "failed"), "other")
    yield Sample(displays.WARNING.name, int(unit.health == "warns"), "other")
    told = (
        (room_systems.IN_USE.name, unit.in_use, ""),
        (_SHARING, unit.sharing, ""),
        (room_systems.UPTIME.name, unit.uptime, ""),
        (_BUTTONS, unit.paired, "paired"),
        (_BUTTONS, unit.plugged, "plugged"),
        (room_systems.CONNECTED.name, unit.connected, "displays"),
    )
    yield from (Sample(metric, float(value), part) for metric, value, part in told if value is not None)
    named = ((displays.MODEL, unit.model), (displays.SERIAL, unit.serial))
    yield from (Sample(metric.name, 1, value) for metric, value in named if value)


_SAID = {"on": "is on", "standby": "is on standby and answers", "": "answers"}


def _remarks(unit: BaseUnit, params: ClickshareParams) -> Iterator[str]:
    yield f"the base unit {unit.model} {_SAID[unit.power]}" if unit.model else f"the base unit {_SAID[unit.power]}"
    if unit.health == "warns":
        yield f"it warns: {unit.trouble}"
    if unit.sharing:
        yield "somebody shows something"
    if unit.paired is not None:
        yield f"{unit.paired} buttons paired, {unit.plugged} of them plugged in"
    elif params.buttons is not None:
        yield "it does not tell of its buttons, so `buttons` cannot be looked at"
    if unit.connected is None and params.displays is not None:
        yield "it does not tell of its displays, so `displays` cannot be looked at"
