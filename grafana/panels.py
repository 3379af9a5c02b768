"""What dashboards are made of: panels that take unit, colours and explanation from the families that they ask for."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, Self, TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import (
    AxisPlacement,
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLink,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Panel,
    Threshold,
    ThresholdsConfig,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana import families
from grafana.families import Limit
from grafana.promql import Asked, ask, every, legend
from monitor.metrics_reference import Family

SOURCE = DataSourceRef("prometheus", "${datasource}")
TO_ASSET = "${deskwatch_url:raw}/assets/"
HEIGHT = 8
"""Of a panel, in rows of the grid; its width is of 24."""
GOOD, BAD, NEITHER, NOTHING = "green", "red", "blue", "text"

NONE_IS_GOOD = (Limit(None, GOOD), Limit(1, BAD))
"""Colours of counts of what is wrong."""

Word = tuple[str, str]
"""What a value is called, and its colour."""

STATUS: Mapping[int, Word] = {0: ("up", GOOD), 1: ("unknown", "purple"), 2: ("down", BAD)}
"""What `status_of` gives."""


class _Panel(Protocol):
    """What the builders of all sorts of panels have."""

    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def datasource(self, datasource: DataSourceRef) -> Self: ...
    def with_target(self, target: Builder[Dataquery]) -> Self: ...
    def unit(self, unit: str) -> Self: ...
    def span(self, w: int) -> Self: ...
    def height(self, h: int) -> Self: ...
    def no_value(self, no_value: str) -> Self: ...
    def thresholds(self, thresholds: Builder[ThresholdsConfig]) -> Self: ...
    def data_links(self, links: list[Builder[DashboardLink]]) -> Self: ...


P = TypeVar("P", bound=_Panel)


def lines(
    title: str, *asked: Asked, width: int = 12, unit: str = "", note: str = "", part: str = "", stacked: bool = False
) -> Panel:
    """Values over time. Limits of the built-in rules are dashed lines; `part` is the one that the limits are of."""
    limits = families.limits(asked[0].families[0], part)
    panel = _limited(_dressed(timeseries.Panel(), title, asked, unit, note).span(width).height(HEIGHT), limits)
    panel.legend(_legend()).tooltip(_tooltip()).fill_opacity(30 if stacked else 5).show_points(VisibilityMode.NEVER)
    panel.color_scheme(build.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME)).axis_soft_min(0)
    if stacked:
        panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if limits:
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    return panel.build()


def columns(title: str, *asked: Asked, width: int = 12, unit: str = "", note: str = "") -> Panel:
    """How much there was in each stretch of time, as stacked bars."""
    panel = _dressed(timeseries.Panel(), title, asked, unit, note).span(width).height(HEIGHT)
    panel.draw_style(GraphDrawStyle.BARS).fill_opacity(80).line_width(0).legend(_legend()).tooltip(_tooltip())
    panel.color_scheme(build.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    return panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A")).build()


def figures(
    title: str,
    *asked: Asked,
    width: int = 4,
    height: int = 4,
    unit: str = "",
    note: str = "",
    limits: Sequence[Limit] = (),
    words: Mapping[int, Word] | None = None,
) -> Panel:
    """The newest value of each series in large type."""
    limits = limits or families.limits(asked[0].families[0])
    panel = _limited(_dressed(stat.Panel(), title, asked, unit, note, newest=True), limits).span(width).height(height)
    panel.graph_mode(BigValueGraphMode.NONE).text_mode(
        BigValueTextMode.VALUE_AND_NAME if any(one.legend for one in asked) else BigValueTextMode.VALUE
    )
    panel.color_mode(BigValueColorMode.VALUE).reduce_options(_newest()).mappings(_mappings(words or {}))
    return panel.color_scheme(_by_limits(limits)).build()


def bars(
    title: str,
    *asked: Asked,
    width: int = 8,
    unit: str = "",
    note: str = "",
    limits: Sequence[Limit] = (),
    most: float | None = None,
) -> Panel:
    """The newest value of each series as a bar, up to `most`."""
    limits = limits or families.limits(asked[0].families[0])
    panel = (
        _limited(_dressed(bargauge.Panel(), title, asked, unit, note, newest=True), limits).span(width).height(HEIGHT)
    )
    panel.orientation(VizOrientation.HORIZONTAL).display_mode(BarGaugeDisplayMode.BASIC).min(0)
    panel.reduce_options(_newest()).color_scheme(_by_limits(limits))
    return (panel if most is None else panel.max(most)).build()


def states(
    title: str,
    *asked: Asked,
    width: int = 12,
    height: int = HEIGHT,
    words: Mapping[int, Word] | None = None,
    note: str = "",
) -> Panel:
    """What held when, a row for each series."""
    panel = _dressed(statetimeline.Panel(), title, asked, "none", note).span(width).height(height)
    panel.mappings(_mappings(words or state_words(asked[0].families[0]))).merge_values(True).row_height(0.85)
    panel.show_value(VisibilityMode.NEVER).fill_opacity(75).line_width(0).legend(_legend(calcs=False))
    return panel.color_scheme(build.FieldColor().mode(FieldColorModeId.THRESHOLDS)).build()


def heat(title: str, asked: Asked, width: int = 12, note: str = "") -> Panel:
    """How values are spread, over time; `asked` gives the buckets of a histogram."""
    panel = heatmap.Panel().title(title).datasource(SOURCE).description(_description((asked,), note)).span(width)
    panel.height(HEIGHT).no_value("not measured").scale_distribution(common.ScaleDistributionConfig())
    panel.with_target(_query(asked, "A", "").range().format(PromQueryFormat.HEATMAP).exemplar(True))
    panel.y_axis(heatmap.YAxisConfig().axis_placement(AxisPlacement.LEFT).unit(families.unit(asked.families[0])))
    panel.color(
        heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(64).exponent(0.5).fill("")
    )
    return panel.show_legend().build()


def sheet(
    title: str,
    columns: Mapping[str, Asked],
    width: int = 24,
    height: int = HEIGHT,
    links: Mapping[str, DashboardLink] | None = None,
    note: str = "",
) -> Panel:
    """A table of newest values: a row for each set of labels, a column for each query, but for one without a heading.

    `links` are of columns of labels.
    """
    panel = table.Panel().title(title).datasource(SOURCE).span(width).height(height)
    panel.description(_description(columns.values(), note)).filterable(True)
    refs = {chr(ord("A") + number): heading for number, heading in enumerate(columns)}
    for ref, asked in zip(refs, columns.values(), strict=True):
        panel.with_target(_query(asked, ref, "").instant().format(PromQueryFormat.TABLE))
    for transformation in _joined({f"Value #{ref}" if len(refs) > 1 else "Value": head for ref, head in refs.items()}):
        panel.with_transformation(transformation)
    for heading, asked in columns.items():
        panel.override_by_name(heading, [DynamicConfigValue("unit", families.unit(asked.families[0]))])
    own = {"asset": link("${__value.text} in Deskwatch", TO_ASSET + "${__data.fields.asset}")}
    for label, to in {**own, **(links or {})}.items():
        panel.override_by_name(label, [DynamicConfigValue("links", [to])])
    return panel.build()


def default(family: Family) -> Panel:
    """How a family is shown where nobody has thought of something better."""
    title = families.title(family)
    if family.type == "histogram":
        return heat(title, spread(family.name), width=8)
    asked = ask(every(family), legend(family))
    if family.name.endswith("_info"):
        by = ", ".join(("site", "asset", *family.labels))
        return sheet(title, {"": ask(f"count by ({by}) ({family.name})")}, width=8)
    if families.is_state(family):
        return states(title, asked, width=8)
    if families.is_time(family):
        return figures(title, asked, width=8, height=HEIGHT)
    return columns(title, asked, width=8) if family.type == "counter" else lines(title, asked, width=8)


def spread(histogram: str) -> Asked:
    """The buckets of a histogram, for `heat`."""
    return ask(f"sum by (le) (increase({histogram}_bucket[$__rate_interval]))", "{{le}}")


def status_of(*by: str) -> Asked:
    """The worst status of the checks of each at its site: 0 up, 1 unknown, 2 down."""
    down, unknown = (f'deskwatch_check_status{{status="{status}"}}' for status in ("down", "unknown"))
    asked = f"max by ({', '.join(dict.fromkeys(('site', *by)))}) (2 * {down} + ignoring (status) {unknown})"
    return ask(asked, " ".join(f"{{{{{label}}}}}" for label in by))


def state_words(family: Family) -> Mapping[int, Word]:
    """Yes and no, in the colours that the built-in rules give them; neutral if none judges the family."""
    limits = families.limits(family)
    if not limits:
        return {0: ("no", NOTHING), 1: ("yes", NEITHER)}
    return {0: ("no", limits[0].colour), 1: ("yes", limits[-1].colour)}


def link(title: str, url: str) -> DashboardLink:
    """A link from what a panel shows."""
    return build.DashboardLink(title).url(url).build()


def _dressed(panel: P, title: str, asked: Sequence[Asked], unit: str, note: str, newest: bool = False) -> P:
    """The panel with what panels of every sort have: name, queries, unit, explanation, and the way to the asset."""
    panel.title(title).datasource(SOURCE).no_value("not measured").description(_description(asked, note))
    panel.unit(unit or families.unit(asked[0].families[0]))
    for number, one in enumerate(asked):
        query = _query(one, chr(ord("A") + number), unit)
        panel.with_target(query.instant() if newest else query.range())
    if all(_keeps_asset(one) for one in asked):
        to = build.DashboardLink("${__field.labels.asset} in Deskwatch").url(TO_ASSET + "${__field.labels.asset}")
        panel.data_links([to.target_blank(True)])
    return panel


def _query(asked: Asked, ref: str, unit: str) -> prometheus.Dataquery:
    """A query for a panel; rates become bits a second, unless the panel has a unit of its own."""
    expr = f"8 * ({asked.expr})" if families.is_rate(asked.families[0]) and not unit else asked.expr
    return prometheus.Dataquery().expr(expr).legend_format(asked.legend).ref_id(ref).datasource(SOURCE)


def _keeps_asset(asked: Asked) -> bool:
    """Whether the series of the answer have the label `asset`."""
    if re.search(r"\b(sum|min|max|avg|count) *\(", asked.expr):
        return False
    groups = re.findall(r"\b(?:by|on) *\(([^)]*)\)", asked.expr)
    return all("asset" in families.labels(one) for one in asked.families) and all("asset" in one for one in groups)


def _description(asked: Iterable[Asked], note: str) -> str:
    """What the families of the queries say, and why there may be nothing to see."""
    named = [family for one in asked for family in one.families]
    says = [f"{family.help.rstrip('.')}." for family in named]
    words = "\n".join(f"- {one}" for one in dict.fromkeys(says)) if len(set(says)) > 1 else says[0]
    return "\n\n".join(one for one in (note, words, _origin(named)) if one)


def _origin(named: Sequence[Family]) -> str:
    kinds = sorted({kind for family in named for kind in family.kinds})
    if not kinds:
        return "There is no data while Prometheus does not reach Deskwatch."
    of = ", ".join(f"`{kind}`" for kind in kinds[:6]) + (f" and {len(kinds) - 6} more kinds" if kinds[6:] else "")
    return f"Measured by checks of {of}: where there is none, or it cannot tell, there is no data."


def _limited(panel: P, limits: Sequence[Limit]) -> P:
    """The panel with thresholds; without limits everything is as good."""
    steps = [Threshold(limit.value, limit.colour) for limit in limits] or [Threshold(None, GOOD)]
    return panel.thresholds(build.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))


def _by_limits(limits: Sequence[Limit]) -> build.FieldColor:
    if limits:
        return build.FieldColor().mode(FieldColorModeId.THRESHOLDS)
    return build.FieldColor().mode(FieldColorModeId.FIXED).fixed_color(NEITHER)


def _mappings(words: Mapping[int, Word]) -> list[ValueMapping]:
    if not words:
        return []
    return [ValueMap({str(value): ValueMappingResult(text, colour) for value, (text, colour) in words.items()})]


def _newest() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def _legend(calcs: bool = True) -> common.VizLegendOptions:
    shown = common.VizLegendOptions().placement(LegendPlacement.BOTTOM).show_legend(True)
    if calcs:
        return shown.display_mode(LegendDisplayMode.TABLE).calcs(["lastNotNull", "max"])
    return shown.display_mode(LegendDisplayMode.LIST)


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)


def _joined(values: Mapping[str, str]) -> list[DataTransformerConfig]:
    """Answers side by side, by their labels; values under headings, without the time and what has no heading."""
    left_out = ["Time", *(name for name, heading in values.items() if not heading)]
    organize: dict[str, object] = {
        "excludeByName": dict.fromkeys(left_out, True),
        "renameByName": {name: heading for name, heading in values.items() if heading},
    }
    return [DataTransformerConfig("merge", options={}), DataTransformerConfig("organize", options=organize)]
