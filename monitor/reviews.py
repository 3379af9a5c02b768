"""Reviews that fall due: how each stands, signing one off with evidence, and keeping their checks up to date."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection
from ulid import ULID

from language import N_, figures, gettext
from monitor.config.model import Asset, Check, Config
from monitor.store import signoffs
from monitor.store.signoffs import Signoff
from probes._engines.signoffs import Signoffs
from probes.passive.review import Due, ReviewParams, counted

SHORTEST_NOTE = 10
"""Characters that the evidence has at least: that it is done is no evidence."""
LONGEST_NOTE = 2000
LONGEST_LINK = 500
LONGEST_NAME = 100
KEPT = 400
"""Sign-offs of all reviews together that are looked through for what to show."""

_LONG_NAME = N_("the name has {number} characters; at most {most} are kept")
_LONG_NOTE = N_("the note has {number} characters; at most {most} are kept")
_LONG_LINK = N_("the link has {number} characters; at most {most} are kept")
_LINK = re.compile(r"https?://[^\s/?#@\\]+([/?#]\S*)?")


class State(StrEnum):
    """How urgent a review is."""

    LATER = "later"
    SOON = "soon"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class Review:
    """How a review stands: `history` are the sign-offs that count for it, newest first; `signed` is the newest's time,
    None if it was never done."""

    check: Check
    asset: Asset
    params: ReviewParams
    signed: datetime | None
    due: Due
    state: State
    history: tuple[Signoff, ...]


class Reviews:
    """Tells the checks of reviews what was signed off, by whatever process."""

    def __init__(self, known: Signoffs) -> None:
        self._known = known
        self._counted: Mapping[str, tuple[str, ...]] = {}

    def adopt(self, config: Config) -> None:
        """Heed the reviews of this configuration from now on."""
        self._counted = _counted(config)

    async def heed(self, conn: AsyncConnection) -> tuple[str, ...]:
        """Look for new sign-offs; the checks whose reviews have any. Raises StoreError."""
        if not self._counted:
            return ()
        news = self._known.take(await signoffs.newest(conn, _names(self._counted)))
        return tuple(check for check, names in self._counted.items() if news.intersection(names))


async def standing(config: Config, conn: AsyncConnection, now: datetime) -> tuple[Review, ...]:
    """All reviews of a site, what is due first comes first. Raises StoreError."""
    names = _names(_counted(config))
    newest = await signoffs.newest(conn, names)
    history = await signoffs.page(conn, KEPT, names)
    found = [_standing(asset, check, newest, history, now) for asset in config.assets for check in asset.checks]
    return tuple(sorted((one for one in found if one is not None), key=lambda one: one.due.ends))


def signed(config: Config, check: str, who: str, note: str, link: str, now: datetime) -> Signoff:
    """Somebody's word, with evidence, that they have done a review.

    Raises ValueError, with the remedy, for a check that is no review and for evidence that is none.
    """
    _params(config, check)
    who, note, link = " ".join(who.split()), note.strip(), link.strip()
    if not who:
        raise ValueError(gettext("write your name: a sign-off without one is nobody's"))
    if len(note) < SHORTEST_NOTE:
        words = N_("write what was done and found, in {least} characters or more: it is the evidence")
        raise ValueError(gettext(words, least=SHORTEST_NOTE))
    limits = ((_LONG_NAME, who, LONGEST_NAME), (_LONG_NOTE, note, LONGEST_NOTE), (_LONG_LINK, link, LONGEST_LINK))
    for fault, text, most in limits:
        if len(text) > most:
            raise ValueError(gettext(fault, number=figures(f"{len(text):,}"), most=figures(f"{most:,}")))
    if link and not (link.isprintable() and _LINK.fullmatch(link)):
        words = N_("the link must be a web address without a password, like https://wiki.example.org/restore")
        raise ValueError(gettext(words))
    return Signoff(str(ULID()), check, now, who, note, now, {}, link)


def next_due(config: Config, signoff: Signoff) -> date:
    """The day by which a review has to be done again after this sign-off. Raises ValueError for what is no review."""
    return _params(config, signoff.check).due(signoff.at).day


def summary(review: Review) -> dict[str, str]:
    """How a review stands, for the command line."""
    signed = review.signed.astimezone(ZoneInfo(review.params.timezone)) if review.signed is not None else None
    return {
        "check": review.check.id,
        "name": review.asset.name,
        "state": review.state,
        "due": review.due.day.isoformat(),
        "signed": signed.date().isoformat() if signed is not None else "",
        "every": review.params.every,
        "what": " ".join(review.params.what.split()),
    }


def _params(config: Config, check: str) -> ReviewParams:
    """What a review says of itself. Raises ValueError for a check that is none, with those that there are."""
    found = {one.id: one.params for one in config.checks if isinstance(one.params, ReviewParams)}
    if check not in found:
        words = N_("there is no review {check}; there are {known}")
        none = N_("there is no review {check}; a check of the kind passive.review is one")
        raise ValueError(gettext(words if found else none, check=repr(check[:60]), known=", ".join(found)))
    return found[check]


def _standing(
    asset: Asset, check: Check, newest: Mapping[str, datetime], history: Iterable[Signoff], now: datetime
) -> Review | None:
    """How the review stands that is this check; None if it is none."""
    params = check.params
    if not isinstance(params, ReviewParams):
        return None
    names = counted(check.id, params)
    last = max((newest[name] for name in names if name in newest), default=None)
    due = params.due(last)
    state = State.OVERDUE if due.is_over(now) else State.SOON if due.is_soon(now) else State.LATER
    return Review(check, asset, params, last, due, state, tuple(one for one in history if one.check in names))


def _counted(config: Config) -> Mapping[str, tuple[str, ...]]:
    """The checks whose sign-offs count for each review."""
    found = ((check.id, check.params) for check in config.checks)
    return {id: counted(id, params) for id, params in found if isinstance(params, ReviewParams)}


def _names(several: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    return frozenset(name for names in several.values() for name in names)
