"""Stripe's web API: localstripe, as a process of its own, for payouts and charges; what that lacks as documented.

localstripe takes secret keys alone and knows neither the account nor webhook endpoints and disputes, and no filters of
events. So somebody stands in front of it who checks the restricted key, answers those, and passes the rest on.
"""

import base64
import contextlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from peers.canaries import canary
from peers.json_api import Asked
from peers.ports import free_port
from peers.web_api import Reply, WebApi

KEY = f"rk_{canary('stripe')}"
ACCOUNT = {
    "id": "acct_1",
    "object": "account",
    "charges_enabled": True,
    "payouts_enabled": True,
    "requirements": {"currently_due": [], "past_due": [], "disabled_reason": None},
    "external_accounts": {"data": [{"fingerprint": canary("bank")}]},
}
GOOD_CARD, BAD_CARD = "4242424242424242", "4000000000000341"

_PATIENCE = 60.0
_SECRET_KEY = "sk_test_12345"
_KEPT = Path("/tmp/localstripe.pickle")  # it writes there whatever one does


class LocalStripe(NamedTuple):
    """A running localstripe."""

    port: int

    def pay_out(self, status: str) -> None:
        """A payout that ends like this."""
        self.ask("POST", "/v1/payouts", amount="1000", currency="eur", status=status)

    def charge(self, card: str) -> None:
        """A payment with a card, which may be declined."""
        number = {"card[number]": card, "card[exp_month]": "12", "card[exp_year]": "2030", "card[cvc]": "123"}
        method = json.loads(self.ask("POST", "/v1/payment_methods", type="card", **number))
        with contextlib.suppress(urllib.error.HTTPError):
            self.ask("POST", "/v1/charges", amount="100", currency="eur", source=method["id"])

    def ask(self, method: str, path: str, **form: str) -> bytes:
        """The body of an answer. Raises HTTPError for what is none."""
        signed = base64.b64encode(f"{_SECRET_KEY}:".encode()).decode()
        body = urlencode(form).encode() if form else None
        headers = {"Authorization": f"Basic {signed}"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, headers, method=method)
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            return bytes(answer.read())


@contextlib.contextmanager
def local_stripe(folder: Path) -> Iterator[LocalStripe]:
    """localstripe, empty."""
    server = LocalStripe(free_port())
    command = [sys.executable, "-m", "localstripe", "--port", str(server.port), "--from-scratch"]
    with (folder / "localstripe.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(server, process, folder / "localstripe.log")
        yield server
    finally:
        process.terminate()
        process.wait()
        with contextlib.suppress(OSError):
            _KEPT.unlink()


def _wait(server: LocalStripe, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            server.ask("GET", "/v1/payouts")
        except urllib.error.URLError:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.05)
        else:
            return


@dataclass
class Stripe:
    """What Stripe tells of an account; of payouts and charges `behind` tells, where there is one."""

    account: dict[str, Any] = field(default_factory=lambda: dict(ACCOUNT))
    webhooks: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    disputes: list[dict[str, Any]] = field(default_factory=list)
    payouts: list[dict[str, Any]] = field(default_factory=list)
    charges: list[dict[str, Any]] = field(default_factory=list)
    behind: LocalStripe | None = None

    def api(self) -> WebApi:
        """The web API."""
        answers: dict[str, Any] = {
            "GET /v1/account": lambda _: self.account,
            "GET /v1/webhook_endpoints": lambda asked: _listed(self.webhooks, asked),
            "GET /v1/disputes": lambda asked: _listed(self.disputes, asked),
            "GET /v1/events": self._events,
            "GET /v1/payouts": lambda asked: self._passed(asked, self.payouts),
            "GET /v1/charges": lambda asked: self._passed(asked, self.charges),
        }
        return WebApi(answers, door=_door)

    def _events(self, asked: Asked) -> Reply:
        since, until = int(asked.one("created[gte]")), int(asked.one("created[lte]"))
        assert asked.one("delivery_success") == "false"
        return _listed([one for one in self.events if since <= one["created"] <= until], asked)

    def _passed(self, asked: Asked, own: list[dict[str, Any]]) -> Reply:
        if self.behind is None:
            return _listed(own, asked)
        query = urlencode({name: values[0] for name, values in asked.query.items()})
        return Reply(self.behind.ask("GET", f"{asked.path}?{query}"))


def _listed(found: list[dict[str, Any]], asked: Asked) -> Reply:
    after = asked.one("starting_after")
    first = next((at + 1 for at, one in enumerate(found) if one["id"] == after), 0)
    last = first + min(int(asked.one("limit", "10")), 100)
    shown = [{**one, "secret": canary("whsec")} for one in found[first:last]]
    return Reply({"object": "list", "data": shown, "has_more": last < len(found)})


def _door(asked: Asked) -> Reply | None:
    signed = base64.b64encode(f"{KEY}:".encode()).decode()
    if asked.headers.get("authorization") == f"Basic {signed}":
        return None
    words = f"Invalid API Key provided: {asked.headers.get('authorization')}"
    return Reply({"error": {"type": "invalid_request_error", "message": words}}, 401)
