"""Queries and draws the dashboards on the demo platform."""

import json
import pathlib
import tempfile

from lab.monitoring.scene import RUNS, STALLED, scene
from tools.dashboards import drawing
from tools.dashboards.generate import boards
from tools.dashboards.querying import PanelResult, Server, run_queries

__all__ = ["image_name", "measured_on", "render"]

Measured = dict[str, list[list[PanelResult]]]
"""The results by file name. The dashboard of one run has a list of results for each run, the others have one list."""
_SECONDS = 45.0


def render(folder: pathlib.Path) -> Measured:
    """Writes an image of each dashboard to the folder. Returns the results of all queries."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="coderun-dashboards-") as scratch,
        scene(pathlib.Path(scratch), seconds=_SECONDS - 15) as (server, _),
    ):
        measured = measured_on(server)
    for file, text in boards().items():
        shown = measured[file][list(RUNS).index(STALLED)] if len(measured[file]) > 1 else measured[file][0]
        (folder / image_name(file)).write_text(drawing.image(json.loads(text)["title"], shown), encoding="utf-8")
    return measured


def measured_on(server: Server) -> Measured:
    """The results of all queries of all dashboards."""
    measured = {}
    for file, text in boards().items():
        about_one = '"name": "coderun"' in text
        choices = [{"namespace": namespace, "coderun": run} for run, namespace in RUNS.items()] if about_one else [{}]
        measured[file] = [run_queries(text, server, chosen, seconds=_SECONDS) for chosen in choices]
    return measured


def image_name(file: str) -> str:
    """The file name of a dashboard's image."""
    return f"dashboard-{pathlib.PurePath(file).stem}.svg"
