"""The incident record over a real store: what comes back, what is one, what people report, and what it all cost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from peers.pipelines import pipeline_over

from alerting.channels import Delivery, NoticeKind, Outcome
from incidents import corrections, lifecycle
from incidents.corrections import Times
from incidents.impact import Basis
from incidents.incident import EntryKind, Incident, Stage
from incidents.lifecycle import Report
from incidents.review import Action
from monitor.config.model import Config
from monitor.orders import Action as Asked
from monitor.orders import Order
from monitor.recording import Recording
from monitor.runner import Run
from monitor.store import Store, actions, incidents, orders, outbox, recordings
from probes import Reading, Sample, Status

SITE = """\
site: {id: harbour, name: Harbour Street, timezone: UTC, capacity: 60}
uplinks:
  - id: fibre
    name: Fibre
    checks: [{kind: internet.ping, host: 127.0.0.1, interval: 60s}]
wifi:
  - id: wifi
    name: Wi-Fi
    people: 50
    checks: [{kind: wifi.unifi, host: 127.0.0.1, api_key: "${env:CHAT}", ssid: Members, interval: 60s}]
rooms:
  - id: blue
    name: Blue room
    people: 8
    checks: [{kind: rooms.readiness, interval: 60s}]
booking:
  - id: portal
    name: Booking portal
    people: 40
    depends_on: [fibre]
    checks: [{kind: internet.tcp, host: 127.0.0.1, port: 80, interval: 60s}]
routes:
  - {id: chat, to: "${env:CHAT}", repeat: never}
"""

PAST = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=2)
"""An hour that begins long enough ago that nothing is still waiting to come back. On the clock of the site it is the
same one in all weeks before, as that clock never changes."""


class Desk:
    """A pipeline that runs; what it is given has been judged when `judged` is over."""

    def __init__(self, store: Store, config: Config) -> None:
        self.store, self.config = store, config
        self.pipeline = pipeline_over(store)

    async def judged(self, check: str, status: Status, *times: datetime) -> tuple[Incident, ...]:
        found = next(one for one in self.config.checks if one.id == check)
        for at in times:
            self.pipeline.offer(Run(found, (Reading(check, at, 0.01, status, "ok", "seen", ()),)))
        await self.pipeline.catch_up()
        return await self.log()

    async def log(self) -> tuple[Incident, ...]:
        async with self.store.connect() as conn:
            return await incidents.page(conn)

    async def queued(self) -> list[str]:
        async with self.store.connect() as conn:
            found = await outbox.recent(conn, 100)
        return [str(one.notification.key.kind) for one in reversed(found)]

    async def until(self, written: str) -> Incident:
        """The incident in whose timeline that stands."""
        async with asyncio.timeout(60):
            while True:
                for one in await self.log():
                    if any(written in entry.text for entry in one.timeline):
                        return one
                await asyncio.sleep(0.05)


@pytest.fixture
async def desk(store: Store, config: Config) -> Desk:
    made = Desk(store, config)
    await made.pipeline.adopt(config)
    return made


@pytest.fixture
async def running(desk: Desk) -> AsyncIterator[Desk]:
    task = asyncio.create_task(desk.pipeline.run())
    yield desk
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def minutes(start: datetime, *numbers: float) -> Sequence[datetime]:
    return [start + timedelta(minutes=number) for number in numbers]


async def test_a_fault_that_is_back_within_the_window_is_the_same_incident_also_after_a_restart(
    desk: Desk, store: Store, config: Config
) -> None:
    start = datetime.now(UTC) - timedelta(minutes=8)
    await desk.judged("portal/tcp", Status.DOWN, *minutes(start, 0, 1, 2))
    (over,) = await desk.judged("portal/tcp", Status.UP, *minutes(start, 3))
    assert (over.stage, over.member_minutes) == (Stage.RESOLVED, 3 * 40)
    again = Desk(store, config)
    await again.pipeline.adopt(config)
    (back,) = await again.judged("portal/tcp", Status.DOWN, *minutes(start, 6))
    assert (back.id, back.stage, back.reopened) == (over.id, Stage.OPEN, 1)
    (ended,) = await again.judged("portal/tcp", Status.UP, *minutes(start, 7))
    assert ended.member_minutes == 4 * 40, "the three minutes between are no outage"
    assert await again.queued() == ["firing", "resolved", "firing", "resolved"]


async def test_a_fault_that_is_back_later_is_a_new_incident(desk: Desk) -> None:
    await desk.judged("portal/tcp", Status.DOWN, *minutes(PAST, 0))
    await desk.judged("portal/tcp", Status.UP, *minutes(PAST, 1))
    found = await desk.judged("portal/tcp", Status.DOWN, *minutes(PAST, 60))
    assert len(found) == 2


async def test_two_incidents_become_one_that_counts_for_both(desk: Desk) -> None:
    await desk.judged("wifi/unifi", Status.DOWN, *minutes(PAST, 0, 10, 20))
    wifi = (await desk.judged("portal/tcp", Status.DOWN, *minutes(PAST, 15, 20)))[-1]
    portal = (await desk.log())[0]
    assert await desk.pipeline.desk.merge(wifi.id, portal.id, "Ana") is not None
    assert await desk.pipeline.desk.merge(wifi.id, "01NONE", "Ana") is None
    await desk.judged("wifi/unifi", Status.UP, *minutes(PAST, 21))
    both, gone = await desk.judged("portal/tcp", Status.UP, *minutes(PAST, 21))
    assert (gone.merged_into, gone.member_minutes) == (both.id, 0)
    assert (both.opened, both.stage) == (PAST, Stage.RESOLVED)
    assert both.cost is not None
    assert both.cost.open_seconds == 21 * 60
    assert await desk.queued() == ["firing", "firing", "resolved", "resolved"]


async def test_what_is_reported_is_told_and_costs_what_people_say_that_it_hits(desk: Desk) -> None:
    said = Report("01R", "portal", "Nobody can pay", "Ana", PAST, by_member=True, people=3)
    opened = await desk.pipeline.desk.open(said)
    assert (opened.stage, await desk.queued()) == (Stage.OPEN, ["firing"])
    assert await desk.pipeline.desk.open(said) == opened, "the same report again opens nothing"
    end = PAST + timedelta(hours=1)
    fixed = await desk.pipeline.desk.decide("01R", lambda one: lifecycle.dismiss(one, "Ana", end, end))
    assert fixed is not None
    assert fixed.cost is not None
    assert (fixed.member_minutes, fixed.cost.basis) == (180, Basis.SAID)
    assert await desk.queued() == ["firing", "resolved"]
    quiet = await desk.pipeline.desk.open(
        Report("01S", "", "The lift is stuck", "Ana", PAST, by_member=False), tells=False
    )
    assert (quiet.told, len(await desk.queued())) == ((), 2)


def recording(check: str, start: datetime, *values: Sample) -> Recording:
    """An hour in which a check measured these values, one every ten minutes."""
    made = Recording(check, start)
    for number, value in enumerate(values):
        at = start + timedelta(minutes=10 * number)
        made.add(Reading(check, at, 0.1, Status.UP, "ok", "", (value,)), at)
    return made


async def test_people_on_the_wi_fi_are_counted_as_they_usually_are_at_that_hour(desk: Desk, store: Store) -> None:
    clients = "deskwatch_wifi_ssid_clients"
    weeks = [
        recording("wifi/unifi", PAST - timedelta(weeks=week), Sample(clients, 11 + week, "Members"))
        for week in (1, 2, 3)
    ]
    other = recording("wifi/unifi", PAST - timedelta(weeks=4), Sample(clients, 99, "Guests"))
    async with store.begin() as conn:
        await recordings.save(conn, [*weeks, other])
    await desk.judged("wifi/unifi", Status.DOWN, *minutes(PAST, 0, 5, 10))
    (over,) = await desk.judged("wifi/unifi", Status.UP, *minutes(PAST, 11))
    assert over.cost is not None
    assert (over.cost.basis, over.cost.people, over.member_minutes) == (Basis.CLIENTS, 13, 11 * 13)


async def test_a_room_costs_something_while_it_was_booked_and_its_bookings_are_counted(
    desk: Desk, store: Store
) -> None:
    booked = [Sample("deskwatch_room_booked", value) for value in (0, 1, 1, 0, 0, 0)]
    async with store.begin() as conn:
        await recordings.save(conn, [recording("blue/readiness", PAST, *booked)])
    await desk.judged("blue/readiness", Status.DOWN, *minutes(PAST, 5, 20, 35))
    (over,) = await desk.judged("blue/readiness", Status.UP, *minutes(PAST, 36))
    assert over.cost is not None
    assert (over.cost.basis, over.cost.bookings, over.cost.assets) == (Basis.BOOKINGS, 1, ("blue",))
    assert over.member_minutes == pytest.approx(20 * 8)


async def test_corrections_and_actions_are_kept_and_the_cost_follows(desk: Desk, store: Store) -> None:
    await desk.judged("portal/tcp", Status.DOWN, *minutes(PAST, 0, 5))
    (over,) = await desk.judged("portal/tcp", Status.UP, *minutes(PAST, 10))
    zone, now = desk.config.site.hours.zone, datetime.now(UTC)
    decide = desk.pipeline.desk.decide
    earlier = PAST - timedelta(minutes=30)
    await decide(over.id, lambda one: corrections.correct(one, 1, earlier, "Ana", now, zone))
    longer = await decide(over.id, lambda one: corrections.correct_times(one, Times(earlier), "Ana", now, zone))
    assert longer is not None
    assert longer.member_minutes == 40 * 40
    await decide(over.id, lambda one: corrections.correct_impact(one, 90, "half of them had left", "Ana", now))
    todo = Action("a1", over.id, "Buy a spare", "ana", date(2027, 1, 1), now, "Ben")
    await decide(over.id, lambda one: lifecycle.act(one, todo))
    (stored,) = await desk.log()
    assert (stored.timeline[0].at, stored.timeline[0].noted) == (earlier, PAST)
    assert (stored.member_minutes, stored.actions) == (90, (todo,))
    async with store.begin() as conn:
        await actions.reminded(conn, ["a1"], now)
    await decide(over.id, lambda one: lifecycle.done(one, "a1", "Ana", now))
    async with store.connect() as conn:
        assert await actions.undone(conn) == ()
        (kept,) = await actions.between(conn, now, now + timedelta(1))
    assert (kept.reminded, kept.done_by) == (now, "Ana"), "to be reminded is no change of the incident"


async def test_who_was_told_becomes_a_line_of_the_timeline_once(running: Desk, store: Store) -> None:
    (incident,) = await running.judged("portal/tcp", Status.DOWN, datetime.now(UTC))
    async with store.begin() as conn:
        (message,) = await outbox.recent(conn)
        accepted = Delivery(Outcome.ACCEPTED, "ok")
        await outbox.record(conn, message.notification.key, accepted, datetime.now(UTC), None)
    told = await running.until("Told: chat.")
    assert told.id == incident.id
    assert [one.kind for one in told.timeline].count(EntryKind.DELIVERY) == 1


async def test_a_reload_that_changes_how_it_is_watched_shows_in_the_timeline_of_what_lasts(
    desk: Desk, config: Config
) -> None:
    await desk.judged("portal/tcp", Status.DOWN, datetime.now(UTC))
    assets = tuple(
        replace(one, checks=tuple(replace(check, interval=90.0) for check in one.checks)) for one in config.assets
    )
    await desk.pipeline.adopt(replace(config, assets=assets))
    (incident,) = await desk.log()
    assert incident.timeline[-1].text == "The configuration was changed while this lasted: tcp has other settings."
    assert incident.timeline[-1].kind is EntryKind.CHANGE


async def test_orders_from_the_command_line_are_carried_out(running: Desk, store: Store) -> None:
    report = {"asset": "portal", "title": "Slow", "at": PAST.isoformat(), "by_member": True, "people": 2, "tells": True}
    made = [
        Order("01A", "01R", Asked.REPORT, "Ana", report),
        Order("01B", "01R", Asked.ACKNOWLEDGE, "Ana"),
        Order("01C", "01R", Asked.ACT, "Ana", {"text": "Add a check", "owner": "ben", "due": "2027-01-01"}),
        Order("01D", "01R", Asked.DONE, "Ana", {"action": "01C"}),
        Order("01E", "01R", Asked.FIXED, "Ana"),
        Order("01F", "01R", Asked.REVIEW, "Ana", {"resolution": "restarted", "category": "vendor"}),
        Order("01G", "01R", Asked.CORRECT_TIMES, "Ana", {"opened": (PAST - timedelta(hours=1)).isoformat()}),
        Order("01H", "01R", Asked.CORRECT_LINE, "Ana", {"line": 1, "at": (PAST - timedelta(hours=1)).isoformat()}),
        Order("01I", "01R", Asked.CORRECT_IMPACT, "Ana", {"minutes": 5, "reason": "only one was there"}),
        Order("01IA", "01R", Asked.NOTE, "Ana", {"nonsense": 1}),
        Order("01J", "01R", Asked.NOTE, "Ana", {"text": "That was all."}),
    ]
    async with store.begin() as conn:
        for one in made:
            await orders.add(conn, one)
    done = await running.until("That was all.")
    assert (done.opened, done.member_minutes, done.resolution) == (PAST - timedelta(hours=1), 5, "restarted")
    assert done.acknowledged_by == "Ana"
    assert [one.done_by for one in done.actions] == ["Ana"]
    assert str(NoticeKind.RESOLVED) in await running.queued()
