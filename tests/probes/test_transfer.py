"""What is decided about transfers without any: figures, servers' words and budgets."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from probes import Failed, Unmeasured
from probes._engines.transfer.gates import Spending
from probes._engines.transfer.latency import Round, of_p95, per_minute
from probes._engines.transfer.servers import named
from probes._engines.transfer.streams import Mark, Pace, goodput

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PACE = Pace(1, 1.0, 4.0, 1000)

NAMED = {
    "large_https_download_url": "https://nq.example/large",
    "small_https_download_url": "https://nq.example/small",
    "https_upload_url": "https://nq.example/up",
}


def test_the_addresses_of_a_responsiveness_server_are_read() -> None:
    body = json.dumps({"version": 1, "urls": NAMED}).encode()
    assert named(body, "https://nq.example/")[:3] == tuple(
        NAMED[f"{name}"] for name in ("large_https_download_url", "https_upload_url", "small_https_download_url")
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "http://router.internal/reboot",
        "file:///etc/passwd",
        "https://nq.example/ x",
        "https://nq.example/" + "x" * 2000,
        "https://nq.exämple/",
        7,
        None,
    ],
)
def test_a_responsiveness_server_cannot_send_us_elsewhere(wrong: object) -> None:
    body = json.dumps({"urls": {**NAMED, "https_upload_url": wrong}}).encode()
    with pytest.raises(Failed, match="malformed"):
        named(body, "https://nq.example/")


def test_what_comes_in_the_grace_period_does_not_count() -> None:
    marks = [Mark(0, 0), Mark(0.5, 900), *(Mark(n, 750 + 250 * n) for n in range(1, 6))]
    assert goodput(marks, PACE, "down") == pytest.approx(2000)


def test_a_transfer_that_stands_still_for_half_the_time_has_failed() -> None:
    marks = [Mark(0, 0), Mark(1.0, 1000), Mark(2.0, 1300), *(Mark(n, 1500) for n in (2.9, 3.5, 4.3, 5.0))]
    with pytest.raises(Failed, match=r"stalled: upload: it stood still for the last 2\.1 s"):
        goodput(marks, PACE, "up")


def test_a_machine_that_stood_still_itself_says_nothing_of_the_line() -> None:
    marks = [*(Mark(n / 2, 100 * n) for n in range(6)), Mark(5.0, 600)]
    with pytest.raises(Unmeasured, match=r"overloaded: download: this machine was too busy to look for 2\.5 s"):
        goodput(marks, PACE, "down")


def test_round_trips_per_minute_follow_the_draft() -> None:
    assert per_minute([Round(0.1, 0.1, 0.1)] * 5) == pytest.approx(600)
    assert per_minute([Round(0.1, 0.0, 0.2)] * 5) == pytest.approx(400)  # without TLS, of two steps
    assert per_minute([Round(0.1, 0.1, 0.1)] * 19 + [Round(9, 9, 9)]) == pytest.approx(600)  # the slowest 5 % go
    assert per_minute([]) is None


def test_95_percent_are_not_above_p95() -> None:
    assert of_p95([Round(0, 0, value / 100) for value in range(1, 101)]) == 0.95
    assert of_p95([Round(0, 0, 0.3)]) == 0.3


def test_what_was_moved_is_forgotten_after_a_day() -> None:
    spent = Spending().after(NOW, 600).after(NOW + timedelta(minutes=5), 100).after(NOW + timedelta(hours=3), 200)
    assert spent.left(2000) == 1100
    assert spent.left(1400) == 0  # less than the largest run took
    assert Spending.of(json.loads(json.dumps(spent.memory)), NOW + timedelta(hours=4)) == spent
    assert Spending.of(spent.memory, NOW + timedelta(hours=24)).left(2000) == 1800
