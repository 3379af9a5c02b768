"""Reviews that people do by hand and sign off with evidence: they fall due by the calendar, and alarm when overdue."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, ClassVar, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from probes import DefaultRule, Failed, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines.periods import Day, PeriodText, parse
from probes._engines.weekly import Zone

_DUE = "deskwatch_review_due_timestamp_seconds"
_REMAINING = "deskwatch_review_remaining_seconds"
_REMINDER = "deskwatch_review_reminder_remaining_seconds"
_SIGNED = "deskwatch_review_signed_timestamp_seconds"

LONGEST_SAID = 300
"""Characters of `what` that a message repeats."""


class ReviewParams(Params):
    """What has to be done, and when."""

    what: Annotated[
        str,
        Field(
            min_length=10, max_length=2000, description="what has to be done and what counts as evidence, in sentences"
        ),
    ]
    every: Annotated[PeriodText, Field(description="from a sign-off to the next one: 3 months, 1 year, 90d")]
    first: Annotated[Day, Field(description="the day by which it is due the first time, like 2027-02-20")]
    remind: Annotated[
        PeriodText, Field(description="how long before the day on which it is due people are reminded")
    ] = "14d"
    timezone: Annotated[Zone, Field(description="time zone of the site, like Europe/Berlin: days end by its clock")] = (
        "UTC"
    )
    of: Annotated[
        str,
        Field(
            max_length=200,
            pattern=r"^([a-z0-9-]+/[a-z0-9-]+)?$",
            description="a check as ASSET/NAME whose sign-offs count as well, like that of an access.credentials",
        ),
    ] = ""

    @model_validator(mode="after")
    def _remind_in_between(self) -> Self:
        if parse(self.remind).most >= parse(self.every).least:
            raise ValueError(f"remind, {self.remind}, must be shorter than every, {self.every}: else it never ends")
        return self

    @property
    def target(self) -> str:
        """The calendar."""
        return f"the calendar from {self.first} every {self.every}"

    def due(self, signed: datetime | None) -> "Due":
        """When it has to be done next, after it was signed off at that time; None: it never was.

        A period begins with the day of the sign-off, so that a late one shortens nothing. An early one never brings
        the first day forward.
        """
        zone = ZoneInfo(self.timezone)
        day = self.first
        if signed is not None:
            day = max(day, parse(self.every).after(signed.astimezone(zone).date()))
        return Due(day, _midnight(day + timedelta(days=1), zone), _midnight(parse(self.remind).before(day), zone))


class Due(NamedTuple):
    """The last day that is in time, when it ends, and from when on people are reminded; aware UTC."""

    day: date
    ends: datetime
    reminds: datetime

    def is_over(self, now: datetime) -> bool:
        """Whether it is too late."""
        return now >= self.ends

    def is_soon(self, now: datetime) -> bool:
        """Whether it is time to remind people, and not too late."""
        return self.reminds <= now < self.ends


class Review(Probe[ReviewParams]):
    """Whether what people have to look through by the calendar has been done and signed off in time."""

    Params = ReviewParams
    metrics = (
        Metric(_DUE, "End of the day on which the review is due next, as seconds since 1970", "seconds"),
        Metric(_REMAINING, "Time until the review is overdue; negative from then on", "seconds"),
        Metric(_REMINDER, "Time until people are reminded of the review; negative from then on", "seconds"),
        Metric(_SIGNED, "When the review was signed off last, as seconds since 1970; none if it never was", "seconds"),
    )
    reasons: ClassVar = {"overdue": "the day on which it was due is over, and nobody has signed it off"}
    rules = (DefaultRule("due-soon", _REMINDER, "has to be done soon", severity="info", below=0),)
    duty = True
    says = "is overdue"
    severity = "warning"
    on_demand = False  # who signed off is known to checks alone

    async def measure(self, timeout: float) -> Measured:
        """Look at the calendar and at the newest sign-off; waits for nothing."""
        of = self.params.of
        if of and self.engines.neighbours.of(of) is None:
            raise Unmeasured("no_source", f"there is no check {of}, whose sign-offs should count; correct `of`")
        signed = self.engines.signoffs.of(counted(self.check, self.params))
        return judge(self.params, signed, datetime.now(UTC))


def counted(check: str, params: ReviewParams) -> tuple[str, ...]:
    """The checks whose sign-offs count for a review that is the check of that id."""
    return tuple(id for id in (check, params.of) if id)


def judge(params: ReviewParams, signed: datetime | None, now: datetime) -> Measured:
    """How a review stands that was signed off last at a time, None if never. Raises Failed when it is overdue."""
    due, today = params.due(signed), now.astimezone(ZoneInfo(params.timezone)).date()
    samples = tuple(_samples(due, signed, now))
    last = f"signed off last on {signed.astimezone(ZoneInfo(params.timezone)):%Y-%m-%d}" if signed else "never done yet"
    if due.is_over(now):
        raise Failed("overdue", f"was due on {due.day}, {_days(today - due.day)} ago; {last}. {_said(params)}", samples)
    left = f"in {_days(due.day - today)}" if due.day > today else "today"
    return Measured(f"due on {due.day}, {left}; {last}", samples)


def _samples(due: Due, signed: datetime | None, now: datetime) -> list[Sample]:
    found = [
        Sample(_DUE, due.ends.timestamp()),
        Sample(_REMAINING, (due.ends - now).total_seconds()),
        Sample(_REMINDER, (due.reminds - now).total_seconds()),
    ]
    return found if signed is None else [*found, Sample(_SIGNED, signed.timestamp())]


def _said(params: ReviewParams) -> str:
    """What has to be done, in one line."""
    what = " ".join(params.what.split()).rstrip(".")
    return what if len(what) <= LONGEST_SAID else f"{what[: LONGEST_SAID - 1]}…"


def _days(length: timedelta) -> str:
    return "1 day" if length.days == 1 else f"{length.days} days"


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins; where the clocks skip its midnight, with the first moment after it."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
