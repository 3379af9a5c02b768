"""One incident as a document of its own: for the archive, for the provider, for whoever asks what happened that day."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from alerting.channels import NoticeKind
from incidents.impact import Basis, Impact, Level
from incidents.incident import EntryKind, Incident, Stage
from incidents.messages import FIELDS, duration
from incidents.review import Category, Detection
from language import N_, current, gettext
from language import figures as number
from monitor.config.model import Config
from monitor.reports.document import Block, Document, Figure, Figures, Kind, Mark, Paragraph, Section, Table, columns
from monitor.reports.record import CAUSES
from monitor.store.attachments import Attachment
from monitor.store.outbox import Message
from monitor.store.tables import MessageState

KINDS: Mapping[EntryKind, str] = {
    EntryKind.NOTE: N_("Note"),
    EntryKind.TURN: N_("State"),
    EntryKind.STEP: N_("Step"),
    EntryKind.VALUE: N_("Measured"),
    EntryKind.EVIDENCE: N_("Closer look"),
    EntryKind.DELIVERY: N_("Message"),
    EntryKind.CHANGE: N_("Change"),
}
"""What the kinds of lines of a timeline are called."""

NOTICES: Mapping[NoticeKind, str] = {
    NoticeKind.FIRING: N_("firing"),
    NoticeKind.UPDATE: N_("update"),
    NoticeKind.REPEAT: N_("repeat"),
    NoticeKind.RESOLVED: N_("resolved"),
    NoticeKind.MISSED: N_("missed"),
    NoticeKind.ALARM: N_("alarm"),
    NoticeKind.DRILL: N_("drill"),
    NoticeKind.TEST: N_("test"),
    NoticeKind.REPORT: N_("report"),
}
"""Why a message went out, in a word."""

STATES: Mapping[MessageState, str] = {
    MessageState.QUEUED: N_("queued"),
    MessageState.LEASED: N_("leased"),
    MessageState.RETRY: N_("retry"),
    MessageState.ACCEPTED: N_("accepted"),
    MessageState.MERGED: N_("merged"),
    MessageState.DEAD: N_("dead"),
    MessageState.CANCELLED: N_("cancelled"),
}
"""How far a message is, in a word."""

STAGES: Mapping[Stage, str] = {
    Stage.OPEN: N_("still there, nobody has it"),
    Stage.ACKNOWLEDGED: N_("still there, in hand"),
    Stage.RESOLVED: N_("over, not all is written down"),
    Stage.REVIEWED: N_("over and reviewed"),
}
"""How far an incident is, in a sentence."""

LEVELS: Mapping[Level, str] = {
    Level.NONE: N_("harmless for members"),
    Level.MINOR: N_("minor"),
    Level.MAJOR: N_("major"),
    Level.CRITICAL: N_("critical"),
}
"""How bad an incident was for members."""

COUNTED: Mapping[Basis, str] = {
    Basis.CAPACITY: N_("everybody whom it serves, for nobody counted who was there"),
    Basis.BOOKINGS: N_("the seats of the rooms while they were booked"),
    Basis.CLIENTS: N_("the devices that are usually on that network at that hour"),
    Basis.SAID: N_("as whoever reported it said"),
}
"""How the people were counted whom an outage hit."""

NOTICED: Mapping[Detection, str] = {
    Detection.UNSAID: N_("not said yet"),
    Detection.US: N_("a check, or somebody of the staff"),
    Detection.MEMBER: N_("a member"),
}
"""Who noticed first."""

LABELS: Mapping[str, str] = {
    "resolution": N_("Resolution"),
    "category": N_("Kind of cause"),
    "root_cause": N_("Root cause"),
    "detection": N_("Who noticed it first"),
    "missing_check": N_("Missing check"),
    "trigger": N_("Trigger"),
    "factors": N_("Contributing factors"),
    "impact": N_("What it meant for members"),
    "went_well": N_("What went well"),
    "went_wrong": N_("What went badly"),
    "no_action": N_("Why nothing is to be done"),
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
        language=current(),
    )


def reckoning(cost: Impact) -> str:
    """How a cost was worked out, in a sentence."""
    people = f"{cost.people:,.0f}" if cost.people >= 10 or cost.people == int(cost.people) else f"{cost.people:,.1f}"
    return gettext(
        "{length} of opening time x {people} people: {counted}.",
        length=duration(cost.open_seconds),
        people=number(people),
        counted=gettext(COUNTED[cost.basis]),
    )


def written(incident: Incident) -> Iterator[tuple[str, str]]:
    """What people wrote down about it: the name of each field that says something, and what it says."""
    for field, label in LABELS.items():
        if said := getattr(incident, field):
            yield gettext(label), _said(said)


def _said(value: str) -> str:
    """A field of a review as people read it: one of those that are chosen by its words, others as they were written."""
    if isinstance(value, Category):
        return gettext(CAUSES[value])
    return gettext(NOTICED[value]) if isinstance(value, Detection) else value


def _summary(incident: Incident, made: datetime) -> str:
    lasted = duration(((incident.resolved or made) - incident.opened).total_seconds())
    if incident.merged_into is not None:
        return gettext("It is one with another incident, {id}, which tells of both.", id=incident.merged_into)
    stage = gettext(STAGES[incident.stage])
    if incident.stage.live:
        return gettext("It has lasted for {length} and is {stage}.", length=lasted, stage=stage)
    over = gettext("It lasted {length}.", length=lasted)
    return f"{over} {_costs(incident)} {gettext('It is {stage}.', stage=stage)}"


def _costs(incident: Incident) -> str:
    if incident.uncosted:
        return gettext("What it cost is being worked out.")
    if not incident.member_minutes:
        return gettext("It cost nothing.")
    return gettext("It cost {minutes} member-minutes.", minutes=number(f"{incident.member_minutes:,.0f}"))


def _meaning(incident: Incident, config: Config, zone: ZoneInfo) -> Section:
    asset = config.asset(incident.asset)
    rows = {
        gettext("What"): asset.name if asset is not None else incident.asset,
        gettext("For members"): asset.affects if asset is not None else "",
        gettext("Severity"): gettext(incident.severity.value),
        gettext("How bad it was"): "" if incident.stage.live or incident.uncosted else gettext(LEVELS[incident.level]),
        gettext("Began"): _at(incident.opened, zone),
        gettext("Reported by"): incident.reporter,
        gettext("In hand"): _by(incident.acknowledged, incident.acknowledged_by, zone),
        gettext("Over"): _at(incident.resolved, zone),
        gettext("Came back"): f"{incident.reopened} x" if incident.reopened else "",
        gettext("Told of by"): incident.merged_into or "",
        gettext("Number"): incident.id,
    }
    return Section(gettext("What it was"), (_pairs(rows.items()),))


def _cost(incident: Incident, config: Config) -> Section | None:
    cost, corrected = incident.cost, incident.corrected
    if incident.member_minutes is None or cost is None:
        return None
    minutes = incident.member_minutes
    figures = [
        Figure(gettext("Member-minutes"), number(f"{minutes:,.0f}"), minutes * 60, "seconds"),
        Figure(gettext("Opening time lost"), duration(cost.open_seconds), cost.open_seconds, "seconds"),
        Figure(gettext("People"), number(f"{cost.people:,.1f}"), cost.people, "people"),
    ]
    if cost.bookings is not None:
        figures.append(Figure(gettext("Bookings hit"), str(cost.bookings), cost.bookings, "bookings"))
    blocks: list[Block] = [Figures(tuple(figures)), Paragraph(reckoning(cost))]
    if corrected is not None:
        text = gettext(
            "Corrected by {who} on {when}: {reason} It had been worked out as {minutes} member-minutes.",
            who=corrected.who,
            when=_at(corrected.at, config.site.hours.zone),
            reason=corrected.reason,
            minutes=number(f"{cost.member_minutes:,.0f}"),
        )
        blocks.append(Paragraph(text))
    names = [asset.name for id in cost.assets if (asset := config.asset(id)) is not None]
    if names:
        blocks.append(Paragraph(gettext("Did not work: {names}.", names=", ".join(names))))
    return Section(gettext("What it cost"), tuple(blocks))


def _timeline(incident: Incident, zone: ZoneInfo) -> Section:
    rows = tuple(
        (_at(entry.at, zone), entry.who, gettext(KINDS[entry.kind]), entry.text, _at(entry.noted, zone) or None)
        for _, entry in incident.lines
    )
    names = columns(gettext("At | Who | Kind | What | First noted as"))
    return Section(gettext("Timeline"), (Table(names, rows),))


def _messages(messages: Sequence[Message], zone: ZoneInfo) -> Section | None:
    rows = tuple(
        (
            _at(one.finished or one.created, zone),
            gettext(NOTICES[one.notification.key.kind]),
            one.notification.key.destination,
            one.notification.title,
            gettext(STATES[one.state]),
        )
        for one in messages
    )
    table = Table(columns(gettext("At | Kind | To | What | What became of it")), rows)
    return Section(gettext("Messages"), (table,)) if rows else None


def _review(incident: Incident) -> Section | None:
    found, blocks = tuple(written(incident)), list[Block]()
    if found:
        blocks.append(_pairs(found))
    if incident.unwritten and not incident.stage.live:
        lacks = "; ".join(gettext(FIELDS[field]) for field in incident.unwritten)
        blocks.append(Paragraph(gettext("Not written down yet: {fields}.", fields=lacks), Mark.WATCH))
    return Section(gettext("Review"), tuple(blocks)) if blocks else None


def _actions(incident: Incident, zone: ZoneInfo) -> Section | None:
    rows = tuple(
        (one.text, one.owner, one.due.isoformat(), _by(one.done, one.done_by, zone) or None) for one in incident.actions
    )
    table = Table(columns(gettext("What | Who | Until | Done")), rows)
    return Section(gettext("What is to be done"), (table,)) if rows else None


def _files(files: Sequence[Attachment], zone: ZoneInfo) -> Section | None:
    rows = tuple((one.name, one.type, one.size, one.who, _at(one.at, zone), one.digest.hex()) for one in files)
    table = Table(columns(gettext("Name | Type | Bytes | Added by | At | SHA-256")), rows)
    return Section(gettext("Files"), (table,)) if rows else None


def _pairs(rows: Iterable[tuple[str, str]]) -> Table:
    """What there is to say, each under its name."""
    return Table(("", ""), tuple((name, said) for name, said in rows if said))


def _by(at: datetime | None, who: str, zone: ZoneInfo) -> str:
    return f"{_at(at, zone)}, {who}" if at is not None else ""


def _at(at: datetime | None, zone: ZoneInfo) -> str:
    """On the site's clock, to the second, "" for None."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}" if at is not None else ""
