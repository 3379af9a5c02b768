"""Asks a Poly Trio or G7500 over its REST API how it is: registration, what is paired with it, calls."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import Field

from probes import DefaultRule, Failed, Measured, Metric, Probe, Sample, Unmeasured
from probes._engines import Engines, api, displays, room_systems
from probes._engines.api import MARGIN, Answer, Api, Question, basic
from probes._engines.devices import DeviceParams
from probes._engines.http.exchange import Trust
from probes._engines.json_values import number, words
from probes._engines.room_systems import Number
from probes._secrets import Secret

SIP = "/v1/webCallControl/sipStatus"
PAIRED = "/v1/mgmt/mrpair/info"
STATS = "/v1/mgmt/device/stats"
NETWORK = "/v1/mgmt/network/stats"
DEVICE = "/v2/mgmt/device/info"
CALLS = "/v2/webCallControl/callStatus"

MOST_ANSWER = 256 * 1024
"""Bytes of an answer, many times what one has."""

_MEMORY = "deskwatch_room_memory_used_ratio"
_OK, _NO_CALL, _DEFAULT_PASSWORD = 2000, 4007, 4010  # what the API states as "Status"
_COMPONENTS = {"cameraSrc": "cameras", "audioSrcSink": "microphones", "displayUI": "displays"}
_ON = ("connected", "callconference")


class PolyParams(DeviceParams):
    """Where the room system is, how it lets us in, and what must be paired with it."""

    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port of its REST API")] = 443
    username: Annotated[
        str, Field(pattern=r"^[^:\x00-\x1f\x7f]+$", max_length=200, description="user of the REST API")
    ] = "Polycom"
    password: Annotated[Secret, Field(description="the administrator's password, which the REST API takes")]
    tls_verify: Annotated[bool, Field(description="whether the certificate must be valid and for this host")] = True
    ca_file: Annotated[
        str, Field(max_length=1000, description="PEM file of trusted issuers; the system's list if not set")
    ] = ""
    registration: Annotated[
        bool, Field(description="whether a call server must have registered it; false if it calls otherwise")
    ] = True
    cameras: Annotated[Number, Field(description="cameras that must be paired; not looked at if not set")] = None
    microphones: Annotated[Number, Field(description="sound devices that must be paired; not looked at if not set")] = (
        None
    )
    displays: Annotated[Number, Field(description="displays that must be paired; not looked at if not set")] = None


class Codec(NamedTuple):
    """What a room system says of itself; None and "" for what it does not tell.

    `registration` are the states of its lines, `connected` what is paired with it, `memory` the used share.
    """

    registration: tuple[str, ...] = ()
    connected: Mapping[str, int] | None = None
    calls: int | None = None
    ready: bool | None = None
    memory: float | None = None
    uptime: float | None = None
    model: str = ""
    software: str = ""


class Poly(Probe[PolyParams]):
    """Whether a Poly room system is ready for a call."""

    Params = PolyParams
    metrics = (
        displays.POWER,
        room_systems.CONNECTED,
        room_systems.REGISTERED,
        room_systems.CALLS,
        Metric(_MEMORY, "How much of the room system's memory is in use", "ratio"),
        room_systems.UPTIME,
        displays.MODEL,
        displays.FIRMWARE,
    )
    reasons: ClassVar = {
        **api.REASONS,
        "missing": "fewer cameras, sound devices or displays are paired than there must be",
        "unregistered": "no call server has registered it: no calls in or out",
    }
    rules = (
        displays.STUCK["warming"],
        DefaultRule(
            "memory-full",
            _MEMORY,
            "has used more than 95 % of its memory for 15 minutes; it becomes slow and then restarts by itself",
            above=0.95,
            hold=900,
        ),
        room_systems.REGISTRATION_LOST,
    )
    per_target = 1

    def __init__(self, params: PolyParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._api = Api(
            engines.http,
            f"https://{params.target}/api",
            "the room system",
            "`username` and `password`, and see that its REST API is switched on",
            private=basic(params.username, params.password.get_secret_value()),
            trust=Trust(params.tls_verify, params.ca_file),
            most=MOST_ANSWER,
        )

    async def measure(self, timeout: float) -> Measured:
        """Ask for the registration, and for what else this model tells."""
        deadline = time.monotonic() + timeout - MARGIN
        answers = {SIP: await self._ask(SIP, deadline, needed=True)}
        for path in (PAIRED, STATS, NETWORK, DEVICE, CALLS):
            answers[path] = await self._ask(path, deadline, needed=False)
        return judged(read(answers), room_systems.expected(self.params), registers=self.params.registration)

    async def _ask(self, path: str, deadline: float, *, needed: bool) -> Any:
        """The data at a path; None for what this model does not have, unless it is needed."""
        answer = await self._api.try_(Question(path), deadline)
        if answer.status != HTTPStatus.OK:
            if needed or answer.status == HTTPStatus.UNAUTHORIZED:
                raise self._api.objection(answer.status)
            return None
        status = _stated(answer)
        if status == _DEFAULT_PASSWORD:
            raise Unmeasured("no_permission", "the room system still has the password it came with; give it one")
        if status not in (_OK, _NO_CALL) and needed:
            raise Failed("wrong_status", f"the room system answers with its error {status}")
        return answer.document.get("data") if status == _OK else [] if status == _NO_CALL else None


def _stated(answer: Answer) -> int:
    """What an answer states as its status. Raises Failed when this is no answer of the API."""
    status = number(answer.document.get("Status")) if isinstance(answer.document, Mapping) else None
    if status is None:
        raise Failed("malformed", "the answer does not follow the API: it states no status")
    return int(status)


def read(answers: Mapping[str, Any]) -> Codec:
    """What the answers say, by their path."""
    device = _row(answers.get(DEVICE))
    return Codec(
        registration=tuple(_registration(_row(answers.get(SIP)))),
        connected=_paired(answers.get(PAIRED)),
        calls=_calls(answers.get(CALLS)),
        ready={"true": True, "false": False}.get(words(device.get("ReadyToUse")).lower()),
        memory=_used(_row(_row(answers.get(STATS)).get("Memory"))),
        uptime=seconds(words(_row(answers.get(NETWORK)).get("UpTime"))),
        model=words(device.get("ModelNumber")),
        software=words(_row(device.get("Firmware")).get("Application")).partition(" ")[0],
    )


def _row(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _registration(sip: Mapping[str, Any]) -> Iterator[str]:
    for user in _rows(sip.get("User")):
        for event in _rows(user.get("Events")):
            if words(event.get("Type")).lower() == "register":
                yield words(event.get("RegistrationState")).lower()


def _paired(data: Any) -> dict[str, int] | None:
    """How many of each peripheral are paired, None if that is not told."""
    if not isinstance(data, Mapping):
        return None
    devices = _rows(data.get("ConnectedDeviceList"))
    kinds = [words(part.get("componentType")) for one in devices for part in _rows(one.get("ComponentList"))]
    return {name: kinds.count(kind) for kind, name in _COMPONENTS.items()}


def _calls(data: Any) -> int | None:
    if not isinstance(data, list):
        return None
    return sum(words(call.get("CallState")).lower() in _ON for call in _rows(data))


def _used(memory: Mapping[str, Any]) -> float | None:
    """The share of the memory that is in use; what the kernel can take back at any time does not count."""
    used, total, back = (number(memory.get(name)) for name in ("Used", "Total", "SReclaim"))
    if used is None or not total or total < 0:
        return None
    return min(max((used - (back or 0)) / total, 0.0), 1.0)


def seconds(uptime: str) -> float | None:
    """Seconds of "1 day 1:41:50", None for what is none."""
    found = re.fullmatch(r"(?:([0-9]{1,5}) days?,? )?([0-9]{1,2}):([0-9]{2}):([0-9]{2})", uptime.strip().lower())
    if found is None:
        return None
    days, hours, minutes, rest = (int(part or 0) for part in found.groups())
    return 86_400.0 * days + 3600 * hours + 60 * minutes + rest


def judged(codec: Codec, expected: Mapping[str, int], *, registers: bool) -> Measured:
    """What the answers mean. Raises Failed when no meeting can be held with it, Unmeasured when that is not told.

    `expected` says how many of each peripheral there must be, `registers` whether a call server must know it.
    """
    samples = tuple(_samples(codec))
    sentence = "; ".join(_remarks(codec))
    if expected and codec.connected is None:
        raise Unmeasured(
            "no_source", f"the room system does not tell what is paired with it; unset {_listed(expected)}"
        )
    if absent := room_systems.missing(expected, codec.connected or {}):
        raise Failed("missing", f"{', '.join(absent)}; {sentence}", samples)
    if registers and codec.registration and not {"registered", "registering"} & set(codec.registration):
        raise Failed("unregistered", f"no call server has registered it; {sentence}", samples)
    return Measured(sentence, samples)


def _listed(expected: Mapping[str, int]) -> str:
    return " and ".join(f"`{name}`" for name in expected)


def _samples(codec: Codec) -> Iterator[Sample]:
    if codec.ready is not None:
        yield from displays.power("on" if codec.ready else "warming")
    for name, found in (codec.connected or {}).items():
        yield Sample(room_systems.CONNECTED.name, found, name)
    if codec.registration:
        yield Sample(room_systems.REGISTERED.name, int("registered" in codec.registration), "sip")
    measured = {room_systems.CALLS.name: codec.calls, _MEMORY: codec.memory, room_systems.UPTIME.name: codec.uptime}
    yield from (Sample(metric, float(value)) for metric, value in measured.items() if value is not None)
    named = ((displays.MODEL, codec.model), (displays.FIRMWARE, codec.software))
    yield from (Sample(metric.name, 1, value) for metric, value in named if value)


def _remarks(codec: Codec) -> Iterator[str]:
    """What a community manager should know, the state first."""
    state = "is about to be ready" if codec.ready is False else "answers"
    yield f"the room system {codec.model} {state}" if codec.model else f"the room system {state}"
    if codec.calls:
        yield "a call is on" if codec.calls == 1 else f"{codec.calls} calls are on"
    yield from _about(codec.registration)


def _about(registration: Sequence[str]) -> Iterator[str]:
    if not registration:
        yield "it has no line"
    elif "registered" not in registration:
        trying = "registering" in registration
        yield "it is trying to register with its call server" if trying else "it is not registered"
