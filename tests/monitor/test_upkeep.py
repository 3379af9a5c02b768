"""What goes wrong soon if nobody acts is said in time, once."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from alerting.apprise import open_channels
from alerting.gates import Matcher, Silence
from alerting.oncall import Override
from alerting.rules import Severity
from incidents.incident import Incident
from incidents.review import Action
from monitor.config.model import Config
from monitor.metrics import Vitals
from monitor.outbox import Outbox
from monitor.recording import Recording
from monitor.store import Store, incidents, outbox, overrides, recordings, silences
from monitor.upkeep import JOINED, Upkeep
from probes import Reading, Status

FRIDAY = datetime(2026, 3, 6, 12, tzinfo=UTC)

SITE = """\
site: {id: harbour, name: Harbour Street, timezone: Europe/Lisbon}
server: {url: "https://deskwatch.example.org"}
people:
  - {id: ana, name: Ana Lopes, to: "${env:CHAT}"}
on_call:
  - {id: it, people: [ana], rotate: weekly, starts: 2026-03-09 09:00, fallback: [chat]}
routes:
  - {id: chat, to: "${env:CHAT}"}
"""


@pytest.fixture
async def upkeep(store: Store, config: Config) -> AsyncIterator[Upkeep]:
    channels = await open_channels(config.destinations)
    sender = Outbox(store, Vitals(CollectorRegistry()), lambda: None)
    sender.adopt(channels, config)
    yield Upkeep(store, sender, lambda: config)
    for channel in channels.values():
        channel.close()


async def said(store: Store) -> list[tuple[str, str, str]]:
    async with store.connect() as conn:
        found = await outbox.recent(conn, 100)
    return [(str(one.notification.key.kind), one.notification.key.destination, one.notification.title) for one in found]


async def test_hours_without_anybody_on_call_are_told_days_before_and_once(store: Store, upkeep: Upkeep) -> None:
    covered = Override("o1", "it", "ana", FRIDAY - timedelta(days=40), FRIDAY + timedelta(days=2), "Ana", FRIDAY)
    async with store.begin() as conn:
        await overrides.save(conn, covered)
    await upkeep.look_ahead(FRIDAY - timedelta(days=2))
    assert await said(store) == []
    for hour in range(3):
        await upkeep.look_ahead(FRIDAY + timedelta(hours=hour))
    assert await said(store) == [("alarm", "chat", "Nobody is on call for it (Harbour Street)")]
    async with store.connect() as conn:
        (message,) = await outbox.recent(conn)
    assert message.notification.body.startswith(
        "From Sun 8 Mar, 12:00 nobody is on call, at least until Mon 9 Mar, 09:00."
    )
    assert "https://deskwatch.example.org/on-call" in message.notification.body


async def test_a_long_silence_reminds_of_its_end_once(store: Store, upkeep: Upkeep) -> None:
    always = Override("o1", "it", "ana", FRIDAY - timedelta(days=40), FRIDAY + timedelta(days=90), "Ana", FRIDAY)
    matcher = Matcher("asset", "=", "printer")
    long = Silence("s1", (matcher,), FRIDAY, FRIDAY + timedelta(days=10), "Ana", "waiting for a drum", FRIDAY)
    async with store.begin() as conn:
        await overrides.save(conn, always)
        await silences.save(conn, long)
    await upkeep.look_ahead(FRIDAY + timedelta(days=8))
    assert await said(store) == []
    for hour in range(3):
        await upkeep.look_ahead(FRIDAY + timedelta(days=9, hours=hour + 1))
    assert [one[:2] for one in await said(store)] == [("alarm", "chat")]
    async with store.connect() as conn:
        (message,) = await outbox.recent(conn)
    assert "Ana silenced asset=printer: waiting for a drum" in message.notification.body


@pytest.mark.parametrize(("owner", "to"), [("ana", "ana"), ("Ana Lopes", "ana"), ("the landlord", "chat")])
async def test_the_owner_of_an_action_is_reminded_once_or_whoever_critical_faults_reach(
    store: Store, upkeep: Upkeep, owner: str, to: str
) -> None:
    made = FRIDAY - timedelta(days=10)
    todo = Action("a1", "i1", "Buy a spare", owner, FRIDAY.date(), made, "Ben")
    incident = Incident("i1", "door", "Door is down", Severity.WARNING, made, actions=(todo,))
    always = Override("o1", "it", "ana", made, FRIDAY + timedelta(days=90), "Ana", FRIDAY)
    async with store.begin() as conn:
        await overrides.save(conn, always)
        await incidents.save(conn, incident)
    for hour in (-8, 0, 1):
        await upkeep.look_ahead(FRIDAY + timedelta(hours=hour))
    assert await said(store) == [("alarm", to, "Due today: Buy a spare (Harbour Street)")]
    async with store.connect() as conn:
        (message,) = await outbox.recent(conn)
    assert message.notification.body.endswith("say so there: https://deskwatch.example.org/incidents/i1")
    await upkeep.look_ahead(FRIDAY + timedelta(days=1))
    assert (await said(store))[0][2] == "Late by 1 day: Buy a spare (Harbour Street)"


async def test_an_hour_that_is_over_becomes_one_recording_of_each_check(upkeep: Upkeep, store: Store) -> None:
    hour = FRIDAY - timedelta(hours=1)
    checks = [f"portal/{number}" for number in range(JOINED + 1)]
    pieces = [Recording(check, hour + timedelta(minutes=minute)) for check in checks for minute in (0, 20, 60)]
    for piece in pieces:
        piece.add(Reading(piece.check, piece.start, 0.1, Status.UP, "ok", ""), piece.start)
    async with store.begin() as conn:
        await recordings.save(conn, pieces)
    await upkeep.join_hour(hour)
    async with store.connect() as conn:
        for check in checks:
            found = await recordings.between(conn, check, hour, FRIDAY + timedelta(hours=1))
            assert [len(one.recording()) for one in found] == [2, 1]
