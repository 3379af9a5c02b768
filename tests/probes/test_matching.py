"""A pattern that runs away is stopped before it holds up the event loop."""

import asyncio
import re

import pytest
import uvloop

from probes import Unmeasured
from probes._engines.matching import compilable, limited

RUNAWAY = (r"(a+)+b", "a" * 40)


async def look() -> None:
    with limited():
        re.search(*RUNAWAY)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_runaway_pattern_is_interrupted_under_any_loop(run: object) -> None:
    assert callable(run)
    with pytest.raises(Unmeasured) as raised:
        run(look())
    assert raised.value.reason == "overloaded"


def test_what_ends_in_time_is_left_alone() -> None:
    with limited():
        assert re.search("a+", "baa")


async def test_other_threads_may_match_too() -> None:
    def search() -> bool:
        with limited():
            return bool(re.search("a", "a"))

    assert await asyncio.to_thread(search)


def test_what_is_no_pattern_is_explained() -> None:
    with pytest.raises(ValueError, match=r"'\(' is not a regular expression: missing \), .* at position 0"):
        compilable("(")
