"""Asks Kisi how its locks, controllers and readers are."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from probes._engines import Engines
from probes._engines.api import Answer, Api, Question
from probes._engines.cloud import Address, CloudParams
from probes._engines.door_answers import Row, battery, listed, moment, named, optional, truth
from probes._engines.door_probe import DoorProbe
from probes._engines.door_sources import Look
from probes._engines.doors import MOST_DOORS, Door, DoorParams, Panel, Reader, View, labels
from probes._engines.json_values import count
from probes._secrets import LineSecret

PAGE = 250
"""Objects of a page, the most that Kisi gives."""

_FAULTS = {
    "motor_stall": "its motor is stuck",
    "loss_of_rf": "no radio contact",
    "loss_of_rs485": "no contact over its cable",
}


class KisiParams(DoorParams, CloudParams):
    """Which account to ask, and how it lets us in."""

    key: Annotated[LineSecret, Field(description="API key of a Kisi user who may see the place")]
    place: Annotated[int | None, Field(ge=1, description="id of the place; all that the user may see if not set")] = (
        None
    )
    url: Annotated[Address, Field(description="address of the API")] = "https://api.kisi.io"


class Kisi(DoorProbe[KisiParams]):
    """Whether the doors of Kisi do what they should."""

    Params = KisiParams

    def look(self) -> Look:
        """What asks the account."""
        return _Account(self.engines, self.params).view


class _Account:
    """What one user of Kisi may see."""

    def __init__(self, engines: Engines, params: KisiParams) -> None:
        signed = (("Authorization", f"KISI-LOGIN {params.key.get_secret_value()}"),)
        self._api = Api(engines.http, params.url, "Kisi", "`key`", private=signed)
        self._place: dict[str, str | int] = {} if params.place is None else {"place_id": params.place}

    async def view(self, deadline: float) -> View:
        """Ask for the locks, and for what is told beside them."""
        locks, total = await self._locks(deadline)
        controllers = listed(await self._api.get("/controllers", deadline, limit=PAGE, **self._place), "controllers")
        readers = await self._beside("/readers", deadline, limit=PAGE, **self._place)
        wireless = await self._beside("/wireless_locks", deadline, limit=PAGE)
        # Of people, cards and events one is asked for, as little as can be: their number stands in the header.
        users = await self._beside("/users", deadline, limit=1)
        cards = await self._beside("/card_assignments", deadline, limit=1)
        events = await self._beside("/events", deadline, limit=1, **self._place)
        return seen(locks, controllers, _rows(readers), _rows(wireless))._replace(
            whole=len(locks) >= total,
            newest=next((at for row in _rows(events) if (at := moment(row.get("created_at")))), None),
            users=_total(users),
            credentials=_total(cards),
        )

    async def _locks(self, deadline: float) -> tuple[list[Row], int]:
        """The locks, and how many there are in all."""
        found: list[Row] = []
        total = 1
        while len(found) < min(total, MOST_DOORS):
            query = {"configured": "true", "limit": PAGE, "offset": len(found), **self._place}
            answer = await self._api.ask(Question("/locks", query), deadline)
            page = listed(answer.document, "locks")
            found += page
            total = _total(answer) or len(found)
            if not page:
                break
        return found[:MOST_DOORS], total

    async def _beside(self, path: str, deadline: float, **query: str | int) -> Answer | None:
        return await optional(self._api, Question(path, query), deadline)


def _total(answer: Answer | None) -> int | None:
    """How many there are in all, from a header line like `X-Collection-Range: 0-9/200`."""
    return None if answer is None else count(answer.header("X-Collection-Range").rpartition("/")[2])


def _rows(answer: Answer | None) -> list[Row]:
    document: Any = None if answer is None else answer.document
    return [row for row in document if isinstance(row, Mapping)] if isinstance(document, list) else []


def seen(locks: Sequence[Row], controllers: Sequence[Row], readers: Sequence[Row], wireless: Sequence[Row]) -> View:
    """The view of what the API lists."""
    names = labels(named(row, "name") for row in locks)
    doors = dict(zip((row.get("id") for row in locks), names, strict=True)) if _hashable(locks) else {}
    batteries = {id: row for row in wireless if isinstance(id := row.get("lock_id"), int)}
    return View(
        doors=tuple(_door(row, name, batteries) for row, name in zip(locks, names, strict=True)),
        readers=tuple(_readers(readers, doors)),
        panels=tuple(
            Panel(label, truth(row, "online"))
            for row, label in zip(controllers, labels(named(row, "name") for row in controllers), strict=True)
        ),
    )


def _hashable(locks: Sequence[Row]) -> bool:
    return all(isinstance(row.get("id"), int | str) for row in locks)


def _door(row: Row, name: str, batteries: Mapping[int, Row]) -> Door:
    id = row.get("id")
    radio = batteries.get(id, {}) if isinstance(id, int) else {}
    scheduled = truth(row, "on_scheduled_unlock") is True
    return Door(
        name=name,
        online=_both(truth(row, "online"), truth(radio, "online")),
        open=truth(row, "open") if truth(row, "open") is not None else truth(radio, "opened"),
        unlocked=truth(row, "unlocked"),
        locked_down=truth(row, "locked_down") is True,
        battery=battery(radio.get("battery_level")),
        panel=_panel(radio),
        kept="by its schedule" if scheduled else "",
        fault=", ".join(words for field, words in _FAULTS.items() if truth(radio, field)) if radio else None,
    )


def _both(lock: bool | None, radio: bool | None) -> bool | None:
    """Whether a door is online: both its lock and its radio, if it has one."""
    return lock if radio is None else radio if lock is None else lock and radio


def _panel(radio: Row) -> str:
    controller = radio.get("controller")
    return named(controller, "name") if isinstance(controller, Mapping) else ""


def _readers(rows: Sequence[Row], doors: Mapping[Any, str]) -> Iterator[Reader]:
    for row, label in zip(rows, labels(named(row, "name") for row in rows), strict=True):
        lock = row.get("lock_id")
        yield Reader(label, truth(row, "online"), doors.get(lock, "") if isinstance(lock, int | str) else "")
