"""The same request sent twice is done once: its key and its answer are remembered for a day."""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from hashlib import sha256

from aiohttp import web

from monitor.store import StoreError
from monitor.store import repeats as stored
from monitor.store.repeats import Answer
from monitor.web import auth
from monitor.web.api.problems import Fault, Unfit
from monitor.web.guard import APP, who

log = logging.getLogger(__name__)

KEY = "Idempotency-Key"
REPEATED = "Idempotency-Replayed"
"""Stands in an answer that is the one to an earlier request: nothing was done again."""
LONGEST_KEY = 100
LARGEST = 256 * 1024
"""Characters of an answer that is remembered."""
_REMEMBERED = timedelta(days=1)

UNDER_WAY: web.AppKey[set[bytes]] = web.AppKey("under_way", set)
"""The keys of the requests that are being answered right now."""


async def once(request: web.Request, body: bytes, make: Callable[[], Awaitable[web.Response]]) -> web.Response:
    """Do what is asked, or give the answer again if it was done before under the same key.

    Raises 409 while the first request is still under way, and 422 if the key was used for another one.
    """
    if KEY not in request.headers or request.method != "POST":
        return await make()
    digest, asked = sha256(f"{who(request)}\0{_key(request)}".encode()).digest(), _fingerprint(request, body)
    under_way = request.app[UNDER_WAY]
    if digest in under_way:
        text = f"A request with this {KEY} is being answered right now. Wait a moment, then send it again."
        raise web.HTTPConflict(text=text, headers={"Retry-After": "1"})
    under_way.add(digest)
    try:
        return await _earlier(request, digest, asked) or await _kept(request, digest, asked, await make())
    finally:
        under_way.discard(digest)


def _key(request: web.Request) -> str:
    key = request.headers[KEY]
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise Unfit(Fault(KEY, f"must have 1 to {LONGEST_KEY} characters of ASCII, like a UUID"))
    return key


def _fingerprint(request: web.Request, body: bytes) -> bytes:
    return sha256(f"{request.method} {request.rel_url}\0".encode() + body).digest()


async def _earlier(request: web.Request, digest: bytes, asked: bytes) -> web.Response | None:
    async with request.app[APP].store.connect() as conn:
        found = await stored.find(conn, digest, auth.utc_now() - _REMEMBERED)
    if found is None:
        return None
    if found.asked != asked:
        raise Unfit(Fault(KEY, "was used for another request; take a new one for each thing that is to be done"))
    headers = {REPEATED: "true"} | {
        name: value for name, value in (("Location", found.location), ("ETag", found.tag)) if value
    }
    return web.Response(status=found.status, text=found.text, content_type="application/json", headers=headers)


async def _kept(request: web.Request, digest: bytes, asked: bytes, response: web.Response) -> web.Response:
    """It has been done: if that cannot be remembered, that must not make it look undone."""
    text, headers = response.text or "", response.headers
    if len(text) > LARGEST:
        return response
    answer = Answer(asked, response.status, text, headers.get("Location", ""), headers.get("ETag", ""))
    try:
        async with request.app[APP].store.begin() as conn:
            await stored.keep(conn, digest, answer, auth.utc_now())
    except StoreError as error:
        log.error("an answer of the API is not remembered", extra={"error": str(error)})  # noqa: TRY400 - is said
    return response
