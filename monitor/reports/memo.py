"""What all memos have in common: how they begin, and how their parts are put together."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from incidents.messages import percent
from incidents.recovery import time_to_acknowledge, time_to_restore
from monitor.reports import availability, record, standings, use
from monitor.reports.document import Document, Figure, Kind, Mark, Section
from monitor.reports.facts import Facts
from monitor.reports.standings import Standing

_MICROSECOND = timedelta(microseconds=1)


def made(
    kind: Kind, facts: Facts, title: str, summary: str, mark: Mark, sections: Iterable[Section | None]
) -> Document:
    """The document about the time of the facts; parts that are None are left out."""
    site = facts.config.site
    return Document(
        kind=kind,
        title=title,
        site=site.name,
        zone=site.hours.zone.key,
        start=facts.start,
        end=facts.end,
        made=facts.made,
        summary=summary,
        mark=mark,
        sections=tuple(one for one in sections if one is not None),
    )


def last_day(facts: Facts) -> date:
    """The last day of the time, on the site's calendar."""
    return (facts.end - _MICROSECOND).astimezone(facts.zone).date()


def today(facts: Facts) -> date:
    """The day on which the memo is made."""
    return facts.made.astimezone(facts.zone).date()


def recovery(facts: Facts, earlier: Facts) -> tuple[Figure, ...]:
    """How fast people answered and mended, beside the time before."""
    now, then = (facts.incidents, facts.start, facts.end), (earlier.incidents, earlier.start, earlier.end)
    return (
        record.mean("Until somebody had it", time_to_acknowledge(*now), time_to_acknowledge(*then)),
        record.mean("Until it worked again", time_to_restore(*now), time_to_restore(*then)),
    )


def uptime(facts: Facts, assets: Sequence[Standing], earlier: Facts) -> Figure:
    """The site's availability in open hours, against its target and beside the time before."""
    target = facts.config.reports.targets.availability
    found = standings.of_site(assets)
    before = standings.of_site(standings.of_assets(earlier))
    mark = Mark.UNKNOWN if found.ratio is None else Mark.GOOD if found.ratio >= target else Mark.BAD
    trend = f"{availability.share(before)} before" if before.known else ""
    return Figure(
        "Availability in open hours",
        availability.share(found),
        found.ratio,
        "ratio",
        f"target {percent(target, 2)}",
        trend,
        availability.measured(found),
        mark,
    )


def verdict(uptime: Figure, needs: int) -> tuple[str, Mark]:
    """A memo in a sentence or two."""
    attention = (
        "Nothing needs you." if not needs else "One thing needs you." if needs == 1 else f"{needs} things need you."
    )
    if uptime.value is None:
        return f"How reliable things were is not known: {uptime.note}. {attention}", Mark.UNKNOWN
    mark = Mark.BAD if uptime.mark is Mark.BAD else Mark.WATCH if needs else Mark.GOOD
    held = "below" if uptime.mark is Mark.BAD else "at or above"
    return f"Things worked {uptime.text} of the open hours, {held} the {uptime.target}. {attention}", mark


def usage(facts: Facts) -> tuple[Section | None, ...]:
    """How the space and its lines were used."""
    return use.section(facts), use.lines(facts)
