"""What web APIs answer when they do not answer, and what a check must make of it."""

from collections.abc import Collection
from typing import NamedTuple

from peers.canaries import canary
from peers.json_api import Asked
from peers.web_api import Reply, WebApi

from probes import Failed, Unmeasured

_PAGE = f"<!DOCTYPE html><html><title>{canary('page')}</title></html>".encode()


class Outage(NamedTuple):
    """An answer, and the exception and the reason that must come of it."""

    reply: Reply
    raises: type[Failed | Unmeasured]
    reason: str


OUTAGES = (
    Outage(Reply({"error": canary("error")}, 401), Unmeasured, "no_permission"),
    Outage(Reply({"error": canary("error")}, 403), Unmeasured, "no_permission"),
    Outage(Reply(status=429, headers=(("Retry-After", "120"),)), Unmeasured, "throttled"),
    Outage(Reply(_PAGE, 502), Failed, "wrong_status"),
    Outage(Reply(status=302, headers=(("Location", "/login"),)), Failed, "wrong_status"),
    Outage(Reply(_PAGE), Failed, "malformed"),
    Outage(Reply(b'{"data": [1, '), Failed, "malformed"),
    Outage(Reply([]), Failed, "malformed"),
    Outage(
        Reply({"data": 7, "results": 7, "groups": 7, "TotalItems": -1, "message": canary("message")}),
        Failed,
        "malformed",
    ),
    Outage(Reply(b" " * 5_000_000), Failed, "body_too_large"),
)


def shut(api: WebApi, reply: Reply, spared: Collection[str] = ()) -> WebApi:
    """The API answering everything like this, except at paths that end like those that are spared."""
    inside = api.door

    def door(asked: Asked) -> Reply | None:
        return inside(asked) if asked.path.endswith(tuple(spared)) else reply

    api.door = door
    return api
