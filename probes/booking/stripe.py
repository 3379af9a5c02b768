"""Asks Stripe whether members can pay, whether the money arrives, and whether the booking platform hears of it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from probes import DefaultRule, Failed, Measured, Metric, Probe, Sample
from probes._engines import Engines, api
from probes._engines.api import MARGIN, Api, basic, rows
from probes._engines.cloud import Address, CloudParams
from probes._engines.displays import printable
from probes._engines.http.exchange import Trust
from probes._engines.inventory import Inventory
from probes._engines.json_values import number, words
from probes._engines.trust import CaFile
from probes._secrets import LineSecret

LEAST_ATTEMPTS = 10
"""Payments in 24 hours from which on their failures are a ratio, and not an accident."""
MOST_PAGES = 10
"""Pages of 100 payments that are looked at, the newest first: a ratio needs no more."""

_DAY = 24 * 3600
_HOUR = 3600
_WEEK = 7 * _DAY  # a payout may fail up to five business days after it was paid

_ENABLED = "deskwatch_payments_enabled"
_REQUIREMENTS = "deskwatch_payments_requirements"
_PAYOUTS = "deskwatch_payments_failed_payouts"
_WEBHOOKS = "deskwatch_payments_webhooks"
_ATTEMPTS = "deskwatch_payments_attempts"
_RATIO = "deskwatch_payments_failure_ratio"
_UNDELIVERED = "deskwatch_payments_undelivered_events"
_DISPUTES = "deskwatch_payments_disputes"

Row = Mapping[str, Any]


def _restricted(key: SecretStr) -> SecretStr:
    if not key.get_secret_value().startswith("rk_"):
        raise ValueError("give a restricted key (rk_…) that may only read; a secret key could move money")
    return key


class StripeParams(CloudParams):
    """The key that lets us read."""

    url: Annotated[Address, Field(description="where the API is")] = "https://api.stripe.com"
    key: Annotated[
        Annotated[LineSecret, AfterValidator(_restricted)], Field(description="restricted key with read permissions")
    ]
    ca_file: CaFile = ""


class Webhook(NamedTuple):
    """Somebody whom Stripe tells what happens: `host` is where, fit for a sentence."""

    id: str
    host: str
    enabled: bool


class State(NamedTuple):
    """What Stripe tells. `why` is its word for why something is switched off; `attempts` are of the last 24 hours,
    succeeded and failed; `missing` are webhooks that have vanished from the list."""

    charges: bool
    payouts: bool
    why: str
    past_due: int
    currently_due: int
    failed_payouts: int
    webhooks: tuple[Webhook, ...]
    attempts: tuple[int, int]
    undelivered: int
    disputes: int
    missing: tuple[str, ...] = ()


class Stripe(Probe[StripeParams]):
    """Whether members can pay by Stripe."""

    Params = StripeParams
    metrics = (
        Metric(_ENABLED, "1 if the account may do this, else 0", "", "what", ("charges", "payouts")),
        Metric(
            _REQUIREMENTS, "Facts that Stripe wants to know of the account", "", "state", ("past_due", "currently_due")
        ),
        Metric(_PAYOUTS, "Payouts of the last seven days that failed"),
        Metric(
            _WEBHOOKS,
            "Webhook endpoints in this state; missing: was there, and was deleted",
            "",
            "state",
            ("enabled", "disabled", "missing"),
        ),
        Metric(_ATTEMPTS, "Payments of the last 24 hours by outcome", "", "outcome", ("succeeded", "failed")),
        Metric(_RATIO, f"Share of them that failed, from {LEAST_ATTEMPTS} on", "ratio"),
        Metric(_UNDELIVERED, "Events of the last 24 hours that a webhook has not taken for more than an hour"),
        Metric(_DISPUTES, "Disputes that wait for an answer"),
    )
    reasons: ClassVar = {
        **api.REASONS,
        "charges_disabled": "the account may not take payments",
        "payouts_disabled": "the account takes payments, and does not pay them out",
    }
    rules = (
        DefaultRule(
            "requirements-past-due",
            _REQUIREMENTS,
            "owes Stripe facts about the account, and the deadline has passed",
            severity="critical",
            part="past_due",
            above=0,
        ),
        DefaultRule(
            "requirements-due",
            _REQUIREMENTS,
            "is asked by Stripe for facts about the account",
            part="currently_due",
            above=0,
        ),
        DefaultRule(
            "payout-failed", _PAYOUTS, "has a payout that did not reach the bank", severity="critical", above=0
        ),
        DefaultRule(
            "webhook-disabled",
            _WEBHOOKS,
            "has a webhook that Stripe has switched off: paid invoices may stay open",
            severity="critical",
            part="disabled",
            above=0,
        ),
        DefaultRule(
            "webhook-missing",
            _WEBHOOKS,
            "has lost a webhook: paid invoices may stay open",
            severity="critical",
            part="missing",
            above=0,
        ),
        DefaultRule(
            "payments-failing",
            _RATIO,
            "has more than 15 % of its payments fail",
            above=0.15,
            clear=0.1,
            times=2,
            window=2,
        ),
        DefaultRule("events-undelivered", _UNDELIVERED, "has events that a webhook does not take", above=0),
        DefaultRule("disputes-open", _DISPUTES, "has a dispute that waits for an answer", above=0),
    )

    def __init__(self, params: StripeParams, engines: Engines) -> None:
        super().__init__(params, engines)
        private, trust = basic(params.key.get_secret_value(), ""), Trust(ca_file=params.ca_file)
        settings = "`key`, or its permissions to read"
        self._api = Api(engines.http, params.url, "Stripe", settings, private=private, trust=trust)

    async def measure(self, timeout: float) -> Measured:
        """Ask for everything in turn: Stripe wants few questions at once."""
        deadline, now = time.monotonic() + timeout - MARGIN, datetime.now(UTC)
        state = await self._state(int(now.timestamp()), deadline)
        inventory = Inventory.of(self.engines.memory.recall(self.check))
        missing = inventory.missing([webhook.id for webhook in state.webhooks])
        present = [webhook.id for webhook in state.webhooks if webhook.enabled]
        self.engines.memory.keep(self.check, inventory.after(present, now).memory)
        return judged(state._replace(missing=missing))

    async def _state(self, now: int, deadline: float) -> State:
        account = await self._api.get("/v1/account", deadline)
        if not isinstance(account, Mapping) or not isinstance(account.get("charges_enabled"), bool):
            raise Failed("malformed", "the answer of Stripe does not follow its API: there is no account")
        requirements = account.get("requirements")
        requirements = requirements if isinstance(requirements, Mapping) else {}
        payouts = await self._list("payouts", deadline, limit=100)
        endpoints = await self._list("webhook_endpoints", deadline, limit=100)
        window = {"created[gte]": now - _DAY, "created[lte]": now - _HOUR}
        events = await self._list("events", deadline, limit=100, delivery_success="false", **window)
        disputes = await self._list("disputes", deadline, limit=100)
        return State(
            charges=account["charges_enabled"],
            payouts=account.get("payouts_enabled") is True,
            why=words(requirements.get("disabled_reason")),
            past_due=_length(requirements.get("past_due")),
            currently_due=_length(requirements.get("currently_due")),
            failed_payouts=sum(_is_recent_failure(payout, now) for payout in payouts),
            webhooks=tuple(_webhook(endpoint) for endpoint in endpoints),
            attempts=outcomes(await self._charges(now - _DAY, deadline)),
            undelivered=sum((number(event.get("pending_webhooks")) or 0) > 0 for event in events),
            disputes=sum(words(dispute.get("status")).endswith("needs_response") for dispute in disputes),
        )

    async def _list(self, name: str, deadline: float, **query: str | int) -> tuple[Row, ...]:
        return rows(await self._api.get(f"/v1/{name}", deadline, **query), "data")

    async def _charges(self, since: int, deadline: float) -> tuple[Row, ...]:
        """The payments since a time of the epoch, the newest first."""
        found: tuple[Row, ...] = ()
        after: dict[str, str | int] = {}
        for _ in range(MOST_PAGES):
            query: dict[str, str | int] = {"created[gt]": since, "limit": 100, **after}
            document = await self._api.get("/v1/charges", deadline, **query)
            page = rows(document, "data")
            found += page
            if not page or document.get("has_more") is not True:
                break
            after = {"starting_after": str(page[-1].get("id"))}
        return tuple(charge for charge in found if (number(charge.get("created")) or 0) > since)


def outcomes(charges: Sequence[Row]) -> tuple[int, int]:
    """How many payments succeeded and how many failed; those under way are neither."""
    statuses = [charge.get("status") for charge in charges]
    return statuses.count("succeeded"), statuses.count("failed")


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list) else 0


def _is_recent_failure(payout: Row, now: int) -> bool:
    return payout.get("status") == "failed" and (number(payout.get("created")) or 0) > now - _WEEK


def _webhook(endpoint: Row) -> Webhook:
    """Of its address the host is kept: a path may be a secret."""
    try:
        host = urlsplit(words(endpoint.get("url"))).hostname or ""
    except ValueError:
        host = ""
    return Webhook(words(endpoint.get("id")), printable(host), endpoint.get("status") == "enabled")


def judged(state: State) -> Measured:
    """What Stripe tells means. Raises Failed when no money comes in, or none comes out."""
    samples = tuple(_samples(state))
    sentence = "; ".join(_remarks(state)) or _fine(state)
    why = f" ({state.why})" if state.why else ""
    if not state.charges:
        raise Failed("charges_disabled", f"Stripe takes no payments for this account{why}; {sentence}", samples)
    if not state.payouts:
        raise Failed("payouts_disabled", f"Stripe pays nothing out to this account{why}; {sentence}", samples)
    return Measured(sentence, samples)


def _samples(state: State) -> Iterator[Sample]:
    succeeded, failed = state.attempts
    enabled = sum(webhook.enabled for webhook in state.webhooks)
    yield Sample(_ENABLED, int(state.charges), "charges")
    yield Sample(_ENABLED, int(state.payouts), "payouts")
    yield Sample(_REQUIREMENTS, state.past_due, "past_due")
    yield Sample(_REQUIREMENTS, state.currently_due, "currently_due")
    yield Sample(_PAYOUTS, state.failed_payouts)
    yield Sample(_WEBHOOKS, enabled, "enabled")
    yield Sample(_WEBHOOKS, len(state.webhooks) - enabled, "disabled")
    yield Sample(_WEBHOOKS, len(state.missing), "missing")
    yield Sample(_ATTEMPTS, succeeded, "succeeded")
    yield Sample(_ATTEMPTS, failed, "failed")
    if succeeded + failed >= LEAST_ATTEMPTS:
        yield Sample(_RATIO, failed / (succeeded + failed))
    yield Sample(_UNDELIVERED, state.undelivered)
    yield Sample(_DISPUTES, state.disputes)


def _remarks(state: State) -> Iterator[str]:
    """What is wrong or asks for somebody."""
    if disabled := [webhook.host for webhook in state.webhooks if not webhook.enabled]:
        yield f"Stripe no longer tells {', '.join(sorted(set(disabled))[:3])} what happens: its webhook is switched off"
    if state.missing:
        yield f"webhooks deleted: {len(state.missing)}"
    if state.failed_payouts:
        yield f"payouts that failed within seven days: {state.failed_payouts}"
    if state.past_due or state.currently_due:
        yield f"facts that Stripe asks for: {state.currently_due}, past their deadline: {state.past_due}"
    succeeded, failed = state.attempts
    if failed:
        yield f"{failed} of {succeeded + failed} payments failed within 24 h"
    if state.undelivered:
        yield f"events that no webhook has taken for an hour: {state.undelivered}"
    if state.disputes:
        yield f"disputes that wait for an answer: {state.disputes}"


def _fine(state: State) -> str:
    return f"payments and payouts work; {sum(state.attempts)} payments within 24 h"
