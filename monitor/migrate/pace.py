"""How often checks run, how patiently, and when a failure counts: other programs' numbers within our bounds."""

from typing import Any

from monitor.config.values import format_duration
from monitor.migrate.draft import Draft

_INTERVALS = (1.0, 7 * 86_400.0)
_TIMEOUTS = (0.01, 600.0)
_GAPS = 60.0
_CONFIRMATIONS = 10
_LONGEST_HOLD = 30 * 86_400.0


def pace(draft: Draft, what: str, interval: float, timeout: float) -> dict[str, Any]:
    """The settings for an interval and a timeout in seconds, brought within our bounds; a timeout of 0 is ours."""
    kept = _within(interval, *_INTERVALS)
    if kept != interval:
        draft.changed(what, f"its interval is {format_duration(kept)} instead of {format_duration(interval)}")
    found = {"interval": format_duration(kept)}
    if timeout or kept < 5:
        patience = _within(timeout or kept, _TIMEOUTS[0], min(_TIMEOUTS[1], kept))
        if timeout and patience != timeout:
            draft.changed(what, f"its timeout is {format_duration(patience)} instead of {format_duration(timeout)}")
        found["timeout"] = format_duration(patience)
    return found


def retries(draft: Draft, what: str, times: int, gap: float, interval: float, timeout: float) -> dict[str, Any]:
    """The settings for that many further tries, `gap` seconds apart, before a failure counts.

    Few and quick ones are how a failure is confirmed. What would outlast the interval is a delay of the alert.
    """
    wait = times * gap
    if times <= _CONFIRMATIONS and gap <= _GAPS and wait + times * timeout < interval:
        return {"confirm": {"times": times, **({"gap": format_duration(gap)} if times else {})}}
    hold = min(wait, _LONGEST_HOLD)
    draft.changed(what, f"{times} retries became `for: {format_duration(hold)}`, looked at every interval")
    return {"rules": {"down": {"for": format_duration(hold)}}}


def _within(value: float, least: float, most: float) -> float:
    return max(least, min(value, most))
