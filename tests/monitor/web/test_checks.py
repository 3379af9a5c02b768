"""The page that explains a check, the history of an asset, and the button that runs a check now."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from aiohttp.test_utils import TestClient
from pydantic import SecretStr

from alerting.rules import Rule, Severity
from incidents.availability import Span
from monitor.config.model import Asset, Check, Confirm
from monitor.history import Rollup
from monitor.recorder import Recorder
from monitor.store import audit_log, recordings, rollups, spans
from probes import Reading, Sample, Status, load

FormKey = Callable[[], Awaitable[str]]


class Text(HTMLParser):
    """The words of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.feed(html)

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


async def read(client: TestClient, path: str) -> str:
    answer = await client.get(path)
    html = await answer.text()
    assert answer.status == 200, html
    return html


async def words(client: TestClient, path: str) -> str:
    return " ".join(filter(None, Text(await read(client, path)).words))


def with_check(asset: Asset, kind: str, name: str, **settings: object) -> Asset:
    """The asset with one check more, without rules."""
    check = Check(f"{asset.id}/{name}", asset.id, name, kind, 60, 5, Confirm(), load(kind).Params(**settings), ())
    return replace(asset, checks=(*asset.checks, check))


async def test_a_check_is_explained_from_its_reading_to_its_rules(harbour, person: TestClient) -> None:
    said = await words(person, "/checks/fibre/ping")
    for part in (
        "Nordnet fibre",
        "Down since",
        "DOWN , timeout: no complete answer within the check's timeout",
        "no answer from 3 of 3 addresses",
        "fires when it is down · it is down · tells somebody: critical",
        "Fires",
        "host: 127.0.0.1",
        "docs/probes/internet.ping.md",
    ):
        assert part in said, part


async def test_the_phases_of_a_run_are_drawn_where_the_kind_measures_them(harbour, person: TestClient) -> None:
    reading = harbour.latest["lte/ping"]
    found = tuple(
        Sample("probe_icmp_duration_seconds", value, part) for part, value in (("rtt", 0.03), ("resolve", 0.01))
    )
    harbour.latest["lte/ping"] = replace(reading, samples=found)
    said = await words(person, "/checks/lte/ping")
    assert "How the run spent its time resolve 10 ms rtt 30 ms" in said
    harbour.latest["lte/ping"] = replace(reading, samples=())
    assert "How the run spent its time" not in await words(person, "/checks/lte/ping")


async def test_latencies_and_turns_of_the_past_are_shown(harbour, person: TestClient) -> None:
    now = datetime.now(UTC)
    assert (await words(person, "/checks/hall/ping")).count("Nothing is stored of that time yet.") == 2
    start = datetime.fromtimestamp(now.timestamp() // 300 * 300 - 600, UTC)
    day = datetime.fromtimestamp(now.timestamp() // 86400 * 86400, UTC)
    async with harbour.store.begin() as conn:
        await rollups.save(
            conn,
            [Rollup("lte/ping", step, at, 2, 0.04, 0.02, 0.02, {-39: 2}) for step, at in ((300, start), (86400, day))],
        )
        ended = now - timedelta(days=20)
        await spans.save(conn, [Span("lte/ping", ended - timedelta(hours=3), ended, Status.DOWN, "refused")])
    said = await words(person, "/checks/lte/ping")
    assert said.count("usually 20 ms, at most 20 ms") == 2
    assert "outages on 1 day, 3 h in all" in said or "outages on 2 days, 3 h in all" in said
    assert "refused 3 h" in said


async def test_latency_and_loss_of_the_last_day_are_drawn_for_an_asset_and_its_check(
    harbour, person: TestClient
) -> None:
    assert "latency of the last 24 hours" not in await words(person, "/assets/lte")
    hour = (datetime.now(UTC) - timedelta(minutes=90)).replace(minute=0, second=0, microsecond=0)
    recorder = Recorder()
    for minute, lost in enumerate((0.0, 0.5, 1.0)):
        at = hour + timedelta(minutes=minute)
        samples = (Sample("probe_icmp_loss_ratio", lost),)
        recorder.add(Reading("lte/ping", at, 0.02, Status.UP, "ok", "answered", samples), at)
    async with harbour.store.begin() as conn:
        await recordings.save(conn, recorder.take())
        await rollups.save(
            conn, [Rollup("lte/ping", step, hour, 3, 0.06, 0.02, 0.02, {-39: 3}) for step in (300, 3600)]
        )
    asset, check = await words(person, "/assets/lte"), await words(person, "/checks/lte/ping")
    assert "ping : latency and loss of the last 24 hours" in asset
    assert "Loss of the last 24 hours" in check
    for said in (asset, check):
        assert "usually 20 ms, at most 20 ms" in said
        assert "usually 50 %, at most 100 %" in said


async def test_an_asset_shows_its_ninety_days_and_what_depends_on_it(harbour, person: TestClient) -> None:
    said = await words(person, "/assets/fibre")
    assert "outages on 1 day" in said or "outages on 2 days" in said
    assert "Depend on it Members Wi-Fi working" in said
    assert "Explain this check" in said
    assert "Depends on Nordnet fibre down" in await words(person, "/assets/members")
    assert "What depends on what" not in await words(person, "/assets/lte")
    assert 'href="/checks/fibre/ping"' in await read(person, "/assets/fibre")


async def test_an_asset_of_which_nothing_decides_has_no_days(space, person: TestClient, make_asset) -> None:
    space.add(replace(make_asset("sign", "Sign"), checks=()))
    assert "Nothing decides whether it works" in await words(person, "/assets/sign")


async def test_a_check_is_run_now_and_the_audit_log_says_who_did(
    harbour, person: TestClient, form_key: FormKey
) -> None:
    before = harbour.latest["lte/ping"]
    answer = await person.post("/checks/lte/ping/run", data={"form_key": await form_key()}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/checks/lte/ping?ran=yes")
    assert harbour.latest["lte/ping"] is not before
    assert "It has just run" in await words(person, answer.headers["Location"])
    async with harbour.store.connect() as conn:
        newest, *_ = await audit_log.page(conn, 1)
    assert (newest.what, newest.target, newest.who) == ("check run", "lte/ping", "admin")


async def test_a_run_needs_the_forms_key(harbour, person: TestClient) -> None:
    before = harbour.latest["lte/ping"]
    assert (await person.post("/checks/lte/ping/run", data={"form_key": ""})).status == 403
    assert harbour.latest["lte/ping"] is before


@pytest.mark.parametrize(("ran", "said"), [("late", "still running"), ("no", "It did not run"), ("<b>", "")])
async def test_what_became_of_the_run_is_said(harbour, person: TestClient, ran: str, said: str) -> None:
    answer = await person.get("/checks/lte/ping", params={"ran": ran})
    html = await answer.text()
    assert said in html
    assert "<b>" not in html


async def test_a_dear_kind_says_that_each_run_costs(space, person: TestClient, make_asset) -> None:
    space.add(with_check(make_asset("line", "Line"), "internet.throughput", "load", url="http://127.0.0.1:1/"))
    assert "Each run costs something" in await words(person, "/checks/line/load")
    assert "Each run costs something" not in await words(person, "/checks/line/ping")


async def test_secrets_of_a_check_are_masked(space, person: TestClient, make_asset) -> None:
    settings = {"host": "127.0.0.1", "password": SecretStr("s3cret-of-mine")}
    space.add(with_check(make_asset("hall", "Hall"), "rooms.pjlink", "beamer", **settings))
    html = await read(person, "/checks/hall/beamer")
    assert "s3cret-of-mine" not in html
    assert "password: &#39;**********&#39;" in html


@pytest.mark.parametrize(
    "path",
    ["/checks/none/ping", "/checks/lte/none", "/checks/%00/%00", "/checks/%3Cscript%3E/x", "/fragment/checks/a/b"],
)
async def test_a_check_that_is_not_there_is_said_in_words(harbour, person: TestClient, path: str) -> None:
    answer = await person.get(path, headers={"Accept": "text/html"})
    html = await answer.text()
    assert answer.status == 404
    assert "<script>" not in html
    assert "There is no check" in html


async def test_a_rule_on_a_value_says_how_far_it_is_from_its_limit(space, person: TestClient, make_asset) -> None:
    lift = make_asset("lift", "Lift")
    rule = Rule("lift/ping", "slow", "answers slowly", Severity.WARNING, part="rtt",
                metric="probe_icmp_duration_seconds", above=0.5, hold=300, times=3, window=5)  # fmt: skip
    space.add(replace(lift, checks=(replace(lift.checks[0], rules=(rule,)),)))
    await space.works(lift)
    said = await words(person, "/checks/lift/ping")
    assert "is above 500 ms, in 3 of 5 readings, for 5 min" in said
    assert "12 ms now, 488 ms from the limit" in said
