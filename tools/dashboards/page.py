"""Generates docs/dashboards.md from page.md, with the number of series of each query on the demo platform."""

import json
import pathlib
import re
import string
from collections.abc import Mapping, Sequence

import promql_parser

from tools.dashboards.generate import boards
from tools.dashboards.querying import INTERVAL, SPAN, PanelResult
from tools.dashboards.reading import ALL, filled, panels_of
from tools.rule_files import ROOT

__all__ = ["metrics_of", "stale", "write"]

PAGE = "docs/dashboards.md"
_ROW = re.compile(r"^\| (?P<panel>[^|]+) \| (?P<ref>[A-Z]) \| (?P<reads>[^|]+) \| [^|]+ \|$", re.MULTILINE)


def write(measured: Mapping[str, Sequence[Sequence[PanelResult]]]) -> None:
    """Writes the page with these results."""
    tables = {}
    for file, text in boards().items():
        rows = [
            f"| {title} | {ref} | {reads} | {' / '.join(str(_count(each, title, ref)) for each in measured[file])} |"
            for title, ref, reads in _query_rows(text)
        ]
        tables[pathlib.PurePath(file).stem.replace("-", "_")] = "\n".join(rows)
    (ROOT / PAGE).write_text(_template().substitute(tables), encoding="utf-8")


def stale() -> list[str]:
    """The page, if it is missing, if its text is not that of page.md, or if its tables list other panels."""
    path = ROOT / PAGE
    if not path.exists():
        return [PAGE]
    text = path.read_text("utf-8")
    listed = [found.groups() for found in _ROW.finditer(text)]
    wanted = [row for board in boards().values() for row in _query_rows(board)]
    left = _ROW.sub("", text).split()
    empty = _template().substitute(dict.fromkeys(("agent_runs", "one_run", "exporter"), "")).split()
    return [] if listed == wanted and left == empty else [PAGE]


def metrics_of(expression: str) -> list[str]:
    """The names of the metrics that a query reads, sorted."""
    return sorted({node.name or "" for node in _selectors(promql_parser.parse(expression))})


def _query_rows(text: str) -> list[tuple[str, str, str]]:
    """Title, letter and metrics of each query of a dashboard."""
    chosen = dict.fromkeys([each["name"] for each in json.loads(text)["templating"]["list"]], ALL)
    return [
        (
            panel.title,
            target.ref,
            ", ".join(f"`{name}`" for name in metrics_of(filled(target.expr, chosen, interval=INTERVAL, span=SPAN))),
        )
        for panel in panels_of(text)
        for target in panel.queries
    ]


def _selectors(tree: object) -> "list[promql_parser.VectorSelector]":
    """All vector selectors in a syntax tree, including those of matrix selectors."""
    if isinstance(tree, promql_parser.VectorSelector):
        return [tree]
    inner = [getattr(tree, part, None) for part in ("expr", "lhs", "rhs", "vector_selector", "param")]
    below = [*inner, *(getattr(tree, "args", None) or ())]
    return [selector for part in below if part is not None for selector in _selectors(part)]


def _count(results: Sequence[PanelResult], title: str, ref: str) -> int:
    return next(
        len(result.series)
        for each in results
        if each.panel.title == title
        for result in each.results
        if result.target.ref == ref
    )


def _template() -> string.Template:
    return string.Template((ROOT / "tools/dashboards/page.md").read_text("utf-8"))
