"""The Job of the current attempt of a run, as the controller of each generation creates it."""

import hashlib
from collections.abc import Mapping
from typing import Any

from lab.platform.generations import NEWEST, NOVEMBER, Generation
from lab.platform.manifests import (
    EMPTY_ATTEMPTS,
    EXITS,
    GATE_SECONDS,
    SESSIONS,
    SILENT_SECONDS,
    START_SECONDS,
    WORK_SECONDS,
)

__all__ = ["job"]

_MAX_NAME_LENGTH = 63
_NEWEST_CLI = "factory"
"""The CLI in the settings of the newest controller, for runs without cliConfig."""
_COPIED = (WORK_SECONDS, START_SECONDS, EXITS, EMPTY_ATTEMPTS, SILENT_SECONDS, GATE_SECONDS, SESSIONS)
"""The annotations of the simulator that a Job has from its run."""


def job(run: Mapping[str, Any], *, generation: Generation = NOVEMBER) -> dict[str, Any]:
    """The Job, owned and controlled by its run."""
    meta = run["metadata"]
    name, labels, container = _newest(run) if generation is NEWEST else _november(run)
    owner = {key: run[key] for key in ("apiVersion", "kind")} | {"name": meta["name"], "uid": meta["uid"]}
    notes = {key: meta["annotations"][key] for key in _COPIED if key in meta.get("annotations", {})}
    pod = {"restartPolicy": "Never", "containers": [container]}
    spec: dict[str, Any] = {"backoffLimit": 0, "template": {"metadata": {"labels": labels, "annotations": notes}}}
    spec["template"]["spec"] = pod
    if generation.deadline_seconds is not None:
        spec["activeDeadlineSeconds"] = generation.deadline_seconds
    if generation.ttl_seconds is not None:
        spec["ttlSecondsAfterFinished"] = generation.ttl_seconds
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": meta["namespace"],
            "labels": labels,
            "annotations": notes,
            "ownerReferences": [owner | {"controller": True, "blockOwnerDeletion": True}],
        },
        "spec": spec,
    }


def _november(run: Mapping[str, Any]) -> tuple[str, dict[str, str], dict[str, Any]]:
    """Name, labels and container. The Job of a DocsRun has other labels."""
    spec, docs = run["spec"], run["kind"] == "DocsRun"
    labels = _common(run) | {"task-type": "docs" if docs else "code"}
    if docs:
        labels |= {"component": "docs-generator", "job-type": "docs"}
    cli = spec["cliConfig"]["cliType"]
    container = {"name": "claude-code", "image": f"ghcr.io/5dlabs/{cli}:latest"}
    return _november_name(run, cli), labels, container


def _newest(run: Mapping[str, Any]) -> tuple[str, dict[str, str], dict[str, Any]]:
    """Name, labels and container. The name contains the CLI of the spec; the actual CLI is only in the labels."""
    meta, spec = run["metadata"], run["spec"]
    agent, model = _agent(spec), spec["model"]
    container = f"{_NEWEST_CLI}-{model}"
    labels = _common(run) | {
        "task-type": spec["runType"],
        "cleanup.cto.dev/scope": "run",
        "cleanup.cto.dev/kind": "coderun",
        "cleanup.cto.dev/run": meta["name"],
        "cli-type": _NEWEST_CLI,
        "cli-model": model,
        "cli-container": container,
        "agent": agent,
        "implementation-agent": agent,
    }
    name = f"play-coderun-t{spec['taskId']}-{agent}-unknown-{meta['uid'][:8]}-v{spec['contextVersion']}"
    return name, labels, {"name": container, "image": f"ghcr.io/5dlabs/{_NEWEST_CLI}:latest"}


def _common(run: Mapping[str, Any]) -> dict[str, str]:
    spec = run["spec"]
    return {
        "app": "controller",
        "component": "code-runner",
        "job-type": "code",
        "project-name": spec["service"],
        "service": spec["service"],
        "task-id": str(spec["taskId"]),
        "github-user": f"5dlabs-{_agent(spec)}",
        "context-version": str(spec["contextVersion"]),
    }


def _november_name(run: Mapping[str, Any], cli: str) -> str:
    """`play-coderun-task-3-tess-claude-agent-plat-34f1645a-12000000-v1`: only the namespace is truncated."""
    meta, spec = run["metadata"], run["spec"]
    digest = hashlib.sha256(f"{meta['namespace']}/{meta['name']}".encode()).hexdigest()[:8]
    end = f"-{digest}-{meta['uid'][:8]}-v{spec['contextVersion']}"
    begin = f"play-coderun-task-{spec['taskId']}-{_agent(spec)}-{cli}-{meta['namespace']}"
    return begin[: _MAX_NAME_LENGTH - len(end)].rstrip("-") + end


def _agent(spec: Mapping[str, Any]) -> str:
    agent: str = spec["githubApp"].removeprefix("5DLabs-").lower()
    return agent
