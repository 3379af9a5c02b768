"""Asks Brivo how its access points and control panels are."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from probes._engines import Engines
from probes._engines.api import Answer, Api, Question
from probes._engines.cloud import Address, CloudParams, password_grant
from probes._engines.door_answers import Row, battery, listed, moment, named, optional, truth
from probes._engines.door_probe import DoorProbe
from probes._engines.door_sources import Look
from probes._engines.doors import MOST_DOORS, Door, DoorParams, Panel, View, labels
from probes._engines.json_values import count
from probes._secrets import LineSecret, Secret

PAGE = 100
"""Objects of a page, the most that Brivo gives."""
MOST_LIVE = 20
"""Access points that are asked for their live status: each is a question of its own."""

# How the fields of a status are called is not public. A door is not blamed for one that is missing.
_ONLINE = ("online", "isOnline", "connected", "isConnected", "connectionStatus", "connectivityStatus")
_UNLOCKED = ("unlocked", "isUnlocked", "lockStatus", "lockState")
_OPEN = ("open", "isOpen", "doorStatus", "doorState")


class BrivoParams(DoorParams, CloudParams):
    """Which account to ask, and how Brivo lets us in."""

    api_key: Annotated[LineSecret, Field(description="API key of your application")]
    client_id: Annotated[
        str, Field(pattern=r"^[^:\x00-\x1f\x7f]+$", max_length=200, description="client id of your application")
    ]
    client_secret: Annotated[LineSecret, Field(description="client secret of your application")]
    username: Annotated[str, Field(min_length=1, max_length=200, description="an administrator who may look at doors")]
    password: Annotated[Secret, Field(description="the password of that administrator")]
    site: Annotated[int | None, Field(ge=1, description="id of the site; all of the account if not set")] = None
    url: Annotated[Address, Field(description="address of the API")] = "https://api.brivo.com/v1/api"
    sign_in_url: Annotated[Address, Field(description="address at which tokens are given")] = (
        "https://auth.brivo.com/oauth/token"
    )


class Brivo(DoorProbe[BrivoParams]):
    """Whether the doors of Brivo do what they should."""

    Params = BrivoParams

    def look(self) -> Look:
        """What asks the account."""
        return _Account(self.engines, self.params).view


class _Account:
    """An account of Brivo, or one of its sites."""

    def __init__(self, engines: Engines, params: BrivoParams) -> None:
        key = (("api-key", params.api_key.get_secret_value()),)
        sign_in = password_grant(
            engines,
            params.sign_in_url,
            "Brivo",
            (params.client_id, params.client_secret),
            (params.username, params.password),
            private=key,
        )
        settings = "`api_key` and the rights of `username`"
        self._api = Api(engines.http, params.url, "Brivo", settings, private=key, sign_in=sign_in)
        self._site = params.site

    async def view(self, deadline: float) -> View:
        """Ask for access points and panels, and for what is told beside them."""
        points, whole = await self._all("/access-points", deadline)
        mine = [row for row in points if self._site is None or row.get("siteId") == self._site]
        panels, _ = await self._all("/control-panels", deadline)
        live = await self._live(mine, deadline)
        events = await self._beside("/events/access", deadline)
        users, credentials = [await self._beside(path, deadline) for path in ("/users", "/credentials")]
        return seen(mine, panels, live)._replace(
            whole=whole,
            newest=next((at for row in _rows(events) if (at := moment(row.get("occurred")))), None),
            users=_total(users),
            credentials=_total(credentials),
        )

    async def _all(self, path: str, deadline: float) -> tuple[list[Row], bool]:
        """What a path lists over all its pages, and whether that is everything."""
        found: list[Row] = []
        total = 1
        while len(found) < min(total, MOST_DOORS):
            answer = await self._api.ask(Question(path, {"offset": len(found), "pageSize": PAGE}), deadline)
            page = listed(answer.document, "data")
            found += page
            total = _total(answer) or len(found)
            if not page:
                break
        return found, len(found) >= total

    async def _live(self, points: Sequence[Row], deadline: float) -> dict[int, Row]:
        """The live status of the access points that report one, by id."""
        ids = [id for row in points if truth(row, "reportLiveStatus") and isinstance(id := row.get("id"), int)]
        questions = [Question(f"/access-points/{id}/status") for id in ids[:MOST_LIVE]]
        answers = await asyncio.gather(*(optional(self._api, question, deadline) for question in questions))
        return {id: _inner(answer) for id, answer in zip(ids, answers, strict=False) if answer is not None}

    async def _beside(self, path: str, deadline: float) -> Answer | None:
        return await optional(self._api, Question(path, {"pageSize": 1}), deadline)


def _total(answer: Answer | None) -> int | None:
    return count(answer.document.get("count")) if answer is not None and isinstance(answer.document, Mapping) else None


def _rows(answer: Answer | None) -> list[Row]:
    document: Any = answer.document if answer is not None else None
    data = document.get("data") if isinstance(document, Mapping) else None
    return [row for row in data if isinstance(row, Mapping)] if isinstance(data, list) else []


def _inner(answer: Answer) -> Row:
    return answer.document if isinstance(answer.document, Mapping) else {}


def seen(points: Sequence[Row], panels: Sequence[Row], live: Mapping[int, Row]) -> View:
    """The view of what the API lists; panels without one of these access points are left out."""
    used = {id for row in points if isinstance(id := row.get("controlPanelId"), int)}
    mine = [row for row in panels if isinstance(id := row.get("id"), int) and id in used]
    called = labels(named(row, "name", "panelName", "serialNumber", "cpNumber") for row in mine)
    names = {int(row["id"]): label for row, label in zip(mine, called, strict=True)}
    return View(
        doors=tuple(
            _door(row, label, names, live)
            for row, label in zip(points, labels(named(row, "name") for row in points), strict=True)
        ),
        panels=tuple(Panel(label, truth(row, *_ONLINE)) for row, label in zip(mine, called, strict=True)),
    )


def _door(row: Row, name: str, panels: Mapping[int, str], live: Mapping[int, Row]) -> Door:
    id, panel = row.get("id"), row.get("controlPanelId")
    status = live.get(id, {}) if isinstance(id, int) else {}
    return Door(
        name=name,
        online=truth(status, *_ONLINE),
        open=truth(status, *_OPEN),
        unlocked=truth(status, *_UNLOCKED),
        battery=battery(status.get("batteryLevel", status.get("battery"))),
        panel=panels.get(panel, "") if isinstance(panel, int) else "",
    )
