"""A site with a line, a network, a room and a door, and what is known of a week of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from alerting.rules import Episode, Phase, Severity, Why
from incidents.availability import Span
from incidents.incident import Entry, EntryKind, Incident, Origin, Stage
from incidents.review import Action, Category, Detection
from monitor.config import Config, load
from monitor.history import Rollup
from monitor.reports.facts import Facts
from monitor.reports.series import Hour, Series
from monitor.store.figures import Pushed
from probes import Status

LISBON = ZoneInfo("Europe/Lisbon")
SITE = """\
site:
  {id: harbour, name: Harbour Street, timezone: Europe/Lisbon, capacity: 60, opening_hours: {mon-fri: "08:00-20:00"}}
people: [{id: ana, name: Ana Lopes, to: "${env:DESKWATCH_TEST_ANA}"}]
routes: [{id: all, steps: [{to: ana}]}]
reports:
  daily: {at: "18:00", to: ana}
  weekly: {day: mon, at: "08:00", to: ana}
  monthly: {at: "08:00", to: ana}
  isp: {day: 2, at: "08:00", to: ana}
uplinks:
  - id: fibre
    name: Fibre line
    provider: FibreCo
    contract:
      {down: 500 Mbit/s, up: 100 Mbit/s, latency: 0.02, availability: 0.999, fee: 120, currency: EUR, shortest: 60,
       credits: [{below: 0.999, share: 0.1}, {below: 0.99, share: 0.25}]}
    checks: [{kind: internet.ping, host: 127.0.0.1}]
wifi:
  - {id: members, name: Members' Wi-Fi, checks: [{kind: internet.tcp, host: 127.0.0.1, port: 1}]}
rooms:
  - {id: boardroom, name: Boardroom, people: 12, checks: [{kind: internet.tcp, host: 127.0.0.1, port: 2}]}
doors:
  - {id: door, name: Front door, checks: [{kind: internet.tcp, host: 127.0.0.1, port: 3}]}
"""
"""Under DESKWATCH_TEST_ANA must be an Apprise URL."""


def local(text: str) -> datetime:
    """An instant by the site's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=LISBON).astimezone(UTC)


START, END = local("2025-11-10"), local("2025-11-17")
"""A week: Monday 10 November until Sunday 16."""
DOWN = (local("2025-11-11 09:00"), local("2025-11-11 09:30"))
"""When the line was down: half an hour of a Tuesday morning."""


def config_in(folder: Path) -> Config:
    """The site, from a file in that folder."""
    file = folder / "site.yaml"
    file.write_text(SITE)
    return load(file)


def spans(
    start: datetime, end: datetime, down: tuple[tuple[datetime, datetime], ...] = ()
) -> Mapping[str, tuple[Span, ...]]:
    """All checks up all the time, but for the line's while it was down."""
    ups = {id: (Span(id, start, end, Status.UP, "ok"),) for id in ("members/tcp", "boardroom/tcp", "door/tcp")}
    line, at = [], start
    for begin, until in down:
        line += [Span("fibre/ping", at, begin, Status.UP, "ok"), Span("fibre/ping", begin, until, Status.DOWN, "lost")]
        at = until
    return {**ups, "fibre/ping": (*line, Span("fibre/ping", at, end, Status.UP, "ok"))}


def incident(**changes: object) -> Incident:
    """The outage of the line as it was recorded."""
    known = Incident(
        id="01OUTAGE",
        asset="fibre",
        title="Fibre line is down",
        severity=Severity.CRITICAL,
        opened=DOWN[0],
        stage=Stage.REVIEWED,
        acknowledged=DOWN[0] + timedelta(minutes=4),
        acknowledged_by="Ana Lopes",
        resolved=DOWN[1],
        member_minutes=1800.0,
        timeline=(Entry(DOWN[0], "Deskwatch", "The path ends at 192.0.2.1.", EntryKind.EVIDENCE),),
        resolution="The provider replaced a card.",
        root_cause="A card in the exchange failed.",
        category=Category.ISP,
        detection=Detection.US,
        factors="No second line.",
        actions=(late_action(),),
    )
    return replace(known, **changes)  # type: ignore[arg-type]


def reported(**changes: object) -> Incident:
    """What a member has reported and nobody has written up."""
    known = incident(
        id="02REPORT",
        asset="boardroom",
        title="Boardroom: no sound",
        origin=Origin.REPORTED,
        severity=Severity.WARNING,
        stage=Stage.RESOLVED,
        opened=local("2025-11-13 10:00"),
        resolved=local("2025-11-13 10:20"),
        acknowledged=None,
        acknowledged_by="",
        member_minutes=240.0,
        resolution="",
        root_cause="",
        category=Category.UNSAID,
        detection=Detection.MEMBER,
        factors="",
        timeline=(),
        actions=(),
    )
    return replace(known, **changes)  # type: ignore[arg-type]


def late_action() -> Action:
    """Something that should have been done on the Friday."""
    return Action("A1", "01OUTAGE", "Order a second line", "Ana Lopes", date(2025, 11, 14), DOWN[1], "Ana Lopes")


def flickers(count: int) -> tuple[Episode, ...]:
    """A rule that fired again and again, for a minute each."""
    minute = timedelta(minutes=1)
    return tuple(
        Episode(
            id=f"E{n}", check="door/tcp", rule="down", severity=Severity.WARNING, phase=Phase.RESOLVED,
            opened=START + n * 10 * minute, last_true=START + n * 10 * minute, fired=START + n * 10 * minute,
            closed=START + (n * 10 + 1) * minute, why=Why.RECOVERED,
        )
        for n in range(count)
    )  # fmt: skip


def series(start: datetime, days: int) -> Series:
    """Devices, bookings, rates and loss, hour by hour."""
    hours = [start + timedelta(hours=n) for n in range(24 * days)]

    def flat(value: float) -> tuple[Hour, ...]:
        return tuple(Hour(at, value, value, value, 60) for at in hours)

    def busy(most: float) -> tuple[Hour, ...]:
        return tuple(
            Hour(
                at, 0, most * (8 <= at.astimezone(LISBON).hour < 20), most * (8 <= at.astimezone(LISBON).hour < 20), 60
            )
            for at in hours
        )

    return {
        ("members/tcp", "deskwatch_wifi_clients", ""): busy(42),
        ("boardroom/tcp", "deskwatch_room_booked", ""): flat(0.25),
        ("fibre/ping", "deskwatch_throughput_bits_per_second", "down"): flat(350e6),
        ("fibre/ping", "deskwatch_throughput_bits_per_second", "up"): flat(99e6),
        ("fibre/ping", "probe_icmp_loss_ratio", ""): flat(0.01),
    }


def facts(config: Config, start: datetime = START, end: datetime = END, **changes: object) -> Facts:
    """What is known of a week in which nothing happened, but for what is said otherwise."""
    known = Facts(
        config=config,
        start=start,
        end=end,
        made=end + timedelta(hours=8),
        spans=spans(start, end),
        incidents=(),
        actions=(),
        episodes=(),
        told={},
        signoffs=(),
        figures=(),
        latest={},
        series={},
    )
    return replace(known, **changes)  # type: ignore[arg-type]


def eventful(config: Config) -> Facts:
    """What is known of a week with an outage, a report, noise, and people."""
    return facts(
        config,
        spans=spans(START, END, (DOWN,)),
        incidents=(incident(), reported()),
        actions=(late_action(),),
        episodes=flickers(6),
        told={("door/tcp", "down"): 12, ("fibre/ping", "down"): 2},
        series=series(START, 7),
        figures=(Pushed("app_adoption_ratio", date(2025, 11, 1), 0.43, "platform", START),),
        latencies={"fibre/ping": Rollup("fibre/ping", 3600, START, 1000, 8.0, 0.004, 0.05, {0: 1000})},
    )
