"""Applies the transformations of a table like Grafana: merges the results, and orders and renames the columns."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tools.dashboards.querying import PanelResult
from tools.dashboards.units import COLORS, written

__all__ = ["Column", "rows_of"]

Row = dict[str, str | float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Column:
    """A visible column; `name` is its field before it is renamed to `title`."""

    name: str
    title: str
    settings: Mapping[str, Any]

    @property
    def width(self) -> float:
        """The width in pixels; 0 if the column uses the remaining width."""
        return float(self.settings.get("custom.width", 0))

    @property
    def linked(self) -> bool:
        """Whether its cells are links."""
        return "links" in self.settings

    def cell(self, row: Row) -> tuple[str, str, str]:
        """The text of a cell, its colour or "", and its background or "none"."""
        value = row.get(self.name, "")
        for mapping in self.settings.get("mappings", ()):
            if found := mapping["options"].get(value if isinstance(value, str) else f"{value:g}"):
                return found.get("text", str(value)), COLORS[found["color"]], "none"
        if isinstance(value, str):
            return value, "", "none"
        steps = self.settings.get("thresholds", {}).get("steps", ())
        reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
        return written(value, self.settings.get("unit", "")), "", COLORS[reached[-1]] if reached else "none"


def rows_of(panel_result: PanelResult) -> tuple[list[Column], list[Row]]:
    """The columns of a table that are not empty, and all its rows, sorted."""
    tree = panel_result.panel.tree
    organize = next(each["options"] for each in tree["transformations"] if each["id"] == "organize")
    rows = _merge(panel_result)
    titles, order = organize["renameByName"], organize["indexByName"]
    known = {name for row in rows for name in row}
    names = sorted(known - organize["excludeByName"].keys(), key=lambda name: (order.get(name, len(order)), name))
    settings = {
        each["matcher"]["options"]: {one["id"]: one["value"] for one in each["properties"]}
        for each in tree["fieldConfig"]["overrides"]
    }
    columns = [
        Column(name=name, title=titles.get(name, name), settings=settings.get(titles.get(name, name), {}))
        for name in names
    ]
    (by,) = tree["options"]["sortBy"]
    field = next(name for name, title in titles.items() if title == by["displayName"])
    rows.sort(key=lambda row: (field in row, row.get(field, 0)), reverse=by["desc"])
    return columns, rows


def _merge(panel_result: PanelResult) -> list[Row]:
    merged: dict[tuple[tuple[str, str], ...], Row] = {}
    for result in panel_result.results:
        name = "Value" if len(panel_result.results) == 1 else f"Value #{result.target.ref}"
        for series in result.series:
            labels = series["metric"]
            row = merged.setdefault(tuple(sorted(labels.items())), dict(labels))
            row[name] = float(series["value"][1])
    return list(merged.values())
