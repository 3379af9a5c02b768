"""What every kind of probe is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from probes._base import DefaultRule, Histogram, Measured, Metric, Params

if TYPE_CHECKING:
    from probes._engines import Engines

P = TypeVar("P", bound=Params)


class Probe(ABC, Generic[P]):
    """One kind of probe, bound to the settings of one check.

    A subclass declares `Params`, `metrics`, `reasons` and `rules`; configuration, help, docs, metrics and dashboards
    are derived from those. An instance lives as long as its check, so it may keep what the next run needs.
    """

    Params: ClassVar[type[Params]]
    metrics: ClassVar[tuple[Metric, ...]] = ()
    reasons: ClassVar[Mapping[str, str]] = {}
    rules: ClassVar[tuple[DefaultRule, ...]] = ()
    histograms: ClassVar[tuple[Histogram, ...]] = ()
    latency: ClassVar[tuple[str, str]] = ("", "")
    """Metric and part that latency history is kept of; without one it is the length of the run."""
    passive: ClassVar[bool] = False
    """It waits to be told: that nothing is known for a while is no fault of the monitor."""
    says: ClassVar[str] = "is down"
    """Completes the sentence "<asset> ..." when it is DOWN."""
    severity: ClassVar[str] = "critical"
    """How much it matters while the site is open that it is DOWN; while it is closed that is a warning at most."""
    summary: ClassVar[bool] = False
    """It judges the other checks of its asset: those only show then, and people are told by this one."""
    duty: ClassVar[bool] = False
    """It tells what people have to do. That they have not done it does not mean that its asset does not work."""
    on_demand: ClassVar[bool] = True
    """Whether whoever may ask `/probe` may run it, with settings of their own choice."""
    dear: ClassVar[bool] = False
    """Each run costs something, like the bytes that it fills a line with: it runs on its schedule alone."""
    check: str = ""
    """The id of the check it belongs to; "" when it runs on demand."""
    concurrency: ClassVar[int] = 200
    per_target: ClassVar[int] = 4

    def __init__(self, params: P, engines: "Engines") -> None:
        self.params = params
        self.engines = engines

    @abstractmethod
    async def measure(self, timeout: float) -> Measured:
        """Look at the target once, within `timeout` seconds.

        Raises Failed when the target failed. Any other exception means that we failed.
        """

    async def evidence(self, timeout: float) -> str:
        """What else to look at when the target has just gone down, within `timeout` seconds; "" if nothing.

        One line for the incident's timeline, in which a peer's words are bounded and printable. Whatever it raises
        means that there is none.
        """
        return ""
