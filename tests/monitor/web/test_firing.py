"""The page of alerts: every rule that is true now, the most urgent first, and what holds its messages back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from aiohttp.test_utils import TestClient
from peers.people import token
from ulid import ULID

from alerting.gates import Matcher, Silence
from alerting.inbound import OUTSIDE
from alerting.rules import Episode, Phase, Severity, State
from monitor.config.model import Asset
from monitor.people.roles import Role
from monitor.web import firing, pages


def now() -> datetime:
    """When a test runs: its file was read half an hour before, maybe on another day."""
    return datetime.now(UTC)


def silence(conditions: str) -> Silence:
    label, _, value = conditions.partition("=")
    return Silence(
        str(ULID()), (Matcher(label, "=", value),), now() - timedelta(hours=1), now() + timedelta(hours=1), "Ana",
        "The vendor knows", now(),
    )  # fmt: skip


def pending(space, asset: Asset) -> None:
    rule = asset.checks[0].rules[0]
    due = now() + timedelta(minutes=2)
    episode = Episode(str(ULID()), rule.check, rule.id, rule.severity, Phase.PENDING, now(), now(), due)
    space.episodes[rule.check, rule.id] = State((True,), episode)


async def test_what_fires_comes_before_what_is_pending_and_the_worst_before_the_rest(harbour) -> None:
    pending(harbour, harbour.config.asset("hall"))
    outside = Episode(
        "O", f"{OUTSIDE}fibre/7c1d", "DiskFull", Severity.CRITICAL, Phase.FIRING, now(), now(), fired=now()
    )
    harbour.episodes[outside.check, outside.rule] = State((), outside)
    found = firing.alerts(await pages.world(harbour), ())
    assert [(one.asset.id, one.word, one.tone) for one in found] == [
        ("fibre", "Fires", "down"),
        ("fibre", "Fires", "down"),
        ("street", "Fires", "degraded"),
        ("hall", "Pending", "checking"),
    ]
    assert [one.outside for one in found] == [False, True, False, False]
    assert [one.incident is not None for one in found] == [True, False, True, False]


async def test_what_a_silence_holds_back_says_so(harbour, person: TestClient) -> None:
    harbour.silences = (silence("asset=fibre"),)
    fibre, street = firing.alerts(await pages.world(harbour), harbour.silences)
    assert fibre.held is not None
    assert street.held is None
    page = await (await person.get("/alerts")).text()
    assert fibre.held.words.partition(",")[0] in page
    assert 'href="/silences?check=street/ping"' in page
    assert "Nordnet fibre is down" in page


async def test_a_rule_that_the_configuration_no_longer_has_is_no_alert(harbour) -> None:
    harbour.config = replace(harbour.config, assets=())
    assert firing.alerts(await pages.world(harbour), ()) == ()


async def test_where_nothing_is_wrong_the_page_says_so(
    space, person: TestClient, make_asset: Callable[..., Asset]
) -> None:
    lift = make_asset("lift", "Lift", "equipment")
    space.add(lift)
    await space.works(lift, "answered")
    assert "No rule is true now." in await (await person.get("/alerts")).text()


async def test_of_very_many_the_most_urgent_are_listed_and_all_are_counted(
    space, person: TestClient, make_asset: Callable[..., Asset], monkeypatch
) -> None:
    monkeypatch.setattr(firing, "SHOWN", 2)
    for number in range(5):
        asset = make_asset(f"room-{number}", f"Room {number}", "rooms")
        space.add(asset)
        pending(space, asset)
    page = await (await person.get("/alerts")).text()
    assert page.count("<code>room-") == 2
    assert "and 3 more" in page


async def test_programs_get_all_of_them(harbour, stranger: TestClient) -> None:
    harbour.silences = (silence("asset=fibre"),)
    headers = {"Authorization": f"Bearer {await token(harbour.store, Role.VIEWER)}"}
    fibre, street = (await (await stranger.get("/api/v1/alerts", headers=headers)).json())["items"]
    assert (fibre["check"], fibre["phase"], fibre["severity"], bool(fibre["held"])) == (
        "fibre/ping", "firing", "critical", True,
    )  # fmt: skip
    assert (street["asset"], street["held"], street["incident"] is not None) == ("street", "", True)
