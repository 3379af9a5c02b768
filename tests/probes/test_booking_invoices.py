"""booking.invoices against emulators of the three platforms' documented APIs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from peers import cobot, nexudus, officernd
from peers.looks import down, look, unknown, values
from peers.outages import OUTAGES, Outage, shut
from peers.web_api import WebApi

from probes.booking.invoices import MOST_CURRENCIES, Invoices, InvoicesParams, Late, Ledger, summed

NEXUDUS = {"platform": "nexudus", "username": "deskwatch@example.com", "password": "${env:NEXUDUS}"}
OFFICERND = {
    "platform": "officernd",
    "identity_url": "{url}",
    "organization": "example",
    "client_id": "app",
    "client_secret": "${env:OFFICERND}",
}
COBOT = {"platform": "cobot", "space": cobot.SPACE, "token": "${env:COBOT}"}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUDUS", nexudus.PASSWORD)
    monkeypatch.setenv("OFFICERND", officernd.SECRET)
    monkeypatch.setenv("COBOT", cobot.TOKEN)


@pytest.fixture(autouse=True)
def no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level("DEBUG")
    yield
    assert "canary-" not in caplog.text


def day(days: float) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


def of_nexudus(**changed: Any) -> nexudus.Nexudus:
    def invoice(due: float, paid: bool, **more: Any) -> dict[str, Any]:
        amounts = {"TotalAmount": 120.5, "PaidAmount": 20.5, "CurrencyCode": "GBP"}
        return {"Paid": str(paid), "Draft": "False", "DueDate": day(due), "BillToName": "Ana", **amounts, **more}

    tried = {"LastPaymentAttemptLocal": day(-0.1), "DueDate": day(3)}
    invoices = [
        *[invoice(-3, False)] * 5,
        invoice(-40, False),
        invoice(-3, True),
        invoice(3, False),
        invoice(-3, False, Draft="True"),
        invoice(3, False, **tried),
        invoice(3, True, **tried),
    ]
    return nexudus.Nexudus({"billing/coworkerinvoices": invoices}, **changed)


def of_officernd() -> officernd.Officernd:
    payments = [
        {"status": "awaiting_payment", "dueDate": day(-2), "amount": 50, "currency": "eur"},
        {"status": "awaiting_payment", "dueDate": day(-1), "amount": "25.5", "currency": "EUR"},
        {"status": "awaiting_payment", "dueDate": day(2), "amount": 1000, "currency": "EUR"},
        {"status": "awaiting_payment", "dueDate": None},
        {"status": "failed", "modifiedAt": day(-0.5)},
        {"status": "failed", "modifiedAt": day(-5)},
        {"status": "paid", "modifiedAt": day(-0.5)},
    ]
    return officernd.Officernd(payments=payments, page=2)


def of_cobot() -> cobot.Cobot:
    total = {"gross": "44.0", "currency": "EUR"}
    invoices = [
        {"paidStatus": "unpaid", "late": True, "dueDate": day(-9)[:10], "totalAmount": total, "paidAmount": "4.0"},
        {"paidStatus": "unpaid", "late": True, "dueDate": None, "totalAmount": None, "sentStatus": "failedToSend"},
        {"paidStatus": "unpaid", "dueDate": day(9)[:10], "totalAmount": total, "sentStatus": "failedToSend"},
        {"paidStatus": "paid", "dueDate": day(-9)[:10], "totalAmount": total, "sentStatus": "failedToSend"},
    ]
    return cobot.Cobot(invoices=invoices, page=1)


async def test_nexudus_tells_what_is_late_and_what_could_not_be_charged() -> None:
    found = await look(Invoices, of_nexudus(longest_page=2).api(), **NEXUDUS)
    told = values(found.samples)
    assert told.pop("invoices_oldest_late_seconds") == pytest.approx(40 * 86400, abs=60)
    assert told == {"invoices/late": 6, "invoices/failed": 1, "invoices_late_amount/GBP": 600}
    assert found.detail == "1 payment failed within 24 h; 6 invoices late (600.00 GBP), the oldest for 40 days"


async def test_officernd_tells_what_is_late_and_what_could_not_be_charged() -> None:
    found = await look(Invoices, of_officernd().api(), **OFFICERND)
    told = values(found.samples)
    assert told.pop("invoices_oldest_late_seconds") == pytest.approx(2 * 86400, abs=60)
    assert told == {"invoices/late": 2, "invoices/failed": 1, "invoices_late_amount/EUR": 75.5}


async def test_cobot_tells_what_is_late_and_what_could_not_be_sent() -> None:
    found = await look(Invoices, of_cobot().api(), **COBOT)
    told = values(found.samples)
    assert 8 * 86400 < told.pop("invoices_oldest_late_seconds") < 10 * 86400
    assert told == {"invoices/late": 2, "invoices/unsent": 2, "invoices_late_amount/EUR": 40}
    assert found.detail.startswith("2 invoices could not be sent; 2 invoices late (40.00 EUR)")


def test_nothing_late_is_said_so() -> None:
    found = summed(Ledger((), failed=0), datetime.now(UTC))
    assert found.detail == "no invoice is late"
    assert values(found.samples) == {"invoices/late": 0, "invoices/failed": 0}


def test_the_currencies_that_are_summed_are_bounded() -> None:
    late = tuple(Late(None, 1, f"A{chr(65 + n // 26)}{chr(65 + n % 26)}") for n in range(100))
    told = values(summed(Ledger(late), datetime.now(UTC)).samples)
    assert len(told) == MOST_CURRENCIES + 1


PLATFORMS = [
    pytest.param(of_nexudus, NEXUDUS, "/api/token", id="nexudus"),
    pytest.param(of_officernd, OFFICERND, "/oauth/token", id="officernd"),
    pytest.param(of_cobot, COBOT, "", id="cobot"),
]


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda outage: f"{outage.reason}-{outage.reply.status}")
@pytest.mark.parametrize(("platform", "settings", "door"), PLATFORMS)
async def test_whatever_else_it_answers_is_told_as_it_is(
    outage: Outage, platform: Any, settings: dict[str, Any], door: str
) -> None:
    with pytest.raises(outage.raises) as raised:
        await look(Invoices, shut(platform().api(), outage.reply, (door,) if door else ()), **settings)
    assert raised.value.reason == outage.reason


@pytest.mark.parametrize(("platform", "settings", "door"), PLATFORMS)
async def test_it_only_reads(platform: Any, settings: dict[str, Any], door: str) -> None:
    api = platform().api()
    await look(Invoices, api, **settings)
    assert {asked for asked in api.paths if not asked.startswith("GET ")} == ({f"POST {door}"} if door else set())


async def test_an_application_without_the_scope_says_nothing_about_invoices() -> None:
    organization = of_officernd()
    api = organization.api()
    inside = api.door

    def narrowed(asked: Any) -> Any:
        organization.scopes = "flex.community.members.read"
        return inside(asked)

    api.door = narrowed
    unmeasured = await unknown(Invoices, api, **OFFICERND)
    assert (unmeasured.reason, "flex.billing.payments.read" in unmeasured.detail) == ("no_permission", True)


async def test_a_list_without_end_is_not_read_to_its_end() -> None:
    api = of_nexudus().api()
    api.answers["GET /api/billing/coworkerinvoices"] = {"TotalItems": 9, "Records": [], "HasNextPage": True}
    assert (await unknown(Invoices, api, **NEXUDUS)).reason == "no_source"


async def test_silence_is_a_timeout() -> None:
    assert (await down(Invoices, WebApi(first=[None]), 0.3, **COBOT)).reason == "timeout"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"platform": "nexudus", "username": "u"}, "nexudus needs username and password"),
        ({"platform": "cobot", "space": "s"}, "cobot needs space and token"),
        ({**COBOT, "username": "u"}, "username is a setting of nexudus, and platform is cobot"),
        ({"platform": "officernd"}, "officernd needs organization and client_id and client_secret"),
    ],
)
def test_each_platform_has_its_own_way_to_sign_in(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        InvoicesParams.model_validate(settings)


def test_the_target_is_the_address_or_the_platform() -> None:
    assert InvoicesParams.model_validate(COBOT).target == "cobot"
    assert (
        InvoicesParams.model_validate({**COBOT, "url": "https://cobot.example.com/"}).target
        == "https://cobot.example.com"
    )
