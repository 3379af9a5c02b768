"""What holds for every test."""

import gc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from peers.chromium import chromium
from peers.postgresql import postgresql

__all__ = ["chromium", "postgresql"]

# A loaded machine is no reason to fail: nothing here is judged by the clock.
settings.register_profile("deskwatch", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("deskwatch")

STORIES = Path(__file__).parent / "stories"


# What is collected stays to the end: to look through it for garbage, again and again, takes seconds of each worker.
gc.disable()


def pytest_collection_finish() -> None:
    """From here on there is garbage."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that no worker is left alone with one: what is only work fills the gaps."""
    items.sort(key=lambda item: _rank(item.path))


def _rank(path: Path) -> int:
    """The recordings of devices keep a simulator busy for long; stories wait more than they work."""
    if path.name == "test_recordings_all.py":
        return 0
    return 1 if STORIES in path.parents else 2


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what tests have counted."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "summary":
                terminalreporter.write_line(str(value))
