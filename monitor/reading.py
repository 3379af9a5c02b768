"""One run of one probe: whatever happens becomes a reading."""

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import Any

from probes import Failed, Probe, Reading, Sample, Status, Unmeasured

log = logging.getLogger(__name__)

GRACE = 0.25
"""Seconds that a probe may take beyond its timeout to say what it found, before it is cut off."""


async def read(check: str, probe: Probe[Any], timeout: float) -> Reading:
    """Run a probe once, within `timeout` seconds. Whatever happens becomes a reading; only cancellation passes."""
    at, began = datetime.now(UTC), time.monotonic()
    samples: tuple[Any, ...] = ()
    rung: list[float] = []
    alarm = asyncio.get_running_loop().call_later(timeout, lambda: rung.append(time.monotonic()))
    try:
        async with asyncio.timeout(timeout + GRACE):
            detail, samples = await probe.measure(timeout)
        status, reason = Status.UP, "ok"
    except Failed as failed:
        status, reason, detail, samples = Status.DOWN, failed.reason, failed.detail, failed.samples
    except TimeoutError:
        status, reason, detail = Status.DOWN, "timeout", f"no complete answer within {timeout:g} s"
    except Unmeasured as unmeasured:
        status, reason, detail = Status.UNKNOWN, unmeasured.reason, unmeasured.detail
    except PermissionError as error:
        status, reason, detail = Status.UNKNOWN, "no_permission", f"this machine does not let us measure: {error}"
    except Exception as error:
        log.exception("probe failed by itself", extra={"check": check})
        status, reason, detail = Status.UNKNOWN, "monitor_error", f"{type(error).__name__}: {error}"
    finally:
        alarm.cancel()
    took = time.monotonic() - began
    if reason == "timeout" and rung and rung[0] - began > timeout + GRACE:
        # The clock was late to ring: our event loop stood still, which says nothing about the target.
        status, reason = Status.UNKNOWN, "overloaded"
        detail = f"this machine was too busy: a run of at most {timeout:g} s took {took:.1f} s"
    return Reading(check, at, took, status, reason, harmless(detail), tuple(map(_printable, samples)))


def harmless(detail: str) -> str:
    """A sentence in which a peer's words may be: no control characters, no change of writing direction, no novel."""
    detail = detail[:500]
    if detail.isprintable():  # nearly always, and then twenty times as fast
        return detail
    return "".join(char if char.isprintable() else "\ufffd" for char in detail)


def _printable(sample: Sample) -> Sample:
    """A sample whose part, which is a name of the peer's, can stand in a label."""
    part = harmless(sample.part)
    return sample if part == sample.part else sample._replace(part=part)
