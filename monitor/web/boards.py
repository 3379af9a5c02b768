"""The first page, worked out from how the assets are: what needs somebody, then everything that is watched."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

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
        return _working(self.assets) or gettext("all working")


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


@dataclass(frozen=True, slots=True)
class Board:
    """The first page. `tone` is the verdict that colours the headline; there are `more` cards than it shows."""

    headline: str
    tone: Verdict
    working: str
    opening: str
    cards: tuple[Card, ...]
    more: int
    sections: tuple[SectionView, ...]
    world: World


def board(world: World) -> Board:
    """The first page."""
    assets = tuple(asset_view(asset, world) for asset in world.config.assets)
    made = cards(assets, world)
    headline, tone = _headline(assets, made)
    return Board(
        headline=headline,
        tone=tone,
        working=_working(assets),
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


def _working(assets: Sequence[AssetView]) -> str:
    """How many of them work, "" if all do."""
    working = sum(asset.verdict is Verdict.WORKING for asset in assets)
    if working == len(assets):
        return ""
    return gettext("{working} of {all} working", working=working, all=len(assets))


def _headline(assets: Sequence[AssetView], made: Sequence[Card]) -> tuple[str, Verdict]:
    waiting = [card for card in made if not card.in_hand]
    checking = sum(asset.verdict is Verdict.CHECKING for asset in assets)
    unknown = sum(asset.verdict is Verdict.UNKNOWN for asset in assets)
    if waiting:
        return ngettext("{number} thing needs you", "{number} things need you", len(waiting)), waiting[0].verdict
    if made:
        return ngettext("{number} thing in hand", "{number} things in hand", len(made)), Verdict.DEGRADED
    if not assets:
        return gettext("Nothing is watched yet"), Verdict.UNKNOWN
    if unknown == len(assets):
        begun = any(check.reading is not None for asset in assets for check in asset.checks)
        return gettext("Nothing is known") if begun else gettext("Taking a first look"), Verdict.UNKNOWN
    if checking:
        return ngettext("Checking {number} thing again", "Checking {number} things again", checking), Verdict.CHECKING
    if unknown:
        return ngettext("{number} thing not known", "{number} things not known", unknown), Verdict.UNKNOWN
    return gettext("All working"), Verdict.WORKING


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
