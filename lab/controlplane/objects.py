"""Minimal objects that a real API server accepts."""

from typing import Any

__all__ = ["code_run", "config_map", "crd", "job", "namespace", "working_job"]

_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_MAIN = {"name": "claude-code", "image": "agent:1"}


def namespace(name: str) -> dict[str, Any]:
    """A Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def config_map(name: str, *, data: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    """A ConfigMap. Keyword arguments add metadata."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": data or {}}


def crd(
    group: str = "agents.platform",
    *,
    versions: tuple[str, ...] = ("v1",),
    kind: str = "CodeRun",
    schema: dict[str, Any] | None = None,
    with_status: bool = True,
) -> dict[str, Any]:
    """The CustomResourceDefinition of CodeRuns. A test may set another group, kind or openAPIV3Schema.

    `with_status`: whether the status is a subresource. If so, the server drops the status of a new object.
    """
    singular = kind.lower()
    names = {"plural": f"{singular}s", "singular": singular, "kind": kind, "listKind": f"{kind}List"}
    version = {"served": True, "schema": {"openAPIV3Schema": schema or _ANY}}
    if with_status:
        version |= {"subresources": {"status": {}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{singular}s.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": names,
            "versions": [{"name": each, "storage": not number, **version} for number, each in enumerate(versions)],
        },
    }


def code_run(name: str, *, group: str = "agents.platform", kind: str = "CodeRun", **metadata: Any) -> dict[str, Any]:
    """A CodeRun with a minimal spec. Keyword arguments add metadata."""
    return {
        "apiVersion": f"{group}/v1",
        "kind": kind,
        "metadata": {"name": name, **metadata},
        "spec": {"taskId": 1, "service": "cto"},
    }


def job(name: str, **metadata: Any) -> dict[str, Any]:
    """A Job with one container. `managedBy` makes the Job controller ignore it, so that a test writes the status."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, **metadata},
        "spec": {
            "managedBy": "coderun-exporter.example/by-hand",
            "template": {"spec": {"restartPolicy": "Never", "containers": [_MAIN]}},
        },
    }


def working_job(name: str, *, work_seconds: int, ttl_seconds: int, **metadata: Any) -> dict[str, Any]:
    """A Job for the real Job controller. Its pod runs for `work_seconds`; the Job is deleted `ttl_seconds` later."""
    marks = {"annotations": {"demo/work-seconds": str(work_seconds)}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, **metadata},
        "spec": {
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": ttl_seconds,
            "template": {"metadata": marks, "spec": {"restartPolicy": "Never", "containers": [_MAIN]}},
        },
    }
