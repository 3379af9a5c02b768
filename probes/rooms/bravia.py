"""Asks a Sony Bravia display over its REST API how it is: power, input, sound, model."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import Field

from probes import Failed, Measured, Metric, Probe, Sample, Unmeasured
from probes._engines import Engines, displays
from probes._engines.devices import DeviceParams
from probes._engines.displays import printable
from probes._engines.excerpt import excerpt
from probes._engines.http import exchange
from probes._secrets import LineSecret

MOST_ANSWER = 64 * 1024
"""Bytes of an answer; what is asked for here takes a few hundred."""

_MARGIN = 0.02  # seconds kept back of the timeout, so that the verdict is ours and not the caller's cancellation
_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)  # as HTTP status, or as an error's code in the answer
_STATES = {"active": "on", "standby": "standby"}
_INPUTS = {
    "hdmi": "HDMI",
    "cec": "HDMI",
    "component": "component",
    "composite": "composite",
    "scart": "SCART",
    "widi": "screen mirroring",
}
_VOLUME = "deskwatch_display_volume_ratio"


class BraviaParams(DeviceParams):
    """Where the display is, and how it lets us in."""

    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port of its REST API")] = 80
    key: Annotated[
        LineSecret | None,
        Field(description="pre-shared key; without it newer displays tell their power and model only"),
    ] = None


class Question(NamedTuple):
    """A method of the REST API."""

    service: str
    method: str


POWER = Question("system", "getPowerStatus")
IDENTITY = Question("system", "getSystemInformation")
CONTENT = Question("avContent", "getPlayingContentInfo")
SOUND = Question("audio", "getVolumeInformation")
SWITCH = Question("system", "setPowerStatus")


class Bravia(Probe[BraviaParams]):
    """Whether a Bravia display answers, and what it shows."""

    Params = BraviaParams
    metrics = (
        displays.POWER,
        displays.INPUT,
        displays.MUTED,
        Metric(_VOLUME, "How loud the sound is set", "ratio"),
        displays.MODEL,
        displays.SERIAL,
    )
    reasons: ClassVar = {
        **{
            word: exchange.REASONS[word]
            for word in ("refused", "unreachable", "unresolved", "reset", "malformed", "body_too_large")
        },
        "wrong_status": "the display answered with an error of HTTP",
        "unsupported": "the display answers the question for its power with an error",
    }
    per_target = 1

    def __init__(self, params: BraviaParams, engines: Engines) -> None:
        super().__init__(params, engines)
        key = params.key
        self._private = (("X-Auth-PSK", key.get_secret_value()),) if key is not None else ()
        self._identity: Mapping[str, Any] = {}

    async def measure(self, timeout: float) -> Measured:
        """Ask for the power, and for the rest if the display is on."""
        try:
            return await self._look(time.monotonic() + timeout - _MARGIN)
        except Failed:
            self._identity = {}  # another display may answer next time
            raise

    async def switch(self, on: bool, timeout: float) -> None:
        """Switch the display on, or to standby. Raises Failed when it refuses."""
        answer = await self._ask(SWITCH, time.monotonic() + timeout - _MARGIN, {"status": on})
        if answer.error:
            raise Failed("unsupported", f"the display answers with error {answer.error} when it is told to switch")

    async def _look(self, deadline: float) -> Measured:
        state = power(await self._ask(POWER, deadline))
        if state == "standby":
            return found(state, self._identity, {}, ())
        if not self._identity:
            self._identity = first(await self._ask(IDENTITY, deadline))
        content = first(await self._ask(CONTENT, deadline))
        return found(state, self._identity, content, speakers(await self._ask(SOUND, deadline)))

    async def _ask(self, question: Question, deadline: float, *params: Mapping[str, Any]) -> "Answer":
        body = json.dumps({"method": question.method, "id": 1, "params": params, "version": "1.0"})
        request = exchange.Request(
            url=f"http://{self.params.target}/sony/{question.service}",
            method="POST",
            headers=(("Content-Type", "application/json; charset=UTF-8"),),
            private=self._private,
            body=body.encode(),
            redirects=0,
            most_body=MOST_ANSWER,
        )
        response = await self.engines.http.fetch(request, max(deadline - time.monotonic(), 0.001))
        answer = read(response.status, response.body)
        if answer.error in _REFUSED and (self._private or question == POWER):
            raise Unmeasured("no_permission", "the display does not let us in; correct `key`")
        return answer


class Answer(NamedTuple):
    """What was answered: the result, or the code of an error, 0 for none."""

    result: Any = None
    error: int = 0


def read(status: int, body: bytes) -> Answer:
    """The answer in what came back. Raises Failed when this is no Bravia."""
    if status in _REFUSED:
        return Answer(error=status)
    if status != HTTPStatus.OK:
        raise Failed("wrong_status", f"the display answered with status {status}")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise Failed("malformed", "the answer is no JSON") from None
    match document:
        case {"error": [int(code), *_]} if code:
            return Answer(error=code)
        case {"result": list(result)}:
            return Answer(result)
    raise Failed("malformed", "the answer is not one of the REST API: it has neither result nor error")


def power(answer: Answer) -> str:
    """The state of POWER. Raises Failed for an answer that is none."""
    if answer.error:
        raise Failed("unsupported", f"the display answers the question for its power with error {answer.error}")
    status = first(answer).get("status")
    if not isinstance(status, str) or status not in _STATES:
        raise Failed("malformed", f"the display states its power as {excerpt(str(status), 40)}")
    return _STATES[status]


def first(answer: Answer) -> Mapping[str, Any]:
    """The first object of a result, empty without one."""
    match answer.result:
        case [dict(one), *_]:
            return one
    return {}


def speakers(answer: Answer) -> tuple[Mapping[str, Any], ...]:
    """What is told of each loudspeaker, headphones and the like."""
    match answer.result:
        case [list(outputs), *_]:
            return tuple(output for output in outputs if isinstance(output, dict))
    return ()


def found(
    state: str, identity: Mapping[str, Any], content: Mapping[str, Any], outputs: tuple[Mapping[str, Any], ...]
) -> Measured:
    """What the answers say of the display. What it does not tell is left out."""
    model, source = _text(identity, "model"), shown(_text(content, "uri"))
    speaker = next((output for output in outputs if output.get("target") == "speaker"), {})
    samples = (*displays.power(state), *_samples(model, _text(identity, "serial"), source), *_sound(speaker))
    said = f"the display {model}".strip() + (" is on" if state == "on" else " is on standby and answers")
    remarks = [f"it shows {source}"] if source else []
    if speaker.get("mute") is True:
        remarks.append("its sound is muted")
    return Measured("; ".join((said, *remarks)), samples)


def shown(uri: str) -> str:
    """The input in "extInput:hdmi?port=1", "" for what is none; a programme or an app has any number of names."""
    named = re.match(r"extInput:([a-z]+)\?(?:.*&)?port=([1-9])(?:&|$)", uri)
    if named is None or named[1] not in _INPUTS:
        return "TV" if uri.startswith("tv:") else ""
    return f"{_INPUTS[named[1]]} {named[2]}"


def _text(of: Mapping[str, Any], name: str) -> str:
    value = of.get(name)
    return printable(value) if isinstance(value, str) else ""


def _samples(model: str, serial: str, source: str) -> Iterator[Sample]:
    named = ((displays.MODEL, model), (displays.SERIAL, serial), (displays.INPUT, source))
    yield from (Sample(metric.name, 1, value) for metric, value in named if value)


def _sound(speaker: Mapping[str, Any]) -> Iterator[Sample]:
    if isinstance(speaker.get("mute"), bool):
        yield Sample(displays.MUTED.name, int(speaker["mute"]), "sound")
    match speaker:
        case {"volume": int(volume), "maxVolume": int(most)} if 0 <= volume <= most and most:
            yield Sample(_VOLUME, volume / most)
