"""What is to be known of a UPS, however it was asked: figures, findings and the words for them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from probes._base import DefaultRule, Failed, Measured, Metric, Sample, Unmeasured

REASONS: Mapping[str, str] = {
    "output_off": "the UPS answers, and has switched its output off: nothing behind it has power",
    "ups_lost": "what answers for the UPS has lost its connection to it",
}

METRICS: tuple[Metric, ...] = (
    Metric("deskwatch_ups_on_battery", "1 while the UPS feeds what hangs on it from its battery, else 0"),
    Metric("deskwatch_ups_input_lost", "1 while no voltage comes from the mains, else 0"),
    Metric("deskwatch_ups_input_volts", "Voltage from the mains, the highest of all lines", "volts"),
    Metric("deskwatch_ups_runtime_seconds", "How long the battery would last at the present load", "seconds"),
    Metric("deskwatch_ups_charge_ratio", "How full the battery is", "ratio"),
    Metric("deskwatch_ups_load_ratio", "Share of its power that the UPS gives, the highest of all lines", "ratio"),
    Metric("deskwatch_ups_battery_low", "1 while the battery is nearly empty, else 0"),
    Metric("deskwatch_ups_replace_battery", "1 if the battery is worn out, else 0"),
    Metric("deskwatch_ups_on_bypass", "1 while the mains reach what hangs on the UPS unprotected, else 0"),
    Metric("deskwatch_ups_overloaded", "1 while more hangs on the UPS than it can feed, else 0"),
    Metric("deskwatch_ups_test_failed", "1 if the last self-test failed, else 0"),
    Metric("deskwatch_ups_battery_celsius", "Temperature of the battery", "celsius"),
    Metric("deskwatch_ups_battery_volts", "Voltage of the battery", "volts"),
    Metric("deskwatch_ups_output_volts", "Voltage that the UPS gives, the highest of all lines", "volts"),
    Metric("deskwatch_ups_output_watts", "Power that the UPS gives, on all lines together", "watts"),
    Metric("deskwatch_ups_input_hertz", "Frequency of the mains, the highest of all lines", "hertz"),
    Metric("deskwatch_ups_on_battery_seconds", "How long it has been running on its battery, 0 on mains", "seconds"),
    Metric("deskwatch_ups_alarms", "Entries in the list of alarms of the UPS"),
)

RULES: tuple[DefaultRule, ...] = (
    DefaultRule("on-battery", "deskwatch_ups_on_battery", "runs on its battery", severity="critical", above=0, hold=60),
    DefaultRule(
        "battery-low", "deskwatch_ups_battery_low", "has a battery that is nearly empty", severity="critical", above=0
    ),
    DefaultRule("overloaded", "deskwatch_ups_overloaded", "has more to feed than it can", severity="critical", above=0),
    DefaultRule(
        "runtime-short",
        "deskwatch_ups_runtime_seconds",
        "would last less than 5 minutes without mains",
        below=300,
        clear=360,
        hold=60,
    ),
    DefaultRule("replace-battery", "deskwatch_ups_replace_battery", "needs a new battery", above=0, hold=300),
    DefaultRule("test-failed", "deskwatch_ups_test_failed", "failed its self-test", above=0),
    DefaultRule("on-bypass", "deskwatch_ups_on_bypass", "protects nothing: it is on bypass", above=0, hold=300),
    DefaultRule(
        "load", "deskwatch_ups_load_ratio", "gives more than 80 % of its power", above=0.8, clear=0.75, hold=300
    ),
    DefaultRule(
        "battery-hot",
        "deskwatch_ups_battery_celsius",
        "has a battery hotter than 40 °C, which wears it out",
        above=40,
        clear=38,
        hold=600,
    ),
)

LOST_BELOW = 40.0
"""Volts from the mains that are as good as none: what an open line picks up."""


@dataclass(frozen=True, slots=True)
class Ups:
    """The state of a UPS; None is what it does not tell. Ratios are from 0 to 1.

    Of several lines it is the highest, for a UPS may list lines that are not wired; `output_watts` is their sum.
    """

    output_off: bool | None = None
    lost: bool | None = None
    on_battery: bool | None = None
    input_volts: float | None = None
    runtime_seconds: float | None = None
    charge_ratio: float | None = None
    load_ratio: float | None = None
    battery_low: bool | None = None
    replace_battery: bool | None = None
    on_bypass: bool | None = None
    overloaded: bool | None = None
    test_failed: bool | None = None
    battery_celsius: float | None = None
    battery_volts: float | None = None
    output_volts: float | None = None
    output_watts: float | None = None
    input_hertz: float | None = None
    on_battery_seconds: float | None = None
    alarms: float | None = None

    def completed(self, other: "Ups") -> "Ups":
        """The same, with what is not told taken from another account of the same UPS."""
        return replace(
            self,
            **{field.name: getattr(other, field.name) for field in fields(self) if getattr(self, field.name) is None},
        )


_FIGURES = tuple(field.name for field in fields(Ups) if field.name not in ("output_off", "lost"))
_WORDS = {
    "battery_low": "battery nearly empty",
    "replace_battery": "battery needs replacing",
    "on_bypass": "on bypass",
    "overloaded": "overloaded",
    "test_failed": "self-test failed",
}


def verdict(whom: str, ups: Ups) -> Measured:
    """What the state of a UPS says of it.

    Raises Failed when it feeds nothing, or is lost to what answers for it, and Unmeasured when its state is not known.
    """
    found = samples(ups)
    if ups.lost:
        raise Failed("ups_lost", f"{whom} answers, but has lost its connection to the UPS; look at the cable", found)
    if ups.output_off:
        raise Failed("output_off", f"{whom}: the output is off", found)
    if ups.on_battery is None:
        raise Unmeasured("no_source", f"{whom} answers, but does not say whether the UPS is on mains")
    return Measured(f"{whom}: {_in_words(ups)}", found)


def samples(ups: Ups) -> tuple[Sample, ...]:
    """What is known of a UPS. A battery that lasts for no time at all while it is not used does not know."""
    found = {name: getattr(ups, name) for name in _FIGURES}
    if not ups.runtime_seconds and not ups.on_battery:
        found["runtime_seconds"] = None
    if ups.input_volts is not None:
        found["input_lost"] = ups.input_volts < LOST_BELOW
    return tuple(Sample(f"deskwatch_ups_{name}", float(value)) for name, value in found.items() if value is not None)


def _in_words(ups: Ups) -> str:
    words = ["on battery" if ups.on_battery else "on mains"]
    if ups.charge_ratio is not None:
        words.append(f"charged to {ups.charge_ratio:.0%}")
    if ups.runtime_seconds:
        minutes = f"{ups.runtime_seconds / 60:.0f} min"
        words.append(f"{minutes} left" if ups.on_battery else f"would last {minutes}")
    if ups.load_ratio is not None:
        words.append(f"load {ups.load_ratio:.0%}")
    return ", ".join([*words, *(text for name, text in _WORDS.items() if getattr(ups, name))])
