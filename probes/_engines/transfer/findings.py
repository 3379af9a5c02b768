"""What was found out about a line by filling it: figures, what they are held against, and words."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from probes._base import DefaultRule, Metric, Sample
from probes._engines.http.flow import Tally
from probes._engines.transfer.latency import Round, of_median, of_p95, per_minute
from probes._engines.uplinks import Contract

Direction = Literal["down", "up"]

DIRECTIONS: tuple[Direction, ...] = ("down", "up")
WORDS: Mapping[Direction, str] = {"down": "download", "up": "upload"}

_RATE = "deskwatch_throughput_bits_per_second"
_RATIO = "deskwatch_throughput_contract_ratio"
_BYTES = "deskwatch_throughput_bytes"
_LATENCY = "deskwatch_throughput_latency_seconds"
_INCREASE = "deskwatch_throughput_latency_increase_seconds"
_RPM = "deskwatch_throughput_responsiveness_rpm"
_MOMENTS = ("idle", *DIRECTIONS)

LATENCY = (_LATENCY, "idle median")
"""The metric and part that latency history is kept of."""

METRICS = (
    Metric(_RATE, "Goodput after the grace period", "bits_per_second", "direction", DIRECTIONS),
    Metric(_RATIO, "Goodput as a share of what the contract promises", "ratio", "direction", DIRECTIONS),
    Metric(_BYTES, "Bytes that the run moved", "bytes", "direction", DIRECTIONS),
    Metric(
        _LATENCY,
        "Time from a small request to its answer, while the line is idle, and while downloads or uploads fill it",
        "seconds",
        "moment",
        tuple(f"{moment} {stat}" for moment in _MOMENTS for stat in ("median", "p95")),
    ),
    Metric(_INCREASE, "Median latency on the full line less that on the idle line", "seconds", "direction", DIRECTIONS),
    Metric(_RPM, "Round trips per minute on the full line, over fresh connections", "", "direction", DIRECTIONS),
)
"""What every run measures."""

RULES = (
    DefaultRule("slow", _RATIO, "carries less than 70 % of what the contract promises", below=0.7, times=3, window=3),
    DefaultRule(
        "very-slow",
        _RATIO,
        "carries less than 40 % of what the contract promises",
        severity="critical",
        below=0.4,
        times=3,
        window=3,
    ),
    DefaultRule(
        "bufferbloat",
        _INCREASE,
        "answers 100 ms later when it is full: calls suffer while others transfer",
        above=0.1,
        times=3,
        window=3,
    ),
    DefaultRule(
        "severe-bufferbloat",
        _INCREASE,
        "answers 300 ms later when it is full: calls break up while others transfer",
        severity="critical",
        above=0.3,
        times=3,
        window=3,
    ),
)
"""What is proposed for them."""


@dataclass(slots=True)
class Found:
    """What a run has measured so far: goodput in bit/s, and small requests on the idle and on the busy line."""

    rates: dict[Direction, float] = field(default_factory=dict)
    idle: list[Round] = field(default_factory=list)
    busy: dict[Direction, list[Round]] = field(default_factory=dict)


def samples(found: Found, tally: Tally, contract: Contract) -> tuple[Sample, ...]:
    """All that a run has measured, however far it came."""
    return (
        *(Sample(_RATE, rate, direction) for direction, rate in found.rates.items()),
        *(Sample(_RATIO, ratio, direction) for direction, ratio in _ratios(found, contract)),
        Sample(_BYTES, tally.received, "down"),
        Sample(_BYTES, tally.sent, "up"),
        *_of_latency(found),
    )


def _ratios(found: Found, contract: Contract) -> Iterator[tuple[Direction, float]]:
    """The share of the contract that each direction has."""
    promised = {"down": contract.down, "up": contract.up}
    for direction, rate in found.rates.items():
        if wanted := promised[direction]:
            yield direction, rate / wanted


def _of_latency(found: Found) -> Iterator[Sample]:
    for moment, rounds in (("idle", found.idle), *found.busy.items()):
        if rounds:
            yield Sample(_LATENCY, of_median(rounds), f"{moment} median")
            yield Sample(_LATENCY, of_p95(rounds), f"{moment} p95")
    for direction, rounds in found.busy.items():
        if rounds and found.idle:
            yield Sample(_INCREASE, of_median(rounds) - of_median(found.idle), direction)
        if rpm := per_minute(rounds):
            yield Sample(_RPM, rpm, direction)


def sentence(found: Found, contract: Contract) -> str:
    """What was found, in words, the direction that keeps least of its promise first."""
    ratios = dict(_ratios(found, contract))
    ordered = sorted(found.rates, key=lambda direction: ratios.get(direction, math.inf))
    return "; ".join((", ".join(_of_rate(one, found, ratios) for one in ordered), *_of_waits(found)))


def _of_rate(direction: Direction, found: Found, ratios: dict[Direction, float]) -> str:
    words = f"{WORDS[direction]} {found.rates[direction] / 1e6:.3g} Mbit/s"
    return f"{words} ({100 * ratios[direction]:.0f} % of the contract)" if direction in ratios else words


def _of_waits(found: Found) -> Iterator[str]:
    if not found.idle:
        return
    waits = [f"{1000 * of_median(found.idle):.3g} ms on the idle line"]
    waits += [f"{1000 * of_median(rounds):.3g} ms during {WORDS[one]}s" for one, rounds in found.busy.items() if rounds]
    yield f"an answer takes {', '.join(waits)}"
