"""When each check runs: on a fixed grid of epoch time, spread by the check's name, the same after every restart."""

from functools import lru_cache
from hashlib import blake2b
from math import floor
from zlib import crc32

JITTER = 0.05
"""How late in its slot a run may be, as a share of the interval: no check stays in step with what it watches."""


def phase(check_id: str, interval: float) -> float:
    """Where in its cycle a check runs: seconds in [0, interval), evenly spread over different ids."""
    return _seed(check_id) / 2**53 * interval


def due(check_id: str, interval: float, cycle: int) -> float:
    """The epoch time, in seconds, of the check's run in a cycle.

    It is `cycle * interval + phase` plus less than JITTER of the interval. Successive runs are therefore more than
    0.95 and less than 1.05 intervals apart, and no error adds up. `interval` is in seconds and above 0.
    """
    return _due(_seed(check_id), interval, cycle)


def next_due(check_id: str, interval: float, after: float) -> float:
    """The epoch time of the first run strictly after `after`; runs that were missed are not made up for."""
    seed = _seed(check_id)
    cycle = floor(after / interval - seed / 2**53)
    while (at := _due(seed, interval, cycle)) <= after:
        cycle += 1
    return at


@lru_cache(maxsize=65_536)
def _seed(check_id: str) -> int:
    # Names that differ in one digit must land far apart, and crc32 is too regular for that. 53 bits are what a float
    # holds exactly, so that the phase stays below the interval.
    return int.from_bytes(blake2b(check_id.encode(), digest_size=8).digest(), "big") >> 11


def _due(seed: int, interval: float, cycle: int) -> float:
    lateness = crc32(b"%d" % (seed ^ cycle)) / 2**32
    return (cycle + seed / 2**53 + JITTER * lateness) * interval
