"""An Extron switcher's SIS over telnet, as Extron's manuals describe what it answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from peers.tcp import serving

FIRMWARE, INPUT, SIGNALS, TEMPERATURE = "Q", "!", "\x1b0LS\r", "\x1b20STAT\r"

SWITCHER = {FIRMWARE: "1.05", INPUT: "3", SIGNALS: "1*0*1*0*0*0*0*0", TEMPERATURE: "43"}

OPTIONS = b"\xff\xfd\x03\xff\xfb\x01\xff\xfa\x18\x01\xff\xf0"
"""DO 3, WILL 1, and a talk about terminals."""
REFUSALS = b"\xff\xfc\x03\xff\xfe\x01"
"""WON'T 3, DON'T 1."""


@dataclass
class Switcher:
    """What it answers to each question, E10 to what it does not know; `refused` are the options it was denied.

    `unasked` is what it tells before each answer, of its own accord.
    """

    answers: dict[str, str] = field(default_factory=lambda: dict(SWITCHER))
    password: str = ""
    greets: bool = True
    greeting: str = "(c) Copyright 2013, Extron Electronics, IN1608, V1.05, 60-1238-01"
    options: bytes = OPTIONS
    unasked: str = ""
    silent: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)
    refused: bytes = b""
    guests: int = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one guest."""
        self.guests += 1
        try:
            await self._serve(reader, writer)
        finally:
            self.guests -= 1

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.greets:
            writer.write(self.options + f"\r\n{self.greeting}\r\nFri, 17 Feb 2013 11:27:33\r\n".encode())
        if self.password:
            await self._sign_in(reader, writer)
        while True:
            question = await self._question(reader)
            self.asked.append(question)
            if question not in self.silent:
                writer.write(f"{self.unasked}{self.answers.get(question, 'E10')}\r\n".encode())

    async def _sign_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(3):
            writer.write(b"\r\nPassword:")
            said = ""
            while not said.endswith("\r"):
                said += await self._char(reader)
            if said == f"{self.password}\r":
                writer.write(b"\r\nLogin Administrator\r\n")
                return
        raise ConnectionError

    async def _question(self, reader: asyncio.StreamReader) -> str:
        """One character, or what is between ESC and CR."""
        said = await self._char(reader)
        while said.startswith("\x1b") and not said.endswith("\r"):
            said += await self._char(reader)
        return said

    async def _char(self, reader: asyncio.StreamReader) -> str:
        while (byte := await reader.readexactly(1)) == b"\xff":
            self.refused += byte + await reader.readexactly(2)
        return byte.decode()


@asynccontextmanager
async def switching(switcher: Switcher) -> AsyncIterator[int]:
    """Serve as this switcher; yields the port."""
    async with serving(switcher.talk) as port:
        yield port
