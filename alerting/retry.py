"""When to try a delivery again: exponentially later, for a day."""

from datetime import datetime, timedelta

from alerting.channels import Outcome

FIRST = 5.0
"""Seconds until the second attempt."""
LONGEST = 600.0
"""Seconds between attempts at most, jitter aside."""
JITTER = 0.2
"""By how much of itself a delay may be shorter or longer, so that many messages do not return at the same moment."""
GIVE_UP = timedelta(hours=24)
"""A message older than this is news to nobody."""


def next_attempt(attempts: int, first: datetime, now: datetime, jitter: float, outcome: Outcome) -> datetime | None:
    """When to try again after `attempts` attempts of which the last ended at `now` with `outcome`; None for never.

    `first` is when the message was created, `jitter` a random number in [0, 1).
    """
    if outcome in (Outcome.ACCEPTED, Outcome.DEAD) or now - first >= GIVE_UP:
        return None
    doublings = min(max(attempts - 1, 0), 20)  # the cap is reached well before
    delay = min(LONGEST, FIRST * 2.0**doublings)
    return now + timedelta(seconds=delay * (1 - JITTER + 2 * JITTER * jitter))
