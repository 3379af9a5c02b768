"""Has iperf3 fill a line, in a process that ends in time, and reads what it reports."""

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from probes._base import Failed, Unmeasured
from probes._engines.excerpt import excerpt
from probes._engines.process import Ended, run
from probes._engines.resolve import Resolved
from probes._engines.transfer.findings import WORDS, Direction
from probes._engines.transfer.streams import Goodput, Pace

PORT = 5201
REASONS = {"iperf3_failed": "iperf3 says that the server or the transfer failed"}
"""The reasons for which iperf3 fails, beside those of a connection."""

_ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
_CONNECT = 3.0  # seconds for its connection to come about
_ENDING = 4.0  # seconds beyond its own time in which it exchanges results

_CAPPED = 0.9  # share of the rate that the budget allows from which on it is the budget that was measured

_FAILURES = {
    "refused": "refused",
    "unreachable": "unreachable",
    "no route": "unreachable",
    "timed out": "timeout",
    "closed": "reset",
    "reset": "reset",
}
"""What its words about a failure have in them, and the reason that they stand for."""


class Iperf3(NamedTuple):
    """An iperf3 server and the way to it; `program` is our own iperf3."""

    program: str
    to: Resolved
    port: int
    source: str = ""
    interface: str = ""

    def command(self, direction: Direction, pace: Pace, budget_rate: float) -> list[str]:
        """The command line of one transfer, which sends no faster than `budget_rate` bit/s in all."""
        words = [self.program, "-c", self.to.address, "-p", str(self.port), "-J", "-i", "0"]
        words += ["-t", str(seconds_of(pace)), "-O", str(math.ceil(pace.grace)), "-P", str(pace.streams)]
        words += ["-b", str(max(1, int(budget_rate / pace.streams)))]
        words += ["--connect-timeout", str(int(1000 * _CONNECT)), f"-{self.to.version}"]
        words += ["-R"] if direction == "down" else []
        words += ["-B", self.source] if self.source else []
        return words + (["--bind-dev", self.interface] if self.interface else [])

    async def fill(self, direction: Direction, pace: Pace) -> Goodput:
        """Fill the line in one direction. Raises Failed when the server fails, Unmeasured when it or we cannot."""
        rate = budget_rate(pace)
        most = seconds_of(pace) + math.ceil(pace.grace) + _CONNECT + _ENDING
        try:
            ended = await run(self.command(direction, pace, rate), _ENVIRONMENT, most)
        except OSError as error:
            words = f"{self.program} cannot be started ({error.strerror}); install iperf3, or set program to its path"
            raise Unmeasured("no_source", words) from error
        return reported(ended, direction, pace, most)


def seconds_of(pace: Pace) -> int:
    """iperf3 counts in whole seconds."""
    return max(1, math.ceil(pace.length))


def budget_rate(pace: Pace) -> float:
    """The bit/s that use up the budget just when time is over: iperf3 knows no bound of time and bytes together."""
    return 8 * pace.allowance / (seconds_of(pace) + math.ceil(pace.grace))


def reported(ended: Ended, direction: Direction, pace: Pace, timeout: float) -> Goodput:
    """What iperf3 found. Raises Failed and Unmeasured as its words tell."""
    if ended.status is None:
        raise Failed("timeout", f"{WORDS[direction]}: iperf3 did not end within {timeout:.3g} s, and was ended")
    report = _report(ended)
    if "error" in report:
        raise _failure(str(report["error"]), direction)
    try:
        received = report["end"]["sum_received"]
        rate, counted, seconds = (float(received[name]) for name in ("bits_per_second", "bytes", "seconds"))
    except (KeyError, TypeError, ValueError):
        raise Unmeasured("no_source", "the report of iperf3 lacks its sum; is it version 3.10 or newer?") from None
    if rate <= 0:
        raise Failed("no_transfer", f"{WORDS[direction]}: not a byte in {seconds:.3g} s")
    if rate >= _CAPPED * budget_rate(pace):
        words = f"{WORDS[direction]}: the budget slowed iperf3 to {rate / 1e6:.3g} Mbit/s, and the line may carry more"
        raise Unmeasured("no_source", f"{words}; raise budget, or shorten grace and length")
    return Goodput(rate, int(counted * (1 + math.ceil(pace.grace) / max(seconds, 1))))


def _report(ended: Ended) -> dict[str, Any]:
    try:
        report = json.loads(ended.output)
    except ValueError:
        report = None
    if isinstance(report, dict):
        return report
    said = excerpt((ended.errors or ended.output).decode(errors="replace"))
    raise Unmeasured("no_source", f"iperf3 ended with status {ended.status} and without a report; it said {said}")


def _failure(said: str, direction: Direction) -> Failed | Unmeasured:
    words = f"{WORDS[direction]}: iperf3 says {excerpt(said)}"
    lower = said.lower()
    if "busy" in lower:
        return Unmeasured("no_source", "the iperf3 server is busy: it serves one test at a time")
    if "assign requested address" in lower or "no such device" in lower:
        return Unmeasured("no_network", words)
    if "operation not permitted" in lower or "permission denied" in lower:
        return Unmeasured("no_permission", words)
    return Failed(next((reason for said, reason in _FAILURES.items() if said in lower), "iperf3_failed"), words)
