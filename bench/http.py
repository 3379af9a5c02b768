"""HTTP: one small page, over a fresh connection each time."""

from bench import peers
from bench.harness import Section
from bench.rates import CHECKS, Comparison, compare


def measure(quick: bool) -> Section:
    """The whole service beside blackbox_exporter's module http."""
    with peers.nginx() as target:
        urls = [f"{target.url}/{index}" for index in range(CHECKS)]
        checks = [f"kind: internet.http, url: '{url}'" for url in urls]
        return compare(Comparison("HTTP", checks, "http", urls, 1 / 4), quick)
