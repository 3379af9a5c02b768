"""Asks a projector or a display over PJLink how it is: power, faults, lamps, filter, input."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import Field, SecretStr

from probes import DefaultRule, Failed, Measured, Metric, Probe, Sample, Unmeasured
from probes._engines import Engines, devices, displays
from probes._engines.devices import Device, DeviceParams, device
from probes._engines.displays import printable
from probes._engines.excerpt import excerpt
from probes._secrets import Secret

MOST_LINE = 256
"""Bytes of an answer; the specification allows 136."""

_HOUR = 3600

_EACH_TIME = ("%1POWR", "%1ERST", "%1LAMP", "%1INPT", "%1AVMT")
_EACH_TIME_CLASS_2 = ("%2FILT", "%2IRES", "%2FREZ")
_ONCE = ("%1CLSS", "%1INF1", "%1INF2", "%1NAME")
_ONCE_CLASS_2 = ("%2SVER", "%2SNUM", "%2RLMP")

_POWER = {"0": "standby", "1": "on", "2": "cooling", "3": "warming", "ERR3": "unavailable"}
_COMPONENTS = ("fan", "lamp", "temperature", "cover", "filter", "other")  # the order of the digits of ERST
_INPUTS = {"1": "RGB", "2": "video", "3": "digital", "4": "storage", "5": "network", "6": "internal"}
_MUTED = {"11": {"picture"}, "21": {"sound"}, "31": {"picture", "sound"}, "30": set[str]()}

_LAMP_SECONDS = "deskwatch_display_lamp_seconds"
_LAMP_USED = "deskwatch_display_lamp_used_ratio"
_FILTER_SECONDS = "deskwatch_display_filter_seconds"
_FILTER_USED = "deskwatch_display_filter_used_ratio"

_LAMPS = tuple("12345678")

Answers = Mapping[str, str]
"""What was answered to each command, named without class: {"POWR": "1", "LAMP": "ERR1"}."""


class PjlinkParams(DeviceParams):
    """Where the projector is, and how long its lamp and filter are meant to last."""

    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port of PJLink")] = 4352
    password: Annotated[Secret | None, Field(description="PJLink password, if the projector asks for one")] = None
    lamp_hours: Annotated[
        int | None, Field(ge=100, le=100_000, description="hours that a lamp is rated for; without it none is worn")
    ] = None
    filter_hours: Annotated[
        int | None, Field(ge=10, le=100_000, description="hours after which the filter is cleaned; only class 2 counts")
    ] = None


class Pjlink(Probe[PjlinkParams]):
    """Whether a projector answers and will show a picture, and what it needs before long."""

    Params = PjlinkParams
    metrics = (
        displays.POWER,
        displays.FAULT,
        displays.WARNING,
        Metric(_LAMP_SECONDS, "Time that each lamp has been lit", "seconds", "lamp", _LAMPS),
        Metric(_LAMP_USED, "The same as a share of what a lamp is rated for", "ratio", "lamp", _LAMPS),
        Metric(_FILTER_SECONDS, "Time that the filter has been in use", "seconds"),
        Metric(_FILTER_USED, "The same as a share of the time after which it is cleaned", "ratio"),
        displays.INPUT,
        displays.SIGNAL,
        displays.MUTED,
        Metric("deskwatch_display_frozen", "1 if the picture is frozen by hand, else 0"),
        displays.MODEL,
        displays.SERIAL,
        displays.FIRMWARE,
    )
    reasons: ClassVar = {
        **devices.REASONS,
        "fault": "the projector reports that a part of it has failed",
        "unsupported": "the projector does not know the question for its power, which each one must",
    }
    rules = (
        displays.WARNS,
        *displays.STUCK.values(),
        DefaultRule("lamp-worn", _LAMP_USED, "has a lamp near the end of its rated life", "info", above=0.9),
        DefaultRule("lamp-overdue", _LAMP_USED, "has a lamp past its rated life", above=1),
        DefaultRule("filter-due", _FILTER_USED, "has a filter that is due to be cleaned", above=1),
    )
    per_target = 1  # many projectors serve one guest at a time

    def __init__(self, params: PjlinkParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._identity: dict[str, str] = {}

    async def measure(self, timeout: float) -> Measured:
        """Ask everything over one connection; what never changes only until it was answered."""
        try:
            async with device(self.params, timeout, MOST_LINE) as talk:
                questions = _Questions(talk, self.params.password)
                await questions.greet()
                answers = await self._ask(questions)
        except Failed:
            self._identity = {}  # another projector may answer next time
            raise
        return judged(answers, self.params.lamp_hours, self.params.filter_hours)

    async def switch(self, on: bool, timeout: float) -> None:
        """Switch the projector on, or to standby. Raises Failed when it does not want to."""
        async with device(self.params, timeout, MOST_LINE) as talk:
            questions = _Questions(talk, self.params.password)
            await questions.greet()
            said = await questions.tell("%1POWR", "1" if on else "0")
        if said.upper() != "OK":
            raise Failed("unsupported", f"the projector answers {excerpt(said)} when it is told to switch")

    async def _ask(self, questions: "_Questions") -> Answers:
        answers = await questions.ask(_EACH_TIME)
        identity = self._identity or await questions.ask(_ONCE)
        class_2 = identity["CLSS"] == "2"
        if class_2 and not self._identity:
            identity |= await questions.ask(_ONCE_CLASS_2)
        if class_2:
            answers |= await questions.ask(_EACH_TIME_CLASS_2)
        if "ERR3" not in identity.values():  # not available now: it is asked again
            self._identity = identity
        return {**identity, **answers}


class _Questions:
    """The dialogue with a projector: one command, one answer."""

    def __init__(self, talk: Device, password: SecretStr | None) -> None:
        self._talk = talk
        self._password = password
        self._digest = b""

    async def greet(self) -> None:
        """Hear the greeting and get ready to sign in."""
        self._digest = signed(await self._talk.line("its greeting"), self._password)

    async def ask(self, commands: tuple[str, ...]) -> dict[str, str]:
        """What is answered to each."""
        return {command[2:]: await self._answer(command) for command in commands}

    async def tell(self, command: str, value: str) -> str:
        """What is answered to an instruction."""
        return await self._answer(command, value)

    async def _answer(self, command: str, value: str = "?") -> str:
        await self._talk.say(self._digest + f"{command} {value}\r".encode())
        self._digest = b""  # it goes before the first command only
        return answer(await self._talk.line(f"an answer to {command}"), command)


def signed(greeting: bytes, password: SecretStr | None) -> bytes:
    """What goes before the first command, b"" where no password is asked for.

    Raises Unmeasured when one is asked for that we do not have, Failed when this is no greeting of PJLink.
    """
    found = re.fullmatch(rb"\n?PJLINK (?:0 ?|1 ([0-9A-F]{8}))\n?", greeting, re.IGNORECASE)
    if found is None:
        _refuse_of_password(greeting)
        raise Failed("malformed", f"the greeting is not one of PJLink: {_shown(greeting)}")
    if found[1] is None:
        return b""
    if password is None:
        raise Unmeasured("no_permission", "the projector asks for its PJLink password; set `password`")
    # MD5 is the protocol's choice: of the greeting's random digits and the password.
    return hashlib.md5(found[1] + password.get_secret_value().encode(), usedforsecurity=False).hexdigest().encode()


def answer(line: bytes, command: str) -> str:
    """The value in an answer to a command: "1", or "ERR1" to "ERR4".

    Raises Unmeasured when our password was refused, Failed when this is no answer to the command.
    """
    _refuse_of_password(line)
    name = re.escape(command[2:].encode())
    found = re.fullmatch(rb"\n?%[12]" + name + rb"=(.*)", line, re.IGNORECASE | re.DOTALL)
    if found is None:
        raise Failed("malformed", f"the answer to {command} is {_shown(line)}")
    value = found[1].decode(errors="replace").strip()
    return value.upper() if re.fullmatch("ERR[1-4]", value, re.IGNORECASE) else value


def _refuse_of_password(line: bytes) -> None:
    if line.strip().upper() == b"PJLINK ERRA":
        raise Unmeasured("no_permission", "the projector does not accept our PJLink password; correct `password`")


def _shown(line: bytes) -> str:
    return excerpt(line.decode(errors="replace"))


def judged(answers: Answers, lamp_hours: int | None, filter_hours: int | None) -> Measured:
    """What the answers say of the projector. Raises Failed when it will not show a picture.

    What a projector does not know or cannot tell on standby is left out.
    """
    state = _power(answers)
    levels = _levels(answers.get("ERST", ""))
    samples = (
        *displays.power(state),
        *displays.components(displays.FAULT, levels, {part for part, level in levels.items() if level == 2}),
        *displays.components(displays.WARNING, levels, {part for part, level in levels.items() if level == 1}),
        *_wear(answers, lamp_hours, filter_hours),
        *_picture(answers),
        *_identity(answers),
    )
    failed = [part for part, level in levels.items() if level == 2]
    failed = failed or [
        f"{command} is answered by ERR4" for command in ("ERST", "LAMP") if answers.get(command) == "ERR4"
    ]
    if failed:
        raise Failed(
            "fault", f"the projector reports a failure: {', '.join(failed)}; {_sentence(state, answers)}", samples
        )
    return Measured(_sentence(state, answers), samples)


def _power(answers: Answers) -> str:
    """The state of POWER. Raises Failed for an answer that is none."""
    value = answers["POWR"]
    if value == "ERR4":
        raise Failed("fault", "the projector answers the question for its power with ERR4: it has failed")
    if value in ("ERR1", "ERR2"):
        raise Failed("unsupported", f"the projector answers the question for its power with {value}")
    if value not in _POWER:
        raise Failed("malformed", f"the projector states its power as {excerpt(value)}")
    return _POWER[value]


def _levels(value: str) -> dict[str, int]:
    """0 fine, 1 warning, 2 failed for each component; empty if that is not what was answered."""
    if not re.fullmatch("[012]{6}", value):
        return {}
    return {part: int(digit) for part, digit in zip(_COMPONENTS, value, strict=True)}


def lamps(value: str) -> tuple[int, ...]:
    """The hours of each lamp in "3120 1 80 0"; none if that is not what was answered."""
    if not re.fullmatch(r"[0-9]{1,6} [01](?: [0-9]{1,6} [01]){0,7}", value):
        return ()
    return tuple(int(hours) for hours in value.split()[::2])


def _hours(value: str) -> int | None:
    return int(value) if re.fullmatch("[0-9]{1,6}", value) else None


def _wear(answers: Answers, lamp_hours: int | None, filter_hours: int | None) -> Iterator[Sample]:
    for number, hours in enumerate(lamps(answers.get("LAMP", "")), 1):
        yield Sample(_LAMP_SECONDS, hours * _HOUR, str(number))
        if lamp_hours:
            yield Sample(_LAMP_USED, hours / lamp_hours, str(number))
    hours_in_use = _hours(answers.get("FILT", ""))
    if hours_in_use is not None:
        yield Sample(_FILTER_SECONDS, hours_in_use * _HOUR)
        if filter_hours:
            yield Sample(_FILTER_USED, hours_in_use / filter_hours)


def _picture(answers: Answers) -> Iterator[Sample]:
    source = _input(answers)
    if source:
        yield Sample(displays.INPUT.name, 1, source)
    muted = _MUTED.get(answers.get("AVMT", ""))
    if muted is not None:
        yield from (Sample(displays.MUTED.name, int(output in muted), output) for output in displays.MUTED.parts)
    resolution = answers.get("IRES", "")
    if resolution == "-" or re.fullmatch("[0-9]{1,5}x[0-9]{1,5}", resolution, re.IGNORECASE):
        yield Sample(displays.SIGNAL.name, int(resolution != "-"))
    if answers.get("FREZ") in ("0", "1"):
        yield Sample("deskwatch_display_frozen", int(answers["FREZ"]))


def _input(answers: Answers) -> str:
    """The input that is shown, as "digital 1", "" if it is not told."""
    value = answers.get("INPT", "")
    return f"{_INPUTS[value[0]]} {value[1]}" if re.fullmatch("[1-6][1-9A-Z]", value) else ""


def _identity(answers: Answers) -> Iterator[Sample]:
    if model := _model(answers):
        yield Sample(displays.MODEL.name, 1, model)
    if serial := _told(answers, "SNUM"):
        yield Sample(displays.SERIAL.name, 1, serial)
    if version := _told(answers, "SVER"):
        yield Sample(displays.FIRMWARE.name, 1, version)


def _model(answers: Answers) -> str:
    """Maker and model; many projectors repeat the maker in the model."""
    maker, model = _told(answers, "INF1"), _told(answers, "INF2")
    return model if model.lower().startswith(maker.lower()) else f"{maker} {model}".strip()


def _told(answers: Answers, command: str) -> str:
    """An answer in words, "" for none."""
    value = answers.get(command, "")
    return "" if re.fullmatch("ERR[1-4]", value) else printable(value)


_STATES = {
    "on": "is on",
    "standby": "is on standby and answers",
    "cooling": "cools down",
    "warming": "warms up",
    "unavailable": "answers, but tells nothing now, as some do while they warm up or cool down",
}


def _sentence(state: str, answers: Answers) -> str:
    name = _told(answers, "NAME") or _model(answers)
    who = f"the projector {name}" if name else "the projector"
    return "; ".join((f"{who} {_STATES[state]}", *_remarks(answers)))


def _remarks(answers: Answers) -> Iterator[str]:
    """What else there is to know, in short."""
    if source := _input(answers):
        yield f"it shows input {source}{', which has no signal' if answers.get('IRES') == '-' else ''}"
    if muted := _MUTED.get(answers.get("AVMT", "")):
        yield f"{' and '.join(sorted(muted))} switched off by hand"
    if answers.get("FREZ") == "1":
        yield "the picture is frozen"
    if hours := lamps(answers.get("LAMP", "")):
        yield ", ".join(f"lamp {number} has {value:,} h" for number, value in enumerate(hours, 1))
    if warned := [part for part, level in _levels(answers.get("ERST", "")).items() if level == 1]:
        spare = _told(answers, "RLMP") if "lamp" in warned else ""
        yield f"it warns of: {', '.join(warned)}{f' (spare lamp {spare})' if spare else ''}"
