"""The outages of one line over a month, and what the provider owes for them by the contract."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.availability import Span
from incidents.incident import EntryKind, Incident
from incidents.windows import all_hours, open_hours, planned
from monitor.config.model import Asset
from monitor.reports.facts import Facts
from monitor.reports.standings import Standing
from probes import Status
from probes._engines.uplinks import Contract

MOST_EVIDENCE = 3
"""Pieces of evidence that are told of one outage."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A stretch in which a line was down.

    `open` is how much of it lay in opening hours, `counted` how much counts by the contract: nothing of planned work,
    and nothing of one that was too short. `reason` is the word that the check gave, `evidence` what a closer look
    found; `incident` is the record of it, "" if there is none.
    """

    start: datetime
    end: datetime
    open: timedelta
    counted: timedelta
    reason: str
    evidence: tuple[str, ...]
    incident: str

    @property
    def length(self) -> timedelta:
        """How long it lasted."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Due:
    """What is due by the contract.

    `availability` is the share of the whole time in which the line was not down by the contract's count; time of which
    nothing is known speaks for the provider. `share` of the fee is to be paid back, `amount` where the fee is known.
    """

    availability: float
    share: float
    amount: float | None


def outages(facts: Facts, asset: Asset, standing: Standing) -> tuple[Outage, ...]:
    """All outages of a line, in order."""
    works = planned(
        [one for one in facts.config.maintenances if one.scope.has(asset.id, asset.section, asset.tags)],
        facts.start,
        facts.end,
    )
    hours, contract = facts.config.site.hours, _contract(asset)
    found = []
    for start, end, reason in _stretches(standing.spans, facts.start, facts.end):
        counted = all_hours(start, end).without(works).length
        record = _record(facts.incidents, asset.id, start, end)
        found.append(
            Outage(
                start,
                end,
                open_hours(hours, start, end).length,
                counted if counted >= timedelta(seconds=contract.shortest) else timedelta(),
                reason,
                _evidence(record),
                record.id if record is not None else "",
            )
        )
    return tuple(found)


def due(found: Iterable[Outage], contract: Contract, start: datetime, end: datetime) -> Due:
    """What the provider owes for the time from `start` to `end`: the largest credit whose limit was missed."""
    down = sum((one.counted for one in found), timedelta())
    availability = 1 - down / (end - start)
    share = max((one.share for one in contract.credits if availability < one.below), default=0.0)
    return Due(availability, share, contract.fee * share if contract.fee is not None else None)


def _contract(asset: Asset) -> Contract:
    return asset.uplink.contract if asset.uplink is not None else Contract()


def _stretches(spans: Sequence[Span], start: datetime, end: datetime) -> Iterable[tuple[datetime, datetime, str]]:
    """Where it was down, cut to the time; what follows without a gap is one, with the first one's reason."""
    found: list[tuple[datetime, datetime, str]] = []
    for span in spans:
        begin, until = max(span.start, start), min(span.end, end)
        if span.status is not Status.DOWN or begin >= until:
            continue
        if found and found[-1][1] == begin:
            found[-1] = (found[-1][0], until, found[-1][2])
        else:
            found.append((begin, until, span.reason))
    return found


def _record(incidents: Iterable[Incident], asset: str, start: datetime, end: datetime) -> Incident | None:
    """The incident of the line that lasted at that time."""
    for one in incidents:
        if one.asset == asset and one.opened < end and (one.resolved is None or one.resolved > start):
            return one
    return None


def _evidence(record: Incident | None) -> tuple[str, ...]:
    if record is None:
        return ()
    return tuple(one.text for one in record.timeline if one.kind is EntryKind.EVIDENCE)[:MOST_EVIDENCE]
