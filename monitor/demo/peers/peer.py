"""What all of the demo's devices and services have in common."""

from abc import ABC, abstractmethod
from collections import deque

WELL = "well"
"""How every peer behaves unless told otherwise."""

MOST_ORDERS = 50
"""Orders that a peer remembers."""


class Peer(ABC):
    """Something that is measured at an address of its own, and can be told how to behave.

    `orders` are the newest of what others told it to do or to change, though it is there to be read. It refuses them.
    """

    def __init__(self, address: str) -> None:
        self.mood = WELL
        self.address = address
        self.port = 0
        self.orders: deque[str] = deque(maxlen=MOST_ORDERS)

    @abstractmethod
    async def start(self) -> None:
        """Begin to listen, on a free port at first and on the same one later."""

    async def behave(self, mood: str) -> None:
        """Behave like that from now on."""
        self.mood = mood

    @abstractmethod
    async def stop(self) -> None:
        """Let go of sockets and connections."""
