"""How well a destination can be reached, told from what became of the messages to it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from alerting.channels import Delivery, Outcome


class Reach(StrEnum):
    """Whether messages get through. UNPROVEN: none was accepted yet, and none refused."""

    OK = "ok"
    FAILING = "failing"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of a destination.

    `accepted` is when its provider last took a message, `failing` since when no attempt has been taken, None if the
    newest was. `words` are what the provider said to the newest attempt that failed, also when it is long ago.
    """

    accepted: datetime | None = None
    failing: datetime | None = None
    words: str = ""

    @property
    def reach(self) -> Reach:
        """The verdict in a word."""
        if self.failing is not None:
            return Reach.FAILING
        return Reach.UNPROVEN if self.accepted is None else Reach.OK

    def after(self, delivery: Delivery, at: datetime) -> "Health":
        """What is known after one more attempt."""
        if delivery.outcome is Outcome.ACCEPTED:
            return replace(self, accepted=at, failing=None)
        return replace(self, failing=self.failing or at, words=delivery.words)
