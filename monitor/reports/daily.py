"""What the day brought: who was there, what is broken, what was booked, who was told of what."""

from incidents.messages import percent
from language import gettext, ngettext, whole_month, whole_weekday
from monitor.reports import memo, record, use
from monitor.reports.document import Document, Figure, Figures, Kind, Mark, Section
from monitor.reports.facts import Facts


def documents(facts: Facts, earlier: Facts) -> tuple[Document, ...]:
    """The report of a day; `earlier` is about the day before."""
    needs = record.items(facts, memo.today(facts))
    live = sum(one.stage.live for one in record.own(facts))
    figures = (*_occupancy(facts, earlier), *_bookings(facts, earlier), *record.figures(facts, earlier), _told(facts))
    sections = (
        Section(gettext("In short"), (Figures(figures),)),
        record.attention(needs),
        record.section(facts),
    )
    day = memo.last_day(facts)
    begun = len(record.begun(facts))
    today = ngettext("{number} incident began today.", "{number} incidents began today.", begun)
    summary = f"{_broken(live)} {today}"
    mark = Mark.BAD if live else Mark.WATCH if needs else Mark.GOOD
    title = gettext("{weekday}, {day} {month}", weekday=whole_weekday(day), day=day.day, month=whole_month(day))
    return (memo.made(Kind.DAILY, facts, title, summary, mark, sections),)


def _broken(live: int) -> str:
    if not live:
        return gettext("Everything works.")
    return ngettext("One thing is broken.", "{number} things are broken.", live)


def _occupancy(facts: Facts, earlier: Facts) -> tuple[Figure, ...]:
    """How many devices were there at most, and which share of the capacity that is; nothing where nobody counts."""
    now, then = use.peak(facts), use.peak(earlier)
    if now is None:
        return ()
    capacity = facts.config.site.capacity
    taken = percent(now / capacity) if capacity else ""
    note = gettext("{share} of the capacity of {people}", share=taken, people=capacity) if capacity else ""
    trend = gettext("{value} before", value=f"{then:.0f}") if then is not None else ""
    return (Figure(gettext("Devices on the Wi-Fi at most"), f"{now:.0f}", now, "", trend=trend, note=note),)


def _bookings(facts: Facts, earlier: Facts) -> tuple[Figure, ...]:
    now, then = use.bookings(facts), use.bookings(earlier)
    if now is None:
        return ()
    trend = gettext("{value} before", value=then) if then is not None else ""
    return (Figure(gettext("Bookings"), str(now), now, "", trend=trend),)


def _told(facts: Facts) -> Figure:
    """How many messages people got."""
    count = sum(facts.told.values())
    return Figure(gettext("Messages about faults"), str(count), count)
