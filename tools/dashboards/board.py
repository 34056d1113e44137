"""What the dashboards have in common: variables, links, annotations, and how panels are laid out."""

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
    "NO_RUNBOOKS",
    "ONE_RUN",
    "RUNBOOK",
    "Row",
    "board",
    "datasource",
    "one_run",
    "query",
    "runbooks",
]

AGENT_RUNS, ONE_RUN, EXPORTER = "coderun-agent-runs", "coderun-one-run", "coderun-exporter"
"""Their uids, by which links and imports find them: they never change."""
NO_RUNBOOKS = "@runbooks@"
"""In the place of their address."""
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
    """The JSON of a dashboard. `annotations` are queries for what is marked on the time axis: see `_marks`."""
    made = build.Dashboard(_TITLES[uid]).uid(uid).description(text).tags([TAG]).timezone("browser").editable()
    made.time(f"now-{since}", "now").refresh("30s").tooltip(dashboard.DashboardCursorSync.CROSSHAIR).version(1)
    made.variables([*variables, runbooks()])
    made.links([_link(other) for other in _TITLES if other != uid])
    tree = json.loads(json.dumps(made.build(), cls=JSONEncoder))
    for variable in tree["templating"]["list"]:
        for name in ("auto", "auto_count", "auto_min"):  # of intervals; the SDK gives them to all
            del variable[name]
    tree["annotations"] = {"list": [_marks(expr) for expr in annotations]}
    tree["panels"] = _laid_out(rows)
    return json.dumps(tree, sort_keys=True, indent=1) + "\n"


def datasource() -> build.DatasourceVariable:
    """The Prometheus data source."""
    return build.DatasourceVariable("datasource").label("Data source").type("prometheus")


def query(name: str, label: str, *, series: str, all_of_them: bool, of: str = "") -> build.QueryVariable:
    """The values of a label of some series: its own name, or `of`.

    "All" is the pattern `.*`, which also matches where there is no such label.
    """
    values = {"query": f"label_values({series}, {of or name})", "refId": name, "qryType": 1}
    made = build.QueryVariable(name).label(label).datasource(SOURCE).query(values)
    made.refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    if not all_of_them:
        return made
    everything = dashboard.VariableOption(selected=True, text="All", value="$__all")
    return made.include_all(True).all_value(".*").multi(True).current(everything)


def runbooks() -> build.ConstantVariable:
    """Where the runbooks are: set for a release, or taken out with all links to them."""
    return build.ConstantVariable("runbooks").label("Address of the runbooks").value(NO_RUNBOOKS)


def one_run(field: str) -> tuple[str, str]:
    """A link from a table with the columns Cluster, Namespace and `field` to the dashboard of that run.

    Grafana writes a column that is not there as nothing, which selects what has no cluster. It encodes what it writes
    as an address, in which `&` and `#` stay: hence `percentencode`.
    """
    columns = {"cluster": "Cluster", "namespace": "Namespace", "coderun": field}
    chosen = "&".join(f"var-{name}=${{__data.fields.{column}:percentencode}}" for name, column in columns.items())
    return "This run", f"/d/{ONE_RUN}?${{datasource:queryparam}}&{chosen}&${{__url_time_range}}"


def _link(uid: str) -> build.DashboardLink:
    made = build.DashboardLink(_TITLES[uid]).type(dashboard.DashboardLinkType.LINK).url(f"/d/{uid}")
    return made.icon(_ICONS[uid]).include_vars(True).keep_time(True).tooltip(f"The dashboard {_TITLES[uid]}")


def _marks(expr: str) -> dict[str, Any]:
    """When an alert fires. What Grafana's Prometheus plugin reads of it is more than the SDK knows."""
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


def _laid_out(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Panels with ids in their order; a panel goes to the highest free place in its row, then to the left."""
    panels: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        panels.append(_placed(build.Row(row.title).collapsed(False), ident=len(panels) + 1, at=(0, top, _GRID, 1)))
        floor = [top + 1] * _GRID
        for panel, width, height in row.panels:
            y, x = min((max(floor[x : x + width]), x) for x in range(_GRID - width + 1))
            floor[x : x + width] = [y + height] * width
            panels.append(_placed(panel, ident=len(panels) + 1, at=(x, y, width, height)))
        top = max(floor)
    return panels


def _placed(panel: Any, *, ident: int, at: tuple[int, int, int, int]) -> dict[str, Any]:
    x, y, width, height = at
    tree: dict[str, Any] = json.loads(json.dumps(panel.build(), cls=JSONEncoder))
    tree.get("options", {}).pop("footer", None)  # the SDK gives every table an empty one; Grafana 13 has it elsewhere
    return tree | {"id": ident, "gridPos": {"h": height, "w": width, "x": x, "y": y}}
