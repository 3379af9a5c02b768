"""booking.stripe against localstripe where that answers, and else against an emulator of the documented API."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.looks import down, look, unknown, values
from peers.stripe import ACCOUNT, BAD_CARD, GOOD_CARD, KEY, LocalStripe, Stripe, local_stripe
from peers.tcp import serving

from probes import Failed
from probes._engines import Engines
from probes._engines.inventory import Inventory
from probes.booking.stripe import LEAST_ATTEMPTS, MOST_PAGES, State, StripeParams, judged
from probes.booking.stripe import Stripe as Kind

SETTINGS = {"key": "${env:STRIPE}"}


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStripe]:
    with local_stripe(tmp_path_factory.mktemp("localstripe")) as server:
        yield server


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE", KEY)


@pytest.fixture(autouse=True)
def no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level("DEBUG")
    yield
    assert "canary-" not in caplog.text


def webhook(id: str, status: str = "enabled") -> dict[str, Any]:
    return {"id": id, "url": f"https://members.example.com/hooks/{KEY}", "status": status}


def ago(**length: float) -> int:
    return int(time.time() - timedelta(**length).total_seconds())


async def test_an_account_in_order_is_up() -> None:
    found = await look(Kind, Stripe(webhooks=[webhook("we_1")]).api(), **SETTINGS)
    assert found.detail == "payments and payouts work; 0 payments within 24 h"
    assert values(found.samples) == {
        "payments_enabled/charges": 1,
        "payments_enabled/payouts": 1,
        "payments_requirements/past_due": 0,
        "payments_requirements/currently_due": 0,
        "payments_failed_payouts": 0,
        "payments_webhooks/enabled": 1,
        "payments_webhooks/disabled": 0,
        "payments_webhooks/missing": 0,
        "payments_attempts/succeeded": 0,
        "payments_attempts/failed": 0,
        "payments_undelivered_events": 0,
        "payments_disputes": 0,
    }


async def test_payouts_and_payments_of_localstripe_are_counted(behind: LocalStripe) -> None:
    for status in ("paid", "failed", "pending"):
        behind.pay_out(status)
    for card in [GOOD_CARD] * 8 + [BAD_CARD] * 2:
        behind.charge(card)
    told = values((await look(Kind, Stripe(behind=behind).api(), **SETTINGS)).samples)
    assert told["payments_failed_payouts"] == 1
    assert (told["payments_attempts/succeeded"], told["payments_attempts/failed"]) == (8, 2)
    assert told["payments_failure_ratio"] == 0.2


async def test_everything_that_asks_for_somebody_is_counted_and_said() -> None:
    stripe = Stripe(
        account={**ACCOUNT, "requirements": {"currently_due": ["a", "b", "c"], "past_due": ["a"]}},
        webhooks=[webhook("we_1"), webhook("we_2", "disabled")],
        events=[
            {"id": "evt_1", "created": ago(hours=2), "pending_webhooks": 1},
            {"id": "evt_2", "created": ago(hours=2), "pending_webhooks": 0},
            {"id": "evt_3", "created": ago(minutes=5), "pending_webhooks": 1},
            {"id": "evt_4", "created": ago(hours=30), "pending_webhooks": 1},
        ],
        disputes=[
            {"id": str(n), "status": s} for n, s in enumerate(("needs_response", "won", "warning_needs_response"))
        ],
        payouts=[
            {"id": "po_1", "created": ago(days=1), "status": "failed"},
            {"id": "po_2", "created": ago(days=20), "status": "failed"},
        ],
        charges=[{"id": "ch_1", "created": ago(hours=1), "status": "failed"}],
    )
    found = await look(Kind, stripe.api(), **SETTINGS)
    assert found.detail == (
        "Stripe no longer tells members.example.com what happens: its webhook is switched off; "
        "payouts that failed within seven days: 1; facts that Stripe asks for: 3, past their deadline: 1; "
        "1 of 1 payments failed within 24 h; events that no webhook has taken for an hour: 1; "
        "disputes that wait for an answer: 2"
    )
    told = values(found.samples)
    assert (told["payments_webhooks/disabled"], told["payments_requirements/past_due"]) == (1, 1)
    assert "payments_failure_ratio" not in told


@pytest.mark.parametrize(
    ("changed", "reason", "words"),
    [
        ({"charges_enabled": False}, "charges_disabled", "takes no payments for this account (rejected.fraud); "),
        ({"payouts_enabled": False}, "payouts_disabled", "pays nothing out to this account (rejected.fraud); "),
    ],
)
async def test_an_account_that_is_switched_off_is_down(changed: dict[str, Any], reason: str, words: str) -> None:
    account = {**ACCOUNT, **changed, "requirements": {"disabled_reason": "rejected.fraud", "past_due": ["x"]}}
    failed = await down(Kind, Stripe(account=account).api(), **SETTINGS)
    assert failed.reason == reason
    assert words in failed.detail
    assert values(failed.samples)["payments_requirements/past_due"] == 1


async def test_all_pages_of_payments_are_read_up_to_a_bound() -> None:
    many = [
        {"id": f"ch_{n}", "created": ago(hours=1), "status": "failed" if n % 4 == 0 else "succeeded"}
        for n in range(250)
    ]
    many.append({"id": "ch_old", "created": ago(hours=25), "status": "failed"})
    told = values((await look(Kind, Stripe(charges=many).api(), **SETTINGS)).samples)
    assert (told["payments_attempts/succeeded"], told["payments_attempts/failed"]) == (187, 63)
    endless = Stripe().api()
    page = {"data": [{"id": "ch", "created": ago(hours=1), "status": "succeeded"}], "has_more": True}
    endless.answers["GET /v1/charges"] = page
    await look(Kind, endless, **SETTINGS)
    assert endless.paths.count("GET /v1/charges") == MOST_PAGES


async def test_a_webhook_that_was_deleted_is_missed() -> None:
    engines, stripe = Engines(), Stripe(webhooks=[webhook("we_2")])
    now = datetime.now(UTC)
    known = Inventory().after(["we_1", "we_2"], now - timedelta(hours=2)).after(["we_1", "we_2"], now)
    engines.memory.keep("payments/stripe", known.memory)
    async with serving(stripe.api().talk) as port:
        probe = Kind(StripeParams.model_validate({**SETTINGS, "url": f"http://127.0.0.1:{port}"}), engines)
        probe.check = "payments/stripe"
        found = await probe.measure(60)
    assert values(found.samples)["payments_webhooks/missing"] == 1
    assert "webhooks deleted: 1" in found.detail
    engines.close()


@pytest.mark.parametrize("key", ["sk_live_canary-1", "pk_live_canary-1", "canary-1", "rk_live_canary-1\r\nX: y"])
def test_any_other_key_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("STRIPE", key)
    with pytest.raises(ValueError, match=r"restricted key|line break") as error:
        StripeParams.model_validate(SETTINGS)
    assert "canary" not in str(error.value)


async def test_a_key_that_is_not_accepted_says_nothing_about_payments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE", "rk_canary-other")
    unmeasured = await unknown(Kind, Stripe().api(), **SETTINGS)
    assert unmeasured.reason == "no_permission"
    assert unmeasured.detail == "Stripe does not let us in, status 401; correct `key`, or its permissions to read"


async def test_it_only_reads() -> None:
    api = Stripe().api()
    await look(Kind, api, **SETTINGS)
    assert all(asked.startswith("GET ") for asked in api.paths)


COUNTS = st.integers(0, 50)


@given(st.booleans(), st.booleans(), st.tuples(COUNTS, COUNTS), COUNTS)
def test_any_state_is_judged(charges: bool, payouts: bool, attempts: tuple[int, int], rest: int) -> None:
    state = State(charges, payouts, "", rest, rest, rest, (), attempts, rest, rest)
    try:
        samples = judged(state).samples
        assert charges and payouts
    except Failed as failed:
        samples = failed.samples
        assert failed.reason == ("payouts_disabled" if charges else "charges_disabled")
    ratio = values(samples).get("payments_failure_ratio")
    assert (ratio is None) == (sum(attempts) < LEAST_ATTEMPTS)
    assert ratio is None or 0 <= ratio <= 1
