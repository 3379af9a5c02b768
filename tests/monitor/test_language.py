"""What is written down and sent is in the language of the site, whoever has asked for it in whichever."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from peers.marked import Marked, english
from peers.marked import marked as marked
from peers.pipelines import pipeline_over
from prometheus_client import CollectorRegistry

from alerting.gates import Matcher, Silence
from alerting.inbound import Alert, Batch
from alerting.rules import Severity
from incidents import lifecycle
from incidents.incident import Incident
from incidents.lifecycle import Report
from incidents.review import Action
from language import speaking
from monitor.chronicler import changed
from monitor.config.model import Config
from monitor.foresight import ending, reminder
from monitor.inbound import Inbound
from monitor.metrics import Vitals
from monitor.notices import trial, unreached
from monitor.pipeline import Pipeline
from monitor.store import Store, outbox
from monitor.watchdog import Signs, unwell

NOW = datetime(2026, 8, 3, 7, 55, tzinfo=UTC)
SITE = """\
site: {id: harbour, name: Λιμάνι, timezone: Europe/Lisbon, language: de}
doors:
  - {id: door, name: Θύρα, people: 7, checks: [{kind: internet.ping, host: 127.0.0.1}]}
routes:
  - {id: chat, to: "${env:CHAT}"}
"""
DATA = ("door", "chat", "ping", "asset", "deskwatch notify-test", "Άνα")


@pytest.fixture
async def pipeline(store: Store, config: Config, marked: Marked) -> Pipeline:
    opened = pipeline_over(store)
    await opened.adopt(config)
    return opened


async def report(pipeline: Pipeline) -> Incident:
    return await pipeline.desk.open(
        Report("01J00000000000000000000000", "door", "Κλειστά", "Άνα", datetime.now(UTC), False)
    )


async def test_what_a_person_decides_is_written_down_in_the_language_of_the_site(pipeline: Pipeline) -> None:
    incident = await report(pipeline)
    with speaking("en"):
        taken = await pipeline.desk.decide(
            incident.id, partial(lifecycle.acknowledge, who="Άνα", now=datetime.now(UTC))
        )
    assert taken is not None
    assert taken.timeline[-1].text == "¤¤¤¤¤¤¤¤¤¤¤¤ ¤¤ Άνα."
    assert [english(entry.text) for entry in taken.timeline] == [[], [], []]


async def test_a_message_is_written_in_the_language_of_the_site(pipeline: Pipeline, store: Store) -> None:
    with speaking("en"):
        await report(pipeline)
    async with store.connect() as conn:
        (queued,) = await outbox.recent(conn, 10)
    assert queued.notification.title == "¤¤¤¤¤¤¤: Κλειστά (Λιμάνι)"
    assert english(queued.notification.body) == []


async def test_an_alert_of_another_program_is_told_in_the_language_of_the_site(pipeline: Pipeline) -> None:
    sent = Alert({"alertname": "Α", "asset": "door"}, {"summary": "Σφάλμα"})
    with speaking("en"):
        await Inbound(pipeline, Vitals(CollectorRegistry())).take(Batch((sent,)), timedelta(hours=1))
    (incident,) = pipeline.desk.known.incidents.values()
    assert incident.title == "Θύρα ¤¤¤ ¤¤ ¤¤¤¤¤: Σφάλμα"


def spoken(config: Config) -> Iterator[str]:
    """What Deskwatch says of its own accord."""
    yield from unwell(Signs(99, 99, 99, 99, "Σ"))
    (asset,) = config.assets
    (check,) = asset.checks
    for other in (replace(check, interval=99), replace(check, rules=()), replace(check, interval=99, rules=())):
        yield changed(asset, replace(asset, checks=(other,)))
    yield changed(asset, replace(asset, checks=()))
    yield changed(replace(asset, checks=()), asset)
    silence = Silence("ζ", (Matcher("asset", "=", "door"),), NOW, NOW + timedelta(days=2), "Άνα", "Έργα", NOW)
    action = Action("α", "01J", "Κλειδί", "Άνα", NOW.date(), NOW, "Άνα")
    for notification in (
        trial(config, "chat", NOW),
        *unreached(config, "chat", ["Κλειστά", "Κλειστά"], "", ["chat"], NOW),
        *ending(config, silence, ["chat"]),
        *(one for days in (-3, 0, 3) for one in reminder(config, action, (), ["chat"], NOW + timedelta(days=days))),
    ):
        yield from (notification.title, notification.body)


def test_nothing_that_it_says_of_its_own_accord_is_left_in_english(config: Config, marked: Marked) -> None:
    with speaking("de"):
        said = list(spoken(config))
    assert all(said)
    assert {one: words for one in said if (words := english(one, DATA))} == {}


def test_a_test_message_is_in_the_language_of_the_site_for_whoever_asks(config: Config, marked: Marked) -> None:
    with speaking("en"):
        title, severity = trial(config, "chat", NOW).title, trial(config, "chat", NOW).severity
    assert (title, severity) == ("¤¤¤¤ ¤¤¤¤¤¤¤ ¤¤ chat", Severity.INFO)
