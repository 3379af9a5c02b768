"""Sites of any size, as the configuration that users write."""

from collections.abc import Callable

PER_ASSET = 10
"""Checks of one asset: a space has more to measure than things to measure."""


def site_of(checks: int, interval: float, settings: Callable[[int], str]) -> str:
    """A site of so many checks, each run every `interval` seconds; `settings` gives the kind and settings of each.

    PORT stands for the port that the pages are served on; the store is a SQLite file beside the configuration.
    """
    lines = [
        "site: {id: bench, name: Bench, timezone: UTC}",
        "server: {listen: '127.0.0.1:PORT'}",
        "storage: {url: 'sqlite:///bench.db'}",
        f"defaults: {{interval: {interval:g}s, timeout: {min(interval / 2, 5):g}s}}",
        "services:",
    ]
    for first in range(0, checks, PER_ASSET):
        lines += [f"  - id: asset-{first}", f"    name: Asset {first}", "    checks:"]
        lines += [f"      - {{name: c{one}, {settings(one)}}}" for one in range(first, min(first + PER_ASSET, checks))]
    return "\n".join(lines) + "\n"
