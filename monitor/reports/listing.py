"""Availability of everything over any time: the site, the groups of which one is enough, every asset, every check."""

from collections.abc import Iterator
from typing import NamedTuple

from incidents.availability import Availability, Span, alternatives, availability, verdicts, weighted
from incidents.windows import Window, all_hours, open_hours, planned
from monitor.config.model import Asset
from monitor.reports.facts import Measured
from monitor.reports.standings import deciding


class Row(NamedTuple):
    """How available one thing was; `what` is "site", "group", "asset" or "check"."""

    what: str
    name: str
    found: Availability


class Counted(NamedTuple):
    """Which time counts: around the clock or only open hours, with or without planned work."""

    around_the_clock: bool = False
    planned_work: bool = False


class _Windows:
    """The time that counts, for each asset without the work that is planned for it; made once for all alike."""

    def __init__(self, measured: Measured, counted: Counted) -> None:
        between = measured.start, measured.end
        self._between = between
        self._hours = (
            all_hours(*between) if counted.around_the_clock else open_hours(measured.config.site.hours, *between)
        )
        self._works = () if counted.planned_work else measured.config.maintenances
        self._known: dict[tuple[str, ...], Window] = {}

    def of(self, *assets: Asset) -> Window:
        """The time that counts for assets together: without the work that is planned for all of them."""
        works = [
            one for one in self._works if all(one.scope.has(asset.id, asset.section, asset.tags) for asset in assets)
        ]
        key = tuple(one.id for one in works)
        if key not in self._known:
            self._known[key] = self._hours.without(planned(works, *self._between)) if works else self._hours
        return self._known[key]


def rows(measured: Measured, counted: Counted) -> tuple[Row, ...]:
    """A row for everything that decides whether an asset works, the widest first."""
    windows = _Windows(measured, counted)
    spans = {
        asset.id: verdicts({check.id: measured.spans.get(check.id, ()) for check in checks})
        for asset in measured.config.assets
        if (checks := deciding(asset))
    }
    known = [asset for asset in measured.config.assets if asset.id in spans]
    assets = [Row("asset", asset.id, availability(spans[asset.id], windows.of(asset))) for asset in known]
    site = weighted((row.found, asset.people) for row, asset in zip(assets, known, strict=True))
    return (
        Row("site", measured.config.site.id, site),
        *_groups(measured, windows, spans),
        *assets,
        *_checks(measured, windows),
    )


def _groups(measured: Measured, windows: _Windows, spans: dict[str, tuple[Span, ...]]) -> Iterator[Row]:
    wanted = {tuple(sorted(group)) for asset in measured.config.assets for group in asset.depends_on if len(group) > 1}
    for group in sorted(wanted):
        members = [asset for asset in measured.config.assets if asset.id in group and asset.id in spans]
        if len(members) == len(group):
            found = availability(alternatives({asset.id: spans[asset.id] for asset in members}), windows.of(*members))
            yield Row("group", " or ".join(group), found)


def _checks(measured: Measured, windows: _Windows) -> Iterator[Row]:
    for asset in measured.config.assets:
        window = windows.of(asset)
        for check in asset.checks:
            yield Row("check", check.id, availability(measured.spans.get(check.id, ()), window))
