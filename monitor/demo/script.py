"""What happens at Harbour Street by itself: the first minutes of a newcomer, then the same with longer pauses."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import NamedTuple

WHO = "Ana, demo technician"

Acknowledge = Callable[[str, str], Awaitable[None]]
"""Acknowledges what is open of an asset, in somebody's name; does nothing if somebody already did."""


class Scene(NamedTuple):
    """One fault: seconds of quiet before it, how long it lasts, and when the technician answers.

    `answer` is in seconds after the fault began. Detecting and confirming takes some of them.
    """

    quiet: float
    fault: str
    asset: str
    lasts: float
    answer: float


OPENING = (Scene(15, "booking-down", "booking", 60, 30),)
"""What a newcomer sees first: it begins after 15 s and is over after 75 s."""

LOOP = (
    Scene(180, "door-offline", "doors", 60, 30),
    Scene(180, "failover", "fibre", 60, 40),
    Scene(180, "projector-lamp", "room-harbour", 60, 40),
    Scene(180, "dns-silent", "name-server", 60, 30),
    Scene(180, "members-wifi-off", "wifi-members", 60, 40),
    Scene(180, "certificate-expired", "booking", 60, 30),
    Scene(180, "power-cut", "ups", 60, 40),
    Scene(180, "booking-down", "booking", 60, 30),
)


class Stage(NamedTuple):
    """What a script acts on: how faults begin and end, and how time passes."""

    begin: Callable[[str], Awaitable[None]]
    end: Callable[[str], Awaitable[None]]
    sleep: Callable[[float], Awaitable[None]]


def scenes(opening: Sequence[Scene] = OPENING, loop: Sequence[Scene] = LOOP) -> Iterator[Scene]:
    """The opening once, then the loop without end."""
    yield from opening
    while loop:
        yield from loop


async def play(stage: Stage, acknowledge: Acknowledge, script: Iterator[Scene]) -> None:
    """Act out the scenes one after the other; each fault that began also ends, whatever happens."""
    for scene in script:
        await stage.sleep(scene.quiet)
        await stage.begin(scene.fault)
        try:
            await stage.sleep(scene.answer)
            await acknowledge(scene.asset, WHO)
            await stage.sleep(scene.lasts - scene.answer)
        finally:
            await stage.end(scene.fault)
