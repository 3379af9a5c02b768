"""The way into a running demo from another terminal: a Unix socket that takes one line of JSON and answers one."""

import asyncio
import json
import os
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from monitor.demo.errors import DemoError

SOCKET = "demo.sock"
LONGEST = 4096
"""Bytes of a request or an answer."""
PATIENCE = 30.0
"""Seconds that either side waits for the other."""

Request = dict[str, Any]
Answer = Callable[[Request], Awaitable[Request]]


class Control:
    """Listens in a folder; only the user who started the demo may connect."""

    def __init__(self, folder: Path, answer: Answer) -> None:
        self._path = folder / SOCKET
        self._answer = answer
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen. Raises DemoError when another demo does, or when the path cannot be used."""
        if await _answers(self._path):
            raise DemoError(f"a demo is already running in {self._path.parent}; end it first or choose another folder")
        _clear(self._path)
        # Between binding and chmod anybody could connect, so the socket is born private.
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, _short(self._path), limit=LONGEST)
        except OSError as error:
            raise DemoError(f"cannot listen on {self._path}: {error.strerror}; choose another folder") from error
        finally:
            os.umask(before)

    async def stop(self) -> None:
        """Stop listening and remove the socket."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            await server.wait_closed()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await self._answer(_parsed(await reader.readline()))
        except DemoError as error:
            answer = {"error": str(error)}
        except (TimeoutError, ValueError):
            answer = {"error": "expected one line of JSON"}
        try:
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except ConnectionError:
            pass  # whoever asked is gone
        finally:
            writer.close()


async def ask(folder: Path, request: Request) -> Request:
    """The running demo's answer. Raises DemoError when there is none, or when it refuses."""
    path = folder / SOCKET
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_unix_connection(_short(path), limit=LONGEST)
            try:
                writer.write(json.dumps(request).encode() + b"\n")
                answer = _parsed(await reader.readline())
            finally:
                writer.close()
    except (FileNotFoundError, ConnectionRefusedError):
        raise DemoError(f"no demo is running in {folder}; start one with `deskwatch demo`") from None
    except PermissionError:
        raise DemoError(f"the demo in {folder} belongs to another user; ask as the user who started it") from None
    except (OSError, ValueError) as error:
        raise DemoError(f"the demo in {folder} does not answer ({error}); restart it") from error
    if "error" in answer:
        raise DemoError(str(answer["error"]))
    return answer


def _parsed(line: bytes) -> Request:
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - to the caller it is one line that is no request
    return message


async def _answers(path: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(_short(path))
    except OSError:
        return False
    writer.close()
    return True


def _clear(path: Path) -> None:
    """Remove the socket of a demo that was killed, and nothing else."""
    try:
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
    except FileNotFoundError:
        pass


def _short(path: Path) -> str:
    # The kernel takes 107 bytes; a path from the working folder often fits where the absolute one does not.
    return min(str(path.absolute()), os.path.relpath(path), key=len)
