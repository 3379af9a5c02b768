"""Where on a speed test server to download, to upload and to ask for little: LibreSpeed and responsiveness servers."""

import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from probes._base import Failed, Unmeasured
from probes._engines.excerpt import excerpt
from probes._engines.http.exchange import Response

Fetch = Callable[[str], Awaitable[Response]]

REASONS = {"no_speed_test": "there is no speed test of this type at this address"}
"""The reasons for which a server cannot be used, beside those of every HTTP request."""

_CHUNKS = 256  # MiB that LibreSpeed is asked for at once; it gives 1024 at most
_LIBRESPEED = (("backend/garbage.php", "backend/empty.php"), ("garbage", "empty"), ("garbage.php", "empty.php"))
_WELL_KNOWN = "/.well-known/nq"
_LONGEST = 2000  # characters of an address


class Endpoints(NamedTuple):
    """Addresses of a server: `down` gives much, `up` takes what is sent to it, `small` answers at once; "" if none.

    `method` is how `small` is asked.
    """

    down: str = ""
    up: str = ""
    small: str = ""
    method: str = "GET"


async def librespeed(url: str, fetch: Fetch) -> Endpoints:
    """Those of a LibreSpeed server in PHP or Go, at the address of its page. Raises Failed when it is none."""
    base = url.rstrip("/") + "/"
    for garbage, empty in _LIBRESPEED:
        answer = await fetch(urljoin(base, empty))
        refuse_busy(answer.status)
        if answer.status == HTTPStatus.OK:
            small = urljoin(base, empty)
            return Endpoints(f"{urljoin(base, garbage)}?ckSize={_CHUNKS}", small, small)
    raise Failed("no_speed_test", f"{url}: neither the paths of LibreSpeed in PHP nor those in Go; see its address")


async def responsiveness(url: str, fetch: Fetch) -> Endpoints:
    """Those that a responsiveness server names in /.well-known/nq. Raises Failed when it is none."""
    answer = await fetch(urljoin(url, _WELL_KNOWN))
    refuse_busy(answer.status)
    if answer.status != HTTPStatus.OK:
        raise Failed("no_speed_test", f"{url}: {_WELL_KNOWN} answers with status {answer.status}")
    return named(answer.body, url)


def named(body: bytes, url: str) -> Endpoints:
    """The addresses in the JSON of a responsiveness server at `url`. Raises Failed when it lacks some.

    They must be of the same host: nobody else tells us where to send gigabytes.
    """
    try:
        urls = json.loads(body)["urls"]
        found = Endpoints(*(_address(urls, name) for name in ("large", "upload", "small")))
    except (ValueError, KeyError, TypeError, RecursionError):
        words = excerpt(body[:200].decode(errors="replace"))
        raise Failed("malformed", f"{_WELL_KNOWN} of {url} does not name its addresses; it begins {words}") from None
    for address in found[:3]:
        if urlsplit(address).hostname != urlsplit(url).hostname:
            raise Failed("malformed", f"{_WELL_KNOWN} of {url} names another host: {excerpt(address)}")
    return found


def refuse_busy(status: int) -> None:
    """Raise Unmeasured for an answer that says "not now"."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise Unmeasured("throttled", "the server wants to be asked less often")
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        raise Unmeasured("no_source", "the server is busy with others (status 503)")


_KEYS = {
    "large": ("large_https_download_url", "large_download_url"),
    "upload": ("https_upload_url", "upload_url"),
    "small": ("small_https_download_url", "small_download_url"),
}


def _address(urls: Mapping[str, object], name: str) -> str:
    """Raises KeyError when there is none, ValueError when it is no address."""
    address = next(urls[key] for key in (*_KEYS[name], _KEYS[name][0]) if key in urls)
    if not isinstance(address, str) or len(address) > _LONGEST or not address.isascii() or not address.isprintable():
        raise ValueError(name)
    if urlsplit(address).scheme not in ("http", "https") or " " in address:
        raise ValueError(name)
    return address
