"""What holds for every test."""

from pathlib import Path

import pytest
from hypothesis import settings
from peers.chromium import chromium
from peers.postgresql import postgresql

__all__ = ["chromium", "postgresql"]

# A loaded machine is no reason to fail: nothing here is judged by the clock.
settings.register_profile("deskwatch", deadline=None)
settings.load_profile("deskwatch")

STORIES = Path(__file__).parent / "stories"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Stories first: they wait more than they work, so what is only work fills the time and the end."""
    items.sort(key=lambda item: STORIES not in item.path.parents)
