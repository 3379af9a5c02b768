"""What can be asked of the API: a declaration, and the one way in which all that is declared is answered."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, TypeAdapter, ValidationError

from monitor.people.roles import Role
from monitor.web import auth, downloads
from monitor.web.api import limits, repeats
from monitor.web.api.paging import Query, link
from monitor.web.api.problems import BELOW, Fault, Unfit, unfit
from monitor.web.downloads import File
from monitor.web.guard import APP, SECRET, TARGET, who
from monitor.web.service import App

JSON = "application/json"
LARGEST = 64 * 1024
"""Bytes of a body, unless it is a file."""
PATIENCE = 60.0
"""Seconds that a body may take to come."""
_READS = ("GET", "HEAD")


class Call(NamedTuple):
    """A request that makes sense so far: its parameters and its body are of the declared types.

    What does not come as JSON comes as bytes.
    """

    request: web.Request
    query: Any
    body: Any

    @property
    def app(self) -> App:
        """The running service."""
        return self.request.app[APP]

    @property
    def who(self) -> str:
        """The name that whoever asks acts under."""
        return who(self.request)

    @property
    def now(self) -> datetime:
        """The time of the request."""
        return auth.utc_now()

    def part(self, name: str) -> str:
        """A variable part of the path."""
        return self.request.match_info[name]

    def note(self, target: str) -> None:
        """Say for the audit log what is changed."""
        self.request[TARGET] = target

    def require_unchanged(self, current: BaseModel) -> None:
        """Raises 412 if the caller has seen another version of it than this."""
        given = self.request.headers.get("If-Match")
        if given is not None and not _names(given, tag_of(text_of(current))):
            raise web.HTTPPreconditionFailed(text="It has changed since you read it. Read it again, then decide anew.")


class Reply(NamedTuple):
    """What is answered: None for nothing; the path of what was made, and of the next page of a list."""

    body: BaseModel | File | None
    location: str = ""
    next: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing that can be asked, who may, what is sent and what comes back.

    `path` is below /api/v1. `gives` is None where nothing comes back. What is `tagged` is one thing with an ETag;
    changing it, If-Match is heeded. `audit` is what the audit log calls it. It takes bodies of `largest` bytes in the
    media types `takes`, and what it gives comes as one of `comes_as`. What is sent or answered is `secret` where
    nothing of it may be remembered. What is `direct` reads the request itself and answers itself.
    """

    method: str
    path: str
    role: Role
    summary: str
    act: Callable[[Any], Awaitable[Any]]
    tag: str
    query: type[Query] = Query
    body: Any = None
    gives: Any = None
    status: int = 200
    audit: str = ""
    tagged: bool = False
    direct: bool = False
    takes: tuple[str, ...] = (JSON,)
    comes_as: tuple[str, ...] = (JSON,)
    largest: int = LARGEST
    secret: bool = False

    @property
    def address(self) -> str:
        """Its path from the root."""
        return f"{BELOW}{self.path}"

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the variable parts of its path."""
        return tuple(piece[1:-1] for piece in self.path.split("/") if piece.startswith("{"))

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.method in _READS

    @property
    def handler(self) -> Handler:
        """What answers it."""
        return _direct(self) if self.direct else _answering(self)


def text_of(body: BaseModel) -> str:
    """A thing as it is answered."""
    return body.model_dump_json(by_alias=True)


def tag_of(text: str) -> str:
    """The ETag of a thing: the same as long as nothing of it changes."""
    return f'"{sha256(text.encode()).hexdigest()[:32]}"'


def _direct(endpoint: Endpoint) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        limits.spend(request)
        answer: web.StreamResponse = await endpoint.act(request)
        return answer

    return handler


def _answering(endpoint: Endpoint) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        limits.spend(request)
        if SECRET in request and not endpoint.reads:
            # A session goes wherever the browser goes; a token has to be sent on purpose.
            raise web.HTTPForbidden(text="A signed-in page may only read here. Send a token: `Authorization: Bearer`.")
        if endpoint.secret and repeats.KEY in request.headers:
            raise Unfit(Fault(repeats.KEY, "is not taken here: the answer is secret and cannot be kept; leave it out"))
        query = _query(endpoint.query, request)
        raw = b"" if endpoint.reads else await _sent(endpoint, request)
        body = _body(endpoint, request, raw)
        return await repeats.once(request, raw, lambda: _made(endpoint, Call(request, query, body)))

    return handler


async def _made(endpoint: Endpoint, call: Call) -> web.Response:
    reply: Reply = await endpoint.act(call)
    if reply.body is None:
        return web.Response(status=endpoint.status)
    if isinstance(reply.body, File):
        return downloads.answer(reply.body)
    text = text_of(reply.body)
    headers = link(reply.next) | ({"Location": f"{BELOW}{reply.location}"} if reply.location else {})
    if endpoint.tagged:
        headers["ETag"] = tag_of(text)
        if endpoint.reads and _names(call.request.headers.get("If-None-Match", ""), headers["ETag"]):
            return web.Response(status=304, headers=headers)
    answer = web.Response(status=endpoint.status, text=text, content_type=JSON, headers=headers)
    if endpoint.reads:
        answer.enable_compression()
    return answer


def _query(model: type[Query], request: web.Request) -> Query:
    """The parameters. Raises 422 for one that is not declared, is given twice, or makes no sense."""
    given: Mapping[str, str] = request.query
    if twice := [name for name in given if len(request.query.getall(name)) > 1]:
        raise Unfit(Fault(twice[0], "is given more than once"))
    try:
        return model.model_validate_strings(dict(given))
    except ValidationError as error:
        raise unfit(error) from None


async def _sent(endpoint: Endpoint, request: web.Request) -> bytes:
    """The body as it came, of no more than what is taken here. Raises 408 or 413.

    It does not go through the limit of forms, which is too small for a file.
    """
    content = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for chunk in request.content.iter_any():
                content += chunk
                if len(content) > endpoint.largest:
                    text = f"The body is too long; {endpoint.largest:,} bytes can be sent at most."
                    raise web.HTTPRequestEntityTooLarge(endpoint.largest, len(content), text=text)
    except TimeoutError:
        raise web.HTTPRequestTimeout(text=f"The body took longer than {PATIENCE:.0f} s. Try again.") from None
    return bytes(content)


def _body(endpoint: Endpoint, request: web.Request, raw: bytes) -> Any:
    """The body as it was declared. Raises 400, 415 or 422."""
    if endpoint.body is None:
        if raw.strip() not in (b"", b"{}"):
            raise Unfit(Fault("body", "nothing is to be sent here; leave the body out"))
        return None
    if request.content_type not in endpoint.takes:
        wanted = "` or `".join(endpoint.takes)
        text = f"Send it with `Content-Type: {wanted}`, not {request.content_type[:60]!r}."
        raise web.HTTPUnsupportedMediaType(text=text, headers={"Accept": ", ".join(endpoint.takes)})
    if request.content_type != JSON:
        return raw
    try:
        return TypeAdapter(endpoint.body).validate_json(raw)
    except ValidationError as error:
        if any(one["type"] == "json_invalid" for one in error.errors(include_url=False)):
            raise web.HTTPBadRequest(text="The body is not JSON.") from None
        raise unfit(error) from None


def _names(given: str, tag: str) -> bool:
    """Whether a header with ETags, or * for any, names that one."""
    return given.strip() == "*" or tag in (one.strip() for one in given.split(","))
