"""Asks Salto KS how the locks and IQs of a site are."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from probes import Failed
from probes._engines import Engines
from probes._engines.api import Api, Question
from probes._engines.cloud import Address, CloudParams, password_grant
from probes._engines.door_answers import Row, battery, listed, moment, named, optional, truth
from probes._engines.door_probe import DoorProbe
from probes._engines.door_sources import Look
from probes._engines.doors import MOST_DOORS, Door, DoorParams, Panel, View, labels
from probes._engines.json_values import count, words
from probes._secrets import LineSecret, Secret

# How the fields are called is not public. These are the names that fit; a door is not blamed for one that is missing.
_LISTS = ("items", "value", "data")
_ONLINE = ("online", "is_online", "connected", "is_connected", "connection_state", "online_state")
_BATTERY = ("battery_level", "battery_state", "battery_status", "battery")
_UNLOCKED = ("unlocked", "lock_state", "locked_state")
_OPEN = ("open", "is_open", "door_state", "open_state")


class SaltoKsParams(DoorParams, CloudParams):
    """Which site to ask, and how Salto KS lets us in."""

    site: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,64}$", description="id of the site, as in its address")]
    client_id: Annotated[
        str, Field(pattern=r"^[^:\x00-\x1f\x7f]+$", max_length=200, description="client that Salto has given you")
    ]
    client_secret: Annotated[LineSecret, Field(description="the secret of that client")]
    username: Annotated[str, Field(min_length=1, max_length=200, description="e-mail of a user of the site")]
    password: Annotated[Secret, Field(description="the password of that user")]
    url: Annotated[Address, Field(description="address of the API")] = "https://connect.my-clay.com/v1.2"
    sign_in_url: Annotated[Address, Field(description="address at which tokens are given")] = (
        "https://identity.eu.my-clay.com/connect/token"
    )


class SaltoKs(DoorProbe[SaltoKsParams]):
    """Whether the doors of Salto KS do what they should."""

    Params = SaltoKsParams

    def look(self) -> Look:
        """What asks the site."""
        return _Site(self.engines, self.params).view


class _Site:
    """A site of Salto KS."""

    def __init__(self, engines: Engines, params: SaltoKsParams) -> None:
        sign_in = password_grant(
            engines,
            params.sign_in_url,
            "Salto KS",
            (params.client_id, params.client_secret),
            (params.username, params.password),
            further={"scope": "user_api.full_access"},
        )
        settings = "`site` and the rights of `username`"
        self._api = Api(engines.http, f"{params.url}/sites/{params.site}", "Salto KS", settings, sign_in=sign_in)

    async def view(self, deadline: float) -> View:
        """Ask for locks and IQs, and for the number of people."""
        locks = listed(_checked(await self._api.get("/locks", deadline)), *_LISTS)
        iqs = listed(_checked(await self._api.get("/iqs", deadline)), *_LISTS)
        users = await optional(self._api, Question("/users"), deadline)
        return seen(locks[:MOST_DOORS], iqs)._replace(
            whole=len(locks) <= MOST_DOORS, users=None if users is None else _number(users.document)
        )


def _checked(document: Any) -> Any:
    """The document, unless it is an error that came with a good status. Raises Failed for that."""
    code = document.get("ErrorCode") if isinstance(document, Mapping) else None
    if code:
        raise Failed("wrong_status", f"Salto KS answered with error {words(str(code))}")
    return document


def _number(document: Any) -> int | None:
    """How many there are in all, None if that is not told: a list may be one page of several."""
    told = (document.get(name) for name in ("total", "total_count", "count")) if isinstance(document, Mapping) else ()
    return next((found for value in told if (found := count(value)) is not None), None)


def seen(locks: Sequence[Row], iqs: Sequence[Row]) -> View:
    """The view of what the API lists."""
    called = labels(_name(row) for row in iqs)
    names = {words(row.get("id")): label for row, label in zip(iqs, called, strict=True)}
    return View(
        doors=tuple(_doors(locks, names)),
        panels=tuple(Panel(label, truth(row, *_ONLINE)) for row, label in zip(iqs, called, strict=True)),
    )


def _doors(locks: Sequence[Row], iqs: Mapping[str, str]) -> Iterator[Door]:
    for row, label in zip(locks, labels(_name(row) for row in locks), strict=True):
        locked = truth(row, "locked", "is_locked")
        yield Door(
            name=label,
            online=truth(row, *_ONLINE),
            open=truth(row, *_OPEN),
            unlocked=truth(row, *_UNLOCKED) if locked is None else not locked,
            battery=next((charge for name in _BATTERY if (charge := battery(row.get(name))) is not None), None),
            panel=iqs.get(_iq(row), ""),
            seen=moment(row.get("last_seen")),
        )


def _name(row: Row) -> str:
    return named(row, "customer_reference", "name", "alias")


def _iq(row: Row) -> str:
    """The id of the IQ that a lock talks to, "" if that is not told."""
    inner = row.get("iq")
    return named(inner, "id") if isinstance(inner, Mapping) else named(row, "iq_id")
