"""Takes an HTTP request apart and writes JSON answers: what the emulators of vendors' web APIs share."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from peers.tcp import http


class Asked(NamedTuple):
    """One request. `headers` are by lower-case name, `query` has the values of each name in order."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The JSON that was sent, None without any."""
        return json.loads(self.body) if self.body else None

    def one(self, name: str, otherwise: str = "") -> str:
        """The first value of that name in the query."""
        return self.query.get(name, [otherwise])[0]


async def request_of(reader: asyncio.StreamReader) -> Asked:
    """The next request."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    line, *lines = head.strip().split("\r\n")
    method, target, _ = line.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    parts = urlsplit(target)
    return Asked(method, parts.path, parse_qs(parts.query), headers, body)


def reply(document: Any, status: str = "200 OK", headers: str = "") -> bytes:
    """A JSON answer; `headers` are lines with their line ends."""
    return http(json.dumps(document).encode(), status, f"Content-Type: application/json;charset=UTF-8\r\n{headers}")
