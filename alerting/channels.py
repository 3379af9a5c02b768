"""What is sent and what became of it: the types that every channel shares."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from alerting.rules import Severity


class NoticeKind(StrEnum):
    """Why a message goes out.

    UPDATE: it keeps coming and going. MISSED: it began and ended while a gate held the message back. ALARM: about
    Deskwatch itself. DRILL: to see whether somebody confirms. REPORT: a morning check or a memo.
    """

    FIRING = "firing"
    UPDATE = "update"
    REPEAT = "repeat"
    RESOLVED = "resolved"
    MISSED = "missed"
    ALARM = "alarm"
    DRILL = "drill"
    TEST = "test"
    REPORT = "report"


BEGINNINGS = (NoticeKind.FIRING, NoticeKind.UPDATE, NoticeKind.REPEAT)
"""Who got one of these knows that it began, and must hear of the end."""


class Key(NamedTuple):
    """What makes a message the same message: sent once per key, whatever is restarted in between."""

    episode: str
    destination: str
    kind: NoticeKind
    sequence: int

    def __str__(self) -> str:
        return f"{self.episode}/{self.destination}/{self.kind}/{self.sequence}"


@dataclass(frozen=True, slots=True)
class Notification:
    """One message to one destination, ready to be sent: plain text, no markup."""

    key: Key
    severity: Severity
    title: str
    body: str


class Outcome(StrEnum):
    """What a provider did with a message.

    ACCEPTED: it said so. RETRY: it refused for now. AMBIGUOUS: it may or may not have it. DEAD: it never will take it.
    """

    ACCEPTED = "accepted"
    RETRY = "retry"
    AMBIGUOUS = "ambiguous"
    DEAD = "dead"


class Delivery(NamedTuple):
    """One attempt to deliver: its outcome and, in the provider's words, why. Never holds a secret.

    `wait` is for how many seconds the provider wants to be left alone; 0 if it did not say.
    """

    outcome: Outcome
    words: str
    wait: float = 0


class Channel(Protocol):
    """A way to reach one destination."""

    @property
    def shown(self) -> str:
        """The destination as people may see it: scheme and host, no secret."""
        ...

    def fitted(self, title: str, body: str) -> tuple[str, str]:
        """Title and body as the service takes them in one message: cut where they are too long."""
        ...

    async def send(self, notification: Notification) -> Delivery:
        """Try once. Returns for every outcome, raises nothing but cancellation."""
        ...

    def close(self) -> None:
        """Let go of threads and connections."""
        ...
