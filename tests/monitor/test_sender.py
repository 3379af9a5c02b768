"""What one destination gets, over a real store: only the provider and the clock are played."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import delete

from alerting.bundling import SPACING, WINDOW
from alerting.channels import Delivery, Key, NoticeKind, Notification, Outcome
from alerting.health import Health
from alerting.hours import OpeningHours
from alerting.oncall import Contact, Person
from alerting.retry import GIVE_UP
from alerting.routes import Route, Step
from alerting.rules import Severity
from incidents.bundles import LINES
from incidents.messages import MAY_REPEAT
from monitor.config.model import Config, Server, Site, Storage
from monitor.sender import LEASE, PATIENCE, Sender
from monitor.store import Store, outbox, tables
from monitor.store.outbox import Message, MessageState

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
ACCEPTED, DEAD = Delivery(Outcome.ACCEPTED, "ok"), Delivery(Outcome.DEAD, "error=401")
RETRY, AMBIGUOUS = Delivery(Outcome.RETRY, "error=503"), Delivery(Outcome.AMBIGUOUS, "timed out")
FIRING, REPEAT, RESOLVED = NoticeKind.FIRING, NoticeKind.REPEAT, NoticeKind.RESOLVED
HEARD = (MessageState.ACCEPTED, MessageState.MERGED)
CHAT, MAIL, PAGER = "chat", "mail", "pager"


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Desk:
    """A destination with its provider, who answers as told, and everything that it got."""

    store: Store
    now: datetime = START
    answer: Delivery = ACCEPTED
    delivers: bool = True
    dies: bool = False
    got: list[Notification] = field(default_factory=list)
    carried: list[tuple[int, ...]] = field(default_factory=list)
    healths: dict[str, Health] = field(default_factory=dict)
    destination: str = CHAT
    budget: int = 10

    def __post_init__(self) -> None:
        self.start()

    @property
    def shown(self) -> str:
        return "played://"

    @property
    def config(self) -> Config:
        hours = OpeningHours(ZoneInfo("Europe/Lisbon"), ((),) * 7)
        urls = {id: SecretStr("") for id in (CHAT, MAIL, PAGER)}
        routes = (Route(CHAT, steps=(Step(0, (CHAT,)), Step(60, (MAIL,)))), Route(PAGER, frozenset({Severity.WARNING})))
        site, server = Site("harbour", "Harbour Street", hours, 120), Server(url="https://desk.example.org")
        mail = Person(MAIL, "Mail", (Contact(MAIL, frozenset(Severity)),))
        config = Config(site, (), routes, urls, server, Storage(SecretStr("")), people=(mail,))
        return replace(config, alerting=replace(config.alerting, budget=self.budget))

    def start(self) -> None:
        """What a start of the process does, as far as sending goes."""
        self.sender = Sender(self.store, self.config, self.destination, self, self.healths, lambda: self.now)

    def fitted(self, title: str, body: str) -> tuple[str, str]:
        return title, body

    def close(self) -> None:
        pass

    async def send(self, notification: Notification) -> Delivery:
        """The provider's side: what it takes is got, whatever it answers."""
        if self.delivers and self.answer.outcome in (Outcome.ACCEPTED, Outcome.AMBIGUOUS):
            self.got.append(notification)
            self.carried.append(tuple(one.id for one in await self.messages() if is_being_sent(one)))
        if self.dies:
            raise Killed
        return self.answer

    async def queue(
        self, *incidents: str, kind: NoticeKind = FIRING, severity: Severity = Severity.CRITICAL, sequence: int = 0
    ) -> None:
        async with self.store.begin() as conn:
            for incident in incidents:
                key = Key(f"{incident}-e", self.destination, kind, sequence)
                notification = Notification(key, severity, f"{incident} {kind}", f"{kind} body")
                await outbox.enqueue(conn, notification, incident, self.now)

    async def drain(self) -> int:
        """Send until nothing is due; how many messages that took."""
        attempts = 0
        while await self.sender.send_next() is not None:
            attempts += 1
        return attempts

    async def pass_time(self, span: timedelta, step: timedelta) -> None:
        """Time goes by, and the queue is looked at now and then."""
        end = self.now + span
        while self.now < end:
            self.now = min(end, self.now + step)
            await self.drain()

    async def messages(self, destination: str = "") -> tuple[Message, ...]:
        """Oldest first."""
        async with self.store.connect() as conn:
            found = await outbox.recent(conn, 10_000)
        wanted = destination or self.destination
        return tuple(one for one in found[::-1] if one.notification.key.destination == wanted)

    async def states(self) -> dict[str, MessageState]:
        return {one.notification.title: one.state for one in await self.messages()}


def is_being_sent(message: Message) -> bool:
    return message.finished is None and message.state in (MessageState.LEASED, MessageState.MERGED)


@pytest.fixture(params=["sqlite", "postgresql"])
async def desk(request: pytest.FixtureRequest, blank: Callable[[str], str]) -> AsyncIterator[Desk]:
    store = await Store.open(blank(request.param))
    yield Desk(store)
    await store.close()


@pytest.fixture
async def busy_desk(store: Store) -> Desk:
    """For what takes many messages: how many they are is the same question in every database."""
    return Desk(store)


async def test_a_single_message_goes_out_as_it_was_written(desk: Desk) -> None:
    await desk.queue("door")
    assert await desk.drain() == 1
    assert [(one.title, one.body, one.severity) for one in desk.got] == [
        ("door firing", "firing body", Severity.CRITICAL)
    ]
    assert await desk.states() == {"door firing": MessageState.ACCEPTED}
    assert desk.healths[CHAT] == Health(accepted=START)


async def test_when_a_destination_comes_back_each_incident_is_told_once_and_how_late_it_is(desk: Desk) -> None:
    desk.answer = RETRY
    await desk.queue("door")
    await desk.drain()
    desk.now += 10 * MINUTE
    await desk.queue("door", kind=REPEAT, sequence=1)
    desk.answer = ACCEPTED
    await desk.drain()
    (only,) = desk.got
    assert only.title == "door firing"
    assert only.body == "Delayed 10 min: chat could not be reached before.\nfiring body"
    assert set((await desk.states()).values()) == {MessageState.ACCEPTED, MessageState.MERGED}


async def test_what_began_and_ended_while_a_destination_was_away_is_one_message_that_tells_both(desk: Desk) -> None:
    desk.answer = RETRY
    await desk.queue("door")
    await desk.drain()
    desk.now += MINUTE
    await desk.queue("door", kind=RESOLVED)
    desk.answer = ACCEPTED
    await desk.drain()
    (only,) = desk.got
    assert only.title == "door resolved"
    assert "It began Mon 2 Mar, 09:00, but the message about that did not get through: door firing." in only.body
    assert "resolved body" in only.body
    assert await desk.states() == {"door firing": MessageState.MERGED, "door resolved": MessageState.ACCEPTED}


async def test_several_critical_messages_are_one_and_the_rest_another(desk: Desk) -> None:
    await desk.queue(*(f"door {number}" for number in range(3)))
    await desk.queue(*(f"slow {number}" for number in range(3)), severity=Severity.WARNING)
    assert await desk.drain() == 2
    assert [one.title for one in desk.got] == [
        "Critical: 3 things need attention at Harbour Street",
        "Warning: 3 things need attention at Harbour Street",
    ]
    assert desk.got[0].severity is Severity.CRITICAL
    assert [f"door {number} firing, since Mon 2 Mar, 09:00" for number in range(3)] == desk.got[0].body.split("\n")[:3]


async def test_several_ends_are_one_message(desk: Desk) -> None:
    doors = [f"door {number}" for number in range(3)]
    await desk.queue(*doors)
    await desk.drain()
    await desk.queue(*doors, kind=RESOLVED)
    assert await desk.drain() == 1
    assert desk.got[-1].title == "3 things work again at Harbour Street"
    assert desk.got[-1].key.kind is RESOLVED


async def test_a_storm_of_two_thousand_is_a_few_messages_and_every_row_ends(busy_desk: Desk) -> None:
    await busy_desk.queue(*(f"door {number}" for number in range(1000)))
    await busy_desk.queue(*(f"slow {number}" for number in range(1000)), severity=Severity.WARNING)
    assert await busy_desk.drain() == 2
    assert Counter((await busy_desk.states()).values()) == {MessageState.ACCEPTED: 2, MessageState.MERGED: 1998}
    assert all(len(one.body.splitlines()) == LINES + 1 for one in busy_desk.got)
    assert "and 980 more, see https://desk.example.org/" in busy_desk.got[0].body


async def test_a_storm_that_goes_on_makes_no_more_than_the_bound(busy_desk: Desk) -> None:
    busy_desk.budget = 3
    busy_desk.start()
    for number in range(30):
        await busy_desk.queue(f"door {number}")
        await busy_desk.queue(f"slow {number}", severity=Severity.WARNING)
        await busy_desk.drain()
        busy_desk.now += 2 * SECOND
    had = Counter(one.severity for one in busy_desk.got)
    assert had[Severity.WARNING] == busy_desk.budget
    assert had[Severity.CRITICAL] <= busy_desk.budget + MINUTE / SPACING
    await busy_desk.pass_time(2 * WINDOW, WINDOW / 2)
    assert set((await busy_desk.states()).values()) == set(HEARD)


async def test_what_the_budget_held_back_says_so(desk: Desk) -> None:
    desk.budget = 1
    desk.start()
    for number in range(3):
        await desk.queue(f"slow {number}", severity=Severity.WARNING)
        await desk.drain()
    await desk.pass_time(WINDOW, SPACING)
    assert len(desk.got) == 2
    assert "Delayed 5 min: there were many messages, so this one waited to go out with others." in desk.got[1].body


async def test_a_provider_that_asks_for_a_pause_gets_it(desk: Desk) -> None:
    desk.answer = RETRY._replace(wait=30)
    await desk.queue("door")
    assert await desk.drain() == 1
    desk.answer = ACCEPTED
    await desk.queue("uplink")
    await desk.pass_time(29 * SECOND, 5 * SECOND)
    assert desk.got == []
    await desk.pass_time(SECOND, SECOND)
    assert len(desk.got) == 1


async def test_a_message_that_is_refused_for_good_is_told_to_whom_critical_faults_reach(desk: Desk) -> None:
    desk.answer = DEAD
    await desk.queue("door")
    await desk.queue("uplink")
    await desk.drain()
    (alarm,) = await desk.messages(MAIL)
    assert alarm.notification.title == "Deskwatch could not reach chat (Harbour Street)"
    assert alarm.notification.body.splitlines()[:2] == [
        "Deskwatch could not reach chat: error=401",
        "The message was: door firing (and 1 more)",
    ]
    assert alarm.notification.key.kind is NoticeKind.ALARM
    assert await desk.messages(PAGER) == ()


async def test_a_destination_raises_one_alarm_an_hour(desk: Desk) -> None:
    desk.answer = DEAD
    for _ in range(3):
        await desk.queue(f"door {desk.now}")
        await desk.drain()
        desk.now += HOUR / 2
    assert [one.created for one in await desk.messages(MAIL)] == [START, START + HOUR]


async def test_a_message_given_up_after_a_day_raises_an_alarm_too(desk: Desk) -> None:
    desk.answer = RETRY
    await desk.queue("door", severity=Severity.WARNING)
    await desk.pass_time(GIVE_UP - HOUR, 8 * HOUR)
    await desk.queue("uplink", severity=Severity.WARNING)
    await desk.pass_time(2 * HOUR, HOUR)
    assert await desk.states() == {"door firing": MessageState.DEAD, "uplink firing": MessageState.RETRY}
    assert len(await desk.messages(MAIL)) == 1


async def test_a_critical_message_that_does_not_get_through_for_minutes_is_told_to_others_while_it_is_tried(
    desk: Desk,
) -> None:
    desk.answer = RETRY
    await desk.queue("door")
    await desk.queue("slow", severity=Severity.WARNING)
    await desk.drain()
    desk.now += PATIENCE - SECOND
    await desk.drain()
    assert await desk.messages(MAIL) == ()
    await desk.pass_time(6 * MINUTE, 3 * MINUTE)
    (alarm,) = await desk.messages(MAIL)
    assert "The message was: door firing" in alarm.notification.body
    assert (await desk.states())["door firing"] is MessageState.RETRY


@pytest.mark.parametrize("kind", [NoticeKind.ALARM, NoticeKind.TEST])
async def test_an_alarm_or_a_test_that_dies_raises_no_alarm(desk: Desk, kind: NoticeKind) -> None:
    desk.answer = DEAD
    await desk.queue("", kind=kind)
    assert await desk.drain() == 1
    assert await desk.messages(MAIL) == ()


async def test_an_alarm_goes_to_others_that_work_if_there_are_any(desk: Desk) -> None:
    desk.answer, desk.destination = DEAD, PAGER
    desk.healths[CHAT] = Health(failing=START)
    desk.start()
    await desk.queue("door")
    await desk.drain()
    assert len(await desk.messages(MAIL)) == 1
    assert await desk.messages(CHAT) == ()


async def test_the_end_of_what_never_arrived_is_not_told(desk: Desk) -> None:
    desk.answer = DEAD
    await desk.queue("door")
    await desk.drain()
    desk.answer = ACCEPTED
    await desk.queue("door", kind=RESOLVED)
    assert await desk.drain() == 0
    assert await desk.states() == {"door firing": MessageState.DEAD, "door resolved": MessageState.CANCELLED}


steps = st.one_of(
    st.tuples(st.just("queue"), st.sampled_from("abcd"), st.sampled_from([FIRING, REPEAT, RESOLVED])),
    st.tuples(st.just("answer"), st.sampled_from([ACCEPTED, RETRY, AMBIGUOUS, DEAD]), st.booleans()),
    st.tuples(st.just("kill"), st.booleans(), st.none()),
    st.tuples(st.just("wait"), st.sampled_from([SECOND, 10 * SECOND, 10 * MINUTE, 25 * HOUR]), st.none()),
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(steps, min_size=4, max_size=14))
async def test_whatever_happens_nothing_is_lost_unsaid_or_said_twice_unmarked(
    desk: Desk, script: Sequence[tuple[str, object, object]]
) -> None:
    async with desk.store.begin() as conn:
        await conn.execute(delete(tables.deliveries))
        await conn.execute(delete(tables.messages))
    desk.__init__(desk.store)  # type: ignore[misc]
    kills = 0
    for step in script:
        kills += await played(desk, step)
    desk.answer, desk.delivers = ACCEPTED, True
    await desk.pass_time(HOUR, 15 * MINUTE)
    messages = await desk.messages()
    assert all(one.finished is not None for one in messages)
    ends_are_heard_of_by_those_who_heard_of_the_beginning(messages)
    what_died_was_told_to_others(messages, await desk.messages(MAIL))
    repeats_are_marked(desk, kills)


async def played(desk: Desk, step: tuple[str, object, object]) -> int:
    """Do what the script says; how many kills, or unknown outcomes, that was."""
    unknown = 0
    match step:
        case ("queue", str(incident), NoticeKind() as kind):
            known = {one.notification.key.kind for one in await desk.messages() if one.incident == incident}
            # As the incidents do it: first it begins, and after its end nothing comes.
            if (kind is FIRING or FIRING in known) and RESOLVED not in known:
                sequence = len(await desk.messages()) if kind is REPEAT else 0
                severity = Severity.CRITICAL if incident in "ab" else Severity.WARNING
                await desk.queue(incident, kind=kind, severity=severity, sequence=sequence)
        case ("answer", Delivery() as answer, bool(delivers)):
            desk.answer, desk.delivers = answer, delivers
            sends = await desk.drain()
            unknown = sends if answer is AMBIGUOUS else 0
        case ("kill", bool(delivers), _):
            unknown = await killed(desk, delivers)
        case ("wait", timedelta() as span, _):
            desk.now += span
    return unknown


async def killed(desk: Desk, delivers: bool) -> int:
    """Die at the next message, and start again."""
    desk.dies, desk.delivers, desk.answer = True, delivers, ACCEPTED
    try:
        sends = await desk.drain()
    except Killed:
        sends = 1
    desk.dies = False
    async with desk.store.begin() as conn:
        await outbox.recover(conn, desk.now + LEASE)
    desk.start()
    return sends


def ends_are_heard_of_by_those_who_heard_of_the_beginning(messages: Sequence[Message]) -> None:
    told = {one.incident for one in messages if one.notification.key.kind is not RESOLVED and one.state in HEARD}
    for one in messages:
        if one.notification.key.kind is RESOLVED:
            assert (one.state in HEARD) <= (one.incident in told)
            assert one.state in HEARD or one.state is MessageState.DEAD or one.incident not in told


def what_died_was_told_to_others(messages: Sequence[Message], alarms: Sequence[Message]) -> None:
    for one in messages:
        assert one.state in (*HEARD, MessageState.DEAD, MessageState.CANCELLED)
        if one.state is MessageState.DEAD:
            assert one.finished is not None
            assert any(-HOUR < alarm.created - one.finished <= timedelta() for alarm in alarms)


def repeats_are_marked(desk: Desk, kills: int) -> None:
    seen: Counter[int] = Counter()
    for notification, ids in zip(desk.got, desk.carried, strict=True):
        if any(seen[id] for id in ids):
            assert MAY_REPEAT in notification.body
        seen.update(ids)
    assert max(seen.values(), default=0) <= 1 + kills
