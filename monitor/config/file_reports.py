"""What users write about reports: which are made when, who gets them, and the targets that they are held against."""

from typing import Annotated

from pydantic import Field, WithJsonSchema

from monitor.config.file_alerting import Minutes, Weekday
from monitor.config.parts import Clock, Ids, Part

Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
DayOfMonth = Annotated[int, Field(strict=True, ge=1, le=28), WithJsonSchema({"type": "integer", "minimum": 1})]

_TO = "People, on-call schedules and routes with a `to` that get it."


class MorningFile(Part):
    """The check of everything before the site opens."""

    before: Minutes = Field(2700, description="How long before opening it begins; 45m unless said.")
    to: Ids = Field(min_length=1, description=_TO)
    deadline: Minutes = Field(300, description="How long it may take; what is not measured by then is said to be so.")


class DailyFile(Part):
    """What the day brought, every day."""

    at: Clock = Field(description="Time of day on the site's clock, like 18:00.")
    to: Ids = Field(min_length=1, description=_TO)


class WeeklyFile(Part):
    """The memo about the week before, Monday to Sunday."""

    day: Weekday = Field(0, description="Day of the week on which it is made; mon unless said.")
    at: Clock = Field(description="Time of day on the site's clock, like 08:00.")
    to: Ids = Field(min_length=1, description=_TO)


class MonthlyFile(Part):
    """The memo about the month before."""

    day: DayOfMonth = Field(1, description="Day of the month on which it is made, up to 28; 1 unless said.")
    at: Clock = Field(description="Time of day on the site's clock, like 08:00.")
    to: Ids = Field(min_length=1, description=_TO)


class TargetsFile(Part):
    """What figures are held against."""

    availability: Share = Field(0.995, description="Share of the open hours in which things have to work.")
    tickets: Annotated[float, Field(gt=0, le=100)] = Field(
        0.1, description="Faults that members report, for each member and month, at most."
    )
    adoption: Share = Field(0.5, description="Share of the members who use the app, at least.")


class ReportsFile(Part):
    """Which reports are made, and who gets them."""

    morning: MorningFile | None = Field(None, description="The check of everything before the site opens.")
    daily: DailyFile | None = Field(None, description="What the day brought.")
    weekly: WeeklyFile | None = Field(None, description="The memo about the week before.")
    monthly: MonthlyFile | None = Field(None, description="The memo about the month before.")
    isp: MonthlyFile | None = Field(None, description="The dossier of every provider about the month before.")
    targets: TargetsFile = Field(TargetsFile(), description="What figures are held against.")
