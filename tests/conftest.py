"""What holds for every test."""

from hypothesis import settings
from peers.chromium import chromium
from peers.postgresql import postgresql

__all__ = ["chromium", "postgresql"]

# A loaded machine is no reason to fail: nothing here is judged by the clock.
settings.register_profile("deskwatch", deadline=None)
settings.load_profile("deskwatch")
