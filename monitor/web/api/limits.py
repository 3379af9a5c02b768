"""How much one caller may ask of the API: so many requests a minute, told in every answer."""

import time
from collections import OrderedDict
from typing import NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler

from monitor.web.api import problems
from monitor.web.guard import address, who

MOST = 300
"""Requests that one caller may make within a window."""
WINDOW = 60.0
"""Seconds."""
_CALLERS = 10_000
"""Callers that are remembered; the one that was quiet longest is forgotten first."""


class Left(NamedTuple):
    """What is left to a caller: requests, -1 if this one was too many, and the seconds until all are there again."""

    limit: int
    requests: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        """The same as headers of an answer."""
        values = {"Limit": self.limit, "Remaining": max(self.requests, 0), "Reset": self.reset}
        return {f"RateLimit-{name}": str(value) for name, value in values.items()}


class Budget:
    """Counts requests, for each caller by itself."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._spent: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def spend(self, caller: str, now: float) -> Left:
        """One more request, at a time of a clock in seconds."""
        begun, spent = self._spent.get(caller, (now, 0))
        if now - begun >= WINDOW:
            begun, spent = now, 0
        self._spent[caller] = begun, min(spent, self._most) + 1
        self._spent.move_to_end(caller)
        if len(self._spent) > _CALLERS:
            self._spent.popitem(last=False)
        return Left(self._most, self._most - self._spent[caller][1], int(begun + WINDOW - now) + 1)


BUDGET: web.AppKey[Budget] = web.AppKey("budget", Budget)
LEFT = web.RequestKey("left", Left)


def spend(request: web.Request) -> None:
    """Count a request of somebody who was let in. Raises 429 after too many."""
    name = who(request)
    # Whoever asks without a name of their own is told apart by where they ask from.
    caller = name if name.startswith("token ") else f"{name} at {address(request)}"
    _count(request, caller)


@web.middleware
async def told(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say what is left in every answer of the API; who keeps coming with what does not open anything must wait."""
    response = await handler(request)
    if not problems.is_ours(request) or response.prepared:
        return response
    if response.status == web.HTTPUnauthorized.status_code:
        try:
            _count(request, f"nobody at {address(request)}")
        except web.HTTPTooManyRequests as error:
            response = problems.answer(error, error.text or "")
    if LEFT in request:
        response.headers.update(request[LEFT].headers)
    return response


def _count(request: web.Request, caller: str) -> None:
    left = request.app[BUDGET].spend(caller, time.monotonic())
    request[LEFT] = left
    if left.requests < 0:
        raise web.HTTPTooManyRequests(
            text=f"More than {left.limit} requests within {WINDOW:.0f} s. Wait {left.reset} s, then go on.",
            headers={"Retry-After": str(left.reset)},
        )
