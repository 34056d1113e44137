"""A namespace of an agent platform, in which a test writes the objects instead of the controllers."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from lab.controlplane import objects
from lab.controlplane.plane import ControlPlane
from lab.waiting import until

__all__ = ["CLAUDE", "GROUP", "RIGHTS", "PlatformNamespace"]

GROUP = "agents.platform"
RIGHTS = "exporter"
CLAUDE = "controller-agent-templates-claude"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_MERGE_PATCH = "application/merge-patch+json"
_RULES = [
    {"apiGroups": [GROUP], "resources": ["coderuns"], "verbs": ["list", "watch"]},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
    {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [CLAUDE], "verbs": ["list", "watch"]},
]


class PlatformNamespace:
    """A namespace in which the user `exporter` may read only runs, Jobs, Pods, Events and the ConfigMap CLAUDE."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self.namespace = namespace
        self._plane = plane
        self._rights = f"{_RBAC}/namespaces/{namespace}"
        self.runs = f"/apis/{GROUP}/v1/namespaces/{namespace}/coderuns"
        self.jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self.config_maps = f"/api/v1/namespaces/{namespace}/configmaps"

    def open(self) -> "PlatformNamespace":
        """Creates the namespace, its permissions, and the CRD unless it exists."""
        self._plane.request("POST", _CRDS, objects.crd(GROUP))
        until(lambda: self._plane.request("GET", f"/apis/{GROUP}/v1/coderuns")[0] == 200, what="CodeRuns are served")
        self.ask("POST", "/api/v1/namespaces", objects.namespace(self.namespace))
        self.grant(RIGHTS, _RULES)
        return self

    def grant(self, name: str, rules: list[dict[str, Any]]) -> None:
        """Grants permissions in this namespace to the user `exporter`, with a Role `name`."""
        self.ask("POST", f"{self._rights}/roles", {"metadata": {"name": name}, "rules": rules})
        self.bind(name)

    def bind(self, name: str = RIGHTS) -> None:
        """Binds the Role `name` to the user `exporter`."""
        group = {"apiGroup": "rbac.authorization.k8s.io"}
        binding = {
            "metadata": {"name": name},
            "roleRef": group | {"kind": "Role", "name": name},
            "subjects": [group | {"kind": "User", "name": "exporter"}],
        }
        self.ask("POST", f"{self._rights}/rolebindings", binding)

    def unbind(self, name: str = RIGHTS) -> None:
        """Deletes the RoleBinding of the Role `name`."""
        self.ask("DELETE", f"{self._rights}/rolebindings/{name}")

    def close(self) -> None:
        """Deletes the namespace with its contents, and waits until it is gone."""
        path = f"/api/v1/namespaces/{self.namespace}"
        self.ask("DELETE", path)
        until(lambda: self._plane.request("GET", path)[0] == 404, what="the namespace is gone", seconds=60)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, **options: str) -> Any:
        """Sends a request, which must succeed, and returns the body of the response."""
        code, answer = self._plane.request(method, path, body, **options)
        assert code in {200, 201}, f"{code}: {answer}"
        return answer

    def patch(self, path: str, change: dict[str, Any]) -> Any:
        """Applies a merge patch (RFC 7396), and returns the object."""
        return self.ask("PATCH", path, change, content_type=_MERGE_PATCH)

    def make_run(self, name: str, *, spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
        """Creates a CodeRun as a workflow does: without a status and a Job."""
        run = objects.code_run(name, **metadata)
        run["spec"] |= spec or {}
        made: dict[str, Any] = self.ask("POST", self.runs, run)
        return made

    def make_job(
        self,
        run: dict[str, Any],
        *,
        name: str = "",
        made: Callable[..., dict[str, Any]] = objects.job,
        **more: Any,
    ) -> dict[str, Any]:
        """Creates the Job of a run as the controller does, owned by the run. `made` creates the object."""
        owner = {"apiVersion": f"{GROUP}/v1", "kind": "CodeRun", "controller": True, "blockOwnerDeletion": True}
        owner |= {key: run["metadata"][key] for key in ("name", "uid")}
        name = name or f"{run['metadata']['name']}-job"
        stored: dict[str, Any] = self.ask("POST", self.jobs, made(name, ownerReferences=[owner], **more))
        return stored

    def start_job(self, name: str) -> None:
        """Starts a Job as the Job controller does: now, with one pod that is pending or running."""
        self._job_status(name, {"startTime": _now(), "active": 1})

    def finish_job(self, name: str) -> None:
        """Finishes a Job as the Job controller does: with both conditions, and no active pods."""
        now = _now()
        times = {"lastProbeTime": now, "lastTransitionTime": now}
        conditions = [{"type": kind, "status": "True", **times} for kind in ("SuccessCriteriaMet", "Complete")]
        self._job_status(name, {"active": 0, "succeeded": 1, "completionTime": now, "conditions": conditions})

    def set_phase(self, name: str, phase: str) -> None:
        """Sets the phase of a run, as its controller does."""
        status = {"status": {"phase": phase, "lastUpdate": _now()}}
        self.patch(f"{self.runs}/{name}/status", status)

    def delete_job(self, name: str) -> None:
        """Deletes a Job and its pods; without propagationPolicy the pods would remain."""
        self.ask("DELETE", f"{self.jobs}/{name}?propagationPolicy=Background")

    def delete_run(self, name: str) -> None:
        """Deletes a run; the garbage collector deletes its Jobs."""
        self.ask("DELETE", f"{self.runs}/{name}")

    def set_templates(self, data: dict[str, str]) -> None:
        """Sets the content of the ConfigMap CLAUDE, and creates it if necessary; empty data breaks it."""
        code, _ = self._plane.request("GET", f"{self.config_maps}/{CLAUDE}")
        config_map = objects.config_map(CLAUDE, data=data)
        method, path = ("PUT", f"{self.config_maps}/{CLAUDE}") if code == 200 else ("POST", self.config_maps)
        self.ask(method, path, config_map)

    def _job_status(self, name: str, status: dict[str, Any]) -> None:
        self.patch(f"{self.jobs}/{name}/status", {"status": status})


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
