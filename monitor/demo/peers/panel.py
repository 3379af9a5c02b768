"""The touch panel of a meeting room, which speaks lines over TCP."""

import asyncio

from monitor.demo.peers.tcp import TcpPeer

_BANNER = "ROOM PANEL 1.0"
_ANSWERS = {"STATUS": "OK room=ready"}


class Panel(TcpPeer):
    """A panel: a banner, then an answer to each command. Mood mute: it accepts and never says a word."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Greet, and answer line by line."""
        self._say(writer, _BANNER)
        while line := await reader.readline():
            command = line.decode(errors="replace").strip()
            if command not in _ANSWERS:
                self.orders.append(command)
            self._say(writer, _ANSWERS.get(command, "ERR unknown command"))

    def _say(self, writer: asyncio.StreamWriter, line: str) -> None:
        if self.mood != "mute":
            writer.write(f"{line}\r\n".encode())
