"""The memo about a week: how reliable things were, what broke and why, how the space was used, what is left to do."""

from monitor.reports import availability, memo, record, standings
from monitor.reports.document import Document, Figures, Kind, Section
from monitor.reports.facts import Facts


def documents(facts: Facts, earlier: Facts) -> tuple[Document, ...]:
    """The memo; `earlier` is about the week before."""
    today, assets = memo.today(facts), standings.of_assets(facts)
    uptime = memo.uptime(facts, assets, earlier)
    needs = record.items(facts, today)
    summary, mark = memo.verdict(uptime, len(needs))
    start = facts.start.astimezone(facts.zone)
    sections = (
        Section("In short", (Figures((uptime, *record.figures(facts, earlier), *memo.recovery(facts, earlier))),)),
        record.attention(needs),
        record.section(facts),
        availability.section(facts, assets),
        *memo.usage(facts),
        record.noise_section(facts),
        record.actions(facts, today),
    )
    title = f"Week {start.isocalendar().week}: {start.day} {start:%b} to {memo.last_day(facts):%-d %b %Y}"
    return (memo.made(Kind.WEEKLY, facts, title, summary, mark, sections),)
