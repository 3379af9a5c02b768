"""What becomes of messages: whether each destination can be reached, and every attempt of late."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from alerting.channels import NoticeKind, Outcome
from alerting.health import Reach
from alerting.rules import Severity
from monitor.store.outbox import MessageState
from monitor.web import deliveries
from monitor.web.api import paging
from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.models import Body, Shown, Text
from monitor.web.api.paging import Page
from monitor.web.api.problems import Fault, Unfit
from monitor.web.deliveries import Destination, Sent
from monitor.web.words import short


class DestinationShown(Shown):
    """Where messages go to: whether they get through, and when a person last used a link of one.

    `failing` is since when none was taken, null if the newest was; `says` are the provider's words to the newest
    attempt that failed, also when it is long ago. `waiting` messages have not got through yet.
    """

    id: str
    reach: Reach
    accepted: datetime | None
    failing: datetime | None
    says: Text
    confirmed: datetime | None
    waiting: int
    oldest: datetime | None


class AttemptShown(Shown):
    """One attempt to deliver a message, and what the provider said."""

    at: datetime
    outcome: Outcome
    says: Text


class MessageShown(Shown):
    """A message, how far it is, and every attempt to deliver it; `incident` is null for one that is about none."""

    id: int
    destination: str
    kind: NoticeKind
    severity: Severity
    title: Text
    incident: str | None
    created: datetime
    state: MessageState
    finished: datetime | None
    attempts: list[AttemptShown]


class TestWanted(Body):
    """A destination of the configuration."""

    destination: Annotated[str, Field(min_length=1, max_length=200)]


async def destinations(call: Call) -> Reply:
    """GET /destinations: in the order of the configuration."""
    all, _ = await deliveries.gathered(call.app)
    some, next = paging.part(call.request, all, call.query, lambda one: one.id)
    return Reply(Page[DestinationShown](items=[_destination(one) for one in some], next=next or None), next=next)


async def messages(call: Call) -> Reply:
    """GET /deliveries: the newest messages, newest first."""
    _, all = await deliveries.gathered(call.app)
    some, next = paging.part(call.request, all, call.query, lambda one: str(one.message.id))
    return Reply(Page[MessageShown](items=[_message(one) for one in some], next=next or None), next=next)


async def test(call: Call) -> Reply:
    """POST /deliveries/test: send a test message; what becomes of it stands among the deliveries."""
    id = call.body.destination
    found, _ = await deliveries.gathered(call.app)
    one = next((one for one in found if one.id == id), None)
    if one is None:
        raise Unfit(Fault("destination", f"there is none of the name {short(id, 60)!r}"))
    await deliveries.try_out(call.request, id)
    return Reply(_destination(one))


def _destination(one: Destination) -> DestinationShown:
    return DestinationShown(
        id=one.id,
        reach=one.health.reach,
        accepted=one.health.accepted,
        failing=one.health.failing,
        says=one.health.words,
        confirmed=one.confirmed,
        waiting=one.waiting,
        oldest=one.oldest,
    )


def _message(one: Sent) -> MessageShown:
    message, notification = one.message, one.message.notification
    return MessageShown(
        id=message.id,
        destination=notification.key.destination,
        kind=notification.key.kind,
        severity=notification.severity,
        title=notification.title,
        incident=message.incident or None,
        created=message.created,
        state=message.state,
        finished=message.finished,
        attempts=[AttemptShown(at=at, outcome=what.outcome, says=what.words) for at, what in one.attempts],
    )
