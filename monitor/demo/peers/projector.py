"""The projector of a meeting room, which speaks PJLink (class 2) and asks for its password."""

import asyncio
import hashlib
import secrets

from monitor.demo.peers.tcp import TcpPeer

_ANSWERS = {
    "%1POWR": "1",
    "%1ERST": "000000",
    "%1LAMP": "1840 1",
    "%1INPT": "31",
    "%1AVMT": "30",
    "%1CLSS": "2",
    "%1INF1": "Lumen",
    "%1INF2": "Lumen HB-40",
    "%1NAME": "Harbour room",
    "%2SVER": "2.10",
    "%2SNUM": "HB4000731",
    "%2RLMP": "L-40",
    "%2FILT": "310",
    "%2IRES": "1920x1080",
    "%2FREZ": "0",
}
_MOODS = {"lamp": {"%1ERST": "020000"}}


class Projector(TcpPeer):
    """A projector that is on and shows a computer. Mood lamp: its lamp has failed."""

    def __init__(self, address: str, password: str) -> None:
        super().__init__(address)
        self._password = password

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Greet with random digits, which the password is mixed with, and answer question by question."""
        random = secrets.token_hex(4)
        # MD5 is the protocol's choice.
        seal = hashlib.md5(f"{random}{self._password}".encode(), usedforsecurity=False).hexdigest()
        writer.write(f"PJLINK 1 {random}\r".encode())
        first = await self._line(reader)
        if not first.startswith(seal):
            writer.write(b"PJLINK ERRA\r")
            return
        command = first.removeprefix(seal)
        while True:
            writer.write(f"{self._answer(command)}\r".encode())
            command = await self._line(reader)

    @staticmethod
    async def _line(reader: asyncio.StreamReader) -> str:
        return (await reader.readuntil(b"\r")).decode(errors="replace").strip()

    def _answer(self, line: str) -> str:
        command, _, value = line.partition(" ")
        if value != "?":
            self.orders.append(line)
            return f"{command}=ERR3"
        return f"{command}={(_ANSWERS | _MOODS.get(self.mood, {})).get(command, 'ERR1')}"
