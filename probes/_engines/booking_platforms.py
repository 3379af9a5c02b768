"""The web APIs of booking platforms: where they are, how they let a reader in, and how their lists are read."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from probes._base import Failed, Unmeasured
from probes._engines import oauth
from probes._engines.api import Api, Grant, Question, bearer, rows
from probes._engines.http.engine import HttpEngine
from probes._engines.http.exchange import Trust
from probes._engines.json_values import count

MOST_PAGES = 20
"""Pages of one list that are read: more would take a platform too long to be asked every few minutes."""

NEXUDUS = "https://spaces.nexudus.com"
OFFICERND = "https://app.officernd.com"
OFFICERND_IDENTITY = "https://identity.officernd.com"
COBOT = "https://api.cobot.me"
OPTIX = "https://api.optixapp.com"

Row = Mapping[str, Any]


class Account(NamedTuple):
    """Name and secret of whoever signs in."""

    name: str
    secret: str

    def __repr__(self) -> str:
        return f"Account({self.name}, ***)"


def nexudus(engine: HttpEngine, url: str, account: Account, trust: Trust) -> Api:
    """Nexudus for a user with read-only roles. Its token endpoint takes forms alone, though the API speaks JSON."""

    async def sign_in(api: Api, deadline: float) -> Grant:
        form = {"grant_type": "password", "username": account.name, "password": account.secret}
        return await oauth.grant(api, "/api/token", form, "`username` and `password`", deadline)

    settings = "the roles of `username`: it needs the ones to list and read"
    return Api(engine, url, "Nexudus", settings, trust=trust, sign_in=sign_in)


class Page(NamedTuple):
    """How many records there are in all, those of this page, and whether another page follows."""

    total: int
    records: tuple[Row, ...]
    more: bool


async def nexudus_page(api: Api, entity: str, query: Mapping[str, str | int], deadline: float) -> Page:
    """The records that fit a query; `entity` as in "spaces/bookings"."""
    document = await api.get(f"/api/{entity}", deadline, **query)
    total = count(document.get("TotalItems")) if isinstance(document, Mapping) else None
    if total is None:
        raise Failed("malformed", "the answer of Nexudus does not follow its API: there is no TotalItems")
    return Page(total, rows(document, "Records"), document.get("HasNextPage") is True)


def officernd(
    engine: HttpEngine, url: str, identity: str, organization: str, account: Account, scopes: str, trust: Trust
) -> Api:
    """OfficeRnD Flex for an application; `identity` is where its tokens come from, `scopes` what it may read."""
    door = Api(engine, identity, "OfficeRnD", "`client_id` and `client_secret`", trust=trust)

    async def sign_in(_api: Api, deadline: float) -> Grant:
        form = {"client_id": account.name, "client_secret": account.secret}
        form |= {"grant_type": "client_credentials", "scope": scopes}
        return await oauth.grant(door, "/oauth/token", form, "`client_id` and `client_secret`, or its scopes", deadline)

    base = f"{url}/api/v2/organizations/{organization}"
    return Api(engine, base, "OfficeRnD", f"the scopes of `client_id`: {scopes}", trust=trust, sign_in=sign_in)


async def officernd_rows(
    api: Api, path: str, query: Mapping[str, str | int], deadline: float, most: int = MOST_PAGES
) -> tuple[Row, ...]:
    """All objects of a list. Raises Unmeasured for one of more than `most` pages."""
    found: tuple[Row, ...] = ()
    cursor = ""
    for _ in range(most):
        more = {"$cursorNext": cursor} if cursor else {}
        document = await api.get(path, deadline, **{"$limit": 50, **query, **more})
        found += rows(document, "results")
        after = document.get("cursorNext")
        if not after or after == cursor:
            return found
        cursor = str(after)
    raise too_long(api, most)


def cobot(engine: HttpEngine, url: str, token: str, trust: Trust) -> Api:
    """Cobot's API 2 for a token of an admin."""
    accept = (("Accept", "application/vnd.api+json"),)
    return Api(engine, url, "Cobot", "`token` or its scopes", headers=accept, private=bearer(token), trust=trust)


async def cobot_rows(api: Api, path: str, query: Mapping[str, str | int], deadline: float) -> tuple[Row, ...]:
    """All objects of a list. Raises Unmeasured for one of more than `MOST_PAGES` pages."""
    found: tuple[Row, ...] = ()
    for number in range(1, MOST_PAGES + 1):
        document = await api.get(path, deadline, **{**query, "page[number]": number, "page[size]": 200})
        found += rows(document, "data")
        meta = document.get("meta")
        if number >= (count(meta.get("totalPages")) or 1 if isinstance(meta, Mapping) else 1):
            return found
    raise too_long(api)


def attributes(row: Row) -> Row:
    """The attributes of an object of JSON:API, empty if it has none."""
    found = row.get("attributes")
    return found if isinstance(found, Mapping) else {}


async def graphql(api: Api, query: str, variables: Mapping[str, Any], deadline: float) -> Row:
    """The whole answer to a question in GraphQL: status 200 says nothing, its "errors" do."""
    answer = await api.ask(Question("/graphql", json={"query": query, "variables": variables}), deadline)
    if not isinstance(answer.document, Mapping):
        raise Failed("malformed", f"the answer of {api.who} is no GraphQL")
    return answer.document


def too_long(api: Api, most: int = MOST_PAGES) -> Unmeasured:
    """What there is to say of a list that we do not read to its end."""
    return Unmeasured("no_source", f"{api.who} has a list of more than {most} pages, which is not read to its end")
