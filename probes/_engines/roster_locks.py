"""Asks access systems who has a credential. Of a person's record nothing is kept but what an audit compares."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from probes._base import Unmeasured
from probes._engines import Engines, roster_csv
from probes._engines.api import Answer, Api, Question, bearer, rows
from probes._engines.cloud import Address, host_of, password_grant
from probes._engines.door_answers import Row, listed, moment, truth
from probes._engines.http.exchange import Trust, origin
from probes._engines.json_values import count, text_of
from probes._engines.resolve import Host
from probes._engines.roster_csv import CsvCredentials
from probes._engines.rosters import MOST, Credential, Keys, Listed, Reading, address, card_digest, dated
from probes._engines.trust import CaFile, TlsVerify
from probes._secrets import LineSecret, Secret

PAGE = 100
"""People of a page, as many as all of these systems give."""

_SALTO_LISTS = ("items", "value", "data")
_PARTS = (("first_name", "firstName"), ("last_name", "lastName"))

Source = Callable[[Reading, float], Awaitable[Listed[Credential]]]
"""Asks for all credentials, by a time of the monotonic clock."""
ClientId = Annotated[str, Field(pattern=r"^[^:\x00-\x1f\x7f]+$", max_length=200)]
User = Annotated[str, Field(min_length=1, max_length=200)]


class _Locks(BaseModel):
    """Which access system to ask."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class UnifiAccessLocks(_Locks):
    """UniFi Access on a console."""

    source: Annotated[Literal["unifi_access"], Field(description="that UniFi Access is asked")]
    host: Annotated[Host, Field(description="host name or address of the console that UniFi Access runs on")]
    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port of its API")] = 12445
    token: Annotated[LineSecret, Field(description="API token of UniFi Access with the right to view users")]
    tls_verify: TlsVerify = True
    ca_file: CaFile = ""

    @property
    def place(self) -> str:
        """The host and port."""
        return origin(self.host, self.port).removeprefix("https://")


class KisiLocks(_Locks):
    """An organization in Kisi."""

    source: Annotated[Literal["kisi"], Field(description="that Kisi is asked")]
    key: Annotated[LineSecret, Field(description="API key of a Kisi user who may see users")]
    url: Annotated[Address, Field(description="address of the API")] = "https://api.kisi.io"

    @property
    def place(self) -> str:
        """The host of the API."""
        return host_of(self.url)


class BrivoLocks(_Locks):
    """An account in Brivo."""

    source: Annotated[Literal["brivo"], Field(description="that Brivo is asked")]
    api_key: Annotated[LineSecret, Field(description="API key of your application")]
    client_id: Annotated[ClientId, Field(description="client id of your application")]
    client_secret: Annotated[LineSecret, Field(description="client secret of your application")]
    username: Annotated[User, Field(description="an administrator who may look at users")]
    password: Annotated[Secret, Field(description="the password of that administrator")]
    url: Annotated[Address, Field(description="address of the API")] = "https://api.brivo.com/v1/api"
    sign_in_url: Annotated[Address, Field(description="address at which tokens are given")] = (
        "https://auth.brivo.com/oauth/token"
    )

    @property
    def place(self) -> str:
        """The host of the API."""
        return host_of(self.url)


class SaltoKsLocks(_Locks):
    """A site in Salto KS."""

    source: Annotated[Literal["salto_ks"], Field(description="that Salto KS is asked")]
    site: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,64}$", description="id of the site, as in its address")]
    client_id: Annotated[ClientId, Field(description="client that Salto has given you")]
    client_secret: Annotated[LineSecret, Field(description="the secret of that client")]
    username: Annotated[User, Field(description="e-mail of a user of the site")]
    password: Annotated[Secret, Field(description="the password of that user")]
    url: Annotated[Address, Field(description="address of the API")] = "https://connect.my-clay.com/v1.2"
    sign_in_url: Annotated[Address, Field(description="address at which tokens are given")] = (
        "https://identity.eu.my-clay.com/connect/token"
    )

    @property
    def place(self) -> str:
        """The host of the API."""
        return host_of(self.url)


LocksSettings = Annotated[
    UnifiAccessLocks | KisiLocks | BrivoLocks | SaltoKsLocks | CsvCredentials, Field(discriminator="source")
]
"""A setting that says where credentials are listed."""


def source_of(settings: LocksSettings, engines: Engines) -> Source:
    """What asks for the credentials."""
    match settings:
        case UnifiAccessLocks():
            return _unifi_access(settings, engines)
        case KisiLocks():
            return _kisi(settings, engines)
        case BrivoLocks():
            return _brivo(settings, engines)
        case SaltoKsLocks():
            return _salto_ks(settings, engines)
        case CsvCredentials():
            return lambda reading, _deadline: roster_csv.credentials(settings, reading)


def _unifi_access(settings: UnifiAccessLocks, engines: Engines) -> Source:
    api = Api(
        engines.http,
        f"{origin(settings.host, settings.port)}/api/v1/developer",
        "UniFi Access",
        "`token`: it has to be one of UniFi Access itself, with the right to view users",
        private=bearer(settings.token.get_secret_value()),
        trust=Trust(settings.tls_verify, settings.ca_file),
    )

    async def ask(reading: Reading, deadline: float) -> Listed[Credential]:
        found: list[Row] = []
        total, page = 1, 0
        while len(found) < total:
            page += 1
            query: dict[str, str | int] = {"page_num": page, "page_size": PAGE, "expand[]": "access_policy"}
            answer = await api.ask(Question("/users", query), deadline)
            told = rows(answer.document, "data")
            pages = answer.document.get("pagination")
            found += told
            total = _total(pages.get("total") if isinstance(pages, Mapping) else None, len(told), api)
            _require_more(found, told, total, api)
        return Listed(tuple(one for row in found for one in _unifi_user(row, reading)))

    return ask


def _unifi_user(row: Row, reading: Reading) -> Iterator[Credential]:
    """One credential for each card of a user, or one for all else that lets them in."""
    policies = row.get("access_policy_ids")
    enabled = row.get("status") == "ACTIVE" and policies != []
    cards = [card for card in _sequence(row.get("nfc_cards")) if isinstance(card, Mapping)]
    for card in cards or [{}]:
        number = text_of(card.get("id"))
        yield Credential(
            _name(row, "full_name", "email", "user_email", "id"),
            _keys(row, reading, "employee_number", ("email", "user_email"), number),
            enabled,
        )


def _kisi(settings: KisiLocks, engines: Engines) -> Source:
    signed = (("Authorization", f"KISI-LOGIN {settings.key.get_secret_value()}"),)
    api = Api(engines.http, settings.url, "Kisi", "`key`", private=signed)

    async def ask(reading: Reading, deadline: float) -> Listed[Credential]:
        def total(answer: Answer) -> Any:
            return answer.header("X-Collection-Range").rpartition("/")[2]

        found = await _by_offset(api, "/users", ("limit", "users"), total, deadline)
        return Listed(tuple(_kisi_user(row, reading) for row in found))

    return ask


def _kisi_user(row: Row, reading: Reading) -> Credential:
    return Credential(
        _name(row, "name", "email", "id"),
        _keys(row, reading, "", ("email",)),
        truth(row, "access_enabled") is not False,
        dated(moment(row.get("last_accessed_at"))),
    )


def _brivo(settings: BrivoLocks, engines: Engines) -> Source:
    key = (("api-key", settings.api_key.get_secret_value()),)
    client = (settings.client_id, settings.client_secret)
    user = (settings.username, settings.password)
    sign_in = password_grant(engines, settings.sign_in_url, "Brivo", client, user, private=key)
    named = "`api_key` and the rights of `username`"
    api = Api(engines.http, settings.url, "Brivo", named, private=key, sign_in=sign_in)

    async def ask(reading: Reading, deadline: float) -> Listed[Credential]:
        def total(answer: Answer) -> Any:
            return answer.document.get("count") if isinstance(answer.document, Mapping) else None

        found = await _by_offset(api, "/users", ("pageSize", "data"), total, deadline)
        now = datetime.now(UTC)
        return Listed(tuple(_brivo_user(row, reading, now) for row in found))

    return ask


def _brivo_user(row: Row, reading: Reading, now: datetime) -> Credential:
    begins, ends = dated(moment(row.get("effectiveFrom"))), dated(moment(row.get("effectiveTo")))
    within = (begins is None or begins <= now) and (ends is None or now < ends)
    return Credential(
        _name(row, "displayName", "email", "id"),
        _keys(row, reading, "externalId", ("email",)),
        truth(row, "suspended") is not True and within,
    )


def _salto_ks(settings: SaltoKsLocks, engines: Engines) -> Source:
    sign_in = password_grant(
        engines,
        settings.sign_in_url,
        "Salto KS",
        (settings.client_id, settings.client_secret),
        (settings.username, settings.password),
        further={"scope": "user_api.full_access"},
    )
    named = "`site` and the rights of `username`"
    api = Api(engines.http, f"{settings.url}/sites/{settings.site}", "Salto KS", named, sign_in=sign_in)

    async def ask(reading: Reading, deadline: float) -> Listed[Credential]:
        document = await api.get("/users", deadline)
        found = listed(document, *_SALTO_LISTS)
        told = document if isinstance(document, Mapping) else {}
        total = next((number for name in ("total_count", "total", "count") if (number := count(told.get(name)))), None)
        if total is not None and total > len(found):
            raise Unmeasured("no_source", f"Salto KS gave {len(found)} of {total} users; an audit needs all of them")
        return Listed(tuple(_salto_user(row, reading) for row in found))

    return ask


def _salto_user(row: Row, reading: Reading) -> Credential:
    on, blocked = truth(row, "active", "is_active", "enabled"), truth(row, "blocked", "is_blocked", "suspended")
    return Credential(
        _name(row, "full_name", "name", "email", "id"),
        _keys(row, reading, "external_id", ("email", "email_address")),
        on is not False and blocked is not True,
        dated(moment(row.get("last_seen"))),
    )


async def _by_offset(
    api: Api, path: str, named: tuple[str, str], total_of: Callable[[Answer], Any], deadline: float
) -> list[Row]:
    """What a path lists over all its pages; `named` are the setting for the length of a page and the list's key.

    Raises Unmeasured unless it is everything.
    """
    found: list[Row] = []
    total = 1
    while len(found) < total:
        answer = await api.ask(Question(path, {"offset": len(found), named[0]: PAGE}), deadline)
        page = listed(answer.document, named[1])
        found += page
        total = _total(total_of(answer), len(page), api)
        _require_more(found, page, total, api)
    return found


def _total(told: Any, page: int, api: Api) -> int:
    """How many there are in all. Raises Unmeasured where that is not told and more may follow."""
    total = count(told)
    if total is None and page >= PAGE:
        raise Unmeasured("no_source", f"{api.who} does not tell how many users there are; an audit needs all of them")
    return page if total is None else total


def _require_more(found: list[Row], page: tuple[Row, ...], total: int, api: Api) -> None:
    """Raises Unmeasured when a list ends before its end, or has none for us."""
    if total > MOST:
        raise Unmeasured("no_source", f"{api.who} has {total:,} users; more than {MOST:,} are not compared")
    if not page and len(found) < total:
        raise Unmeasured("no_source", f"{api.who} gave {len(found)} of {total} users; an audit needs all of them")


def _keys(row: Row, reading: Reading, id: str, emails: tuple[str, ...], card: str = "") -> Keys:
    email = next((found for name in emails if (found := address(text_of(row.get(name)), reading.strip_tags))), "")
    known = text_of(row.get(id)) if id else ""
    return Keys(known, email, card_digest(card, reading.salt), text_of(row.get("id")))


def _name(row: Row, *names: str) -> str:
    """What a person is called: by first and last name, or else by the first of these fields that says something."""
    parts = [text_of(row.get(first)) or text_of(row.get(other)) for first, other in _PARTS]
    return " ".join(filter(None, parts)) or next(
        (text for name in names if (text := text_of(row.get(name)))), "nameless"
    )


def _sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
