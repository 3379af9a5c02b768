"""Reviews of a whole service: one that is overdue opens an incident, and a sign-off from anywhere ends it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from peers.ports import free_port
from peers.service import until, watching
from typer.testing import CliRunner

from alerting.rules import Severity
from incidents.lifecycle import Incident
from monitor.app import App
from monitor.cli import cli
from monitor.config import load
from monitor.config.model import Config
from monitor.reviews import LONGEST_LINK, LONGEST_NOTE, State, next_due, signed, standing
from monitor.store import Store, incidents, signoffs
from monitor.store.signoffs import Signoff
from probes import Status

NOW = datetime(2027, 2, 10, 9, tzinfo=UTC)
SITE = """\
site: {{id: harbour, name: Harbour Street, timezone: Europe/Lisbon}}
server: {{listen: "127.0.0.1:{port}"}}
storage: {{url: "sqlite:///{folder}/state.db"}}
defaults: {{interval: 1s, timeout: 1s, confirm: {{times: 1, gap: 0.1s}}}}
services:
  - id: restore-test
    name: Restore test
    people: 0
    checks: [{{kind: passive.review, every: 3 months, first: {first}, what: Restore one file. Evidence is which.}}]
  - id: door-audit
    name: Door audit
    people: 0
    checks:
      - {{kind: passive.review, every: 1 year, first: 2099-12-31, what: Look through it., of: restore-test/review}}
  - id: file
    checks: [{{kind: passive.file, path: "{folder}/site.yaml", max_age: 3600}}]
"""
EVIDENCE = "restored ledger.csv of Monday in 41 min"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A review that is overdue, and one far ahead that counts the sign-offs of the first one, too."""
    path = tmp_path / "site.yaml"
    path.write_text(SITE.format(port=free_port(), folder=tmp_path, first="2020-01-31"))
    return path


@pytest.fixture
def config(site: Path) -> Config:
    return load(site)


async def reads(service: App, check: str, status: Status) -> None:
    async def found() -> bool:
        reading = service.latest.get(check)
        return reading is not None and reading.status is status

    await until(found, f"a reading of {check} that is {status}")


async def incident(service: App, *, live: bool) -> Incident:
    async def found() -> Incident | None:
        async with service.store.connect() as conn:
            one = next(iter(await incidents.page(conn)), None)
        return one if one is not None and one.stage.live is live else None

    one = await until(found, f"an incident that is {'open' if live else 'over'}")
    assert one is not None
    return one


async def sign_off(site: Path) -> None:
    arguments = ["audit", "sign-off", "restore-test/review", "--note", EVIDENCE, "--by", "Mara", "--site", str(site)]
    ended = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
    assert ended.exit_code == 0, ended.output


async def test_an_overdue_review_opens_an_incident_and_a_sign_off_from_the_command_line_resolves_it(site: Path) -> None:
    async with watching(site) as service:
        opened = await incident(service, live=True)
        assert (opened.asset, opened.title) == ("restore-test", "Restore test is overdue")
        assert opened.severity is Severity.WARNING
        await reads(service, "door-audit/review", Status.UP)
        await sign_off(site)
        await reads(service, "restore-test/review", Status.UP)
        assert (await incident(service, live=False)).id == opened.id


async def test_a_sign_off_is_looked_at_at_once_however_seldom_the_check_runs(site: Path) -> None:
    site.write_text(site.read_text().replace("interval: 1s", "interval: 7d"))
    async with watching(site) as service:
        assert service.latest == {}
        await sign_off(site)
        await reads(service, "restore-test/review", Status.UP)
        await reads(service, "door-audit/review", Status.UP)
        assert set(service.latest) == {"restore-test/review", "door-audit/review"}
    async with watching(site) as service:  # what was signed before a restart still counts
        await reads(service, "restore-test/review", Status.UP)


@pytest.fixture
async def store(config: Config) -> AsyncIterator[Store]:
    store = await Store.open(config.storage.url.get_secret_value())
    yield store
    await store.close()


async def test_what_is_due_first_comes_first_with_the_sign_offs_that_count(config: Config, store: Store) -> None:
    async with store.begin() as conn:
        before = await standing(config, conn, NOW)
        assert [(one.check.id, one.state, one.history) for one in before] == [
            ("restore-test/review", State.OVERDUE, ()),
            ("door-audit/review", State.LATER, ()),
        ]
        first = signed(config, "restore-test/review", "Mara", EVIDENCE, "", NOW)
        second = signed(config, "door-audit/review", "Ana", EVIDENCE, "", NOW + timedelta(days=1))
        for one in (first, second):
            await signoffs.save(conn, one)
        restore, door = await standing(config, conn, NOW + timedelta(days=2))
    assert (restore.signed, restore.due.day, restore.history) == (first.at, date(2027, 5, 10), (first,))
    assert (door.signed, door.history) == (second.at, (second, first))
    assert door.due.day == date(2099, 12, 31)


async def test_it_is_soon_from_the_reminder_on(config: Config, store: Store) -> None:
    async with store.begin() as conn:
        await signoffs.save(conn, signed(config, "restore-test/review", "Mara", EVIDENCE, "", NOW))
        ends = next_due(config, Signoff("", "restore-test/review", NOW, "", "", NOW, {}))
        states = [
            (await standing(config, conn, datetime(day.year, day.month, day.day, 12, tzinfo=UTC)))[0].state
            for day in (ends - timedelta(days=15), ends - timedelta(days=14), ends, ends + timedelta(days=1))
        ]
    assert states == [State.LATER, State.SOON, State.SOON, State.OVERDUE]


def test_a_sign_off_holds_its_evidence_and_no_figures(config: Config) -> None:
    one = signed(
        config,
        "restore-test/review",
        " Mara\n Silva ",
        f"\n{EVIDENCE}\nand two more ",
        " https://w.example/a?b#c ",
        NOW,
    )
    assert (one.who, one.note, one.link) == ("Mara Silva", f"{EVIDENCE}\nand two more", "https://w.example/a?b#c")
    assert (one.at, one.audited, one.figures) == (NOW, NOW, {})
    assert next_due(config, one) == date(2027, 5, 10)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"check": "file/file"}, "there is no review 'file/file'; there are restore-test/review, door-audit/review"),
        ({"who": " \n"}, "write your name"),
        ({"note": " done      "}, "in 10 characters or more: it is the evidence"),
        ({"note": "n" * (LONGEST_NOTE + 1)}, "the note has 2,001 characters"),
        ({"who": "M" * 101}, "the name has 101 characters"),
        ({"link": f"https://w.example/{'a' * LONGEST_LINK}"}, "the link has"),
        ({"link": "javascript:alert(1)"}, "must be a web address without a password"),
        ({"link": "https://ana:secret@w.example/"}, "must be a web address without a password"),
        ({"link": "https://w.example/ two"}, "must be a web address"),
        ({"link": "https://w.example/\u202e"}, "must be a web address"),
        ({"link": "//w.example/"}, "must be a web address"),
    ],
)
def test_what_is_no_evidence_is_refused_in_words(config: Config, changed: dict[str, str], words: str) -> None:
    given = {"check": "restore-test/review", "who": "Mara", "note": EVIDENCE, "link": "", **changed}
    with pytest.raises(ValueError, match=words):
        signed(config, **given, now=NOW)


def test_a_site_without_reviews_says_what_one_is(config: Config) -> None:
    bare = replace(config, assets=())
    with pytest.raises(ValueError, match=r"a check of the kind passive\.review is one"):
        signed(bare, "restore-test/review", "Mara", EVIDENCE, "", NOW)
