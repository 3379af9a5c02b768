"""A client of the API of a running Deskwatch: for commands that are given from afar."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from pathlib import Path
from ssl import SSLContext, create_default_context
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientError,
    ClientOSError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    ServerDisconnectedError,
    TCPConnector,
)
from yarl import URL

from monitor.escaping import legible
from monitor.web.words import plain, short

T = TypeVar("T")

BELOW = "/api/v1/"
TIMEOUT = ClientTimeout(total=120, sock_connect=10)
"""A report of a month takes the longest."""
LARGEST = 16 * 1024 * 1024
"""Bytes of an answer."""
MOST_PAGES = 100
"""Of one list."""
PAGE = 200
"""Items of a page: the most that the API gives."""
LONGEST_PAUSE = 65
"""Seconds that we wait before a request is sent once more, if the answer asks for it."""

_SAFE_TWICE = ("GET", "POST")
"""What may be sent again when no answer came: a POST has a key by which it is done once."""
_LATER = (HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
"""With these comes how long to wait, if it helps."""
_FOUND = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED)
_REMEDIES: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "Put a new token into DESKWATCH_TOKEN or the token file.",
    HTTPStatus.PRECONDITION_FAILED: "Look at it again first.",
    HTTPStatus.TOO_MANY_REQUESTS: "Wait a minute, then ask again.",
}


class RemoteError(Exception):
    """Why nothing came of a request, in a line for people; `status` is that of the answer, 0 if there was none."""

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(short(" ".join(plain(words).split()), 600))
        self.status = status

    @property
    def code(self) -> int:
        """The exit status that the command ends with: 1 if the question made sense and this is the answer."""
        return 1 if self.status in _FOUND else 2


class Api:
    """The API of a Deskwatch, asked with the token that the session sends. Every method raises RemoteError."""

    def __init__(self, address: str, session: ClientSession) -> None:
        self._address = address
        self._root = URL(address)
        self._session = session

    async def get(self, *path: str, **query: object) -> Any:
        """What is there: pieces of its path below /api/v1, and parameters; those that are None are not sent."""
        given = {name: str(value) for name, value in query.items() if value is not None}
        return await self._asked("GET", self._url(path).with_query(given))

    async def found(self, *path: str) -> Any:
        """What is there; None if there is no such thing."""
        try:
            return await self.get(*path)
        except RemoteError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    async def items(self, *path: str, **query: object) -> list[Any]:
        """All items of a list, page by page."""
        found: list[Any] = []
        page = await self.get(*path, limit=PAGE, **query)
        for _ in range(MOST_PAGES):
            found += page["items"]
            if page["next"] is None:
                return found
            page = await self._asked("GET", self._following(page["next"]))
        raise RemoteError(f"{self._address}: the list of {path[0]} does not end; {len(found):,} are too many")

    async def text(self, *path: str, **query: str) -> str:
        """What is there as a file of text."""
        answer, raw = await self._accepted("GET", self._url(path).with_query(query))
        if not answer.headers.get("Content-Disposition", "").startswith("attachment"):
            raise self._strange(answer)
        return "\r\n".join(plain(line) for line in raw.decode(errors="replace").split("\r\n"))  # CSV ends lines so

    async def send(self, method: str, *path: str, body: object = None, key: str = "") -> Any:
        """Have something changed. `key` names this one time that a POST is done, a new one if it is ""."""
        headers = {"Idempotency-Key": key or str(uuid4())} if method == "POST" else {}
        return await self._asked(method, self._url(path), json=body, headers=headers)

    async def upload(self, content: bytes, key: str, *path: str, **query: str) -> Any:
        """Have a file kept, once for a key."""
        headers = {"Idempotency-Key": key, "Content-Type": "application/octet-stream"}
        return await self._asked("POST", self._url(path).with_query(query), data=content, headers=headers)

    def _url(self, path: tuple[str, ...]) -> URL:
        return self._root.join(URL(BELOW + "/".join(quote(piece, safe="") for piece in path), encoded=True))

    def _following(self, next: str) -> URL:
        """The address of a next page: only the same server is sent the token."""
        found = self._root.join(URL(next))
        if found.origin() != self._root.origin() or not found.path.startswith(BELOW):
            raise RemoteError(f"{self._address} leads on to {short(next, 80)}: the token is not sent there")
        return found

    async def _asked(self, method: str, url: URL, **more: Any) -> Any:
        """What is answered, None for nothing."""
        answer, raw = await self._accepted(method, url, **more)
        if answer.status == HTTPStatus.NO_CONTENT:
            return None
        if (told := _told(answer, raw)) is None:
            raise self._strange(answer)
        return told

    async def _accepted(self, method: str, url: URL, **more: Any) -> tuple[ClientResponse, bytes]:
        """The answer of a server that does what it is asked; when it says how long to wait, it is asked once more."""
        answer, raw = await self._sent(method, url, **more)
        if (pause := _pause(answer)) is not None:
            await asyncio.sleep(pause)
            answer, raw = await self._sent(method, url, **more)
        if not 200 <= answer.status < 300:
            raise self._refused(answer, raw)
        return answer, raw

    async def _sent(self, method: str, url: URL, **more: Any) -> tuple[ClientResponse, bytes]:
        """The answer; one that was lost on its way is asked for again, where that does nothing twice."""
        try:
            return await self._exchanged(method, url, **more)
        except (ClientOSError, ServerDisconnectedError) as error:
            if method not in _SAFE_TWICE or isinstance(error, ClientConnectorError):
                raise
            return await self._exchanged(method, url, **more)

    async def _exchanged(self, method: str, url: URL, **more: Any) -> tuple[ClientResponse, bytes]:
        # A redirect could lead the token to anybody.
        async with self._session.request(method, url, allow_redirects=False, **more) as answer:
            raw = bytearray()
            async for piece in answer.content.iter_any():
                raw += piece
                if len(raw) > LARGEST:
                    raise RemoteError(f"{self._address} answers with more than {LARGEST:,} bytes: read no further")
            return answer, bytes(raw)

    def _strange(self, answer: ClientResponse) -> RemoteError:
        return RemoteError(
            f"{self._address} answers with {short(answer.content_type, 60)} that no Deskwatch says: is the address "
            "right, and does nothing in front of it answer in its place?"
        )

    def _refused(self, answer: ClientResponse, raw: bytes) -> RemoteError:
        status = answer.status
        if 300 <= status < 400:
            to = short(answer.headers.get("Location", "another address"), 100)
            return RemoteError(f"{self._address} leads on to {to}: the token is not sent there; name the right address")
        said = (f"{self._address}: {status} {short(answer.reason or '', 40)}.", _detail(answer, raw))
        return RemoteError(" ".join((*said, _REMEDIES.get(status, ""))), status)


async def asked(address: str, token: str, ca_file: Path | None, use: Callable[[Api], Coroutine[Any, Any, T]]) -> T:
    """What `use` makes of what the server at an address answers. Raises RemoteError."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    connector, cookies = (
        TCPConnector(ssl=_trusting(ca_file) if address.startswith("https:") else True),
        DummyCookieJar(),
    )
    try:
        async with ClientSession(headers=headers, timeout=TIMEOUT, cookie_jar=cookies, connector=connector) as session:
            return await use(Api(address, session))
    except ClientConnectorCertificateError as error:
        reason = getattr(error.certificate_error, "verify_message", "") or str(error.certificate_error)
        raise RemoteError(
            f"{address}: its certificate is not trusted: {reason}. If an authority of your own has signed it, name its "
            "certificate with --ca-file."
        ) from None
    except ClientConnectorError as error:
        reason = error.os_error.strerror or type(error.os_error).__name__
        raise RemoteError(
            f"{address} cannot be reached: {reason}. Is the address right, and does Deskwatch run there?"
        ) from None
    except TimeoutError:
        raise RemoteError(f"{address} does not answer in time; try again, or look there what it is busy with") from None
    except ClientError as error:
        raise RemoteError(f"{address} does not answer as a web server does: {type(error).__name__}") from None
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        # All that `use` takes apart is what the server has said.
        raise RemoteError(
            f"{address} says something that this program does not understand: is it of the same version? "
            f"({type(error).__name__}: {short(str(error), 80)})"
        ) from error


def _trusting(ca_file: Path | None) -> SSLContext:
    """TLS that believes an authority of our own, or those that the machine believes."""
    try:
        return create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:
        raise RemoteError(f"{ca_file} is no certificate that can be read: {error}") from None


def _pause(answer: ClientResponse) -> int | None:
    """Seconds after which it is worth asking again, None if it is not."""
    after = answer.headers.get("Retry-After", "")
    if answer.status not in _LATER or not (after.isascii() and after.isdigit() and len(after) < 5):
        return None
    return int(after) if int(after) <= LONGEST_PAUSE else None


def _told(answer: ClientResponse, raw: bytes) -> Any:
    """What an answer says, as JSON; None if it is something else."""
    if not answer.content_type.endswith("json"):
        return None
    try:
        return legible(json.loads(raw))
    except (ValueError, RecursionError):
        return None


def _detail(answer: ClientResponse, raw: bytes) -> str:
    """Why it was refused, as the problem says."""
    problem = _told(answer, raw)
    try:
        faults = [f"{one['field']}: {one['message']}" for one in problem.get("errors", ())]
        return f"{'; '.join(faults)}." if len(faults) > 1 else str(problem["detail"])
    except (AttributeError, LookupError, TypeError):
        return "No Deskwatch says it like this: something in front of it may have answered in its place."
