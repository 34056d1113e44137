"""The objects of the agent platform, as it writes them itself. Pure functions from plain values to manifests.

Names, labels and fields are those of the platform's own charts and controller (github.com/5dlabs/cto).
"""

import base64
import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

__all__ = [
    "CLIS",
    "EXITS",
    "GROUP",
    "NAMESPACE",
    "TEMPLATES",
    "WORK_SECONDS",
    "Order",
    "coderun",
    "configmap_name",
    "custom_resource",
    "exit_of",
    "job",
    "template_files",
    "templates",
]

GROUP = "agents.platform"
NAMESPACE = "agent-platform"
CLIS = ("claude", "codex", "cursor", "factory")
TEMPLATES = (*CLIS, "integration", "shared")
WORK_SECONDS = "demo/work-seconds"
"""Annotation: how long the agent works."""
EXITS = "demo/exits"
"""Annotation: what the container does after the work, one word for each attempt: `0`, `1`, `never`.

On a Job and on its pod it may be changed at any time: `never` becomes `0` when somebody ends what is left over.
"""
_LONGEST_NAME = 63
_SETTINGS = {
    "claude": "settings.json",
    "codex": "config.toml",
    "cursor": "cli-config.json",
    "factory": "cli-config.json",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Order:
    """One CodeRun to be created: which agent works on which task, for how many seconds, and how that ends."""

    task: int
    agent: str
    cli: str = "claude"
    work: float = 360.0
    exits: tuple[str, ...] = ("0",)

    @property
    def name(self) -> str:
        """The CodeRun's name."""
        return f"task-{self.task}-{self.agent.lower()}"


def configmap_name(kind: str) -> str:
    """Which ConfigMap holds the templates of that CLI, or the `shared` and `integration` ones."""
    return f"controller-agent-templates-{kind}"


def template_files(kind: str) -> dict[str, dict[str, str]]:
    """What is in a healthy ConfigMap: `data` and, as base64, `binaryData`. Handlebars files, `/` written `_`."""
    if kind not in CLIS:
        return {"data": {f"{kind}_guidelines.md.hbs": f"# {kind}\nWork on task {{{{task_id}}}}.\n"}, "binaryData": {}}
    script = f"#!/bin/bash\nset -eu\nexec {kind} --print < /task/prompt.md\n"
    return {
        "data": {
            f"code_{kind}_memory.md.hbs": "# Task {{task_id}} of {{service}}\n",
            f"code_{kind}_{_SETTINGS[kind]}.hbs": '{"model": "{{model}}"}\n',
        },
        "binaryData": {f"code_{kind}_container.sh.hbs": base64.b64encode(script.encode()).decode()},
    }


def templates(kind: str) -> dict[str, Any]:
    """A ConfigMap with its templates."""
    files = template_files(kind)
    checksum = hashlib.sha256(repr(files).encode()).hexdigest()
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": configmap_name(kind),
            "namespace": NAMESPACE,
            "labels": {"app.kubernetes.io/component": "agent-templates", "agent-templates/type": kind},
            "annotations": {"templates-checksum": checksum},
        },
        **files,
    }


def custom_resource(kind: str) -> dict[str, Any]:
    """The CustomResourceDefinition of CodeRun or DocsRun; any field is allowed, as objects of all ages are."""
    plural = f"{kind.lower()}s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "subresources": {"status": {}}, "schema": schema}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def coderun(order: Order) -> dict[str, Any]:
    """A CodeRun as the workflow creates it: with a spec and without a status."""
    agent = f"5DLabs-{order.agent}"
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "CodeRun",
        "metadata": {
            "name": order.name,
            "namespace": NAMESPACE,
            "labels": {
                "task-id": str(order.task),
                "service": "cto-play",
                "github-app": agent,
                "workflow-name": f"play-task-{order.task}",
                "workflow-type": "play-orchestration",
            },
            "annotations": {WORK_SECONDS: str(order.work), EXITS: ",".join(order.exits)},
        },
        "spec": {
            "taskId": order.task,
            "service": "cto-play",
            "repositoryUrl": "https://github.com/5dlabs/cto-play",
            "docsRepositoryUrl": "https://github.com/5dlabs/cto-play",
            "workingDirectory": ".",
            "githubApp": agent,
            "contextVersion": 1,
            "cliConfig": {"cliType": order.cli, "model": f"{order.cli}-latest"},
        },
    }


def job(run: Mapping[str, Any]) -> dict[str, Any]:
    """The Job of a CodeRun's present attempt, owned and controlled by it."""
    meta, spec = run["metadata"], run["spec"]
    attempt, agent = spec["contextVersion"], spec["githubApp"].removeprefix("5DLabs-").lower()
    cli = spec["cliConfig"]["cliType"]
    labels = {
        "app": "controller",
        "component": "code-runner",
        "job-type": "code",
        "project-name": spec["service"],
        "service": spec["service"],
        "task-id": str(spec["taskId"]),
        "github-user": f"5dlabs-{agent}",
        "context-version": str(attempt),
        "cli-type": cli,
    }
    owner = {key: run[key] for key in ("apiVersion", "kind")} | {"name": meta["name"], "uid": meta["uid"]}
    notes = {key: meta.get("annotations", {}).get(key, "0") for key in (WORK_SECONDS, EXITS)}
    container = {"name": "claude-code", "image": f"ghcr.io/5dlabs/{cli}:latest", "command": ["/task/container.sh"]}
    pod = {"restartPolicy": "Never", "containers": [container]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": _job_name(spec["taskId"], agent, cli, meta, attempt),
            "namespace": meta["namespace"],
            "labels": labels,
            "annotations": notes,
            "ownerReferences": [owner | {"controller": True, "blockOwnerDeletion": True}],
        },
        "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": labels, "annotations": notes}, "spec": pod}},
    }


def exit_of(job: Mapping[str, Any]) -> str:
    """What the container of a Job's attempt does after the work; the last word stands for all later attempts."""
    meta = job["metadata"]
    exits: list[str] = meta.get("annotations", {}).get(EXITS, "0").split(",")
    attempt = int(meta.get("labels", {}).get("context-version", "1"))
    return exits[min(attempt, len(exits)) - 1]


def _job_name(task: int, agent: str, cli: str, meta: Mapping[str, Any], attempt: int) -> str:
    """Readable parts and the owner's UID, cut with a hash to what a label may hold."""
    name = f"task-{task}-{agent}-{cli}-{meta['namespace']}-{meta['name']}-{meta['uid'][:8]}-v{attempt}"
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: _LONGEST_NAME - 9]}-{digest}"
