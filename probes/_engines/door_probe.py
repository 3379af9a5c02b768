"""What all kinds that ask an access system share."""

import time
from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from probes._base import Measured
from probes._engines import api, doors
from probes._engines.door_sources import Look
from probes._engines.doors import DoorParams, judged
from probes._probe import Probe

if TYPE_CHECKING:
    from probes._engines import Engines

D = TypeVar("D", bound=DoorParams)


class DoorProbe(Probe[D], Generic[D]):
    """Whether the doors of an access system do what they should. A subclass says how to look at its system."""

    metrics = doors.METRICS
    reasons: ClassVar = {**api.REASONS, **doors.REASONS}
    rules = doors.RULES
    per_target = 1  # the second check to come finds what the first one was told

    def __init__(self, params: D, engines: "Engines") -> None:
        super().__init__(params, engines)
        own = [name for name in type(params).model_fields if name not in DoorParams.model_fields]
        key = (type(self), *(getattr(params, name) for name in own))
        self._source = engines.doors.of(key, self.look)

    @abstractmethod
    def look(self) -> Look:
        """What asks this system. It must not refer to this check: it serves others, too."""

    async def measure(self, timeout: float) -> Measured:
        """Look at everything, and judge the doors of this check."""
        view = await self._source.view(self, time.monotonic() + timeout - api.MARGIN)
        return judged(view, self.params, self.engines.memory, self.check)
