"""OpenShift's restricted-v2 admits all installed pods, and may assign any user."""

import pytest

from lab import fast_yaml
from tests.deploy.rendering import ROOT, for_each_installation, render_installation

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
"""The volume types of restricted-v2. hostPath is not one of them."""
ASSIGNED_FIELDS = {"runAsUser", "runAsGroup", "fsGroup", "supplementalGroups", "seLinuxOptions"}
"""restricted-v2 assigns these values from the range of the namespace, and rejects values outside of it."""
HOST_FIELDS = {"hostNetwork", "hostPID", "hostIPC"}


def templates(items):
    """The pod specs of all workloads among these objects."""
    found = [item["spec"]["template"]["spec"] for item in items if "template" in item.get("spec", {})]
    assert found
    return found


def violations(pod):
    """The reasons for which restricted-v2 would reject the pod."""
    of_pod = pod.get("securityContext", {})
    if named := HOST_FIELDS & pod.keys() | ASSIGNED_FIELDS & of_pod.keys():
        yield f"names {sorted(named)}"
    for volume in pod.get("volumes", []):
        if not volume.keys() - {"name"} <= VOLUMES:
            yield f"volume {volume}"
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        own = container.get("securityContext", {})
        if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
            yield "may gain privileges"
        if own.get("capabilities") != {"drop": ["ALL"]}:
            yield "keeps capabilities"
        if {**of_pod, **own}.get("seccompProfile") != {"type": "RuntimeDefault"} or not of_pod.get("runAsNonRoot"):
            yield "has no seccomp profile, or may be root"
        if ASSIGNED_FIELDS & own.keys() or any("hostPort" in port for port in container.get("ports", [])):
            yield "names a user or a host port"


@for_each_installation()
def test_restricted_v2_admits_the_pods(installation):
    """These are the pods of kustomize and of the chart, in every installation."""
    assert [violation for pod in templates(render_installation(installation)) for violation in violations(pod)] == []


def test_restricted_v2_admits_the_pod_of_the_hook():
    """The pod is that of the Job that runs before a sync of Argo CD."""
    text = (ROOT / "deploy/examples/argocd/check.yaml").read_text()
    assert [violation for pod in templates(fast_yaml.load_all(text)) for violation in violations(pod)] == []


@pytest.mark.parametrize(
    "more",
    [
        {"securityContext": {"runAsUser": 10001, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}},
        {"securityContext": {"runAsNonRoot": True}},
        {"volumes": [{"name": "logs", "hostPath": {"path": "/var/log"}}]},
        {"hostNetwork": True},
        {"containers": [{"securityContext": {"allowPrivilegeEscalation": False}}]},
    ],
)
def test_a_violation_is_found(more):
    """Each change makes an admitted pod invalid."""
    own = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    of_pod = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    pod = {"securityContext": of_pod, "containers": [{"securityContext": own}]}
    assert list(violations(pod)) == []
    assert list(violations(pod | more)) != []
