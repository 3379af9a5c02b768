"""The morning check: what needs somebody before members come, in the order in which they would notice, or that all
is well."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from incidents.incident import Incident
from incidents.messages import duration, local, plain
from monitor.reports import needs
from monitor.reports.document import Block, Document, Items, Kind, Mark, Paragraph, Section, Table
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
    )


def _title(seen: Seen, found: Found) -> str:
    number, dark = len(found.needs), sum(not one.waits for one in found.unknown)
    if number:
        return f"{number} {'thing needs' if number == 1 else 'things need'} you{_before_opening(seen)}"
    if not found.checked:
        return "Nothing could be measured"
    ready = "Ready to open" if seen.opens is not None else "All is well"
    return f"{ready}, but {_checks(dark)} could not be measured" if dark else ready


def _before_opening(seen: Seen) -> str:
    return " before opening" if seen.opens is not None else ""


def _summary(seen: Seen, found: Found) -> Iterator[str]:
    """What it comes to, in a sentence for each sort of thing."""
    yield _checked(seen, found)
    dark = dict.fromkeys(plain(one.asset.name) for one in found.unknown if not one.waits)
    if dark and found.checked:
        yield f"Could not be measured: {_few(dark)}."
    if seen.past:
        said = (f"{plain(one.title)} ({_from_to(one, seen)})" for one in seen.past)
        yield f"{_when(seen)}, and over: {_few(said)}."
    if found.soon:
        yield f"{len(found.soon)} {'thing' if len(found.soon) == 1 else 'things'} to see to soon."


def _checked(seen: Seen, found: Found) -> str:
    at = f"{seen.made.astimezone(seen.config.site.hours.zone):%H:%M}"
    if not found.checked:
        return f"At {at} nothing could be measured, so nobody knows how things are."
    checked = f"{found.checked} {'thing' if found.checked == 1 else 'things'} checked at {at}"
    if found.checked == 1:
        return f"{checked}, it {'works' if found.works else 'does not work'}."
    if found.works == found.checked:
        return f"{checked}, all work."
    return f"{checked}, {found.works or 'none'} of them {'works' if found.works == 1 else 'work'}."


def _few(names: Iterable[str]) -> str:
    said = list(names)
    more = [f"and {len(said) - NAMED} more"] if len(said) > NAMED else []
    return ", ".join([*said[:NAMED], *more])


def _checks(number: int) -> str:
    return "1 check" if number == 1 else f"{number} checks"


def _mark(found: Found) -> Mark:
    marks = {item.mark for item in found.needs}
    if Mark.BAD in marks:
        return Mark.BAD
    if marks:
        return Mark.WATCH
    return Mark.UNKNOWN if not found.checked or any(not one.waits for one in found.unknown) else Mark.GOOD


def _sections(seen: Seen, found: Found) -> Iterator[Section]:
    if found.needs:
        yield Section("What needs you", (Items(found.needs),))
    if found.unknown:
        yield Section("Could not be measured", _unknown(found.unknown))
    if seen.past:
        yield Section(f"Happened {_when(seen).lower()}", tuple(_past(seen)))
    if found.soon:
        yield Section("Soon", (Items(found.soon),))


def _when(seen: Seen) -> str:
    """What the time that the report is about is called."""
    return "Overnight" if seen.opens is not None else "Lately"


def _unknown(unknown: Iterable[Unknown]) -> tuple[Block, ...]:
    rows = tuple((plain(one.asset.name), one.check.name, one.why) for one in unknown)
    return (
        Paragraph("Nobody knows whether these work: that is neither good nor bad.", Mark.UNKNOWN),
        Table(("What", "Check", "Why"), rows),
    )


def _past(seen: Seen) -> Iterator[Block]:
    lost = [_open_minutes(incident, seen) for incident in seen.past]
    if not any(lost):
        yield Paragraph("All of it is over, and no member noticed: the space was closed.", Mark.GOOD)
    rows = (
        (plain(incident.title), _from_to(incident, seen), f"{minutes:.0f} min" if minutes else "none")
        for incident, minutes in zip(seen.past, lost, strict=True)
    )
    yield Table(("What", "When", "Of it while open"), tuple(rows))


def _open_minutes(incident: Incident, seen: Seen) -> float:
    """How long members could notice it."""
    return seen.config.site.hours.open_seconds(incident.opened, incident.resolved or seen.made) / 60


def _from_to(incident: Incident, seen: Seen) -> str:
    zone, end = seen.config.site.hours.zone, incident.resolved or seen.made
    begin, until = incident.opened.astimezone(zone), end.astimezone(zone)
    last = f"{until:%H:%M}" if begin.date() == until.date() else local(end, zone)
    return f"{local(incident.opened, zone)} to {last}, {duration((end - incident.opened).total_seconds())}"
