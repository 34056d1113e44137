"""Table panels: the transformations and overrides that make the results of several queries a readable table."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.builders import common as shared, table as tables
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from tools.dashboards.parts import Levels, Query, Words, base, with_queries

__all__ = ["Column", "table"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Column:
    """A column. `field` is a label, or `A` for the value of the first query. `width` is in pixels; 0 is automatic."""

    field: str
    title: str
    unit: str = ""
    width: int = 0
    link: tuple[str, str] | None = None
    levels: Levels = ()
    words: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """The colours of some texts."""
    codes: Words = dataclasses.field(default_factory=dict)
    """The texts and colours of numbers."""


def table(
    title: str,
    text: str,
    *queries: Query,
    columns: Sequence[Column],
    by: str,
    nothing: str,
    descending: bool = True,
    hidden: Sequence[str] = (),
) -> tables.Panel:
    """A table with a row for each set of labels, and a column for each query and label, sorted by the column `by`.

    Labels that are neither in `columns` nor in `hidden` come last, under their own names. Values without a column are
    hidden.
    """
    panel = base(tables.Panel(), title, text, nothing=nothing).cell_height(common.TableCellHeight.SM)
    panel.with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
    titles = {_name(column, queries): column.title for column in columns}
    # If only one query has a result, Grafana names its field "Value".
    alone = ["Value"] if len(queries) > 1 else []
    left_out = ["Time", *alone, *hidden, *(name for name in _values(queries) if name not in titles)]
    organize = {
        "excludeByName": dict.fromkeys(left_out, True),
        "indexByName": {name: index for index, name in enumerate(titles)},
        "renameByName": titles,
        "includeByName": {},
    }
    panel.with_transformation(dashboard.DataTransformerConfig(id_val="organize", options=organize))
    panel.sort_by([shared.TableSortByFieldState().display_name(by).desc(descending)])
    for column in columns:
        if properties := list(_properties(column)):
            panel.override_by_name(column.title, properties)
    return with_queries(panel, queries, instant=True, form=PromQueryFormat.TABLE)


def _values(queries: Sequence[Query]) -> list[str]:
    """The names that Grafana gives to the values of the queries. With one query, the name has no letter."""
    return ["Value"] if len(queries) == 1 else [f"Value #{chr(ord('A') + index)}" for index in range(len(queries))]


def _name(column: Column, queries: Sequence[Query]) -> str:
    if len(column.field) > 1:
        return column.field
    return _values(queries)[ord(column.field) - ord("A")]


def _properties(column: Column) -> Iterator[dashboard.DynamicConfigValue]:
    value = dashboard.DynamicConfigValue
    if column.unit:
        yield value(id_val="unit", value=column.unit)
    if column.width:
        yield value(id_val="custom.width", value=column.width)
    if column.link:
        title, url = column.link
        yield value(id_val="links", value=[{"title": title, "url": url}])
    if column.levels:
        steps = [
            {"value": None, "color": "transparent"},
            *({"value": at, "color": color} for at, color in column.levels),
        ]
        yield value(id_val="thresholds", value={"mode": "absolute", "steps": steps})
        yield value(id_val="custom.cellOptions", value={"type": "color-background", "mode": "basic"})
    if column.words or column.codes:
        said: dict[str, Any] = {text: {"color": color} for text, color in column.words.items()}
        said |= {str(code): {"text": text, "color": color} for code, (text, color) in column.codes.items()}
        options = {key: result | {"index": index} for index, (key, result) in enumerate(said.items())}
        yield value(id_val="mappings", value=[{"type": "value", "options": options}])
        yield value(id_val="custom.cellOptions", value={"type": "color-text"})
