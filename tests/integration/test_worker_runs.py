"""Sandboxes as workers of SandboxClaims, on a real API server, with the permissions of `rbac`."""

import functools
import json
import pathlib
import uuid
from typing import Any

import pytest
import yaml

from lab.controlplane.account import ServiceAccount
from lab.controlplane.nodes import BY_HAND
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.waiting import until
from tests.exporting import short_intervals
from tests.integration.in_process import an_exporter, eventually, short_watches
from tests.integration.test_worker_pods import CRDS, names

__all__ = ["short_intervals", "short_watches"]

pytestmark = pytest.mark.timeout(180)

CRD = pathlib.Path(__file__).parents[1] / "profiles/objects/agent-sandbox/00-crd.yaml"
GROUPS = {"sandboxes": "agents.x-k8s.io/v1beta1", "sandboxclaims": "extensions.agents.x-k8s.io/v1beta1"}
KINDS = ["sandboxclaims.extensions.agents.x-k8s.io", "sandboxes.agents.x-k8s.io"]


@pytest.fixture
def platform(control_plane: ControlPlane) -> PlatformNamespace:
    """A namespace. The API server serves both kinds."""
    platform = PlatformNamespace(control_plane, f"sandboxes-{uuid.uuid4().hex[:8]}").open()
    for crd in yaml.safe_load_all(CRD.read_text()):
        control_plane.request("POST", CRDS, crd)
    for plural in GROUPS:
        until(functools.partial(is_served, control_plane, path_of(platform, plural)), what=plural)
    platform.ask(
        "POST", f"/api/v1/namespaces/{platform.namespace}/serviceaccounts", {"metadata": {"name": "default"}}
    )
    return platform


def is_served(plane: ControlPlane, path: str) -> bool:
    """Whether the API server serves this path."""
    return bool(plane.request("GET", path)[0] == 200)


def path_of(platform: PlatformNamespace, plural: str) -> str:
    """The path of a list in the namespace."""
    root = f"/apis/{GROUPS[plural]}" if plural in GROUPS else "/api/v1"
    return f"{root}/namespaces/{platform.namespace}/{plural}"


def create(
    platform: PlatformNamespace, plural: str, name: str, *, of: dict[str, Any] | None = None, **fields: Any
) -> Any:
    """Creates an object that `of` controls. A run is not ready."""
    meta: dict[str, Any] = {"name": name}
    if of is not None:
        owner = {key: of[key] for key in ("apiVersion", "kind")} | {
            key: of["metadata"][key] for key in ("name", "uid")
        }
        meta["ownerReferences"] = [owner | {"controller": True}]
    kind = {"sandboxes": "Sandbox", "sandboxclaims": "SandboxClaim", "pods": "Pod"}[plural]
    head = {"apiVersion": GROUPS.get(plural, "v1"), "kind": kind, "metadata": meta}
    made = platform.ask("POST", path_of(platform, plural), head | fields)
    if plural in GROUPS:
        ready = {"type": "Ready", "status": "False", "reason": "DependenciesNotReady", "message": "m"}
        status = {"status": {"conditions": [ready | {"lastTransitionTime": made["metadata"]["creationTimestamp"]}]}}
        platform.patch(f"{path_of(platform, plural)}/{name}/status", status)
    return made


async def test_a_claim_has_no_job_until_its_sandbox_has_a_pod(
    control_plane: ControlPlane, platform: PlatformNamespace, tmp_path: pathlib.Path
):
    """They are joined by ownerReferences. Each change is an event of the watch of its kind."""
    settings = tmp_path / "settings.yml"
    settings.write_text(json.dumps({"namespaces": [platform.namespace], "coderuns": {"kinds": KINDS}}))
    account = ServiceAccount(control_plane, platform, settings=settings)
    account.grant()
    claim = create(platform, "sandboxclaims", "c", spec={"warmPoolRef": {"name": "warm"}})
    kubeconfig = account.kubeconfig(tmp_path, token=account.token("pod-1").text)
    containers = {"schedulerName": BY_HAND, "containers": [{"name": "claude", "image": "i"}]}
    async with an_exporter(settings, kubeconfig=kubeconfig) as app:
        read = {status.resource for status in app.health.statuses} - {"events"}  # their watch starts a moment later
        assert read == {"sandboxclaims", "sandboxes", "jobs", "pods"}
        assert await names(app, "coderun_job_name", coderun="c") == [""]
        spec = {"operatingMode": "Running", "podTemplate": {"spec": containers}}
        sandbox = create(platform, "sandboxes", "s", of=claim, spec=spec)
        cache = app.store.cache
        await eventually(lambda: any(cache.worker_runs(run) for run in cache.runs), what="the cache has the Sandbox")
        assert await names(app, "coderun_job_name") == ["", ""]
        create(platform, "pods", "s", of=sandbox, spec=containers)
        await eventually(lambda: [*cache.jobs], what="the cache has the Pod")
        assert await names(app, "coderun_job_name") == ["s", "s"]
        assert await names(app, "job_info", "coderun") == ["sandbox/s"]
        platform.ask("DELETE", f"{path_of(platform, 'sandboxes')}/s")
        await eventually(lambda: not any(cache.worker_runs(run) for run in cache.runs), what="the Sandbox is deleted")
        assert await names(app, "coderun_job_name", coderun="c") == [""]
    account.revoke()
