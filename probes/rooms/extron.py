"""Asks an Extron switcher, scaler or transmitter over SIS how it is: firmware, input, signal, temperature."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field, SecretStr

from probes import Failed, Measured, Metric, Probe, Sample, Unmeasured
from probes._engines import Engines, devices, displays
from probes._engines.devices import Device, DeviceParams, device
from probes._engines.displays import printable
from probes._engines.excerpt import excerpt
from probes._engines.patience import Patience, Silences
from probes._secrets import LineSecret

MOST_LINE = 256
"""Characters of a line; the longest, its copyright, takes a third of that."""
MOST_LINES = 20
"""Lines that may come before an answer: it tells of its own accord what happens at its inputs."""

_IAC, _DONT, _DO, _WONT, _WILL, _SB, _SE = 255, 254, 253, 252, 251, 250, 240  # RFC 854
_REFUSALS = {_DO: _WONT, _WILL: _DONT}

_FIRMWARE, _INPUT, _SIGNALS, _TEMPERATURE = "Q", "!", "\x1b0LS\r", "\x1b20STAT\r"
_WORDS = {_FIRMWARE: "firmware", _INPUT: "input", _SIGNALS: "signals", _TEMPERATURE: "temperature"}
# With a tag or without: whoever talks to it may have set how much it says.
_ANSWERS = {
    _FIRMWARE: r"(?:Ver\S*[ *])?(\d{1,3}\.\d{1,4}(?:\.\d{1,6})?)",
    _INPUT: r"(?:In|Chn)?(\d{1,3})(?: (?:All|Vid|RGB))?",
    _SIGNALS: r"(?:\S+ )?([01](?:\*[01]){0,63})",
    _TEMPERATURE: r"(?:20Stat ?\*?)?\+?(\d{1,3}(?:\.\d{1,2})?)[CF]?",
}
_PROMPT = "Password:"
_PAUSE = 1.0  # seconds after its greeting in which it asks for a password, if it does

_CELSIUS = "deskwatch_display_temperature_celsius"

Answers = Mapping[str, str]
"""What was answered to each question; what it does not know is missing."""


class ExtronParams(DeviceParams):
    """Where the device is, and how it lets us in."""

    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port of its telnet")] = 23
    password: Annotated[
        LineSecret | None, Field(description="the user's or administrator's password, if the device asks for one")
    ] = None


class Greeting(NamedTuple):
    """What a device says of itself when it is connected to."""

    model: str
    firmware: str


class Extron(Probe[ExtronParams]):
    """Whether an Extron switcher or scaler answers, and what it shows."""

    Params = ExtronParams
    metrics = (
        displays.INPUT,
        displays.SIGNAL,
        Metric(_CELSIUS, "Temperature inside the display", "celsius"),
        displays.MODEL,
        displays.FIRMWARE,
    )
    reasons: ClassVar = {
        **devices.REASONS,
        "unsupported": "the device answers the question for its firmware, which each one knows, with an error",
    }
    per_target = 1

    def __init__(self, params: ExtronParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._silences: Silences = {}

    async def measure(self, timeout: float) -> Measured:
        """Sign in if it wants that, and ask everything over one connection."""
        try:
            async with device(self.params, timeout, MOST_LINE) as talk:
                questions = _Questions(_Telnet(talk), self.params.password)
                greeting = await questions.greet(min(_PAUSE, timeout / 4))
                answers = await _ask(questions, Patience(timeout, self._silences))
        except Failed:
            self._silences = {}  # another device may answer next time
            raise
        return found(greeting, answers)


async def _ask(questions: "_Questions", patience: Patience) -> Answers:
    told = await questions.ask(_FIRMWARE)
    if told is None:
        raise Failed("unsupported", "the device answers the question for its firmware with an error")
    answers = {_FIRMWARE: told}
    for question in (_INPUT, _SIGNALS, _TEMPERATURE):
        known = await patience.ask(question, partial(questions.ask, question))
        if known is not None:
            answers[question] = known
    return answers


class _Telnet:
    """Text over telnet (RFC 854): every option that the other side proposes is refused."""

    def __init__(self, talk: Device) -> None:
        self._talk = talk

    async def say(self, words: str) -> None:
        """Send something."""
        await self._talk.say(words.encode())

    async def line(self, waits_for: str) -> str:
        """The next line that is not empty, without its end; or the prompt for a password, which ends no line."""
        text = ""
        while len(text) < MOST_LINE:
            char = chr(await self._byte(waits_for))
            text = (text + char).lstrip("\r\n\0 ")
            if text.rstrip() == _PROMPT:
                return _PROMPT
            if char == "\n" and text:
                return text.rstrip("\r\n")
        raise Failed("malformed", f"{waits_for} does not end")

    async def _byte(self, waits_for: str) -> int:
        """The next byte of text; what telnet says beside it is answered."""
        while (byte := await self._next(waits_for)) == _IAC:
            command = await self._next(waits_for)
            if command == _IAC:
                return _IAC
            await self._negotiate(command, waits_for)
        return byte

    async def _negotiate(self, command: int, waits_for: str) -> None:
        if command in (_DO, _DONT, _WILL, _WONT):
            option = await self._next(waits_for)
            if command in _REFUSALS:
                await self._talk.say(bytes((_IAC, _REFUSALS[command], option)))
        elif command == _SB:
            await self._skip_subnegotiation(waits_for)

    async def _skip_subnegotiation(self, waits_for: str) -> None:
        before = 0
        for _ in range(MOST_LINE):
            byte = await self._next(waits_for)
            if (before, byte) == (_IAC, _SE):
                return
            before = byte
        raise Failed("malformed", f"{waits_for} is a talk about telnet that does not end")

    async def _next(self, waits_for: str) -> int:
        return (await self._talk.exactly(1, waits_for))[0]


class _Questions:
    """The dialogue with a device: a greeting, perhaps a password, then one question and one answer."""

    def __init__(self, telnet: _Telnet, password: SecretStr | None) -> None:
        self._telnet = telnet
        self._password = password

    async def greet(self, pause: float) -> Greeting:
        """Hear the greeting, and sign in if the device asks for that within `pause` seconds after it.

        Raises Failed when this is no Extron, Unmeasured when it does not let us in.
        """
        line = await self._telnet.line("its greeting")
        if line == _PROMPT:  # some say who they are to those only whom they let in
            await self._sign_in()
            return Greeting("", "")
        greeting = greeted(line)
        if self._password is not None and await self._is_asked_for(pause):
            await self._sign_in()
        return greeting

    async def _is_asked_for(self, pause: float) -> bool:
        """Whether a password is asked for. Without one the device just waits after its greeting."""
        try:
            async with asyncio.timeout(pause):
                while await self._telnet.line("the rest of its greeting") != _PROMPT:
                    pass
        except TimeoutError:
            return False
        return True

    async def _sign_in(self) -> None:
        if self._password is None:
            raise Unmeasured("no_permission", "the device asks for its password; set `password`")
        await self._telnet.say(f"{self._password.get_secret_value()}\r")
        for _ in range(MOST_LINES):
            line = await self._telnet.line("the answer to our password")
            if line == _PROMPT:
                raise Unmeasured("no_permission", "the device does not accept our password; correct `password`")
            if line.startswith("Login "):
                return
        raise Failed("malformed", "the answer to our password is neither yes nor no")

    async def ask(self, question: str) -> str | None:
        """What is answered to a question, None if it is an error; what the device tells unasked is passed over."""
        await self._telnet.say(question)
        line = ""
        for _ in range(MOST_LINES):
            line = await self._telnet.line(f"an answer about its {_WORDS[question]}")
            if line == _PROMPT:
                raise Unmeasured("no_permission", "the device asks for its password; set `password`")
            if line == "E24":
                words = "the device does not answer users with our rights (E24); correct `password`"
                raise Unmeasured("no_permission", words)
            if re.fullmatch("E[0-9]{2}", line):
                return None
            if (told := answer(line, question)) is not None:
                return told
        raise Failed("malformed", f"the answer about its {_WORDS[question]} is {excerpt(line)}")


def greeted(line: str) -> Greeting:
    """Who a device says it is: "(c) Copyright 2013, Extron Electronics, IN1608, V1.05, 60-1238-01".

    Raises Failed when this is no Extron.
    """
    found = re.search(r"Extron(?: Electronics)?, *([^,]{1,60})(?:, *V?(\d[\w.*+-]{0,30}))?", line)
    if found is None:
        raise Failed("malformed", f"the greeting is not one of Extron: {excerpt(line)}")
    return Greeting(printable(found[1]), printable(found[2] or ""))


def answer(line: str, question: str) -> str | None:
    """The value in an answer to a question, None if it is not one."""
    matched = re.fullmatch(_ANSWERS[question], line.strip(), re.IGNORECASE | re.ASCII)
    return matched[1] if matched else None


def found(greeting: Greeting, answers: Answers) -> Measured:
    """What the answers say of the device. What it does not tell is left out."""
    source = int(answers.get(_INPUT, "0"))
    signal = _signal(answers.get(_SIGNALS, ""), source)
    celsius = answers.get(_TEMPERATURE)
    remarks = [f"the Extron {greeting.model} answers".replace("  ", " ")]
    if source:
        remarks.append(f"it shows input {source}{', which has no signal' if signal is False else ''}")
    if celsius is not None:
        remarks.append(f"inside it has {float(celsius):g} °C")
    return Measured("; ".join(remarks), tuple(_samples(greeting, answers, source, signal)))


def _signal(signals: str, source: int) -> bool | None:
    """Whether the input that is shown has a signal, None if that is not told: "1*0*0*1" has one place for each."""
    each = signals.split("*") if signals else []
    return each[source - 1] == "1" if 0 < source <= len(each) else None


def _samples(greeting: Greeting, answers: Answers, source: int, signal: bool | None) -> Iterator[Sample]:
    if source:
        yield Sample(displays.INPUT.name, 1, f"input {source}")
    if signal is not None:
        yield Sample(displays.SIGNAL.name, int(signal))
    if _TEMPERATURE in answers:
        yield Sample(_CELSIUS, float(answers[_TEMPERATURE]))
    if greeting.model:
        yield Sample(displays.MODEL.name, 1, f"Extron {greeting.model}")
    yield Sample(displays.FIRMWARE.name, 1, answers[_FIRMWARE])
