"""What was recorded, judged by other rules: how often they would have paged, and what they would have missed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from alerting.channels import Key, NoticeKind, Notification
from alerting.rules import Severity
from monitor import replay
from monitor.config import load
from monitor.config.model import Config
from monitor.recorder import Recorder
from monitor.simulate import Limits, Simulation, simulate
from monitor.store import Store, outbox, recordings
from monitor.store.tables import recordings as table
from probes import Reading, Sample, Status

START = datetime(2026, 4, 23, 0, 0, tzinfo=UTC)  # a Thursday; Lisbon is an hour ahead
END = START + timedelta(days=30)
MAY = datetime(2026, 5, 1, 0, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STEP = 5 * MINUTE

SITE = """\
site:
  {id: harbour, name: Harbour Street, timezone: Europe/Lisbon, opening_hours: {mon-fri: "09:00-18:00"}, capacity: 60}
uplinks:
  - {id: fibre, name: Fibre, checks: [{kind: internet.ping, host: 127.0.0.1}]}
booking:
  - {id: booking-system, name: Booking system, people: 40, checks: [{kind: internet.tcp, host: 127.0.0.1, port: 80}]}
equipment:
  - {id: printer, name: Printer, people: 10, depends_on: [], checks: [{kind: internet.ping, host: 127.0.0.2}]}
routes:
  - {id: chat, to: "${env:CHAT}", repeat: 1h}
  - {id: pager, to: "${env:CHAT}", severities: [critical], repeat: never}
"""
PATIENT = SITE.replace("name: Printer", "name: Printer, rules: {down: {for: 15m}}")
CALM = PATIENT.replace("port: 80}", "port: 80, rules: {down: off}}")

Outages = Iterable[tuple[datetime, datetime]]


def configured(folder: Path, text: str) -> Config:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAT", "json://127.0.0.1:9/")
        path = folder / "site.yaml"
        path.write_text(text)
        return load(path)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configured(tmp_path, SITE)


@pytest.fixture(params=["sqlite"])
def url(request: pytest.FixtureRequest, blank: Callable[[str], str]) -> str:
    return blank(request.param)


def on(day: int, hour: int, minute: int = 0, lasts: float = 1) -> tuple[datetime, datetime]:
    """An outage that begins then in May, by UTC, and lasts so many minutes."""
    begins = datetime(2026, 5, day, hour, minute, tzinfo=UTC)
    return begins, begins + lasts * MINUTE


def measured(
    check: str, down: Outages, start: datetime = MAY, end: datetime = MAY + timedelta(days=16)
) -> Iterator[Reading]:
    """Readings every five minutes."""
    at = start
    while at < end:
        broken = any(begins <= at < ends for begins, ends in down)
        status, samples = (Status.DOWN, ()) if broken else (Status.UP, (Sample("probe_icmp_loss_ratio", 0.0),))
        yield Reading(check, at, 0.5, status, "refused" if broken else "ok", "", samples)
        at += STEP


async def record(store: Store, readings: Iterable[Reading]) -> None:
    """What the service would have written of them, once every hour is in one row."""
    recorder = Recorder()
    for one in readings:
        recorder.add(one, one.at)
    async with store.begin() as conn:
        await recordings.save(conn, recorder.take())


async def simulated(store: Store, current: Config, edited: Config | None = None) -> Simulation:
    return await simulate(store, current, edited, START, END, lambda done, checks: None)


async def a_month(store: Store) -> None:
    """40 failures of the printer, three of them long; and the booking system is down on 12 May from 14:10 in Lisbon."""
    short = [on(day, hour) for day in (4, 5, 6, 7, 8) for hour in range(8, 15)] + [on(11, 8), on(11, 9)]
    long = [on(13, 8, lasts=60), on(14, 8, lasts=60), on(15, 8, lasts=60)]
    await record(store, measured("fibre/ping", []))
    await record(store, measured("printer/ping", short + long))
    await record(store, measured("booking-system/tcp", [on(12, 13, 10, lasts=25)]))


@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
async def test_edited_rules_page_3_times_instead_of_41_and_miss_an_outage(
    url: str, tmp_path: Path, config: Config
) -> None:
    store = await Store.open(url)
    await a_month(store)
    found = await simulated(store, config, configured(tmp_path, CALM))
    await store.close()
    assert found.edited is not None
    assert (found.edited.pages, found.current.pages) == (3, 41)
    assert found.current.noisy == (("printer/ping", "down", 40), ("booking-system/tcp", "down", 1))
    assert (found.current.messages, found.edited.messages) == ({"chat": 41, "pager": 41}, {"chat": 3, "pager": 3})
    dearest, *others = found.missed
    assert dearest.title == "Booking system is down"
    assert dearest.opened == datetime(2026, 5, 12, 13, 10, tzinfo=UTC)
    assert dearest.ended == dearest.opened + 25 * MINUTE
    assert (dearest.minutes, dearest.open) == (1000, 1500)
    assert {(one.title, one.minutes) for one in others} == {("Printer is down", 50)}
    assert len(others) == 37
    assert found.new == ()
    assert found.limits == Limits(MAY, (), (), (), {})


@pytest.fixture
async def store(url: str) -> "Iterator[Store]":
    opened = await Store.open(url)
    yield opened
    await opened.close()


async def test_recordings_that_are_skipped_change_no_count(
    store: Store, tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_month(store)
    edited = configured(tmp_path, PATIENT)
    found = await simulated(store, config, edited)
    monkeypatch.setattr(replay, "_is_idle", lambda *_: False)
    assert await simulated(store, config, edited) == found
    assert found.current.pages == 41


async def test_an_unchanged_configuration_makes_no_difference(store: Store, tmp_path: Path, config: Config) -> None:
    await record(store, measured("printer/ping", [on(4, 9), on(5, 9, lasts=60)]))
    found = await simulated(store, config, configured(tmp_path, SITE))
    assert found.current == found.edited
    assert (found.missed, found.new) == ((), ())


async def test_without_edited_rules_the_present_ones_are_replayed(store: Store, config: Config) -> None:
    await record(store, measured("printer/ping", [on(4, 9)]))
    found = await simulated(store, config)
    assert (found.current.pages, found.edited) == (1, None)


async def test_what_only_the_edited_rules_raise_is_new(store: Store, tmp_path: Path, config: Config) -> None:
    await record(store, measured("printer/ping", [on(4, 9)]))
    found = await simulated(store, configured(tmp_path, PATIENT), config)
    assert [(one.title, one.minutes) for one in found.new] == [("Printer is down", 50)]
    assert found.missed == ()


async def test_an_outage_while_the_space_is_closed_is_not_missed(store: Store, tmp_path: Path, config: Config) -> None:
    await record(store, measured("booking-system/tcp", [on(3, 10, lasts=30)]))  # a Sunday
    found = await simulated(store, config, configured(tmp_path, CALM))
    assert (found.current.pages, found.missed) == (1, ())


async def test_a_fault_that_another_incident_tells_of_is_not_missed(
    store: Store, tmp_path: Path, config: Config
) -> None:
    """Without the dependency the booking system pages beside the line; with it one page says both."""
    await record(store, measured("fibre/ping", [on(12, 10, lasts=30)]))
    await record(store, measured("booking-system/tcp", [on(12, 10, lasts=30)]))
    alone = configured(tmp_path, SITE.replace("people: 40", "people: 40, depends_on: []"))
    found = await simulated(store, alone, config)
    assert found.edited is not None
    assert (found.current.pages, found.edited.pages) == (2, 1)
    assert found.edited.incidents[0].assets == {"fibre", "booking-system"}
    assert found.missed == ()


async def test_an_incident_that_nobody_would_hear_of_is_missed(store: Store, tmp_path: Path, config: Config) -> None:
    await record(store, measured("printer/ping", [on(12, 10, lasts=30)]))
    deaf = configured(tmp_path, SITE.replace("repeat: 1h", "sections: [booking]").replace("[critical]", "[warning]"))
    found = await simulated(store, config, deaf)
    assert found.edited is not None
    assert (found.edited.pages, len(found.edited.incidents)) == (0, 1)
    assert [one.title for one in found.missed] == ["Printer is down"]


QUIET = {"repeat: 1h": "repeat: 1h, quiet: {hours: {mon-sun: '00:00-10:00'}}"}
PLANNED = {"routes:": "maintenance:\n  - {id: m, name: M, days: mon-sun, at: '00:00', lasts: 24h}\nroutes:"}


@pytest.mark.parametrize(
    ("change", "outage", "messages"),
    [
        # At night it is a warning; an hour before the space opens it is critical, and everybody is told.
        ({}, on(12, 2, lasts=480), {"chat": 2, "pager": 1}),
        ({}, on(3, 2, lasts=480), {"chat": 1}),  # a Sunday
        (QUIET, on(3, 2, lasts=480), {"chat": 1}),
        (QUIET, on(3, 2, lasts=60), {}),
        (PLANNED, on(12, 2, lasts=480), {}),
    ],
)
async def test_opening_hours_quiet_hours_and_maintenance_are_those_of_the_configuration(
    change: Mapping[str, str],
    outage: tuple[datetime, datetime],
    messages: Mapping[str, int],
    store: Store,
    tmp_path: Path,
) -> None:
    text = SITE
    for old, new in change.items():
        text = text.replace(old, new)
    await record(store, measured("printer/ping", [outage]))
    found = await simulated(store, configured(tmp_path, text))
    assert found.current.messages == messages
    assert found.current.pages == bool(messages)


async def test_every_step_of_a_route_is_climbed_as_nobody_answers(store: Store, tmp_path: Path) -> None:
    steps = "[{to: chat}, {after: 10m, to: pager}, {after: 2h, to: chat}]"
    await record(store, measured("printer/ping", [on(12, 10, lasts=30)]))
    found = await simulated(store, configured(tmp_path, f"{SITE}  - {{id: it, steps: {steps}}}\n"))
    assert found.current.messages["it"] == 2
    assert found.current.pages == 1


async def test_what_cannot_be_judged_is_said(store: Store, tmp_path: Path, config: Config) -> None:
    many = tuple(Sample("octets", 1.0, str(number)) for number in range(100))
    await record(store, (replace(one, samples=many) for one in measured("fibre/ping", [], MAY, MAY + 60 * MINUTE)))
    await record(store, measured("printer/ping", [], MAY, MAY + 180 * MINUTE))
    async with store.begin() as conn:
        second = table.c.start == MAY + 60 * MINUTE
        await conn.execute(update(table).where(table.c.check == "printer/ping", second).values(data=b"damaged"))
    found = await simulated(store, config, configured(tmp_path, SITE))
    assert found.limits.unrecorded == ("booking-system/tcp",)
    assert found.limits.cut == ("fibre/ping",)
    (damaged,) = found.limits.damaged
    assert "the recording of printer/ping from 2026-05-01 01:00 UTC is damaged" in damaged


async def test_a_gap_is_a_gap(store: Store, config: Config) -> None:
    """Nobody measured for a day: the fault may have been there all the time, so it is one."""
    day = timedelta(days=1)
    begins, ends = on(12, 10, lasts=30)
    before = measured("printer/ping", [(begins, ends + day)], end=ends)
    after = measured("printer/ping", [(begins, ends + day)], start=ends + day - STEP)
    await record(store, (*before, *after))
    (one,) = (await simulated(store, config)).current.incidents
    assert (one.opened, one.ended) == (begins, ends + day)


async def test_what_is_still_broken_at_the_end_counts_up_to_then(store: Store, config: Config) -> None:
    await record(store, measured("printer/ping", [(END - timedelta(days=2), END)], END - timedelta(days=3), END))
    (one,) = (await simulated(store, config)).current.incidents
    assert one.ended is None
    assert one.open == 18 * 3600  # Thursday and Friday


async def test_usual_values_are_those_of_the_time_and_since_when_they_are_known_is_said(
    store: Store, tmp_path: Path
) -> None:
    rule = "{metric: probe_icmp_loss_ratio, against: usual, above: 3}"
    text = SITE.replace("host: 127.0.0.2}", f"host: 127.0.0.2, rules: {{odd: {rule}}}}}")
    odd = datetime(2026, 5, 21, 10, 30, tzinfo=UTC)

    def lossy(one: Reading) -> Reading:
        loss = 0.04 if one.at == odd else 0.01
        return replace(one, samples=(Sample("probe_icmp_loss_ratio", loss),))

    await record(store, (lossy(one) for one in measured("printer/ping", [], START, END)))
    found = await simulated(store, configured(tmp_path, text))
    assert [(one.rule, one.opened) for one in found.current.incidents] == [(("printer/ping", "odd"), odd)]
    assert found.limits.usual == {"printer/ping": START + timedelta(weeks=2)}


async def test_what_was_really_sent_is_said_beside(store: Store, config: Config) -> None:
    async with store.begin() as conn:
        for number, (at, kind) in enumerate([(START, NoticeKind.FIRING), (START, NoticeKind.RESOLVED)]):
            for destination in ("chat", "pager"):
                key = Key(f"episode {number}", destination, kind, 0)
                await outbox.enqueue(conn, Notification(key, Severity.WARNING, "", ""), "incident", at)
    assert (await simulated(store, config)).sent == (2, 1)
