"""A Pod that names an object of an extension that does not exist."""

import pytest

from tests.diagnosis.test_causes import NO_CLAIM, OPEN, READ, a_pod, an_event, explain_objects
from tests.diagnosis.test_progress import WAITS

NETWORK = 'cannot find (egress) in (n): network-attachment-definitions.k8s.cni.cncf.io "egress" not found'


def named(name, *, reason, note):
    """An Event about the Pod, with a UID of its own."""
    return an_event(reason=reason, note=note) | {"metadata": {"name": name, "namespace": "n", "uid": name}}


def causes(folder, *objects):
    """The causes of the run, and the first finding."""
    _, (run,) = explain_objects(folder, [OPEN, WAITS, READ, *objects], "")
    return [one["cause"] for one in run["findings"]], run["findings"][0]


def test_an_additional_network(tmp_path):
    """The shortest of the Events is the evidence, and it is a fault at once: no network plugin is broken."""
    pod = a_pod()
    pod["spec"]["nodeName"] = "w"
    long = f"Failed to create pod sandbox: plugin type=multus failed (add): {NETWORK}"
    events = named("a", reason="FailedCreatePodSandBox", note=long), named("b", reason="NoNetworkFound", note=NETWORK)
    found, first = causes(tmp_path, pod, *events)
    assert found == ["pod_object_missing", "pod_not_starting"]
    assert first["evidence"] == f"NoNetworkFound: {NETWORK}"
    assert first["next"] == "kubectl -n n get network-attachment-definitions.k8s.cni.cncf.io egress"
    assert first["fix"].startswith("Create what the evidence names")


@pytest.mark.parametrize(
    "note",
    [
        'ciliumendpoints.cilium.io "p" not found',
        'pods "p" not found',
        "resourceclaims.resource.k8s.io not found",
        'network-attachment-definitions.k8s.cni.cncf.io "$(reboot)" not found',
    ],
)
def test_an_object_of_a_plugin_is_not_named_by_the_pod(tmp_path, note):
    """Creating it would mend nothing."""
    assert (
        "pod_object_missing"
        not in causes(tmp_path, a_pod(), named("a", reason="FailedCreatePodSandBox", note=note))[0]
    )


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ('waiting for dynamic resource controller to create the resourceclaim "p-gpu"', "pod_object_missing"),
        ("0/3 nodes are available: 3 Insufficient cpu.", "unschedulable"),
    ],
)
def test_a_claim_that_exists_by_now(tmp_path, message, cause):
    """The scheduler fails only for what it waits now."""
    waits = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    missing = named("a", reason="FailedResourceClaimCreation", note=NO_CLAIM)
    assert causes(tmp_path, a_pod(conditions=[waits]), missing)[0][0] == cause
