"""What all memos have in common: how they begin, and how their parts are put together."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from incidents.messages import percent
from incidents.recovery import time_to_acknowledge, time_to_restore
from language import current, gettext, ngettext
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
        language=current(),
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
        record.mean(gettext("Until somebody had it"), time_to_acknowledge(*now), time_to_acknowledge(*then)),
        record.mean(gettext("Until it worked again"), time_to_restore(*now), time_to_restore(*then)),
    )


def uptime(facts: Facts, assets: Sequence[Standing], earlier: Facts) -> Figure:
    """The site's availability in open hours, against its target and beside the time before."""
    target = facts.config.reports.targets.availability
    found = standings.of_site(assets)
    before = standings.of_site(standings.of_assets(earlier))
    mark = Mark.UNKNOWN if found.ratio is None else Mark.GOOD if found.ratio >= target else Mark.BAD
    trend = gettext("{value} before", value=availability.share(before)) if before.known else ""
    return Figure(
        gettext("Availability in open hours"),
        availability.share(found),
        found.ratio,
        "ratio",
        gettext("target {share}", share=percent(target, 2)),
        trend,
        availability.measured(found),
        mark,
    )


def verdict(uptime: Figure, needs: int) -> tuple[str, Mark]:
    """A memo in a sentence or two."""
    if uptime.value is None:
        held, mark = gettext("How reliable things were is not known: {why}.", why=uptime.note), Mark.UNKNOWN
    elif uptime.mark is Mark.BAD:
        held = gettext("Things worked {share} of the open hours, below the {target}.", **_held(uptime))
        mark = Mark.BAD
    else:
        held = gettext("Things worked {share} of the open hours, at or above the {target}.", **_held(uptime))
        mark = Mark.WATCH if needs else Mark.GOOD
    return f"{held} {_attention(needs)}", mark


def _held(uptime: Figure) -> dict[str, str]:
    return {"share": uptime.text, "target": uptime.target}


def _attention(needs: int) -> str:
    if not needs:
        return gettext("Nothing needs you.")
    return ngettext("One thing needs you.", "{number} things need you.", needs)


def usage(facts: Facts) -> tuple[Section | None, ...]:
    """How the space and its lines were used."""
    return use.section(facts), use.lines(facts)
