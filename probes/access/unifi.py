"""Asks UniFi Access how its doors, hubs and readers are."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field

from probes import Failed, Unmeasured
from probes._engines import Engines
from probes._engines.api import Answer, Api, Question, bearer, rows
from probes._engines.door_answers import Row, named, optional, skew, truth
from probes._engines.door_probe import DoorProbe
from probes._engines.door_sources import Look
from probes._engines.doors import MOST_DOORS, Door, DoorParams, Panel, Reader, View, labels
from probes._engines.http.exchange import Trust, origin
from probes._engines.json_values import count, words
from probes._engines.resolve import Host
from probes._engines.trust import CaFile, TlsVerify
from probes._secrets import LineSecret

MOST_RULES = 5
"""Unlocked doors that are asked why."""

_SETTINGS = "`token`: it has to be one of UniFi Access itself, with the right to view spaces and devices"
_CODE = re.compile("[A-Z_]{1,60}")
_KEPT = {
    "keep_unlock": "kept unlocked by hand",
    "custom": "unlocked for a while by hand",
    "schedule": "by its schedule",
}


class UnifiAccessParams(DoorParams):
    """Which console to ask, and how it lets us in."""

    host: Annotated[Host, Field(description="host name or address of the console that UniFi Access runs on")]
    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port of its API")] = 12445
    token: Annotated[
        LineSecret, Field(description="API token of UniFi Access with the right to view doors and devices")
    ]
    tls_verify: TlsVerify = True
    ca_file: CaFile = ""

    @property
    def target(self) -> str:
        """The host and port."""
        return origin(self.host, self.port).removeprefix("https://")


class UnifiAccess(DoorProbe[UnifiAccessParams]):
    """Whether the doors of UniFi Access do what they should."""

    Params = UnifiAccessParams

    def look(self) -> Look:
        """What asks the console."""
        return _Console(self.engines, self.params).view


class _Console:
    """UniFi Access on one console."""

    def __init__(self, engines: Engines, params: UnifiAccessParams) -> None:
        self._api = Api(
            engines.http,
            f"{origin(params.host, params.port)}/api/v1/developer",
            "UniFi Access",
            _SETTINGS,
            private=bearer(params.token.get_secret_value()),
            trust=Trust(params.tls_verify, params.ca_file),
        )

    async def view(self, deadline: float) -> View:
        """Ask for doors and devices, and for what is told beside them."""
        answer = await self._api.ask(Question("/doors"), deadline)
        listed = [row for row in rows(_said(answer), "data") if truth(row, "is_bind_hub") is not False]
        devices = _devices(_said(await self._api.ask(Question("/devices"), deadline)))
        kept = await self._kept(listed, deadline)
        emergency = await self._beside("/doors/settings/emergency", deadline)
        users = await self._beside("/users", deadline, page_num=1, page_size=1)
        settings, pages = emergency.get("data"), users.get("pagination")
        return seen(listed[:MOST_DOORS], devices, kept)._replace(
            evacuation=isinstance(settings, Mapping) and truth(settings, "evacuation") is True,
            lockdown=isinstance(settings, Mapping) and truth(settings, "lockdown") is True,
            whole=len(listed) <= MOST_DOORS,
            users=count(pages.get("total")) if isinstance(pages, Mapping) else None,
            skew=skew(answer.header("Date"), datetime.now(UTC)),
        )

    async def _kept(self, doors: Sequence[Row], deadline: float) -> dict[str, str]:
        """Why unlocked doors stay so, by their ids."""
        unlocked = [
            id for row in doors if _is_unlocked(row) and (id := words(row.get("id"))).replace("-", "").isalnum()
        ]
        found = {}
        for id in unlocked[:MOST_RULES]:
            rule = (await self._beside(f"/doors/{id}/lock_rule", deadline)).get("data")
            if isinstance(rule, Mapping):
                found[id] = _KEPT.get(words(rule.get("type")), "")
        return found

    async def _beside(self, path: str, deadline: float, **query: int) -> Row:
        """The answer to a question that doors can do without, empty if it is not for our eyes."""
        answer = await optional(self._api, Question(path, query), deadline)
        return answer.document if answer is not None and isinstance(answer.document, Mapping) else {}


def _said(answer: Answer) -> Any:
    """The document of an answer whose own code says success: it may be an error in spite of its status.

    Raises Unmeasured when it does not let us in, Failed for other errors.
    """
    code = words(answer.document.get("code")) if isinstance(answer.document, Mapping) else ""
    if code in ("SUCCESS", ""):
        return answer.document
    code = code if _CODE.fullmatch(code) else "a code that is none of its own"
    if any(word in code for word in ("AUTH", "TOKEN", "PERMISSION", "FORBIDDEN")):
        raise Unmeasured("no_permission", f"UniFi Access does not let us in, {code}; correct {_SETTINGS}")
    raise Failed("wrong_status", f"UniFi Access answered with status {answer.status} and {code}")


def _devices(document: Any) -> list[Row]:
    """The devices in an answer that lists them by door, or all in one list."""
    groups = document.get("data") if isinstance(document, Mapping) else None
    if not isinstance(groups, list):
        raise Failed("malformed", "the answer does not follow the API: data is no list")
    flat = [one for group in groups for one in (group if isinstance(group, list) else [group])]
    return [one for one in flat if isinstance(one, Mapping)]


def _is_unlocked(row: Row) -> bool:
    return truth(row, "door_lock_relay_status") is True


def seen(doors: Sequence[Row], devices: Sequence[Row], kept: Mapping[str, str]) -> View:
    """The view of doors and devices as the API lists them; `kept` says why doors stay unlocked, by their ids."""
    hubs = [row for row in devices if _can(row, "is_hub")]
    panels = dict(zip((words(row.get("location_id")) for row in hubs), _panels(hubs), strict=True))
    called = labels(named(row, "name") for row in doors)
    names = dict(zip((words(row.get("id")) for row in doors), called, strict=True))
    readers = [row for row in devices if _can(row, "is_reader") and not _can(row, "is_hub")]
    return View(
        doors=tuple(_door(row, name, panels, kept) for row, name in zip(doors, called, strict=True)),
        readers=tuple(
            Reader(label, _online(row), names.get(words(row.get("location_id")), ""))
            for row, label in zip(readers, labels(named(row, "alias", "name") for row in readers), strict=True)
        ),
        panels=tuple(_panels(hubs)),
    )


def _panels(hubs: Sequence[Row]) -> Iterator[Panel]:
    for row, label in zip(hubs, labels(named(row, "alias", "name") for row in hubs), strict=True):
        yield Panel(label, _online(row))


def _door(row: Row, name: str, panels: Mapping[str, Panel], kept: Mapping[str, str]) -> Door:
    id = words(row.get("id"))
    panel = panels.get(id)
    return Door(
        name=name,
        online=None if panel is None else panel.online,
        open=truth(row, "door_position_status"),
        unlocked=truth(row, "door_lock_relay_status"),
        panel="" if panel is None else panel.name,
        kept=kept.get(id, ""),
    )


def _can(row: Row, capability: str) -> bool:
    able = row.get("capabilities")
    return isinstance(able, list) and capability in able


def _online(row: Row) -> bool | None:
    return truth(row, "is_online", "is_connected")
