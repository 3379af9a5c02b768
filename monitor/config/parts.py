"""The types of keys that several sections of the configuration file share."""

from collections.abc import Mapping
from datetime import date, datetime, time
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema

from monitor.config.model import SECTIONS
from monitor.config.problems import did_you_mean
from monitor.config.values import (
    DURATION_PATTERN,
    ID_PATTERN,
    LONGEST_ID,
    Stretch,
    parse_clock,
    parse_date,
    parse_day_range,
    parse_duration,
    parse_id,
    parse_moment,
    parse_stretches,
    parse_zone,
)

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")

_ID_SCHEMA = {"type": "string", "pattern": f"^{ID_PATTERN}$", "maxLength": LONGEST_ID}
_HOURS_PATTERN = r"^\s*[0-9]{1,2}:[0-9]{2}\s*-\s*[0-9]{1,2}:[0-9]{2}\s*$"


class Part(BaseModel):
    """Anything in the file: unknown keys are errors, and no message repeats a value by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class _OrNothing:
    """Tells the JSON Schema that a key without a value is allowed."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        return {**schema, "type": [schema["type"], "null"]}


class _OrOne:
    """Tells the JSON Schema that the only entry of a list may stand by itself."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        return {"anyOf": [schema["items"], schema]}


class OrText:
    """Tells the JSON Schema that a text is allowed beside what the model holds; `pattern` says which."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "pattern": self._pattern}, handler(core)]}


def _one_is_a_list(value: object) -> object:
    return [value] if isinstance(value, (str, dict)) else value


def _nothing_is_an_empty_list(value: object) -> object:
    """A section whose entries are all commented out is empty, not wrong."""
    return () if value is None else value


def _nothing_is_an_empty_mapping(value: object) -> object:
    return {} if value is None else value


def _section(value: str) -> str:
    if value not in SECTIONS:
        raise ValueError(f"must be one of the sections {', '.join(SECTIONS)}{did_you_mean(value, SECTIONS)}")
    return value


DURATION_SCHEMA: Mapping[str, Any] = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": f"^{DURATION_PATTERN}$"}]
}
Duration = WithJsonSchema(dict(DURATION_SCHEMA))
"""Marks a key as a duration for the JSON Schema."""

Hold = Annotated[float, BeforeValidator(partial(parse_duration, most=30 * 86_400)), Duration]
Id = Annotated[str, AfterValidator(parse_id), WithJsonSchema(_ID_SCHEMA)]
OneOrMore = Annotated[tuple[T, ...], BeforeValidator(_one_is_a_list), _OrOne()]
Ids = OneOrMore[str]
Listed = Annotated[tuple[T, ...], BeforeValidator(_nothing_is_an_empty_list), _OrNothing()]
Keyed = Annotated[dict[K, V], BeforeValidator(_nothing_is_an_empty_mapping), _OrNothing()]
HOURS_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"enum": ["closed", "24h"]},
            {"type": "string", "pattern": _HOURS_PATTERN},
            {"type": "array", "items": {"type": "string", "pattern": _HOURS_PATTERN}},
        ]
    }
)
DayRange = Annotated[str, AfterValidator(lambda key: parse_day_range(key) and key)]
DayHours = Annotated[tuple[Stretch, ...], BeforeValidator(parse_stretches), HOURS_SCHEMA]
Zone = Annotated[str, AfterValidator(parse_zone)]
Language = Literal["en", "de"]
Date = Annotated[date, BeforeValidator(parse_date)]
Clock = Annotated[
    time, BeforeValidator(parse_clock), WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2}$"})
]
Moment = Annotated[
    datetime, BeforeValidator(parse_moment), WithJsonSchema({"type": "string", "examples": ["2026-12-01 06:00"]})
]
Section = Annotated[str, AfterValidator(_section), WithJsonSchema({"enum": list(SECTIONS)})]
