"""What the day brought: who was there, what is broken, what was booked, who was told of what."""

from incidents.messages import percent
from monitor.reports import memo, record, use
from monitor.reports.document import Document, Figure, Figures, Kind, Mark, Section
from monitor.reports.facts import Facts


def documents(facts: Facts, earlier: Facts) -> tuple[Document, ...]:
    """The report of a day; `earlier` is about the day before."""
    needs = record.items(facts, memo.today(facts))
    live = sum(one.stage.live for one in record.own(facts))
    figures = (*_occupancy(facts, earlier), *_bookings(facts, earlier), *record.figures(facts, earlier), _told(facts))
    sections = (
        Section("In short", (Figures(figures),)),
        record.attention(needs),
        record.section(facts),
    )
    day = memo.last_day(facts)
    broken = "Everything works." if not live else "One thing is broken." if live == 1 else f"{live} things are broken."
    begun = len(record.begun(facts))
    summary = f"{broken} {begun} incident{'s' * (begun != 1)} began today."
    mark = Mark.BAD if live else Mark.WATCH if needs else Mark.GOOD
    return (memo.made(Kind.DAILY, facts, f"{day:%A}, {day.day} {day:%B}", summary, mark, sections),)


def _occupancy(facts: Facts, earlier: Facts) -> tuple[Figure, ...]:
    """How many devices were there at most, and which share of the capacity that is; nothing where nobody counts."""
    now, then = use.peak(facts), use.peak(earlier)
    if now is None:
        return ()
    capacity = facts.config.site.capacity
    note = f"{percent(now / capacity)} of the capacity of {capacity}" if capacity else ""
    trend = f"{then:.0f} before" if then is not None else ""
    return (Figure("Devices on the Wi-Fi at most", f"{now:.0f}", now, "", trend=trend, note=note),)


def _bookings(facts: Facts, earlier: Facts) -> tuple[Figure, ...]:
    now, then = use.bookings(facts), use.bookings(earlier)
    if now is None:
        return ()
    return (Figure("Bookings", str(now), now, "", trend=f"{then} before" if then is not None else ""),)


def _told(facts: Facts) -> Figure:
    """How many messages people got."""
    count = sum(facts.told.values())
    return Figure("Messages about faults", str(count), count)
