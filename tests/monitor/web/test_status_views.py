"""What the status page tells members, and what it keeps to itself."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from alerting.gates import Maintenance, Scope, Window
from alerting.hours import OpeningHours
from alerting.rules import Episode, Phase, Severity, State
from incidents.availability import Span, verdicts
from incidents.impact import Basis, Impact
from incidents.incident import Incident, Origin, Stage
from monitor.config.model import Asset, Config, PublicAsset, Server, Site, StatusPage, Storage
from monitor.web import past_days, status_formats, status_views
from monitor.web.status_views import Past, Present, Public, View
from probes import Reading, Status

NOW = datetime(2026, 3, 30, 9, 19, tzinfo=UTC)
"""A day after clocks were put forward in Berlin."""
BERLIN = ZoneInfo("Europe/Berlin")
SITE = Site("harbour", "Harbour Hall", OpeningHours(BERLIN), 100)
HOUR = timedelta(hours=1)
NOTHING = Past({}, ())
BASE = "https://status.example.org"
HOSTILE = '</title><script>alert("&]]>")</script>\x00\x1b\u202e\ufffe\ud800\n\'onload='
ATOM = f"{{{status_formats.ATOM}}}"


@pytest.fixture
def booking(make_asset: Callable[..., Asset]) -> Asset:
    return make_asset("booking", "Nexudus at 10.0.0.7", "booking")


@pytest.fixture
def wifi(make_asset: Callable[..., Asset]) -> Asset:
    return make_asset("wifi", "hall-ssid", "wifi")


def page(*ids: str, **more: object) -> StatusPage:
    return StatusPage("Harbour", tuple(PublicAsset(id, id.capitalize()) for id in ids), **more)  # type: ignore[arg-type]


def present(*assets: Asset, **more: object) -> Present:
    config = Config(SITE, assets, (), {}, Server(), Storage(SecretStr("sqlite:///x")))
    config = replace(config, maintenances=more.pop("maintenances", ()))
    return replace(Present(config, {}, {}, (), NOW), **more)


def reading(asset: Asset, status: Status, ago: float = 0) -> dict[str, Reading]:
    check = asset.checks[0].id
    return {check: Reading(check, NOW - timedelta(seconds=ago), 0.1, status, "timeout", "no answer from 10.0.0.7")}


def firing(asset: Asset, severity: Severity) -> dict[tuple[str, str], State]:
    rule = asset.checks[0].rules[0]
    began = datetime(2026, 3, 30, 7, 5, tzinfo=UTC)
    episode = Episode("E", rule.check, rule.id, severity, Phase.FIRING, began, NOW, detail="10.0.0.7 is silent")
    return {(rule.check, rule.id): State((True,), episode)}


def incident(asset: str, hours: float, lasted: float | None = 1, **more: object) -> Incident:
    begin = NOW - hours * HOUR
    severity = more.pop("severity", Severity.CRITICAL)
    made = Incident(f"I-{asset}-{hours}", asset, "Ana broke 10.0.0.7", severity, begin)  # type: ignore[arg-type]
    if lasted is not None:
        made = replace(made, resolved=begin + lasted * HOUR, stage=Stage.RESOLVED)
    return replace(made, **more)


def span(asset: Asset, hours: float, until: float, status: Status = Status.UP) -> Span:
    return Span(asset.checks[0].id, NOW - hours * HOUR, NOW - until * HOUR, status, "ok")


def shown(assets: StatusPage, now: Present, past: Past = NOTHING) -> View:
    return status_views.view(assets, now, past)


def test_everything_works(booking: Asset) -> None:
    found = shown(page("booking"), present(booking, latest=reading(booking, Status.UP)))
    assert (found.state, found.headline) == (Public.WORKING, "Everything works")
    assert found.assets[0].says == ""


def test_what_fails_is_said_by_its_public_name_with_its_time(booking: Asset) -> None:
    now = present(booking, latest=reading(booking, Status.DOWN), episodes=firing(booking, Severity.CRITICAL))
    found = shown(page("booking"), now)
    assert found.headline == "Booking is not working since 09:05. We are on it."
    assert found.state is Public.DOWN


@pytest.mark.parametrize(
    ("severity", "status", "ago", "state"),
    [
        (Severity.CRITICAL, Status.DOWN, 0, Public.DOWN),
        (Severity.CRITICAL, Status.UNKNOWN, 0, Public.DOWN),
        (Severity.CRITICAL, Status.UP, 0, Public.DEGRADED),
        (Severity.WARNING, Status.DOWN, 0, Public.DOWN),
        (Severity.WARNING, Status.UP, 0, Public.WORKING),
        (Severity.WARNING, Status.UNKNOWN, 0, Public.DOWN),
        (Severity.INFO, Status.DOWN, 0, Public.WORKING),
        (None, Status.DOWN, 0, Public.WORKING),
        (None, Status.UNKNOWN, 0, Public.UNKNOWN),
        (None, Status.UP, 9_000, Public.UNKNOWN),
    ],
)
def test_a_state_needs_a_measurement_and_a_rule(
    booking: Asset, severity: Severity | None, status: Status, ago: float, state: Public
) -> None:
    episodes = firing(booking, severity) if severity is not None else {}
    now = present(booking, latest=reading(booking, status, ago), episodes=episodes)
    assert shown(page("booking"), now).state is state


def test_a_rule_about_our_own_blindness_says_nothing_of_the_asset(booking: Asset) -> None:
    (check,) = booking.checks
    blind = replace(check.rules[0], id="blind", status=Status.UNKNOWN)
    asset = replace(booking, checks=(replace(check, rules=(*check.rules, blind)),))
    ((_, state),) = firing(asset, Severity.CRITICAL).items()
    now = present(asset, latest=reading(asset, Status.UNKNOWN), episodes={(check.id, "blind"): state})
    assert shown(page("booking"), now).headline == "We cannot tell right now whether Booking works."


def test_what_was_never_measured_is_not_known(booking: Asset) -> None:
    assert shown(page("booking"), present(booking)).state is Public.UNKNOWN


def test_several_faults_are_counted(booking: Asset, wifi: Asset) -> None:
    latest = reading(booking, Status.DOWN) | reading(wifi, Status.DOWN)
    one, other = firing(booking, Severity.CRITICAL), firing(wifi, Severity.CRITICAL)
    found = shown(page("booking", "wifi"), present(booking, wifi, latest=latest, episodes=one | other))
    assert found.headline == "2 things are not working. We are on it."
    milder = shown(
        page("booking", "wifi"),
        present(booking, wifi, latest=latest | reading(wifi, Status.UP), episodes=one | other),
    )
    assert milder.headline == "2 things have problems. We are on it."


def test_what_people_report_counts_too(booking: Asset) -> None:
    reported = incident("booking", 1, None, severity=Severity.WARNING, origin=Origin.REPORTED)
    found = shown(page("booking"), present(booking, latest=reading(booking, Status.UP), live=(reported,)))
    assert found.headline == "Booking has problems since 10:19. We are on it."
    assert [one.end for one in found.outages] == [None]


def work(scope: Scope, begins: float, hours: float = 2, name: str = "Replace router 10.0.0.1") -> Maintenance:
    starts = NOW + begins * HOUR
    return Maintenance(f"w{begins}", name, scope, BERLIN, (Window(starts, starts + hours * HOUR),))


def test_planned_work_is_told_if_it_touches_what_is_shown(booking: Asset, wifi: Asset) -> None:
    works = (
        work(Scope(assets=frozenset({"wifi"})), 1),
        work(Scope(assets=frozenset({"wifi", "booking"})), 24),
        work(Scope(sections=frozenset({"booking"})), -1),
        work(Scope(assets=frozenset({"booking"})), -3),
        work(Scope(), 13 * 24, 72),
        work(Scope(), 15 * 24),
    )
    found = shown(page("booking"), present(booking, wifi, maintenances=works))
    begins = [(one.starts - NOW) / HOUR for one in found.works]
    assert begins == [-1, 24, 13 * 24]
    assert {one.names for one in found.works} == {("Booking",)}
    assert "router" not in status_formats.as_json(found)


def test_during_planned_work_a_fault_is_planned_and_what_works_works(booking: Asset) -> None:
    works = (work(Scope(), -1),)
    now = present(booking, maintenances=works, latest=reading(booking, Status.DOWN))
    down = replace(now, episodes=firing(booking, Severity.CRITICAL))
    assert shown(page("booking"), down).headline == "Planned work on Booking until 12:19."
    assert shown(page("booking"), replace(now, latest={})).state is Public.PLANNED
    assert shown(page("booking"), replace(now, latest=reading(booking, Status.UP))).state is Public.WORKING


def past(assets: StatusPage, now: Present, some: tuple[Span, ...] = (), found: tuple[Incident, ...] = ()) -> Past:
    """What the page says when all of these spans were read."""
    zone, read = now.config.site.hours.zone, {}
    for id, subject in status_views.subjects(assets, now.config).items():
        said = verdicts({check: [one for one in some if one.check == check] for check in subject.checks})
        days = past_days.by_day(said, past_days.until(NOW, zone, subject.days), subject.works)
        read[id] = past_days.Past(days, said, len(said), complete=True)
    return status_views.past(assets, now.config.site.id, read, found)


def test_each_day_has_the_share_that_it_worked_and_unknown_is_unknown(booking: Asset) -> None:
    some = (span(booking, 50, 20), span(booking, 20, 17, Status.DOWN), span(booking, 17, 0))
    asked = page("booking", days=5)
    days = past(asked, present(booking), some).days["booking"]
    assert [one.date for one in days] == [date(2026, 3, day) for day in (26, 27, 28, 29, 30)]
    assert [one.found.total / HOUR for one in days] == pytest.approx([24, 24, 24, 23, 11 + 19 / 60])
    assert [one.found.ratio for one in days] == [None, None, 1, pytest.approx(20 / 23), 1]
    (view,) = shown(asked, present(booking), Past({"booking": days}, ())).assets
    assert [(one.up, one.down) for one in view.bars][:2] == [(0, 0), (0, 0)]
    assert [one.words for one in view.bars][1::2] == ["Fri 27 Mar: not measured", "Sun 29 Mar: 86.95 %"]
    assert view.bars[2].words.startswith("Sat 28 Mar: 100 %, measured ")
    assert view.share == "94.00 %"


def test_a_short_outage_can_be_seen(booking: Asset) -> None:
    some = (span(booking, 9, 5), span(booking, 5, 4.99, Status.DOWN), span(booking, 4.99, 0))
    asked = page("booking", days=1)
    (view,) = shown(asked, present(booking), past(asked, present(booking), some)).assets
    assert view.bars[0].down == 8
    assert view.bars[0].up + view.bars[0].down <= 100


def test_planned_work_is_not_part_of_the_days(booking: Asset) -> None:
    now = present(booking, maintenances=(work(Scope(), -3, 2),))
    some = (span(booking, 12, 3), span(booking, 3, 1, Status.DOWN), span(booking, 1, 0))
    (day,) = past(page("booking", days=1), now, some).days["booking"]
    assert day.found.ratio == 1


def test_what_was_is_told_in_words_for_members(booking: Asset, wifi: Asset) -> None:
    some = (span(booking, 30, 26), span(booking, 26, 25, Status.DOWN), span(booking, 25, 0))
    found = (
        incident("booking", 26),
        incident("booking", 20, severity=Severity.CRITICAL),
        incident("booking", 15, severity=Severity.WARNING),
        incident("booking", 12, severity=Severity.WARNING, origin=Origin.REPORTED),
        incident("booking", 11, severity=Severity.INFO),
        incident("booking", 10, merged_into="I-1"),
        incident("wifi", 9),
        incident("", 8),
    )
    outages = past(page("booking"), present(booking, wifi), some, found).outages
    assert [(one.words, (NOW - one.begin) / HOUR) for one in outages] == [
        ("Booking had problems.", 12),
        ("Booking had problems.", 20),
        ("Booking was not working.", 26),
    ]


def test_what_failed_with_something_that_is_not_shown_has_its_own_times(booking: Asset, wifi: Asset) -> None:
    some = (span(booking, 30, 26), span(booking, 26, 25.5, Status.DOWN), span(booking, 25.5, 0), span(wifi, 30, 0))
    cost = Impact(0, 0, 0, Basis.CAPACITY, assets=("rack", "booking", "wifi"))
    found = incident("rack", 27, 3, cost=cost)
    (outage,) = past(page("booking", "wifi"), present(booking, wifi), some, (found,)).outages
    assert (outage.name, (NOW - outage.begin) / HOUR, (outage.end - NOW) / HOUR) == ("Booking", 26, -25.5)  # type: ignore[operator]


def test_it_is_read_how_something_was_in_the_incidents_that_members_may_have_noticed() -> None:
    cost = Impact(0, 0, 0, Basis.CAPACITY, assets=("wifi", "booking"))
    found = (
        incident("booking", 26),
        incident("rack", 90 * 24, 89 * 24, cost=cost),
        incident("lte", 5, severity=Severity.INFO),
        incident("lte", 5, None),
    )
    back = {id: status_views.since(page(id, days=30), found, id, NOW, BERLIN) for id in ("booking", "wifi", "lte")}
    begins = past_days.until(NOW, BERLIN, 30).edges[0]
    assert back == {"booking": begins, "wifi": begins, "lte": None}
    assert status_views.since(page("booking"), found[:1], "booking", NOW, BERLIN) == NOW - 26 * HOUR
    assert status_views.since(page("wifi", days=3), found, "wifi", NOW, BERLIN) == NOW - status_views.RECENT


@pytest.fixture
def eventful(booking: Asset, wifi: Asset) -> View:
    """A page with a fault that lasts, one that is over, and planned work."""
    latest = reading(booking, Status.DOWN) | reading(wifi, Status.UP)
    live = (incident("booking", 2, None),)
    now = present(
        booking, wifi, latest=latest, episodes=firing(booking, Severity.CRITICAL), live=live,
        maintenances=(work(Scope(assets=frozenset({"wifi"})), 5),),
    )  # fmt: skip
    asked = page("booking", "wifi", days=3, contact="Ask at the desk.")
    some = (span(wifi, 30, 26), span(wifi, 26, 25, Status.DOWN), span(wifi, 25, 0))
    return shown(asked, now, past(asked, now, some, (incident("wifi", 26),)))


def hostile(view: View) -> View:
    """The same page with names that somebody has chosen with care."""
    name = status_views.said(HOSTILE)
    assets = tuple(replace(one, public=replace(one.public, name=name)) for one in view.assets)
    outages = tuple(one._replace(name=name) for one in view.outages)
    return replace(view, title=name, assets=assets, outages=outages)


def test_nothing_of_the_inside_gets_out(eventful: View) -> None:
    formats = (status_formats.as_json(eventful), status_formats.as_atom(eventful, BASE))
    for text in (*formats, status_formats.as_rss(eventful, BASE)):
        for word in ("10.0.0.7", "hall-ssid", "Ana", "ping", "router", "timeout", "I-booking", "Nexudus"):
            assert word not in text


def test_the_json_says_everything_with_times_in_utc(eventful: View) -> None:
    found = json.loads(status_formats.as_json(eventful))
    assert found["state"] == "down"
    booking, wifi = found["assets"]
    assert (booking["since"], booking["share"]) == ("2026-03-30T07:05:00.000Z", None)
    assert [one["day"] for one in wifi["days"]] == ["2026-03-28", "2026-03-29", "2026-03-30"]
    assert found["outages"][0]["end"] is None
    assert found["planned"][0]["assets"] == ["Wifi"]


@pytest.mark.parametrize("change", [lambda view: view, hostile])
def test_the_atom_feed_has_what_rfc_4287_wants(eventful: View, change: Callable[[View], View]) -> None:
    view = change(eventful)
    text = status_formats.as_atom(view, BASE)
    feed = ET.fromstring(text.encode())
    assert feed.tag == f"{ATOM}feed"
    assert feed.findtext(f"{ATOM}title") == view.title
    assert feed.findtext(f"{ATOM}author/{ATOM}name") == view.title
    assert {one.get("rel"): one.get("href") for one in feed.findall(f"{ATOM}link")} == {
        "self": f"{BASE}/status/feed.atom", "alternate": f"{BASE}/status",
    }  # fmt: skip
    entries = feed.findall(f"{ATOM}entry")
    assert [one.findtext(f"{ATOM}title") for one in entries] == [one.words for one in view.outages]
    ids = [one.findtext(f"{ATOM}id") or "" for one in (feed, *entries)]
    assert len(set(ids)) == 3
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", id) for id in ids)
    updated = [datetime.fromisoformat(one.findtext(f"{ATOM}updated") or "") for one in (feed, *entries)]
    assert updated[0] == max(updated[1:])
    assert all(len(one.findall(f"{ATOM}updated")) == len(one.findall(f"{ATOM}content")) == 1 for one in entries)


@pytest.mark.parametrize("change", [lambda view: view, hostile])
def test_the_rss_feed_has_what_rss_2_wants(eventful: View, change: Callable[[View], View]) -> None:
    view = change(eventful)
    rss = ET.fromstring(status_formats.as_rss(view, BASE).encode())
    assert (rss.tag, rss.get("version")) == ("rss", "2.0")
    (channel,) = rss
    assert (channel.findtext("title"), channel.findtext("link")) == (view.title, f"{BASE}/status")
    assert channel.findtext("description")
    items = channel.findall("item")
    assert [one.findtext("title") for one in items] == [one.words for one in view.outages]
    assert {one.get("isPermaLink") for one in channel.findall("item/guid")} == {"false"}
    assert [parsedate_to_datetime(one.findtext("pubDate") or "") for one in items] == [
        one.begin for one in view.outages
    ]


def test_a_feed_without_entries_is_a_feed(booking: Asset) -> None:
    view = shown(page("booking"), present(booking))
    feed = ET.fromstring(status_formats.as_atom(view, BASE).encode())
    assert feed.findtext(f"{ATOM}updated") == "2026-03-29T22:00:00Z"
    assert ET.fromstring(status_formats.as_rss(view, BASE).encode()).find("channel/item") is None


def test_an_entry_keeps_its_id_when_it_is_over(eventful: View, booking: Asset) -> None:
    over = past(page("booking"), present(booking), found=(incident("booking", 2),)).outages
    assert over[0].id == eventful.outages[0].id


@pytest.mark.parametrize("state", Public)
def test_a_badge_is_a_picture_without_script_whatever_the_name(state: Public) -> None:
    name = status_views.said(HOSTILE)
    svg = ET.fromstring(status_formats.as_badge(name, state).encode())
    assert {one.tag.rpartition("}")[2] for one in svg.iter()} == {"svg", "title", "rect", "path", "text"}
    assert not any(key.startswith("on") or key == "style" for one in svg.iter() for key in one.attrib)
    assert (svg[0].text or "").endswith(f": {state.word.lower()}")
    found = json.loads(status_formats.as_badge_json(name, state))
    assert (found["schemaVersion"], found["message"]) == (1, state.word.lower())


def test_the_badge_of_everything_says_that_everything_works() -> None:
    words = [json.loads(status_formats.as_badge_json("x", one, everything=True))["message"] for one in Public]
    assert words == [
        "some things do not work",
        "some things do not work",
        "planned work",
        "not known",
        "everything works",
    ]
