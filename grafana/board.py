"""A dashboard put together: its variables, links, annotations, and rows of panels laid out on the grid."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardCursorSync,
    DashboardLink,
    DashboardLinkType,
    GridPos,
    Panel,
    RowPanel,
    VariableHide,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.prometheus import Dataquery

from grafana import families
from grafana.panels import SOURCE, default
from grafana.promql import ask, named
from monitor.metrics_reference import Family

COLUMNS = 24
"""How wide the grid is."""
TAG = "deskwatch"
ANY = ".*"
"""A pattern that fits every kind and every asset, also no asset at all."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels below a heading, from left to right; collapsed ones ask for nothing until somebody opens them."""

    title: str
    panels: Sequence[Panel]
    collapsed: bool = False


class Mark(AnnotationQuery):
    """Stretches of time in which a query is above 0, marked in every panel of a dashboard.

    The SDK knows nothing of the words that Grafana's Prometheus source writes beside them.
    """

    def __init__(self, name: str, colour: str, query: str, text: str, tags: str = "") -> None:
        super().__init__(name, SOURCE, icon_color=colour, expr=ask(query).expr)
        self._words = {"titleFormat": name, "textFormat": text, "tagKeys": tags}

    def to_json(self) -> dict[str, object]:
        """What the SDK writes, and the words."""
        return super().to_json() | self._words


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard as it is meant.

    `kinds` is a pattern of the kinds whose assets can be chosen in it, `marked` what its panels show as stretches of
    time beside incidents.
    """

    name: str
    title: str
    description: str
    rows: Sequence[Row]
    kinds: str = ANY
    since: str = "now-24h"
    marked: Sequence[Mark] = ()

    @property
    def uid(self) -> str:
        """What links to it are made of: never changed."""
        return f"{TAG}-{self.name}"


def details(area: str, shown: Sequence[Row]) -> list[Row]:
    """Collapsed rows with every family of the kinds that the pattern fits and no row shows yet, a row for each kind."""
    known, rows = _names(shown), dict[str, list[Family]]()
    for family in families.measured_by(area):
        if family.name not in known:
            kinds = [kind for kind in family.kinds if re.fullmatch(area, kind)]
            rows.setdefault(kinds[0] if len(kinds) == 1 else "several kinds", []).append(family)
    return [rest(f"More of {kind}", left) for kind, left in sorted(rows.items())]


def rest(title: str, left: Iterable[Family], shown: Sequence[Row] = ()) -> Row:
    """A collapsed row with those of the families that no row shows yet."""
    known = _names(shown)
    return Row(title, [default(family) for family in left if family.name not in known], collapsed=True)


def finished(board: Board, boards: Sequence[Board]) -> Dashboard:
    """The dashboard as Grafana reads it, with links to the others."""
    made = build.Dashboard(f"Deskwatch: {board.title}").uid(board.uid).description(board.description).tags([TAG])
    made.time(board.since, "now").refresh("1m").tooltip(DashboardCursorSync.CROSSHAIR)
    for variable in _variables(board):
        made.with_variable(variable)
    dashboard = made.build()
    dashboard.annotations.list_val = [_incidents(), *board.marked]
    dashboard.links = [_to_deskwatch(), *(_to(other) for other in boards if other is not board)]
    dashboard.panels = list(_placed(board.rows))
    return dashboard


def _incidents() -> Mark:
    text, tags = "{{severity}} incident of {{asset}}", "site,asset,severity"
    return Mark("Incidents", "red", "max by (site, asset, severity) (deskwatch_asset_incidents_open) > 0", text, tags)


def _names(rows: Sequence[Row]) -> set[str]:
    """The families that rows show."""
    targets = (target for row in rows for panel in row.panels for target in panel.targets or ())
    asked = [target.expr for target in targets if isinstance(target, Dataquery)]
    return {family.name for expr in asked for family in named(expr)}


def _placed(rows: Sequence[Row]) -> Iterator[Panel | RowPanel]:
    """Rows below one another, numbered as they come. Panels of a collapsed row stand inside it."""
    numbers, y = count(1), 0
    for row in rows:
        heading = RowPanel(row.collapsed, row.title, grid_pos=GridPos(h=1, w=COLUMNS, x=0, y=y), id_val=next(numbers))
        below = _lay(row.panels, y + 1)
        y = y + 1 if row.collapsed else below
        for panel in row.panels:
            panel.id_val = next(numbers)
        heading.panels = list(row.panels) if row.collapsed else []
        yield heading
        yield from () if row.collapsed else row.panels


def _lay(panels: Sequence[Panel], y: int) -> int:
    """Give panels their places from left to right, wrapped where the grid ends; the first free line below them."""
    x, below = 0, y
    for panel in panels:
        place = panel.grid_pos or GridPos()
        if x + place.w > COLUMNS:
            x, y = 0, below
        place.x, place.y = x, y
        x, below = x + place.w, max(below, y + place.h)
    return below


def _variables(board: Board) -> Iterator[Builder[VariableModel]]:
    yield build.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
    yield _choice("site", "Site", "label_values(deskwatch_check_status, site)")
    chosen = '{site=~"$site"}' if board.kinds == ANY else f'{{site=~"$site", kind=~"{board.kinds}"}}'
    asset = _choice("asset", "Asset", f"label_values(deskwatch_check_status{chosen}, asset)")
    yield asset.all_value(ANY) if board.kinds == ANY else asset
    instance = _choice("instance", "Instance", 'label_values(deskwatch_check_status{site=~"$site"}, instance)')
    yield instance.hide(VariableHide.HIDE_VARIABLE)
    yield build.TextBoxVariable("deskwatch_url").label("Deskwatch").default_value("http://127.0.0.1:8470")


def _choice(name: str, label: str, query: str) -> build.QueryVariable:
    """A variable of which any number of the values that Prometheus knows can be chosen, at first all of them."""
    choice = build.QueryVariable(name).label(label).query(query).datasource(SOURCE).multi(True).include_all(True)
    choice.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
    return choice.current(VariableOption(True, ["All"], ["$__all"]))


def _to(board: Board) -> DashboardLink:
    """A link to another dashboard that takes the site along, for its assets are others."""
    kept = "&".join(f"${{{name}:queryparam}}" for name in ("datasource", "site", "deskwatch_url"))
    return _link(board.title, f"/d/{board.uid}?{kept}").keep_time(True).build()


def _to_deskwatch() -> DashboardLink:
    return _link("Open Deskwatch", "${deskwatch_url:raw}/").target_blank(True).build()


def _link(title: str, url: str) -> build.DashboardLink:
    return build.DashboardLink(title).type(DashboardLinkType.LINK).url(url)
