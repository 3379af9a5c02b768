"""What an incident that is over cost, from its episodes and from what was measured of people and bookings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from statistics import median
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.gates import Stretch
from alerting.rules import Episode
from incidents.impact import Basis, Crowd, Impact, bookings, fault, outage, weigh
from incidents.incident import Incident
from monitor.config.model import Asset, Check, Config
from monitor.recording import HOUR, Pair, hour_of
from monitor.store import episodes, incidents, recordings
from monitor.usual import Past, WallHour, whole
from probes import Status, load
from probes._engines.displays import printable

CLIENTS, BOOKED = "deskwatch_wifi_ssid_clients", "deskwatch_room_booked"
"""The metrics that tell how many devices a network has, and whether a room is booked."""
LOOKED = 48
"""For how many hours of an outage what is usual is looked up; what is longer is counted by capacity from there on."""
NEAR = timedelta(hours=3)
"""How long what was measured right before an outage stands for it, where nothing is known of other weeks."""

_INTERVAL = 60.0  # of a check that is gone from the configuration


class Turned(NamedTuple):
    """What the store does not have yet: episodes and incidents as they are now, and whose those episodes are."""

    episodes: Mapping[str, Episode]
    holders: Mapping[str, str]
    incidents: Mapping[str, Incident]


async def appraise(
    conn: AsyncConnection, config: Config, over: Sequence[Incident], turned: Turned
) -> dict[str, Impact]:
    """What each of these incidents cost, by its id. Raises StoreError."""
    parts = await _parts(conn, over, turned)
    found = await episodes.of_incidents(conn, parts)
    known = {one.id: (one, holder) for holder, some in found.items() for one in some}
    known |= {id: (one, turned.holders[id]) for id, one in turned.episodes.items() if id in turned.holders}
    impacts = {}
    for incident in over:
        of = [one for one, holder in known.values() if parts.get(holder) == incident.id]
        impacts[incident.id] = await _impact(conn, config, incident, of)
    return impacts


async def _parts(conn: AsyncConnection, over: Sequence[Incident], turned: Turned) -> dict[str, str]:
    """Which of these incidents tells of an incident: itself, and those that were merged into it."""
    whole = {one.id: one.id for one in over}
    merged = await incidents.merged_into(conn, whole)
    just_now = {id: one.merged_into for id, one in turned.incidents.items() if one.merged_into in whole}
    return {**whole, **merged, **{id: into for id, into in just_now.items() if into is not None}}


async def _impact(conn: AsyncConnection, config: Config, incident: Incident, of: Sequence[Episode]) -> Impact:
    """What one cost whose episodes these are."""
    end = incident.resolved or incident.opened
    checks = {check.id: check for check in config.checks}
    own = [one for one in of if _asset(checks, one) == incident.asset] or of
    faults = [fault(one, checks[one.check].interval if one.check in checks else _INTERVAL, end) for one in own]
    down = outage(incident.opened, end, faults)
    hit = tuple(dict.fromkeys([incident.asset, *_hit(checks, of)])) if incident.asset else tuple(_hit(checks, of))
    rooms = [asset for id in hit if (asset := config.asset(id)) is not None]
    cost = await _weighed(conn, config, incident, down)
    return cost._replace(assets=hit, bookings=await _bookings(conn, rooms, down))


def _asset(checks: Mapping[str, Check], episode: Episode) -> str:
    return checks[episode.check].asset if episode.check in checks else episode.check.partition("/")[0]


def _hit(checks: Mapping[str, Check], of: Iterable[Episode]) -> Iterator[str]:
    """What did not work at all, as its checks have it."""
    for one in sorted(of, key=lambda one: one.opened):
        rules = checks[one.check].rules if one.check in checks else ()
        if any(rule.id == one.rule and rule.status is Status.DOWN for rule in rules):
            yield checks[one.check].asset


async def _weighed(conn: AsyncConnection, config: Config, incident: Incident, down: Sequence[Stretch]) -> Impact:
    """The minutes of the outage, times the people as well as they can be told."""
    hours, asset = config.site.hours, config.asset(incident.asset)
    if incident.cost is not None and incident.cost.basis is Basis.SAID:
        return weigh(down, hours, (), incident.cost.people, Basis.SAID)._replace(basis=Basis.SAID)
    served = config.served_by(incident.asset) if incident.asset else 0
    crowd: Sequence[Crowd] = ()
    basis = Basis.CAPACITY
    opens = [Stretch(*one) for stretch in down for one in hours.stretches(*stretch)]
    if asset is not None and opens:
        if checks := _measuring(asset, CLIENTS):
            basis, crowd = Basis.CLIENTS, await _clients(conn, config, checks, opens)
        elif checks := _measuring(asset, BOOKED):
            basis, crowd = Basis.BOOKINGS, await _booked(conn, checks[0], opens, served)
    return weigh(down, hours, crowd, served, basis)


def _measuring(asset: Asset, metric: str) -> list[Check]:
    return [one for one in asset.checks if metric in {each.name for each in load(one.kind).metrics}]


async def _clients(
    conn: AsyncConnection, config: Config, checks: Iterable[Check], opens: Sequence[Stretch]
) -> tuple[Crowd, ...]:
    """How many devices the network usually has at those hours, else how many it had right before.

    What is measured while it is down is no measure of whom that hits.
    """
    hours = tuple(islice(_by_hour(opens), LOOKED))
    found: tuple[Crowd, ...] = ()
    for check in checks:
        counts = await _usual(conn, config, check, hours) or await _before(conn, check, hours)
        crowd = tuple(Crowd(hour, people) for hour, people in counts.items())
        found = max(found, crowd, key=lambda some: sum(one.people for one in some))
    return found


async def _usual(conn: AsyncConnection, config: Config, check: Check, hours: Sequence[Stretch]) -> dict[Stretch, float]:
    """What is usual in each of these hours, as far as that is known."""
    zone = config.site.hours.zone
    past = Past({CLIENTS}, zone)
    walls = {one: WallHour.of(one.starts, zone) for one in hours}
    wanted = {hour for wall in walls.values() for before in wall.before() for hour in before.hours(zone)}
    for hour in sorted(wanted):
        for recording in whole(await recordings.between(conn, check.id, hour, hour + HOUR)):
            past.add(recording)
    known = {one: _total(check, past.usual(wall)) for one, wall in walls.items()}
    return {one: count for one, count in known.items() if count is not None}


async def _before(conn: AsyncConnection, check: Check, hours: Sequence[Stretch]) -> dict[Stretch, float]:
    """What was measured in the hour before the first of these, for those that are near it."""
    start = hours[0].starts
    values: dict[Pair, list[float]] = {}
    for at, pair, value in await _measured(conn, check, CLIENTS, start - HOUR, start):
        if at < start:
            values.setdefault(pair, []).append(value)
    count = _total(check, {pair: median(some) for pair, some in values.items()})
    return {} if count is None else {one: count for one in hours if one.starts < start + NEAR}


def _total(check: Check, counts: Mapping[Pair, float]) -> float | None:
    """The devices on the network that a check is about, on all of them if it names none; None if nobody counted."""
    name = printable(getattr(check.params, "ssid", None) or "", 100)
    mine = [count for (metric, part), count in counts.items() if metric == CLIENTS and name in ("", part)]
    return sum(mine) if mine else None


async def _booked(conn: AsyncConnection, check: Check, opens: Sequence[Stretch], people: float) -> tuple[Crowd, ...]:
    """The people of the room while it was booked, nobody while it was free."""
    end = opens[-1].ends
    known = await _occupied(conn, check, opens[0].starts, end)
    ends = [*(at for at, _ in known[1:]), end]
    return tuple(
        Crowd(Stretch(at, min(after, at + HOUR)), people if taken else 0)
        for (at, taken), after in zip(known, ends, strict=False)
    )


async def _bookings(conn: AsyncConnection, rooms: Iterable[Asset], down: Sequence[Stretch]) -> int | None:
    """How many bookings of these rooms an outage hit, None where nothing is known of any."""
    checks = [check for room in rooms for check in _measuring(room, BOOKED)[:1]] if down else []
    counts = [bookings(down, await _occupied(conn, check, down[0].starts, down[-1].ends)) for check in checks]
    known = [one for one in counts if one is not None]
    return sum(known) if known else None


async def _occupied(conn: AsyncConnection, check: Check, start: datetime, end: datetime) -> list[tuple[datetime, bool]]:
    """Whether the room was booked, from the hour before a time to its end, in order."""
    found = await _measured(conn, check, BOOKED, start - HOUR, end)
    return [(at, value > 0) for at, _, value in found]


async def _measured(
    conn: AsyncConnection, check: Check, metric: str, start: datetime, end: datetime
) -> list[tuple[datetime, Pair, float]]:
    """What a check measured of a metric between two instants, in order, of `LOOKED` hours at most."""
    end = min(end, start + LOOKED * HOUR)
    found = []
    for recording in whole(await recordings.between(conn, check.id, hour_of(start), end)):
        for pair, times, values in recording.columns({metric}):
            found += [
                (recording.start + timedelta(microseconds=time), pair, value)
                for time, value in zip(times, values, strict=True)
                if value == value
            ]
    return sorted(one for one in found if start <= one[0] < end)


def _by_hour(opens: Iterable[Stretch]) -> Iterator[Stretch]:
    """The same time in pieces that do not go beyond an hour of UTC."""
    for one in opens:
        at = one.starts
        while at < one.ends:
            after = min(hour_of(at) + HOUR, one.ends)
            yield Stretch(at, after)
            at = after
