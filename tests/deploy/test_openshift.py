"""The SecurityContextConstraints `restricted-v2` of OpenShift admit the pods, with any UID that they assign."""

import pytest

from lab import fast_yaml
from tests.deploy.rendering import ROOT, for_each_installation, render_installation

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
"""The volume types of restricted-v2. hostPath is not one of them."""
ASSIGNED_FIELDS = {"runAsUser", "runAsGroup", "fsGroup", "supplementalGroups", "seLinuxOptions"}
"""restricted-v2 assigns these values from the range of the namespace, and rejects values outside of it."""
HOST_FIELDS = {"hostNetwork", "hostPID", "hostIPC"}


def pod_specs(items):
    """The pod specs of all workloads among these objects."""
    found = [item["spec"]["template"]["spec"] for item in items if "template" in item.get("spec", {})]
    assert found
    return found


def violations(pod):
    """The reasons for which restricted-v2 would reject the pod."""
    of_pod = pod.get("securityContext", {})
    if fields := HOST_FIELDS & pod.keys() | ASSIGNED_FIELDS & of_pod.keys():
        yield f"sets {sorted(fields)}"
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
            yield "sets a user or a host port"


@for_each_installation()
def test_restricted_v2_admits_the_pods(installation):
    """The pods of every kustomize overlay and of every tested set of chart values."""
    assert [violation for pod in pod_specs(render_installation(installation)) for violation in violations(pod)] == []


def test_restricted_v2_admits_the_pod_of_the_presync_hook():
    """Argo CD runs the Job of the hook before a sync."""
    text = (ROOT / "deploy/examples/argocd/check.yaml").read_text()
    assert [violation for pod in pod_specs(fast_yaml.load_all(text)) for violation in violations(pod)] == []


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
