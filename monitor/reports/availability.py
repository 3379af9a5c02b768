"""Reliability as memos tell it: against the target, with how much of the time was measured, in words and a table."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from incidents.availability import Availability, Budget, budget
from incidents.messages import duration
from incidents.recovery import Mean, time_between_failures
from language import N_, gettext, ngettext
from language import figures as written
from monitor.reports.document import Block, Figure, Figures, Mark, Paragraph, Section, Table, columns
from monitor.reports.facts import Facts
from monitor.reports.standings import Standing, blackouts, of_groups, of_site, worst

BRIEF = timedelta(minutes=5)
"""Nothing is said of a shorter time without any measurement."""
FEW = 5
"""How many of those that missed the target are named."""

_COLUMNS = N_("| open hours | around the clock | measured | down in open hours | error budget left")


def section(facts: Facts, assets: Sequence[Standing]) -> Section:
    """The part of a memo that tells how reliable everything was."""
    target = facts.config.reports.targets.availability
    tables = (
        (gettext("Below target"), worst(assets, target)[:FEW]),
        (gettext("Where one of several is enough"), of_groups(facts, assets)),
        (gettext("All assets"), assets),
    )
    named = (table(name, some, target) for name, some in tables if some)
    blocks: tuple[Block, ...] = (figures(facts, assets), *unmeasured(facts), *named)
    return Section(gettext("Reliability"), blocks)


def figures(facts: Facts, assets: Iterable[Standing]) -> Figures:
    """What is left of the site's error budget, and how long it went well in between."""
    site, target = of_site(assets), facts.config.reports.targets.availability
    between = time_between_failures(facts.incidents, facts.start, facts.end)
    return Figures((_budget(site, budget(site, target)), _between(between)))


def table(name: str, rows: Iterable[Standing], target: float) -> Table:
    """How reliable each was, a row each."""
    return Table(columns(gettext(_COLUMNS)), tuple(_row(one, target) for one in rows), name)


def unmeasured(facts: Facts) -> Iterator[Paragraph]:
    """A sentence about the time in which Deskwatch itself was not at work, none if it always was."""
    shortest = min((check.interval for check in facts.config.checks), default=0)
    least = max(BRIEF, timedelta(seconds=2 * shortest))
    gaps = [one.ends - one.starts for one in blackouts(facts.spans, facts.start, facts.end)]
    gaps = [gap for gap in gaps if gap >= least]
    if gaps:
        said = ngettext(
            "Deskwatch itself was not at work for {length} (once).",
            "Deskwatch itself was not at work for {length} ({number} times, at most {longest} at a time).",
            len(gaps),
            length=_length(sum(gaps, timedelta())),
            longest=_length(max(gaps)),
        )
        meaning = gettext(
            "What happened meanwhile is unknown: it counts neither as up nor as down, and the share of the time that "
            "was measured falls."
        )
        yield Paragraph(f"{said} {meaning}", Mark.UNKNOWN)


def share(found: Availability) -> str:
    """How much of the known time it was up: "99.82 %", never rounded up; "not measured" where nothing is known."""
    if not found.known:
        return gettext("not measured")
    return _percent(found.up * 10_000 // found.known, 2)


def measured(found: Availability) -> str:
    """How much of the time asked about is known: "measured 97.4 % of the time", never rounded up."""
    if not found.known:
        return gettext("never measured")
    return (
        gettext("measured {share} of the time", share=_coverage(found))
        if found.unknown
        else gettext("measured all the time")
    )


def _budget(site: Availability, one: Budget) -> Figure:
    """What may still fail; what is not known may have been spent, so it is said."""
    note = gettext("{spent} of {allowed} used", spent=_length(one.spent), allowed=_length(one.allowed))
    if one.unknown:
        note += gettext("; {length} were not measured", length=_length(one.unknown))
    return Figure(
        name=gettext("Error budget left"),
        text=_left(one) if site.known else gettext("not measured"),
        value=one.left.total_seconds() if site.known else None,
        unit="seconds",
        note=note,
        mark=_spent(one) if site.known else Mark.UNKNOWN,
    )


def _spent(one: Budget) -> Mark:
    if one.left < timedelta():
        return Mark.BAD
    return Mark.WATCH if one.spent * 2 > one.allowed else Mark.GOOD


def _between(found: Mean | None) -> Figure:
    if found is None:
        return Figure(gettext("Time between incidents"), gettext("no incident began"))
    seconds = found.length.total_seconds()
    return Figure(gettext("Time between incidents"), duration(seconds), seconds, "seconds")


def _row(one: Standing, target: float) -> tuple[str, ...]:
    budgeted = budget(one.open, target)
    return (
        one.name,
        share(one.open),
        share(one.always),
        _covered(one.open),
        _length(one.open.down) if one.open.known else "",
        _left(budgeted) if one.open.known else "",
    )


def _covered(found: Availability) -> str:
    if not found.known:
        return gettext("never")
    return gettext("{share} of the time", share=_coverage(found)) if found.unknown else gettext("all the time")


def _coverage(found: Availability) -> str:
    return _percent(found.known * 1000 // found.total, 1)


def _left(one: Budget) -> str:
    """What is left of a budget, in words."""
    return (
        _length(one.left) if one.left >= timedelta() else gettext("none: {length} too much", length=_length(-one.left))
    )


def _percent(parts: int, digits: int) -> str:
    """A whole number of tenths or hundredths of a per cent; all of it is "100 %"."""
    whole, rest = divmod(parts, 10**digits)
    return "100 %" if whole == 100 else written(f"{whole}.{rest:0{digits}} %")


def _length(span: timedelta) -> str:
    return duration(span.total_seconds())
