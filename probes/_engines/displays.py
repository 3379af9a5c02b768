"""What projectors, displays and room systems measure alike, so that one rule and one panel suit all of them."""

from collections.abc import Collection
from typing import Protocol, runtime_checkable

from probes._base import DefaultRule, Measured, Metric, Sample

POWER = Metric(
    "deskwatch_display_power",
    "1 for the state that the display is in, 0 for the others; unavailable: it answers that it cannot say now",
    "",
    "state",
    ("on", "standby", "warming", "cooling", "unavailable"),
)
PARTS = ("fan", "lamp", "temperature", "cover", "filter", "sensor", "other")
FAULT = Metric(
    "deskwatch_display_fault",
    "1 if the display reports that this part of it has failed, else 0",
    "",
    "component",
    PARTS,
)
WARNING = Metric(
    "deskwatch_display_warning", "1 if the display warns of this part of it, else 0", "", "component", PARTS
)
INPUT = Metric("deskwatch_display_input_info", "The input that is shown, as a label of the value 1", "", "input")
SIGNAL = Metric("deskwatch_display_signal", "1 if the input that is shown has a signal, else 0")
MUTED = Metric(
    "deskwatch_display_muted", "1 if this is switched off by hand, else 0", "", "output", ("picture", "sound")
)
MODEL = Metric("deskwatch_display_model_info", "Maker and model, as a label of the value 1", "", "model")
SERIAL = Metric("deskwatch_display_serial_info", "Serial number, as a label of the value 1", "", "serial")
FIRMWARE = Metric(
    "deskwatch_display_firmware_info", "Version of the software, as a label of the value 1", "", "version"
)

WARNS = DefaultRule(
    "component-warning",
    WARNING.name,
    "warns of one of its parts; its check says of which",
    above=0,
)
STUCK = {
    state: DefaultRule(f"{state}-long", POWER.name, f"{words} for 10 minutes", part=state, above=0, hold=600)
    for state, words in (
        ("cooling", "has been cooling down"),
        ("warming", "has been warming up or restarting"),
        ("unavailable", "has been saying that it is not available"),
    )
}
"""The rules about a change of power that does not come to its end."""


@runtime_checkable
class Switchable(Protocol):
    """A display that can be switched on and off. Nothing does so but a wake test that somebody has asked for."""

    async def measure(self, timeout: float) -> Measured:
        """How it is: its samples hold POWER."""

    async def switch(self, on: bool, timeout: float) -> None:
        """Switch it on, or to standby, within `timeout` seconds. Raises Failed when it refuses."""


def power(state: str) -> tuple[Sample, ...]:
    """The samples of POWER for one of its states."""
    return tuple(Sample(POWER.name, int(state == known), known) for known in POWER.parts)


def components(metric: Metric, known: Collection[str], bad: Collection[str]) -> tuple[Sample, ...]:
    """The samples of FAULT or WARNING for the parts that this display tells of."""
    return tuple(Sample(metric.name, int(part in bad), part) for part in known)


def printable(text: str, length: int = 60) -> str:
    """What a device calls itself, fit for a label and a sentence."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text.strip()[:length])
