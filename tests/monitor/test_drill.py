"""The pager drill over a clock of the test's own, a real store, and the buttons that people press."""

import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from alerting.channels import NoticeKind
from alerting.hours import OpeningHours
from alerting.links import Purpose, Signer, digest, read
from alerting.oncall import Contact, Person
from alerting.rules import Severity
from monitor.config.model import Config, Drill, Server, Site, Storage
from monitor.drill import LATE, Drills, Due, due, silent
from monitor.store import Store, links, outbox
from monitor.store.links import Use
from monitor.store.outbox import Message

BERLIN = ZoneInfo("Europe/Berlin")
WEEKLY = Drill(0, time(10), 3600)
MONDAY = date(2026, 3, 2)
TEN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""Ten o'clock in Berlin, in winter."""
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
SECRET = b"k" * 32

ALL = frozenset(Severity)
ANA = Person("ana", "Ana Lopes", (Contact("ana", ALL),))
BEN = Person("ben", "Ben Sousa", (Contact("ben/phone", ALL), Contact("ben/mail", ALL)))


@pytest.mark.parametrize(
    ("last", "now", "expected"),
    [
        (None, TEN - timedelta(seconds=1), None),
        (None, TEN, Due(MONDAY, False)),
        (None, TEN + LATE, Due(MONDAY, False)),
        (None, TEN + 2 * LATE, None),
        (MONDAY - WEEK, TEN + 2 * LATE, Due(MONDAY, True)),
        (MONDAY - WEEK, TEN, Due(MONDAY, False)),
        (MONDAY, TEN, None),
        (MONDAY, TEN + WEEK - HOUR, None),
        (MONDAY, TEN + WEEK, Due(MONDAY + WEEK, False)),
        # Summer time began on 29 March: ten o'clock is an hour earlier.
        (date(2026, 3, 23), datetime(2026, 3, 30, 7, 59, tzinfo=UTC), None),
        (date(2026, 3, 23), datetime(2026, 3, 30, 8, 0, tzinfo=UTC), Due(date(2026, 3, 30), False)),
    ],
)
def test_a_drill_is_due_once_a_week_at_its_time_on_the_wall(
    last: date | None, now: datetime, expected: Due | None
) -> None:
    assert due(WEEKLY, BERLIN, last, now) == expected


@settings(max_examples=20)
@given(st.integers(0, 6), st.times(), st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns"]))
def test_looking_often_enough_each_week_has_one_drill(weekday: int, at: time, zone: str) -> None:
    drill = Drill(weekday, at.replace(second=0, microsecond=0, fold=0))
    last, days = date(2026, 3, 1) - WEEK, []
    for minute in range(0, 6 * 7 * 24 * 60, 47):
        found = due(drill, ZoneInfo(zone), last, TEN + timedelta(minutes=minute))
        if found is not None and not found.missed:
            last = found.day
            days.append(found.day)
    assert 5 <= len(days) <= 7
    assert {day.weekday() for day in days} == {weekday}
    assert all(later - earlier == WEEK for earlier, later in pairwise(days))


def test_one_confirmed_contact_is_enough_and_who_was_not_asked_is_not_silent() -> None:
    asked = {"ana", "ben/phone", "ben/mail"}
    assert silent([ANA, BEN], asked, {"ben/mail"}) == (ANA,)
    assert silent([ANA, BEN], asked, {"ana", "ben/phone"}) == ()
    assert silent([ANA, BEN], {"ana"}, set()) == (ANA,)


@dataclass
class Service:
    """A service whose drills are held by the test's clock."""

    config: Config
    store: Store
    signer: Signer
    now: datetime = TEN
    drills: Drills = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.drills = Drills(self)

    async def at(self, now: datetime) -> tuple[Message, ...]:
        """The newest messages, oldest first, after a turn at that time."""
        await self.drills.turn(now)
        async with self.store.connect() as conn:
            return tuple(reversed(await outbox.recent(conn)))

    async def confirms(self, message: Message, at: datetime) -> None:
        """Whoever got the message presses its button."""
        token = message.notification.body.rpartition("/act/")[2]
        link = read([SECRET], token, self.config.destinations, at)
        assert link.purpose is Purpose.DRILL
        assert link.episode == message.notification.key.episode
        async with self.store.begin() as conn:
            await links.claim(conn, digest(token), "confirm", Use(at, "…"), link.destination)


@pytest.fixture
async def service(blank: Callable[[str], str]) -> AsyncIterator[Service]:
    """Two people with three contacts, and a chat."""
    url = blank("sqlite")
    destinations = dict.fromkeys(("ana", "ben/phone", "ben/mail", "chat"), SecretStr("json://127.0.0.1:9"))
    site = Site("harbour", "Harbour Hall", OpeningHours(BERLIN, None), 120)
    server = Server(url="https://watch.example")
    config = Config(
        site, (), (), destinations, server, Storage(SecretStr(url)), people=(ANA, BEN), drill=WEEKLY
    )  # fmt: skip
    store = await Store.open(url)
    yield Service(config, store, Signer(SECRET, server.url, 600))
    await store.close()


def to(messages: tuple[Message, ...], kind: NoticeKind) -> list[str]:
    keys = [message.notification.key for message in messages]
    return sorted(key.destination for key in keys if key.kind is kind)


async def test_each_contact_gets_one_message_with_its_own_link(service: Service) -> None:
    assert await service.at(TEN - timedelta(minutes=1)) == ()
    first = await service.at(TEN)
    assert to(first, NoticeKind.DRILL) == ["ana", "ben/mail", "ben/phone"]
    assert len({message.notification.body for message in first}) == 3
    assert "This is a drill: nothing is broken." in first[0].notification.body
    assert "by Mon 2 Mar, 11:00" in first[0].notification.body
    assert await service.at(TEN + timedelta(minutes=1)) == first
    service.restart()
    assert await service.at(TEN + timedelta(minutes=2)) == first


async def test_when_all_confirm_nobody_hears_of_it_again(service: Service) -> None:
    for message in await service.at(TEN):
        if message.notification.key.destination != "ben/mail":
            await service.confirms(message, TEN + timedelta(minutes=59))
    for later in (HOUR, 2 * HOUR, WEEK - HOUR):
        assert to(await service.at(TEN + later), NoticeKind.ALARM) == []


async def test_who_does_not_confirm_is_named_once_to_the_others(service: Service) -> None:
    first = await service.at(TEN)
    await service.confirms(next(one for one in first if one.notification.key.destination == "ana"), TEN + HOUR / 2)
    assert to(await service.at(TEN + HOUR - timedelta(seconds=1)), NoticeKind.ALARM) == []
    service.restart()
    messages = await service.at(TEN + HOUR)
    assert to(messages, NoticeKind.ALARM) == ["ana", "chat"]
    alarm = messages[-1].notification
    assert "Ben Sousa" in alarm.title
    assert "Ana Lopes" not in alarm.title + alarm.body
    service.restart()
    assert await service.at(TEN + 3 * HOUR) == messages


async def test_when_nobody_is_left_to_tell_everybody_is_told(service: Service) -> None:
    left = {name: url for name, url in service.config.destinations.items() if name != "chat"}
    service.config = replace(service.config, destinations=left)
    await service.at(TEN)
    messages = await service.at(TEN + HOUR)
    assert to(messages, NoticeKind.ALARM) == ["ana", "ben/mail", "ben/phone"]


async def test_a_link_works_for_longer_than_there_is_time_to_confirm(service: Service) -> None:
    first, *_ = await service.at(TEN)
    await service.confirms(first, TEN + timedelta(hours=23))


async def test_a_confirmation_of_last_week_does_not_count(service: Service) -> None:
    for message in await service.at(TEN):
        await service.confirms(message, TEN + HOUR / 2)
    await service.at(TEN + WEEK)
    assert to(await service.at(TEN + WEEK + HOUR), NoticeKind.ALARM) == ["chat"]


async def test_a_drill_that_was_missed_is_left_out_and_the_next_one_held(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    for message in await service.at(TEN):
        await service.confirms(message, TEN)
    service.restart()
    for minutes in (61, 62, 300):
        assert len(await service.at(TEN + WEEK + timedelta(minutes=minutes))) == 3
    assert [record.day for record in caplog.records if record.levelno == logging.WARNING] == ["2026-03-09"]
    assert len(await service.at(TEN + 2 * WEEK)) == 6


async def test_a_drill_before_a_missed_one_is_still_judged(service: Service) -> None:
    await service.at(TEN)
    service.restart()
    assert to(await service.at(TEN + WEEK + 2 * HOUR), NoticeKind.ALARM) == ["chat"]


async def test_without_people_or_an_address_none_is_held_and_the_log_says_why_once(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    config = service.config
    service.config = replace(config, drill=None)
    assert await service.at(TEN) == ()
    assert caplog.records == []
    for service.config in (replace(config, people=()), replace(config, server=Server())):
        assert await service.at(TEN) == ()
    assert ["`server.url`" in record.message for record in caplog.records] == [True]
    service.config = config
    assert await service.at(TEN)
