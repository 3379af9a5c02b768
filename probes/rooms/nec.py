"""Asks a NEC or Sharp display over its external control how it is: power, self-diagnosis, signal, input, model."""

import re
from collections.abc import Iterator
from functools import reduce
from operator import xor
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field

from probes import Failed, Measured, Probe, Sample
from probes._engines import Engines, devices, displays
from probes._engines.devices import Device, DeviceParams, device
from probes._engines.displays import printable
from probes._engines.excerpt import excerpt
from probes._engines.patience import Patience, Silences

MOST_FRAME = 7 + 255 + 2
"""Bytes of an answer: header, message, check code and delimiter."""

_COMMAND, _GET = "A", "C"  # types of a message; an answer has the letter that follows
_POWER, _DIAGNOSIS, _INPUT, _SERIAL, _MODEL = "01D6", "B1", "0060", "C216", "C217"
_WORDS = {
    _POWER: "power",
    _DIAGNOSIS: "self-diagnosis",
    _INPUT: "input",
    _SERIAL: "serial number",
    _MODEL: "model",
}
_SWITCH = "C203D6"
_NULL = "BE"  # the message for "I do not know that"

_STATES = {1: "on", 2: "standby", 3: "standby", 4: "standby"}  # 2 and 3: it saves power because there is no signal
_INPUTS = {
    0x01: "VGA",
    0x02: "RGB",
    0x03: "DVI",
    0x04: "HDMI",
    0x05: "video",
    0x07: "S-Video",
    0x0C: "component",
    0x0D: "option slot",
    0x0F: "DisplayPort 1",
    0x10: "DisplayPort 2",
    0x11: "HDMI 1",
    0x12: "HDMI 2",
    0x80: "DisplayPort 3",
    0x82: "HDMI 3",
}
_FINE, _NO_SIGNAL = "00", "B0"
_FATAL = {"7": "other", "9": "lamp", "A0": "temperature"}  # power supplies, backlight, shut down for heat
_HARMLESS = {"8": "fan", "A": "temperature"}  # half as bright for heat, or above a limit set by hand
_WATCHED_FATAL, _WATCHED_HARMLESS = ("lamp", "temperature", "other"), ("fan", "temperature", "other")


class NecParams(DeviceParams):
    """Where the display is, and how fast it can be asked."""

    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port of its external control")] = 7142
    monitor_id: Annotated[
        int, Field(ge=1, le=100, description="number of the display, as its menu states it under Monitor ID")
    ] = 1
    pace: Annotated[
        float, Field(ge=0, le=2, description="seconds between two questions; the maker asks for more than 0.6")
    ] = 0.65


class Diagnosis(NamedTuple):
    """What the self-diagnosis found, if it is `known`. `signal` is None where the display does not look for one."""

    known: bool = False
    codes: tuple[str, ...] = ()
    failed: frozenset[str] = frozenset()
    warned: frozenset[str] = frozenset()
    signal: bool | None = None


class Identity(NamedTuple):
    """What never changes."""

    model: str = ""
    serial: str = ""


class Nec(Probe[NecParams]):
    """Whether an NEC display answers and will show a picture."""

    Params = NecParams
    metrics = (
        displays.POWER,
        displays.FAULT,
        displays.WARNING,
        displays.INPUT,
        displays.SIGNAL,
        displays.MODEL,
        displays.SERIAL,
    )
    reasons: ClassVar = {
        **devices.REASONS,
        "fault": "the display's self-diagnosis has found that its backlight or power has failed, or that it is too hot",
        "unsupported": "the display does not know the question for its power, which each one must",
    }
    rules = (displays.WARNS,)
    per_target = 1  # displays serve one guest at a time

    def __init__(self, params: NecParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._identity: Identity | None = None
        self._silences: Silences = {}

    async def measure(self, timeout: float) -> Measured:
        """Ask for power and self-diagnosis, and for the rest if the display is on."""
        try:
            async with device(self.params, timeout, MOST_FRAME) as talk:
                return await self._look(_Questions(talk, self.params, Patience(timeout, self._silences)))
        except Failed as failure:
            if failure.reason != "fault":
                self._identity, self._silences = None, {}  # another display may answer next time
            raise

    async def switch(self, on: bool, timeout: float) -> None:
        """Switch the display on, or to standby. Raises Failed when it refuses."""
        async with device(self.params, timeout, MOST_FRAME) as talk:
            message = f"{_SWITCH}{1 if on else 4:04X}"
            said = await _Questions(talk, self.params, Patience(timeout, {})).tell(message)
        if said is None or not said.startswith(f"00{_SWITCH}"):
            raise Failed("unsupported", f"the display answers {excerpt(said or 'no')} when it is told to switch")

    async def _look(self, questions: "_Questions") -> Measured:
        state = power(await questions.ask(_POWER))
        diagnosis = diagnosed(await questions.might(_DIAGNOSIS), state)
        if state != "on":
            return judged(state, diagnosis, "", self._identity or Identity())
        source = shown(await questions.might(_INPUT))
        identity = self._identity or Identity(
            spelled(await questions.might(_MODEL), "C317"), spelled(await questions.might(_SERIAL), "C316")
        )
        self._identity = identity if any(identity) else None  # there may not have been time
        return judged(state, diagnosis, source, identity)


class _Questions:
    """The dialogue with a display: one message, one answer, a pause before the next."""

    def __init__(self, talk: Device, params: NecParams, patience: Patience) -> None:
        self._talk = talk
        self._number = params.monitor_id
        self._pace = params.pace
        self._patience = patience

    async def ask(self, message: str) -> str | None:
        """What is answered to a question, None if the display does not know it."""
        kind = _GET if message == _INPUT else _COMMAND
        return await self._exchange(kind, message, f"an answer about its {_WORDS[message]}")

    async def might(self, message: str) -> str | None:
        """The same after a pause, for a question that may stay without an answer."""
        return await self._patience.ask(message, lambda: self.ask(message), self._pace)

    async def tell(self, message: str) -> str | None:
        """What is answered to an instruction."""
        return await self._exchange(_COMMAND, message, "an answer to being switched")

    async def _exchange(self, kind: str, message: str, waits_for: str) -> str | None:
        await self._talk.say(question(kind, message, self._number))
        head = await self._talk.exactly(7, f"{waits_for} from display {self._number}")
        return answer(head + await self._talk.exactly(_following(head), waits_for), kind, self._number)


def question(kind: str, message: str, number: int) -> bytes:
    """The frame for a display: SOH, header, STX, message, ETX, check code, CR."""
    framed = f"\x02{message}\x03"
    checked = f"0{_address(number)}0{kind}{len(framed):02X}{framed}".encode("latin-1")
    return b"\x01" + checked + bytes((reduce(xor, checked),)) + b"\r"


def _address(number: int) -> str:
    return chr(0x40 + number)


def _following(head: bytes) -> int:
    """How many bytes follow the header of an answer, 0 if it is none."""
    found = re.fullmatch(rb"\x0100.[BD]([0-9A-F]{2})", head, re.DOTALL)
    return int(found[1], 16) + 2 if found else 0


def answer(frame: bytes, kind: str, number: int) -> str | None:
    """The message in the answer to one of that type, None if the display does not know it.

    Raises Failed when this is no answer to it.
    """
    found = re.fullmatch(rb"\x0100(.)([BD])..\x02([0-9A-F]*)\x03(.)\r", frame, re.DOTALL)
    if found is None:
        raise Failed("malformed", f"the answer is no frame of a NEC display: {excerpt(frame.decode('latin-1'))}")
    if reduce(xor, frame[1:-2]) != found[4][0]:
        raise Failed("malformed", f"the check code of the answer is wrong: {frame.hex(' ')[:120]}")
    if found[1].decode("latin-1") != _address(number):
        words = f"display {found[1][0] - 0x40} answers, asked was display {number}"
        raise Failed("malformed", f"{words}; correct `monitor_id`")
    message = found[3].decode()
    if message == _NULL:
        return None
    if ord(found[2]) != ord(kind) + 1:
        raise Failed("malformed", f"the answer is one to another question: {excerpt(message)}")
    return message


def power(message: str | None) -> str:
    """The state of POWER in an answer. Raises Failed for an answer that is none."""
    if message is None or re.fullmatch("02(?!00)[0-9A-F]{2}D6.*", message):
        raise Failed("unsupported", "the display does not know the question for its power")
    found = re.fullmatch("0200D6[0-9A-F]{6}([0-9A-F]{4})", message)
    if found is None or int(found[1], 16) not in _STATES:
        raise Failed("malformed", f"the display states its power as {excerpt(message)}")
    return _STATES[int(found[1], 16)]


def diagnosed(message: str | None, state: str) -> Diagnosis:
    """What is in an answer about the self-diagnosis; a display that is not on does not look for a signal."""
    if message is None or not re.fullmatch("A1([0-9A-F]{2})+", message):
        return Diagnosis()
    codes = tuple(message[at : at + 2] for at in range(2, len(message), 2) if message[at : at + 2] != _FINE)
    found = [code for code in codes if code != _NO_SIGNAL]
    failed = frozenset(_part(_FATAL, code) for code in found) - {""}
    warned = frozenset(_part(_HARMLESS, code) or "other" for code in found if not _part(_FATAL, code))
    return Diagnosis(True, tuple(found), failed, warned, _NO_SIGNAL not in codes if state == "on" else None)


def _part(parts: dict[str, str], code: str) -> str:
    """The part that a code is about, "" if it is none of these."""
    return parts.get(code, parts.get(code[0], ""))


def shown(message: str | None) -> str:
    """The input in an answer about it, "" if it is not told."""
    found = re.fullmatch("000060[0-9A-F]{6}([0-9A-F]{4})", message or "")
    if found is None or int(found[1], 16) == 0:
        return ""
    return _INPUTS.get(int(found[1], 16), f"input {int(found[1], 16)}")


def spelled(message: str | None, prefix: str) -> str:
    """The words in an answer that spells them in hexadecimal digits, "" if it does not."""
    found = re.fullmatch(f"{prefix}((?:[0-9A-F]{{2}})*)", message or "")
    return printable(bytes.fromhex(found[1]).split(b"\0")[0].decode("ascii", "replace")) if found else ""


def judged(state: str, diagnosis: Diagnosis, source: str, identity: Identity) -> Measured:
    """What the answers say of the display. Raises Failed when it will not show a picture.

    A failed fan is a warning: the picture is still there.
    """
    samples = (*displays.power(state), *_measured(diagnosis, source), *_identified(identity))
    sentence = "; ".join(_remarks(state, diagnosis, source, identity))
    if diagnosis.failed:
        words = f"{', '.join(sorted(diagnosis.failed))} (codes {', '.join(diagnosis.codes)})"
        raise Failed("fault", f"the display reports a failure: {words}; {sentence}", samples)
    return Measured(sentence, samples)


def _measured(diagnosis: Diagnosis, source: str) -> Iterator[Sample]:
    if diagnosis.known:
        yield from displays.components(displays.FAULT, _WATCHED_FATAL, diagnosis.failed)
        yield from displays.components(displays.WARNING, _WATCHED_HARMLESS, diagnosis.warned)
    if source:
        yield Sample(displays.INPUT.name, 1, source)
    if diagnosis.signal is not None:
        yield Sample(displays.SIGNAL.name, int(diagnosis.signal))


def _identified(identity: Identity) -> Iterator[Sample]:
    for metric, value in ((displays.MODEL, identity.model), (displays.SERIAL, identity.serial)):
        if value:
            yield Sample(metric.name, 1, value)


def _remarks(state: str, diagnosis: Diagnosis, source: str, identity: Identity) -> Iterator[str]:
    said = "is on" if state == "on" else "is on standby and answers"
    yield f"the display {identity.model} {said}" if identity.model else f"the display {said}"
    unplugged = diagnosis.signal is False
    if source:
        yield f"it shows {source}{', which has no signal' if unplugged else ''}"
    elif unplugged:
        yield "its input has no signal"
    if diagnosis.warned:
        yield f"it warns of: {', '.join(sorted(diagnosis.warned))} (codes {', '.join(diagnosis.codes)})"
