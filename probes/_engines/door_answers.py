"""Reads what access systems answer: states in whatever words they use, and lists that may not be for our eyes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from probes._base import Failed, Unmeasured
from probes._engines.api import Answer, Api, Question
from probes._engines.json_values import number, words

Row = Mapping[str, Any]

_TRUE = frozenset({"true", "yes", "on", "1", "online", "connected", "open", "opened", "unlocked", "unlock"})
_FALSE = frozenset(
    {"false", "no", "off", "0", "offline", "disconnected", "close", "closed", "locked", "lock", "not_connected"}
)
_CHARGES = {"critical": 0.05, "empty": 0.05, "very_low": 0.05, "low": 0.15, "warning": 0.15, "medium": 0.5}
_FULL = frozenset({"ok", "good", "normal", "high", "full", "fresh"})


def truth(row: Row, *names: str) -> bool | None:
    """Whether the first of these fields that says so says yes, open, unlocked or online; None if none says anything."""
    told = (_truth(row.get(name)) for name in names)
    return next((value for value in told if value is not None), None)


def battery(value: Any) -> float | None:
    """A charge as a ratio: of a number of percent, with or without its sign, of a ratio below 1, or of a word.

    "low" and "critical" become 0.15 and 0.05, so that the rules for these hold. Nothing is made of other words.
    """
    if isinstance(value, str):
        word = value.strip().lower().replace(" ", "_")
        if word in _CHARGES or word in _FULL:
            return _CHARGES.get(word, 1.0)
        value = word.removesuffix("%").removesuffix("_")
    percent = number(value)
    if percent is None or not 0 <= percent <= 100:
        return None
    return percent if 0 < percent < 1 else percent / 100


def moment(value: Any) -> datetime | None:
    """A time in ISO 8601, UTC without a zone, or in seconds or milliseconds of the epoch; None for what is none."""
    try:
        if isinstance(value, str):
            read = datetime.fromisoformat(value)
            return read if read.tzinfo else read.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def skew(stated: str | None, now: datetime) -> float | None:
    """Seconds that a clock is ahead of ours by its header line Date, None without a proper one.

    Such a line has whole seconds, and its way here takes time: a second or two mean nothing.
    """
    try:
        read = parsedate_to_datetime(stated or "")
    except (ValueError, OverflowError):
        return None
    return ((read if read.tzinfo else read.replace(tzinfo=UTC)) - now).total_seconds()


def listed(document: Any, *keys: str) -> tuple[Row, ...]:
    """The objects of a list that stands alone or under one of these keys. Raises Failed where there is none."""
    if isinstance(document, Mapping):
        document = next((document[key] for key in keys if isinstance(document.get(key), list)), None)
    if not isinstance(document, list):
        raise Failed("malformed", f"the answer does not follow the API: there is no list of {keys[0]}")
    return tuple(one for one in document if isinstance(one, Mapping))


def named(row: Row, *names: str) -> str:
    """The first of these fields that holds a text."""
    return next((text for name in names if (text := words(row.get(name)))), "")


async def optional(api: Api, question: Question, deadline: float) -> Answer | None:
    """The answer to a question that doors can do without: None if it fails, or is not for our eyes."""
    try:
        answer = await api.try_(question, deadline)
    except (Failed, Unmeasured):
        return None
    return answer if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES else None


def _truth(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    return True if word in _TRUE else False if word in _FALSE else None
