"""A year of a large site as its store may hold it: turns of checks, incidents, messages, an audit log."""

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Table, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.channels import NoticeKind, Outcome
from alerting.rules import Phase, Severity, Why
from alerting.verdicts import Verdict
from incidents.availability import Span
from incidents.incident import Entry, EntryKind, Incident, Origin, Stage
from monitor.history import STEPS
from monitor.store import incidents, spans, tables
from monitor.store.batches import batches
from monitor.store.incidents import Changed
from monitor.store.tables import MessageState
from probes import Status

DAYS = 365
PER_ASSET = 3
SECTIONS = ("wifi", "doors", "booking", "rooms", "equipment", "services")
SHOWN = 10
"""How many assets the status page has; the first of them flaps."""

_TURNS = 30
"""Outages of a check in the year, on average: most are short."""
_FLAPPING = 100
"""One check in so many comes and goes all the time, with an outage every so often:"""
_RESTLESS, _WORST = timedelta(hours=1), timedelta(minutes=10)
_UP, _DOWN, _UNKNOWN = (Status.UP, "ok"), (Status.DOWN, "timeout"), (Status.UNKNOWN, "no_network")
_LINES, _MESSAGES = 8, 5
_PORTION = 5_000
_TCP = "kind: internet.tcp, host: 127.0.0.1, port: {port}"

SITE = """\
site:
  id: bench
  name: Bench
  timezone: Europe/Berlin
  capacity: 400
  opening_hours: {mon-fri: ["08:00-20:00"], sat: "09:00-13:00"}
server: {listen: "127.0.0.1:PORT"}
storage: {url: "sqlite:///bench.db"}
"""


class Year(NamedTuple):
    """How much there is: of what is watched, incidents and how many of them are live, lines of the audit log, days."""

    assets: int = 1_000
    incidents: int = 2_000
    audited: int = 10_000
    days: int = DAYS
    live: int = 3


def site(year: Year, port: int, interval: float) -> str:
    """The configuration: assets of PER_ASSET checks of a TCP port, in all sections, the first SHOWN for members too."""
    lines = [SITE, f"defaults: {{interval: {interval:g}s, timeout: 2s}}", "status_page:", "  title: Bench", "  assets:"]
    lines += [f"    - asset-{number}" for number in _shown(year)]
    for index, section in enumerate(SECTIONS):
        lines.append(f"{section}:")
        for number in range(index, year.assets, len(SECTIONS)):
            lines += [f"  - id: asset-{number}", f"    name: Meeting room {number}", "    people: 6", "    checks:"]
            lines += [f"      - {{name: c{one}, {_TCP.format(port=port)}}}" for one in range(PER_ASSET)]
    return "\n".join(lines) + "\n"


def _shown(year: Year) -> range:
    """The numbers of the assets on the status page."""
    return range(0, min(SHOWN * len(SECTIONS), year.assets), len(SECTIONS))


def checks_of(year: Year) -> tuple[str, ...]:
    """The ids of all checks."""
    return tuple(f"asset-{number}/c{one}" for number in range(year.assets) for one in range(PER_ASSET))


async def save(conn: AsyncConnection, year: Year, end: datetime, seed: int = 7) -> int:
    """Write the year that ends then, the same for the same seed; how many spans it has."""
    dice, start, checks = random.Random(seed), end - timedelta(days=year.days), checks_of(year)
    turns = [span for number, check in enumerate(checks) for span in _spans(dice, check, number, start, end)]
    await spans.save(conn, turns)
    measured = (one for check in checks[:SHOWN] for one in _rollups(dice, check, start, end))
    await _fill(conn, tables.rollups, measured)
    found = [_incident(dice, number, year, start) for number in range(year.incidents)]
    for portion in batches(found, 500):
        await incidents.save_all(conn, [Changed(one, None) for one in portion])
    await _fill(conn, tables.episodes, map(_episode, found))
    await _fill(conn, tables.decisions, (_decision(one, route) for one in found for route in range(_MESSAGES)))
    await _fill(conn, tables.messages, (_message(number, one) for number, one in _numbered(found, start)))
    await _fill(conn, tables.deliveries, (_delivery(number, one) for number, one in _numbered(found, start)))
    await _fill(conn, tables.audit_log, (_audited(dice, number, year, start) for number in range(year.audited)))
    return len(turns)


def _spans(dice: random.Random, check: str, number: int, start: datetime, end: datetime) -> Iterator[Span]:
    """One after the other without a gap, as they are while Deskwatch runs."""
    pause = (end - start) / _TURNS
    if number % _FLAPPING == 0:
        pause = _WORST if number == 0 else _RESTLESS
    at = start
    while at < end:
        turn = at + pause * dice.expovariate(1)
        back = turn + timedelta(minutes=1) + min(pause / 2, timedelta(minutes=20)) * dice.random()
        yield Span(check, at, min(turn, end), *_UP)
        if turn < end:
            yield Span(check, turn, min(back, end), *(_DOWN if dice.random() < 0.8 else _UNKNOWN))
        at = back


def _rollups(dice: random.Random, check: str, start: datetime, end: datetime) -> Iterator[Mapping[str, Any]]:
    """The latencies of a check as retention leaves them: five minutes of three days, hours of 90, days of the year."""
    for step, kept in zip(STEPS, (3, 90, DAYS), strict=True):
        first = max(start, end - timedelta(days=kept)).timestamp() // step
        for slot in range(int(first), int(end.timestamp() // step)):
            begins = datetime.fromtimestamp(slot * step, end.tzinfo)
            buckets = {str(number): dice.randrange(1, 9) for number in range(-50, -30)}
            count = sum(buckets.values())
            yield {
                "check": check,
                "step": step,
                "start": begins,
                "count": count,
                "total": count * 0.01,
                "least": 0.005,
                "most": 0.02,
                "buckets": json.dumps(buckets),
            }


def _incident(dice: random.Random, number: int, year: Year, start: datetime) -> Incident:
    live = number >= year.incidents - year.live
    length = timedelta(minutes=dice.randrange(3, 120))
    opened = start + (timedelta(days=year.days) - timedelta(hours=3)) * ((number + 1) / year.incidents)
    lines = tuple(
        Entry(opened + one * length / _LINES, "Deskwatch", f"Line {one} of what happened.", EntryKind.STEP)
        for one in range(_LINES)
    )
    return Incident(
        id=f"{int(opened.timestamp()):011}{number:05}",
        asset=f"asset-{dice.randrange(year.assets)}",
        title=f"Meeting room {number} cannot be reached",
        severity=dice.choice((Severity.CRITICAL, Severity.WARNING)),
        opened=opened,
        stage=Stage.OPEN if live else Stage.RESOLVED,
        resolved=None if live else opened + length,
        member_minutes=None if live else 6 * length.total_seconds() / 60,
        origin=Origin.REPORTED if live else Origin.WATCHED,
        timeline=lines,
    )


def _numbered(found: Iterable[Incident], start: datetime) -> Iterator[tuple[int, Incident]]:
    """A number for each message of each incident, which grows with time from one history to the next."""
    return enumerate((one for one in found for _ in range(_MESSAGES)), int(start.timestamp()))


def _episode(one: Incident) -> Mapping[str, Any]:
    over = one.resolved or one.opened
    return {
        "id": f"E{one.id}",
        "check": f"{one.asset}/c0",
        "rule": "down",
        "severity": one.severity,
        "phase": Phase.RESOLVED,
        "opened": one.opened,
        "last_true": over,
        "fired": one.opened,
        "closed": over,
        "why": Why.RECOVERED,
        "reason": "timeout",
        "detail": "did not answer within 2 s",
        "incident": one.id,
    }


def _decision(one: Incident, route: int) -> Mapping[str, Any]:
    about = {"check": f"{one.asset}/c0", "rule": "down", "episode": f"E{one.id}", "incident": one.id}
    return {**about, "at": one.opened, "route": f"route-{route}", "verdict": Verdict.TOLD, "words": "told"}


def _message(number: int, one: Incident) -> Mapping[str, Any]:
    return {
        "id": number,
        "episode": f"E{one.id}",
        "destination": f"chat-{number % _MESSAGES}",
        "kind": NoticeKind.FIRING,
        "sequence": 0,
        "severity": one.severity,
        "title": one.title,
        "body": "It has not answered for a while. Members cannot use it.",
        "incident": one.id,
        "created": one.opened,
        "state": MessageState.ACCEPTED,
        "attempts": 1,
        "due": one.opened,
        "words": "",
        "finished": one.opened,
        "repeated": False,
    }


def _delivery(number: int, one: Incident) -> Mapping[str, Any]:
    return {"message": number, "at": one.opened, "outcome": Outcome.ACCEPTED, "words": ""}


def _audited(dice: random.Random, number: int, year: Year, start: datetime) -> Mapping[str, Any]:
    return {
        "at": start + timedelta(days=year.days) * (number / year.audited),
        "who": f"person-{dice.randrange(20)}",
        "address": "192.0.2.7",
        "what": dice.choice(("incident acknowledged", "incident noted", "silence begun", "signed in")),
        "target": f"asset-{dice.randrange(year.assets)}",
    }


async def _fill(conn: AsyncConnection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    for portion in batches(list(rows), _PORTION):
        await conn.execute(insert(table), list(portion))
