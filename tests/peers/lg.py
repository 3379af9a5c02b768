"""An LG business display's network control, as LG's manuals describe what it answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from peers.tcp import serving

ON = {
    "ka FF": "01",
    "xb FF": "90",
    "kd FF": "00",
    "ke FF": "01",
    "sv 02 FF": "0201",
    "dn FF": "24",
    "dp FF": "01",
    "fy FF": "803RMVW1S224",
    "fz FF": "031023",
}


@dataclass
class Display:
    """What it answers to each question; what it has no answer for it denies, what is for another number it ignores.

    It says nothing to the questions that are `silent`. Unless it is `switchable`, it must only be asked.
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
                command, number, *data = (await reader.readuntil(b"\r")).decode().split()
                question = " ".join((command, *data))
                if int(number, 16) == self.number and question not in self.silent:
                    self.asked.append(question)
                    writer.write(f"{command[1]} {number.lower()} {self._answer(question)}x".encode())
        finally:
            self.guests -= 1

    def _answer(self, question: str) -> str:
        if not question.endswith(" FF"):
            assert self.switchable, "it must only be asked"
            if self.stubborn:
                return "NG00"
            self.answers["ka FF"] = question[-2:]
            return f"OK{question[-2:]}"
        told = self.answers.get(question)
        return "NG00" if told is None else f"OK{told}"


@asynccontextmanager
async def displaying(display: Display) -> AsyncIterator[int]:
    """Serve as this display; yields the port."""
    async with serving(display.talk) as port:
        yield port
