"""Edits of what several people can change: a form says what it was made from, and saves over nobody else's words."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from monitor.web.words import plain

FIELD = "made_from"
"""The hidden field of a form; without it a form is taken as it is, as a request without If-Match is."""


class Both(NamedTuple):
    """What a field says by now, and what was typed into it, None if nothing was."""

    theirs: str
    yours: str | None


class Clash(Exception):  # noqa: N818 - read as a sentence
    """What a form was made from has changed meanwhile, so that nothing was saved.

    `typed` is what the form comes back with: everything that was typed, and where nothing was, what stands there now.
    `both` are the fields that have changed.
    """

    def __init__(self, typed: Mapping[str, str], both: Mapping[str, Both]) -> None:
        super().__init__("it has changed meanwhile")
        self.typed, self.both = typed, both


def mark(values: Mapping[str, str]) -> str:
    """What a form carries hidden: stands for the values of its fields, one by one."""
    return ".".join(_mark(value) for value in values.values())


def is_meant(form: Mapping[str, Any], current: Mapping[str, str]) -> bool:
    """Whether a form was made from what is there now."""
    return FIELD not in form or form[FIELD] == mark(current)


def require_unchanged(form: Mapping[str, Any], typed: Mapping[str, str], current: Mapping[str, str]) -> None:
    """Raises Clash if a field says something else by now than when the form was made, unless it is what was typed."""
    if is_meant(form, current) or mark(typed) == mark(current):
        return
    before = dict(zip(current, str(form[FIELD]).split("."), strict=False))
    mine = {name: text for name, text in typed.items() if _mark(text) != before.get(name)}
    changed = [name for name, text in current.items() if _mark(text) != before.get(name)]
    raise Clash({**current, **mine}, {name: Both(current[name], mine.get(name)) for name in changed})


def _mark(text: str) -> str:
    return sha256(plain(text.replace("\r\n", "\n")).strip().encode()).hexdigest()[:12]
