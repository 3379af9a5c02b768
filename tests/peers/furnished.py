"""A site on which every page has something to show: a past, people, plans, papers, and trouble of every kind."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from peers.people import account, token
from peers.reports import ITEMS, TABLE, report
from pydantic import SecretStr
from ulid import ULID

from alerting.gates import Maintenance, Matcher, Scope, Silence, Window
from alerting.health import Health
from alerting.links import Link, Purpose, sign
from alerting.oncall import Contact, Override, Period, Person, Rotation, Schedule
from alerting.routes import Route, Step
from alerting.rules import Severity
from incidents import lifecycle
from incidents.impact import Basis, Impact
from incidents.incident import EntryKind, Incident
from incidents.lifecycle import Report as Complaint
from incidents.review import Action, Review
from monitor.config.model import Asset, Check, Confirm, OtherSite, PublicAsset, StatusPage
from monitor.history import Rollup
from monitor.people.roles import Role
from monitor.reports.document import Document, Kind, Mark, Paragraph, Section
from monitor.sites import Heard, SiteBoard, Thing, Trouble
from monitor.store import attachments, incidents, links, reports, rollups, signoffs
from monitor.store.reports import Report
from monitor.store.signoffs import Signoff
from probes import Sample, load
from probes._engines.credentials import Policy, Remembered, audit
from probes._engines.rosters import Credential, Keys, Member

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


PAGES = {
    "/": ("/",),
    "/incidents": ("/incidents", "/incidents?words=door"),
    "/incidents/new": ("/incidents/new",),
    "/incidents/{id}": (
        "/incidents/{open}",
        "/incidents/{held}",
        "/incidents/{reported}",
        "/incidents/{reviewed}?line=2",
    ),
    "/incidents/{id}/{shape}": ("/incidents/{reviewed}/html",),
    "/wallboard": ("/wallboard",),
    "/assets/{id}": ("/assets/fibre", "/assets/ups", "/assets/members"),
    "/checks/{asset}/{name}": ("/checks/fibre/ping", "/checks/lte/ping", "/checks/restore/duty"),
    "/silences": ("/silences", "/silences?asset=printer"),
    "/maintenance": ("/maintenance",),
    "/why": ("/why?about=fibre/ping",),
    "/deliveries": ("/deliveries",),
    "/on-call": ("/on-call?asset=fibre&severity=critical&at=",),
    "/audits/credentials": ("/audits/credentials",),
    "/reviews": ("/reviews",),
    "/sites": ("/sites",),
    "/alerts": ("/alerts",),
    "/reports": ("/reports",),
    "/reports/{id}": ("/reports/{memo}",),
    "/reports/{id}/{shape}": ("/reports/{memo}/html",),
    "/morning": ("/morning",),
    "/morning/{id}": ("/morning/{morning}",),
    "/about": ("/about",),
    "/sign-in": ("/sign-in?token=x",),
    "/account": ("/account",),
    "/users": ("/users",),
    "/configuration": ("/configuration",),
    "/audit-log": ("/audit-log",),
    "/act/{token}": ("/act/{answer}", "/act/{drill}"),
    "/status": ("/status",),
}
"""An example or more of every page, by its route."""

NO_PAGES = (
    "/fragment/",
    "/incidents/{id}/files/",
    "/events",
    "/sign-in/oidc",
    "/account/second-factor/code.svg",
    "/audit-log/entries.",
    "/ping/",
    "/status.json",
    "/status/",
    "/static/",
    "/-/",
    "/api/",
)
"""How the addresses begin that give no page: parts of one, files, and what programs ask."""


class Places(NamedTuple):
    """What of the site has an address of its own."""

    open: str
    held: str
    reported: str
    reviewed: str
    memo: str
    morning: str
    answer: str
    drill: str


async def furnish(space: Any, make_asset: Callable[..., Asset]) -> Places:
    """Put all of it into the space of `harbour`."""
    now = datetime.now(UTC)
    _staff(space, now)
    async with space.store.connect() as conn:
        live = {one.asset: one for one in await incidents.live(conn)}
    reviewed = await _outage(space, now)
    complaint = Complaint(str(ULID()), "room-0", "No sound in Elbe", "ana", now - HOUR, by_member=True, people=5)
    reported = await space.report(complaint)
    memo, morning = await _papers(space, now)
    await _past(space, now)
    await _plans(space, now)
    await _duties(space, make_asset, now)
    await _accounts(space)
    _troubles(space, now)
    space.touch()
    answer, drill = await _links(space, live["fibre"], now)
    return Places(live["fibre"].id, live["street"].id, reported.id, reviewed, memo, morning, answer, drill)


def _staff(space: Any, now: datetime) -> None:
    zone = space.config.site.hours.zone
    starts = (now - 36 * HOUR).astimezone(zone).replace(tzinfo=None, second=0, microsecond=0)
    everything = frozenset(Severity)
    space.config = replace(
        space.config,
        people=(
            Person("ana", "Ana Lopes", (Contact("ana", everything),)),
            Person("ben", "Ben Sousa", (Contact("ben/phone", everything),)),
        ),
        schedules=(Schedule("it", zone, Rotation(("ana", "ben"), Period.DAY, 1, starts), fallback=("chat",)),),
        routes=(Route("chat"), Route("pager", steps=(Step(0, ("it",)), Step(600, ("ben", "chat"))))),
        destinations=dict.fromkeys(("ana", "ben/phone", "chat"), SecretStr("json://127.0.0.1")),
        status_page=StatusPage(
            "Harbour Hall",
            (PublicAsset("fibre", "Internet", "The front desk lends a mobile router."), PublicAsset("ups", "Power")),
            contact="Questions? Come to the front desk.",
        ),
    )  # fmt: skip


async def _outage(space: Any, now: datetime) -> str:
    """An incident that is over and written up, with evidence, a file and two actions; its id."""
    hall = space.config.asset("hall")
    over = await space.recovers(hall, await space.fails(hall, "no answer", 180))
    cost = Impact(10800, 80, 14400, Basis.CAPACITY, ("hall", "street"), 3)
    async with space.store.begin() as conn:
        await incidents.save(conn, lifecycle.costed(over, cost))
    review = Review(
        "New battery in the lock.", "It had never been changed.", "Members waited outside.", factors="No spare key."
    )
    tasks = (("Order spare batteries", -DAY), ("Write the change into the calendar", 5 * DAY))
    actions = [Action(str(ULID()), over.id, text, "ana", (now + due).date(), now, "ana") for text, due in tasks]
    says = "The path ends at 192.0.2.1."
    for change in (
        lambda one: lifecycle.note(one, says, "Deskwatch", now, EntryKind.EVIDENCE),
        lambda one: lifecycle.act(one, actions[0]),
        lambda one: lifecycle.act(one, actions[1]),
        lambda one: lifecycle.done(one, actions[1].id, "ben", now),
        lambda one: lifecycle.review(one, review, "ana", now),
    ):
        await space.decide(over.id, change)
    await space.attach(attachments.attached(over.id, "lock.txt", b"Model 7, battery type C", "ana", now))
    return over.id


async def _papers(space: Any, now: datetime) -> tuple[str, str]:
    """A memo and a morning check, each with one of every block that it can have; their ids."""
    sections = (
        Section("What needs you", (ITEMS,)),
        Section("Happened overnight", (Paragraph("It is over."), TABLE)),
    )
    site, zone = space.config.site.name, space.config.site.hours.zone.key
    title, summary = "1 thing needs you before opening", "14 things checked."
    check = Document(Kind.MORNING, title, site, zone, now - 12 * HOUR, now, now, summary, Mark.BAD, sections)
    memo, morning, earlier = (str(ULID.from_datetime(now - back)) for back in (HOUR, HOUR, DAY))
    async with space.store.begin() as conn:
        await reports.save(conn, Report(memo, report()))
        await reports.save(conn, Report(earlier, replace(check, made=now - DAY, title="Ready to open", mark=Mark.GOOD)))
        await reports.save(conn, Report(morning, check))
        await reports.mark(conn, morning, ITEMS.items[0].key, "ana", now)
    return memo, morning


async def _past(space: Any, now: datetime) -> None:
    """Latencies of a day and of some weeks, and a run that says how it spent its time."""
    reading = space.latest["lte/ping"]
    parts = (("rtt", 0.03), ("resolve", 0.01))
    samples = tuple(Sample("probe_icmp_duration_seconds", value, part) for part, value in parts)
    space.latest["lte/ping"] = replace(reading, samples=samples)
    at = [(300, now - n * timedelta(minutes=5)) for n in range(60)] + [(86400, now - n * DAY) for n in range(40)]
    starts = [(step, datetime.fromtimestamp(time.timestamp() // step * step, UTC)) for step, time in at]
    made = [Rollup("lte/ping", step, start, 2, 0.04, 0.02, 0.02, {-39: 2}) for step, start in starts]
    async with space.store.begin() as conn:
        await rollups.save(conn, made)


async def _plans(space: Any, now: datetime) -> None:
    """A silence that is on and one that comes, planned work that is on and comes again, somebody who takes over."""
    for id, begin in (("01ON", now - HOUR), ("01SOON", now + DAY)):
        matchers = (Matcher("asset", "=", "printer"),)
        await space.silence(Silence(id, matchers, begin, begin + 4 * HOUR, "ana", "new drum", now))
    await space.override(Override("01ABC", "it", "ben", now - HOUR, now + 3 * HOUR, "ana", now))
    windows = (Window(now - HOUR, now + HOUR), Window(now + 2 * DAY, now + 2 * DAY + HOUR))
    work = Maintenance("w", "New router", Scope(sections=frozenset({"wifi"})), ZoneInfo("Europe/Berlin"), windows)
    space.config = replace(space.config, maintenances=(work,))


async def _duties(space: Any, make_asset: Callable[..., Asset], now: datetime) -> None:
    """Doors to audit, a review that is overdue, and what was signed off before."""
    today = now.astimezone(space.config.site.hours.zone).date()
    files = {side: {"source": "csv", "file": "/nowhere"} for side in ("locks", "members")}
    due = {"what": "Restore one file.", "every": "3 months", "first": f"{_before(today, 3)}"}
    space.add(
        _duty(make_asset("locks", "All locks", "doors"), "access.credentials", **files),
        _duty(make_asset("restore", "Restore test", "services"), "passive.review", **due),
    )
    has = [Credential(name, Keys(email=f"{name.casefold()}@example.com")) for name in ("Dan", "Eve")]
    may = [Member("Fay", Keys(email="fay@example.com"), since=now - DAY)]
    space.audits.take("locks/duty", audit(has, may, Remembered("00" * 16), Policy(grace=0), now)[0])
    async with space.store.begin() as conn:
        for check, figures in (("locks/duty", {"orphans": 2}), ("restore/duty", {})):
            signed = Signoff(str(ULID()), check, now - 9 * DAY, "Ana", "two cards back", now - 9 * DAY, figures)
            await signoffs.save(conn, signed)


def _before(day: date, days: int) -> date:
    return day - timedelta(days=days)


def _duty(asset: Asset, kind: str, **settings: Any) -> Asset:
    params = load(kind).Params.model_validate(settings)
    return replace(asset, checks=(Check(f"{asset.id}/duty", asset.id, "duty", kind, 3600, 60, Confirm(), params, ()),))


async def _accounts(space: Any) -> None:
    """Three people and two tokens, one of which has expired."""
    for name, role in (("ana", Role.ADMIN), ("ben@example.org", Role.OPERATOR), ("cleo", Role.VIEWER)):
        await account(space.store, name, role)
    await token(space.store, Role.VIEWER)
    await token(space.store, Role.VIEWER, days=-1, name="old script")


def _troubles(space: Any, now: datetime) -> None:
    """What is wrong with Deskwatch itself."""
    space.troubles = ("the disk is full",)
    space.reloads = space.reloads._replace(ok=False, problems=("site.yaml, line 3: there is no `uplnks`",))
    _elsewhere(space, now)
    space.reached = {"chat": Health(now - DAY, now - timedelta(minutes=12), "503 Service Unavailable")}


def _elsewhere(space: Any, now: datetime) -> None:
    """Other sites: one with something broken and something in hand, one whose Deskwatch says no, one never heard of."""
    names = {"east": "Harbour East", "north": "Northern Dock", "west": "Westside"}
    token = SecretStr("dw_elsewhere")
    sites = tuple(OtherSite(id, name, f"https://{id}.example", token) for id, name in names.items())
    space.config = replace(space.config, other_sites=sites)
    flood = Thing(
        title="Basement router is down", verdict="down", since=now - HOUR, affects="The whole house is offline.",
        remedy="Switch to the second line.", people=40, asset="router", incident="01E", held_by="",
    )  # fmt: skip
    held = flood.model_copy(update={"title": "Projector of Nile is down", "verdict": "degraded", "held_by": "Cleo"})
    board = SiteBoard(
        site="east", name="Harbour East", is_open=True, ready=False, assets=9, working=7, checking=0, unknown=0,
        begun=True, waiting=1, in_hand=1, tone="down", headline="1 thing needs you", things=(flood, held), more=2,
        at=now,
    )  # fmt: skip
    space.others = {
        "east": Heard(board, now),
        "north": Heard(board, now - DAY, Trouble.REFUSED),
        "west": Heard(None, None, Trouble.NO_CONNECTION),
    }


async def _links(space: Any, incident: Incident, now: datetime) -> tuple[str, str]:
    """The tokens of a link that answers the incident, and of one that answers a drill."""
    async with space.store.begin() as conn:
        secret = await links.key(conn, now)
    made = now.replace(microsecond=0)
    link = Link(Purpose.INCIDENT, incident.id, str(ULID()), "ana", made, made + DAY)
    drill = replace(link, purpose=Purpose.DRILL, incident="", episode="drill/2026-03-02")
    return sign(secret, link), sign(secret, drill)
