"""What kinds of probes are made of: readings, samples, declarations, settings and the two ways to fail."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict


class Status(StrEnum):
    """What a reading says of its target. UNKNOWN says that *we* could not tell, never that it is bad."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


class Sample(NamedTuple):
    """One measured value: `part` is the single extra dimension (a phase, an SSID, a supply), "" if none."""

    metric: str
    value: float
    part: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """One run of one check.

    `at` is the aware UTC time the run began, `took` its length in seconds. `reason` is a word from the kind's
    reasons ("ok" when UP); `detail` says the same in a sentence for people.
    """

    check: str
    at: datetime
    took: float
    status: Status
    reason: str
    detail: str
    samples: tuple[Sample, ...] = ()

    def value(self, metric: str, part: str = "") -> float | None:
        """The sample of that metric and part, None if it was not measured."""
        for sample in self.samples:
            if sample.metric == metric and sample.part == part:
                return sample.value
        return None


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric family that a kind measures.

    `name` and `unit` follow Prometheus' conventions (base units: seconds, bytes, ratio; "" for a plain number); a name
    that ends in `_total` only grows. `part` names the label that a sample's part becomes; `parts` lists its values
    where they are known before measuring. `unreached` is what Prometheus is shown where a failed run did not come so
    far, so that no series appears and vanishes; None where there is no honest value: then there is no series.
    """

    name: str
    help: str
    unit: str = ""
    part: str = ""
    parts: tuple[str, ...] = ()
    unreached: float | None = None


@dataclass(frozen=True, slots=True)
class Histogram:
    """How a metric's values are spread over all readings, counted for Prometheus.

    `metric` is one of the kind's; with `part` "" each of its known parts is counted by itself. `buckets` are upper
    bounds in the metric's unit, ascending. A histogram of every check is a dozen series more for each of them; not
    `by_check`, all checks of the kind are counted together, and exemplars name the check.
    """

    name: str
    help: str
    metric: str
    buckets: tuple[float, ...]
    part: str = ""
    by_check: bool = True


@dataclass(frozen=True, slots=True)
class DefaultRule:
    """A threshold that a kind proposes for one of its metrics; users override it by `id`.

    Exactly one of `above` and `below` is the threshold at which the rule raises; `clear` the value at which it lets
    go again (None: the same value). `window` readings are looked at, `times` of them must be bad, and stay so for
    `hold` seconds. `closed` is the severity while the site is closed, "" for the same. With `against` "usual" the
    threshold is how many times as much as usual, where `least_usual` or more is usual. `says` completes the sentence
    "<asset> ...": "loses more than 10 % of its packets".
    """

    id: str
    metric: str
    says: str
    severity: str = "warning"
    closed: str = ""
    part: str = ""
    against: str = "value"
    least_usual: float = 0
    above: float | None = None
    below: float | None = None
    clear: float | None = None
    hold: float = 0
    times: int = 1
    window: int = 1


class Failed(Exception):  # noqa: N818 - read as a sentence: `raise Failed("refused", ...)`
    """The target failed: the reading is DOWN. `samples` holds what was measured up to then."""

    def __init__(self, reason: str, detail: str, samples: tuple[Sample, ...] = ()) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.samples = samples


class Unmeasured(Exception):  # noqa: N818
    """We could not measure, for a reason of our own that we can name: the reading is UNKNOWN."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Measured(NamedTuple):
    """What a successful run found: `detail` is one sentence for people, with the figures that matter."""

    detail: str
    samples: tuple[Sample, ...] = ()


class Params(BaseModel):
    """The settings of one check of a kind. Each field carries a description, its unit and its bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @property
    def target(self) -> str:
        """What the check talks to, as `/probe?target=` gives it and the concurrency bound per target counts it."""
        raise NotImplementedError

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """The settings that a bare `target` of `/probe` or the command line stands for."""
        return {"host": target}


REASONS: Mapping[str, str] = {
    "ok": "everything asked for was found",
    "timeout": "no complete answer within the check's timeout",
}
"""Reasons that every kind may give."""

UNKNOWN_REASONS: Mapping[str, str] = {
    "no_permission": "we are not allowed to measure: by this machine, or by a target that does not take our password",
    "no_network": "this machine has no address or route to measure from",
    "overloaded": "this machine was too busy to measure honestly",
    "waiting": "the target has to tell us, and it is not time yet",
    "throttled": "the target wants to be asked less often than the check does",
    "no_source": "what measures for us did not answer, or could not tell",
    "monitor_error": "Deskwatch itself failed; the log has the trace",
}
"""Reasons for a reading that says nothing about its target."""
