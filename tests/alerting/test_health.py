"""A destination's health follows from the attempts to reach it."""

from datetime import UTC, datetime, timedelta

from alerting.channels import Delivery, Outcome
from alerting.health import Health, Reach

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_a_destination_that_was_never_written_to_is_unproven() -> None:
    assert Health().reach is Reach.UNPROVEN


def test_a_destination_fails_from_its_first_failure_until_something_is_taken() -> None:
    health = Health().after(Delivery(Outcome.ACCEPTED, ""), NOW)
    assert (health.reach, health.accepted) == (Reach.OK, NOW)
    health = health.after(Delivery(Outcome.RETRY, "503"), NOW + MINUTE)
    health = health.after(Delivery(Outcome.AMBIGUOUS, "no answer"), NOW + 2 * MINUTE)
    assert health == Health(accepted=NOW, failing=NOW + MINUTE, words="no answer")
    assert health.reach is Reach.FAILING
    health = health.after(Delivery(Outcome.ACCEPTED, "ok"), NOW + 3 * MINUTE)
    assert health == Health(accepted=NOW + 3 * MINUTE, failing=None, words="no answer")
