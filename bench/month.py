"""A month of a site as it may have been: what each check said in each slot, and the incidents that came of it."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.rules import Severity
from incidents.availability import Span
from incidents.incident import Incident, Stage
from monitor.recording import HOUR, Recording
from monitor.store import incidents, recordings, spans
from monitor.store.incidents import Changed
from probes import Reading, Sample, Status

START, END = datetime(2026, 9, 30, 22, 0, tzinfo=UTC), datetime(2026, 10, 31, 23, 0, tzinfo=UTC)
"""October in Berlin: clocks are set back in it."""
SLOT = timedelta(minutes=5)
SLOTS = (END - START) // SLOT
PER_ASSET = 3

UP, DOWN, UNKNOWN, SILENT = "U", "D", "?", "."
"""What a letter of `said` means; in a silent slot nothing was measured."""
_STATUS = {UP: (Status.UP, "ok"), DOWN: (Status.DOWN, "timeout"), UNKNOWN: (Status.UNKNOWN, "no_network")}
_BLACKOUT = slice(4000, 4040)
_FLAPPING = 20
"""One in so many checks comes and goes all the time."""

SITE = """\
site:
  id: bench
  name: Bench
  timezone: Europe/Berlin
  capacity: 60
  opening_hours: {mon-fri: ["08:00-12:30", "13:00-20:00"], sat: "09:00-13:00", sun: "00:00-06:00"}
  holidays: [2026-10-14]
storage: {url: "sqlite:///bench.db"}
defaults: {interval: 5m}
maintenance:
  - {id: patches, name: Patches, assets: [asset-0, asset-1], days: thu, at: "19:00", lasts: 2h}
  - {id: rewiring, name: Rewiring, from: 2026-10-20 07:00, to: 2026-10-20 09:00}
"""


class Month(NamedTuple):
    """`said` holds a letter for each slot, by check; `incidents` are in the order in which they began."""

    said: Mapping[str, str]
    incidents: tuple[Incident, ...]


def site(checks: int) -> str:
    """The configuration: assets of PER_ASSET checks each; the third one needs the first or the second."""
    lines = [SITE + "services:"]
    for number in range(checks // PER_ASSET):
        lines.append(f"  - id: asset-{number}\n    name: Asset {number}\n    people: {number % 7 * 10}")
        lines += ["    depends_on: {any_of: [asset-0, asset-1]}"] * (number == 2)
        lines.append("    checks:")
        lines += [f"      - {{name: c{one}, kind: internet.ping, host: 127.0.0.1}}" for one in range(PER_ASSET)]
    return "\n".join(lines) + "\n"


def month(checks: int, seed: int) -> Month:
    """What such a site went through; the same for the same seed."""
    dice = random.Random(seed)
    said: dict[str, str] = {}
    found: list[Incident] = []
    for number in range(checks // PER_ASSET):
        outages = [_stretch(dice, 40) for _ in range(dice.randint(0, 6))]
        found += [_incident(dice, f"asset-{number}", outage) for outage in outages]
        said |= {f"asset-{number}/c{one}": _said(dice, outages) for one in range(PER_ASSET)}
    for check in list(said)[::_FLAPPING]:
        said[check] = "".join(dice.choice((letter, letter, DOWN)) for letter in said[check])
    return Month({check: _silenced(letters) for check, letters in said.items()}, tuple(_merged(dice, found)))


async def save(conn: AsyncConnection, one: Month) -> None:
    """Write it into the store, all spans and all incidents."""
    await spans.save(conn, [span for check, letters in one.said.items() for span in spans_of(check, letters)])
    await incidents.save_all(conn, [Changed(incident, None) for incident in one.incidents])


async def record(conn: AsyncConnection, check: str, seed: int) -> None:
    """Write down what a ping measured in the month, an hour in each recording."""
    dice = random.Random(seed)
    hours = [START + number * HOUR for number in range((END - START) // HOUR)]
    await recordings.save(conn, [_recording(dice, check, hour) for hour in hours])


def spans_of(check: str, letters: str) -> Iterator[Span]:
    """What a check said as spans: one for each run of the same letter."""
    first = 0
    for letter, run in groupby(letters):
        last = first + len(list(run))
        if letter != SILENT:
            yield Span(check, START + first * SLOT, START + last * SLOT, *_STATUS[letter])
        first = last


def _said(dice: random.Random, outages: list[slice]) -> str:
    """One check: most outages of its asset hit it, and it has gaps and moments of its own."""
    letters = [UP] * SLOTS
    own = [(DOWN, _stretch(dice, 3)), (UNKNOWN, _stretch(dice, 30)), (SILENT, _stretch(dice, 100))]
    for letter, where in [*((DOWN, one) for one in outages if dice.random() < 0.8), *own]:
        letters[where] = [letter] * len(letters[where])
    return "".join(letters)


def _silenced(letters: str) -> str:
    """The same without the time in which the monitor was not at work."""
    return letters[: _BLACKOUT.start] + SILENT * (_BLACKOUT.stop - _BLACKOUT.start) + letters[_BLACKOUT.stop :]


def _stretch(dice: random.Random, most: int) -> slice:
    first = dice.randrange(SLOTS)
    return slice(first, min(SLOTS, first + dice.randint(1, most)))


def _incident(dice: random.Random, asset: str, outage: slice) -> Incident:
    opened, ended = START + outage.start * SLOT, START + outage.stop * SLOT
    taken = opened + timedelta(seconds=dice.randint(20, 3600))
    return Incident(
        id=f"{outage.start:06}-{asset}",
        asset=asset,
        title=f"{asset} is down",
        severity=Severity.CRITICAL,
        opened=opened,
        stage=Stage.RESOLVED if ended < END else Stage.OPEN,
        acknowledged=taken if taken < ended else None,
        resolved=ended if ended < END else None,
    )


def _merged(dice: random.Random, found: list[Incident]) -> Iterator[Incident]:
    """All of them in order; some turned out to be another one's doing."""
    cause = ""
    for one in sorted(found, key=lambda incident: incident.id):
        if cause and dice.random() < 0.1:
            yield replace(one, merged_into=cause)
        else:
            cause = one.id
            yield one


def _recording(dice: random.Random, check: str, hour: datetime) -> Recording:
    recording = Recording(check, hour)
    for number in range(HOUR // SLOT):
        at = hour + number * SLOT
        samples = (
            Sample("probe_icmp_loss_ratio", dice.random()),
            *(Sample("probe_icmp_rtt_seconds", dice.random(), part) for part in ("min", "median", "p95", "max")),
        )
        recording.add(Reading(check, at, 0.1, Status.UP, "ok", "", samples), at)
    return recording
