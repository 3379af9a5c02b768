"""DNS: one question over UDP that the server answers by itself."""

from bench import peers
from bench.harness import Section
from bench.rates import CHECKS, Comparison, compare


def measure(quick: bool) -> Section:
    """The whole service beside blackbox_exporter's module dns."""
    with peers.dnsmasq() as target:
        where = f"resolver: 127.0.0.1, port: {target.port}"
        checks = [f"kind: internet.dns, {where}, query_name: booking.example"] * CHECKS
        return compare(Comparison("DNS", checks, "dns", [f"127.0.0.1:{target.port}"], 1 / 3), quick)
