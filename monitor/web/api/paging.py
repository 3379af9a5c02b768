"""Long lists, a page at a time: each answer leads to the next one."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from monitor.web.api.problems import Fault, Unfit

T = TypeVar("T")
S = TypeVar("S")

MOST = 200
USUAL = 50
"""Items of a page, at most and unless said."""

GONE = "this is no cursor that an answer gave, or what it points to is gone; begin again without it"


class Query(BaseModel):
    """Parameters of a question; one that is not declared is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Paged(Query):
    """Which page of a list."""

    limit: Annotated[int, Field(ge=1, le=MOST, description="How many items at most.")] = USUAL
    cursor: Annotated[
        str | None, Field(max_length=400, description="Where the page begins: from `next` of the page before.")
    ] = None

    @property
    def after(self) -> str | None:
        """The id of the last item of the page before. Raises 422 for a cursor that no answer gave."""
        return None if self.cursor is None else _read(self.cursor)


class Page(BaseModel, Generic[T]):
    """A page of a list; `next` is the address of the next page, null on the last one."""

    items: list[T]
    next: str | None = None


def page(request: web.Request, found: Sequence[T], limit: int, id: Callable[[T], str]) -> tuple[Sequence[T], str]:
    """The items of a page, out of one more than fit if there are more, and the address of the next page or ""."""
    if len(found) <= limit:
        return found, ""
    cursor = base64.urlsafe_b64encode(id(found[limit - 1]).encode()).decode().rstrip("=")
    return found[:limit], str(request.rel_url.update_query(cursor=cursor))


def part(request: web.Request, items: Sequence[S], asked: Paged, id: Callable[[S], str]) -> tuple[Sequence[S], str]:
    """The page that is asked for of a list that is at hand, and the address of the next page or "". Raises 422."""
    return page(request, following(items, asked.after, id), asked.limit, id)


def following(items: Sequence[S], after: str | None, id: Callable[[S], str]) -> Sequence[S]:
    """What comes after the item of that id, all for None. Raises 422 if it is not among them."""
    if after is None:
        return items
    position = next((n for n, one in enumerate(items, 1) if id(one) == after), None)
    if position is None:
        raise Unfit(Fault("cursor", GONE))
    return items[position:]


def number(after: str | None) -> int | None:
    """The id of a numbered item. Raises 422."""
    if after is None:
        return None
    if not (after.isascii() and after.isdigit() and len(after) < 16):
        raise Unfit(Fault("cursor", GONE))
    return int(after)


def _read(cursor: str) -> str:
    try:
        found = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):  # not base64, or no text
        found = ""
    if not found or not found.isprintable():
        raise Unfit(Fault("cursor", GONE))
    return found


def link(next: str) -> dict[str, Any]:
    """The header that leads to the next page."""
    return {"Link": f'<{next}>; rel="next"'} if next else {}
