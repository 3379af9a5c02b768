"""TCP: connect to a port and close."""

from bench import peers
from bench.harness import Section
from bench.rates import CHECKS, Comparison, compare


def measure(quick: bool) -> Section:
    """The whole service beside blackbox_exporter's module tcp."""
    with peers.nginx() as target:
        checks = [f"kind: internet.tcp, host: 127.0.0.1, port: {target.port}"] * CHECKS
        return compare(Comparison("TCP", checks, "tcp", [f"127.0.0.1:{target.port}"], 1 / 4), quick)
