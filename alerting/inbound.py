"""Alerts that other programs send us, and the episodes that they open, keep up and end."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from alerting.alertmanager import SOURCE
from alerting.rules import Episode, Phase, Severity, Why, close

OUTSIDE = "outside/"
"""What the checks of such alerts begin with: other programs run them."""

PROMETHEUS = timedelta(minutes=5)
"""How long an alert that does not say when it ends holds without being sent again: as in Alertmanager."""
ALERTMANAGER = timedelta(hours=25)
"""The same for what an Alertmanager sends: it repeats every `repeat_interval`, 4 h by default and often a day."""
OLDEST = timedelta(days=30)
"""An alert that says it began earlier than that is taken to have begun then."""

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LONGEST_NAME = 120
_LONGEST_TEXT = 450

_SEVERITIES = {
    **dict.fromkeys(("critical", "crit", "page", "fatal", "emergency", "disaster"), Severity.CRITICAL),
    **dict.fromkeys(("info", "information", "informational", "notice", "debug", "none", "ok"), Severity.INFO),
}


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as it was sent; what it says stems from a peer. `starts` and `ends` are None where it says nothing."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    starts: datetime | None = None
    ends: datetime | None = None

    @property
    def name(self) -> str:
        """Its rule: the label `alertname`."""
        return line(self.labels.get("alertname", ""), _LONGEST_NAME) or "alert"

    @property
    def about(self) -> str:
        """What it is about: the asset that a label names, else its own name and where it was measured."""
        labels = self.labels
        named = labels.get("deskwatch_asset") or labels.get("asset")
        place = labels.get("instance") or labels.get("job") or ""
        return line(named or f"{self.name} {place}", _LONGEST_NAME)

    @property
    def check(self) -> str:
        """Its identity. It starts anew when its source restarts, so only its labels count, all of them."""
        packed = json.dumps(sorted(self.labels.items()))
        return f"{OUTSIDE}{self.about}/{sha256(packed.encode()).hexdigest()[:16]}"

    @property
    def severity(self) -> Severity:
        """How much it matters by its label `severity`; a warning if that says nothing we know."""
        return severity_of(self.labels.get("severity", ""))

    @property
    def detail(self) -> str:
        """What it says to people: a summary, and on a second line the description, if it has them."""
        said = [self.annotations.get(name, "") for name in ("summary", "description")]
        texts = [text for text in said if text.strip()] or [self.annotations.get("message", "")]
        return "\n".join(line(text, _LONGEST_TEXT) for text in dict.fromkeys(texts))

    def comes_from(self, site: str) -> bool:
        """Whether it is one that this site's own Deskwatch has sent."""
        return self.labels.get("source") == SOURCE and self.labels.get("site") == site


class Batch(NamedTuple):
    """The alerts of one message, and what is wrong with those that are refused."""

    alerts: tuple[Alert, ...]
    problems: tuple[str, ...] = ()


def posted(given: object) -> Batch:
    """The alerts in the body of `POST /api/v2/alerts`. A bad one refuses itself alone."""
    if not isinstance(given, list):
        return Batch((), ("the body must be a JSON list of alerts",))
    return _batch(given, _posted)


def relayed(given: object, now: datetime) -> Batch:
    """The alerts in the body of an Alertmanager's webhook (version 4), of which each says whether it is over."""
    alerts = given.get("alerts") if isinstance(given, dict) else None
    if not isinstance(alerts, list):
        return Batch((), ("the body must be what Alertmanager sends to a webhook: an object with a list `alerts`",))
    return _batch(alerts, lambda one: _relayed(one, now))


def hear(
    episode: Episode | None, alert: Alert, now: datetime, patience: timedelta, new_id: Callable[[], str]
) -> Episode | None:
    """What an alert makes of the open episode of its check: opened, kept up or resolved; None if there is nothing.

    `patience` is how long it holds if it does not say so itself.
    """
    over = alert.ends is not None and alert.ends <= now
    if episode is None:
        return None if over else _opened(alert, now, patience, new_id())
    if over:
        return close(episode, Why.RECOVERED, alert.ends or now)
    last = max(now, episode.last_true)
    return replace(episode, last_true=last, deadline=alert.ends or now + patience, detail=alert.detail)


def expire(episode: Episode, now: datetime, listening: datetime) -> Episode | None:
    """The episode, ended as nobody has confirmed it in time; None while there is time.

    `listening` is since when alerts can reach us: what falls silent before may only have met a closed door.
    """
    if episode.deadline is None or now < max(episode.deadline, listening + PROMETHEUS):
        return None
    return close(episode, Why.SOURCE_SILENT, now)


def about(check: str) -> str:
    """What the alert of a check is about, told from the check's id alone."""
    return check.removeprefix(OUTSIDE).rpartition("/")[0]


def severity_of(word: str) -> Severity:
    """How much a word for a severity means, as people use them in Prometheus; a warning if it is not known."""
    return _SEVERITIES.get(word.lower(), Severity.WARNING)


def line(text: str, length: int) -> str:
    """A peer's text on one line of at most so many characters, without those that control, hide or turn around."""
    visible = text[: 4 * length]
    if not visible.isprintable():
        visible = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in visible)
    found = " ".join(visible.split())
    return found if len(found) <= length else f"{found[: length - 1].rstrip()}…"


def _opened(alert: Alert, now: datetime, patience: timedelta, id: str) -> Episode:
    return Episode(
        id=id,
        check=alert.check,
        rule=alert.name,
        severity=alert.severity,
        phase=Phase.FIRING,
        opened=min(max(alert.starts or now, now - OLDEST), now),
        last_true=now,
        deadline=alert.ends or now + patience,
        fired=now,
        reason="alert",
        detail=alert.detail,
    )


def _batch(given: Iterable[object], read: Callable[[Mapping[str, object]], Alert]) -> Batch:
    alerts, problems = [], []
    for position, one in enumerate(given):
        try:
            if not isinstance(one, dict):
                raise ValueError("must be an object")  # noqa: TRY004 - one kind of refusal
            alerts.append(read(one))
        except ValueError as error:
            problems.append(f"alert {position}: {error}")
    return Batch(tuple(alerts), tuple(problems))


def _posted(given: Mapping[str, object]) -> Alert:
    starts, ends = _time(given, "startsAt"), _time(given, "endsAt")
    if starts is not None and ends is not None and ends < starts:
        raise ValueError("startsAt must not be after endsAt")
    return Alert(_labels(given), _texts(given, "annotations"), starts, ends)


def _relayed(given: Mapping[str, object], now: datetime) -> Alert:
    starts, ends = _time(given, "startsAt"), _time(given, "endsAt")
    match given.get("status"):
        case "firing":
            # An end that lies ahead is a guess of the sender's; the sender says so when it is really over.
            ends = None
        case "resolved":
            # Its clock may be ahead of ours: over is over.
            ends = min(ends or now, now)
        case _:
            raise ValueError("status must be firing or resolved")
    return Alert(_labels(given), _texts(given, "annotations"), starts, ends)


def _labels(given: Mapping[str, object]) -> Mapping[str, str]:
    """The labels, without those that are empty: to Prometheus these are the same as none."""
    labels = {name: value for name, value in _texts(given, "labels").items() if value}
    if not labels:
        raise ValueError("at least one label is needed")
    for name in labels:
        if not _NAME.fullmatch(name):
            raise ValueError(f"the label name {line(name, 60)!r} must be letters, digits and _, no digit first")
    return labels


def _texts(given: Mapping[str, object], key: str) -> Mapping[str, str]:
    texts = given.get(key) or {}
    if not isinstance(texts, dict):
        raise ValueError(f"{key} must be an object")  # noqa: TRY004 - one kind of refusal
    if not all(isinstance(value, str) for value in texts.values()):
        raise ValueError(f"all values of {key} must be texts")
    return texts


def _time(given: Mapping[str, object], key: str) -> datetime | None:
    """The time, None where there is none; Go writes that as the year 1."""
    text = given.get(key)
    if text is None or text == "":
        return None
    try:
        at = datetime.fromisoformat(text if isinstance(text, str) else "")
        at = at.astimezone(UTC) if at.year > 1 and at.tzinfo is not None else at
    except (ValueError, OverflowError):
        at = datetime.max  # noqa: DTZ901 - like any time without a zone it is refused
    if at.tzinfo is None:
        raise ValueError(f"{key} must be a time like 2026-03-02T09:00:00Z")
    return at if at.year > 1 else None
