"""What the tests of the kinds begin with: engines that nothing is left running in."""

from collections.abc import AsyncIterator

import pytest

from probes._engines import Engines


@pytest.fixture
async def engines() -> AsyncIterator[Engines]:
    """Closed at the end; by then no request may still run."""
    engines = Engines()
    yield engines
    assert engines.http.running == 0
    engines.close()
