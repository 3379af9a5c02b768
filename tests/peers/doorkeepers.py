"""Servers of lines and packets that let in whoever knows the password: a NUT server, and an MQTT broker."""

import asyncio

from peers.tcp import Talk


def nut(password: str) -> Talk:
    """A NUT server with one UPS, on mains."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := (await reader.readline()).decode().strip():
            right = not line.startswith("PASSWORD") or password in line
            listed = f'BEGIN {line}\nVAR desk ups.status "OL"\nEND {line}\n' if line.startswith("LIST") else "OK\n"
            writer.write((listed if right else "ERR ACCESS-DENIED\n").encode())

    return talk


def mqtt(password: str) -> Talk:
    """A broker of MQTT 3.1.1 on which the topic "desk" is published as soon as somebody listens."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            kind, length = await reader.readexactly(2)
            said = await reader.readexactly(length)
            match kind >> 4:
                case 1:
                    right = said.endswith(password.encode())
                    writer.write(b"\x20\x02\x00" + (b"\x00" if right else b"\x05"))
                case 8:
                    writer.write(b"\x90\x03" + said[:2] + b"\x00" + b"\x30\x08\x00\x04desk21")
                case 12:
                    writer.write(b"\xd0\x00")

    return talk
