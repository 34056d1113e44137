"""The files that are made of the dashboards: their JSON, and the ConfigMaps for Grafana's sidecar."""

import json
import pathlib
import textwrap

from tools.bundle.source import NAME, ROOT, read_version
from tools.dashboards.agent_runs import agent_runs
from tools.dashboards.exporter_board import exporter_board
from tools.dashboards.one_run import one_run_board

__all__ = ["boards", "stale", "write"]

FOLDERS = ("dashboards", "deploy/dashboards")
HEADER = """\
# Made by `make dashboards` from tools/dashboards. Do not edit: change the code, and make it anew.
# For a Grafana whose sidecar looks for the label grafana_dashboard, as the chart of Grafana and kube-prometheus-stack
# have it: kubectl -n monitoring apply --server-side -f configmaps.yaml
# The sidecar reads its own namespace, unless it is told to read others.
"""


def boards() -> dict[str, str]:
    """The JSON of each dashboard, by the name of its file."""
    return {
        "agent-runs.json": agent_runs(),
        "one-run.json": one_run_board(),
        "exporter.json": exporter_board(),
    }


def write() -> None:
    """Writes the files, and removes what is none any more."""
    wanted = _generated()
    for path in _found():
        if path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def stale() -> list[str]:
    """The paths of the files that are not what the code says now."""
    wanted, found = _generated(), _found()
    differ = [path for path in {*wanted, *found} if wanted.get(path) != found.get(path)]
    return sorted(str(path.relative_to(ROOT)) for path in differ)


def _generated() -> dict[pathlib.Path, str]:
    made = boards()
    files = {ROOT / "dashboards" / name: text for name, text in made.items()}
    configmaps = "---\n".join(_configmap(name, text) for name, text in made.items())
    return files | {ROOT / "deploy/dashboards/configmaps.yaml": HEADER + configmaps}


def _found() -> dict[pathlib.Path, str]:
    return {path: path.read_text("utf-8") for folder in FOLDERS for path in (ROOT / folder).glob("*")}


def _configmap(file: str, text: str) -> str:
    """A ConfigMap with one dashboard, in one line: nobody reads it here."""
    small = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    head = textwrap.dedent(f"""\
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: {NAME}-{pathlib.PurePath(file).stem}
          labels:
            app.kubernetes.io/name: {NAME}
            app.kubernetes.io/component: dashboards
            app.kubernetes.io/version: {read_version()}
            grafana_dashboard: "1"
        data:
          {file}: |
        """)
    return f"{head}    {small}\n"
