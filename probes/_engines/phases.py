"""Times the phases of a measurement, one after the other."""

import time

from probes._base import Sample


class Phases:
    """A stopwatch with a lap for each phase, and what else was measured on the way."""

    def __init__(self, metric: str, first: str) -> None:
        self._metric = metric
        self._samples: list[Sample] = []
        self._began = time.monotonic()
        self._lap = self._began
        self.current = first

    def begin(self, phase: str) -> None:
        """The current phase is over and the next one begins."""
        self.end()
        self.current = phase

    def end(self) -> float:
        """The current phase is over: the seconds that it took."""
        now = time.monotonic()
        took, self._lap = now - self._lap, now
        self.note(Sample(self._metric, took, self.current))
        return took

    def note(self, *samples: Sample) -> None:
        """Keep something else that was measured."""
        self._samples.extend(samples)

    @property
    def elapsed(self) -> float:
        """Seconds since the first phase began."""
        return time.monotonic() - self._began

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The phases that are over, in seconds, and what was noted."""
        return tuple(self._samples)
