"""Our episodes as Alertmanager wants alerts."""

from datetime import UTC, datetime, timedelta

import pytest

from alerting.alertmanager import alert, alertname
from alerting.gates import Subject
from alerting.inbound import posted
from alerting.rules import Episode, Phase, Severity

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SUBJECT = Subject("harbour", "uplinks", "fibre", "fibre/ping", "internet.ping", "packet-loss", Severity.WARNING)
EPISODE = Episode(
    "A", "fibre/ping", "packet-loss", Severity.WARNING, Phase.FIRING, NOW, NOW, fired=NOW + timedelta(minutes=1)
)


@pytest.mark.parametrize(
    ("rule", "name"),
    [("down", "Down"), ("packet-loss", "PacketLoss"), ("p95_slow", "P95Slow"), ("DiskFull",) * 2],
)
def test_a_rule_is_named_as_alerts_are(rule: str, name: str) -> None:
    assert alertname(rule) == name


def test_it_has_labels_by_which_it_can_be_routed_and_its_times() -> None:
    made = alert(SUBJECT, EPISODE, {"summary": "Fibre loses packets", "affects": ""}, "", NOW + timedelta(minutes=4))
    assert made == {
        "labels": {
            "alertname": "PacketLoss", "source": "deskwatch", "site": "harbour", "section": "uplinks",
            "asset": "fibre", "check": "fibre/ping", "kind": "internet.ping", "rule": "packet-loss",
            "severity": "warning",
        },
        "annotations": {"summary": "Fibre loses packets"},
        "startsAt": "2026-03-02T09:01:00+00:00",
        "endsAt": "2026-03-02T09:04:00+00:00",
    }  # fmt: skip


def test_what_we_send_is_what_we_take() -> None:
    made = alert(SUBJECT, EPISODE, {"summary": "x"}, "http://127.0.0.1:8470/assets/fibre", NOW + timedelta(minutes=4))
    (taken,) = posted([made]).alerts
    assert taken.comes_from("harbour")
    assert taken.name == "PacketLoss"
