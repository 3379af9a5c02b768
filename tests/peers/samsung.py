"""A Samsung display that speaks MDC, in the open or secured by a PIN, as its specification has it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from peers.tcp import serving

STATUS, SERIAL, ERRORS, SOFTWARE, POWER, MODEL = 0x00, 0x0B, 0x0D, 0x0E, 0x11, 0x8A

ON = {
    POWER: b"\x01",
    STATUS: bytes((1, 30, 0, 0x21, 0x10, 0, 0)),
    ERRORS: bytes((0, 0, 2, 0, 41, 0)),
    MODEL: b"QM55R",
    SERIAL: b"0YNPHCLM200123\0\0\0\0",
    SOFTWARE: b"T-KTM2AKUC-1023.1",
}


@dataclass
class Display:
    """What it answers to each command; what it has no answer for it denies, what is for another number it ignores.

    With a PIN it greets and goes over to `tls`. Unless it is `switchable`, it must only be asked.
    """

    answers: dict[int, bytes] = field(default_factory=lambda: dict(ON))
    number: int = 0
    pin: str = ""
    tls: ssl.SSLContext | None = None
    asked: list[int] = field(default_factory=list)
    switchable: bool = False
    guests: int = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one guest."""
        self.guests += 1
        try:
            if self.pin:
                await self._secure(reader, writer)
            await self._serve(reader, writer)
        finally:
            self.guests -= 1

    async def _secure(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self.tls is not None
        writer.write(b"MDCSTART<<TLS>>")
        await writer.drain()
        await writer.start_tls(self.tls)
        right = await reader.readexactly(4) == self.pin.encode()
        writer.write(b"MDCAUTH<<PASS>>" if right else b"MDCAUTH<<FAIL:0x0001>>")
        await writer.drain()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            header, command, number, length = await reader.readexactly(4)
            content, check = await reader.readexactly(length), (await reader.readexactly(1))[0]
            assert (header, check) == (0xAA, (command + number + length + sum(content)) % 256)
            assert not content or (self.switchable and command == 0x11), "it must only be asked"
            if content:
                self.answers[command] = content
            if number == self.number:
                self.asked.append(command)
                writer.write(frame(command, number, self.answers.get(command)))


def frame(command: int, number: int, content: bytes | None) -> bytes:
    """The answer to a command, the content None for a denial."""
    body = bytes((0x4E, command, 0)) if content is None else bytes((0x41, command)) + content
    counted = bytes((0xFF, number, len(body))) + body
    return b"\xaa" + counted + bytes((sum(counted) % 256,))


@asynccontextmanager
async def displaying(display: Display) -> AsyncIterator[int]:
    """Serve as this display; yields the port."""
    async with serving(display.talk) as port:
        yield port
