"""`coderun-exporter check` with a real API server: findings about names, namespaces and runs."""

import json
import pathlib
import re
import subprocess
import sys
from typing import Any

import pytest

from lab.controlplane import objects
from lab.controlplane.plane import ADMIN_TOKEN, ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.waiting import until
from tests.kube.settings import a_kubeconfig

pytestmark = pytest.mark.timeout(120)

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
NO_CONFIGMAPS: dict[str, Any] = {"required": []}


@pytest.fixture
def tasks(control_plane: ControlPlane) -> str:
    """The API group of AgentTasks, which one CRD defines for all tests."""
    control_plane.request("POST", CRDS, objects.crd("tasks.example", kind="AgentTask"))
    until(lambda: control_plane.request("GET", "/apis/tasks.example/v1")[0] == 200, what="AgentTasks are served")
    return "tasks.example"


def check(plane: ControlPlane, folder: pathlib.Path, **settings: Any) -> tuple[int, list[str]]:
    """The exit code, and the lines after the first with uniform padding. The user can read everything."""
    cluster = {"server": plane.url, "certificate-authority": str(plane.ca)}
    kubeconfig = a_kubeconfig(folder, cluster=cluster, user={"token": ADMIN_TOKEN})
    (folder / "settings.yml").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "exporter", "check", "--kubeconfig", kubeconfig]
    command += ["--config.file", folder / "settings.yml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert not done.stderr
    first, *lines = (re.sub(r"^(\w+) +", r"\1  ", line) for line in done.stdout.splitlines())
    assert first == f"note  API server {plane.url.removeprefix('https://')}: kubeconfig {kubeconfig} (context prod)"
    return done.returncode, lines


def test_a_platform_without_template_configmaps_is_healthy(
    control_plane: ControlPlane, platform: PlatformNamespace, tmp_path: pathlib.Path
):
    """The newest version of the platform has them in its image. As soon as one exists, all are required."""
    platform.make_run("first")
    settings = {"namespaces": [platform.namespace], "configmaps": {"namespace": platform.namespace}}
    code, lines = check(control_plane, tmp_path, **settings)
    assert code == 0
    assert lines[0].startswith(
        f"ok  ConfigMaps: no ConfigMap is required, because namespace {platform.namespace} has"
    )
    assert lines[2].startswith(
        "ok  profile of coderuns: of 20 paths, 2 with a value in 1 run; alternatives without a "
    )
    assert [lines[1], *lines[3:]] == [
        f"ok  coderuns in namespace {platform.namespace}: can be listed and watched, 1 found",
        f"ok  jobs in namespace {platform.namespace}: can be listed and watched, no agent Jobs found",
        f"ok  pods of Jobs in namespace {platform.namespace}: can be listed and watched",
        f"ok  events in namespace {platform.namespace}: can be listed and watched",
    ]
    platform.set_templates({"code_implement.sh": "#!/bin/sh"})
    code, lines = check(control_plane, tmp_path, **settings)
    assert code == 1
    assert sum("missing" in line for line in lines) == 5


def test_configmaps_of_a_pattern_are_checked(
    control_plane: ControlPlane, platform: PlatformNamespace, tmp_path: pathlib.Path
):
    """Others, such as kube-root-ca.crt, are ignored."""
    for name in ("cto-controller-templates-shared", "other"):
        platform.ask("POST", platform.config_maps, objects.config_map(name, data={"a": "x"}))
    required = ["cto-controller-templates-*", "cto-templates-*"]
    code, lines = check(control_plane, tmp_path, configmaps={"namespace": platform.namespace, "required": required})
    assert code == 1
    assert [line for line in lines if "ConfigMap" in line] == [
        f"ok  ConfigMap {platform.namespace}/cto-controller-templates-shared: 1 key, 1 byte",
        f"UNHEALTHY  ConfigMap {platform.namespace}/cto-templates-*: missing",
    ]


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"kind": "Agenttask"}, "agenttasks.tasks.example: its kind is AgentTask, not Agenttask"),
        ({"plural": "agenttask"}, "tasks.example/v1 has no agenttask; did you mean agenttasks?"),
        ({"version": "v2"}, "tasks.example has no version v2, but v1"),
        ({"group": "task.example"}, "there is no API group task.example; did you mean tasks.example?"),
    ],
)
def test_a_wrong_name_of_a_kind_is_shown_with_the_right_one(
    control_plane: ControlPlane, tasks: str, tmp_path: pathlib.Path, wrong: dict[str, str], line: str
):
    """It is from the discovery of the API server."""
    kind = {"group": tasks, "version": "v1", "plural": "agenttasks", "kind": "AgentTask"} | wrong
    code, lines = check(control_plane, tmp_path, coderuns={"kinds": [kind]}, configmaps=NO_CONFIGMAPS)
    assert code == 1
    (finding,) = [each for each in lines if each.startswith("UNHEALTHY")]
    assert line in finding


def test_a_namespace_that_does_not_exist_is_named(control_plane: ControlPlane, tmp_path: pathlib.Path):
    """Lists in it are empty, without an error."""
    code, lines = check(control_plane, tmp_path, namespaces=["nowhere"], configmaps=NO_CONFIGMAPS)
    assert code == 1
    assert lines == [
        "UNHEALTHY  namespace nowhere: does not exist",
        "ok  coderuns in namespace nowhere: can be listed and watched, none found",
        "ok  jobs in namespace nowhere: can be listed and watched, no agent Jobs found",
        "ok  pods of Jobs in namespace nowhere: can be listed and watched",
        "ok  events in namespace nowhere: can be listed and watched",
    ]


def test_unknown_phases_and_agents_are_notes(
    control_plane: ControlPlane, platform: PlatformNamespace, tmp_path: pathlib.Path
):
    """The exit code is 0."""
    for name in ("a", "b"):
        platform.make_run(name, spec={"githubApp": "5DLabs-Tess"})
        platform.set_phase(name, "Paused")
    thresholds = {"agents": {"tes": {"job_max_runtime": "30m"}}}
    settings = {"namespaces": [platform.namespace], "configmaps": NO_CONFIGMAPS, "thresholds": thresholds}
    code, lines = check(control_plane, tmp_path, **settings)
    assert code == 0
    assert [line for line in lines if line.startswith("note")] == [
        (
            "note  coderuns: .status.phase: 2 of 2 runs have a value; 'Paused' (2 runs) is not in any state rule:"
            " state open"
        ),
        "note  thresholds.agents.tes: no run has this agent; did you mean 'tess'?",
    ]


def test_a_path_that_is_not_in_a_real_schema_is_a_note(control_plane: ControlPlane, tmp_path: pathlib.Path):
    """The schema is from the OpenAPI document. A path below preserved unknown fields may exist."""
    text = {"type": "string"}
    spec = {"type": "object", "properties": {"model": text}}
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"phase": text}}
    schema = {"type": "object", "properties": {"spec": spec, "status": status}}
    control_plane.request("POST", CRDS, objects.crd("schemas.example", kind="AgentTask", schema=schema))
    for path in ("/openapi/v3/apis/schemas.example/v1", "/apis/schemas.example/v1/agenttasks"):
        until(lambda path=path: control_plane.request("GET", path)[0] == 200, what=f"{path} is served")
    kind = {"resource": "agenttasks.v1.schemas.example", "kind": "AgentTask"}
    kind |= {"state": [{"path": ".status.phse", "open": ["absent"]}], "times": {}}
    kind |= {"about": {"model": ".spec.modle", "agent": ".metadata.labels.agent", "service": ".spec.model"}}
    code, lines = check(control_plane, tmp_path, coderuns={"kinds": [kind]}, configmaps=NO_CONFIGMAPS)
    assert code == 0, lines
    assert [line for line in lines if "schema of" in line] == [
        "note  coderuns.kinds[0].about.model: .spec.modle is not in the schema of the CRD; did you mean .spec.model?"
    ]
