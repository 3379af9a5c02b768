"""The command line from afar: what it prints and what it changes, at a real API with a token."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from aiohttp.test_utils import TestServer
from click.testing import Result
from peers.people import token
from peers.reports import report
from typer.testing import CliRunner
from ulid import ULID

from alerting.oncall import Contact, Period, Person, Rotation, Schedule
from alerting.routes import Route, Step
from alerting.rules import Severity
from incidents.impact import Basis, Correction, Impact
from incidents.incident import Change
from incidents.review import Action
from monitor.cli import cli
from monitor.people.roles import Role
from monitor.records import listed, on_call, overridden, shown, silenced
from monitor.reports.document import Kind, Mark, to_json
from monitor.reports.rendering import message
from monitor.rota import IGNORED
from monitor.store import episodes, reports
from monitor.store.reports import Report
from monitor.web.app import build
from monitor.web.auth import Gate
from monitor.why import explain


class Afar(NamedTuple):
    """Somebody at another machine, with a token."""

    address: str
    secret: str

    async def types(self, *words: str, status: int = 0) -> str:
        """What a command prints that ends with a status."""
        ended = await self.ends(*words)
        assert ended.exit_code == status, ended.output
        return ended.output

    async def reads(self, *words: str, status: int = 0) -> Any:
        return json.loads(await self.types(*words, "--json", status=status))

    async def ends(self, *words: str) -> Result:
        # The server runs in this thread's loop.
        env = {"DESKWATCH_TOKEN": self.secret, "COLUMNS": "200"}
        return await asyncio.to_thread(CliRunner().invoke, cli, ["--server", self.address, *words], env=env)


@pytest.fixture
async def program(space) -> AsyncIterator[Callable[[Role], Awaitable[Afar]]]:
    """Makes people at other machines, who are what `viewer` and `operator` are here."""
    async with TestServer(build(space, Gate())) as server:

        async def made(role: Role) -> Afar:
            return Afar(str(server.make_url("")), await token(space.store, role, name="laptop"))

        yield made


@pytest.fixture
async def incident(space, make_asset):
    printer = make_asset("printer", "Printer")
    space.add(printer)
    return await space.fails(printer, "jammed")


@pytest.fixture
def roster(space) -> None:
    """Ana has the schedule, and Bea may take it over."""
    contact = Contact("ana/chat", frozenset(Severity))
    people = (Person("ana", "Ana", (contact,)), Person("bea", "Bea", ()))
    rotation = Rotation(("ana",), Period.WEEK, 1, datetime.fromisoformat("2026-01-05 09:00"))
    object.__setattr__(space.config, "people", people)
    object.__setattr__(space.config, "schedules", (Schedule("it", ZoneInfo("Europe/Berlin"), rotation),))


async def test_the_status_of_every_check_is_shown_with_the_exit_status_of_a_finding(space, make_asset, viewer) -> None:
    space.add(make_asset("lift", "Lift"))
    (row,) = await viewer.reads("status")
    assert (row["status"], row["reason"], row["seen"]) == ("unknown", "not measured yet", "")
    await space.fails(space.config.assets[0], "stuck")
    (row,) = await viewer.reads("status", status=1)
    assert (row["check"], row["status"], row["reason"]) == ("lift/ping", "down", "timeout")
    assert datetime.fromisoformat(row["since"]) < datetime.fromisoformat(row["seen"]) <= datetime.now(UTC)
    assert "│ lift/ping │ down" in await viewer.types("status", status=1)


async def test_a_long_list_is_read_to_its_end(space, make_asset, viewer) -> None:
    space.add(*(make_asset(f"room-{number}", f"Room {number}") for number in range(201)))
    assert [row["check"] for row in await viewer.reads("status")] == [check.id for check in space.config.checks]


async def test_incidents_are_shown_as_they_are_beside_the_store(space, incident, viewer) -> None:
    cost = Impact(3600, 12, 720, Basis.CAPACITY, ("printer",), 3)
    printer, now = space.config.assets[0], datetime.now(UTC)
    earlier = await space.fails(printer, "jammed", 60)
    await space.recovers(printer, incident)
    action = Action(str(ULID()), incident.id, "Order a spare", "ana", now.date(), now, "Ana", reminded=now)
    correction = Correction(90, "few were there", "Ana", now)
    await space.decide(
        incident.id,
        lambda one: Change(
            replace(one, cost=cost, member_minutes=cost.member_minutes, corrected=correction, actions=(action,))
        ),
    )
    async with space.store.connect() as conn:
        there, record = await listed(space.config, conn), await shown(space.config, conn, incident.id)
    record = json.loads(json.dumps(record))
    assert (record["cost"]["bookings"], record["corrected"]["reason"]) == (3, "few were there")
    assert [one["id"] for one in record["related"]] == [earlier.id]
    assert await viewer.reads("incidents", "list") == there
    assert incident.id in await viewer.types("incidents", "list")
    found = await viewer.reads("incidents", "show", incident.id)
    assert list(found.items()) == list(record.items())
    text = await viewer.types("incidents", "show", incident.id)
    assert "title: Printer is down" in text
    assert "  1  " in text


async def test_an_incident_that_is_not_there_ends_as_it_does_beside_the_store(viewer) -> None:
    assert await viewer.types("incidents", "show", "01X", status=2) == "there is no incident 01X\n"


async def test_an_incident_goes_from_open_to_reviewed(space, incident, operator) -> None:
    id = incident.id
    assert await operator.types("incidents", "acknowledge", id) == "Printer is down: acknowledged\n"
    await operator.types("incidents", "note", id, "The roller is worn.")
    assert (await operator.reads("incidents", "fixed", id))["stage"] == "resolved"
    await operator.types("incidents", "review", id, "--resolution", "New roller", "--set", "category=hardware")
    await operator.types("incidents", "action", id, "Order a spare", "--owner", "Ana", "--due", "2027-01-31")
    found = await operator.reads("incidents", "show", id)
    assert (found["acknowledged_by"], found["resolution"], found["category"]) == (
        "token laptop",
        "New roller",
        "hardware",
    )
    (action,) = found["actions"]
    await operator.types("incidents", "done", id, action["id"])
    found = await operator.reads("incidents", "show", id)
    assert found["actions"][0]["done_by"] == "token laptop"
    assert "The roller is worn." in [line["text"] for line in found["timeline"]]


async def test_what_no_check_has_noticed_is_reported(space, make_asset, operator) -> None:
    space.add(make_asset("printer", "Printer"))
    made = await operator.reads("incidents", "report", "printer", "It eats paper", "--at", "2026-11-01 09:30")
    found = await operator.reads("incidents", "show", made["id"])
    assert (found["title"], found["opened"]) == ("It eats paper", "2026-11-01T08:30:00+00:00")
    refused = await operator.types("incidents", "report", "sauna", "It is cold", status=2)
    assert "422 Unprocessable" in refused
    assert "nothing of the name 'sauna' is watched" in refused


async def test_the_record_is_set_right(space, make_asset, incident, operator) -> None:
    other = make_asset("scanner", "Scanner")
    space.add(other)
    gone = await space.fails(other, "jammed", 10)
    await operator.types("incidents", "merge", gone.id, incident.id)
    await operator.types("incidents", "fixed", incident.id)
    early = (datetime.now(ZoneInfo("Europe/Berlin")) - timedelta(days=1)).replace(hour=12)
    correct = ("incidents", "correct", incident.id)
    await operator.types(*correct, "--opened", f"{early:%Y-%m-%d %H:%M}", "--minutes", "90", "--reason", "few there")
    found = await operator.reads("incidents", "show", incident.id)
    assert (found["opened"], found["member_minutes"]) == (f"{early.astimezone(UTC):%Y-%m-%dT%H:%M}:00+00:00", 90)
    assert (await operator.reads("incidents", "show", gone.id))["merged_into"] == incident.id
    number = found["timeline"][-1]["line"]
    await operator.types(*correct, "--line", str(number), "--at", f"{early:%Y-%m-%d %H:%M}")
    lines = {line["line"]: line for line in (await operator.reads("incidents", "show", incident.id))["timeline"]}
    assert lines[number]["noted"] is not None
    assert "404 Not Found" in await operator.types(*correct, "--line", "99", "--at", "2026-11-01 10:00", status=1)


async def test_files_go_to_an_incident_and_its_record_comes_as_a_file(incident, operator, tmp_path) -> None:
    (tmp_path / "router.log").write_text("link down")
    await operator.types("incidents", "attach", incident.id, str(tmp_path / "router.log"))
    found = await operator.reads("incidents", "show", incident.id)
    assert [(one["name"], one["type"], one["size"]) for one in found["attachments"]] == [
        ("router.log", "text/plain", 9)
    ]
    file = tmp_path / "printer.csv"
    await operator.types("incidents", "export", incident.id, "--format", "csv", "--out", str(file))
    assert "router.log" in file.read_text()
    assert "Printer is down" in await operator.types("incidents", "export", incident.id, "--format", "text")
    (tmp_path / "setup.exe").write_bytes(b"MZ\0")
    refused = await operator.types("incidents", "attach", incident.id, str(tmp_path / "setup.exe"), status=2)
    assert "convert it first" in refused


async def test_a_silence_begins_and_ends(space, make_asset, operator) -> None:
    space.add(make_asset("printer", "Printer"), make_asset("lift", "Lift"))
    add = ("silence", "add", "asset=printer", "--for", "2h", "--comment", "new drum")
    id, _, rest = (await operator.types(*add)).partition(": until ")
    (made,) = space.silences
    assert made.ends - made.starts == timedelta(hours=2)
    ends = made.ends.astimezone(ZoneInfo("Europe/Berlin"))
    assert rest.startswith(f"{ends:%Y-%m-%d %H:%M}")
    assert rest.endswith(", holds back 1 of the alerts there are\n")
    later = f"{ends + timedelta(days=1):%Y-%m-%d} 12:00"
    await operator.types(*add, "--from", later)
    rows = await operator.reads("silence", "list")
    assert [(row["state"], row["conditions"], row["author"]) for row in rows] == [
        ("coming", ["asset=printer"], "token laptop"),
        ("on", ["asset=printer"], "token laptop"),
    ]
    assert await operator.types("silence", "expire", id) == f"{id}: ended\n"
    rows = await operator.reads("silence", "list")
    assert [row["state"] for row in rows] == ["coming", "ended"]
    async with space.store.connect() as conn:
        assert rows == await silenced(space.config, conn)
    assert "409 Conflict" in await operator.types("silence", "expire", id, status=1)
    assert "404 Not Found" in await operator.types("silence", "expire", "01Z", status=1)
    assert "the begin 'noon' must be a time" in await operator.types(*add, "--from", "noon", status=2)


async def test_somebody_takes_over_and_gives_back(space, roster, operator) -> None:
    (row,) = await operator.reads("oncall", "who")
    assert (row["schedule"], row["person"]) == ("it", "Ana")
    soon = datetime.now(ZoneInfo("Europe/Berlin")) + timedelta(days=9)
    ends = soon.replace(hour=8, minute=0, second=0, microsecond=0)
    until = f"{ends:%Y-%m-%d %H:%M}"
    said = await operator.types("oncall", "override", "it", "bea", "now", until)
    id = said.partition(":")[0]
    assert said.endswith(f"until {until}\n")
    (row,) = await operator.reads("oncall", "overrides")
    assert (row["id"], row["person"], row["ends"]) == (id, "bea", ends.isoformat(" ", "minutes"))
    assert (await operator.reads("oncall", "who"))[0]["person"] == "Bea"
    assert await operator.types("oncall", "remove", id) == f"{id}: taken back\n"
    assert await operator.reads("oncall", "overrides") == []
    assert "404 Not Found" in await operator.types("oncall", "remove", id, status=1)
    assert "there is no person 'eve'" in await operator.types("oncall", "override", "it", "eve", "now", until, status=2)


async def test_who_is_on_call_at_another_time_is_told_as_beside_the_store(space, roster, operator) -> None:
    today = datetime.now(UTC)
    soon, later, last = (f"{today + timedelta(days=days):%Y-%m-%d} 08:00" for days in (2, 3, 5))
    await operator.types("oncall", "override", "it", "ana", later, last)
    await operator.types("oncall", "override", "it", "bea", "now", later)
    now = datetime.now(UTC)
    for at, person in (("", "Bea"), (soon, "Bea"), (last, "Ana"), ("2026-02-01 09:00", "Ana")):
        async with space.store.connect() as conn:
            there = await on_call(space.config, conn, at, now)
        assert await operator.reads("oncall", "who", "--at", at) == there
        assert [row["person"] for row in there] == [person]
    assert "must be like" in await operator.types("oncall", "who", "--at", "noon", status=2)
    object.__setattr__(space.config, "people", space.config.people[:1])  # Bea has left
    async with space.store.connect() as conn:
        there = await overridden(space.config, conn, now)
    assert [row["note"] for row in there] == [IGNORED, ""]
    assert await operator.reads("oncall", "overrides") == there


async def test_nobody_on_call_is_a_finding(space, roster, viewer) -> None:
    object.__setattr__(space.config.schedules[0], "rotation", None)
    assert "nobody" in await viewer.types("oncall", "who", status=1)


async def test_who_comes_next_and_who_would_be_paged(space, make_asset, roster, viewer) -> None:
    space.add(make_asset("printer", "Printer"))
    object.__setattr__(space.config, "routes", (Route("pager", steps=(Step(0, ("it",)), Step(600, ("bea",)))),))
    rows = await viewer.reads("oncall", "shifts", "--days", "3")
    assert {row["person"] for row in rows} == {"Ana"}
    for days, last in ((3, rows[-1]), (400, (await viewer.reads("oncall", "shifts", "--days", "400"))[-1])):
        ahead = datetime.now(UTC) + timedelta(days=days)
        assert abs(datetime.fromisoformat(last["ends"]) - ahead) < timedelta(minutes=2)
    for at in ((), ("--at", "Sun 02:30")):
        first, second = await viewer.reads("oncall", "who", "--asset", "printer", *at, status=1)
        assert (first["route"], first["held"], first["reached"][0]["destination"]) == ("pager", "", "ana/chat")
        assert (second["after"], second["reached"]) == (600, [])  # Bea has no way to be told
    assert "at once" in await viewer.types("oncall", "who", "--asset", "printer", status=1)
    assert "must be like" in await viewer.types("oncall", "who", "--asset", "printer", "--at", "noon", status=2)
    assert "422" in await viewer.types("oncall", "who", "--asset", "sauna", status=2)


async def test_why_somebody_was_paged_is_told_as_beside_the_store(space, incident, viewer) -> None:
    async with space.store.begin() as conn:
        await episodes.save(conn, space.episodes["printer/ping", "down"].episode)
        answer = await explain(conn, space.config, "printer/ping", datetime.now(UTC))
    assert answer.summary.startswith("The rule down fired")
    lines = [{**line._asdict(), "at": line.at.isoformat()} for line in answer.lines]
    assert await viewer.reads("why", "printer/ping") == {
        "check": "printer/ping",
        "summary": answer.summary,
        "lines": lines,
    }
    at = answer.lines[-1].at.astimezone(ZoneInfo("Europe/Berlin"))
    told = await viewer.types("why", "printer/ping", "--at", f"{at:%Y-%m-%d %H:%M}")
    assert told.startswith(f"{answer.summary}\n")
    assert f"\n  {at:%Y-%m-%d %H:%M:%S}  rule down: fires (critical)\n" in told
    assert "no check and no episode" in await viewer.types("why", "printer/pong", status=2)
    assert "must be like" in await viewer.types("why", "printer/ping", "--at", "noon", status=2)


async def test_reports_are_listed_shown_and_made(space, make_asset, operator) -> None:
    kept = Report(str(ULID()), report())
    async with space.store.begin() as conn:
        await reports.save(conn, kept)
    (row,) = await operator.reads("report", "list")
    assert (row["id"], row["title"], row["kind"]) == (kept.id, kept.document.title, str(kept.document.kind))
    other = next(kind for kind in Kind if kind is not kept.document.kind)
    assert await operator.reads("report", "list", "--kind", other) == []
    assert json.loads(await operator.types("report", "show", kept.id, "--format", "json"))["title"] == row["title"]
    assert "there is no report 01X" in await operator.types("report", "show", "01X", status=1)
    space.add(make_asset("printer", "Printer"))
    await space.works(space.config.assets[0])
    yesterday = (datetime.now(ZoneInfo("Europe/Berlin")) - timedelta(days=1)).date()
    made = json.loads(await operator.types("report", "daily", "--format", "json"))
    start = datetime.fromisoformat(made["start"]).astimezone(ZoneInfo("Europe/Berlin"))
    assert (made["kind"], start.date()) == ("daily", yesterday)


async def test_the_newest_morning_check_is_shown(space, viewer) -> None:
    assert "no morning check" in await viewer.types("report", "morning", status=1)
    for day, mark in ((20, Mark.GOOD), (21, Mark.BAD)):
        made = datetime(2026, 7, day, 6, tzinfo=UTC)
        document = replace(report(), kind=Kind.MORNING, title=f"Tuesday {day}", made=made, mark=mark)
        async with space.store.begin() as conn:
            await reports.save(conn, Report(str(ULID.from_datetime(made)), document))
        said = await viewer.types("report", "morning", status=int(mark is Mark.BAD))
        assert said == "\n\n".join(message(document, "")) + "\n"
        shape = await viewer.types("report", "morning", "--format", "json", status=int(mark is Mark.BAD))
        assert json.loads(shape) == to_json(document)


async def test_availability_is_that_of_the_days(space, make_asset, viewer) -> None:
    space.add(make_asset("printer", "Printer"))
    await space.works(space.config.assets[0], hours=10)
    rows = await viewer.reads("report", "availability", "--around-the-clock", "--planned-work")
    assert [(row["what"], row["name"], row["available"]) for row in rows] == [
        ("site", "harbour", "100 %"),
        ("asset", "printer", "100 %"),
        ("check", "printer/ping", "100 %"),
    ]
    assert 0.01 < rows[0]["coverage"] < 0.02
    assert "from: must be before" in await viewer.types("report", "availability", "--from", "2020-01-01", status=2)


async def test_a_token_that_may_only_look_changes_nothing(incident, viewer) -> None:
    refused = await viewer.types("incidents", "acknowledge", incident.id, status=2)
    assert "403 Forbidden" in refused
    assert "for people with the role operator" in refused
    assert (await viewer.reads("incidents", "show", incident.id))["stage"] == "open"


async def test_a_token_that_does_not_work_is_refused_with_the_remedy(space, viewer) -> None:
    refused = await viewer._replace(secret="dwt_nonsense").types("status", status=2)
    assert "401 Unauthorized" in refused
    assert "DESKWATCH_TOKEN" in refused
    assert "nonsense" not in refused


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("incidents", "fixed", "01A", "--by", "Ana"), "leave --by out"),
        (("report", "morning", "--now"), "works only beside the configuration"),
        (("user", "list"), "Through a server work status"),
        (("reference", "kinds"), "leave --server out"),
        (("status", "site.yaml"), "two places"),
        (("silence", "list", "site.yaml"), "two places"),
    ],
)
async def test_what_a_server_has_no_part_in_is_wrong_usage(viewer, words: tuple[str, ...], said: str) -> None:
    assert said in await viewer.types(*words, status=2)
