"""Cobot's API 2, as far as its OpenAPI document describes what a reader asks: JSON:API with filters and pages."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from peers.canaries import canary
from peers.json_api import Asked
from peers.web_api import Reply, WebApi

TOKEN = canary("cobot-token")
SPACE = "f9a99a71ac8df98d"
_KIND = (("Content-Type", "application/vnd.api+json"),)


@dataclass
class Cobot:
    """Attributes of memberships, bookings and invoices; the free times of each resource; the length of a page."""

    memberships: list[dict[str, Any]] = field(default_factory=list)
    bookings: list[dict[str, Any]] = field(default_factory=list)
    invoices: list[dict[str, Any]] = field(default_factory=list)
    free: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    page: int = 200

    def api(self) -> WebApi:
        """The web API with these objects."""
        space = f"GET /spaces/{SPACE}"
        answers: dict[str, Any] = {
            f"{space}/memberships": self._list(self.memberships, "memberships"),
            f"{space}/bookings": self._list(self.bookings, "bookings"),
            f"{space}/invoices/search": self._search,
        }
        answers |= {f"GET /resources/{id}/availability": self._available(id) for id in self.free}
        return WebApi(answers, door=_door)

    def _list(self, found: list[dict[str, Any]], type: str) -> Callable[[Asked], Reply]:
        def answer(asked: Asked) -> Reply:
            if not _has_range(asked):
                return _failure(422, "filter[from] and filter[to] are required")
            return self._paged(found, type, asked)

        return answer

    def _search(self, asked: Asked) -> Reply:
        """An invoice is late by its own word here: which reminders are due is Cobot's business."""
        wanted = asked.one("filter[paidStatus]")
        found = [one for one in self.invoices if wanted in (one["paidStatus"], "late" if one.get("late") else "")]
        return self._paged(found, "invoices", asked)

    def _available(self, id: str) -> Callable[[Asked], Reply]:
        def answer(asked: Asked) -> Reply:
            if not _has_range(asked):
                return _failure(422, "filter[from] and filter[to] are required")
            attributes = {"availableTimes": self.free[id]}
            return Reply({"data": {"id": id, "type": "resourceAvailabilities", "attributes": attributes}}, 200, _KIND)

        return answer

    def _paged(self, found: list[dict[str, Any]], type: str, asked: Asked) -> Reply:
        size, number = min(int(asked.one("page[size]", "50")), self.page), int(asked.one("page[number]", "1"))
        shown = [
            {"id": str(index), "type": type, "attributes": {**one, "token": canary("cobot-pdf")}}
            for index, one in enumerate(found[(number - 1) * size : number * size])
        ]
        pages = max(-(-len(found) // size), 1)
        return Reply({"data": shown, "meta": {"totalPages": pages, "currentPage": number}}, 200, _KIND)


def _has_range(asked: Asked) -> bool:
    return bool(asked.one("filter[from]") and asked.one("filter[to]"))


def _failure(status: int, detail: str) -> Reply:
    return Reply({"errors": [{"detail": detail}]}, status, _KIND)


def _door(asked: Asked) -> Reply | None:
    if asked.headers.get("authorization") != f"Bearer {TOKEN}":
        return _failure(401, f"token {asked.headers.get('authorization')} is not valid")
    # Both header lines count; the peer keeps the last.
    return None if asked.headers.get("accept") == "application/vnd.api+json" else _failure(406, "not acceptable")
