"""Asks an LG business display over its network control how it is: power, lamp, temperature, input, signal, sound."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, ClassVar

from pydantic import Field

from probes import DefaultRule, Failed, Measured, Metric, Probe, Sample
from probes._engines import Engines, devices, displays
from probes._engines.devices import Device, DeviceParams, device
from probes._engines.displays import printable
from probes._engines.excerpt import excerpt
from probes._engines.patience import Patience, Silences

MOST_ANSWER = 64
"""Bytes of an answer; the longest, a serial number, takes a third of that."""

_READ = "FF"
_POWER = "ka"
_EACH_TIME = {"xb": _READ, "kd": _READ, "ke": _READ, "sv": f"02 {_READ}", "dn": _READ, "dp": _READ}
_ONCE = {"fy": _READ, "fz": _READ}
_WORDS = {
    "ka": "power",
    "xb": "input",
    "kd": "picture",
    "ke": "sound",
    "sv": "signal",
    "dn": "temperature",
    "dp": "lamp",
    "fy": "serial number",
    "fz": "software",
}
_STATES = {"00": "standby", "01": "on"}
_INPUTS = {
    "20": "AV",
    "40": "component",
    "60": "RGB",
    "70": "DVI",
    "80": "DVI",
    "90": "HDMI 1",
    "A0": "HDMI 1",
    "91": "HDMI 2",
    "A1": "HDMI 2",
    "92": "OPS or HDMI 3",
    "A2": "OPS or HDMI 3",
    "95": "OPS or DVI",
    "A5": "OPS or DVI",
    "96": "HDMI 3 or DVI",
    "A6": "HDMI 3 or DVI",
    "97": "HDMI 3 or 2",
    "A7": "HDMI 3 or 2",
    "98": "OPS",
    "A8": "OPS",
    "C0": "DisplayPort",
    "D0": "DisplayPort",
}

_TEMPERATURE = "deskwatch_display_temperature_celsius"

Answers = Mapping[str, str]
"""The data in the answer to each command, in capitals: {"ka": "01", "xb": "90"}; what was not told is missing."""


class LgParams(DeviceParams):
    """Where the display is."""

    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port of its network control")] = 9761
    set_id: Annotated[
        int, Field(ge=1, le=1000, description="number of the display, as its menu states it under Set ID")
    ] = 1


class Lg(Probe[LgParams]):
    """Whether an LG display answers and will show a picture."""

    Params = LgParams
    metrics = (
        displays.POWER,
        displays.FAULT,
        Metric(_TEMPERATURE, "Temperature inside the display", "celsius"),
        displays.INPUT,
        displays.SIGNAL,
        displays.MUTED,
        displays.SERIAL,
        displays.FIRMWARE,
    )
    reasons: ClassVar = {
        **devices.REASONS,
        "fault": "the display reports that its lamp has failed",
        "unsupported": "the display says no to the question for its power, which each one must answer",
    }
    rules = (DefaultRule("hot", _TEMPERATURE, "is hot inside", above=70, clear=65, hold=300),)
    per_target = 1  # many displays serve one guest at a time

    def __init__(self, params: LgParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._identity: Answers = {}
        self._silences: Silences = {}

    async def measure(self, timeout: float) -> Measured:
        """Ask for the power, and for the rest if the display is on: on standby many answer nothing else."""
        try:
            async with device(self.params, timeout, MOST_ANSWER) as talk:
                answers = await self._ask_all(talk, Patience(timeout, self._silences))
        except Failed:
            self._identity, self._silences = {}, {}  # another display may answer next time
            raise
        return judged({**answers, **self._identity})

    async def switch(self, on: bool, timeout: float) -> None:
        """Switch the display on, or to standby. Raises Failed when it says no."""
        async with device(self.params, timeout, MOST_ANSWER) as talk:
            if await self._ask(talk, _POWER, "01" if on else "00") is None:
                raise Failed("unsupported", "the display says no when it is told to switch")

    async def _ask_all(self, talk: Device, patience: Patience) -> Answers:
        power = await self._ask(talk, _POWER, _READ)
        if power is None:
            raise Failed("unsupported", "the display says no to the question for its power")
        if power != "01":
            return {_POWER: power}
        answers = await self._ask_some(talk, patience, _EACH_TIME)
        if not self._identity:
            self._identity = await self._ask_some(talk, patience, _ONCE)
        return {_POWER: power, **answers}

    async def _ask_some(self, talk: Device, patience: Patience, commands: Mapping[str, str]) -> Answers:
        """What is answered to each of these, as far as it is."""
        answers = {}
        for command, data in commands.items():
            told = await patience.ask(command, partial(self._ask, talk, command, data))
            if told is not None:
                answers[command] = told
        return answers

    async def _ask(self, talk: Device, command: str, data: str) -> str | None:
        """The data that the display answers to a question or an instruction, None if it says no."""
        await talk.say(question(command, self.params.set_id, data))
        waits_for = f"an answer about its {_WORDS[command]} from display {self.params.set_id}"
        return answer(await talk.line(waits_for, b"x"), command, self.params.set_id)


def question(command: str, set_id: int, data: str) -> bytes:
    """What is sent to a display: "ka 01 FF"."""
    return f"{command} {set_id:02X} {data}\r".encode()


def answer(line: bytes, command: str, set_id: int) -> str | None:
    """The data in the answer to a command, in capitals; None if the display says no.

    Raises Failed when this is no answer to the command.
    """
    found = re.fullmatch(rb"[\s\0]*([a-z]) +([0-9a-f]{2,3}) +(OK|NG)([ -~]*)", line, re.IGNORECASE)
    if found is None or found[1].decode().lower() != command[1]:
        raise Failed("malformed", f"the answer to {command} is {excerpt(line.decode(errors='replace'))}")
    if int(found[2], 16) != set_id:
        words = f"display {int(found[2], 16)} answers, asked was display {set_id}"
        raise Failed("malformed", f"{words}; correct `set_id`")
    return found[4].decode().strip().upper() if found[3].upper() == b"OK" else None


def judged(answers: Answers) -> Measured:
    """What the answers say of the display. Raises Failed when it will not show a picture, or for a power that is none.

    What a display does not tell is left out.
    """
    state = _STATES.get(answers["ka"])
    if state is None:
        raise Failed("malformed", f"the display states its power as {excerpt(answers['ka'])}")
    samples = (*displays.power(state), *_measured(answers), *_identified(answers))
    sentence = "; ".join(_remarks(state, answers))
    if answers.get("dp") == "00":
        raise Failed("fault", f"the display reports a failure: lamp; {sentence}", samples)
    return Measured(sentence, samples)


def _measured(answers: Answers) -> Iterator[Sample]:
    if answers.get("dp") in ("00", "01"):  # 02: it has none, or cannot tell
        yield Sample(displays.FAULT.name, int(answers["dp"] == "00"), "lamp")
    if (celsius := _celsius(answers)) is not None:
        yield Sample(_TEMPERATURE, celsius)
    if source := _source(answers):
        yield Sample(displays.INPUT.name, 1, source)
    if (signal := _signal(answers)) is not None:
        yield Sample(displays.SIGNAL.name, int(signal))
    # The two commands count the other way round: 01 blanks the picture, 00 mutes the sound.
    for command, output, muted in (("kd", "picture", "01"), ("ke", "sound", "00")):
        if answers.get(command) in ("00", "01"):
            yield Sample(displays.MUTED.name, int(answers[command] == muted), output)


def _identified(answers: Answers) -> Iterator[Sample]:
    for metric, command in ((displays.SERIAL, "fy"), (displays.FIRMWARE, "fz")):
        if value := printable(answers.get(command, "")):
            yield Sample(metric.name, 1, value)


def _celsius(answers: Answers) -> int | None:
    value = answers.get("dn", "")
    celsius = int(value, 16) if re.fullmatch("[0-9A-F]{2}", value) else 0
    return celsius if 0 < celsius < 128 else None  # a display that is on is never at 0 °C: it does not measure


def _source(answers: Answers) -> str:
    """The input that is shown, "" if it is not told."""
    value = answers.get("xb", "")
    return _INPUTS.get(value, f"input {value}") if re.fullmatch("[0-9A-F]{2}", value) else ""


def _signal(answers: Answers) -> bool | None:
    return {"0200": False, "0201": True}.get(answers.get("sv", "").replace(" ", ""))


def _remarks(state: str, answers: Answers) -> Iterator[str]:
    yield "the display is on" if state == "on" else "the display is on standby and answers"
    if source := _source(answers):
        yield f"it shows {source}{', which has no signal' if _signal(answers) is False else ''}"
    if answers.get("kd") == "01":
        yield "its picture is switched off by hand"
    if answers.get("ke") == "00":
        yield "its sound is muted"
    if (celsius := _celsius(answers)) is not None:
        yield f"inside it has {celsius} °C"
