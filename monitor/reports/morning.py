"""The morning check: what needs somebody before members come, in the order in which they would notice, or that all
is well."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from incidents.incident import Incident
from incidents.messages import duration, plain
from language import N_, current, gettext, local, ngettext
from monitor.reports import needs
from monitor.reports.document import Block, Document, Items, Kind, Mark, Paragraph, Section, Table, columns
from monitor.reports.needs import Found, Seen, Unknown

NAMED = 5
"""Things of a sort that the summary names; the page has all."""


def morning(seen: Seen, end: datetime | None = None) -> Document:
    """The report about the time since the site closed, until `end`, or until it was made."""
    found = needs.found(seen)
    site = seen.config.site
    return Document(
        kind=Kind.MORNING,
        title=_title(seen, found),
        site=site.name,
        zone=site.hours.zone.key,
        start=seen.closed,
        end=end or seen.made,
        made=seen.made,
        summary=" ".join(_summary(seen, found)),
        mark=_mark(found),
        sections=tuple(_sections(seen, found)),
        language=current(),
    )


def _title(seen: Seen, found: Found) -> str:
    number, dark = len(found.needs), sum(not one.waits for one in found.unknown)
    if number:
        return _needing(number, seen)
    if not found.checked:
        return gettext("Nothing could be measured")
    if dark:
        return _well_but(dark, seen)
    return gettext("All is well") if seen.opens is None else gettext("Ready to open")


def _needing(number: int, seen: Seen) -> str:
    if seen.opens is None:
        return ngettext("{number} thing needs you", "{number} things need you", number)
    return ngettext("{number} thing needs you before opening", "{number} things need you before opening", number)


def _well_but(dark: int, seen: Seen) -> str:
    """That all is well, as far as it was measured."""
    if seen.opens is None:
        return ngettext(
            "All is well, but {number} check could not be measured",
            "All is well, but {number} checks could not be measured",
            dark,
        )
    return ngettext(
        "Ready to open, but {number} check could not be measured",
        "Ready to open, but {number} checks could not be measured",
        dark,
    )


def _summary(seen: Seen, found: Found) -> Iterator[str]:
    """What it comes to, in a sentence for each sort of thing."""
    yield _checked(seen, found)
    dark = dict.fromkeys(plain(one.asset.name) for one in found.unknown if not one.waits)
    if dark and found.checked:
        yield gettext("Could not be measured: {names}.", names=_few(dark))
    if seen.past:
        said = _few(f"{plain(one.title)} ({_from_to(one, seen)})" for one in seen.past)
        over = N_("Lately, and over: {incidents}.") if seen.opens is None else N_("Overnight, and over: {incidents}.")
        yield gettext(over, incidents=said)
    if found.soon:
        yield ngettext("{number} thing to see to soon.", "{number} things to see to soon.", len(found.soon))


def _checked(seen: Seen, found: Found) -> str:
    at = f"{seen.made.astimezone(seen.config.site.hours.zone):%H:%M}"
    if not found.checked:
        return gettext("At {at} nothing could be measured, so nobody knows how things are.", at=at)
    if found.checked == 1:
        one = (
            N_("1 thing checked at {at}, it works.")
            if found.works
            else N_("1 thing checked at {at}, it does not work.")
        )
        return gettext(one, at=at)
    if found.works == found.checked:
        return gettext("{checked} things checked at {at}, all work.", checked=found.checked, at=at)
    if not found.works:
        return gettext("{checked} things checked at {at}, none of them work.", checked=found.checked, at=at)
    return ngettext(
        "{checked} things checked at {at}, {number} of them works.",
        "{checked} things checked at {at}, {number} of them work.",
        found.works,
        checked=found.checked,
        at=at,
    )


def _few(names: Iterable[str]) -> str:
    said = list(names)
    few, more = ", ".join(said[:NAMED]), len(said) - NAMED
    return gettext("{names}, and {number} more", names=few, number=more) if more > 0 else few


def _mark(found: Found) -> Mark:
    marks = {item.mark for item in found.needs}
    if Mark.BAD in marks:
        return Mark.BAD
    if marks:
        return Mark.WATCH
    return Mark.UNKNOWN if not found.checked or any(not one.waits for one in found.unknown) else Mark.GOOD


def _sections(seen: Seen, found: Found) -> Iterator[Section]:
    if found.needs:
        yield Section(gettext("What needs you"), (Items(found.needs),))
    if found.unknown:
        yield Section(gettext("Could not be measured"), _unknown(found.unknown))
    if seen.past:
        title = gettext("Happened lately") if seen.opens is None else gettext("Happened overnight")
        yield Section(title, tuple(_past(seen)))
    if found.soon:
        yield Section(gettext("Soon"), (Items(found.soon),))


def _unknown(unknown: Iterable[Unknown]) -> tuple[Block, ...]:
    rows = tuple((plain(one.asset.name), one.check.name, one.why) for one in unknown)
    return (
        Paragraph(gettext("Nobody knows whether these work: that is neither good nor bad."), Mark.UNKNOWN),
        Table(columns(gettext("What | Check | Why")), rows),
    )


def _past(seen: Seen) -> Iterator[Block]:
    lost = [_open_minutes(incident, seen) for incident in seen.past]
    if not any(lost):
        yield Paragraph(gettext("All of it is over, and no member noticed: the space was closed."), Mark.GOOD)
    rows = (
        (plain(incident.title), _from_to(incident, seen), f"{minutes:.0f} min" if minutes else gettext("none"))
        for incident, minutes in zip(seen.past, lost, strict=True)
    )
    yield Table(columns(gettext("What | When | Of it while open")), tuple(rows))


def _open_minutes(incident: Incident, seen: Seen) -> float:
    """How long members could notice it."""
    return seen.config.site.hours.open_seconds(incident.opened, incident.resolved or seen.made) / 60


def _from_to(incident: Incident, seen: Seen) -> str:
    zone, end = seen.config.site.hours.zone, incident.resolved or seen.made
    begin, until = incident.opened.astimezone(zone), end.astimezone(zone)
    last = f"{until:%H:%M}" if begin.date() == until.date() else local(end, zone)
    lasted = duration((end - incident.opened).total_seconds())
    return gettext("{start} to {end}, {length}", start=local(incident.opened, zone), end=last, length=lasted)
