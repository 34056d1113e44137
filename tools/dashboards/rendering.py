"""The dashboards on the demo: what their queries are answered, and pictures of it."""

import json
import pathlib
import tempfile

from exporter.demo.manifests import NAMESPACE
from tests.dashboards.scene import HANGING, RUNS, scene
from tools.dashboards import drawing
from tools.dashboards.asking import Answered, Server, answers
from tools.dashboards.generate import boards

__all__ = ["measured_on", "picture_of", "render"]

Measured = dict[str, list[list[Answered]]]
"""By file: the answers, once for each run where the dashboard is about one, else once."""
_SECONDS = 45.0


def render(folder: pathlib.Path) -> Measured:
    """Writes a picture of each dashboard into the folder, and gives what the pictures show."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="coderun-dashboards-") as scratch,
        scene(pathlib.Path(scratch), seconds=_SECONDS - 15) as (server, _),
    ):
        measured = measured_on(server)
    for file, text in boards().items():
        shown = measured[file][RUNS.index(HANGING)] if len(measured[file]) > 1 else measured[file][0]
        (folder / picture_of(file)).write_text(drawing.picture(json.loads(text)["title"], shown), encoding="utf-8")
    return measured


def measured_on(server: Server) -> Measured:
    """What every query of every dashboard is answered there."""
    measured = {}
    for file, text in boards().items():
        about_one = '"name": "coderun"' in text
        choices = [{"namespace": NAMESPACE, "coderun": run} for run in RUNS] if about_one else [{}]
        measured[file] = [answers(text, server, chosen, seconds=_SECONDS) for chosen in choices]
    return measured


def picture_of(file: str) -> str:
    """The name of a dashboard's picture."""
    return f"dashboard-{pathlib.PurePath(file).stem}.svg"
