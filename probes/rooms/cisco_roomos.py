"""Asks a Cisco room system over its xAPI how it is: standby, self-check, what is plugged in, registration, calls."""

import base64
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field

from probes import DefaultRule, Failed, Measured, Metric, Probe, Sample, Unmeasured
from probes._engines import Engines, displays, room_systems
from probes._engines.devices import DeviceParams
from probes._engines.displays import printable
from probes._engines.http import exchange
from probes._engines.room_systems import Number
from probes._engines.trust import CaFile, TlsVerify
from probes._secrets import Secret

MOST_STATUS = 512 * 1024
"""Bytes of a status, several times what one has: reading more would hold up the other checks."""
MOST_MESSAGES = 100
"""Messages of the self-check that are looked at."""

_MARGIN = 0.02  # seconds kept back of the timeout, so that the verdict is ours and not the caller's cancellation

_DIAGNOSTICS = "deskwatch_room_diagnostics"
_LEVELS = ("warning", "error", "critical")
_POWER = {"off": "on", "halfwake": "standby", "enteringstandby": "standby", "standby": "standby"}


class CiscoRoomosParams(DeviceParams):
    """Where the room system is, how it lets us in, and what must be plugged in."""

    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port of its web interface")] = 443
    username: Annotated[
        str, Field(pattern=r"^[^:\x00-\x1f\x7f]+$", max_length=200, description="a local user with the role User")
    ]
    password: Annotated[Secret, Field(description="the password of that user")]
    tls_verify: TlsVerify = True
    ca_file: CaFile = ""
    cameras: Annotated[Number, Field(description="cameras that must be connected; not looked at if not set")] = None
    microphones: Annotated[
        Number, Field(description="microphones that must be plugged in; not looked at if not set")
    ] = None
    displays: Annotated[
        Number, Field(description="displays that must be connected while it is awake; not looked at if not set")
    ] = None
    touch_panels: Annotated[
        Number, Field(description="touch panels that must be connected; not looked at if not set")
    ] = None


class Message(NamedTuple):
    """One finding of the self-check; `level` is one of warning, error and critical."""

    level: str
    words: str


class Codec(NamedTuple):
    """What a room system says of itself, as far as it matters here; "" and None for what it does not tell.

    `registered` tells of each service in use whether it is registered there. `heat` is normal, high or critical.
    """

    power: str
    connected: Mapping[str, int]
    messages: tuple[Message, ...]
    registered: Mapping[str, bool]
    calls: int
    heat: str
    people: int | None
    presence: bool | None
    celsius: float | None
    uptime: float | None
    model: str
    serial: str
    software: str


class CiscoRoomos(Probe[CiscoRoomosParams]):
    """Whether a room system is ready for a call."""

    Params = CiscoRoomosParams
    metrics = (
        displays.POWER,
        displays.FAULT,
        displays.WARNING,
        room_systems.CONNECTED,
        Metric(_DIAGNOSTICS, "How many findings its self-check has at the moment", "", "level", _LEVELS),
        room_systems.REGISTERED,
        room_systems.CALLS,
        room_systems.PEOPLE,
        room_systems.PRESENCE,
        room_systems.TEMPERATURE,
        room_systems.UPTIME,
        displays.MODEL,
        displays.SERIAL,
        displays.FIRMWARE,
    )
    reasons: ClassVar = {
        **{word: meaning for word, meaning in exchange.REASONS.items() if word != "too_many_redirects"},
        "wrong_status": "the web interface answered with an error",
        "fault": "its self-check says that it cannot be used, or it is too hot",
        "missing": "fewer cameras, microphones, displays or touch panels are connected than there must be",
        "unregistered": "its registration with the call service failed, and it has no other",
    }
    rules = (
        displays.WARNS,
        displays.STUCK["warming"],
        DefaultRule(
            "self-check",
            _DIAGNOSTICS,
            "has an error in its self-check, and may be used with restrictions",
            part="error",
            above=0,
            hold=300,
        ),
        room_systems.REGISTRATION_LOST,
    )
    per_target = 1  # each request is a session, and room systems allow few at a time

    def __init__(self, params: CiscoRoomosParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._request = _request(params)

    async def measure(self, timeout: float) -> Measured:
        """Get the whole status at once."""
        response = await self.engines.http.fetch(self._request, timeout - _MARGIN)
        return judged(read(response.status, response.body), room_systems.expected(self.params))


def _request(params: CiscoRoomosParams) -> exchange.Request:
    signed = base64.b64encode(f"{params.username}:{params.password.get_secret_value()}".encode()).decode()
    return exchange.Request(
        url=f"https://{params.target}/getxml?location=/Status",
        private=(("Authorization", f"Basic {signed}"),),
        redirects=0,
        most_body=MOST_STATUS,
        trust=exchange.Trust(params.tls_verify, params.ca_file),
    )


class _Tree(ET.TreeBuilder):
    """A document without a document type: that is where entities come from that grow without end."""

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        raise Failed("malformed", "the answer has a document type, which no room system sends")


def read(status: int, body: bytes) -> Codec:
    """What an answer of the web interface says.

    Raises Unmeasured when it does not let us in, Failed when this is no status of a room system.
    """
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) or 300 <= status <= 399 or _is_page(body):
        raise Unmeasured(
            "no_permission", f"the room system does not let us in, status {status}; correct `username` and `password`"
        )
    if status != HTTPStatus.OK:
        raise Failed("wrong_status", f"the web interface answered with status {status}")
    try:
        root = ET.fromstring(body, ET.XMLParser(target=_Tree()))  # noqa: S314 - bounded, and without entities
    except (ET.ParseError, ValueError, LookupError):  # the latter two for an encoding that there is not
        raise Failed("malformed", "the answer is no XML") from None
    if root.tag != "Status" or root.find("SystemUnit") is None:
        raise Failed("malformed", "the answer is not the status of a room system")
    return _codec(root)


def _is_page(body: bytes) -> bool:
    """Whether it is a web page: some versions answer a stranger with their login page and status 200."""
    return body[:200].lstrip().lower().startswith((b"<!doctype html", b"<html"))


def _codec(root: ET.Element) -> Codec:
    unit = "SystemUnit/Hardware"
    return Codec(
        power=_power(root),
        connected=dict(_connected(root)),
        messages=tuple(_messages(root)),
        registered=dict(_registered(root)),
        calls=sum(_text(call, "Status") == "Connected" for call in root.findall("Call")),
        heat=_text(root, f"{unit}/Monitoring/Temperature/Status").lower(),
        people=_whole(root, "RoomAnalytics/PeopleCount/Current"),
        presence={"yes": True, "no": False}.get(_text(root, "RoomAnalytics/PeoplePresence").lower()),
        celsius=_number(root, "RoomAnalytics/AmbientTemperature"),
        uptime=_number(root, "SystemUnit/Uptime"),
        model=_text(root, "SystemUnit/ProductId"),
        serial=_text(root, f"{unit}/Module/SerialNumber") or _text(root, f"{unit}/MainBoard/SerialNumber"),
        software=_text(root, "SystemUnit/Software/Version"),
    )


def _text(element: ET.Element, path: str) -> str:
    return printable(element.findtext(path) or "", 120)


def _number(root: ET.Element, path: str) -> float | None:
    """A number, None for what is none; -1 is how room systems say that they do not know."""
    try:
        value = float(_text(root, path))
    except ValueError:
        return None
    return value if 0 <= value < 1e12 else None


def _whole(root: ET.Element, path: str) -> int | None:
    value = _number(root, path)
    return None if value is None else int(value)


def _power(root: ET.Element) -> str:
    if _text(root, "SystemUnit/State/System").lower() == "initializing":
        return "warming"
    return _POWER.get(_text(root, "Standby/State").lower(), "unavailable")


def _connected(root: ET.Element) -> Iterator[tuple[str, int]]:
    yield "cameras", _true(root, "Cameras/Camera", "Connected")
    yield "microphones", _true(root, "Audio/Input/Connectors/Microphone", "ConnectionStatus")
    yield "displays", _true(root, "Video/Output/Connector", "Connected")
    panels = [one for one in root.findall("Peripherals/ConnectedDevice") if _text(one, "Type") == "TouchPanel"]
    yield "touch_panels", sum(_text(one, "Status") in ("", "Connected") for one in panels)


def _true(root: ET.Element, path: str, field: str) -> int:
    return sum(_text(one, field) in ("True", "Connected") for one in root.findall(path))


def _messages(root: ET.Element) -> Iterator[Message]:
    for one in root.findall("Diagnostics/Message")[:MOST_MESSAGES]:
        level = _text(one, "Level").lower()
        if level in _LEVELS:
            yield Message(level, _text(one, "Description") or _text(one, "Type"))


def _registered(root: ET.Element) -> Iterator[tuple[str, bool]]:
    """Of services that are off or about to register nothing is said."""
    webex = _text(root, "Webex/Status")
    if webex == "Registered" or webex.startswith("Error"):
        yield "webex", webex == "Registered"
    states = [_text(one, "Status") for one in root.findall("SIP/Registration")]
    if "Registered" in states or "Failed" in states:
        yield "sip", "Registered" in states


def judged(codec: Codec, expected: Mapping[str, int]) -> Measured:
    """What a status means. Raises Failed when no meeting can be held with it.

    `expected` says how many of each peripheral there must be.
    """
    samples = tuple(_samples(codec))
    sentence = "; ".join(_remarks(codec))
    if faults := _faults(codec):
        raise Failed("fault", f"the room system reports a failure: {', '.join(faults[:3])}; {sentence}", samples)
    if missing := room_systems.missing(_looked_at(codec, expected), codec.connected):
        raise Failed("missing", f"{', '.join(missing)}; {sentence}", samples)
    if codec.registered and not any(codec.registered.values()):
        raise Failed("unregistered", f"not registered with {' and '.join(codec.registered)}; {sentence}", samples)
    return Measured(sentence, samples)


def _faults(codec: Codec) -> list[str]:
    heat = ["it is too hot"] if codec.heat == "critical" else []
    return heat + [message.words for message in codec.messages if message.level == "critical"]


def _looked_at(codec: Codec, expected: Mapping[str, int]) -> dict[str, int]:
    """What must be there now: displays may go away while it sleeps."""
    return {name: number for name, number in expected.items() if name != "displays" or codec.power == "on"}


def _samples(codec: Codec) -> Iterator[Sample]:
    yield from displays.power(codec.power)
    if codec.heat in ("normal", "high", "critical"):
        yield Sample(displays.FAULT.name, int(codec.heat == "critical"), "temperature")
        yield Sample(displays.WARNING.name, int(codec.heat == "high"), "temperature")
    yield from (Sample(room_systems.CONNECTED.name, number, name) for name, number in codec.connected.items())
    for level in _LEVELS:
        yield Sample(_DIAGNOSTICS, sum(message.level == level for message in codec.messages), level)
    for service, registered in codec.registered.items():
        yield Sample(room_systems.REGISTERED.name, int(registered), service)
    yield Sample(room_systems.CALLS.name, codec.calls)
    measured = {
        room_systems.PEOPLE: codec.people,
        room_systems.PRESENCE: codec.presence,
        room_systems.TEMPERATURE: codec.celsius,
        room_systems.UPTIME: codec.uptime,
    }
    yield from (Sample(metric.name, float(value)) for metric, value in measured.items() if value is not None)
    named = ((displays.MODEL, codec.model), (displays.SERIAL, codec.serial), (displays.FIRMWARE, codec.software))
    yield from (Sample(metric.name, 1, value) for metric, value in named if value)


_SAID = {
    "on": "is awake",
    "standby": "is on standby and answers",
    "warming": "starts",
    "unavailable": "answers, but does not tell whether it is awake",
}


def _remarks(codec: Codec) -> Iterator[str]:
    """What a community manager should know, the state first."""
    yield f"the room system {codec.model} {_SAID[codec.power]}" if codec.model else f"it {_SAID[codec.power]}"
    if codec.calls:
        yield "a call is on" if codec.calls == 1 else f"{codec.calls} calls are on"
    if codec.heat == "high":
        yield "it warns of its temperature"
    if lost := [service for service, registered in codec.registered.items() if not registered]:
        yield f"its registration with {' and '.join(lost)} failed"
    if noted := [message.words for message in codec.messages if message.level != "critical"]:
        more = f" and {len(noted) - 3} more" if len(noted) > 3 else ""
        yield f"its self-check says: {', '.join(noted[:3])}{more}"
