"""A report with everything in it that a report can have."""

from datetime import UTC, datetime

from monitor.reports.document import (
    Bar,
    Bars,
    Document,
    Figure,
    Figures,
    Item,
    Items,
    Kind,
    Mark,
    Paragraph,
    Section,
    Table,
)

FIGURES = Figures((
    Figure("Availability", "99.82 %", 0.9982, "ratio", "target 99.5 %", "up from 99.1 %", "measured 97 % of the time",
           Mark.GOOD),
    Figure("App adoption", "not known", note="nobody has told it", mark=Mark.UNKNOWN),
))  # fmt: skip
ITEMS = Items((
    Item("incident/1", "Boardroom projector does not answer", "12 people", "Switch it on at the wall.", "Ana has it",
         "The Boardroom has no picture today; the Library is free.", "/incidents/1"),
    Item("review/2", "Restore test is due on Fri 4 Dec", mark=Mark.WATCH),
))  # fmt: skip
TABLE = Table(
    ("asset", "incidents", "open hours"), (("Fibre line", 3, 0.9971), ("Front door", 0, None)), "Worst assets"
)
BARS = Bars(
    "Devices on the members' network by hour",
    (Bar("08", 12, "12"), Bar("09", None, "not measured"), Bar("10", 48, "48", Mark.WATCH)),
    limit=40,
)


def report(*sections: Section, title: str = "Week 47", summary: str = "One thing needs you.") -> Document:
    """A weekly memo; with these sections, or one of each block."""
    return Document(
        kind=Kind.WEEKLY,
        title=title,
        site="Harbour Street",
        zone="Europe/Lisbon",
        start=datetime(2026, 7, 13, 23, tzinfo=UTC),
        end=datetime(2026, 7, 20, 23, tzinfo=UTC),
        made=datetime(2026, 7, 21, 7, tzinfo=UTC),
        summary=summary,
        mark=Mark.WATCH,
        sections=sections
        or (
            Section("In short", (FIGURES, Paragraph("Reliable, but used by few."))),
            Section("What needs somebody", (ITEMS,)),
            Section("Details", (TABLE, BARS)),
        ),
    )
