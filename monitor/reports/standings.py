"""How reliable the assets, the groups and the site were over the time of a memo."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import reduce
from typing import NamedTuple

from alerting.gates import Maintenance, Stretch
from incidents.availability import Availability, Span, alternatives, availability, verdicts, weighted
from incidents.windows import Window, all_hours, joined, open_hours, planned
from language import gettext
from monitor.config.model import Asset, Check
from monitor.reports.facts import Facts
from probes import Status, load


class Standing(NamedTuple):
    """How reliable an asset was, or a group of which one is enough: `assets` holds the ids.

    `open` is about the open hours without planned work, which is what targets are about, `always` about all of the
    time. `people` is how many it serves. `spans` say when it was up, down and unknown.
    """

    name: str
    assets: tuple[str, ...]
    people: int
    spans: tuple[Span, ...]
    open: Availability
    always: Availability


def deciding(asset: Asset) -> tuple[Check, ...]:
    """The checks that decide whether an asset works: those that speak for all others, else those that tell somebody.

    A check of which every rule about its target is only shown, or off, decides nothing; nor does one that tells of what
    people have to do.
    """
    speaking = tuple(check for check in asset.checks if load(check.kind).summary)
    return speaking or tuple(check for check in asset.checks if _tells(check))


def of_assets(facts: Facts) -> tuple[Standing, ...]:
    """Each asset in the order of the file, but for those of which no check decides anything."""
    windows = _Windows(facts)
    checks = [(asset, deciding(asset)) for asset in facts.config.assets]
    return tuple(
        windows.standing((asset,), verdicts({check.id: facts.spans.get(check.id, ()) for check in some}))
        for asset, some in checks
        if some
    )


def of_groups(facts: Facts, assets: Iterable[Standing]) -> tuple[Standing, ...]:
    """Each group of which something needs only one asset, such as two lines to the internet."""
    windows, spans = _Windows(facts), {one.assets[0]: one.spans for one in assets}
    wanted = {frozenset(group) for asset in facts.config.assets for group in asset.depends_on if len(group) > 1}
    members = [tuple(asset for asset in facts.config.assets if asset.id in group) for group in wanted]
    return tuple(
        windows.standing(group, alternatives({asset.id: spans[asset.id] for asset in group}))
        for group in sorted(members, key=_ids)
        if all(asset.id in spans for asset in group)
    )


def of_site(assets: Iterable[Standing]) -> Availability:
    """The site in its open hours: the mean of its assets, each counted as often as it serves people."""
    several = tuple(assets)
    people = sum(max(one.people, 1) for one in several)
    total = weighted((one.open, one.people) for one in several)
    return Availability(*(part / people for part in total)) if people else total


def worst(assets: Iterable[Standing], target: float) -> tuple[Standing, ...]:
    """Those that missed the target in open hours, what cost people most time first."""
    missed = [one for one in assets if one.open.ratio is not None and one.open.ratio < target]
    return tuple(sorted(missed, key=lambda one: one.open.down * max(one.people, 1), reverse=True))


def blackouts(spans: Mapping[str, Iterable[Span]], start: datetime, end: datetime) -> tuple[Stretch, ...]:
    """When nothing at all was measured between two instants: Deskwatch itself was not at work."""
    checks = (joined(Stretch(span.start, span.end) for span in some) for some in spans.values())
    return all_hours(start, end).without(one for check in checks for one in check).stretches


class _Windows:
    """The time that figures are about, for each asset without the work that is planned for it."""

    def __init__(self, facts: Facts) -> None:
        self._works = facts.config.maintenances
        self._between = facts.start, facts.end
        self._always = all_hours(*self._between)
        self._open = open_hours(facts.config.site.hours, *self._between)
        self._known: dict[tuple[str, ...], Window] = {}

    def standing(self, assets: tuple[Asset, ...], spans: tuple[Span, ...]) -> Standing:
        """How reliable something was, of which these are the spans; work that is planned for all assets is cut out."""
        works = [one for one in self._works if all(one.scope.has(each.id, each.section, each.tags) for each in assets)]
        return Standing(
            name=reduce(_either, (asset.name for asset in assets)),
            assets=_ids(assets),
            people=max(asset.people for asset in assets),
            spans=spans,
            open=availability(spans, self._without(works)),
            always=availability(spans, self._always),
        )

    def _without(self, works: list[Maintenance]) -> Window:
        key = tuple(one.id for one in works)
        if key not in self._known:
            self._known[key] = self._open.without(planned(works, *self._between))
        return self._known[key]


def _tells(check: Check) -> bool:
    """Whether somebody is told of what a check finds; that it is blind says nothing of its target."""
    told = any(rule.severity.pages for rule in check.rules if rule.status is not Status.UNKNOWN)
    return told and not load(check.kind).duty


def _either(one: str, other: str) -> str:
    return gettext("{one} or {other}", one=one, other=other)


def _ids(assets: tuple[Asset, ...]) -> tuple[str, ...]:
    return tuple(asset.id for asset in assets)
