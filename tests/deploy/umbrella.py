"""A parent chart that has the chart as its dependency, once or more often."""

import json
import pathlib
import subprocess
from typing import Any

import yaml

from exporter import __version__
from lab.components import component
from tests.deploy.rendering import CHART, NAMESPACE

__all__ = ["parent", "templated"]


def parent(folder: pathlib.Path, *dependencies: dict[str, Any], values: dict[str, Any]) -> pathlib.Path:
    """The folder of a parent chart; each dependency is the chart with what is given, such as an alias."""
    made = folder / "parent"
    made.mkdir()
    fixed = {"name": "coderun-exporter", "version": __version__, "repository": f"file://{CHART}"}
    chart = {"apiVersion": "v2", "name": "parent", "version": "0.1.0"}
    chart["dependencies"] = [fixed | given for given in dependencies]
    (made / "Chart.yaml").write_text(yaml.safe_dump(chart))
    (made / "values.yaml").write_text(json.dumps(values))
    _helm(folder, "dependency", "build", str(made)).check_returncode()
    return made


def templated(chart: pathlib.Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """What `helm template` says of the parent chart."""
    return _helm(
        chart.parent, "template", "release", str(chart), f"--namespace={NAMESPACE}", "--kube-version=1.36", *flags
    )


def _helm(home: pathlib.Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [component("helm"), *words], capture_output=True, text=True, timeout=60, check=False, env={"HOME": str(home)}
    )
