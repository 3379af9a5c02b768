"""What becomes of a request to a receiver: taken, made again later, or dropped."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import NamedTuple

FIRST = 1.0
"""Seconds until a request that did not arrive is made again."""
LONGEST = 60.0
"""Seconds between two attempts at most, unless the receiver asks for more."""
PATIENCE = 3600.0
"""Seconds that a receiver can ask us to wait at most."""


class Failed(StrEnum):
    """Why a request is made again."""

    NETWORK = "network"
    SERVER = "server"
    THROTTLED = "throttled"


class Dropped(StrEnum):
    """Why samples never arrive.

    REFUSED: the receiver does not want them. FULL, OLD: they waited beyond what the spool may hold. CORRUPT: the file
    that they waited in is damaged. DISK: they could not be written there. CLOCK: the clock was set back, and a receiver
    takes the samples of a series in order only.
    """

    REFUSED = "refused"
    FULL = "full"
    OLD = "old"
    CORRUPT = "corrupt"
    DISK = "disk"
    CLOCK = "clock"


class Answer(NamedTuple):
    """What became of one attempt. `words` say why it was not taken, `wait` is for how many seconds."""

    failed: Failed | None = None
    refused: bool = False
    words: str = ""
    wait: float = 0


def judged(status: int, headers: Mapping[str, str], words: str, now: datetime) -> Answer:
    """What a response means, by the rules of remote write 1.0; `words` is what it says."""
    said = f"it answered {status}{f': {words}' if words else ''}"
    if 200 <= status < 300:
        return Answer()
    if status == 429 or status >= 500:
        failed = Failed.THROTTLED if status == 429 else Failed.SERVER
        return Answer(failed, words=said, wait=retry_after(headers.get("Retry-After", ""), now))
    if 300 <= status < 400:
        said += "; write the address it leads to"
    return Answer(refused=True, words=said)


def retry_after(header: str, now: datetime) -> float:
    """The seconds that a Retry-After header asks for (RFC 9110, 10.2.3), within PATIENCE; 0 if it makes no sense."""
    try:
        if header.isascii() and header.isdigit():
            seconds = float(header)
        else:
            at = parsedate_to_datetime(header)
            seconds = (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return 0
    return min(max(seconds, 0), PATIENCE)


def pause(attempts: int, wait: float, jitter: float) -> float:
    """The seconds until the next attempt after so many that failed; `jitter` is a random number in [0, 1).

    What the receiver asks for is kept to, and only lengthened.
    """
    delay = min(LONGEST, FIRST * 2.0 ** min(attempts - 1, 20))
    return max(wait, delay / 2) + delay / 2 * jitter
