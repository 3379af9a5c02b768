"""How assets are called on the status page, by how they are, in words for members."""

from enum import StrEnum

from language import N_, gettext, ngettext, translated


class Public(StrEnum):
    """How an asset is for members, worst first."""

    DOWN = "down"
    DEGRADED = "degraded"
    PLANNED = "planned"
    UNKNOWN = "unknown"
    WORKING = "working"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return tuple(Public).index(self)

    @property
    def word(self) -> str:
        """The state in a word or two."""
        return translated(_WORDS[self])

    @property
    def within(self) -> str:
        """The same within a sentence, as on a badge."""
        return translated(_WITHIN[self])

    @property
    def fails(self) -> bool:
        """Whether somebody has to be on it."""
        return self in (Public.DOWN, Public.DEGRADED)


_WORDS = {
    Public.DOWN: N_("Not working"),
    Public.DEGRADED: N_("Has problems"),
    Public.PLANNED: N_("Planned work"),
    Public.UNKNOWN: N_("Not known"),
    Public.WORKING: N_("Working"),
}
_WITHIN = {
    Public.DOWN: N_("not working"),
    Public.DEGRADED: N_("has problems"),
    Public.PLANNED: N_("planned work"),
    Public.UNKNOWN: N_("not known"),
    Public.WORKING: N_("working"),
}


def fails(name: str, state: Public, since: str = "") -> str:
    """That an asset does not work, or not well, and since when if that is known."""
    if state is Public.DOWN:
        if since:
            return gettext("{name} is not working since {when}. We are on it.", name=name, when=since)
        return gettext("{name} is not working. We are on it.", name=name)
    if since:
        return gettext("{name} has problems since {when}. We are on it.", name=name, when=since)
    return gettext("{name} has problems. We are on it.", name=name)


def failed(name: str, state: Public) -> str:
    """That an asset did not work, or not well."""
    if state is Public.DOWN:
        return gettext("{name} was not working.", name=name)
    return gettext("{name} had problems.", name=name)


def several(number: int, state: Public) -> str:
    """What is the matter with so many assets, none of which works for sure."""
    match state:
        case Public.DOWN:
            return ngettext(
                "{number} thing is not working. We are on it.", "{number} things are not working. We are on it.", number
            )
        case Public.DEGRADED:
            return ngettext(
                "{number} thing has problems. We are on it.", "{number} things have problems. We are on it.", number
            )
        case Public.PLANNED:
            return ngettext("Planned work on {number} thing", "Planned work on {number} things", number)
        case _:
            return ngettext(
                "We cannot tell right now whether {number} thing works.",
                "We cannot tell right now whether {number} things work.",
                number,
            )
