"""Panels: thin helpers over the SDK, so that none forgets its description, its unit or what it says of no data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as models, dashboard as dashboard_models
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from autogen_vitals.semconv import Metric
from boards.queries import label, quantile

Panel = Builder[dashboard_models.Panel]

PROMETHEUS = models.DataSourceRef("prometheus", "${datasource}")

Thresholds = Sequence[tuple[float | None, str]]
GOOD: Thresholds = ((None, "green"),)
NEUTRAL: Thresholds = ((None, "blue"),)
NONE_IS_GOOD: Thresholds = ((None, "green"), (1, "red"))

_LEGEND_TITLES = {"sum": "Total", "mean": "Mean", "max": "Max"}
"""What Grafana calls what it has calculated."""

REF_IDS = "ABCDEFGHIJKLM"


@dataclass(frozen=True)
class Query:
    """A query, and what its series are called in a legend."""

    expr: str
    legend: str
    exemplars: bool = False


@dataclass(frozen=True)
class Text:
    """What is beside every panel's picture.

    Attributes:
        title: what it shows.
        means: how to read it,
        todo: and what to do about it.
        no_value: what stands there when there is no data, and what that says.
    """

    title: str
    means: str
    todo: str
    no_value: str

    @property
    def description(self) -> str:
        return f"{self.means}\n\n**What to do:** {self.todo}"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        field: a label; the number of a query is ``value("A")``, of the only query ``value()``.
        title: what is above it.
        unit: of a number. Only here: a unit of the whole table would make hours of a pid.
        decimals: of a number.
        words: what is shown instead of a value,
        empty: and what where there is none.
        link: where a click leads.
        width: in pixels, unless the table decides.
        color: by these thresholds.
    """

    field: str
    title: str
    unit: str | None = None
    decimals: int | None = None
    words: dict[str, str] = field(default_factory=dict)
    empty: str = "-"
    link: tuple[str, str] | None = None
    width: int | None = None
    thresholds: Thresholds = ()


def legend(*attributes: str) -> str:
    """A legend made of attributes."""
    return " · ".join(f"{{{{{label(attribute)}}}}}" for attribute in attributes)


def median_and_p95(metric: Metric, *attributes: str, **matchers: str) -> list[Query]:
    """Two lines for each of what the attributes tell apart; the upper one has exemplars."""
    by, name = [label(attribute) for attribute in attributes], legend(*attributes)
    return [
        Query(quantile(q, metric, *by, **matchers), f"{name} {word}".strip(), exemplars=q > 0.5)
        for q, word in ((0.5, "p50"), (0.95, "p95"))
    ]


def value(ref_id: str = "") -> str:
    """The column that holds the numbers of a query: of the only one, unless a letter says which."""
    return f"Value #{ref_id}" if ref_id else "Value"


def show_stat(
    text: Text, *queries: Query, unit: str, thresholds: Thresholds = GOOD, decimals: int | None = None
) -> Panel:
    """A number, or a few, for the whole range."""
    panel = stat.Panel().color_mode(models.BigValueColorMode.VALUE).graph_mode(models.BigValueGraphMode.NONE)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    panel = panel.text_mode(
        models.BigValueTextMode.VALUE_AND_NAME if len(queries) > 1 else models.BigValueTextMode.VALUE
    )
    return _with_unit(_instant(panel, text, queries), unit, decimals).thresholds(_thresholds(thresholds))


def show_bars(
    text: Text, *queries: Query, unit: str, thresholds: Thresholds = NEUTRAL, decimals: int | None = None
) -> Panel:
    """A bar for each series, for the whole range."""
    panel = bargauge.Panel().orientation(models.VizOrientation.HORIZONTAL)
    panel = panel.display_mode(models.BarGaugeDisplayMode.GRADIENT).min(0)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    # Else two bars have letters as high as themselves.
    panel = panel.text(common.VizTextDisplayOptions().title_size(12).value_size(16))
    return _with_unit(_instant(panel, text, queries), unit, decimals).thresholds(_thresholds(thresholds))


def show_lines(
    text: Text, *queries: Query, unit: str, calcs: Sequence[str] = ("max", "lastNotNull"), many: bool = False
) -> Panel:
    """Lines over time. A series may have few points, hence each is drawn. ``many`` need room for their names."""
    panel = _over_time(text, queries, calcs, many=many).unit(unit).min(0)
    return panel.draw_style(models.GraphDrawStyle.LINE).line_width(1).fill_opacity(5).span_nulls(True)


def show_points(text: Text, *queries: Query, unit: str, calcs: Sequence[str] = ("max", "lastNotNull")) -> Panel:
    """Points over time, of what happens now and then and is nothing in between."""
    return _over_time(text, queries, calcs).unit(unit).min(0).draw_style(models.GraphDrawStyle.POINTS).point_size(9)


def show_stack(
    text: Text,
    *queries: Query,
    unit: str,
    calcs: Sequence[str] = ("sum",),
    in_percent: bool = False,
    many: bool = False,
) -> Panel:
    """Bars over time, one on top of the other. ``many`` need room for their names."""
    mode = models.StackingMode.PERCENT if in_percent else models.StackingMode.NORMAL
    panel = _over_time(text, queries, calcs, many=many).unit(unit).min(0)
    panel = panel.draw_style(models.GraphDrawStyle.BARS).fill_opacity(80).line_width(0)
    return panel.show_points(models.VisibilityMode.NEVER).stacking(common.StackingConfig().mode(mode).group("A"))


def show_timeline(text: Text, query: Query, *, words: dict[str, str]) -> Panel:
    """A row for each series, coloured while it is there."""
    panel = statetimeline.Panel().legend(_no_legend()).tooltip(_tooltip()).per_page(20).row_height(0.8)
    panel = panel.show_value(models.VisibilityMode.NEVER).merge_values(True).fill_opacity(70).line_width(0)
    panel = panel.mappings([_mapping(words)]).unit("none").thresholds(_thresholds(GOOD))
    return _described(panel, text).with_target(_target(query, "A").range())


def show_table(
    text: Text,
    queries: Sequence[str],
    columns: Sequence[Column],
    *,
    transformations: Sequence[DataTransformerConfig] = (),
    sort: str | None = None,
    rising: bool = False,
) -> Panel:
    """A table of instant queries; of several, rows that agree in their labels are one row. Sorted by a column, the most
    first unless ``rising``; rows that are alike in it stay in the order of the answer."""
    panel = table.Panel().show_header(True).filterable(True)
    for ref_id, expr in zip(REF_IDS, queries, strict=False):
        panel = panel.with_target(_target(Query(expr, ""), ref_id).instant().format(PromQueryFormat.TABLE))
    merge = [DataTransformerConfig("merge", options={})] if len(queries) > 1 and not transformations else []
    for transformation in (*merge, *transformations, *arranged(columns)):
        panel = panel.with_transformation(transformation)
    panel = with_columns(panel, columns)
    if sort:
        panel = panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(not rising)])
    return _described(panel, text)


def with_columns(panel: Any, columns: Sequence[Column]) -> Any:
    """What columns have that is their own: units, words, links, widths, colours."""
    for column in columns:
        panel = panel.override_by_name(column.title, _properties(column))
    return panel


def arranged(columns: Sequence[Column]) -> list[DataTransformerConfig]:
    """The columns of a table, by these names, in this order, and no others."""
    fields = [column.field for column in columns]
    return [
        DataTransformerConfig("filterFieldsByName", options={"include": {"names": fields}}),
        DataTransformerConfig(
            "organize",
            options={
                "excludeByName": {},
                "indexByName": {name: index for index, name in enumerate(fields)},
                "renameByName": {column.field: column.title for column in columns},
            },
        ),
    ]


def with_override(panel: Any, series: str, **properties: object) -> Panel:
    """Draw one series of several in another way."""
    found = [DynamicConfigValue(name.replace("__", "."), setting) for name, setting in properties.items()]
    return panel.override_by_name(series, found)


def _instant(panel: Any, text: Text, queries: Sequence[Query]) -> Any:
    for ref_id, query in zip(REF_IDS, queries, strict=False):
        panel = panel.with_target(_target(query, ref_id).instant())
    return _described(panel, text)


def _over_time(text: Text, queries: Sequence[Query], calcs: Sequence[str], *, many: bool = False) -> Any:
    panel = timeseries.Panel().tooltip(_tooltip()).show_points(models.VisibilityMode.ALWAYS).point_size(5)
    shown = common.VizLegendOptions().show_legend(True).display_mode(models.LegendDisplayMode.TABLE)
    shown = shown.placement(models.LegendPlacement.RIGHT if many else models.LegendPlacement.BOTTOM)
    # A legend that has no room for all of them begins with those that matter.
    panel = panel.legend(shown.calcs(list(calcs)).sort_by(_LEGEND_TITLES[calcs[0]]).sort_desc(True))
    # Not by name: two names may have the same colour.
    panel = panel.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    for ref_id, query in zip(REF_IDS, queries, strict=False):
        panel = panel.with_target(_target(query, ref_id).range())
    return _described(panel, text)


def _described(panel: Any, text: Text) -> Any:
    return panel.title(text.title).description(text.description).datasource(PROMETHEUS).no_value(text.no_value)


def _target(query: Query, ref_id: str) -> prometheus.Dataquery:
    target = prometheus.Dataquery().ref_id(ref_id).expr(query.expr).datasource(PROMETHEUS).exemplar(query.exemplars)
    return target.legend_format(query.legend) if query.legend else target


def _with_unit(panel: Any, unit: str, decimals: int | None) -> Any:
    panel = panel.unit(unit)
    return panel if decimals is None else panel.decimals(decimals)


def _thresholds(steps: Thresholds) -> dashboard.ThresholdsConfig:
    return (
        dashboard.ThresholdsConfig()
        .mode(dashboard_models.ThresholdsMode.ABSOLUTE)
        .steps([Threshold(start, color) for start, color in steps])
    )


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions().mode(models.TooltipDisplayMode.MULTI).sort(models.SortOrder.DESCENDING)


def _no_legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .show_legend(False)
        .display_mode(models.LegendDisplayMode.LIST)
        .placement(models.LegendPlacement.BOTTOM)
    )


def _mapping(words: dict[str, str]) -> dashboard_models.ValueMap:
    results = enumerate(words.items())
    return dashboard_models.ValueMap(
        {key: dashboard_models.ValueMappingResult(text=text, index=index) for index, (key, text) in results}
    )


def _properties(column: Column) -> list[DynamicConfigValue]:
    # Else a cell without a value says what an empty table says.
    found = [DynamicConfigValue("noValue", column.empty)]
    if column.unit:
        found.append(DynamicConfigValue("unit", column.unit))
    if column.decimals is not None:
        found.append(DynamicConfigValue("decimals", column.decimals))
    if column.words:
        found.append(DynamicConfigValue("mappings", [_mapping(column.words)]))
    if column.link:
        title, url = column.link
        found.append(DynamicConfigValue("links", [{"title": title, "url": url, "targetBlank": True}]))
    if column.width:
        found.append(DynamicConfigValue("custom.width", column.width))
    if column.thresholds:
        found.append(DynamicConfigValue("thresholds", _thresholds(column.thresholds).build()))
        found.append(DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
    return found
