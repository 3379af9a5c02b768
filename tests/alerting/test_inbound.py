"""Alerts of other programs: what they say, and what that makes of an episode."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.inbound import ALERTMANAGER, OLDEST, PROMETHEUS, Alert, about, expire, hear, posted, relayed
from alerting.rules import Episode, Phase, Severity, Why

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DISK = {"alertname": "DiskFull", "instance": "nas:9100", "severity": "critical"}
FIRING = Alert(DISK, {"summary": "Disk almost full"}, NOW - MINUTE, NOW + 4 * MINUTE)
OVER = replace(FIRING, ends=NOW)


def heard(*alerts: tuple[Alert, datetime], patience: timedelta = PROMETHEUS) -> list[Episode | None]:
    """The episode after each alert; one that is resolved is no longer open for the next."""
    found: list[Episode | None] = []
    ids = iter("ABCDEFGH")
    for alert, at in alerts:
        last = found[-1] if found else None
        before = last if last is not None and last.phase is Phase.FIRING else None
        found.append(hear(before, alert, at, patience, lambda: next(ids)))
    return found


def test_an_alert_that_fires_is_an_episode_that_holds_until_its_end() -> None:
    (episode,) = heard((FIRING, NOW))
    assert episode == Episode(
        "A", FIRING.check, "DiskFull", Severity.CRITICAL, Phase.FIRING, NOW - MINUTE, NOW, NOW + 4 * MINUTE,
        fired=NOW, reason="alert", detail="Disk almost full",
    )  # fmt: skip


def test_without_an_end_it_holds_for_as_long_as_its_source_may_be_silent() -> None:
    (episode,) = heard((replace(FIRING, ends=None), NOW), patience=ALERTMANAGER)
    assert episode is not None
    assert episode.deadline == NOW + ALERTMANAGER


def test_repeats_keep_it_up_also_with_another_beginning() -> None:
    later = replace(FIRING, starts=NOW + MINUTE, ends=NOW + 9 * MINUTE, annotations={"summary": "Disk full"})
    first, second = heard((FIRING, NOW), (later, NOW + 2 * MINUTE))
    assert first is not None
    assert second == replace(first, last_true=NOW + 2 * MINUTE, deadline=NOW + 9 * MINUTE, detail="Disk full"), (
        "as after a restart of Prometheus"
    )


def test_an_end_that_has_passed_resolves_it_and_repeats_of_that_are_nothing() -> None:
    _, ended, again = heard((FIRING, NOW), (OVER, NOW + MINUTE), (OVER, NOW + 2 * MINUTE))
    assert ended is not None
    assert (ended.phase, ended.why, ended.closed) == (Phase.RESOLVED, Why.RECOVERED, NOW)
    assert again is None


def test_it_never_ends_before_it_was_last_heard_of() -> None:
    _, ended = heard((FIRING, NOW), (replace(FIRING, ends=NOW - 9 * MINUTE), NOW + MINUTE))
    assert ended is not None
    assert ended.closed == NOW


def test_after_its_end_it_is_another_episode() -> None:
    *_, again = heard((FIRING, NOW), (OVER, NOW), (replace(FIRING, ends=NOW + 8 * MINUTE), NOW + MINUTE))
    assert again is not None
    assert again.id == "B"


@pytest.mark.parametrize(
    ("starts", "opened"),
    [
        (None, NOW),
        (NOW + MINUTE, NOW),
        (datetime(1970, 1, 1, tzinfo=UTC), NOW - OLDEST),
    ],
)
def test_a_strange_beginning_is_put_right(starts: datetime | None, opened: datetime) -> None:
    (episode,) = heard((replace(FIRING, starts=starts), NOW))
    assert episode is not None
    assert episode.opened == opened


def test_what_nobody_confirms_in_time_ends_and_says_so() -> None:
    (episode,) = heard((FIRING, NOW))
    assert episode is not None
    assert expire(episode, NOW + 3 * MINUTE, NOW - 60 * MINUTE) is None
    ended = expire(episode, NOW + 4 * MINUTE, NOW - 60 * MINUTE)
    assert ended is not None
    assert (ended.phase, ended.why) == (Phase.RESOLVED, Why.SOURCE_SILENT)


def test_silence_while_we_did_not_listen_is_not_held_against_the_source() -> None:
    (episode,) = heard((FIRING, NOW))
    assert episode is not None
    assert expire(episode, NOW + 64 * MINUTE, NOW + 60 * MINUTE) is None
    assert expire(episode, NOW + 65 * MINUTE, NOW + 60 * MINUTE) is not None


def test_all_labels_and_only_they_are_the_identity() -> None:
    same = Alert(dict(reversed(DISK.items())), {"summary": "else"}, NOW, None)
    assert same.check == FIRING.check
    assert Alert(DISK | {"device": "sda"}).check != FIRING.check


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        (DISK, "DiskFull nas:9100"),
        ({"alertname": "Slow", "job": "backup"}, "Slow backup"),
        ({"alertname": "Watchdog"}, "Watchdog"),
        ({"severity": "info"}, "alert"),
        (DISK | {"asset": "nas"}, "nas"),
        (DISK | {"asset": "nas", "deskwatch_asset": "storage"}, "storage"),
        ({"alertname": "A/B", "instance": "x/y"}, "A/B x/y"),
    ],
)
def test_what_it_is_about_can_be_told_from_its_check(labels: dict[str, str], name: str) -> None:
    assert about(Alert(labels).check) == name


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("critical", Severity.CRITICAL), ("page", Severity.CRITICAL), ("Critical", Severity.CRITICAL),
        ("warning", Severity.WARNING), ("P3", Severity.WARNING), ("", Severity.WARNING),
        ("info", Severity.INFO), ("none", Severity.INFO),
    ],
)  # fmt: skip
def test_severities_are_understood(word: str, severity: Severity) -> None:
    assert Alert(DISK | {"severity": word}).severity is severity


@pytest.mark.parametrize(
    ("annotations", "detail"),
    [
        ({"summary": "Full", "description": "Delete\nsomething."}, "Full\nDelete something."),
        ({"description": "Delete something."}, "Delete something."),
        ({"summary": "Full", "description": "Full"}, "Full"),
        ({"message": "Full"}, "Full"),
        ({}, ""),
        ({"summary": "a\x1b[31m\u202eb"}, "a [31m b"),
        ({"summary": "x" * 9000}, "x" * 449 + "…"),
    ],
)
def test_its_words_are_bounded_and_printable(annotations: dict[str, str], detail: str) -> None:
    assert Alert(DISK, annotations).detail == detail


def test_our_own_alerts_are_known_again() -> None:
    assert Alert(DISK | {"source": "deskwatch", "site": "harbour"}).comes_from("harbour")
    assert not Alert(DISK | {"source": "deskwatch", "site": "pier"}).comes_from("harbour")
    assert not Alert(DISK | {"site": "harbour"}).comes_from("harbour")


def test_a_bad_alert_refuses_itself_alone() -> None:
    bad: list[Any] = [
        {"labels": {}},
        {"labels": {"alertname": ""}},
        {"labels": {"a-b": "c"}},
        {"labels": {"a": 1}},
        {"labels": ["a"]},
        {"labels": DISK, "annotations": "none"},
        {"labels": DISK, "startsAt": "yesterday"},
        {"labels": DISK, "startsAt": "2026-03-02T09:00:00"},
        {"labels": DISK, "endsAt": 7},
        {"labels": DISK, "startsAt": "2026-03-02T09:00:00Z", "endsAt": "2026-03-02T08:00:00Z"},
        {"labels": DISK, "endsAt": "9999-12-31T23:59:59-23:00"},
        "DiskFull",
    ]
    batch = posted([*bad, {"labels": DISK | {"empty": ""}, "annotations": None, "endsAt": ""}])
    assert batch.alerts == (Alert(DISK),)
    assert [problem.partition(":")[0] for problem in batch.problems] == [f"alert {n}" for n in range(len(bad))]
    assert "'a-b' must be letters" in batch.problems[2]


@pytest.mark.parametrize("body", [None, {}, "alerts", 7])
def test_what_is_no_list_is_refused(body: object) -> None:
    assert posted(body).problems
    assert relayed(body, NOW).problems


def test_times_are_read_as_go_writes_them() -> None:
    (alert,) = posted(
        [{"labels": DISK, "startsAt": "2026-03-02T10:00:00.123456789+01:00", "endsAt": "0001-01-01T00:00:00Z"}]
    ).alerts
    assert alert.starts == NOW + timedelta(microseconds=123456)
    assert alert.ends is None


def test_a_webhook_says_of_each_alert_whether_it_is_over() -> None:
    firing = {"status": "firing", "labels": DISK, "startsAt": "2026-03-02T08:00:00Z", "endsAt": "0001-01-01T00:00:00Z"}
    over = firing | {"status": "resolved", "endsAt": "2026-03-02T09:30:00Z"}
    batch = relayed({"version": "4", "status": "firing", "alerts": [firing, over, firing | {"status": "?"}]}, NOW)
    assert [one.ends for one in batch.alerts] == [None, NOW], "a clock that is ahead does not keep it alive"
    assert batch.problems == ("alert 2: status must be firing or resolved",)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["labels", "annotations", "startsAt", "endsAt", "status", "alerts", "alertname"]), inner
    ),
    max_leaves=12,
)  # fmt: skip


@given(json_values)
def test_any_json_is_read_or_refused(body: object) -> None:
    for batch in (posted(body), relayed(body, NOW)):
        for alert in batch.alerts:
            assert json.dumps(alert.check)
            assert hear(None, alert, NOW, PROMETHEUS, lambda: "A") is None or alert.ends is None or alert.ends > NOW
