"""Has speedtest-cli fill a line against a mini server, caged in a process that ends in time, and doubts its zeros."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from probes._base import Failed, Unmeasured
from probes._engines.excerpt import excerpt
from probes._engines.process import Ended, run
from probes._engines.transfer.findings import WORDS, Direction
from probes._engines.transfer.streams import Goodput, Pace

_DRIVER = Path(__file__).with_name("speedtest_driver.py")
_UNANSWERED = 600_000.0  # milliseconds: of three requests for latency it counts each that fails as an hour
_STARTING = 6.0  # seconds in which it starts, finds the server and measures its latency
_ENDING = 2.0  # seconds in which it collects its threads


class Speedtest(NamedTuple):
    """A mini server and the way to it; `interpreter` is a Python that has speedtest-cli."""

    interpreter: str
    url: str
    source: str = ""
    ca_file: str = ""

    def command(self, direction: Direction, pace: Pace) -> list[str]:
        """The command line of one transfer."""
        settings = {
            "url": self.url,
            "direction": direction,
            "source": self.source,
            "streams": pace.streams,
            "length": pace.length + pace.grace,
            "allowance": pace.allowance,
            "patience": min(10.0, pace.length + pace.grace),
        }
        # -I: without it the folder of the driver would come before the standard library, and its http.py with it.
        return [self.interpreter, "-I", str(_DRIVER), json.dumps(settings)]

    async def fill(self, direction: Direction, pace: Pace) -> Goodput:
        """Fill the line in one direction. Raises Failed when the server fails, Unmeasured when we cannot."""
        most = _STARTING + pace.grace + pace.length + _ENDING
        environment = {"LC_ALL": "C.UTF-8"} | ({"SSL_CERT_FILE": self.ca_file} if self.ca_file else {})
        try:
            ended = await run(self.command(direction, pace), environment, most)
        except OSError as error:
            words = (
                f"{self.interpreter} cannot be started ({error.strerror}); set program to a Python with speedtest-cli"
            )
            raise Unmeasured("no_source", words) from error
        return reported(ended, direction, most, self.interpreter)


def reported(ended: Ended, direction: Direction, timeout: float, interpreter: str) -> Goodput:
    """What speedtest-cli found. Raises Failed for zeros and impossible latencies, which it reports as results."""
    if ended.status is None:
        raise Failed("timeout", f"{WORDS[direction]}: speedtest-cli did not end within {timeout:.3g} s, and was ended")
    report = _report(ended)
    if "missing" in report:
        words = f"speedtest-cli is not installed for {interpreter}; install it there, or name another Python in program"
        raise Unmeasured("no_source", words)
    if "error" in report:
        raise Failed("no_speed_test", f"speedtest-cli says {excerpt(str(report['error']))}")
    try:
        rate, moved, latency = (float(report[name]) for name in ("rate", "bytes", "latency"))
        failures = {str(name): int(count) for name, count in report["failures"].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unmeasured(
            "no_source", f"speedtest-cli answered {excerpt(ended.output.decode(errors='replace'))}"
        ) from None
    _disbelieve(rate, latency, failures, direction)
    return Goodput(rate, int(moved))


def _disbelieve(rate: float, latency: float, failures: Mapping[str, int], direction: Direction) -> None:
    what = WORDS[direction]
    if latency >= _UNANSWERED:
        raise Failed("no_speed_test", "the mini server does not answer latency.txt as it should: is it one?")
    if failures.get("413"):
        raise Failed("refused_upload", f"the server takes no {what} of this size; raise its limit")
    if failures.get("503") or failures.get("429"):
        raise Unmeasured("no_source", f"{what}: the server is busy with others")
    failed = next((name for name in failures if name.isdigit()), "")
    if failed:
        raise Failed("wrong_status", f"{what}: the server answered with status {failed}")
    if rate <= 0:
        seen = f"; it met {', '.join(failures)}" if failures else ""
        raise Failed("no_transfer", f"{what}: speedtest-cli moved nothing{excerpt(seen) if seen else ''}")


def _report(ended: Ended) -> dict[str, Any]:
    said = ended.output or ended.errors
    try:
        report = json.loads(said)
    except ValueError:
        report = None
    if isinstance(report, dict):
        return report
    words = excerpt((ended.errors or said).decode(errors="replace")[-120:])
    raise Unmeasured(
        "no_source", f"speedtest-cli ended with status {ended.status} and without an answer; it said {words}"
    )
