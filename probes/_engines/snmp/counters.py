"""Turns two readings of an SNMP counter into a rate, or into "unknown" when the counter may have been set back."""

from typing import Literal, NamedTuple

_TICKS = 2**32  # sysUpTime counts hundredths of a second and wraps after 497 days
_SLACK = 30.0  # s: agents serve sysUpTime from a cache
_OF_A_WRAP = 0.02  # ten days: clocks that began together and run apart
_DRIFT = 0.1  # how far a device's clock may run fast or slow


class Counter(NamedTuple):
    """One reading of a counter.

    `bits` is the counter's width, `at` our steady clock in seconds, `uptime` the device's sysUpTime in hundredths of a
    second. `boots` is its snmpEngineBoots and `discontinuity` the sysUpTime at which this very counter last started
    anew (ifCounterDiscontinuityTime). What a device does not have is None.
    """

    value: int
    bits: Literal[32, 64]
    at: float
    uptime: int | None = None
    boots: int | None = None
    discontinuity: int | None = None


def rate(before: Counter, after: Counter, fastest: float | None = None) -> float | None:
    """By how much the counter grew per second, None when that can't be told.

    `fastest` is the highest rate that can be real, such as a link's speed. It tells a wrap from a counter that somebody
    cleared, and whether 32 bits may have wrapped more than once between the readings.
    """
    elapsed = after.at - before.at
    if elapsed <= 0 or not _comparable(before, after) or restarted(before, after):
        return None
    if fastest is not None and before.bits == 32 and fastest * elapsed >= 2**32:
        return None
    grown = _growth(before, after)
    if grown is None or (fastest is not None and grown > fastest * elapsed):
        return None
    return grown / elapsed


def restarted(before: Counter, after: Counter) -> bool:
    """Whether the device, or this counter of it, started anew between the two readings.

    sysUpTime that went back is a restart unless it wrapped: then it is where our own clock says it must be. One that
    went on by far less than our clock is a restart too.
    """
    if _differ(before.boots, after.boots) or _differ(before.discontinuity, after.discontinuity):
        return True
    if before.uptime is None or after.uptime is None:
        return False
    device = (after.uptime - before.uptime) % _TICKS / 100
    elapsed = (after.at - before.at) % (_TICKS / 100)
    return abs(device - elapsed) > _SLACK + _DRIFT * elapsed


def uptime_seconds(ticks: int, engine_time: int | None = None) -> float:
    """How long a device is up, from sysUpTime (hundredths of a second).

    snmpEngineTime, in seconds, counts on where sysUpTime wrapped: it says how often it did. One that is not whole
    wraps away is a clock of its own, and tells nothing.
    """
    seconds = ticks / 100
    if engine_time is None:
        return seconds
    behind = (engine_time - seconds) / (_TICKS / 100)
    wraps = round(behind)
    return seconds + max(wraps, 0) * _TICKS / 100 if abs(behind - wraps) < _OF_A_WRAP else seconds


def _comparable(before: Counter, after: Counter) -> bool:
    limit = 2**before.bits
    return before.bits == after.bits and 0 <= before.value < limit and 0 <= after.value < limit


def _growth(before: Counter, after: Counter) -> int | None:
    """One that went back wrapped, if the device is known to have run on; 64 bits wrap only from close to their end."""
    if after.value >= before.value:
        return after.value - before.value
    wrapped = after.value - before.value + (1 << before.bits)
    if before.uptime is None or after.uptime is None or (before.bits == 64 and wrapped >= 2**32):
        return None
    return wrapped


def _differ(before: int | None, after: int | None) -> bool:
    return before is not None and after is not None and before != after
