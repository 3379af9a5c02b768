"""The evidence behind a provider's dossier: every reading around each outage, in a file that tells of changes."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.config.model import Asset, Config
from monitor.recording import hour_of
from monitor.reports import isp, standings
from monitor.reports.chain import chained, fingerprint
from monitor.reports.facts import Facts, gather
from monitor.reports.outages import Outage, due, outages
from monitor.reports.periods import Period
from monitor.store import recordings
from monitor.usual import whole
from probes import Reading

AROUND = timedelta(minutes=3)
"""How much before and after an outage the readings are part of the evidence."""


async def records(conn: AsyncConnection, facts: Facts, provider: str) -> AsyncIterator[Mapping[str, Any]]:
    """Everything about the lines of a provider: the contract, each outage with its readings, and what they come to.

    Raises LookupError for a provider that has no line here.
    """
    lines = [asset for asset in facts.config.assets if asset.uplink and provider in (asset.uplink.provider, asset.name)]
    if not lines:
        raise LookupError(f"no line is of {provider!r}; there are {', '.join(providers(facts))}")
    yield _head(facts, provider)
    known = {one.assets[0]: one for one in standings.of_assets(facts)}
    for asset in lines:
        standing = known.get(asset.id)
        if standing is None or asset.uplink is None:
            continue
        found = outages(facts, asset, standing)
        yield _line(facts, asset, found, standing)
        for number, outage in enumerate(found):
            yield _outage(asset, number, outage)
            async for reading in _readings(conn, facts, asset, outage):
                yield reading


async def exported(
    conn: AsyncConnection, config: Config, period: Period, provider: str, now: datetime
) -> Sequence[str]:
    """The lines of the export about a period, without line ends; `provider` may be "" if there is only one.

    Raises LookupError for a provider that has no line here, or where it is not clear which one is meant.
    """
    facts = await gather(conn, config, period.start, min(period.end, now), now, metrics=isp.METRICS)
    known = providers(facts)
    if not provider and len(known) != 1:
        raise LookupError(f"say whose lines with --provider; there are {', '.join(known) or 'none'}")
    return list(chained([one async for one in records(conn, facts, provider or known[0])]))


async def fingerprints(conn: AsyncConnection, facts: Facts) -> Mapping[str, str]:
    """The fingerprint of the export of every provider: the same whenever it is made, while the readings are kept."""
    found = {}
    for provider in providers(facts):
        lines = chained([one async for one in records(conn, facts, provider)])
        found[provider] = fingerprint(list(lines)[-1])
    return found


def providers(facts: Facts) -> tuple[str, ...]:
    """Whoever has a line here; a line without a provider stands for itself."""
    lines = [asset for asset in facts.config.assets if asset.uplink is not None]
    return tuple(dict.fromkeys(asset.uplink.provider or asset.name for asset in lines if asset.uplink))


def _head(facts: Facts, provider: str) -> Mapping[str, Any]:
    return {
        "type": "dossier",
        "provider": provider,
        "site": facts.config.site.name,
        "from": _stamp(facts.start),
        "to": _stamp(facts.end),
    }


def _line(facts: Facts, asset: Asset, found: Iterable[Outage], standing: standings.Standing) -> Mapping[str, Any]:
    if asset.uplink is None:
        raise ValueError(f"{asset.id} is no line")
    owed = due(found, asset.uplink.contract, facts.start, facts.end)
    always = standing.always
    return {
        "type": "line",
        "line": asset.id,
        "name": asset.name,
        "contract": asset.uplink.contract.model_dump(mode="json"),
        "up_seconds": always.up.total_seconds(),
        "down_seconds": sum((one.length for one in found), timedelta()).total_seconds(),
        "unknown_seconds": always.unknown.total_seconds(),
        "availability_by_contract": owed.availability,
        "credit_share": owed.share,
        "credit_amount": owed.amount,
    }


def _outage(asset: Asset, number: int, outage: Outage) -> Mapping[str, Any]:
    return {
        "type": "outage",
        "line": asset.id,
        "number": number,
        "start": _stamp(outage.start),
        "end": _stamp(outage.end),
        "counted_seconds": outage.counted.total_seconds(),
        "reason": outage.reason,
        "evidence": list(outage.evidence),
        "incident": outage.incident,
    }


async def _readings(
    conn: AsyncConnection, facts: Facts, asset: Asset, outage: Outage
) -> AsyncIterator[Mapping[str, Any]]:
    """The readings of the line's deciding checks from before an outage until after it, as far as they are kept."""
    start, end = outage.start - AROUND, outage.end + AROUND
    for check in standings.deciding(asset):
        stored = await recordings.between(conn, check.id, hour_of(start), end)
        for recording in whole(stored):
            for one in recording.readings():
                if start <= one.reading.at <= end:
                    yield _reading(asset, one.reading)


def _reading(asset: Asset, reading: Reading) -> Mapping[str, Any]:
    return {
        "type": "reading",
        "line": asset.id,
        "check": reading.check,
        "at": _stamp(reading.at),
        "status": str(reading.status),
        "reason": reading.reason,
        "values": [[one.metric, one.part, one.value] for one in reading.samples],
    }


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")
