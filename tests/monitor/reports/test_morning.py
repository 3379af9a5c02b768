"""What the morning check says: what needs somebody, in which order and in which words."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from alerting.gates import Gate, Hold, Maintenance, Matcher, Scope, Silence, Window
from alerting.hours import OpeningHours
from alerting.oncall import Contact, Person
from alerting.routes import Route, Step
from alerting.rules import Rule, Severity
from incidents.incident import Incident, Stage, Told, Waiting
from monitor.config.model import Asset, Check, Config, Confirm, Drill, Server, Site, Storage
from monitor.reports.document import Document, Item, Mark, Table
from monitor.reports.endings import ENDINGS
from monitor.reports.morning import morning
from monitor.reports.needs import Seen
from monitor.reports.rendering import message
from probes import Reading, Sample, Status, kinds, load
from probes._engines.uplinks import Uplink

NOW = datetime(2026, 11, 24, 7, 31, tzinfo=UTC)
CLOSED = datetime(2026, 11, 23, 20, tzinfo=UTC)
OPENS = datetime(2026, 11, 24, 8, tzinfo=UTC)
HOURS = OpeningHours(ZoneInfo("Europe/Lisbon"), (((time(8), time(20)),),) * 7)
EVERY = frozenset(Severity)
HOUR = timedelta(hours=1)
SILENCED = Hold(Gate.SILENCE, "s", None, "silenced by Ben until 10:00: toner")


def check(asset: str, name: str = "ping", severity: Severity = Severity.CRITICAL, kind: str = "internet.ping") -> Check:
    """A check whose first rule tells that it is down."""
    params = load("internet.ping").Params(host="127.0.0.1")
    rule = Rule(f"{asset}/{name}", "down", "is down", severity, status=Status.DOWN)
    return Check(f"{asset}/{name}", asset, name, kind, 30, 5, Confirm(), params, (rule,))


def asset(
    id: str,
    name: str,
    section: str = "services",
    people: int = 80,
    depends_on: tuple[tuple[str, ...], ...] = (),
    checks: Sequence[Check] = (),
    **more: str,
) -> Asset:
    return Asset(
        id, section, name, people, depends_on, more.get("affects", ""), more.get("remedy", ""),
        tuple(checks) or (check(id),),
    )  # fmt: skip


BOOKING = asset(
    "booking", "Booking system", "booking", 80,
    affects="Members cannot book.", remedy="Call the vendor on 0800 123.",
)  # fmt: skip
WIFI = asset("wifi", "Members' Wi-Fi", "wifi", 80, depends_on=(("ups",),))
UPS = asset("ups", "UPS", "equipment", 80)
ROOM = asset("room", "Harbour room", "rooms", 10)
PRINTER = asset("printer", "Printer", "equipment", 20)
BACKUP = asset("backup", "Nightly backup", "services", 4, checks=[check("backup", "beat", kind="passive.heartbeat")])


def config(*assets: Asset, **changes: object) -> Config:
    ana = Person("ana", "Ana Lopes", (Contact("ana/phone", EVERY),))
    route = Route("techs", steps=(Step(0, ("ana",)),))
    site = Site("harbour", "Harbour Street", HOURS, 80)
    made = Config(
        site, assets, (route,), {}, Server(), Storage(SecretStr("sqlite://")), people=(ana,),
    )  # fmt: skip
    return replace(made, **changes)


def reading(
    id: str, status: Status = Status.UP, detail: str = "answered", *samples: Sample, reason: str = ""
) -> Reading:
    return Reading(id, NOW - timedelta(seconds=20), 0.1, status, reason or status.value, detail, samples)


OLD = replace(reading("ups/ping"), at=NOW - 2 * HOUR)


def seen(made: Config, *changed: Reading, **more: object) -> Seen:
    """Everything works but for the readings that are given."""
    readings = {one.id: reading(one.id) for one in made.checks} | {one.check: one for one in changed}
    return replace(Seen(made, NOW, CLOSED, OPENS, readings), **more)


def incident(of: Asset, severity: Severity = Severity.CRITICAL, **more: object) -> Incident:
    made = Incident(f"01{of.id}", of.id, f"{of.name} is down", severity, NOW - HOUR, firing=frozenset({"e"}))
    return replace(made, **more)


def items(document: Document) -> dict[str, Item]:
    return {item.title: item for item in document.items}


def titles(document: Document) -> list[str]:
    return [item.title for item in document.items]


def rows(document: Document, section: str) -> tuple[tuple[object, ...], ...]:
    blocks = (block for one in document.sections if one.title == section for block in one.blocks)
    return tuple(row for block in blocks if isinstance(block, Table) for row in block.rows)


def test_when_all_is_well_it_says_so_in_one_line() -> None:
    found = morning(seen(config(BOOKING, WIFI, UPS, ROOM, PRINTER)), OPENS)
    assert message(found, "https://watch.example/morning") == (
        "Ready to open (Harbour Street)",
        "5 things checked at 07:31, all work.\nhttps://watch.example/morning",
    )
    assert (found.mark, found.sections) == (Mark.GOOD, ())
    assert (found.start, found.end, found.made) == (CLOSED, OPENS, NOW)


def test_a_fault_is_told_with_whom_it_hits_what_to_do_who_has_it_and_what_to_tell_members() -> None:
    told = (Told("ana/phone", "e"),)
    made = morning(seen(config(BOOKING, PRINTER), live=(incident(BOOKING, told=told),)))
    assert message(made, "") == (
        "1 thing needs you before opening (Harbour Street)",
        "2 things checked at 07:31, 1 of them works.\n"
        "1. Booking system is down\n"
        "   Since Tue 24 Nov, 06:31. It serves 80 people. Members cannot book.\n"
        "   What to do: Call the vendor on 0800 123.\n"
        "   Nobody has it yet. Told: Ana Lopes.\n"
        "   Tell members: Booking system does not work right now; please come to the front desk to book.",
    )
    assert (made.mark, made.items[0].key, made.items[0].link) == (
        Mark.BAD, "incident/01booking", "/incidents/01booking",
    )  # fmt: skip


def test_what_hits_most_people_comes_first() -> None:
    site = config(BACKUP, PRINTER, ROOM, BOOKING, WIFI)
    worse = replace(incident(WIFI, Severity.WARNING), title="Members' Wi-Fi is slow")
    made = morning(seen(site, live=(incident(BACKUP), incident(PRINTER), incident(ROOM), worse, incident(BOOKING))))
    assert titles(made) == [
        "Booking system is down",
        "Members' Wi-Fi is slow",
        "Printer is down",
        "Harbour room is down",
        "Nightly backup is down",
    ]


def test_a_room_that_is_booked_in_the_afternoon_can_wait() -> None:
    later = Sample("deskwatch_room_next_booking_timestamp_seconds", (NOW + 6 * HOUR).timestamp())
    study = replace(ROOM, id="study", name="Study", people=8, checks=(check("study"),))
    site, live = config(ROOM, study), (incident(ROOM), incident(study))
    made = morning(seen(site, reading("room/ping", Status.UP, "free", later), live=live))
    assert titles(made) == ["Study is down", "Harbour room is down"]
    assert items(made)["Harbour room is down"].hits.endswith("Next booking: Tue 24 Nov, 13:31.")


def test_what_is_down_because_of_something_else_is_told_with_its_cause() -> None:
    down = reading("wifi/ping", Status.DOWN, "no answer")
    made = morning(seen(config(WIFI, UPS), down, live=(incident(UPS),)))
    assert titles(made) == ["UPS is down"]
    assert "Also down because of it: Members' Wi-Fi." in made.items[0].hits
    assert made.summary == "2 things checked at 07:31, none of them work."


def test_a_fault_that_has_no_incident_yet_is_told_as_well() -> None:
    made = morning(seen(config(BOOKING), reading("booking/ping", Status.DOWN, "no answer within 5 s.")))
    assert made.items == (
        Item(
            "asset/booking",
            "Booking system is down",
            "no answer within 5 s. It serves 80 people. Members cannot book.",
            "Call the vendor on 0800 123.",
            "It has only just been found. Who is told: Ana Lopes.",
            "Booking system does not work right now; please come to the front desk to book.",
            "/assets/booking",
            Mark.BAD,
        ),
    )


def test_a_check_for_which_another_one_speaks_is_not_told() -> None:
    quiet = asset("room", "Harbour room", checks=[check("room", "codec", Severity.INFO), check("room", "readiness")])
    made = morning(seen(config(quiet), reading("room/codec", Status.DOWN), reading("room/readiness")))
    assert made.title == "Ready to open"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"stage": Stage.ACKNOWLEDGED, "acknowledged": NOW - HOUR / 2, "acknowledged_by": "Ben"},
            "Ben has it, since Tue 24 Nov, 07:01.",
        ),
        ({"told": (Told("ana/phone", "e"), Told("chat", "e"))}, "Nobody has it yet. Told: Ana Lopes, chat."),
        (
            {"waiting": (Waiting("techs", "e", NOW, SILENCED),)},
            "Nobody was told: silenced by Ben until 10:00: toner.",
        ),
        ({}, "Nobody has it, and nobody was told: no route is for it."),
    ],
)
def test_who_has_an_incident_is_said(change: dict[str, object], words: str) -> None:
    assert morning(seen(config(BOOKING), live=(incident(BOOKING, **change),))).items[0].holder == words


def test_a_silenced_fault_is_told_all_the_same_and_who_silenced_it() -> None:
    silence = Silence("s", (Matcher("asset", "=", "booking"),), NOW - HOUR, NOW + HOUR, "Ben", "new server", NOW - HOUR)
    made = morning(seen(config(BOOKING), reading("booking/ping", Status.DOWN), silences=(silence,)))
    assert made.title == "1 thing needs you before opening"
    assert made.items[0].holder == "Nobody is told: silenced by Ben until Tue 24 Nov, 08:31: new server."


def test_what_matters_less_at_night_counts_as_it_will_when_the_site_is_open() -> None:
    made = morning(
        seen(config(BOOKING), live=(incident(BOOKING, Severity.WARNING),), firing={("booking/ping", "down")})
    )
    assert made.mark is Mark.BAD
    assert "does not work" in made.items[0].tell


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ({"late": frozenset({"ups/ping"})}, "it could not be measured in time"),
        ({"readings": {}}, "it has not been measured yet"),
        ({"readings": {"ups/ping": OLD}}, "there is nothing newer than Tue 24 Nov, 05:31"),
        ({"readings": {"ups/ping": reading("ups/ping", Status.UNKNOWN, "no route to it")}}, "no route to it"),
    ],
)
def test_what_could_not_be_measured_is_neither_good_nor_bad(known: dict[str, object], why: str) -> None:
    others = {"wifi/ping": reading("wifi/ping"), "printer/ping": reading("printer/ping")}
    base = seen(config(UPS, WIFI, PRINTER))
    readings = {**others, **known.get("readings", base.readings)}
    made = morning(replace(base, **{**known, "readings": readings}))
    assert made.title == "Ready to open, but 1 check could not be measured"
    assert made.summary == "2 things checked at 07:31, all work. Could not be measured: UPS."
    assert rows(made, "Could not be measured") == (("UPS", "ping", why),)
    assert (made.mark, made.items) == (Mark.UNKNOWN, ())


def test_what_waits_to_be_told_is_shown_and_worries_nobody() -> None:
    waits = reading("backup/beat", Status.UNKNOWN, "the first sign of life is due at 09:00", reason="waiting")
    made = morning(seen(config(BACKUP, PRINTER), waits))
    assert (made.title, made.mark) == ("Ready to open", Mark.GOOD)
    assert rows(made, "Could not be measured") == (
        ("Nightly backup", "beat", "the first sign of life is due at 09:00"),
    )


def test_planned_work_that_stops_measuring_is_said() -> None:
    window = Window(NOW - HOUR, NOW + HOUR)
    work = Maintenance("w", "New UPS", Scope(frozenset({"ups"})), HOURS.zone, (window,), skip=True)
    made = morning(seen(config(UPS, PRINTER, maintenances=(work,))))
    assert rows(made, "Could not be measured") == (("UPS", "ping", "planned work: New UPS"),)


def test_when_nothing_could_be_measured_nobody_is_told_that_it_is_ready() -> None:
    made = morning(seen(config(UPS, PRINTER), late=frozenset({"ups/ping", "printer/ping"})))
    assert (made.title, made.mark) == ("Nothing could be measured", Mark.UNKNOWN)
    assert "nobody knows how things are" in made.summary


def test_what_happened_in_the_night_and_is_over_is_told_kindly() -> None:
    over = incident(
        BOOKING, stage=Stage.RESOLVED, opened=NOW - 4.5 * HOUR, resolved=NOW - 1.5 * HOUR, member_minutes=0.0
    )
    made = morning(seen(config(BOOKING), past=(over,)))
    assert message(made, "") == (
        "Ready to open (Harbour Street)",
        "1 thing checked at 07:31, it works. "
        "Overnight, and over: Booking system is down (Tue 24 Nov, 03:01 to 06:01, 3 h).",
    )
    assert made.sections[0].title == "Happened overnight"
    assert made.sections[0].blocks[0].text == "All of it is over, and no member noticed: the space was closed."
    assert rows(made, "Happened overnight") == (("Booking system is down", "Tue 24 Nov, 03:01 to 06:01, 3 h", "none"),)


def test_a_fault_from_before_closing_says_how_long_members_could_notice() -> None:
    over = incident(BOOKING, stage=Stage.RESOLVED, opened=CLOSED - HOUR / 2, resolved=CLOSED + 5 * HOUR)
    made = morning(seen(config(BOOKING), past=(over,)))
    assert rows(made, "Happened overnight") == (
        ("Booking system is down", "Mon 23 Nov, 19:30 to Tue 24 Nov, 01:00, 5 h 30 min", "30 min"),
    )


@pytest.mark.parametrize(
    ("metric", "part", "value", "title"),
    [
        ("deskwatch_certificate_remaining_seconds", "chain", 9.6 * 86400, "UPS has a certificate that ends in 9 days"),
        ("deskwatch_certificate_remaining_seconds", "leaf", 5 * 3600, "UPS has a certificate that ends in 5 h"),
        ("deskwatch_display_lamp_used_ratio", "1", 0.93, "UPS has a lamp with 93 % of its life behind it"),
        ("deskwatch_printer_supply_ratio", "Black Toner", 0.08, "UPS has 8 % of its Black Toner left"),
        ("deskwatch_door_battery_ratio", "Side door", 0.15, "UPS has a lock with 15 % of its battery left: Side door"),
        ("deskwatch_ups_replace_battery", "", 1, "UPS needs a new battery"),
        ("deskwatch_credentials", "orphaned", 1, "UPS lets 1 person in who should not have a key any more"),
        ("deskwatch_credentials", "missing", 2, "UPS keeps 2 people out who should have a key"),
        ("deskwatch_review_remaining_seconds", "", 6 * 86400, "UPS has to be done within 6 days"),
    ],
)
def test_what_ends_soon_is_told_and_does_not_keep_anybody_from_opening(
    metric: str, part: str, value: float, title: str
) -> None:
    made = morning(seen(config(UPS), reading("ups/ping", Status.UP, "ok", Sample(metric, value, part))))
    assert (made.title, made.mark, titles(made)) == ("Ready to open", Mark.GOOD, [title])
    assert made.summary.endswith("1 thing to see to soon.")
    assert made.items[0].todo
    assert made.items[0].tell == ""


@pytest.mark.parametrize(("weekday", "at", "due"), [(1, time(10), True), (1, time(5), False), (2, time(10), False)])
def test_a_pager_drill_of_today_that_is_to_come_is_told(weekday: int, at: time, due: bool) -> None:
    made = morning(seen(config(UPS, drill=Drill(weekday, at))))
    assert titles(made) == (["Pager drill today at 10:00"] if due else [])
    assert made.title == "Ready to open"


def test_what_has_long_to_go_a_rule_tells_or_does_not_work_anyway_is_not_told_again() -> None:
    metric = "deskwatch_certificate_remaining_seconds"
    long, soon = Sample(metric, 60 * 86400, "leaf"), Sample(metric, 86400, "leaf")
    rules = (
        *UPS.checks[0].rules,
        Rule("ups/ping", "cert", "has a certificate that ends", Severity.WARNING, metric=metric, below=1),
    )
    site = config(replace(UPS, checks=(replace(UPS.checks[0], rules=rules),)))  # fmt: skip
    assert morning(seen(site, reading("ups/ping", Status.UP, "", long))).items == ()
    assert morning(seen(site, reading("ups/ping", Status.UP, "", soon), firing={("ups/ping", "cert")})).items == ()
    assert titles(morning(seen(site, reading("ups/ping", Status.DOWN, "", soon)))) == ["UPS is down"]


def test_of_several_certificates_of_one_check_the_first_to_end_is_told() -> None:
    metric = "deskwatch_certificate_remaining_seconds"
    samples = Sample(metric, 9 * 86400, "leaf"), Sample(metric, 3 * 86400, "chain")
    made = morning(seen(config(UPS), reading("ups/ping", Status.UP, "", *samples)))
    assert titles(made) == ["UPS has a certificate that ends in 3 days"]


def test_all_metrics_that_are_looked_at_are_measured_by_some_kind() -> None:
    declared = {metric.name for kind in kinds() for metric in load(kind).metrics}
    assert {ending.metric for ending in ENDINGS} <= declared


def test_who_cannot_be_reached_and_what_is_wrong_with_deskwatch_comes_last() -> None:
    made = morning(
        seen(
            config(BACKUP),
            live=(incident(BACKUP),),
            unreached={"ana/phone": "the number is not known"},
            problems=("the disk is full",),
        )
    )
    assert titles(made) == [
        "Nightly backup is down",
        "Messages do not reach Ana Lopes",
        "Deskwatch itself has a problem",
    ]
    assert made.items[2].hits == "the disk is full"


@pytest.mark.parametrize("has_incident", [True, False])
def test_members_are_told_that_what_is_down_does_not_work_however_little_it_matters(has_incident: bool) -> None:
    printer = replace(PRINTER, checks=(check("printer", severity=Severity.WARNING),))
    live, firing = (incident(printer, Severity.WARNING),), (("printer/ping", "down"),)
    lasting = {"live": live, "firing": firing} if has_incident else {}
    (item,) = morning(seen(config(printer), reading("printer/ping", Status.DOWN, "no answer"), **lasting)).items
    assert (item.title, item.mark) == ("Printer is down", Mark.WATCH)
    assert item.tell == "Printer does not work right now; we are on it."


def test_members_are_told_that_what_works_badly_may_do_so() -> None:
    slow = replace(incident(PRINTER, Severity.WARNING), title="Printer is slow")
    (item,) = morning(seen(config(PRINTER), live=(slow,))).items
    assert item.tell == "Printer does not work quite as it should at the moment; we are on it."


def test_members_are_not_told_what_they_do_not_notice() -> None:
    spare = replace(asset("lte", "LTE", "uplinks"), uplink=Uplink(role="backup"))
    line = replace(asset("fibre", "Fibre", "uplinks"), uplink=Uplink())
    live = (incident(BACKUP), incident(spare), incident(line))
    told = {one.title: one.tell for one in morning(seen(config(BACKUP, spare, line), live=live)).items}
    assert told == {
        "Nightly backup is down": "",
        "LTE is down": "",
        "Fibre is down": "The internet is slower than usual right now; we are on it.",
    }


def test_while_the_space_is_open_nothing_is_before_opening() -> None:
    assert morning(seen(config(UPS), opens=None)).title == "All is well"
    assert morning(seen(config(UPS), opens=None, live=(incident(UPS),))).title == "1 thing needs you"


def test_what_is_gone_from_the_configuration_or_watched_by_others_is_told_without_advice() -> None:
    made = morning(seen(config(UPS), live=(incident(replace(PRINTER, name="\x1b[1mOld\u202e printer")),)))
    assert made.items[0].title == "[1mOld printer is down"
    assert (made.items[0].todo, made.items[0].tell) == ("", "")
