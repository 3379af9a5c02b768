"""What becomes of messages, as a page: whether each destination can be reached, and every attempt of late."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, NoReturn

from aiohttp import web

from alerting.channels import Delivery, NoticeKind, Outcome
from alerting.health import Health, Reach
from language import N_, gettext
from monitor.store import health, outbox
from monitor.store.outbox import Message
from monitor.web import words
from monitor.web.guard import APP, TARGET
from monitor.web.pages import fragment, page, sent
from monitor.web.service import App
from monitor.web.views import Verdict

RECENT = 60
"""Messages that the page shows, and among which it looks for the newest test."""

VERDICTS = {Reach.OK: Verdict.WORKING, Reach.FAILING: Verdict.DOWN, Reach.UNPROVEN: Verdict.UNKNOWN}
WORDS = {Reach.OK: N_("Reachable"), Reach.FAILING: N_("Cannot be reached"), Reach.UNPROVEN: N_("Never tried")}
OUTCOMES = {
    Outcome.ACCEPTED: N_("accepted"),
    Outcome.RETRY: N_("retry"),
    Outcome.AMBIGUOUS: N_("ambiguous"),
    Outcome.DEAD: N_("dead"),
}


class Destination(NamedTuple):
    """One destination. `confirmed` is when a person last used a link of a message, `test` its newest test message.

    `waiting` messages have not got through yet, the oldest of them since `oldest`.
    """

    id: str
    health: Health
    confirmed: datetime | None
    waiting: int
    oldest: datetime | None
    test: Message | None


class Sent(NamedTuple):
    """One message with every attempt to deliver it."""

    message: Message
    attempts: tuple[tuple[datetime, Delivery], ...]


async def show(request: web.Request) -> web.Response:
    """GET /deliveries: every destination and the newest messages."""
    return page(request, "deliveries.html", **await _deliveries(request.app[APP]))


async def show_fragment(request: web.Request) -> web.Response:
    """GET /fragment/deliveries: the same without the frame."""
    return fragment(request, "deliveries_live.html", **await _deliveries(request.app[APP]))


async def test(request: web.Request) -> NoReturn:
    """POST /deliveries/test: send a test message to a destination; the page shows what becomes of it."""
    await try_out(request, str((await sent(request)).get("destination", "")))
    raise web.HTTPSeeOther("/deliveries")


async def try_out(request: web.Request, destination: str) -> None:
    """Send a test message to a destination. Raises 404."""
    try:
        await request.app[APP].send_test(destination)
    except KeyError:
        fault = N_("There is no destination {name} any more. The page shows those that are.")
        raise web.HTTPNotFound(text=gettext(fault, name=repr(words.short(destination, 60)))) from None
    request[TARGET] = destination


async def gathered(app: App) -> tuple[Sequence[Destination], Sequence[Sent]]:
    """All destinations in the order of the configuration, and the newest messages, newest first."""
    async with app.store.connect() as conn:
        backlog = await outbox.backlog(conn)
        confirmed = await health.confirmed(conn)
        messages = await outbox.recent(conn, RECENT)
        attempts = await outbox.deliveries(conn, [message.id for message in messages])
    tests = {
        message.notification.key.destination: message
        for message in messages[::-1]
        if message.notification.key.kind is NoticeKind.TEST
    }
    destinations = []
    for id, one in app.healths.items():
        waiting, oldest = backlog.get(id, (0, None))
        destinations.append(Destination(id, one, confirmed.get(id), waiting, oldest, tests.get(id)))
    return destinations, [Sent(message, attempts[message.id]) for message in messages]


async def _deliveries(app: App) -> Mapping[str, Any]:
    destinations, rows = await gathered(app)
    return {
        "destinations": destinations,
        "failing": sum(one.health.reach is Reach.FAILING for one in destinations),
        "rows": rows,
        "VERDICTS": VERDICTS,
        "WORDS": WORDS,
        "OUTCOMES": OUTCOMES,
    }
