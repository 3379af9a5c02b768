"""Asks booking platforms who is a member. Of a person's record nothing is kept but what an audit compares."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from probes._base import Unmeasured
from probes._engines import Engines, roster_csv
from probes._engines.api import Api, Question
from probes._engines.booking_platforms import (
    COBOT,
    NEXUDUS,
    OFFICERND,
    OFFICERND_IDENTITY,
    Account,
    attributes,
    cobot,
    cobot_rows,
    nexudus,
    nexudus_page,
    officernd,
    officernd_rows,
)
from probes._engines.bookings import instant
from probes._engines.cloud import Address
from probes._engines.door_answers import Row, optional, truth
from probes._engines.http.exchange import Trust
from probes._engines.json_values import count, text_of
from probes._engines.roster_csv import CsvMembers
from probes._engines.rosters import MOST, Keys, Listed, Member, Reading, address, dated
from probes._engines.trust import CaFile
from probes._secrets import LineSecret, Secret

PUSHED = timedelta(hours=24)
"""How far back what could not be handed on to the locks is counted."""

_PAGE = 200  # records of a page of Nexudus
_PAGES = 100  # of OfficeRnD, which gives 50 people at a time
_ENDED = timedelta(days=90)  # how far back ended memberships are asked for: the audit knows then when they ended
_SCOPES = "flex.community.members.read"

Source = Callable[[Reading, float], Awaitable[Listed[Member]]]
"""Asks for all members, by a time of the monotonic clock."""


class _Members(BaseModel):
    """Which platform to ask."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Annotated[Address, Field(description="where the API is")]
    ca_file: CaFile = ""

    @property
    def place(self) -> str:
        """The address of the API."""
        return self.url


class NexudusMembers(_Members):
    """Customers of Nexudus."""

    source: Annotated[Literal["nexudus"], Field(description="that Nexudus is asked")]
    url: Annotated[Address, Field(description="where the API is")] = NEXUDUS
    username: Annotated[str, Field(min_length=1, max_length=200, description="a user with roles to list and read")]
    password: Annotated[Secret, Field(description="the password of that user")]
    entitled_by: Annotated[
        Literal["contract", "active"],
        Field(
            description="who may enter: holders of a contract that runs, or every customer that is active, where teams "
            "enter under one contract"
        ),
    ] = "contract"


class OfficerndMembers(_Members):
    """Members in OfficeRnD Flex."""

    source: Annotated[Literal["officernd"], Field(description="that OfficeRnD Flex is asked")]
    url: Annotated[Address, Field(description="where the API is")] = OFFICERND
    identity_url: Annotated[Address, Field(description="where its tokens come from")] = OFFICERND_IDENTITY
    organization: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=100, description="the organization's slug, as in its address"),
    ]
    client_id: Annotated[str, Field(min_length=1, max_length=200, description="id of an application with read scopes")]
    client_secret: Annotated[Secret, Field(description="secret of that application")]


class CobotMembers(_Members):
    """Members of a Cobot space."""

    source: Annotated[Literal["cobot"], Field(description="that Cobot is asked")]
    url: Annotated[Address, Field(description="where the API is")] = COBOT
    space: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=100, description="id of the space")]
    token: Annotated[LineSecret, Field(description="access token of an admin, with scopes that read")]


MembersSettings = Annotated[
    NexudusMembers | OfficerndMembers | CobotMembers | CsvMembers, Field(discriminator="source")
]
"""A setting that says where members are listed."""


def source_of(settings: MembersSettings, engines: Engines) -> Source:
    """What asks for the members."""
    match settings:
        case NexudusMembers():
            return _nexudus(settings, engines)
        case OfficerndMembers():
            return _officernd(settings, engines)
        case CobotMembers():
            return _cobot(settings, engines)
        case CsvMembers():
            return lambda reading, _deadline: roster_csv.members(settings, reading)


def _nexudus(settings: NexudusMembers, engines: Engines) -> Source:
    account = Account(settings.username, settings.password.get_secret_value())
    api = nexudus(engines.http, settings.url, account, Trust(ca_file=settings.ca_file))

    async def ask(reading: Reading, deadline: float) -> Listed[Member]:
        if settings.entitled_by == "contract":
            found = [_contract(row, reading) for row in await _all(api, "billing/coworkercontracts", {}, deadline)]
        else:
            customers = await _all(api, "spaces/coworkers", {"Coworker_Active": "true"}, deadline)
            found = [_customer(row, reading) for row in customers]
        return Listed(tuple(found), failed_pushes=await _failed_pushes(api, deadline))

    return ask


async def _all(api: Api, entity: str, query: Mapping[str, str], deadline: float) -> list[Row]:
    """All records of a list. Raises Unmeasured unless it is everything."""
    found: list[Row] = []
    number, more = 0, True
    while more:
        number += 1
        page = await nexudus_page(api, entity, {"page": number, "size": _PAGE, **query}, deadline)
        found += page.records
        if page.total > MOST:
            raise Unmeasured("no_source", f"Nexudus has {page.total:,} records; more than {MOST:,} are not compared")
        more = page.more and bool(page.records)
    if len(found) < page.total:
        raise Unmeasured("no_source", f"Nexudus gave {len(found)} of {page.total} records; an audit needs all of them")
    return found


def _contract(row: Row, reading: Reading) -> Member:
    """A contract: a virtual office, one that is paused and one that is no longer active let nobody in."""
    plan = reading.plan(text_of(row.get("TariffName")))
    ended = dated(instant(row.get("CancellationDate")))
    runs = truth(row, "Active") is not False and truth(row, "InPausedPeriod") is not True
    return Member(
        text_of(row.get("CoworkerFullName")) or "nameless",
        _keys(row, reading, "CoworkerId", "CoworkerEmail"),
        dated(instant(row.get("StartDate"))),
        ended,
        plan.always,
        plan.enters and runs and truth(row, "TariffIsVirtualOffice") is not True,
    )


def _customer(row: Row, reading: Reading) -> Member:
    plan = reading.plan(text_of(row.get("TariffName")))
    name = text_of(row.get("FullName")) or "nameless"
    keys = _keys(row, reading, "Id", "Email")
    return Member(name, keys, always=plan.always, enters=plan.enters and truth(row, "Active") is not False)


async def _failed_pushes(api: Api, deadline: float) -> int | None:
    """What Nexudus could not hand on to the access system lately, None if it does not say."""
    entity = "CoworkerAccessControlAudit"
    since = f"{datetime.now(UTC) - PUSHED:%Y-%m-%dT%H:%M}"
    query: dict[str, str | int] = {
        "page": 1,
        "size": 1,
        f"{entity}_IsProblem": "true",
        f"from_{entity}_CreatedOn": since,
    }
    answer = await optional(api, Question(f"/api/spaces/{entity.lower()}s", query), deadline)
    document = answer.document if answer is not None else None
    return count(document.get("TotalItems")) if isinstance(document, Mapping) else None


def _officernd(settings: OfficerndMembers, engines: Engines) -> Source:
    account = Account(settings.client_id, settings.client_secret.get_secret_value())
    trust = Trust(ca_file=settings.ca_file)
    api = officernd(engines.http, settings.url, settings.identity_url, settings.organization, account, _SCOPES, trust)

    async def ask(reading: Reading, deadline: float) -> Listed[Member]:
        found = await officernd_rows(api, "/members", {"status": "active"}, deadline, most=_PAGES)
        return Listed(tuple(_officernd_member(row, reading) for row in found))

    return ask


def _officernd_member(row: Row, reading: Reading) -> Member:
    return Member(
        text_of(row.get("name")) or "nameless",
        _keys(row, reading, "_id", "email"),
        dated(instant(row.get("startDate"))),
        dated(instant(row.get("endDate"))),
        enters=row.get("status") == "active",
    )


def _cobot(settings: CobotMembers, engines: Engines) -> Source:
    trust = Trust(ca_file=settings.ca_file)
    api = cobot(engines.http, settings.url, settings.token.get_secret_value(), trust)

    async def ask(reading: Reading, deadline: float) -> Listed[Member]:
        now = datetime.now(UTC)
        stretch = {"filter[from]": _written(now - _ENDED), "filter[to]": _written(now + timedelta(days=1))}
        found = await cobot_rows(api, f"/spaces/{settings.space}/memberships", stretch, deadline)
        return Listed(tuple(_membership(text_of(row.get("id")), attributes(row), reading) for row in found))

    return ask


def _membership(id: str, row: Row, reading: Reading) -> Member:
    confirmed = dated(instant(row.get("confirmedAt")))
    plan = reading.plan(text_of(row.get("planName")))
    return Member(
        text_of(row.get("name")) or text_of(row.get("email")) or "nameless",
        Keys(id, address(text_of(row.get("email")), reading.strip_tags)),
        confirmed,
        dated(instant(row.get("canceledAt"))),
        plan.always,
        plan.enters and confirmed is not None,
    )


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _keys(row: Row, reading: Reading, id: str, email: str) -> Keys:
    return Keys(text_of(row.get(id)), address(text_of(row.get(email)), reading.strip_tags))
