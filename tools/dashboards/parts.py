"""Creates the panels of the dashboards with Grafana's SDK: one function for each kind of panel."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common as shared,
    dashboard as build,
    prometheus,
    stat as stats,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

__all__ = [
    "BAD",
    "COUNT",
    "DURATION",
    "GONE",
    "GOOD",
    "NEUTRAL",
    "SOURCE",
    "WARN",
    "Levels",
    "Query",
    "Words",
    "bars",
    "base",
    "lanes",
    "lines",
    "names",
    "number",
    "with_queries",
]

P = TypeVar("P", stats.Panel, timeseries.Panel, statetimeline.Panel, bargauge.Panel, table.Panel)
SOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")
GOOD, WARN, BAD, NEUTRAL, GONE = "green", "orange", "red", "blue", "#6e7687"
COUNT = "short"
DURATION = "dtdhms"
"""A unit of Grafana: seconds as days, hours, minutes and seconds, such as 1 d 02:04:48."""

Levels = Sequence[tuple[float, str]]
"""Thresholds: the smallest value of each colour."""
Words = Mapping[int, tuple[str, str]]
"""Value mappings: text and colour of each number."""


@dataclasses.dataclass(frozen=True)
class Query:
    """A query of a panel. `legend` is the format of the names of its series; that of a limit begins with `limit`."""

    expr: str
    legend: str = ""


def number(
    title: str,
    text: str,
    *queries: Query,
    unit: str = COUNT,
    levels: Levels = (),
    words: Words | None = None,
    nothing: str = "",
) -> stats.Panel:
    """The newest value of each query in large type. With levels or words, the background has their colour.

    A query with the legend `warning` is orange at the thresholds at which the others are red.
    """
    panel = base(stats.Panel(), title, text, unit=unit, levels=levels, words=words, nothing=nothing)
    panel.color_mode(common.BigValueColorMode.BACKGROUND if levels or words else common.BigValueColorMode.NONE)
    panel.graph_mode(common.BigValueGraphMode.NONE).reduce_options(shared.ReduceDataOptions().calcs(["lastNotNull"]))
    if any(query.legend == "warning" for query in queries):
        panel.override_by_name("warning", _warning_style(levels))
    named = len(queries) > 1
    panel.text_mode(common.BigValueTextMode.VALUE_AND_NAME if named else common.BigValueTextMode.VALUE)
    return with_queries(panel, queries, instant=True)


def lines(
    title: str,
    text: str,
    *queries: Query,
    unit: str = COUNT,
    levels: Levels = (),
    stacked: bool = False,
    top: float | None = None,
) -> timeseries.Panel:
    """Values over time. `levels` are drawn as lines; `top` is the minimum upper end of the axis.

    A series whose name begins with `limit` is dashed and red. If each series has its own limit (`limit of`), each
    limit has its own colour. The limits of activeDeadlineSeconds are dotted and purple.
    """
    panel = base(timeseries.Panel(), title, text, unit=unit, levels=levels)
    panel.min(0).line_width(2).fill_opacity(30 if stacked else 8).show_points(common.VisibilityMode.NEVER)
    panel.span_nulls(False)
    panel.tooltip(shared.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
    panel.legend(
        shared.VizLegendOptions()
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
        .show_legend(True)
    )
    if stacked:
        panel.stacking(shared.StackingConfig().mode(common.StackingMode.NORMAL))
    if levels:
        style = shared.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        panel.thresholds_style(style).color_scheme(
            build.FieldColor().mode(dashboard.FieldColorModeId.PALETTE_CLASSIC)
        )
    if top is not None:
        panel.axis_soft_max(top)
    for pattern, dash, color in _LIMITS:
        if any(re.search(pattern, query.legend) for query in queries):
            panel.override_by_regexp(f"/{pattern}/", _limit_style(dash, color))
    return with_queries(panel, queries)


def lanes(title: str, text: str, *queries: Query, words: Words) -> statetimeline.Panel:
    """A state timeline with a lane for each series, in words and colours."""
    panel = base(statetimeline.Panel(), title, text, words=words)
    panel.show_value(common.VisibilityMode.AUTO).merge_values(True).row_height(0.85).fill_opacity(75).line_width(0)
    panel.legend(
        shared.VizLegendOptions()
        .show_legend(False)
        .display_mode(common.LegendDisplayMode.HIDDEN)
        .placement(common.LegendPlacement.BOTTOM)
    )
    return with_queries(panel, queries)


def names(
    title: str, text: str, *queries: Query, levels: Levels = (), words: Words | None = None, nothing: str
) -> stats.Panel:
    """The legend of each series in large type, without its value."""
    panel = number(title, text, *queries, levels=levels, words=words, nothing=nothing)
    return panel.text_mode(common.BigValueTextMode.NAME)


def bars(
    title: str, text: str, *queries: Query, unit: str = COUNT, decimals: int | None = None, nothing: str = ""
) -> bargauge.Panel:
    """A horizontal bar for the current value of each series."""
    panel = base(bargauge.Panel(), title, text, unit=unit, nothing=nothing).min(0)
    if decimals is not None:
        panel.decimals(decimals)
    panel.orientation(common.VizOrientation.HORIZONTAL).display_mode(common.BarGaugeDisplayMode.BASIC)
    panel.reduce_options(shared.ReduceDataOptions().calcs(["lastNotNull"]))
    return with_queries(panel, queries, instant=True)


def base(
    panel: P,
    title: str,
    text: str,
    *,
    unit: str = "",
    levels: Levels = (),
    words: Words | None = None,
    nothing: str = "",
) -> P:
    """The panel with the properties that all panels have."""
    panel.title(title).description(text).datasource(SOURCE).thresholds(_thresholds(levels))
    # A panel links to the runbook of each alert in its description.
    panel.links([_runbook(name) for name in re.findall(r"`([A-Z]\w+)`", text)])
    if unit:
        panel.unit(unit)
    if nothing:
        panel.no_value(nothing)
    if levels or words:
        panel.color_scheme(build.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
    if words:
        options = {
            str(code): dashboard.ValueMappingResult(text=said, color=color, index=index)
            for index, (code, (said, color)) in enumerate(words.items())
        }
        panel.mappings([dashboard.ValueMap(options=options)])
    return panel


def with_queries(
    panel: P,
    queries: Sequence[Query],
    *,
    instant: bool = False,
    form: PromQueryFormat = PromQueryFormat.TIME_SERIES,
) -> P:
    """The panel with its queries, which get the reference ids A, B and so on."""
    for index, query in enumerate(queries):
        target = prometheus.Dataquery().expr(query.expr).ref_id(chr(ord("A") + index)).format(form).datasource(SOURCE)
        target = target.instant() if instant else target.range()
        panel.with_target(target.legend_format(query.legend) if query.legend else target)
    return panel


def _thresholds(levels: Levels) -> build.ThresholdsConfig:
    """The thresholds. Values below the first level are good; without levels, all values are neutral."""
    steps = [(None, GOOD if levels else NEUTRAL), *levels]
    return (
        build.ThresholdsConfig()
        .mode(dashboard.ThresholdsMode.ABSOLUTE)
        .steps([dashboard.Threshold(value=value, color=color) for value, color in steps])
    )


def _runbook(alert: str) -> build.DashboardLink:
    link = build.DashboardLink(f"Runbook of {alert}").type(dashboard.DashboardLinkType.LINK)
    return link.url(f"${{runbooks}}/{alert}").target_blank(True)


def _warning_style(levels: Levels) -> list[dashboard.DynamicConfigValue]:
    steps = [{"value": None, "color": GOOD}, *({"value": at, "color": WARN} for at, _ in levels)]
    return [dashboard.DynamicConfigValue(id_val="thresholds", value={"mode": "absolute", "steps": steps})]


_LIMITS = (
    ("^limit of ", (10, 10), ""),
    ("^limit(?! of )", (10, 10), BAD),
    ("^limit: activeDeadlineSeconds", (2, 8), "purple"),
)
"""Patterns of names, with dashes and colour. Grafana applies the last one that matches."""


def _limit_style(dash: tuple[int, int], color: str) -> list[dashboard.DynamicConfigValue]:
    value = dashboard.DynamicConfigValue
    fixed = [value(id_val="color", value={"mode": "fixed", "fixedColor": color})] if color else []
    return [
        *fixed,
        value(id_val="custom.lineStyle", value={"fill": "dash", "dash": list(dash)}),
        value(id_val="custom.fillOpacity", value=0),
        value(id_val="custom.stacking", value={"mode": "none", "group": "limit"}),
    ]
