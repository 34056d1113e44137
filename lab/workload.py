"""The objects for benchmarks: agent runs and their Jobs and Pods, with realistic sizes."""

import uuid
from typing import Any

__all__ = ["NAMESPACE", "coderun", "crd", "job", "pod"]

NAMESPACE = "agent-platform"
_AGENTS = ("Rex", "Cleo", "Tess", "Cipher", "Blaze")
_TIME = "2026-01-01T10:00:00Z"


def _uid(kind: str, index: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind}/{index}"))


def coderun(index: int) -> dict[str, Any]:
    """A running CodeRun of about 1.4 kB of JSON."""
    agent = _AGENTS[index % len(_AGENTS)]
    return {
        "apiVersion": "agents.platform/v1",
        "kind": "CodeRun",
        "metadata": {
            "name": f"coderun-task-{index}-{agent.lower()}",
            "namespace": NAMESPACE,
            "uid": _uid("CodeRun", index),
            "creationTimestamp": _TIME,
            "labels": {"task-id": str(index), "service": "cto", "workflow-name": f"play-{index % 500}"},
            "finalizers": ["coderuns.agents.platform/finalizer"],
        },
        "spec": {
            "taskId": index,
            "service": "cto",
            "githubApp": f"5DLabs-{agent}",
            "repositoryUrl": "https://example.invalid/platform/cto",
            "cliConfig": {"cliType": "claude", "model": "opus", "settings": {"template": "x" * 600}},
            "contextVersion": 1,
        },
        "status": {"phase": "Running", "jobName": _job_name(index), "lastUpdate": _TIME},
    }


def job(index: int, *, owner: str | None = None) -> dict[str, Any]:
    """The active Job of the CodeRun `index`, about 4.3 kB of JSON. `owner` is the UID of a run that was created."""
    agent = _AGENTS[index % len(_AGENTS)].lower()
    template = {
        "containers": [{"name": "claude-code", "image": "agent:1", "args": ["x" * 3000]}],
        "restartPolicy": "Never",
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": _job_name(index),
            "namespace": NAMESPACE,
            "uid": _uid("Job", index),
            "creationTimestamp": _TIME,
            "labels": {
                "app": "controller",
                "component": "code-runner",
                "task-id": str(index),
                "service": "cto",
                "github-user": f"5dlabs-{agent}",
                "context-version": "1",
            },
            "ownerReferences": [
                {
                    "apiVersion": "agents.platform/v1",
                    "kind": "CodeRun",
                    "name": f"coderun-task-{index}-{agent}",
                    "uid": owner or _uid("CodeRun", index),
                    "controller": True,
                }
            ],
        },
        "spec": {"backoffLimit": 0, "parallelism": 1, "completions": 1, "template": {"spec": template}},
        "status": {"active": 1, "startTime": _TIME},
    }


def pod(index: int) -> dict[str, Any]:
    """A running Pod instead of the Job `index`, with the same name and a sidecar, of about 6 kB of JSON."""
    made = job(index)
    (agent,) = made["spec"]["template"]["spec"]["containers"]
    agent |= {"env": [{"name": f"SETTING_{number}", "value": "x" * 20} for number in range(20)]}
    containers = [agent, {"name": "sidecar", "image": "sidecar:1"}]
    statuses = [
        {
            "name": each["name"],
            "state": {"running": {"startedAt": _TIME}},
            "ready": True,
            "restartCount": 0,
            "image": each["image"],
            "imageID": f"{each['image']}@sha256:{'0' * 64}",
            "containerID": f"containerd://{'0' * 64}",
        }
        for each in containers
    ]
    conditions = [
        {"type": name, "status": "True", "lastProbeTime": None, "lastTransitionTime": _TIME}
        for name in ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": made["metadata"] | {"uid": _uid("Pod", index)},
        "spec": {"nodeName": "node-1", "restartPolicy": "Never", "containers": containers},
        "status": {"phase": "Running", "startTime": _TIME, "conditions": conditions, "containerStatuses": statuses},
    }


def _job_name(index: int) -> str:
    return f"task-{index}-{_AGENTS[index % len(_AGENTS)].lower()}-claude-agent-platform-v1"


def crd() -> dict[str, Any]:
    """The CRD of CodeRuns."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "subresources": {"status": {}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "coderuns.agents.platform"},
        "spec": {
            "group": "agents.platform",
            "scope": "Namespaced",
            "names": {"plural": "coderuns", "singular": "coderun", "kind": "CodeRun", "listKind": "CodeRunList"},
            "versions": [version | {"schema": {"openAPIV3Schema": schema}}],
        },
    }
