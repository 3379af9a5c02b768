"""Our own episodes as the alerts that Prometheus' Alertmanager takes."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from alerting.gates import Subject
from alerting.rules import Episode

SOURCE = "deskwatch"
"""The label `source` of all our alerts: by it we know them again when they come back to us."""


def alert(
    subject: Subject, episode: Episode, annotations: Mapping[str, str], url: str, ends: datetime
) -> dict[str, Any]:
    """An entry of `POST /api/v2/alerts`.

    Its labels are the same for all episodes of a rule, as Alertmanager knows alerts by their labels. `ends` is when it
    is over, or is to be taken for over if nothing more is heard of it. `url` leads to the asset's page, "" to nowhere.
    """
    entry = {
        "labels": {"alertname": alertname(subject.rule), "source": SOURCE, **subject.labels},
        "annotations": {name: text for name, text in annotations.items() if text},
        "startsAt": (episode.fired or episode.opened).isoformat(),
        "endsAt": ends.isoformat(),
    }
    return entry | ({"generatorURL": url} if url else {})


def alertname(rule: str) -> str:
    """A rule's id the way alerts are named: `packet-loss` is PacketLoss."""
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", rule))
