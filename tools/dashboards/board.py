"""The common parts of the dashboards: variables, links, annotations, and the layout of panels."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from tools.dashboards.parts import SOURCE

__all__ = [
    "AGENT_RUNS",
    "EXPORTER",
    "ONE_RUN",
    "RUNBOOK",
    "RUNBOOKS_PLACEHOLDER",
    "Row",
    "board",
    "datasource",
    "one_run",
    "query",
    "runbooks",
]

AGENT_RUNS, ONE_RUN, EXPORTER = "coderun-agent-runs", "coderun-one-run", "coderun-exporter"
"""The uids of the dashboards. They must not change, because links and imports use them."""
RUNBOOKS_PLACEHOLDER = "@runbooks@"
"""The placeholder for the address of the runbooks."""
RUNBOOK = ("Runbook", "${runbooks}/${__value.text}")
TAG = "coderun-exporter"
_GRID = 24
_TITLES = {AGENT_RUNS: "Agent runs", ONE_RUN: "One run", EXPORTER: "Exporter"}
_ICONS = {AGENT_RUNS: "apps", ONE_RUN: "bolt", EXPORTER: "dashboard"}


@dataclasses.dataclass(frozen=True)
class Row:
    """A heading and its panels: `(panel, width, height)` in units of Grafana's grid, which is 24 wide."""

    title: str
    panels: Sequence[tuple[Any, int, int]]


def board(
    uid: str, text: str, *, variables: Sequence[Any], annotations: Sequence[str], rows: Sequence[Row], since: str
) -> str:
    """The JSON of a dashboard. `annotations` are queries whose results are marked on the time axis."""
    builder = build.Dashboard(_TITLES[uid]).uid(uid).description(text).tags([TAG]).timezone("browser").editable()
    builder.time(f"now-{since}", "now").refresh("30s").tooltip(dashboard.DashboardCursorSync.CROSSHAIR).version(1)
    builder.variables([*variables, runbooks()])
    builder.links([_link(other) for other in _TITLES if other != uid])
    tree = json.loads(json.dumps(builder.build(), cls=JSONEncoder))
    for variable in tree["templating"]["list"]:
        for name in ("auto", "auto_count", "auto_min"):  # fields of interval variables, which the SDK writes for all
            del variable[name]
    tree["annotations"] = {"list": [_alert_annotation(expr) for expr in annotations]}
    tree["panels"] = _lay_out(rows)
    return json.dumps(tree, sort_keys=True, indent=1) + "\n"


def datasource() -> build.DatasourceVariable:
    """The Prometheus data source."""
    return build.DatasourceVariable("datasource").label("Data source").type("prometheus")


def query(name: str, label: str, *, series: str, include_all: bool, of: str = "") -> build.QueryVariable:
    """A variable `name` with the values of the label `of` (default: `name`) of these series.

    "All" is the pattern `.*`, which also matches series without the label.
    """
    values = {"query": f"label_values({series}, {of or name})", "refId": name, "qryType": 1}
    builder = build.QueryVariable(name).label(label).datasource(SOURCE).query(values)
    builder.refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    if not include_all:
        return builder
    everything = dashboard.VariableOption(selected=True, text="All", value="$__all")
    return builder.include_all(True).all_value(".*").multi(True).current(everything)


def runbooks() -> build.ConstantVariable:
    """The address of the runbooks. A release sets it, or removes the variable with all links to runbooks."""
    return build.ConstantVariable("runbooks").label("Address of the runbooks").value(RUNBOOKS_PLACEHOLDER)


def one_run(field: str) -> tuple[str, str]:
    """A link to the dashboard of a run, for a table with the columns Cluster, Namespace and `field`.

    If the table has no such column, Grafana writes an empty value, which selects series without a cluster label.
    Without `percentencode`, Grafana does not escape `&` and `#`.
    """
    columns = {"cluster": "Cluster", "namespace": "Namespace", "coderun": field}
    chosen = "&".join(f"var-{name}=${{__data.fields.{column}:percentencode}}" for name, column in columns.items())
    return "This run", f"/d/{ONE_RUN}?${{datasource:queryparam}}&{chosen}&${{__url_time_range}}"


def _link(uid: str) -> build.DashboardLink:
    builder = build.DashboardLink(_TITLES[uid]).type(dashboard.DashboardLinkType.LINK).url(f"/d/{uid}")
    return builder.icon(_ICONS[uid]).include_vars(True).keep_time(True).tooltip(f"The dashboard {_TITLES[uid]}")


def _alert_annotation(expr: str) -> dict[str, Any]:
    """An annotation for firing alerts, as JSON: the SDK lacks some fields of Grafana's Prometheus plugin."""
    return {
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "enable": True,
        "expr": expr,
        "hide": False,
        "iconColor": "red",
        "name": "Alerts",
        "tagKeys": "severity,namespace,coderun,job_name,configmap",
        "textFormat": "{{alertname}} {{namespace}} {{coderun}}{{job_name}}{{configmap}}{{agent}}{{resource}}",
        "titleFormat": "{{alertname}}",
    }


def _lay_out(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The panels with ids and positions. Each panel gets the topmost free position in its row, then the leftmost."""
    panels: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        panels.append(_place(build.Row(row.title).collapsed(False), ident=len(panels) + 1, at=(0, top, _GRID, 1)))
        floor = [top + 1] * _GRID
        for panel, width, height in row.panels:
            y, x = min((max(floor[x : x + width]), x) for x in range(_GRID - width + 1))
            floor[x : x + width] = [y + height] * width
            panels.append(_place(panel, ident=len(panels) + 1, at=(x, y, width, height)))
        top = max(floor)
    return panels


def _place(panel: Any, *, ident: int, at: tuple[int, int, int, int]) -> dict[str, Any]:
    x, y, width, height = at
    tree: dict[str, Any] = json.loads(json.dumps(panel.build(), cls=JSONEncoder))
    tree.get("options", {}).pop("footer", None)  # the SDK adds an empty one to tables; Grafana 13 has moved it
    return tree | {"id": ident, "gridPos": {"h": height, "w": width, "x": x, "y": y}}
