"""A parent chart that has this chart as its dependency, once or several times."""

import json
import pathlib
import subprocess
from typing import Any

import yaml

from exporter import __version__
from lab.components import component
from tests.deploy.rendering import CHART, NAMESPACE

__all__ = ["parent_chart", "render_parent"]


def parent_chart(folder: pathlib.Path, *dependencies: dict[str, Any], values: dict[str, Any]) -> pathlib.Path:
    """The folder of a parent chart. Each of `dependencies` adds keys, such as an alias, to the dependency."""
    made = folder / "parent"
    made.mkdir()
    fixed = {"name": "coderun-exporter", "version": __version__, "repository": f"file://{CHART}"}
    chart = {"apiVersion": "v2", "name": "parent", "version": "0.1.0"}
    chart["dependencies"] = [fixed | given for given in dependencies]
    (made / "Chart.yaml").write_text(yaml.safe_dump(chart))
    (made / "values.yaml").write_text(json.dumps(values))
    _helm(folder, "dependency", "build", str(made)).check_returncode()
    return made


def render_parent(chart: pathlib.Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Runs `helm template` for the parent chart."""
    return _helm(
        chart.parent, "template", "release", str(chart), f"--namespace={NAMESPACE}", "--kube-version=1.36", *flags
    )


def _helm(home: pathlib.Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [component("helm"), *args], capture_output=True, text=True, timeout=60, check=False, env={"HOME": str(home)}
    )
