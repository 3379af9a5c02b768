"""Asks a Crestron device over its web API what is plugged into it, and an older one whether its console answers."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import Field, model_validator

from probes import DefaultRule, Failed, Measured, Metric, Probe, Sample, Unmeasured
from probes._engines import Engines, api, displays, room_systems
from probes._engines.api import Answer, Api, Grant, Lines, Question, cookies
from probes._engines.devices import DeviceParams, device
from probes._engines.http.exchange import Response, Trust, origin
from probes._engines.json_values import words
from probes._engines.trust import CaFile, TlsVerify
from probes._secrets import Secret

MOST_ANSWER = 1024 * 1024
"""Bytes of an answer; a matrix of 32 inputs and outputs takes a tenth of that."""
MOST_PORTS = 64
"""Inputs, and outputs, that are looked at."""

_CONSOLE = 41_795  # TCP port of the console, CTP
_SESSION = 600.0  # seconds that a sign-in is used for
_SIGN_IN = "/userlogin.html"
_TOKEN = "CREST-XSRF-TOKEN"  # noqa: S105 - the name of a header
_SECTIONS = ("AvioV2", "AudioVideoInputOutput")  # newer devices have the first, older encoders the second

_SIGNAL = "deskwatch_room_input_signal"
_EDID = "deskwatch_room_input_edid_failed"
_SINK = "deskwatch_room_output_connected"
_BLOCKED = "deskwatch_room_output_blocked"

Row = Mapping[str, Any]


class CrestronParams(DeviceParams):
    """Where the device is, how it lets us in, and how many displays must be connected."""

    port: Annotated[
        int, Field(ge=1, le=65_535, description="TCP port of its web interface; with `console` 41795 if not set")
    ] = 443
    console: Annotated[
        bool, Field(description="whether it is an older processor without web API: only its console is connected to")
    ] = False
    username: Annotated[str, Field(max_length=200, description="a user of the device; empty if it has none")] = ""
    password: Annotated[Secret | None, Field(description="the password of that user")] = None
    displays: Annotated[
        int | None, Field(ge=1, le=MOST_PORTS, description="displays that must be connected; not looked at if not set")
    ] = None
    tls_verify: TlsVerify = True
    ca_file: CaFile = ""

    @model_validator(mode="before")
    @classmethod
    def _port_of_the_console(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("console") is True and "port" not in given:
            return {**given, "port": _CONSOLE}
        return given

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if (self.password is None) != (not self.username):
            raise ValueError("signing in needs both username and password")
        if self.console and (self.username or self.displays):
            raise ValueError("the console is only connected to; leave username, password and displays away")
        return self


class Input(NamedTuple):
    """An input; None for what is not told of it."""

    name: str
    signal: bool | None
    edid_failed: bool | None


class Output(NamedTuple):
    """An output; None for what is not told of it. `blocked`: copy protection keeps the picture back."""

    name: str
    connected: bool | None
    blocked: bool | None


class View(NamedTuple):
    """What a device says of itself; "" for what it does not tell."""

    model: str
    serial: str
    software: str
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()


class Crestron(Probe[CrestronParams]):
    """Whether a Crestron device answers, and what is plugged into it."""

    Params = CrestronParams
    metrics = (
        Metric(_SIGNAL, "1 if a picture comes into this input, else 0", "", "input"),
        Metric(_EDID, "1 if this input could not be told which pictures the displays take, else 0", "", "input"),
        Metric(_SINK, "1 if a display is connected to this output, else 0", "", "output"),
        Metric(_BLOCKED, "1 if copy protection (HDCP) keeps the picture from this output, else 0", "", "output"),
        replace(room_systems.CONNECTED, parts=("displays",)),
        displays.MODEL,
        displays.SERIAL,
        displays.FIRMWARE,
    )
    reasons: ClassVar = {**api.REASONS, "missing": "fewer displays are connected than there must be"}
    rules = (
        DefaultRule(
            "picture-blocked",
            _BLOCKED,
            "keeps a picture back for copy protection (HDCP); its check says on which output",
            above=0,
            hold=60,
        ),
        DefaultRule(
            "edid-failed", _EDID, "could not tell an input which pictures the displays take", "info", above=0, hold=300
        ),
    )
    per_target = 1  # each check has a session, and devices allow few

    def __init__(self, params: CrestronParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._origin = origin(params.host, params.port)
        self._section = ""
        self._api = Api(
            engines.http,
            self._origin,
            "the device",
            "`username` and `password`",
            trust=Trust(params.tls_verify, params.ca_file),
            sign_in=self._sign_in if params.username else None,
            expired=_is_sign_in,
            most=MOST_ANSWER,
        )

    async def measure(self, timeout: float) -> Measured:
        """Ask what it is and what is plugged in; of an older one only whether its console can be connected to."""
        if self.params.console:
            async with device(self.params, timeout, 1):
                return Measured(f"the console answers on port {self.params.port}; nothing else is asked of it")
        try:
            return judged(await self._look(time.monotonic() + timeout - api.MARGIN), self.params.displays)
        except Unmeasured:
            self._api.forget()
            raise

    async def _look(self, deadline: float) -> View:
        told = section(await self._api.get("/Device/DeviceInfo", deadline), "DeviceInfo")
        if not told:
            raise Failed("malformed", "the answer does not follow the API: there is no DeviceInfo")
        view = identified(told)
        for name in (self._section,) if self._section else _SECTIONS:
            ports = section(await self._beside(f"/Device/{name}", deadline), name)
            if ports:
                self._section = name
                return view._replace(inputs=tuple(inputs(ports)), outputs=tuple(outputs(ports)))
        return view

    async def _beside(self, path: str, deadline: float) -> Any:
        """The answer to a question that not every device knows, None if it does not."""
        answer = await self._api.try_(Question(path), deadline)
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise self._api.objection(answer.status)
        return answer.document if answer.status == HTTPStatus.OK else None

    async def _sign_in(self, door: Api, deadline: float) -> Grant:
        hello = await door.try_(Question(_SIGN_IN, signed=False, page=True), deadline)
        if hello.status != HTTPStatus.OK:
            raise door.objection(hello.status)
        password = self.params.password.get_secret_value() if self.params.password is not None else ""
        entry = Question(
            _SIGN_IN,
            form={"login": self.params.username, "passwd": password},
            headers=(("Origin", self._origin), ("Referer", self._origin + _SIGN_IN)),
            private=cookies(hello),
            signed=False,
            page=True,
        )
        return _granted(door, hello, await door.try_(entry, deadline))


def _granted(door: Api, hello: Answer, answer: Answer) -> Grant:
    """What signing in brought: cookies, and on all but the oldest a token. Raises when it brought nothing."""
    token = answer.header(_TOKEN)
    if answer.status not in (HTTPStatus.OK, HTTPStatus.FOUND):
        raise door.objection(answer.status)
    if not token and not re.search(r"\b(?:AuthByPasswd|userid|userstr)=", _named(answer)):
        raise door.objection(HTTPStatus.UNAUTHORIZED)  # the page to sign in once more, with status 200
    shown: Lines = ((_TOKEN, token), (f"X-{_TOKEN}", token)) if re.fullmatch("[!-~]{1,500}", token) else ()
    return Grant((*cookies(hello, answer), *shown), _SESSION)


def _named(answer: Answer) -> str:
    return "; ".join(line for _, line in cookies(answer))


def _is_sign_in(response: Response) -> bool:
    """Whether an answer is, or leads to, the page to sign in."""
    return response.status in (301, 302, 303, 307) or (response.status == 200 and response.body.lstrip()[:1] == b"<")


def section(document: Any, name: str) -> Row:
    """The section of that name of a device's object, empty if it has none."""
    found = document.get("Device") if isinstance(document, Mapping) else None
    told = found.get(name) if isinstance(found, Mapping) else None
    return told if isinstance(told, Mapping) else {}


def identified(told: Row) -> View:
    """What a DeviceInfo says."""
    maker, model = words(told.get("Manufacturer")), words(told.get("Model"))
    named = model if model.lower().startswith(maker.lower()) else f"{maker} {model}".strip()
    software = words(told.get("DeviceVersion")) or words(told.get("PufVersion"))
    return View(named, words(told.get("SerialNumber")), software)


def inputs(told: Row) -> Iterator[Input]:
    """The inputs in a section."""
    for name, port in _ports(told, "Inputs", "InputInfo"):
        error = port.get("EdidApplyError")
        edid_failed = words(error).lower()[:6] not in ("", "no err", "none") if isinstance(error, str) else None
        yield Input(name, _truth(port, "IsSyncDetected"), edid_failed)


def outputs(told: Row) -> Iterator[Output]:
    """The outputs in a section."""
    for name, port in _ports(told, "Outputs", "OutputInfo"):
        inner = [port.get(key) for key in ("Digital", "Hdmi")]
        blocked = (_truth(one, "DisabledByHdcp") for one in (*inner, port) if isinstance(one, Mapping))
        yield Output(name, _truth(port, "IsSinkConnected"), next((each for each in blocked if each is not None), None))


def _ports(told: Row, side: str, inner: str) -> Iterator[tuple[str, Row]]:
    """The ports of one side, each with a name that no other has."""
    seen: set[str] = set()
    for key, one in _entries(told.get(side)):
        name = words(one.get("UserSpecifiedName")) or words(one.get("Name")) or key
        holder = one.get(inner) if isinstance(one.get(inner), Mapping) else one
        found = _entries(holder.get("Ports")) if isinstance(holder, Mapping) else []
        for port_key, port in found:
            called = name if len(found) == 1 else f"{name} {port_key}"
            called = called if called not in seen else f"{called} ({key})"
            if called in seen or len(seen) >= MOST_PORTS:
                continue
            seen.add(called)
            yield called, port


def _entries(value: Any) -> Sequence[tuple[str, Row]]:
    """The objects in an object or a list, by name or number."""
    pairs = enumerate(value, 1) if isinstance(value, list) else value.items() if isinstance(value, Mapping) else ()
    return [(words(str(key)), one) for key, one in pairs if isinstance(one, Mapping)]


def _truth(row: Row, name: str) -> bool | None:
    value = row.get(name)
    return value if isinstance(value, bool) else None


def judged(view: View, expected: int | None) -> Measured:
    """What a view means. Raises Failed when fewer than `expected` displays are connected."""
    samples, sentence = tuple(_samples(view)), "; ".join(_remarks(view))
    told = [one.connected for one in view.outputs if one.connected is not None]
    if expected is not None and told and sum(told) < expected:
        raise Failed("missing", f"{sum(told)} of {expected} displays connected; {sentence}", samples)
    if expected is not None and not told:
        sentence += "; it does not tell of its displays, so `displays` cannot be looked at"
    return Measured(sentence, samples)


def _samples(view: View) -> Iterator[Sample]:
    for one in view.inputs:
        yield from _known((_SIGNAL, one.signal, one.name), (_EDID, one.edid_failed, one.name))
    for each in view.outputs:
        yield from _known((_SINK, each.connected, each.name), (_BLOCKED, each.blocked, each.name))
    told = [each.connected for each in view.outputs if each.connected is not None]
    if told:
        yield Sample(room_systems.CONNECTED.name, sum(told), "displays")
    named = ((displays.MODEL, view.model), (displays.SERIAL, view.serial), (displays.FIRMWARE, view.software))
    yield from (Sample(metric.name, 1, value) for metric, value in named if value)


def _known(*told: tuple[str, bool | None, str]) -> Iterator[Sample]:
    yield from (Sample(metric, int(value), part) for metric, value, part in told if value is not None)


def _remarks(view: View) -> Iterator[str]:
    yield f"the device {view.model} answers" if view.model else "the device answers"
    if blocked := [one.name for one in view.outputs if one.blocked]:
        yield f"copy protection (HDCP) keeps the picture from {_listed(blocked)}"
    if failed := [one.name for one in view.inputs if one.edid_failed]:
        yield f"could not be told which pictures the displays take: {_listed(failed)}"
    if signals := [one.signal for one in view.inputs if one.signal is not None]:
        yield f"a picture comes into {sum(signals)} of {len(signals)} inputs"
    if told := [one.connected for one in view.outputs if one.connected is not None]:
        yield f"displays are connected to {sum(told)} of {len(told)} outputs"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"
