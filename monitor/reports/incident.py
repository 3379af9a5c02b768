"""One incident as a document of its own: for the archive, for the provider, for whoever asks what happened that day."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from incidents.impact import Basis, Impact, Level
from incidents.incident import EntryKind, Incident, Stage
from incidents.messages import FIELDS, duration
from incidents.review import Category, Detection
from monitor.config.model import Config
from monitor.reports.document import Block, Document, Figure, Figures, Kind, Mark, Paragraph, Section, Table
from monitor.reports.record import CAUSES
from monitor.store.attachments import Attachment
from monitor.store.outbox import Message

KINDS: Mapping[EntryKind, str] = {
    EntryKind.NOTE: "Note",
    EntryKind.TURN: "State",
    EntryKind.STEP: "Step",
    EntryKind.VALUE: "Measured",
    EntryKind.EVIDENCE: "Closer look",
    EntryKind.DELIVERY: "Message",
    EntryKind.CHANGE: "Change",
}
"""What the kinds of lines of a timeline are called."""

STAGES: Mapping[Stage, str] = {
    Stage.OPEN: "still there, nobody has it",
    Stage.ACKNOWLEDGED: "still there, in hand",
    Stage.RESOLVED: "over, not all is written down",
    Stage.REVIEWED: "over and reviewed",
}
"""How far an incident is, in a sentence."""

LEVELS: Mapping[Level, str] = {
    Level.NONE: "harmless for members",
    Level.MINOR: "minor",
    Level.MAJOR: "major",
    Level.CRITICAL: "critical",
}
"""How bad an incident was for members."""

COUNTED: Mapping[Basis, str] = {
    Basis.CAPACITY: "everybody whom it serves, for nobody counted who was there",
    Basis.BOOKINGS: "the seats of the rooms while they were booked",
    Basis.CLIENTS: "the devices that are usually on that network at that hour",
    Basis.SAID: "as whoever reported it said",
}
"""How the people were counted whom an outage hit."""

NOTICED: Mapping[Detection, str] = {
    Detection.UNSAID: "not said yet",
    Detection.US: "a check, or somebody of the staff",
    Detection.MEMBER: "a member",
}
"""Who noticed first."""

LABELS: Mapping[str, str] = {
    "resolution": "Resolution",
    "category": "Kind of cause",
    "root_cause": "Root cause",
    "detection": "Who noticed it first",
    "missing_check": "Missing check",
    "trigger": "Trigger",
    "factors": "Contributing factors",
    "impact": "What it meant for members",
    "went_well": "What went well",
    "went_wrong": "What went badly",
    "no_action": "Why nothing is to be done",
}
"""What the fields of a review are called, in the order of the form."""


def document(
    incident: Incident, config: Config, messages: Sequence[Message], files: Sequence[Attachment], made: datetime
) -> Document:
    """The whole record of an incident as it was when the document was made."""
    zone = config.site.hours.zone
    parts = (
        _meaning(incident, config, zone),
        _cost(incident, config),
        _timeline(incident, zone),
        _messages(messages, zone),
        _review(incident),
        _actions(incident, zone),
        _files(files, zone),
    )
    return Document(
        kind=Kind.INCIDENT,
        title=incident.title,
        site=config.site.name,
        zone=zone.key,
        start=incident.opened,
        end=incident.resolved or made,
        made=made,
        summary=_summary(incident, made),
        mark=Mark.BAD if incident.stage.live else Mark.WATCH if incident.unwritten else Mark.GOOD,
        sections=tuple(one for one in parts if one is not None),
    )


def reckoning(cost: Impact) -> str:
    """How a cost was worked out, in a sentence."""
    people = f"{cost.people:,.0f}" if cost.people >= 10 or cost.people == int(cost.people) else f"{cost.people:,.1f}"
    return f"{duration(cost.open_seconds)} of opening time x {people} people: {COUNTED[cost.basis]}."


def written(incident: Incident) -> Iterator[tuple[str, str]]:
    """What people wrote down about it: the name of each field that says something, and what it says."""
    for field, label in LABELS.items():
        if said := getattr(incident, field):
            yield label, CAUSES[said] if isinstance(said, Category) else NOTICED.get(said, said)


def _summary(incident: Incident, made: datetime) -> str:
    lasted = duration(((incident.resolved or made) - incident.opened).total_seconds())
    if incident.merged_into is not None:
        return f"It is one with another incident, {incident.merged_into}, which tells of both."
    if incident.stage.live:
        return f"It has lasted for {lasted} and is {STAGES[incident.stage]}."
    cost = f"It cost {incident.member_minutes:,.0f} member-minutes" if incident.member_minutes else "It cost nothing"
    cost = "What it cost is being worked out" if incident.uncosted else cost
    return f"It lasted {lasted}. {cost}. It is {STAGES[incident.stage]}."


def _meaning(incident: Incident, config: Config, zone: ZoneInfo) -> Section:
    asset = config.asset(incident.asset)
    rows = {
        "What": asset.name if asset is not None else incident.asset,
        "For members": asset.affects if asset is not None else "",
        "Severity": incident.severity.value,
        "How bad it was": "" if incident.stage.live or incident.uncosted else LEVELS[incident.level],
        "Began": _at(incident.opened, zone),
        "Reported by": incident.reporter,
        "In hand": _by(incident.acknowledged, incident.acknowledged_by, zone),
        "Over": _at(incident.resolved, zone),
        "Came back": f"{incident.reopened} x" if incident.reopened else "",
        "Told of by": incident.merged_into or "",
        "Number": incident.id,
    }
    return Section("What it was", (_pairs(rows.items()),))


def _cost(incident: Incident, config: Config) -> Section | None:
    cost, corrected = incident.cost, incident.corrected
    if incident.member_minutes is None or cost is None:
        return None
    minutes = incident.member_minutes
    figures = [
        Figure("Member-minutes", f"{minutes:,.0f}", minutes * 60, "seconds"),
        Figure("Opening time lost", duration(cost.open_seconds), cost.open_seconds, "seconds"),
        Figure("People", f"{cost.people:,.1f}", cost.people, "people"),
    ]
    if cost.bookings is not None:
        figures.append(Figure("Bookings hit", str(cost.bookings), cost.bookings, "bookings"))
    blocks: list[Block] = [Figures(tuple(figures)), Paragraph(reckoning(cost))]
    if corrected is not None:
        blocks.append(
            Paragraph(
                f"Corrected by {corrected.who} on {_at(corrected.at, config.site.hours.zone)}: {corrected.reason} "
                f"It had been worked out as {cost.member_minutes:,.0f} member-minutes."
            )
        )
    names = [asset.name for id in cost.assets if (asset := config.asset(id)) is not None]
    if names:
        blocks.append(Paragraph(f"Did not work: {', '.join(names)}."))
    return Section("What it cost", tuple(blocks))


def _timeline(incident: Incident, zone: ZoneInfo) -> Section:
    rows = tuple(
        (_at(entry.at, zone), entry.who, KINDS[entry.kind], entry.text, _at(entry.noted, zone) or None)
        for _, entry in incident.lines
    )
    return Section("Timeline", (Table(("At", "Who", "Kind", "What", "First noted as"), rows),))


def _messages(messages: Sequence[Message], zone: ZoneInfo) -> Section | None:
    rows = tuple(
        (
            _at(one.finished or one.created, zone),
            one.notification.key.kind.value,
            one.notification.key.destination,
            one.notification.title,
            one.state.value,
        )
        for one in messages
    )
    table = Table(("At", "Kind", "To", "What", "What became of it"), rows)
    return Section("Messages", (table,)) if rows else None


def _review(incident: Incident) -> Section | None:
    found, blocks = tuple(written(incident)), list[Block]()
    if found:
        blocks.append(_pairs(found))
    if incident.unwritten and not incident.stage.live:
        lacks = "; ".join(FIELDS[field] for field in incident.unwritten)
        blocks.append(Paragraph(f"Not written down yet: {lacks}.", Mark.WATCH))
    return Section("Review", tuple(blocks)) if blocks else None


def _actions(incident: Incident, zone: ZoneInfo) -> Section | None:
    rows = tuple(
        (one.text, one.owner, one.due.isoformat(), _by(one.done, one.done_by, zone) or None) for one in incident.actions
    )
    return Section("What is to be done", (Table(("What", "Who", "Until", "Done"), rows),)) if rows else None


def _files(files: Sequence[Attachment], zone: ZoneInfo) -> Section | None:
    rows = tuple((one.name, one.type, one.size, one.who, _at(one.at, zone), one.digest.hex()) for one in files)
    columns = ("Name", "Type", "Bytes", "Added by", "At", "SHA-256")
    return Section("Files", (Table(columns, rows),)) if rows else None


def _pairs(rows: Iterable[tuple[str, str]]) -> Table:
    """What there is to say, each under its name."""
    return Table(("", ""), tuple((name, said) for name, said in rows if said))


def _by(at: datetime | None, who: str, zone: ZoneInfo) -> str:
    return f"{_at(at, zone)}, {who}" if at is not None else ""


def _at(at: datetime | None, zone: ZoneInfo) -> str:
    """On the site's clock, to the second, "" for None."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}" if at is not None else ""
