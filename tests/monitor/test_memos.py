"""Memos over a real store: made once when due, queued for their readers, and on the command line."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from peers.past import DOWN, SITE, config_in, incident, local, spans
from typer.testing import CliRunner

from alerting.channels import NoticeKind
from monitor.cli import cli
from monitor.config import Config
from monitor.memos import LATE, Memos, made_of
from monitor.recorder import Recorder
from monitor.reports.document import Kind
from monitor.store import Store, incidents, outbox, recordings, reports
from monitor.store import spans as stored_spans
from probes import Reading, Sample, Status

MONTH = (local("2025-11-01"), local("2025-12-01"))
NOW = local("2025-12-08 08:00:20")  # a Monday


@dataclass
class Service:
    """What memos need of a service."""

    config: Config
    store: Store
    latest: Mapping[str, Reading] = field(default_factory=dict)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DESKWATCH_TEST_ANA", "json://127.0.0.1:9/")
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.fixture
async def service(folder: Path) -> AsyncIterator[Service]:
    """A site with a month in its store."""
    config = config_in(folder)
    store = await Store.open(config.storage.url.get_secret_value())
    await remember(store)
    yield Service(config, store)
    await store.close()


async def remember(store: Store) -> None:
    """An outage of November, with readings every minute around it."""
    recorder = Recorder()
    at = DOWN[0] - timedelta(minutes=10)
    while at < DOWN[1] + timedelta(minutes=10):
        status = Status.DOWN if DOWN[0] <= at < DOWN[1] else Status.UP
        loss = Sample("probe_icmp_loss_ratio", float(status is Status.DOWN))
        recorder.add(Reading("fibre/ping", at, 0.1, status, "lost" if loss.value else "ok", "", (loss,)), at)
        at += timedelta(minutes=1)
    async with store.begin() as conn:
        history = [span for some in spans(*MONTH, (DOWN,)).values() for span in some]
        await stored_spans.save(conn, history)
        await incidents.save(conn, incident(actions=()))
        await recordings.save(conn, recorder.take())


async def kept(service: Service) -> list[Kind]:
    async with service.store.connect() as conn:
        return sorted(one.document.kind for one in await reports.page(conn))


async def test_what_is_due_is_made_once_and_queued_for_its_readers(service: Service) -> None:
    queued: list[bool] = []
    memos = Memos(service, lambda: queued.append(True))
    await memos.make_due(NOW)
    assert await kept(service) == [Kind.DAILY, Kind.WEEKLY]  # the month's were due a week ago: too late
    await memos.make_due(NOW)
    await Memos(service, lambda: None).make_due(NOW + timedelta(minutes=1))
    assert await kept(service) == [Kind.DAILY, Kind.WEEKLY]
    async with service.store.connect() as conn:
        messages = await outbox.recent(conn)
        stored = {one.document.kind: one for one in await reports.page(conn)}
    assert {(one.notification.key.kind, one.notification.key.destination) for one in messages} == {
        (NoticeKind.REPORT, "ana")
    }
    assert len(messages) == len(queued) == 2
    assert stored[Kind.WEEKLY].document.title == "Week 49: 1 Dec to 7 Dec 2025"
    assert any(one.notification.key.episode == f"report/{stored[Kind.WEEKLY].id}" for one in messages)


async def test_a_memo_that_fell_due_while_nothing_ran_is_made_when_it_runs_again(service: Service) -> None:
    await Memos(service, lambda: None).make_due(local("2025-12-01 08:00") + LATE - timedelta(hours=1))
    assert Kind.MONTHLY in await kept(service)


async def test_a_dossier_tells_the_fingerprint_of_its_export(service: Service, folder: Path) -> None:
    await Memos(service, lambda: None).make_due(local("2025-12-02 08:01"))
    async with service.store.connect() as conn:
        dossier = await reports.latest(conn, Kind.ISP)
    assert dossier is not None
    told = str(dossier.document.sections[-1])
    file = folder / "export.jsonl"
    result = await asyncio.to_thread(report, folder, "isp", "--of", "2025-11-11", "--export", str(file))
    print_ = result.output.split("Fingerprint: ")[1].split()[0]
    assert print_ in told
    records = [json.loads(line)["record"] for line in file.read_text().splitlines()]
    readings = [one for one in records if one["type"] == "reading"]
    assert len([one for one in readings if one["status"] == "down"]) == 30
    assert len(readings) == 30 + 3 + 4  # and those of three minutes before and after
    verified = await asyncio.to_thread(report, folder, "isp", "--verify", str(file))
    assert print_ in verified.output


async def test_a_memo_of_a_day_to_come_cannot_be_made(service: Service) -> None:
    with pytest.raises(ValueError, match="has not begun yet"):
        await made_of(service, Kind.DAILY, datetime.now(UTC).date() + timedelta(days=40))
    with pytest.raises(ValueError, match="morning"):
        await made_of(service, Kind.MORNING, datetime.now(UTC).date())


def report(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["report", words[0], str(folder / "site.yaml"), *words[1:]])


@pytest.fixture
def site(folder: Path) -> Path:
    """The same, for commands."""

    async def prepare() -> None:
        store = await Store.open(config_in(folder).storage.url.get_secret_value())
        await remember(store)
        await store.close()

    asyncio.run(prepare())
    return folder


@pytest.mark.parametrize(
    ("format", "begins"),
    [
        ("text", "November 2025 (Harbour Street)"),
        ("md", "# November 2025: Harbour Street"),
        ("csv", "report,November 2025,Harbour Street"),
        ("json", '{\n  "kind": "monthly"'),
        ("html", "<!doctype html>"),
    ],
)
def test_a_memo_comes_in_every_format(site: Path, format: str, begins: str) -> None:
    result = report(site, "monthly", "--of", "2025-11-11", "--format", format)
    assert result.exit_code == 0
    assert result.output.startswith(begins)


def test_a_memo_can_be_written_to_a_file(site: Path) -> None:
    file = site / "week.html"
    assert report(site, "weekly", "--of", "2025-11-11", "--format", "html", "--out", str(file)).exit_code == 0
    assert "Fibre line is down" in file.read_text()
    result = report(site, "weekly", "--out", str(site / "no" / "such.md"))
    assert (result.exit_code, "cannot be written" in result.output) == (2, True)


def test_an_export_that_was_changed_is_found(site: Path) -> None:
    file = site / "export.jsonl"
    assert report(site, "isp", "--of", "2025-11-11", "--export", str(file)).exit_code == 0
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], lines[1].replace("1800.0", "3600.0"), *lines[2:]]) + "\n")
    result = report(site, "isp", "--verify", str(file))
    assert result.exit_code == 1
    assert "line 3 does not follow" in result.output
    file.write_text("\n".join(lines[:-1]) + "\n")
    assert "the end is missing" in report(site, "isp", "--verify", str(file)).output
    file.write_bytes(b"\xff\xfe")
    assert report(site, "isp", "--verify", str(file)).exit_code == 1
    assert report(site, "isp", "--verify", str(site / "none")).exit_code == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("daily", "--of", "yesterday"), "'yesterday' is no date; write one like 2026-10-31"),
        (("daily", "--format", "pdf"), "there is no format 'pdf'; there are text, md, csv, json, html"),
        (("daily", "--of", "2100-01-01"), "that time has not begun yet"),
        (
            ("isp", "--of", "2025-11-01", "--provider", "Other", "--export", "x"),
            "no line is of 'Other'; there are FibreCo",
        ),
    ],
)
def test_wrong_words_are_answered_with_the_remedy(site: Path, words: tuple[str, ...], says: str) -> None:
    result = report(site, *words)
    assert result.exit_code == 2
    assert says in result.output


@pytest.mark.parametrize(
    ("words", "share"),
    [
        (("--from", "2025-11-11", "--until", "2025-11-11"), "95.83 %"),  # half an hour of twelve
        (("--from", "2025-11-11", "--until", "2025-11-11", "--around-the-clock"), "97.91 %"),
        (("--from", "2025-11-12", "--until", "2025-11-13"), "100 %"),
    ],
)
def test_availability_is_told_for_any_days(site: Path, words: tuple[str, ...], share: str) -> None:
    found = json.loads(report(site, "availability", *words, "--json").output)
    told = {(row["what"], row["name"]): row["available"] for row in found}
    assert told["asset", "fibre"] == told["check", "fibre/ping"] == share
    assert told["asset", "door"] == "100 %"
    assert ("site", "harbour") in told
    assert share in report(site, "availability", *words).output


def test_days_that_make_no_period_are_refused(site: Path) -> None:
    result = report(site, "availability", "--from", "2025-11-12", "--until", "2025-11-11")
    assert (result.exit_code, "a report is about some time" in result.output) == (2, True)


def test_figures_are_imported_listed_and_told(site: Path) -> None:
    table, day = site / "figures.csv", (datetime.now(UTC).date().replace(day=1) - timedelta(days=1)).replace(day=1)
    table.write_text(f"name,day,value\napp_adoption_ratio,{day},0.43\nrevenue,{day},41250\n", "utf-8-sig")
    runner = CliRunner()
    result = runner.invoke(cli, ["figures", "import", str(table), str(site / "site.yaml")])
    assert (result.exit_code, result.output) == (0, "2 figures kept\n")
    assert "41,250" in report(site, "monthly", "--of", f"{day}", "--format", "md").output
    listed = runner.invoke(cli, ["figures", "list", str(site / "site.yaml"), "--json"])
    assert [one["name"] for one in json.loads(listed.output)] == ["app_adoption_ratio", "revenue"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,day\n", "value is missing"),
        ("name,day,value\nnonsense,2025-11-01,1\n", "row 1: there is no figure 'nonsense'"),
        ("name,day,value\napp_adoption_ratio,2025-11-01,43\n", "row 1: app_adoption_ratio is a share from 0 to 1"),
        ("name,day,value\nrevenue,1.11.,1\n", "row 1: day '1.11.' is no date"),
        ("name,day,value\nrevenue,2025-11-01,nan\n", "row 1: value 'nan' is no number"),
        ("name,day,value\nrevenue,2025-11-01,\n", "row 1: value is missing"),
        ("name,day,value,extra\nrevenue,2025-11-01,1,2\n", "row 1: 'extra' is not understood"),
    ],
)
def test_a_wrong_figure_is_named_with_its_row_and_nothing_is_kept(folder: Path, text: str, says: str) -> None:
    (folder / "site.yaml").write_text(SITE)
    table = folder / "figures.csv"
    table.write_text(text)
    result = CliRunner().invoke(cli, ["figures", "import", str(table), str(folder / "site.yaml")])
    assert result.exit_code == 2
    assert says in result.output
    listed = CliRunner().invoke(cli, ["figures", "list", str(folder / "site.yaml"), "--json"])
    assert json.loads(listed.output) == []
