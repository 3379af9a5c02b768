"""Asks a Samsung display over MDC how it is: power, faults, temperature, input, signal, sound."""

import re
import ssl
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, ClassVar, NamedTuple

from pydantic import AfterValidator, Field, SecretStr

from probes import DefaultRule, Failed, Measured, Metric, Probe, Sample, Unmeasured
from probes._engines import Engines, devices, displays
from probes._engines.devices import Device, DeviceParams, device
from probes._engines.displays import printable
from probes._engines.excerpt import excerpt
from probes._secrets import Secret

MOST_FRAME = 4 + 255 + 1
"""Bytes of an answer: header, body, checksum."""

_HEADER, _ANSWER, _ACK, _NAK = 0xAA, 0xFF, 0x41, 0x4E
_STATUS, _SERIAL, _ERRORS, _SOFTWARE, _POWER, _MODEL = 0x00, 0x0B, 0x0D, 0x0E, 0x11, 0x8A
_WORDS = {
    _STATUS: "status",
    _SERIAL: "serial number",
    _ERRORS: "errors",
    _SOFTWARE: "software",
    _POWER: "power",
    _MODEL: "model",
}

_STATES = {0: "standby", 1: "on", 2: "warming"}  # 2: it restarts
_INPUTS = {
    0x04: "S-Video",
    0x08: "component",
    0x0C: "AV",
    0x0D: "AV 2",
    0x14: "PC",
    0x18: "DVI",
    0x1E: "BNC",
    0x1F: "DVI video",
    0x20: "MagicInfo",
    0x21: "HDMI 1",
    0x22: "HDMI 1 PC",
    0x23: "HDMI 2",
    0x24: "HDMI 2 PC",
    0x25: "DisplayPort 1",
    0x26: "DisplayPort 2",
    0x27: "DisplayPort 3",
    0x30: "TV",
    0x31: "HDMI 3",
    0x32: "HDMI 3 PC",
    0x33: "HDMI 4",
    0x34: "HDMI 4 PC",
    0x40: "digital TV",
    0x50: "plug-in module",
    0x55: "HDBaseT",
    0x60: "MagicInfo S",
    0x61: "screen mirroring",
    0x62: "USB",
    0x63: "web page",
    0x64: "whiteboard",
}

_VOLUME = "deskwatch_display_volume_ratio"
_TEMPERATURE = "deskwatch_display_temperature_celsius"


def _four_digits(pin: SecretStr) -> SecretStr:
    if not re.fullmatch("[0-9]{4}", pin.get_secret_value()):
        raise ValueError("the PIN of a display is four digits")
    return pin


class SamsungMdcParams(DeviceParams):
    """Where the display is, and how it lets us in."""

    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port of MDC")] = 1515
    display_id: Annotated[
        int, Field(ge=0, le=253, description="number of the display, as its menu states it under Device ID")
    ] = 0
    pin: Annotated[
        Annotated[Secret, AfterValidator(_four_digits)] | None,
        Field(description="PIN of four digits, if Secured Protocol is on"),
    ] = None


class Errors(NamedTuple):
    """What a display says of its parts. `known` are those it watches; `celsius` is None if it has no sensor."""

    known: frozenset[str] = frozenset()
    bad: frozenset[str] = frozenset()
    signal: bool | None = None
    celsius: int | None = None


class Status(NamedTuple):
    """What a display is set to. `volume` is from 0 to 1; None and "" for what it does not tell."""

    volume: float | None = None
    muted: bool | None = None
    source: str = ""


class Identity(NamedTuple):
    """What never changes."""

    model: str = ""
    serial: str = ""
    software: str = ""


class SamsungMdc(Probe[SamsungMdcParams]):
    """Whether a Samsung display answers and will show a picture."""

    Params = SamsungMdcParams
    metrics = (
        displays.POWER,
        displays.FAULT,
        displays.WARNING,
        Metric(_TEMPERATURE, "Temperature inside the display", "celsius"),
        displays.INPUT,
        displays.SIGNAL,
        displays.MUTED,
        Metric(_VOLUME, "How loud the sound is set", "ratio"),
        displays.MODEL,
        displays.SERIAL,
        displays.FIRMWARE,
    )
    reasons: ClassVar = {
        **devices.REASONS,
        "tls_failed": "the TLS handshake of the secured protocol failed",
        "fault": "the display reports that its lamp has failed or that it is too hot",
        "unsupported": "the display says no to the question for its power, which each one must answer",
    }
    rules = (
        displays.WARNS,
        displays.STUCK["warming"],
        DefaultRule("hot", _TEMPERATURE, "is hot inside", above=70, clear=65, hold=300),
    )
    per_target = 1  # many displays serve one guest at a time

    def __init__(self, params: SamsungMdcParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._identity: Identity | None = None

    async def measure(self, timeout: float) -> Measured:
        """Ask for the power, and for the rest if the display is on: on standby many answer nothing else."""
        try:
            async with device(self.params, timeout, MOST_FRAME) as talk:
                if self.params.pin is not None:
                    await self._sign_in(talk, self.params.pin)
                state = power(await self._ask(talk, _POWER))
                if state != "on":
                    return judged(state, Status(), Errors(), self._identity or Identity())
                status, errors = await self._ask(talk, _STATUS), await self._ask(talk, _ERRORS)
                self._identity = self._identity or await self._identify(talk)
        except Failed:
            self._identity = None  # another display may answer next time
            raise
        return judged(state, read_status(status or b""), read_errors(errors or b""), self._identity)

    async def switch(self, on: bool, timeout: float) -> None:
        """Switch the display on, or to standby. Raises Failed when it says no."""
        async with device(self.params, timeout, MOST_FRAME) as talk:
            if self.params.pin is not None:
                await self._sign_in(talk, self.params.pin)
            if await self._ask(talk, _POWER, bytes((on,))) is None:
                raise Failed("unsupported", "the display says no when it is told to switch")

    async def _identify(self, talk: Device) -> Identity:
        model, serial, software = [await self._ask(talk, command) for command in (_MODEL, _SERIAL, _SOFTWARE)]
        return Identity(_text(model), _text(serial), _text(software))

    async def _ask(self, talk: Device, command: int, content: bytes = b"") -> bytes | None:
        """What the display answers to a question, or to an instruction with content; None if it says no."""
        await talk.say(question(command, self.params.display_id, content))
        waits_for = f"an answer about its {_WORDS[command]} from display {self.params.display_id}"
        head = await talk.exactly(4, waits_for)
        follows = head[3] + 1 if head[0] == _HEADER else 0
        return answer(head + await talk.exactly(follows, waits_for), command, self.params.display_id)

    async def _sign_in(self, talk: Device, pin: SecretStr) -> None:
        """Go over to TLS and tell the PIN, as Secured Protocol wants it."""
        greeting = await talk.line("the greeting of Secured Protocol, which `pin` is for", b">>")
        if greeting != b"MDCSTART<<TLS":
            raise Failed("malformed", f"the greeting is not one of Secured Protocol: {_shown(greeting)}")
        await talk.secure(self._tls)
        await talk.say(pin.get_secret_value().encode())
        verdict = await talk.line("the answer to our PIN", b">>")
        if verdict.startswith(b"MDCAUTH<<FAIL"):
            raise Unmeasured("no_permission", "the display does not accept our PIN; correct `pin`")
        if verdict != b"MDCAUTH<<PASS":
            raise Failed("malformed", "the answer to our PIN is neither yes nor no")

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """As weak as the displays: they sign their own certificates, and some speak TLS 1.0 only."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        return context


def question(command: int, display_id: int, content: bytes = b"") -> bytes:
    """The frame for a display: header, command, display, length of the content, content (none asks), checksum."""
    body = bytes((command, display_id, len(content))) + content
    return bytes((_HEADER, *body, sum(body) % 256))


def answer(frame: bytes, command: int, display_id: int) -> bytes | None:
    """What a display answers to a command, None if it says no.

    Raises Unmeasured when it wants a PIN first, Failed when this is no answer to the command.
    """
    if frame == b"MDCS":
        raise Unmeasured("no_permission", "the display has Secured Protocol on; set `pin`")
    if len(frame) < 7 or frame[0] != _HEADER or frame[1] != _ANSWER or frame[4] not in (_ACK, _NAK):
        raise Failed("malformed", f"the answer is no frame of MDC: {_shown(frame)}")
    if sum(frame[1:-1]) % 256 != frame[-1]:
        raise Failed("malformed", f"the checksum of the answer is wrong: {frame.hex(' ')[:120]}")
    if frame[2] != display_id or frame[5] != command:
        words = f"display {frame[2]} answers to command {frame[5]:#04x}"
        raise Failed("malformed", f"{words}, asked was display {display_id} for {command:#04x}; correct `display_id`")
    return frame[6:-1] if frame[4] == _ACK else None


def _shown(heard: bytes) -> str:
    return excerpt(heard.decode(errors="replace"))


def power(content: bytes | None) -> str:
    """The state of POWER in an answer. Raises Failed for an answer that is none."""
    if content is None:
        raise Failed("unsupported", "the display says no to the question for its power")
    if len(content) != 1 or content[0] not in _STATES:
        raise Failed("malformed", f"the display states its power as {content.hex(' ')[:60] or 'nothing'}")
    return _STATES[content[0]]


def read_status(content: bytes) -> Status:
    """What is in an answer about the status: power, volume, mute, input, and what does not matter here."""
    if len(content) < 4:
        return Status()
    _, volume, mute, source = content[:4]
    return Status(
        volume / 100 if volume <= 100 else None,
        bool(mute) if mute in (0, 1) else None,
        _INPUTS.get(source, f"input {source:#04x}"),
    )


def read_errors(content: bytes) -> Errors:
    """What is in an answer about errors: lamp, temperature, sensor, signal, °C, and on newer ones the fan."""
    if len(content) < 5:
        return Errors()
    lamp, heat, sensor, unsynced, celsius = content[:5]
    found = {"lamp": lamp, "temperature": heat, "sensor": sensor, "fan": content[5] if len(content) > 5 else 2}
    # 2 stands for "has none" of the fan and for "is fine" of the sensor.
    known = frozenset(part for part, code in found.items() if code in (0, 1) or (part == "sensor" and code == 2))
    return Errors(
        known,
        frozenset(part for part in known if found[part] == 1),
        {0: True, 1: False}.get(unsynced),
        celsius if 0 < celsius < 128 else None,  # a display that is on is never at 0 °C: it does not measure
    )


def _text(content: bytes | None) -> str:
    return printable((content or b"").split(b"\0")[0].decode("ascii", "replace"))


_FATAL = frozenset({"lamp", "temperature"})


def judged(state: str, status: Status, errors: Errors, identity: Identity) -> Measured:
    """What the answers say of the display. Raises Failed when it will not show a picture.

    A failed fan or sensor is a warning: the picture is still there.
    """
    samples = (
        *displays.power(state),
        *displays.components(displays.FAULT, sorted(errors.known & _FATAL), errors.bad),
        *displays.components(displays.WARNING, sorted(errors.known - _FATAL), errors.bad),
        *_measured(status, errors),
        *_identified(identity),
    )
    sentence = "; ".join(_remarks(state, status, errors, identity))
    if failed := sorted(errors.bad & _FATAL):
        raise Failed("fault", f"the display reports a failure: {', '.join(failed)}; {sentence}", samples)
    return Measured(sentence, samples)


def _measured(status: Status, errors: Errors) -> Iterator[Sample]:
    if errors.celsius is not None:
        yield Sample(_TEMPERATURE, errors.celsius)
    if status.source:
        yield Sample(displays.INPUT.name, 1, status.source)
    if errors.signal is not None:
        yield Sample(displays.SIGNAL.name, int(errors.signal))
    if status.muted is not None:
        yield Sample(displays.MUTED.name, int(status.muted), "sound")
    if status.volume is not None:
        yield Sample(_VOLUME, status.volume)


def _identified(identity: Identity) -> Iterator[Sample]:
    for metric, value in zip((displays.MODEL, displays.SERIAL, displays.FIRMWARE), identity, strict=True):
        if value:
            yield Sample(metric.name, 1, value)


_SAID = {"on": "is on", "standby": "is on standby and answers", "warming": "restarts"}


def _remarks(state: str, status: Status, errors: Errors, identity: Identity) -> Iterator[str]:
    yield f"the display {identity.model} {_SAID[state]}" if identity.model else f"the display {_SAID[state]}"
    if status.source:
        yield f"it shows {status.source}{', which has no signal' if errors.signal is False else ''}"
    if status.muted:
        yield "its sound is muted"
    if errors.celsius is not None:
        yield f"inside it has {errors.celsius} °C"
    if warned := sorted(errors.bad - _FATAL):
        yield f"it warns of: {', '.join(warned)}"
