"""What the demo's devices that talk over TCP have in common."""

import asyncio
from abc import abstractmethod

from monitor.demo.peers.peer import Peer

LONGEST = 256
"""Bytes of a line that a device takes."""


class TcpPeer(Peer):
    """A device that talks over TCP. Mood refused: it does not listen at all."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen, on a free port at first and on the same one later."""
        self._server = await asyncio.start_server(self._serve, self.address, self.port, limit=LONGEST)
        self.port = self._server.sockets[0].getsockname()[1]

    async def behave(self, mood: str) -> None:
        """Behave like that from now on, also towards those who are connected."""
        await super().behave(mood)
        if mood == "refused":
            await self.stop()
        elif self._server is None:
            await self.start()

    async def stop(self) -> None:
        """Close the listener and all connections."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for talk in self._talks:
            talk.close()
        await server.wait_closed()

    @abstractmethod
    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one guest, until it goes."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._talks.add(writer)
        try:
            await self.talk(reader, writer)
        except (EOFError, OSError, ValueError, asyncio.LimitOverrunError):
            pass  # the other side is gone, or speaks something else
        finally:
            self._talks.discard(writer)
            writer.close()
