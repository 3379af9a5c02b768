"""A projector that speaks PJLink, class 1 or 2, as its specification has it: there is none that a test could start."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from peers.tcp import serving

STANDBY = {"%1INPT": "ERR3", "%1AVMT": "ERR3", "%2IRES": "ERR3", "%2FREZ": "ERR3"}

CLASS_1 = {
    "%1POWR": "1",
    "%1ERST": "000000",
    "%1LAMP": "3120 1",
    "%1INPT": "31",
    "%1AVMT": "30",
    "%1CLSS": "1",
    "%1INF1": "NEC",
    "%1INF2": "P502HL",
    "%1NAME": "Boardroom",
}

CLASS_2 = {
    **CLASS_1,
    "%1CLSS": "2",
    "%2FILT": "400",
    "%2IRES": "1920x1080",
    "%2FREZ": "0",
    "%2SVER": "1.04",
    "%2SNUM": "83A00147",
    "%2RLMP": "NP47LP",
}


@dataclass
class Projector:
    """What it answers, what it was asked, and how many guests it has.

    `random` are the eight digits that a password is mixed with; `end` ends each of its lines; a further guest than the
    first is sent away. With `warms` it can be switched, and takes so many seconds to be on; `switched` are the orders.
    """

    answers: dict[str, str] = field(default_factory=lambda: dict(CLASS_1))
    password: str = ""
    random: str = "498e4a67"
    end: str = "\r"
    asked: list[str] = field(default_factory=list)
    warms: float | None = None
    stays_on: bool = False
    switched: list[str] = field(default_factory=list)
    guests: int = 0
    refused: int = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one guest."""
        if self.guests:
            self.refused += 1
            return
        self.guests += 1
        try:
            await self._serve(reader, writer)
        finally:
            self.guests -= 1

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        secret = hashlib.md5(f"{self.random}{self.password}".encode()).hexdigest() if self.password else ""
        self._say(writer, f"PJLINK 1 {self.random}" if secret else "PJLINK 0")
        signed_in = False
        while True:
            line = (await reader.readuntil(b"\r")).decode().removesuffix("\r")
            if secret and not signed_in and not line.startswith(secret):
                self._say(writer, "PJLINK ERRA")
                return await self._sent(writer)
            command = line if signed_in else line.removeprefix(secret)
            signed_in = True
            if self.warms is not None and command in ("%1POWR 1", "%1POWR 0"):
                self._say(writer, f"%1POWR={self._switch(command[-1])}")
                continue
            assert command.endswith(" ?"), f"{command} is no question"
            self.asked.append(command[:-2])
            self._say(writer, f"{command[:-2]}={self.answers.get(command[:-2], 'ERR1')}")

    def _switch(self, value: str) -> str:
        """Warm up and be on, or be on standby."""
        self.switched.append(value)
        if value == "0":
            self.answers["%1POWR"] = "1" if self.stays_on else "0"
        elif self.warms is not None:
            self.answers["%1POWR"] = "3"
            asyncio.get_running_loop().call_later(self.warms, self.answers.update, {"%1POWR": "1"})
        return "OK"

    def _say(self, writer: asyncio.StreamWriter, line: str) -> None:
        writer.write((line + self.end).encode())

    @staticmethod
    async def _sent(writer: asyncio.StreamWriter) -> None:
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def projecting(projector: Projector) -> AsyncIterator[int]:
    """Serve as this projector; yields the port."""
    async with serving(projector.talk) as port:
        yield port
