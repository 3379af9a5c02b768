"""What the resources of the API share: how bodies are held to bounds, and how text and times are said."""

from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from monitor.escaping import legible
from monitor.reports.document import Document, from_json, to_json
from monitor.web.pages import LONGEST_TEXT
from monitor.web.words import Text as Text
from monitor.web.words import plain


class Body(BaseModel):
    """What is sent: a field that is not declared is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Shown(BaseModel):
    """What is answered."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


def _bounded(at: datetime) -> datetime:
    if not 1970 <= at.year < 9000:
        raise ValueError("must lie between 1970 and 9000")
    return at.astimezone(UTC)


def _day(day: date) -> date:
    if not 1970 <= day.year < 9000:
        raise ValueError("must lie between 1970 and 9000")
    return day


def _line(text: str) -> str:
    found = " ".join(plain(text).split())
    if not found:
        raise ValueError("must not be empty")
    return found


def _words(text: str) -> str:
    return plain(text.replace("\r\n", "\n")).strip()


def _written(document: Document) -> Document:
    return from_json(legible(to_json(document)))


def _said(text: str) -> str:
    if not (found := _words(text)):
        raise ValueError("must not be empty")
    return found


Moment = Annotated[AwareDatetime, AfterValidator(_bounded)]
"""An instant, with its zone."""
Day = Annotated[date, AfterValidator(_day)]
"""A day of the site's calendar."""
Written = Annotated[Document, BeforeValidator(_written)]
"""A report in an answer, whose words may come from a device."""
Id = Annotated[str, Field(min_length=1, max_length=100)]
Line = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_line)]
Words = Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(_words)]
"""Some lines, or none."""
Said = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT), AfterValidator(_said)]
"""Some lines, and not none."""
