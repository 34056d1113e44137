"""Objects that are valid on a real API server, as small as they can be."""

from typing import Any

__all__ = ["code_run", "config_map", "crd", "job", "namespace"]


def namespace(name: str) -> dict[str, Any]:
    """A Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def config_map(name: str, *, data: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    """A ConfigMap; more metadata by keyword."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": data or {}}


def crd(group: str = "agents.platform", *, versions: tuple[str, ...] = ("v1",)) -> dict[str, Any]:
    """The CustomResourceDefinition of CodeRuns, with a status subresource; a test may take a group of its own."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"coderuns.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "coderuns", "singular": "coderun", "kind": "CodeRun", "listKind": "CodeRunList"},
            "versions": [
                {
                    "name": each,
                    "served": True,
                    "storage": not number,
                    "subresources": {"status": {}},
                    "schema": schema,
                }
                for number, each in enumerate(versions)
            ],
        },
    }


def code_run(name: str, *, group: str = "agents.platform", **metadata: Any) -> dict[str, Any]:
    """A CodeRun with a little spec; more metadata by keyword."""
    return {
        "apiVersion": f"{group}/v1",
        "kind": "CodeRun",
        "metadata": {"name": name, **metadata},
        "spec": {"taskId": 1, "service": "cto"},
    }


def job(name: str, **metadata: Any) -> dict[str, Any]:
    """A Job of one container that the Job controller leaves alone: whoever made it writes its status."""
    containers = [{"name": "claude-code", "image": "agent:1"}]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, **metadata},
        "spec": {
            "managedBy": "coderun-exporter.example/by-hand",
            "template": {"spec": {"restartPolicy": "Never", "containers": containers}},
        },
    }
