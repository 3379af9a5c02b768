"""The first page, worked out from how the assets are: what needs somebody, then everything that is watched."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from alerting.rules import Severity
from incidents.lifecycle import Incident, Stage
from language import gettext, ngettext, translated
from monitor.config.model import SECTIONS
from monitor.web.views import TITLES, AssetView, Finding, Verdict, World, asset_view
from monitor.web.words import opening, short

CARDS = 100
"""How many things that need somebody the first page shows; of more it says how many there are."""


@dataclass(frozen=True, slots=True)
class SectionView:
    """One section of the board."""

    title: str
    assets: tuple[AssetView, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of its assets."""
        return min((asset.verdict for asset in self.assets), key=lambda verdict: verdict.rank)

    @property
    def summary(self) -> str:
        """How many of them work."""
        return _tally(self.assets, ()).summary or gettext("all working")


@dataclass(frozen=True, slots=True)
class Card:
    """One thing that needs somebody. `also` names the other assets that the same cause hits."""

    title: str
    verdict: Verdict
    since: datetime
    finding: Finding
    affects: str
    remedy: str
    people: int
    asset: str
    incident: Incident | None
    also: tuple[str, ...]

    @property
    def in_hand(self) -> bool:
        """Whether somebody has it."""
        return self.incident is not None and self.incident.stage is not Stage.OPEN


class Tally(NamedTuple):
    """How many assets there are, and how many of them work, are looked at again, or are not known; `begun` says
    whether anything was measured. How many things wait for somebody or are in hand, and the worst of those that wait.
    """

    assets: int
    working: int
    checking: int
    unknown: int
    begun: bool
    waiting: int
    in_hand: int
    worst: Verdict

    @property
    def tone(self) -> Verdict:
        """The verdict that colours the headline."""
        if self.waiting:
            return self.worst
        if self.in_hand:
            return Verdict.DEGRADED
        if self.unknown == self.assets:
            return Verdict.UNKNOWN
        if self.checking:
            return Verdict.CHECKING
        return Verdict.UNKNOWN if self.unknown else Verdict.WORKING

    @property
    def headline(self) -> str:
        """How it is, in a few words."""
        if self.waiting:
            return ngettext("{number} thing needs you", "{number} things need you", self.waiting)
        if self.in_hand:
            return ngettext("{number} thing in hand", "{number} things in hand", self.in_hand)
        if not self.assets:
            return gettext("Nothing is watched yet")
        if self.unknown == self.assets:
            return gettext("Nothing is known") if self.begun else gettext("Taking a first look")
        if self.checking:
            return ngettext("Checking {number} thing again", "Checking {number} things again", self.checking)
        if self.unknown:
            return ngettext("{number} thing not known", "{number} things not known", self.unknown)
        return gettext("All working")

    @property
    def summary(self) -> str:
        """How many of the assets work, "" if all do."""
        if self.working == self.assets:
            return ""
        return gettext("{working} of {all} working", working=self.working, all=self.assets)


@dataclass(frozen=True, slots=True)
class Board:
    """The first page: how it is in numbers, and all of it; there are `more` cards than it shows."""

    tally: Tally
    opening: str
    cards: tuple[Card, ...]
    more: int
    sections: tuple[SectionView, ...]
    world: World


def board(world: World) -> Board:
    """The first page."""
    assets = tuple(asset_view(asset, world) for asset in world.config.assets)
    made = cards(assets, world)
    return Board(
        tally=_tally(assets, made),
        opening=opening(world.config.site.hours, world.now),
        cards=made[:CARDS],
        more=max(len(made) - CARDS, 0),
        sections=_sections(assets),
        world=world,
    )


def cards(assets: Sequence[AssetView], world: World) -> tuple[Card, ...]:
    """What needs somebody: each live incident, and each fault that none explains; what is in hand comes last."""
    seen = {asset.asset.id: asset for asset in assets}
    made = [_incident_card(incident, seen.get(incident.asset), assets, world) for incident in world.live]
    made += [
        _fault_card(asset, world.now)
        for asset in assets
        if asset.verdict in (Verdict.DOWN, Verdict.DEGRADED) and asset.incident is None
    ]
    return tuple(sorted(made, key=lambda card: (card.in_hand, card.verdict.rank, card.since)))


def _tally(assets: Sequence[AssetView], made: Sequence[Card]) -> Tally:
    verdicts = Counter(asset.verdict for asset in assets)
    waiting = [card for card in made if not card.in_hand]
    return Tally(
        assets=len(assets),
        working=verdicts[Verdict.WORKING],
        checking=verdicts[Verdict.CHECKING],
        unknown=verdicts[Verdict.UNKNOWN],
        begun=any(check.reading is not None for asset in assets for check in asset.checks),
        waiting=len(waiting),
        in_hand=len(made) - len(waiting),
        worst=waiting[0].verdict if waiting else Verdict.WORKING,
    )


def _sections(assets: Sequence[AssetView]) -> tuple[SectionView, ...]:
    found = ((translated(TITLES[name]), tuple(one for one in assets if one.asset.section == name)) for name in SECTIONS)
    return tuple(SectionView(title, members) for title, members in found if members)


def _incident_card(incident: Incident, own: AssetView | None, assets: Sequence[AssetView], world: World) -> Card:
    also = tuple(
        short(one.asset.name, 40)
        for one in assets
        if one.incident is not None
        and one.incident.id == incident.id
        and one.asset.id != incident.asset
        and one.verdict in (Verdict.DOWN, Verdict.DEGRADED)
    )
    asset = world.config.asset(incident.asset)
    fails = incident.severity is Severity.CRITICAL or (own is not None and own.verdict is Verdict.DOWN)
    return Card(
        title=incident.title,
        verdict=Verdict.DOWN if fails else Verdict.DEGRADED,
        since=incident.opened,
        finding=own.finding if own is not None and own.verdict is not Verdict.WORKING else Finding(),
        affects=asset.affects if asset is not None else "",
        remedy=asset.remedy if asset is not None else "",
        people=asset.people if asset is not None else 0,
        asset=incident.asset if asset is not None else "",
        incident=incident,
        also=also,
    )


def _fault_card(view: AssetView, now: datetime) -> Card:
    asset = view.asset
    return Card(
        title=f"{asset.name}: {view.says}" if view.says else asset.name,
        verdict=view.verdict,
        since=view.since or now,
        finding=view.finding,
        affects=asset.affects,
        remedy=asset.remedy,
        people=asset.people,
        asset=asset.id,
        incident=None,
        also=(),
    )
