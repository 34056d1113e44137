"""A platform with one run, and the settings of an exporter of its namespace or of the whole cluster."""

import json
import pathlib
import uuid

import pytest

from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import CLAUDE, PlatformNamespace

__all__ = ["REQUIRED_RESOURCES", "RESOURCES", "platform", "settings_file"]

REQUIRED_RESOURCES = ("coderuns", "jobs", "configmaps")
RESOURCES = (*REQUIRED_RESOURCES, "pods", "events")  # Pods and Events are optional


@pytest.fixture
def platform(control_plane: ControlPlane) -> PlatformNamespace:
    """A namespace with a run, its Job and the required ConfigMap."""
    made = PlatformNamespace(control_plane, f"least-{uuid.uuid4().hex[:8]}").open()
    made.set_templates({"code_implement.sh": "#!/bin/sh"})
    made.make_job(made.make_run("first"))
    return made


@pytest.fixture(params=["namespace", "cluster"])
def settings_file(
    request: pytest.FixtureRequest, platform: PlatformNamespace, tmp_path: pathlib.Path
) -> pathlib.Path:
    """Settings that read one namespace or all namespaces."""
    settings = {"configmaps": {"namespace": platform.namespace, "required": [CLAUDE]}}
    if request.param == "namespace":
        settings["namespaces"] = [platform.namespace]
    path = tmp_path / "settings.yml"
    path.write_text(json.dumps(settings))
    return path
