"""Files that people and programs take away: to be saved, and never to be shown as a page of ours."""

from typing import NamedTuple
from urllib.parse import quote

from aiohttp import web

_LONGEST_NAME = 200
"""Characters of a name: a header is no place for a novel."""
_SANDBOX = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""A file that somebody uploaded is shown nowhere, and could do nothing if it were."""


class File(NamedTuple):
    """What is taken away under a name; text is in UTF-8."""

    name: str
    type: str
    content: bytes


def answer(file: File) -> web.Response:
    """The file as an answer."""
    is_text = file.type.startswith("text/") or file.type == "application/json"
    return web.Response(
        body=file.content,
        headers={
            "Content-Type": f"{file.type}; charset=utf-8" if is_text else file.type,
            "Content-Disposition": _disposition(file.name),
            "Content-Security-Policy": _SANDBOX,
        },
    )


def _disposition(name: str) -> str:
    """A name that people typed is quoted as RFC 6266 has it; one of ours is plain."""
    name = name[-_LONGEST_NAME:]
    ours = name.isascii() and name.replace("-", "").replace(".", "").isalnum()
    return f'attachment; filename="{name}"' if ours else f"attachment; filename*=UTF-8''{quote(name, safe='')}"
