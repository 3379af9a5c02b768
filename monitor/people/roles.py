"""What somebody may do: look, act, or change who may."""

from enum import StrEnum

from language import N_, gettext


class Role(StrEnum):
    """Who a route is for: anybody, a program with the token, or a person who may look, act, or change who may."""

    PUBLIC = "public"
    MACHINE = "machine"
    VIEWER = N_("viewer")
    OPERATOR = N_("operator")
    ADMIN = N_("admin")

    def covers(self, wanted: "Role") -> bool:
        """Whether who has this role may do what that role is for; only what can be given covers anything."""
        return self in GIVEN and wanted in GIVEN and GIVEN.index(self) >= GIVEN.index(wanted)


GIVEN = (Role.VIEWER, Role.OPERATOR, Role.ADMIN)
"""The roles that people and tokens have, the least first."""

EVERYWHERE = "*"
"""Stands for all sites."""


def highest(*roles: Role) -> Role | None:
    """The role that covers the others, None of none."""
    return max(roles, key=GIVEN.index, default=None)


def given(word: str) -> Role:
    """The role of that name. Raises ValueError for what nobody can have."""
    if word not in GIVEN:
        words = N_("there is no role {role}: it is {roles} or {last}")
        raise ValueError(gettext(words, role=repr(word[:40]), roles=", ".join(GIVEN[:-1]), last=GIVEN[-1]))
    return Role(word)
