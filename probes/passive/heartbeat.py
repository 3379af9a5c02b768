"""Waits for a job's sign of life: a backup, a sync, another Deskwatch. What stays away is late."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr, model_validator

from probes import Failed, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines import Engines
from probes._engines.cron import Crontab, following, parse
from probes._engines.pings import Beat, digest
from probes._engines.weekly import Zone
from probes._secrets import Secret

_KEY = re.compile(r"[A-Za-z0-9_-]{16,128}")


def _usable(key: SecretStr) -> SecretStr:
    if not _KEY.fullmatch(key.get_secret_value()):
        raise ValueError("a key has 16 to 128 letters, digits, - and _; `openssl rand -hex 16` makes one")
    return key


class HeartbeatParams(Params):
    """The key that the job pings with, and when it should."""

    key: Annotated[Secret, AfterValidator(_usable), Field(description="what the job's address ends with: /ping/KEY")]
    period: Annotated[
        float | None, Field(ge=10, le=31_622_400, description="seconds from one ping to the next; or say cron")
    ] = None
    cron: Annotated[
        Crontab | None,
        Field(max_length=200, description="when the job runs, as in a crontab: 30 3 * * mon-fri; or say period"),
    ] = None
    timezone: Annotated[Zone, Field(description="time zone of cron, like Europe/Berlin")] = "UTC"
    grace: Annotated[
        float,
        Field(ge=1, le=2_678_400, description="seconds that a ping may be late, and a job that said start may take"),
    ] = 300

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.period is None) == (self.cron is None):
            raise ValueError("a heartbeat has either period or cron")
        return self

    @property
    def target(self) -> str:
        """A name for the job that does not betray its key."""
        return f"job {digest(self.key.get_secret_value()).hex()[:12]}"

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """The key, as a reference."""
        return {"key": target}

    def expected(self, after: datetime) -> datetime:
        """When the ping after one at that time should come; `grace` aside."""
        if self.cron is not None:
            return following(parse(self.cron), ZoneInfo(self.timezone), after)
        return after + timedelta(seconds=self.period or 0)


class Heartbeat(Probe[HeartbeatParams]):
    """Whether a job that pings Deskwatch still does, in time and with success."""

    Params = HeartbeatParams
    passive = True
    metrics = (
        Metric("deskwatch_heartbeat_age_seconds", "Time since the job last said how it ended", "seconds"),
        Metric("deskwatch_heartbeat_run_seconds", "How long the job's last run took, from its start ping", "seconds"),
    )
    reasons: ClassVar[dict[str, str]] = {
        "late": "the ping did not come in time, or the job began and did not end in time",
        "failed": "the job said that it failed",
    }
    latency = ("deskwatch_heartbeat_run_seconds", "")

    def __init__(self, params: HeartbeatParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._key = digest(params.key.get_secret_value())
        self._since = datetime.now(UTC)

    async def measure(self, timeout: float) -> Measured:
        """Look at what was heard; waits for nothing."""
        return judge(self.engines.pings.of(self._key), self.params, self._since, datetime.now(UTC))


def judge(beat: Beat, params: HeartbeatParams, since: datetime, now: datetime) -> Measured:
    """What a job's newest pings say. Raises Failed when it failed or is late, Unmeasured while nothing can be said.

    `since` is when we began to listen: what should have come before that may have met a closed door.
    """
    samples, grace = _samples(beat, now), timedelta(seconds=params.grace)
    if beat.failed and beat.ended is not None:
        status = "" if beat.code is None else f" with exit status {beat.code}"
        raise Failed("failed", f"the job said {_ago(beat.ended, now)} that it failed{status}", samples)
    if beat.started is not None and now > max(beat.started, since) + grace:
        raise Failed("late", f"the job began {_ago(beat.started, now)} and has not said that it ended", samples)
    if beat.ended is not None and now <= params.expected(beat.ended) + grace:
        return Measured(f"the job ended well {_ago(beat.ended, now)}{_run(beat)}", samples)
    heard = "nothing was heard yet" if beat.ended is None else f"the last ping came {_ago(beat.ended, now)}"
    expected = params.expected(max(beat.ended or since, since))
    if now <= expected + grace:
        raise Unmeasured("waiting", f"{heard}; the next ping is awaited by {_clock(expected + grace)}")
    raise Failed("late", f"{heard}, one was awaited by {_clock(expected + grace)}", samples)


def _samples(beat: Beat, now: datetime) -> tuple[Sample, ...]:
    if beat.ended is None:
        return ()
    age = Sample("deskwatch_heartbeat_age_seconds", (now - beat.ended).total_seconds())
    return (age,) if beat.took is None else (age, Sample("deskwatch_heartbeat_run_seconds", beat.took))


def _run(beat: Beat) -> str:
    return "" if beat.took is None else f" after {_length(beat.took)}"


def _ago(at: datetime, now: datetime) -> str:
    return f"{_length((now - at).total_seconds())} ago"


def _length(seconds: float) -> str:
    """A length of time as roughly as people say it."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
