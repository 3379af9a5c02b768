"""A web API that answers in JSON, from a table of paths, and fails in the ways that web APIs do."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from peers.json_api import Asked, request_of
from peers.tcp import http


class Reply(NamedTuple):
    """An answer: `document` is sent as JSON unless it is bytes; `headers` are lines by name and value."""

    document: Any = None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()

    def encoded(self) -> bytes:
        """The bytes of the answer."""
        body = self.document if isinstance(self.document, bytes) else json.dumps(self.document).encode()
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers)
        return http(body, f"{self.status} Whatever", f"Content-Type: application/json\r\n{lines}")


Door = Callable[[Asked], Reply | None]


@dataclass
class WebApi:
    """Answers to "GET /path" and the like, a Reply or a document, or a function of what was asked that gives one.

    `door` is asked first: what it returns is the answer to whoever may not come in. `first` are answers that are given
    before all others, in turn; None is silence.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    door: Door = lambda _: None
    first: list[Reply | None] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [f"{asked.method} {asked.path}" for asked in self.asked]

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request."""
        asked = await request_of(reader)
        self.asked.append(asked)
        reply = self.first.pop(0) if self.first else self.reply(asked)
        if reply is None:
            await reader.read()
            return
        writer.write(reply.encoded())
        await writer.drain()
        writer.close()
        await writer.wait_closed()  # a large answer is still on its way

    def reply(self, asked: Asked) -> Reply:
        """The answer to a request."""
        if (refusal := self.door(asked)) is not None:
            return refusal
        found = self.answers.get(f"{asked.method} {asked.path}", Reply({"error": "not found"}, 404))
        if callable(found):
            found = found(asked)
        return found if isinstance(found, Reply) else Reply(found)
