"""Draws a dashboard with the results of its queries, to review the layout."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tools.dashboards.canvas import FAINT, INK, PALETTE, Canvas
from tools.dashboards.querying import PanelResult
from tools.dashboards.tables import rows_of
from tools.dashboards.units import COLORS, written

__all__ = ["image"]

_WIDTH, _UNIT, _GAP, _HEAD = 1760, 38, 8, 26
Area = tuple[float, float, float, float]
"""Left, top, width and height of a panel's content."""


def image(title: str, results: Sequence[PanelResult]) -> str:
    """The SVG of a dashboard."""
    rows = max(each.panel.y + each.panel.height for each in results)
    canvas = Canvas(title=title, width=_WIDTH + _GAP, height=rows * _UNIT + 40)
    canvas.text(_GAP + 4, 26, title, size=19)
    column = _WIDTH / 24
    for each in results:
        panel = each.panel
        x, y = panel.x * column + _GAP, panel.y * _UNIT + 40
        width, height = panel.width * column - _GAP, panel.height * _UNIT - _GAP
        if panel.kind == "row":
            canvas.text(x + 4, y + 20, f"⌄ {panel.title}", size=16)
            continue
        canvas.box(x, y, width, height)
        canvas.note(panel.tree["description"])
        inside = (x + 10, y + _HEAD + 4, width - 20, height - _HEAD - 12)
        if any(result.series for result in each.results):
            _DRAWERS[panel.kind](canvas, inside, each)
        else:
            nothing = panel.tree["fieldConfig"]["defaults"].get("noValue", "No data")
            canvas.text(x + width / 2, y + height / 2 + 8, nothing, size=17, fill=FAINT, anchor="middle")
        canvas.text(
            x + 10, y + 19, panel.title, size=14, room=width - 20, fill="#ffffff" if panel.kind == "stat" else INK
        )
    return canvas.done()


def _numbers(canvas: Canvas, area: Area, panel_result: PanelResult) -> None:
    x, y, width, height = area
    options = panel_result.panel.tree["options"]
    shown = [(result.name(one), _last(one)) for result in panel_result.results for one in result.series]
    part = width / len(shown)
    for number, (name, value) in enumerate(shown):
        text, color = _look(panel_result, name).mapped(value)
        text = name if options["textMode"] == "name" else text
        if options["colorMode"] == "background":
            canvas.box(
                x - 10 + number * part, y - _HEAD - 4, part + (20 if part == width else 4), height + 38, fill=color
            )
        left = x + number * part + part / 2
        size = min(40.0, part / (max(len(text), 2) * 0.62))
        canvas.text(left, y + height / 2 + 12, text, size=size, fill="#ffffff", anchor="middle")
        if options["textMode"] == "value_and_name":
            canvas.text(left, y + height - 2, name, size=13, fill="#ffffff", anchor="middle")


def _lines(canvas: Canvas, area: Area, panel_result: PanelResult) -> None:
    x, y, width, height = area
    look, custom = _look(panel_result), panel_result.panel.tree["fieldConfig"]["defaults"]["custom"]
    series = [(result.name(one), one["values"]) for result in panel_result.results for one in result.series]
    stacked = custom.get("stacking", {}).get("mode") == "normal"
    named = [(name, [(at, float(value)) for at, value in found if value != "NaN"]) for name, found in series]
    drawn = _stack(named) if stacked else named
    values = [value for _, line in drawn for _, value in line if value < float("inf")]
    times = [moment for _, line in drawn for moment, _ in line]
    top = max([*values, custom.get("axisSoftMax", 0), *(level for level, _ in look.steps)], default=1) * 1.05 or 1
    first, last, left, plot = min(times), max(times) + 0.001, x + 62, height - 44
    for share in (0, 0.5, 1):
        line = y + plot * (1 - share)
        canvas.line([(left, line), (x + width, line)], stroke="#2c3235", width=1)
        canvas.text(x + 56, line + 4, written(top * share, look.unit), size=11, fill=FAINT, anchor="end")

    def at(moment: float, value: float) -> tuple[float, float]:
        return left + (moment - first) / (last - first) * (x + width - left), y + plot * (1 - min(value, top) / top)

    for level, color in look.steps:
        canvas.line([at(first, level), at(last, level)], stroke=color, dashed=True)
    colors = [_line_color(panel_result, name, number) for number, (name, _) in enumerate(drawn)]
    for (name, points), color in zip(drawn, colors, strict=True):
        canvas.line([at(*point) for point in points], stroke=color, dashed=name.startswith("limit"))
    _legend(canvas, (x, y + plot + 22, width, 22), [name for name, _ in drawn], colors)


def _line_color(panel_result: PanelResult, name: str, number: int) -> str:
    """The color of a series: from the palette, unless an override sets it. The last matching override wins."""
    color = PALETTE[number % len(PALETTE)]
    for override in panel_result.panel.tree["fieldConfig"]["overrides"]:
        if re.search(override["matcher"]["options"].strip("/"), name):
            fixed = [each["value"]["fixedColor"] for each in override["properties"] if each["id"] == "color"]
            color = COLORS[fixed[0]] if fixed else color
    return color


def _legend(canvas: Canvas, area: Area, names: Sequence[str], colors: Sequence[str]) -> None:
    x, y, width, _ = area
    left = x
    for number, (name, color) in enumerate(zip(names, colors, strict=True)):
        need = 30 + len(name) * 6.6
        if left + need > x + width and number:
            if y > area[1]:
                canvas.text(left, y, "…", size=12, fill=FAINT)
                return
            left, y = x, y + 17
        canvas.box(left, y - 6, 14, 4, fill=color)
        canvas.text(left + 19, y, name, size=12, room=x + width - left - 19)
        left += need


def _lanes(canvas: Canvas, area: Area, panel_result: PanelResult) -> None:
    x, y, width, height = area
    look, left = _look(panel_result), x + width * 0.32
    series = [(result.name(one), one["values"]) for result in panel_result.results for one in result.series]
    times = [at for _, points in series for at, _ in points]
    first, last = min(times), max(times)
    step, lane = (x + width - left) / (last - first + 1), min(34.0, height / len(series))
    for number, (name, points) in enumerate(series):
        top = y + number * lane
        canvas.text(left - 8, top + lane / 2 + 4, name, size=12, room=left - x - 8, anchor="end")
        begin = 0
        for end in range(1, len(points) + 1):
            if end == len(points) or points[end][1] != points[begin][1] or points[end][0] - points[end - 1][0] > 1:
                text, color = look.mapped(float(points[begin][1]))
                start, wide = left + (points[begin][0] - first) * step, (end - begin) * step
                canvas.box(start, top + 2, wide, lane - 4, fill=color, opacity=0.75)
                canvas.text(
                    start + wide / 2, top + lane / 2 + 4, text, size=12, fill="#ffffff", room=wide, anchor="middle"
                )
                begin = end


def _bars(canvas: Canvas, area: Area, panel_result: PanelResult) -> None:
    x, y, width, height = area
    look = _look(panel_result)
    shown = [(result.name(one), _last(one)) for result in panel_result.results for one in result.series]
    top, lane, left = max(value for _, value in shown) or 1, min(64.0, height / len(shown)), x + width * 0.4
    for number, (name, value) in enumerate(shown):
        middle = y + number * lane + lane / 2
        canvas.text(left - 8, middle + 4, name, size=13, room=left - x - 8, anchor="end")
        canvas.box(
            left, middle - lane * 0.35, (x + width - left - 60) * value / top, lane * 0.7, fill=look.mapped(value)[1]
        )
        canvas.text(x + width, middle + 6, look.mapped(value)[0], size=16, anchor="end")


def _table(canvas: Canvas, area: Area, panel_result: PanelResult) -> None:
    x, y, width, height = area
    columns, rows = rows_of(panel_result)
    free = [column for column in columns if not column.width]
    rest = max(width - sum(column.width for column in columns), 60 * len(free)) / max(len(free), 1)
    fits = int(height // 26) - 1
    for number, row in enumerate([None, *rows[:fits]]):
        left, line = x, y + number * 26
        for column in columns:
            wide = column.width or rest
            text, color, back = (column.title, COLORS["light-blue"], "none") if row is None else column.cell(row)
            if back != "none":
                canvas.box(left, line + 1, wide - 4, 24, fill=back)
            ink = COLORS["blue"] if row is not None and column.linked else color or INK
            canvas.text(left + 4, line + 17, text, size=13, fill=ink, room=wide - 8)
            left += wide
    if len(rows) > fits:
        canvas.text(x + width, y + height + 4, f"{len(rows) - fits} more rows", size=11, fill=FAINT, anchor="end")


class _Look:
    """The unit, thresholds and value mappings of a panel."""

    def __init__(self, defaults: Mapping[str, Any]) -> None:
        self.unit = defaults.get("unit", "")
        self._decimals = defaults.get("decimals")
        every = defaults["thresholds"]["steps"]
        self._base = every[0]["color"]
        self.steps = [(step["value"], COLORS[step["color"]]) for step in every[1:]]
        self._words = {key: one for each in defaults.get("mappings", ()) for key, one in each["options"].items()}

    def mapped(self, value: float) -> tuple[str, str]:
        if word := self._words.get(f"{value:g}"):
            return word["text"], COLORS[word["color"]]
        reached = [color for level, color in self.steps if value >= level]
        text = written(value, self.unit) if self._decimals is None else f"{value:.{self._decimals}f}"
        return text, reached[-1] if reached else COLORS[self._base]


def _look(panel_result: PanelResult, name: str = "") -> _Look:
    """The look of the panel, or of the series `name`, which may have overrides."""
    config = panel_result.panel.tree["fieldConfig"]
    special = {
        each["id"]: each["value"]
        for override in config["overrides"]
        if override["matcher"] == {"id": "byName", "options": name}
        for each in override["properties"]
    }
    return _Look(config["defaults"] | special)


def _last(series: Mapping[str, Any]) -> float:
    return float(series["value"][1])


def _stack(series: Sequence[tuple[str, list[tuple[float, float]]]]) -> list[tuple[str, list[tuple[float, float]]]]:
    below: dict[float, float] = {}
    drawn = []
    for name, points in series:
        for at, value in points:
            below[at] = below.get(at, 0.0) + value
        drawn.append((name, [(at, below[at]) for at, _ in points]))
    return drawn


_DRAWERS: Mapping[str, Callable[[Canvas, Area, PanelResult], None]] = {
    "stat": _numbers,
    "timeseries": _lines,
    "state-timeline": _lanes,
    "bargauge": _bars,
    "table": _table,
}
