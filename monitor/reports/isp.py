"""The dossier of a provider: what its lines did in a month, beside what was promised, and what is due for it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from incidents.messages import duration, figure, percent
from language import figures as written
from language import gettext, local, ngettext, whole_month
from monitor.config.model import Asset, Check
from monitor.reports import availability, memo, standings, use
from monitor.reports.document import Block, Document, Figure, Figures, Kind, Mark, Paragraph, Section, Table, columns
from monitor.reports.facts import Facts
from monitor.reports.outages import Due, Outage, due, outages
from monitor.reports.standings import Standing

LOSS = ("deskwatch_uplink_loss_ratio", "probe_icmp_loss_ratio")
FAILOVERS, FAILOVER = "deskwatch_egress_failovers_total", "deskwatch_egress_failover_seconds"
RTT = "probe_icmp_rtt_seconds"

METRICS = (*LOSS, FAILOVERS, FAILOVER, use.THROUGHPUT)
"""The metrics whose hours a dossier is made from."""

MOST = 200
"""Outages that the table shows; the export has all."""


def documents(facts: Facts, earlier: Facts) -> tuple[Document, ...]:
    """A dossier for each provider that has a line here; `earlier` is about the month before."""
    lines = defaultdict[str, list[Asset]](list)
    for asset in facts.config.assets:
        if asset.uplink is not None:
            lines[asset.uplink.provider or asset.name].append(asset)
    known = {one.assets[0]: one for one in standings.of_assets(facts)}
    before = {one.assets[0]: one for one in standings.of_assets(earlier)}
    return tuple(_dossier(facts, provider, some, known, before) for provider, some in lines.items())


def sealed(document: Document, fingerprint: str) -> Document:
    """The dossier with the fingerprint of its export: whoever has it can tell whether the export was changed."""
    text = gettext(
        "The export with every reading has the fingerprint {fingerprint}. "
        "`deskwatch report isp --verify FILE` tells that of a file, and whether the file is whole.",
        fingerprint=fingerprint,
    )
    return replace(document, sections=(*document.sections, Section(gettext("Evidence"), (Paragraph(text),))))


def _dossier(
    facts: Facts, provider: str, lines: Sequence[Asset], known: dict[str, Standing], before: dict[str, Standing]
) -> Document:
    parts: list[Section | None] = []
    said: list[str] = []
    mark = Mark.GOOD
    for asset in lines:
        standing = known.get(asset.id)
        if standing is None:
            said.append(gettext("{line}: nothing measures whether it works.", line=asset.name))
            continue
        found = outages(facts, asset, standing)
        owed = due(found, asset.uplink.contract, facts.start, facts.end) if asset.uplink else Due(1, 0, None)
        said.append(_in_short(asset, found, owed))
        mark = Mark.BAD if owed.share or found else mark
        parts.append(_line(facts, asset, standing, before.get(asset.id), found, owed))
    start = facts.start.astimezone(facts.zone)
    parts += [use.lines(facts), _failovers(facts), _method(lines)]
    title = gettext("{provider}: {month} {year}", provider=provider, month=whole_month(start), year=start.year)
    return memo.made(Kind.ISP, facts, title, " ".join(said), mark, parts)


def _in_short(asset: Asset, found: Sequence[Outage], owed: Due) -> str:
    if not found:
        return gettext("{line}: no outage.", line=asset.name)
    down = duration(sum((one.length for one in found), timedelta()).total_seconds())
    said = ngettext(
        "{line}: one outage, {length} together.",
        "{line}: {number} outages, {length} together.",
        len(found),
        line=asset.name,
        length=down,
    )
    return f"{said} {_claim(asset, owed)}" if owed.share else said


def _claim(asset: Asset, owed: Due) -> str:
    share = percent(owed.share)
    if owed.amount is None or asset.uplink is None:
        return gettext("A credit of {share} of the month's fee is due by the contract.", share=share)
    amount = f"{written(f'{owed.amount:,.2f}')} {asset.uplink.contract.currency}".rstrip()
    return gettext("A credit of {amount} ({share} of the fee) is due by the contract.", amount=amount, share=share)


def _line(
    facts: Facts, asset: Asset, standing: Standing, before: Standing | None, found: Sequence[Outage], owed: Due
) -> Section:
    figures = [*_reliability(asset, standing, before, owed), *_quality(facts, asset)]
    blocks: list[Block] = [Figures(tuple(figures))]
    if found:
        blocks.append(_table(facts, found))
    return Section(asset.name, tuple(blocks))


def _reliability(asset: Asset, standing: Standing, before: Standing | None, owed: Due) -> Iterator[Figure]:
    promised = asset.uplink.contract.availability if asset.uplink else None
    always = standing.always
    mark = (
        Mark.NEUTRAL
        if promised is None or always.ratio is None
        else Mark.GOOD
        if always.ratio >= promised
        else Mark.BAD
    )
    yield Figure(
        gettext("Availability around the clock"),
        availability.share(always),
        always.ratio,
        "ratio",
        gettext("promised {value}", value=percent(promised, 2)) if promised else "",
        gettext("{value} before", value=availability.share(before.always))
        if before is not None and before.always.known
        else "",
        availability.measured(always),
        mark,
    )
    yield Figure(gettext("Availability in open hours"), availability.share(standing.open), standing.open.ratio, "ratio")
    if asset.uplink and asset.uplink.contract.credits:
        text = gettext("{share} of the fee", share=percent(owed.share)) if owed.share else gettext("none")
        worked = percent(owed.availability, 3)
        note = gettext("by the contract's count the line worked {share} of the time", share=worked)
        yield Figure(
            gettext("Credit that is due"),
            text,
            owed.share,
            "ratio",
            note=note,
            mark=Mark.BAD if owed.share else Mark.GOOD,
        )


def _quality(facts: Facts, asset: Asset) -> Iterator[Figure]:
    """Loss and round trip times, where they were measured."""
    checks = {check.id for check in asset.checks}
    hours = [one for key, some in facts.series.items() if key[0] in checks and key[1] in LOSS for one in some]
    count = sum(one.count for one in hours)
    if count:
        mean, worst = sum(one.mean * one.count for one in hours) / count, max(one.mean for one in hours)
        note = gettext("worst hour {share}", share=percent(worst, 1))
        yield Figure(gettext("Packets lost"), percent(mean, 2), mean, "ratio", note=note)
    latency = [facts.latencies[id] for id in sorted(checks) if id in facts.latencies and facts.latencies[id].count]
    if latency:
        found = max(latency, key=lambda one: one.count)
        median, high, top = (found.quantile(part) for part in (0.5, 0.95, 0.99))
        promised = asset.uplink.contract.latency if asset.uplink else None
        yield Figure(
            gettext("Round trip, median"),
            figure(RTT, median),
            median,
            "seconds",
            gettext("promised {value}", value=figure(RTT, promised)) if promised else "",
            note=gettext(
                "95 % below {high}, 99 % below {top}, of {count} readings",
                high=figure(RTT, high),
                top=figure(RTT, top),
                count=written(f"{found.count:,}"),
            ),
            mark=Mark.NEUTRAL if promised is None else Mark.GOOD if median <= promised else Mark.BAD,
        )


def _table(facts: Facts, found: Sequence[Outage]) -> Table:
    rows = tuple(_row(facts, one) for one in found[:MOST])
    names, more = (
        columns(gettext("from | to | lasted | in open hours | counts | how we know | incident")),
        len(found) - MOST,
    )
    title = gettext("Outages; {number} more are in the export", number=more) if more > 0 else gettext("Outages")
    return Table(names, rows, title)


def _row(facts: Facts, one: Outage) -> tuple[str, ...]:
    lengths = (one.length, one.open, one.counted)
    evidence = "; ".join((one.reason, *one.evidence))
    exact = f"{local(one.start, facts.zone)}:{one.start:%S}", f"{local(one.end, facts.zone)}:{one.end:%S}"
    return *exact, *(duration(length.total_seconds()) for length in lengths), evidence, one.incident or "-"


def _failovers(facts: Facts) -> Section | None:
    """How often traffic had to leave by another line, None where nothing watches that."""
    found = [some for key, some in facts.series.items() if key[1] == FAILOVERS]
    if not found:
        return None
    count = round(sum(_grown([one.most for one in some]) for some in found))
    longest = max((one.most for key, some in facts.series.items() if key[1] == FAILOVER for one in some), default=None)
    said = [_moved(count)]
    if count and longest is not None:
        said.append(gettext("The slowest took at most {length}.", length=duration(longest)))
    return Section(gettext("Failovers"), (Paragraph(" ".join(said)),))


def _moved(count: int) -> str:
    match count:
        case 0:
            return gettext("Traffic moved to another line never.")
        case 1:
            return gettext("Traffic moved to another line once.")
        case 2:
            return gettext("Traffic moved to another line twice.")
    return gettext("Traffic moved to another line {number} times.", number=count)


def _grown(values: Sequence[float]) -> float:
    """By how much a counter grew; one that falls began anew."""
    return sum(later - earlier if later >= earlier else later for earlier, later in pairwise(values))


def _method(lines: Sequence[Asset]) -> Section:
    text = gettext(
        "An outage counts from the first failed reading until the first good one. Time without readings counts for the "
        "provider. Planned work that was announced to Deskwatch does not count. The export holds every reading around "
        "each outage in a chain of hashes."
    )
    rows = tuple(
        (asset.name, check.kind, gettext("every {length}", length=duration(check.interval)), _confirmed(check))
        for asset in lines
        for check in standings.deciding(asset)
    )
    table = Table(columns(gettext("line | by | how often | a failure")), rows)
    return Section(gettext("How this was measured"), (table, Paragraph(text)))


def _confirmed(check: Check) -> str:
    """How a first failure is looked at again before it counts."""
    times = check.confirm.times
    if not times:
        return gettext("counts at once")
    return ngettext(
        "counts when seen once more, {gap} apart",
        "counts when seen {number} more times, {gap} apart",
        times,
        gap=duration(check.confirm.gap),
    )
