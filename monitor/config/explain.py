"""Checks a part of the file against its model, and says in the user's words what is wrong with it."""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from monitor.config.document import Place, printable
from monitor.config.problems import Findings

LONGEST_MESSAGE = 300
"""Characters that a kind may use to say what is wrong with one of its settings."""

M = TypeVar("M", bound=BaseModel)

_PLAIN = {
    "string_type": "must be text; put it in quotes",
    "string_sub_type": "must be text; put it in quotes",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "model_type": "must hold `key: value` lines",
    "dict_type": "must hold `key: value` lines",
    "mapping_type": "must hold `key: value` lines",
    "list_type": "must be a list: lines that begin with `- `, or [a, b]",
    "too_short": "must have at least one entry",
    "tuple_type": "must be a list: lines that begin with `- `, or [a, b]",
    "set_type": "must be a list: lines that begin with `- `, or [a, b]",
    "frozen_set_type": "must be a list: lines that begin with `- `, or [a, b]",
}
"""Messages for pydantic's error types; the others keep pydantic's words."""

_CREDENTIALS = re.compile(r"://[^/@\s]*@")


def read(model: type[M], place: Place, data: Any, findings: Findings, also: Collection[str] = ()) -> M | None:
    """The data at a place as its model; None, with all its problems noted, if it does not fit.

    `also` holds further keys that are known at this place, for "did you mean".
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _note(model, place, detail, findings, also)
        return None


def shown(value: object) -> str:
    """A value that is no secret as a message may show it: one line, bounded, "" for lists and mappings."""
    if isinstance(value, str):
        return f"'{printable(_masked(value))}'"
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    return printable(str(value)) if isinstance(value, (int, float)) else ""


def keys(model: type[BaseModel]) -> tuple[str, ...]:
    """The keys that users may write for a model."""
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _note(
    model: type[BaseModel], place: Place, detail: ErrorDetails, findings: Findings, also: Collection[str]
) -> None:
    loc = detail["loc"]
    here = _place(place, detail)
    owners = tuple(_models(_annotations(model, loc[:-1])))
    if detail["type"] == "extra_forbidden":
        known = {key for owner in owners for key in keys(owner)}.union(also if len(loc) == 1 else ())
        findings.add(here, f"unknown key{findings.did_you_mean(str(loc[-1]), sorted(known))}")
    elif detail["type"] == "missing":
        findings.add(here, f"is missing{_purpose(owners, loc[-1])}")
    elif not _follows(detail, here):
        hidden = any(_holds_secret(annotation) for annotation in _annotations(model, loc))
        about_key = loc[-1:] == ("[key]",)
        findings.add(here, _message(detail), "" if hidden or about_key else shown(here.value))


def _masked(text: str) -> str:
    """The text without what may be a secret: the credentials of a URL, and all of an Apprise URL."""
    scheme, slashes, _ = text.partition("://")
    if slashes and scheme not in ("http", "https"):
        return f"{scheme}://***"
    return _CREDENTIALS.sub("://***@", text)


def _follows(detail: ErrorDetails, place: Place) -> bool:
    """Whether a list is only too short because pydantic counts no entry that has problems of its own."""
    return detail["type"] == "too_short" and detail["ctx"]["actual_length"] == 0 and bool(place.value)


def _place(place: Place, detail: ErrorDetails) -> Place:
    """Where the error is in the file; steps that pydantic adds for unions and keys lead nowhere there."""
    for step in detail["loc"]:
        if place.at(step).exists:
            place = place.at(step)
    return place.at(detail["loc"][-1]) if detail["type"] == "missing" else place


def _annotations(model: type[BaseModel], loc: Iterable[str | int]) -> tuple[Any, ...]:
    """What may stand at a place; below a mapping with free keys, what that mapping may hold."""
    here: tuple[Any, ...] = (model,)
    for step in loc:
        fields = [owner.model_fields.items() for owner in _models(here)]
        named = tuple(field.annotation for items in fields for name, field in items if step in (name, field.alias))
        here = named or here
    return here


def _models(annotations: Iterable[Any]) -> Iterator[type[BaseModel]]:
    """The models that annotations mention."""
    for annotation in annotations:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        else:
            yield from _models(get_args(annotation))


def _holds_secret(annotation: Any, seen: frozenset[Any] = frozenset()) -> bool:
    """Whether a secret may stand there, or in something that stands there."""
    if annotation in seen:
        return False
    if isinstance(annotation, type) and issubclass(annotation, (SecretStr, SecretBytes)):
        return True
    inside: Iterable[Any] = get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        inside = [field.annotation for field in annotation.model_fields.values()]
    return any(_holds_secret(one, seen | {annotation}) for one in inside)


def _purpose(owners: Iterable[type[BaseModel]], key: str | int) -> str:
    fields = [field for owner in owners for name, field in owner.model_fields.items() if key in (name, field.alias)]
    return f": {fields[0].description}" if fields and fields[0].description else ""


def _message(detail: ErrorDetails) -> str:
    if detail["type"] in ("value_error", "assertion_error"):
        return printable(str(detail["ctx"]["error"]), LONGEST_MESSAGE)
    said = detail["msg"].replace("Input should be", "must be").replace("Input should", "must")
    return _PLAIN.get(detail["type"], said[:1].lower() + said[1:])
