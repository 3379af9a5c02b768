"""The display of a meeting room, which speaks Samsung's MDC with its Secured Protocol on."""

import asyncio
import ssl

from monitor.demo.peers.tcp import TcpPeer

_STATUS, _SERIAL, _ERRORS, _SOFTWARE, _POWER, _MODEL = 0x00, 0x0B, 0x0D, 0x0E, 0x11, 0x8A
_HEADER, _ANSWER, _ACK, _NAK = 0xAA, 0xFF, 0x41, 0x4E

_ANSWERS = {
    _POWER: b"\x01",
    _STATUS: bytes((1, 25, 0, 0x21, 0x10, 0, 0)),  # on, volume 25, not muted, HDMI 1
    _ERRORS: bytes((0, 0, 2, 0, 39, 0)),  # lamp, heat, sensor, signal: well; 39 °C; fan: well
    _MODEL: b"QM65R",
    _SERIAL: b"0YNPHCLM300417\0\0\0\0",
    _SOFTWARE: b"T-KTM2AKUC-1023.1",
}
_MOODS = {"hot": {_ERRORS: bytes((0, 1, 2, 0, 83, 0))}}


class Display(TcpPeer):
    """A display that is on. Mood hot: it reports that it is too hot."""

    def __init__(self, address: str, pin: str, tls: ssl.SSLContext) -> None:
        super().__init__(address)
        self._pin = pin
        self._tls = tls

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Go over to TLS, ask for the PIN, and answer frame by frame."""
        writer.write(b"MDCSTART<<TLS>>")
        await writer.drain()
        await writer.start_tls(self._tls)
        if await reader.readexactly(4) != self._pin.encode():
            writer.write(b"MDCAUTH<<FAIL:0x0001>>")
            return
        writer.write(b"MDCAUTH<<PASS>>")
        while True:
            _, command, number, length = await reader.readexactly(4)
            content = await reader.readexactly(length + 1)
            writer.write(self._answer(command, number, content[:-1]))

    def _answer(self, command: int, number: int, content: bytes) -> bytes:
        """The frame that answers a command: content would be an order, and is denied like what is not known."""
        if content:
            self.orders.append(f"{command:#04x} {content.hex()}")
        known = None if content else (_ANSWERS | _MOODS.get(self.mood, {})).get(command)
        body = bytes((_NAK, command, 0)) if known is None else bytes((_ACK, command)) + known
        counted = bytes((_ANSWER, number, len(body))) + body
        return bytes((_HEADER, *counted, sum(counted) % 256))
