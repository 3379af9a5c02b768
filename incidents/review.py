"""What people must write down before an incident counts as reviewed."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from incidents.impact import Level
from language import N_

SOON = timedelta(days=3)
"""How long before it is due an action is spoken of."""
WEEK = timedelta(weeks=1)
"""How often it is spoken of once it is late."""


class Category(StrEnum):
    """What kind of cause it was; UNSAID until somebody says."""

    UNSAID = ""
    ISP = "isp"
    POWER = "power"
    HARDWARE = "hardware"
    CONFIGURATION = "configuration"
    VENDOR = "vendor"
    CREDENTIAL = "credential"
    HUMAN = "human"
    UNKNOWN = "unknown"


class Detection(StrEnum):
    """Who noticed first: a check of ours or somebody of the staff, or a member."""

    UNSAID = ""
    US = "us"
    MEMBER = "member"


class Action(NamedTuple):
    """Something to be done so that it does not happen again; `due` is a date of the site's calendar."""

    id: str
    incident: str
    text: str
    owner: str
    due: date
    created: datetime
    author: str
    done: datetime | None = None
    done_by: str = ""
    reminded: datetime | None = None


class Review(NamedTuple):
    """What people write down about an incident.

    `trigger` is what set it off, `factors` what else had to come together, `missing_check` which check would have
    noticed it before a member did, `no_action` why nothing is to be done about it.
    """

    resolution: str = ""
    root_cause: str = ""
    impact: str = ""
    category: Category = Category.UNSAID
    trigger: str = ""
    factors: str = ""
    detection: Detection = Detection.UNSAID
    missing_check: str = ""
    went_well: str = ""
    went_wrong: str = ""
    no_action: str = ""

    @classmethod
    def of(cls, said: Mapping[str, str], before: "Review | None" = None) -> "Review":
        """The review from before with some fields filled in, by their names.

        Raises ValueError for a field, a category or a detection that does not exist.
        """
        if unknown := [name for name in said if name not in cls._fields]:
            raise ValueError(f"a review has no field {unknown[0][:60]!r}; it has {', '.join(cls._fields)}")
        written = {**(before or cls())._asdict(), **said}
        category = _word(Category, "category", written.pop("category"))
        detection = _word(Detection, "detection", written.pop("detection"))
        return cls(**written, category=category, detection=detection)


_NEEDED: Mapping[Level, tuple[str, ...]] = {
    Level.NONE: ("resolution",),
    Level.MINOR: ("resolution", "category"),
    Level.MAJOR: ("resolution", "category", "root_cause", "detection"),
    Level.CRITICAL: ("resolution", "category", "root_cause", "detection", "factors"),
}
"""What must be written down, the more the worse it was."""


def missing(level: Level, written: Review, actions: Sequence[Action] = ()) -> tuple[str, ...]:
    """What is still to be written down, in the order of the form: names of fields of `Review`; () when it is complete.

    `actions` among them: after a critical incident something is to be done, or somebody says why not in `no_action`.
    `missing_check` among them: a member noticed before we did, so a check is missing.
    """
    found = [field for field in _NEEDED[level] if not getattr(written, field).strip()]
    if written.detection is Detection.MEMBER and not written.missing_check.strip():
        found.append("missing_check")
    if level is Level.CRITICAL and not actions and not written.no_action.strip():
        found.append("actions")
    return tuple(found)


class Template(NamedTuple):
    """What to ask about a cause of one category, and what others have done about such causes."""

    questions: tuple[str, ...]
    actions: tuple[str, ...]


TEMPLATES: Mapping[Category, Template] = {
    Category.ISP: Template(
        (
            N_("When did you call the provider, what is the number of the fault report, and what did they say?"),
            N_("Did the second line take over? If not, what kept it from doing so?"),
            N_("Is this within what the contract promises, or is money due?"),
        ),
        (
            N_("Send the provider our measurements and ask for their report"),
            N_("Test the change to the second line outside opening hours"),
            N_("Claim the credit that the contract provides for"),
        ),
    ),
    Category.POWER: Template(
        (
            N_("What lost power, and is it behind the UPS?"),
            N_("How long did the battery last, and how long should it have?"),
            N_("Which fuse or which circuit was it, and what else hangs on it?"),
        ),
        (
            N_("Put the device behind the UPS"),
            N_("Replace the battery of the UPS"),
            N_("Label fuses and sockets of the network cabinet"),
        ),
    ),
    Category.HARDWARE: Template(
        (
            N_("Which device failed, how old is it, and is it still under warranty?"),
            N_("Was there a spare, and did somebody on site know how to put it in?"),
            N_("Which other devices are of the same age?"),
        ),
        (
            N_("Replace the device, and ask for a new one under warranty"),
            N_("Put a spare on the shelf, with a page that says how to put it in"),
            N_("Plan to replace the others of this age"),
        ),
    ),
    Category.CONFIGURATION: Template(
        (
            N_("What was changed, by whom, and when?"),
            N_("Could it have been tried outside opening hours?"),
            N_("How long did it take to undo, and what was needed for that?"),
        ),
        (
            N_("Keep a copy of the configuration from before each change"),
            N_("Make changes of this kind only in planned maintenance"),
            N_("Have a second person look at such a change first"),
        ),
    ),
    Category.VENDOR: Template(
        (
            N_("What did the status page of the vendor say, and when did it say so first?"),
            N_("What could members still do meanwhile, and did they know?"),
            N_("Is this within what the contract promises?"),
        ),
        (
            N_("Subscribe to the status page of the vendor"),
            N_("Write down how to go on by hand while it does not work"),
            N_("Ask the vendor for their own report"),
        ),
    ),
    Category.CREDENTIAL: Template(
        (
            N_("What expired or was withdrawn: a certificate, a password, a key, a card?"),
            N_("Who renews it, and how would they have known?"),
            N_("What else expires on the same day?"),
        ),
        (
            N_("Renew it automatically, or put the date into a calendar that two people read"),
            N_("Watch its expiry with a check"),
            N_("Write down who renews it and how"),
        ),
    ),
    Category.HUMAN: Template(
        (
            N_("What made this the obvious thing to do at that moment?"),
            N_("What would have told the person that it was about to go wrong?"),
            N_("Could anybody else have done the same?"),
        ),
        (
            N_("Make the mistake impossible: a lock, a label, a guard before the button"),
            N_("Write the steps down where they are needed"),
            N_("Show whoever is new how it is done"),
        ),
    ),
    Category.UNKNOWN: Template(
        (
            N_("What do we know for certain, and from which measurement?"),
            N_("What would we have to measure to know it next time?"),
            N_("Has it happened before, at which times?"),
        ),
        (N_("Add a check that tells the possible causes apart"), N_("Look at it again if it comes back")),
    ),
}
"""For each cause: what helps to write the review, and what to choose actions from."""


W = TypeVar("W", bound=StrEnum)


def _word(words: type[W], name: str, said: str) -> W:
    if said not in list(words):
        raise ValueError(f"the {name} {said[:60]!r} must be one of {', '.join(filter(None, words))}")
    return words(said)


def reminds(action: Action, today: date, zone: ZoneInfo) -> bool:
    """Whether its owner hears of it today: three days before it is due, on the day, and every week that it is late.

    Each of these once, the next day if that one passed without us; who has just been given it, knows.
    """
    begins = _reminded_from(action.due, today)
    if action.done is not None or begins is None:
        return False
    return (action.reminded or action.created).astimezone(zone).date() < begins


def _reminded_from(due: date, today: date) -> date | None:
    """The first day of the reminder whose time it is, None before the first."""
    if today > due:
        first = due + timedelta(days=1)
        return first + (today - first) // WEEK * WEEK
    if today == due:
        return due
    return due - SOON if today >= due - SOON else None
