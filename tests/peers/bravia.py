"""A Sony Bravia display's REST API, as far as Sony's reference describes what it answers to a reader."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from peers.tcp import http, serving

ON: dict[str, Any] = {
    "getPowerStatus": [{"status": "active"}],
    "getSystemInformation": [
        {"product": "TV", "model": "FW-55BZ40H", "serial": "5001234", "macAddr": "aa:bb:cc:dd:ee:ff", "name": "BRAVIA"}
    ],
    "getPlayingContentInfo": [{"uri": "extInput:hdmi?port=2", "source": "extInput:hdmi", "title": "HDMI 2"}],
    "getVolumeInformation": [
        [
            {"target": "headphone", "volume": 9, "mute": True, "maxVolume": 100, "minVolume": 0},
            {"target": "speaker", "volume": 15, "mute": False, "maxVolume": 50, "minVolume": 0},
        ]
    ],
}

OPEN = ("getPowerStatus", "getSystemInformation")
"""What is told without a key, since 2016."""


@dataclass
class Display:
    """What each method's result is, a number for an error; who may ask, and what was asked."""

    results: dict[str, Any] = field(default_factory=lambda: dict(ON))
    key: str = ""
    open: tuple[str, ...] = OPEN
    asked: list[str] = field(default_factory=list)
    switchable: bool = False

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"Content-Length: (\d+)", head)
        assert length is not None
        question = json.loads(await reader.readexactly(int(length[1])))
        method = question["method"]
        self.asked.append(f"{head.partition(' HTTP')[0]} {method}")
        if self.switchable and method == "setPowerStatus":
            on = question["params"][0]["status"]
            self.results |= {"getPowerStatus": [{"status": "active" if on else "standby"}], method: []}
        else:
            assert method.startswith("get"), "it must only be asked"
        if self.key and f"X-Auth-PSK: {self.key}\r\n" not in head and method not in self.open:
            result: Any = 403
        else:
            result = self.results.get(method, 12)
        answer = {"error": [result, "no"], "id": 1} if isinstance(result, int) else {"result": result, "id": 1}
        writer.write(http(json.dumps(answer).encode(), headers="Content-Type: application/json\r\n"))
        await writer.drain()


@asynccontextmanager
async def displaying(display: Display) -> AsyncIterator[int]:
    """Serve as this display; yields the port."""
    async with serving(display.talk) as port:
        yield port
