"""Counts the invoices of a booking platform that are late, that could not be charged, or that could not be sent."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from probes import DefaultRule, Measured, Metric, Params, Probe, Sample
from probes._engines import Engines, api
from probes._engines import booking_platforms as platforms
from probes._engines.api import MARGIN, Api
from probes._engines.booking_platforms import Account, attributes, cobot_rows, nexudus_page, officernd_rows, too_long
from probes._engines.bookings import instant
from probes._engines.cloud import Address
from probes._engines.http.exchange import Trust
from probes._engines.json_values import number, words
from probes._engines.trust import CaFile
from probes._engines.weekly import Zone
from probes._secrets import LineSecret, Secret

MOST_CURRENCIES = 20
"""Currencies that are summed: each is a series of its own."""

_COUNT = "deskwatch_invoices"
_AMOUNT = "deskwatch_invoices_late_amount"
_OLDEST = "deskwatch_invoices_oldest_late_seconds"

_DAY = timedelta(days=1)
_SCOPES = "flex.billing.payments.read"
_NEEDS = {
    "nexudus": ("username", "password"),
    "officernd": ("organization", "client_id", "client_secret"),
    "cobot": ("space", "token"),
}

Row = Mapping[str, Any]


class InvoicesParams(Params):
    """Which platform to ask, and what it lets us in with."""

    platform: Annotated[
        Literal["nexudus", "officernd", "cobot"], Field(description="which platform writes the invoices")
    ]
    url: Annotated[Address | None, Field(description="where the API is; the platform's own address if not set")] = None
    identity_url: Annotated[Address, Field(description="officernd: where its tokens come from")] = (
        platforms.OFFICERND_IDENTITY
    )
    timezone: Annotated[Zone, Field(description="nexudus: time zone of the site, like Europe/Berlin")] = "UTC"
    username: Annotated[str, Field(max_length=200, description="nexudus: a user with roles to list and read")] = ""
    password: Annotated[Secret | None, Field(description="nexudus: the password of that user")] = None
    organization: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_-]*$", max_length=100, description="officernd: the organization's slug")
    ] = ""
    client_id: Annotated[str, Field(max_length=200, description="officernd: id of an application")] = ""
    client_secret: Annotated[Secret | None, Field(description="officernd: secret of that application")] = None
    space: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*$", max_length=100, description="cobot: id of the space")] = ""
    token: Annotated[LineSecret | None, Field(description="cobot: access token of an admin")] = None
    ca_file: CaFile = ""

    @model_validator(mode="after")
    def _can_sign_in(self) -> Self:
        for platform, names in _NEEDS.items():
            given = [name for name in names if getattr(self, name)]
            if platform == self.platform and len(given) < len(names):
                raise ValueError(f"{platform} needs {' and '.join(names)}")
            if platform != self.platform and given:
                raise ValueError(f"{given[0]} is a setting of {platform}, and platform is {self.platform}; remove one")
        return self

    @property
    def target(self) -> str:
        """The address of the API, or the platform."""
        return self.url or self.platform

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """The platform."""
        return {"platform": target}


class Late(NamedTuple):
    """An invoice that is not paid in time: when it was due, and what is open; None and "" for what is not told."""

    due: datetime | None
    open: float | None = None
    currency: str = ""


class Ledger(NamedTuple):
    """What a platform tells; None is what it does not. `failed` are payments that did not go through within 24 hours,
    `unsent` invoices that did not reach anybody."""

    late: tuple[Late, ...]
    failed: int | None = None
    unsent: int | None = None


class Invoices(Probe[InvoicesParams]):
    """Whether members' invoices are paid."""

    Params = InvoicesParams
    metrics = (
        Metric(
            _COUNT,
            "Invoices in this state: late, not charged within 24 hours though it was tried, or not sent",
            "",
            "state",
            ("late", "failed", "unsent"),
        ),
        Metric(_AMOUNT, "What is open of the late ones, in each currency", "", "currency"),
        Metric(_OLDEST, "Time since the oldest late one was due", "seconds"),
    )
    reasons: ClassVar = api.REASONS
    rules = (
        DefaultRule(
            "payments-failed",
            _COUNT,
            "could not collect more than 4 payments within a day",
            part="failed",
            above=4,
        ),
        DefaultRule("invoices-unsent", _COUNT, "has invoices that could not be sent", part="unsent", above=0),
        DefaultRule(
            "invoice-overdue", _OLDEST, "has an invoice that was due more than 30 days ago", above=30 * 24 * 3600
        ),
    )

    def __init__(self, params: InvoicesParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._api = _api(params, engines)

    async def measure(self, timeout: float) -> Measured:
        """Read the lists of what is not paid."""
        deadline, now = time.monotonic() + timeout - MARGIN, datetime.now(UTC)
        ledgers = {"nexudus": self._of_nexudus, "officernd": self._of_officernd, "cobot": self._of_cobot}
        return summed(await ledgers[self.params.platform](now, deadline), now)

    async def _of_nexudus(self, now: datetime, deadline: float) -> Ledger:
        late = [
            Late(
                _time(row, "DueDate"),
                _open(row.get("TotalAmount"), row.get("PaidAmount")),
                _currency(row.get("CurrencyCode")),
            )
            for row in await self._nexudus_late(now, deadline)
        ]
        yesterday = (now - _DAY).astimezone(ZoneInfo(self.params.timezone))
        tried = {"CoworkerInvoice_Paid": "false", "from_CoworkerInvoice_LastPaymentAttemptLocal": _minute(yesterday)}
        page = await nexudus_page(self._api, "billing/coworkerinvoices", {"page": 1, "size": 1, **tried}, deadline)
        return Ledger(tuple(late), failed=page.total)

    async def _nexudus_late(self, now: datetime, deadline: float) -> Sequence[Row]:
        found: list[Row] = []
        for at in range(1, platforms.MOST_PAGES + 1):
            query: dict[str, str | int] = {
                "page": at,
                "size": 100,
                "CoworkerInvoice_Paid": "false",
                "CoworkerInvoice_Draft": "false",
                "to_CoworkerInvoice_DueDate": _minute(now),
            }
            page = await nexudus_page(self._api, "billing/coworkerinvoices", query, deadline)
            found += page.records
            if not page.more:
                return found
        raise too_long(self._api)

    async def _of_officernd(self, now: datetime, deadline: float) -> Ledger:
        waiting = await officernd_rows(self._api, "/payments", {"status": "awaiting_payment"}, deadline)
        failed = await officernd_rows(self._api, "/payments", {"status": "failed"}, deadline)
        late = [row for row in waiting if (due := _time(row, "dueDate")) is not None and due < now]
        return Ledger(
            tuple(
                Late(_time(row, "dueDate"), number(row.get("amount")), _currency(row.get("currency"))) for row in late
            ),
            failed=sum((_time(row, "modifiedAt") or now) > now - _DAY for row in failed),
        )

    async def _of_cobot(self, _now: datetime, deadline: float) -> Ledger:
        path = f"/spaces/{self.params.space}/invoices/search"
        late = await cobot_rows(self._api, path, {"filter[query]": "", "filter[paidStatus]": "late"}, deadline)
        unpaid = await cobot_rows(self._api, path, {"filter[query]": "", "filter[paidStatus]": "unpaid"}, deadline)
        return Ledger(
            tuple(_late_at_cobot(attributes(row)) for row in late),
            unsent=sum(attributes(row).get("sentStatus") == "failedToSend" for row in unpaid),
        )


def _api(params: InvoicesParams, engines: Engines) -> Api:
    """The platform's API, as whoever the settings name."""
    trust = Trust(ca_file=params.ca_file)
    if params.platform == "nexudus" and params.password is not None:
        account = Account(params.username, params.password.get_secret_value())
        return platforms.nexudus(engines.http, params.url or platforms.NEXUDUS, account, trust)
    if params.platform == "officernd" and params.client_secret is not None:
        account, url = Account(params.client_id, params.client_secret.get_secret_value()), params.url
        return platforms.officernd(
            engines.http,
            url or platforms.OFFICERND,
            params.identity_url,
            params.organization,
            account,
            _SCOPES,
            trust,
        )
    token = params.token.get_secret_value() if params.token is not None else ""
    return platforms.cobot(engines.http, params.url or platforms.COBOT, token, trust)


def summed(ledger: Ledger, now: datetime) -> Measured:
    """What a ledger says, in figures and in a sentence."""
    samples = [Sample(_COUNT, len(ledger.late), "late")]
    told = (("failed", ledger.failed), ("unsent", ledger.unsent))
    samples += [Sample(_COUNT, value, state) for state, value in told if value is not None]
    amounts = _amounts(ledger.late)
    samples += [Sample(_AMOUNT, amount, currency) for currency, amount in amounts.items()]
    dues = [late.due for late in ledger.late if late.due is not None]
    if dues:
        samples.append(Sample(_OLDEST, max((now - min(dues)).total_seconds(), 0)))
    return Measured("; ".join(_remarks(ledger, amounts, now, dues)), tuple(samples))


def _amounts(late: Sequence[Late]) -> Mapping[str, float]:
    """What is open in each currency; what is told without one is left out."""
    amounts: dict[str, float] = {}
    for each in late:
        if each.open is not None and each.currency and (each.currency in amounts or len(amounts) < MOST_CURRENCIES):
            amounts[each.currency] = amounts.get(each.currency, 0) + each.open
    return amounts


def _remarks(ledger: Ledger, amounts: Mapping[str, float], now: datetime, dues: Sequence[datetime]) -> Iterator[str]:
    """What somebody has to look after first."""
    if ledger.failed:
        yield f"{ledger.failed} {_plural(ledger.failed, 'payment')} failed within 24 h"
    if ledger.unsent:
        yield f"{ledger.unsent} {_plural(ledger.unsent, 'invoice')} could not be sent"
    if not ledger.late:
        yield "no invoice is late"
        return
    sums = ", ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(amounts.items()))
    open_ = f" ({sums})" if sums else ""
    since = f", the oldest for {(now - min(dues)).days} days" if dues else ""
    yield f"{len(ledger.late)} {_plural(len(ledger.late), 'invoice')} late{open_}{since}"


def _plural(many: int, noun: str) -> str:
    return noun if many == 1 else f"{noun}s"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M}"


def _time(row: Row, name: str) -> datetime | None:
    return instant(row.get(name))


def _open(total: object, paid: object) -> float | None:
    amount = number(total)
    return None if amount is None else max(amount - (number(paid) or 0), 0)


def _currency(value: object) -> str:
    code = words(value).upper()
    return code if len(code) == 3 and code.isascii() and code.isalpha() else ""


def _late_at_cobot(invoice: Row) -> Late:
    total = invoice.get("totalAmount")
    total = total if isinstance(total, Mapping) else {}
    left = _open(total.get("gross"), invoice.get("paidAmount"))
    return Late(_time(invoice, "dueDate"), left, _currency(total.get("currency")))
