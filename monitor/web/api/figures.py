"""Figures that other programs push for the memos."""

from datetime import date
from typing import Annotated

from aiohttp import web
from pydantic import Field

from monitor.figures import of_csv, of_rows
from monitor.store import figures
from monitor.store.figures import Pushed
from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.models import Body, Shown
from monitor.web.api.problems import Fault, Unfit


class FigurePushed(Body):
    """A figure of a day; a month is its first day."""

    name: Annotated[str, Field(max_length=60)]
    day: date
    value: float


class FiguresKept(Shown):
    """How many figures were kept."""

    kept: int


async def push(call: Call) -> Reply:
    """POST /figures: a list of {name, day, value} as JSON, or the same as CSV (`text/csv`)."""
    try:
        found = _read(call)
    except (LookupError, UnicodeDecodeError):  # an unknown character set, or bytes that are not of it
        raise web.HTTPBadRequest(text="The text cannot be read; send UTF-8.") from None
    except ValueError as error:
        raise Unfit(Fault("body", str(error))) from None
    async with call.app.store.begin() as conn:
        await figures.save(conn, found)
    return Reply(FiguresKept(kept=len(found)))


def _read(call: Call) -> tuple[Pushed, ...]:
    if isinstance(call.body, bytes):
        return of_csv(call.body.decode(call.request.charset or "utf-8"), call.who, call.now)
    return of_rows([one.model_dump() for one in call.body], call.who, call.now)
