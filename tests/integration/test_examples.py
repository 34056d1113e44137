"""The examples that users copy are accepted by a real API server."""

import uuid

import pytest

from lab.controlplane.plane import ControlPlane
from tests.deploy.rendering import ROOT, only_object, render_kustomization

pytestmark = [pytest.mark.timeout(120), pytest.mark.needs("kustomize")]

DRY = "dryRun=All&fieldValidation=Strict"


def test_the_argo_cd_hook_is_accepted_with_restricted_pods(control_plane: ControlPlane):
    """Its objects have no unknown fields, and its pod complies with the Pod Security Standard "restricted"."""
    space = f"examples-{uuid.uuid4().hex[:8]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    control_plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": space, "labels": labels}})
    objects = render_kustomization(ROOT / "deploy/examples/argocd")
    for item in objects:
        item["metadata"]["namespace"] = space
        group = "/apis/batch/v1" if item["kind"] == "Job" else "/api/v1"
        path = f"{group}/namespaces/{space}/{item['kind'].lower()}s?{DRY}"
        code, answer = control_plane.request("POST", path, item)
        assert code == 201, answer
    template = only_object(objects, "Job")["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "check"}, "spec": template["spec"]}
    account = {"metadata": {"name": "default"}}
    control_plane.request("POST", f"/api/v1/namespaces/{space}/serviceaccounts", account)
    code, answer = control_plane.request("POST", f"/api/v1/namespaces/{space}/pods?{DRY}", pod)
    assert code == 201, answer
