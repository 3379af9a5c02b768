"""The memo about a month: the figures that say whether the technology works for members, and what they mean."""

from incidents.record import tickets_per_member
from language import figures as written
from language import gettext, whole_month
from monitor.reports import availability, figures, memo, record, signals, standings, use
from monitor.reports.document import Block, Document, Figure, Figures, Kind, Mark, Paragraph, Section
from monitor.reports.facts import Facts
from monitor.reports.signals import Month

BUSINESS = ("occupancy_ratio", "members", "new_bookings", "revenue", "pipeline")
"""Figures of the business, in their order; those that nobody told are left out."""


def documents(facts: Facts, earlier: Facts) -> tuple[Document, ...]:
    """The memo; `earlier` is about the month before."""
    today, assets = memo.today(facts), standings.of_assets(facts)
    uptime = memo.uptime(facts, assets, earlier)
    needs = record.items(facts, today)
    summary, mark = memo.verdict(uptime, len(needs))
    sections = (
        Section(gettext("Key figures"), (Figures(_key(facts, earlier, uptime)),)),
        _meaning(facts, earlier, uptime),
        record.attention(needs),
        _business(facts, earlier),
        availability.section(facts, assets),
        record.section(facts),
        *memo.usage(facts),
        record.noise_section(facts),
        record.actions(facts, today),
    )
    start = facts.start.astimezone(facts.zone)
    title = gettext("{month} {year}", month=whole_month(start), year=start.year)
    return (memo.made(Kind.MONTHLY, facts, title, summary, mark, sections),)


def _key(facts: Facts, earlier: Facts, uptime: Figure) -> tuple[Figure, ...]:
    pushed = (*figures.adoption(facts, earlier), *figures.pushed(facts, earlier, [figures.AUTOMATION]))
    return (
        uptime,
        *_tickets(facts, earlier),
        *pushed,
        *record.figures(facts, earlier),
        *memo.recovery(facts, earlier),
    )


def _tickets(facts: Facts, earlier: Facts) -> tuple[Figure, ...]:
    """Faults that members reported, for each of them; nothing where nobody knows how many they are."""
    value, before = _per_member(facts), _per_member(earlier)
    if value is None:
        return ()
    target = facts.config.reports.targets.tickets
    mark = Mark.GOOD if value <= target else Mark.BAD
    trend = gettext("{value} before", value=written(f"{before:.2f}")) if before is not None else ""
    most = gettext("at most {number}", number=written(f"{target:g}"))
    return (Figure(gettext("Faults reported per member"), written(f"{value:.2f}"), value, "", most, trend, mark=mark),)


def _per_member(facts: Facts) -> float | None:
    told = figures.newest(facts, figures.MEMBERS)
    return tickets_per_member(record.begun(facts), round(told) if told else facts.config.site.capacity)


def _meaning(facts: Facts, earlier: Facts, uptime: Figure) -> Section | None:
    month = Month(
        uptime.value,
        _per_member(facts),
        figures.newest(facts, figures.ADOPTION),
        figures.newest(facts, figures.AUTOMATION),
        figures.newest(earlier, figures.AUTOMATION),
    )
    found: tuple[Paragraph, ...] = (*signals.read(month, facts.config.reports.targets), *use.slow_lines(facts))
    return Section(gettext("What this means"), found) if found else None


def _business(facts: Facts, earlier: Facts) -> Section | None:
    """What the platform tells of the business; nothing where it is not connected."""
    found = figures.pushed(facts, earlier, BUSINESS)
    booked = use.bookings(facts)
    if booked is not None and figures.newest(facts, "new_bookings") is None:
        before = use.bookings(earlier)
        trend = gettext("{value} before", value=before) if before is not None else ""
        found = (*found, Figure(gettext("Bookings"), str(booked), booked, trend=trend))
    blocks: tuple[Block, ...] = (Figures(found),)
    return Section(gettext("The business"), blocks) if found else None
