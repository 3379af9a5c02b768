"""The memo about a week: how reliable things were, what broke and why, how the space was used, what is left to do."""

from language import gettext, month
from monitor.reports import availability, memo, record, standings
from monitor.reports.document import Document, Figures, Kind, Section
from monitor.reports.facts import Facts


def documents(facts: Facts, earlier: Facts) -> tuple[Document, ...]:
    """The memo; `earlier` is about the week before."""
    today, assets = memo.today(facts), standings.of_assets(facts)
    uptime = memo.uptime(facts, assets, earlier)
    needs = record.items(facts, today)
    summary, mark = memo.verdict(uptime, len(needs))
    start, last = facts.start.astimezone(facts.zone), memo.last_day(facts)
    figures = (uptime, *record.figures(facts, earlier), *memo.recovery(facts, earlier))
    sections = (
        Section(gettext("In short"), (Figures(figures),)),
        record.attention(needs),
        record.section(facts),
        availability.section(facts, assets),
        *memo.usage(facts),
        record.noise_section(facts),
        record.actions(facts, today),
    )
    title = gettext(
        "Week {week}: {day} {month} to {last_day} {last_month} {year}",
        week=start.isocalendar().week,
        day=start.day,
        month=month(start),
        last_day=last.day,
        last_month=month(last),
        year=last.year,
    )
    return (memo.made(Kind.WEEKLY, facts, title, summary, mark, sections),)
