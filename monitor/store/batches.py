"""Many rows in portions, so that no statement grows without bound and other tasks get their turn in between."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

SIZE = 1000

T = TypeVar("T")


def batches(rows: Sequence[T], size: int = SIZE) -> Iterator[Sequence[T]]:
    """The rows in order, at most `size` at a time."""
    for first in range(0, len(rows), size):
        yield rows[first : first + size]
