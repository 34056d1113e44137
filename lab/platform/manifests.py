"""The objects of the agent platform as the platform creates them. Pure functions from plain values to manifests.

Names, labels and fields are those of the platform's charts and controller (github.com/5dlabs/cto). The annotations
`demo/...` belong to the simulator: they define the course of a run.
"""

import base64
import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

from lab.platform.generations import GROUP, NEWEST, NOVEMBER, Generation

__all__ = [
    "CLIS",
    "EMPTY_ATTEMPTS",
    "EXITS",
    "GATE_SECONDS",
    "GROUP",
    "NAMESPACE",
    "SESSIONS",
    "SILENT_SECONDS",
    "START_SECONDS",
    "TEMPLATES",
    "WORK_SECONDS",
    "RunSpec",
    "coderun",
    "configmap_name",
    "custom_resource",
    "exit_of",
    "template_files",
    "templates",
]

NAMESPACE = NOVEMBER.namespace
CLIS = ("claude", "codex", "cursor", "factory")
TEMPLATES = (*CLIS, "integration", "shared")
WORK_SECONDS = "demo/work-seconds"
"""Annotation: the time from the start of a Job to the end of the agent's work, in seconds."""
START_SECONDS = "demo/start-seconds"
"""Annotation: the time from the start of a Job until its pod is ready, in seconds."""
EXITS = "demo/exits"
"""Annotation: the outcome of each attempt, one word for each: how the container exits, or why it does not.

`0` and `1` are exit codes; `never`: the process does not exit after its last word; `silent`: it writes no line after
the start of its session, and does not exit; `blocked`: the same, and its last line asks for input; `pending`: the pod
does not start; `no-pod`: no pod can be created. It may be changed on a Job and its pod: `never` becomes `0` when an
operator ends the process.
"""
SILENT_SECONDS = "demo/silent-seconds"
"""Annotation: how long the agent writes no line during its longest tool call."""
GATE_SECONDS = "demo/gate-seconds"
"""Annotation: how long the script builds and tests between the last word and the exit, without a line."""
SESSIONS = "demo/sessions"
"""Annotation: the number of sessions in one container."""
EMPTY_ATTEMPTS = "demo/empty-attempts"
"""Annotation: the number of attempts that complete without a pull request. The controller retries each of them."""
_STAGES = {"Cleo": "quality", "Tess": "testing", "Cipher": "security", "": "security"}
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # characters that the API server uses for generateName
_SETTINGS = {
    "claude": "settings.json",
    "codex": "config.toml",
    "cursor": "cli-config.json",
    "factory": "cli-config.json",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunSpec:
    """A CodeRun to be created. `exits` is as in the annotation EXITS.

    Without an agent and a CLI, it is a run that the API server accepts and the controller cannot decode.
    """

    task: int
    agent: str
    cli: str = "claude"
    work_seconds: float = 360.0
    start_seconds: float = 5.0
    exits: tuple[str, ...] = ("0",)
    empty_attempts: int = 0
    silent_seconds: float = 0.0
    gate_seconds: float = 0.0
    sessions: int = 1
    generation: Generation = NOVEMBER

    @property
    def name(self) -> str:
        """The name that the workflow (November) or the caller (newest version) gives to the CodeRun."""
        service = self.generation.service
        if self.generation is NEWEST:
            return f"coderun-{service.replace('-', '')}-t{self.task}"
        digest = hashlib.sha256(f"{self.task} {self.agent} {self.cli}".encode()).digest()
        suffix = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:5])
        return f"{service}-t{self.task}-{self.stage}-{suffix}"

    @property
    def stage(self) -> str:
        """The workflow stage that creates the CodeRun."""
        return _STAGES.get(self.agent, "implementation")


def configmap_name(kind: str) -> str:
    """The name of the ConfigMap with the templates of a CLI, or with the `shared` or `integration` templates."""
    return f"controller-agent-templates-{kind}"


def template_files(kind: str) -> dict[str, dict[str, str]]:
    """The content of a healthy ConfigMap, `data` and `binaryData` (base64): Handlebars files, `/` written as `_`."""
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
    """The CustomResourceDefinition of CodeRun or DocsRun, which allows any field."""
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


def coderun(order: RunSpec) -> dict[str, Any]:
    """A CodeRun before its creation: with a spec and without a status."""
    notes = {
        WORK_SECONDS: str(order.work_seconds),
        START_SECONDS: str(order.start_seconds),
        EXITS: ",".join(order.exits),
    }
    rare = {
        EMPTY_ATTEMPTS: order.empty_attempts,
        SILENT_SECONDS: order.silent_seconds,
        GATE_SECONDS: order.gate_seconds,
        SESSIONS: order.sessions if order.sessions > 1 else 0,
    }
    notes |= {name: str(number) for name, number in rare.items() if number}
    labels, spec = _newest(order) if order.generation is NEWEST else _november(order)
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "CodeRun",
        "metadata": {
            "name": order.name,
            "namespace": order.generation.namespace,
            "labels": labels,
            "annotations": notes,
        },
        "spec": spec,
    }


def _november(order: RunSpec) -> tuple[dict[str, str], dict[str, Any]]:
    """Labels and spec of a CodeRun in November."""
    service, agent = order.generation.service, f"5DLabs-{order.agent}" if order.agent else ""
    model = f"{order.cli}-latest" if order.cli else ""
    workflow = f"play-workflow-template-{order.task}"
    labels = {
        "task-id": str(order.task),
        "service": service,
        "github-app": agent,
        "workflow-name": workflow,
        "workflow-run": workflow,
        "workflow-stage": order.stage,
        "workflow-type": "play-orchestration",
    }
    spec = {
        "taskId": order.task,
        "service": service,
        "repositoryUrl": f"5dlabs/{service}",
        "docsRepositoryUrl": f"https://github.com/5dlabs/{service}",
        "docsBranch": "main",
        "workingDirectory": ".",
        "githubApp": agent,
        "model": model,
        "contextVersion": 1,
        "continueSession": True,
        "enableDocker": True,
        "cliConfig": {"cliType": order.cli, "model": model},
        "env": {"EXECUTION_MAX_RETRIES": "10"},
    }
    return labels, spec


def _newest(order: RunSpec) -> tuple[dict[str, str], dict[str, Any]]:
    """Labels and spec of a CodeRun of the newest version. The controller's settings have the cliConfig."""
    repository = f"https://git.example.com/5dlabs/{order.generation.service}.git"
    spec = {
        "runType": "implementation",
        "taskId": order.task,
        "service": order.generation.service,
        "repositoryUrl": repository,
        "docsRepositoryUrl": repository,
        "workingDirectory": ".",
        "githubApp": f"5DLabs-{order.agent}",
        "implementationAgent": order.agent.lower(),
        "model": "claude-opus-4-5-20251101",
        "contextVersion": 1,
        "enableDocker": True,
        "harnessAgent": "openclaw",
    }
    return {"task-id": str(order.task)}, spec


def exit_of(job: Mapping[str, Any]) -> str:
    """The exit of the container in an attempt; the last word applies to all later attempts."""
    meta = job["metadata"]
    exits: list[str] = meta.get("annotations", {}).get(EXITS, "0").split(",")
    attempt = int(meta.get("labels", {}).get("context-version", "1"))
    return exits[min(attempt, len(exits)) - 1]
