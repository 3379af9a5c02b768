"""Incidents as the API says them, and what is sent to change one."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from alerting.rules import Severity
from incidents.impact import Basis, Level
from incidents.incident import EntryKind, Incident, Origin, Stage
from incidents.review import Category, Detection
from monitor.web.api.models import Body, Day, Line, Moment, Said, Shown, Text, Words
from monitor.web.api.paging import Paged
from monitor.web.incident_log import LONGEST_TITLE, MOST_PEOPLE


class IncidentBrief(Shown):
    """An incident in short; `member_minutes` is what it cost, null while it lasts."""

    id: str
    title: Text
    asset: str
    severity: Severity
    stage: Stage
    opened: datetime
    resolved: datetime | None
    origin: Origin
    reporter: Text
    acknowledged: datetime | None
    acknowledged_by: Text
    acknowledged_until: datetime | None
    member_minutes: float | None
    merged_into: str | None
    reopened: int


class TimelineLine(Shown):
    """One line of the timeline, under its `number`; `noted` is its time before somebody corrected it."""

    number: int
    at: datetime
    who: Text
    text: Text
    kind: EntryKind
    noted: datetime | None


class Impact(Shown):
    """What it cost: seconds in open hours, people hit on average, and how they were counted."""

    open_seconds: float
    people: float
    member_minutes: float
    basis: Basis
    assets: list[str]
    bookings: int | None


class Corrected(Shown):
    """What somebody knows better than the figure that was computed, and why."""

    member_minutes: float
    reason: Text
    who: Text
    at: datetime


class Review(Shown):
    """What people wrote down about it; "" is not said."""

    resolution: Text
    root_cause: Text
    impact: Text
    category: Category
    trigger: Text
    factors: Text
    detection: Detection
    missing_check: Text
    went_well: Text
    went_wrong: Text
    no_action: Text


class ActionShown(Shown):
    """Something to be done so that it does not happen again; `reminded` is when its owner was told of the day."""

    id: str
    text: Text
    owner: Text
    due: date
    created: datetime
    author: Text
    done: datetime | None
    done_by: Text
    reminded: datetime | None


class IncidentShown(IncidentBrief):
    """An incident with its whole record; `unwritten` names what the review still lacks."""

    level: Level
    timeline: list[TimelineLine]
    impact: Impact | None
    corrected: Corrected | None
    review: Review
    unwritten: list[str]
    actions: list[ActionShown]


class IncidentsAsked(Paged):
    """Which incidents: of a stage, a severity, an asset; with words in the title; that began in a time."""

    stage: Stage | None = None
    severity: Severity | None = None
    asset: Annotated[str, Field(max_length=100)] = ""
    words: Annotated[str, Field(max_length=200)] = ""
    since: Annotated[Moment | None, Field(alias="from")] = None
    until: Annotated[Moment | None, Field(alias="to")] = None


class Reported(Body):
    """A problem that no check has noticed; `at` is when it began, now unless said."""

    title: Annotated[Line, Field(max_length=LONGEST_TITLE)]
    asset: Annotated[str, Field(max_length=100)] = ""
    at: Moment | None = None
    by_member: bool = False
    people: Annotated[int | None, Field(ge=0, le=MOST_PEOPLE)] = None
    tells: bool = True


class Note(Body):
    """A line for the timeline."""

    text: Said


class Reviewed(Body):
    """What people write down; a field that is not sent stays as it is."""

    resolution: Words | None = None
    root_cause: Words | None = None
    impact: Words | None = None
    category: Category | None = None
    trigger: Words | None = None
    factors: Words | None = None
    detection: Detection | None = None
    missing_check: Words | None = None
    went_well: Words | None = None
    went_wrong: Words | None = None
    no_action: Words | None = None


class ActionWanted(Body):
    """Something to be done, by whom, until which day."""

    text: Line
    owner: Annotated[Line, Field(max_length=100)]
    due: Day


def brief(one: Incident) -> IncidentBrief:
    """An incident in short."""
    return IncidentBrief.model_validate(one)


def shown(one: Incident) -> IncidentShown:
    """An incident with its whole record."""
    return IncidentShown(
        **brief(one).model_dump(),
        level=one.level,
        timeline=[TimelineLine(number=line.number, **line.entry._asdict()) for line in one.lines],
        impact=Impact.model_validate({**one.cost._asdict(), "assets": list(one.cost.assets)}) if one.cost else None,
        corrected=Corrected.model_validate(one.corrected) if one.corrected else None,
        review=Review.model_validate(one.review),
        unwritten=list(one.unwritten),
        actions=[ActionShown.model_validate(action) for action in one.actions],
    )
