"""The morning check over a clock of the test's own and a real store: sent once, and missed aloud."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from peers.service import until
from pydantic import SecretStr

from alerting.channels import NoticeKind
from alerting.health import Health
from alerting.hours import OpeningHours
from alerting.oncall import Contact, Person
from alerting.routes import Route, Step
from alerting.rules import Rule, Severity
from monitor.config.model import Asset, Check, Config, Confirm, Morning, Reports, Server, Site, Storage
from monitor.morning import Mornings
from monitor.openings import next_run
from monitor.reports.document import Kind, Mark
from monitor.store import Store, StoreError, outbox, reports
from monitor.store.outbox import Message
from monitor.store.reports import Report
from probes import Reading, Status, load

LISBON = ZoneInfo("Europe/Lisbon")
HOURS = OpeningHours(LISBON, (((time(8), time(20)),),) * 5 + ((),) * 2)
DUE = datetime(2026, 11, 24, 7, 15, tzinfo=UTC)
"""A Tuesday, 45 minutes before opening."""
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ANA = Person("ana", "Ana Lopes", (Contact("ana", frozenset(Severity)),))
BEN = Person("ben", "Ben Sousa", (Contact("ben", frozenset(Severity)),))


def printer() -> Asset:
    rule = Rule("printer/ping", "down", "is down", Severity.CRITICAL, status=Status.DOWN)
    params = load("internet.ping").Params(host="127.0.0.1")
    ping = Check("printer/ping", "printer", "ping", "internet.ping", 30, 5, Confirm(), params, (rule,))
    return Asset("printer", "equipment", "Printer", 20, (), "", "", (ping,))


@dataclass
class Service:
    """A service that measures what the test says."""

    config: Config
    store: Store
    now: datetime = DUE - MINUTE
    status: Status = Status.UP
    asked: list[tuple[str, ...]] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    latest: dict[str, Reading] = field(default_factory=dict)
    broken: bool = False
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()
        self.restart()

    def restart(self) -> None:
        self.mornings = Mornings(self, lambda: self.now)

    @property
    def healths(self) -> Mapping[str, Health]:
        return {}

    @property
    def overrides(self) -> tuple[()]:
        return ()

    async def refresh(self, checks: Collection[str], within: float) -> frozenset[str]:
        if self.broken:
            raise StoreError("the disk is full")
        await self.gate.wait()
        self.asked.append(tuple(checks))
        self.latest |= {id: Reading(id, self.now, 0.1, self.status, "x", "answered") for id in checks}
        return frozenset()

    async def problems(self) -> tuple[str, ...]:
        return ()

    async def alarm(self, title: str, body: str) -> None:
        self.alarms.append(f"{title}\n{body}")

    async def at(self, now: datetime) -> list[tuple[str, NoticeKind, str]]:
        """Whom which messages are for, oldest first, after a turn at that time."""
        self.now = now
        with contextlib.suppress(StoreError):
            await self.mornings.turn()
        keys = [(one.notification.key, one.notification.title) for one in await self.messages()]
        return [(key.destination, key.kind, title) for key, title in keys]

    async def messages(self) -> tuple[Message, ...]:
        async with self.store.connect() as conn:
            return tuple(reversed(await outbox.recent(conn)))

    async def kept(self) -> tuple[Report, ...]:
        async with self.store.connect() as conn:
            return await reports.page(conn)


@pytest.fixture
async def service(blank: Callable[[str], str]) -> AsyncIterator[Service]:
    """Ana gets the morning check, Ben hears of critical faults."""
    url = blank("sqlite")
    site = Site("harbour", "Harbour Street", HOURS, 120)
    config = Config(
        site, (printer(),), (Route("techs", steps=(Step(0, ("ben",)),)),), dict.fromkeys(("ana", "ben"), SecretStr("json://x")),
        Server(url="https://watch.example"), Storage(SecretStr(url)), people=(ANA, BEN),
        reports=Reports(morning=Morning(45 * 60, ("ana",))),
    )  # fmt: skip
    store = await Store.open(url)
    yield Service(config, store)
    await store.close()


READY = ("ana", NoticeKind.REPORT, "Ready to open (Harbour Street)")
MISSED = ("ben", NoticeKind.ALARM, "The morning check was not sent (Harbour Street)")


async def test_one_is_made_and_sent_before_each_opening(service: Service) -> None:
    assert await service.at(DUE - MINUTE) == []
    assert await service.at(DUE) == [READY]
    assert service.asked == [("printer/ping",), ()]
    for later in (DUE + MINUTE, DUE + 20 * MINUTE, DUE + 5 * 60 * MINUTE):
        assert await service.at(later) == [READY]
    assert await service.at(DUE + DAY) == [READY, READY]
    (message, _) = await service.messages()
    assert message.notification.body == "1 thing checked at 07:15, it works.\nhttps://watch.example/morning"
    assert message.notification.severity is Severity.INFO


async def test_on_a_day_on_which_the_site_stays_closed_none_is_made(service: Service) -> None:
    friday, monday = DUE + 3 * DAY, DUE + 6 * DAY
    assert await service.at(friday) == [READY]
    for hours in range(1, 71):
        assert len(await service.at(friday + timedelta(hours=hours))) == 1
    assert len(await service.at(monday)) == 2


async def test_what_does_not_work_is_in_it(service: Service) -> None:
    service.status = Status.DOWN
    (sent,) = await service.at(DUE)
    assert sent[2] == "1 thing needs you before opening (Harbour Street)"
    (report,) = await service.kept()
    assert (report.document.mark, report.document.end) == (Mark.BAD, DUE + 45 * MINUTE)


async def test_a_restart_neither_repeats_nor_forgets_it(service: Service) -> None:
    await service.at(DUE)
    service.restart()
    assert await service.at(DUE + MINUTE) == [READY]
    service.restart()
    assert await service.at(DUE + DAY + 10 * MINUTE) == [READY, READY]
    assert len(await service.kept()) == 2


async def test_a_kill_before_the_commit_leaves_neither_report_nor_message(service: Service) -> None:
    service.gate.clear()
    service.now = DUE
    turn = asyncio.create_task(service.mornings.turn())
    await asyncio.sleep(0)
    turn.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await turn
    assert (await service.kept(), await service.messages()) == ((), ())
    service.gate.set()
    service.restart()
    assert await service.at(DUE + MINUTE) == [READY]


async def test_when_it_cannot_be_made_those_who_hear_of_critical_faults_are_told_once(service: Service) -> None:
    service.broken = True
    assert await service.at(DUE - MINUTE) == []
    for minutes in range(15):
        assert await service.at(DUE + minutes * MINUTE) == []
    assert await service.at(DUE + 15 * MINUTE) == [MISSED]
    service.restart()
    assert await service.at(DUE + 16 * MINUTE) == [MISSED]
    body = (await service.messages())[0].notification.body
    assert "It was due Tue 24 Nov, 07:15, and the space opens at 08:00" in body
    assert "https://watch.example/morning" in body


async def test_one_that_is_late_is_still_sent_until_the_site_opens(service: Service) -> None:
    service.broken = True
    await service.at(DUE)
    await service.at(DUE + 15 * MINUTE)
    service.broken = False
    assert await service.at(DUE + 44 * MINUTE) == [MISSED, READY]


async def test_after_the_opening_a_late_one_is_not_sent_any_more(service: Service) -> None:
    service.broken = True
    await service.at(DUE)
    service.broken = False
    assert await service.at(DUE + 46 * MINUTE) == [MISSED]
    assert await service.kept() == ()


async def test_a_store_that_cannot_be_written_is_told_past_it_once(service: Service) -> None:
    await service.at(DUE - MINUTE)
    async with service.store.begin() as conn:
        await conn.exec_driver_sql("ALTER TABLE messages RENAME TO away")
    for minutes in range(20):
        service.now = DUE + minutes * MINUTE
        with contextlib.suppress(StoreError):
            await service.mornings.turn()
    assert [alarm.partition("\n")[0] for alarm in service.alarms] == [MISSED[2]]
    assert await service.kept() == ()


async def test_one_that_was_missed_while_the_service_was_down_is_said_when_it_starts(service: Service) -> None:
    await service.at(DUE)
    service.restart()
    assert await service.at(DUE + DAY + 3 * 60 * MINUTE) == [READY, MISSED]
    assert await service.at(DUE + 2 * DAY) == [READY, MISSED, READY]


async def test_a_service_that_starts_for_the_first_time_has_missed_none(service: Service) -> None:
    assert await service.at(DUE + 3 * 60 * MINUTE) == []
    service.mornings.ask()
    service.restart()
    assert await service.at(DUE + 4 * 60 * MINUTE) == []


async def test_what_is_planned_only_since_its_time_went_by_is_not_missed(service: Service) -> None:
    config = service.config
    service.config = replace(config, reports=Reports())
    assert await service.at(DUE - DAY) == []
    assert await service.at(DUE + 20 * MINUTE) == []
    service.config = config
    assert await service.at(DUE + 60 * MINUTE) == []
    assert await service.at(DUE + DAY) == [READY]


async def test_another_time_on_the_same_day_does_not_send_it_twice(service: Service) -> None:
    await service.at(DUE)
    later = replace(service.config.reports, morning=Morning(30 * 60, ("ana",)))
    service.config = replace(service.config, reports=later)
    assert await service.at(DUE + 20 * MINUTE) == [READY]


async def test_if_nobody_is_left_who_gets_it_those_get_it_who_hear_of_critical_faults(service: Service) -> None:
    gone = Reports(morning=Morning(45 * 60, ("gone",)))
    service.config = replace(service.config, reports=gone)
    assert [to for to, _, _ in await service.at(DUE)] == ["ben"]


async def test_one_that_somebody_asks_for_is_kept_and_sent_to_nobody(service: Service) -> None:
    service.config = replace(service.config, reports=Reports())
    service.mornings.ask()
    assert service.mornings.is_asked
    running = asyncio.create_task(service.mornings.run())

    async def kept() -> bool:
        return not service.mornings.is_asked and bool(await service.kept())

    await until(kept, "a report")
    running.cancel()
    (report,) = await service.kept()
    assert report.document.kind is Kind.MORNING
    assert await service.messages() == ()


async def test_an_error_in_it_does_not_end_the_service(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    service.broken = True
    service.mornings.ask()
    running = asyncio.create_task(service.mornings.run())

    async def complained() -> bool:
        return any("will try again" in record.message for record in caplog.records)

    await until(complained, "a line in the log")
    assert not running.done()
    running.cancel()


def test_the_fixture_is_about_an_opening_day() -> None:
    due = next_run(HOURS, 45 * 60, DUE - MINUTE)
    assert due is not None
    assert due.at == DUE
