"""Errors of the API, as RFC 9457 has them: `application/problem+json`."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from monitor.web.words import plain, short

BELOW = "/api/v1"
"""Where the API is."""
TYPE = "application/problem+json"
MOST = 20
"""Faults that one answer names."""
LONGEST = 200
"""Characters that are said of one fault."""

_OWN = ("content-type", "content-length")


class FaultyField(BaseModel):
    """A field or parameter that makes no sense, and why."""

    field: str
    message: str


class Problem(BaseModel):
    """Why something could not be answered or done; `detail` is for people, `errors` names what to correct."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FaultyField] = Field(default_factory=list)


class Fault(NamedTuple):
    """What is wrong with a field or a parameter."""

    field: str
    says: str


class Unfit(web.HTTPUnprocessableEntity):
    """What was sent can be read and makes no sense."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        named = ", ".join(short(plain(fault.field), 60) for fault in faults[:3])
        super().__init__(text=f"This makes no sense: {named}." if len(faults) > 1 else _said(faults[0]))


def unfit(error: ValidationError) -> Unfit:
    """What pydantic found, without the values that were sent."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return Unfit(*(Fault(".".join(map(str, one["loc"])) or "body", one["msg"]) for one in found[:MOST]))


def is_ours(request: web.Request) -> bool:
    """Whether a request is to the API."""
    return request.path == BELOW or request.path.startswith(f"{BELOW}/")


def answer(error: web.HTTPException, words: str) -> web.Response:
    """The error as a problem; the headers that belong to it stay."""
    faults = error.faults if isinstance(error, Unfit) else ()
    made = Problem(
        title=HTTPStatus(error.status).phrase,
        status=error.status,
        detail=plain(words),
        errors=[
            FaultyField(field=short(plain(one.field), 60), message=short(plain(one.says), LONGEST)) for one in faults
        ],
    )
    return web.Response(
        status=error.status,
        text=made.model_dump_json(exclude={"errors"} if not faults else None),
        content_type=TYPE,
        headers=kept(error.headers.items()),
    )


def kept(headers: Iterable[tuple[str, str]]) -> Mapping[str, Any]:
    """The headers of an error but for those that describe its body."""
    return {name: value for name, value in headers if name.lower() not in _OWN}


def _said(fault: Fault) -> str:
    text = short(plain(fault.says), LONGEST).rstrip(".")
    return f"{short(plain(fault.field), 60)}: {text}."
