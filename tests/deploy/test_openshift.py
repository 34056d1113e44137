"""OpenShift's restricted-v2 admits every pod that is installed, whatever user it assigns."""

import pytest

from lab import fast_yaml
from tests.deploy.rendering import ROOT, by_choice, rendered

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
"""Those of the constraint: a hostPath is none."""
ASSIGNED = {"runAsUser", "runAsGroup", "fsGroup", "supplementalGroups", "seLinuxOptions"}
"""The constraint sets them from the namespace's range, and rejects a pod that names a value outside of it."""
HOST = {"hostNetwork", "hostPID", "hostIPC"}


def templates(items):
    """The pods' specs of all workloads among these objects."""
    found = [item["spec"]["template"]["spec"] for item in items if "template" in item.get("spec", {})]
    assert found
    return found


def objections(pod):
    """What restricted-v2 has against a pod."""
    whole = pod.get("securityContext", {})
    if named := HOST & pod.keys() | ASSIGNED & whole.keys():
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
        if {**whole, **own}.get("seccompProfile") != {"type": "RuntimeDefault"} or not whole.get("runAsNonRoot"):
            yield "has no seccomp profile, or may be root"
        if ASSIGNED & own.keys() or any("hostPort" in port for port in container.get("ports", [])):
            yield "names a user or a host port"


@by_choice()
def test_restricted_v2_admits_the_pods(choice):
    """Of the chart and of kustomize, in every way to install them."""
    assert [said for pod in templates(rendered(choice)) for said in objections(pod)] == []


def test_restricted_v2_admits_the_example_of_a_hook():
    """The Job that runs before an Argo CD sync."""
    text = (ROOT / "deploy/examples/argocd/check.yaml").read_text()
    assert [said for pod in templates(fast_yaml.load_all(text)) for said in objections(pod)] == []


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
def test_what_it_rejects_is_found(more):
    """Each against a pod that is admitted."""
    own = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    whole = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    pod = {"securityContext": whole, "containers": [{"securityContext": own}]}
    assert list(objections(pod)) == []
    assert list(objections(pod | more)) != []
