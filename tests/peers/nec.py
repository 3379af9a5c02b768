"""A NEC display's external control, as the maker's manuals describe what it answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import reduce
from operator import xor

from peers.tcp import serving

POWER, DIAGNOSIS, INPUT, SERIAL, MODEL = "01D6", "B1", "0060", "C216", "C217"


def powered(mode: int) -> str:
    """The answer about the power: 1 on, 2 and 3 saving power, 4 off."""
    return f"0200D6000004{mode:04X}"


def shows(source: int) -> str:
    """The answer about the input."""
    return f"0000600000{0x82:02X}{source:04X}"


ON = {
    POWER: powered(1),
    DIAGNOSIS: "A100",
    INPUT: shows(0x11),
    SERIAL: "C316" + b"35100147NA".hex().upper(),
    MODEL: "C317" + b"C431".hex().upper(),
}


def frame(kind: str, message: str, number: int = 1) -> bytes:
    """What a display sends."""
    framed = f"\x02{message}\x03"
    checked = f"00{chr(0x40 + number)}{kind}{len(framed):02X}{framed}".encode("latin-1")
    return b"\x01" + checked + bytes((reduce(xor, checked),)) + b"\r"


@dataclass
class Display:
    """What it answers to each message; what it does not know it says so of, what is for another number it ignores.

    It says nothing to the messages that are `silent`. Unless it is `switchable`, it must only be asked.
    """

    answers: dict[str, str] = field(default_factory=lambda: dict(ON))
    number: int = 1
    silent: tuple[str, ...] = ()
    switchable: bool = False
    stubborn: bool = False
    asked: list[str] = field(default_factory=list)
    guests: int = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one guest."""
        self.guests += 1
        try:
            while True:
                head = await reader.readexactly(7)
                rest = await reader.readexactly(int(head[5:7], 16) + 2)
                assert reduce(xor, (head + rest)[1:-2]) == rest[-2], "the check code is wrong"
                message, kind = rest[1:-3].decode(), chr(head[4] + 1)
                if head[2] == 0x40 + self.number and message not in self.silent:
                    self.asked.append(message)
                    writer.write(frame(kind, self._answer(message), self.number))
        finally:
            self.guests -= 1

    def _answer(self, message: str) -> str:
        if message.startswith("C203D6"):
            assert self.switchable, "it must only be asked"
            if not self.stubborn:
                self.answers[POWER] = powered(int(message[-1]))
            return "BE" if self.stubborn else f"00{message}"
        return self.answers.get(message, "BE")


@asynccontextmanager
async def displaying(display: Display) -> AsyncIterator[int]:
    """Serve as this display; yields the port."""
    async with serving(display.talk) as port:
        yield port
