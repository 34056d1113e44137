"""The examples that users copy can be rendered, and do what docs/check.md says."""

import re

import pytest

from exporter.cli import _arguments
from lab import fast_yaml
from tests.commands.in_process import call
from tests.deploy.rendering import ROOT, of_kind, only_object, render_kustomization

ARGO_CD = ROOT / "deploy/examples/argocd"
PAGE = (ROOT / "docs/check.md").read_text("utf-8")
HOOK = "argocd.argoproj.io/hook"
WAVE = "argocd.argoproj.io/sync-wave"

pytestmark = pytest.mark.needs("kustomize")


def candidate_in(objects):
    """The ConfigMap that the hook checks."""
    return next(item for item in of_kind(objects, "ConfigMap") if item["metadata"]["name"] == "templates-candidate")


def run_hook(folder, text):
    """The output of the hook's command for templates with this text."""
    (folder / "templates.yaml").write_text(text)
    return call(*(word.replace("/candidate", str(folder)) for word in job_of(render_kustomization(ARGO_CD))["args"]))


def job_of(objects):
    """The container of the hook's Job."""
    (container,) = only_object(objects, "Job")["spec"]["template"]["spec"]["containers"]
    return container


def test_the_hook_runs_after_its_configmap_and_before_the_sync():
    """Both are in the phase PreSync, and the ConfigMap has the earlier wave. The templates are no hooks."""
    objects = render_kustomization(ARGO_CD)
    candidate, job = (
        candidate_in(objects)["metadata"]["annotations"],
        only_object(objects, "Job")["metadata"]["annotations"],
    )
    assert candidate[HOOK] == job[HOOK] == "PreSync"
    assert int(candidate[WAVE]) < int(job.get(WAVE, 0))
    templates = [
        item for item in of_kind(objects, "ConfigMap") if HOOK not in item["metadata"].get("annotations", {})
    ]
    assert len(templates) == 6
    assert {item["metadata"]["namespace"] for item in objects} == {"agent-platform"}


def test_the_hook_checks_exactly_what_is_synced():
    """The ConfigMap contains the file that is applied. It is mounted at the path that the command names."""
    objects = render_kustomization(ARGO_CD)
    assert candidate_in(objects)["data"] == {"templates.yaml": (ARGO_CD / "templates.yaml").read_text()}
    pod = only_object(objects, "Job")["spec"]["template"]["spec"]
    assert pod["volumes"] == [{"name": "candidate", "configMap": {"name": "templates-candidate"}}]
    (mount,) = job_of(objects)["volumeMounts"]
    arguments = _arguments(job_of(objects)["args"])
    assert (mount["name"], [mount["mountPath"]]) == ("candidate", arguments.filename)
    assert pod["automountServiceAccountToken"] is False


def test_the_hook_passes_good_templates_and_stops_broken_ones(tmp_path):
    """If a template is missing, empty or not YAML, the sync does not begin."""
    text = (ARGO_CD / "templates.yaml").read_text()
    assert run_hook(tmp_path, text)[0] == 0
    code, out, _ = run_hook(tmp_path, text.replace("templates-codex", "templates-kodex"))
    assert code == 1
    assert "controller-agent-templates-codex: missing" in out
    assert run_hook(tmp_path, re.sub(r"data:\n .*\n .*\n", "", text, count=1))[0] == 1
    assert run_hook(tmp_path, text + "---\n{{ .Values.x }}\n")[0] == 2
    assert run_hook(tmp_path, "")[0] == 2


def test_the_commands_of_the_page_are_valid():
    """The exporter parses each `coderun-exporter check` in its code blocks."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    commands = [line.partition("coderun-exporter check")[2] for line in lines if "coderun-exporter check" in line]
    assert len(commands) >= 4
    for command in commands:
        _arguments(["check", *re.split(r"[|>#;]", command)[0].split()])


def test_the_workflows_of_the_page_are_yaml():
    """These are the jobs for CI and the init container."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    assert all(isinstance(fast_yaml.load(block), dict) for block in blocks)
