"""Which nodes of a dump have the taint that keeps a pod away, and which failing pod sets it."""

import pytest

from tests.diagnosis.test_causes import OPEN, READ, a_pod, without_pod
from tests.explaining.test_dump_findings import LATER, explain
from tests.explaining.test_other_pods import another
from tests.objects import CREATED, stamp

DISK = "node.kubernetes.io/disk-pressure"
CILIUM = "node.cilium.io/agent-not-ready"
READY = {"type": "Ready", "status": "True", "message": "kubelet is posting ready status"}
FULL = {"type": "DiskPressure", "status": "True", "message": "kubelet has disk pressure"}
NO_CNI = {"type": "Ready", "status": "False", "message": "cni plugin not initialized"}
ANY = "2 node(s) had untolerated taint(s)"


def a_node(name, *taints, conditions=(READY,), effect="NoSchedule"):
    """A Node with these taints."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "uid": name, "creationTimestamp": stamp(CREATED - 9)},
        "spec": {"taints": [{"key": key, "effect": effect} for key in taints]},
        "status": {"conditions": [*conditions]},
    }


def on(node, pod):
    """The pod on this node."""
    pod["spec"]["nodeName"] = node
    return pod


def shown(folder, reason, *objects):
    """What `explain` shows for a Pod that no node fits for this reason."""
    message = f"0/2 nodes are available: {reason}."
    waits = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    pod = a_pod(conditions=[waits])
    return explain(folder, [OPEN, without_pod(active=1, ready=0), pod, READ, *objects], "r", "--at", LATER)[1]


def named(key, number=2):
    """The reason of the scheduler."""
    return f"{number} node(s) had untolerated taint {{{key}: }}"


def test_the_nodes_with_the_taint(tmp_path):
    """The condition says why; a node with another taint is not named."""
    nodes = [a_node(name, DISK, conditions=(READY, FULL)) for name in ("w1", "w2", "w3")]
    out = shown(tmp_path, named(DISK), a_node("c", "node-role.kubernetes.io/control-plane"), *nodes)
    why = "DiskPressure is True: kubelet has disk pressure"
    assert f"; node w1: {why}; node w2: {why} and 1 more node\n" in out
    assert "Next:      kubectl describe nodes w1\n" in out
    assert "Fix:       Free disk space" in out
    assert "node c" not in out


@pytest.mark.parametrize(
    ("pod", "is_named"),
    [
        (on("w1", another("cilium-j6d8f", namespace="kube-system")), True),
        (on("w9", another("cilium-j6d8f", namespace="kube-system")), False),
        (on("w1", another("node-exporter-1", namespace="monitoring")), False),
    ],
)
def test_the_failing_pod_of_the_plugin(tmp_path, pod, is_named):
    """Its name is in the taint, and it is on the node."""
    out = shown(tmp_path, named(CILIUM), a_node("w1", CILIUM), pod)
    assert f"; node w1: taint {CILIUM}" in out
    assert (f"Next:      kubectl -n kube-system describe pod {pod['metadata']['name']}\n" in out) is is_named
    assert (" on node w1 fails: " in out) is is_named


def test_the_failing_network_plugin_of_a_node_that_is_not_ready(tmp_path):
    """The taint does not name it, and the condition of the node says that the network is missing."""
    key, pod = "node.kubernetes.io/not-ready", on("w1", another("calico-node-1", namespace="kube-system"))
    assert "describe pod calico-node-1" in shown(tmp_path, named(key), a_node("w1", key, conditions=(NO_CNI,)), pod)
    assert "describe pod" not in shown(tmp_path, named(key), a_node("w1", key), pod).partition("Also:")[0]


def test_a_scheduler_that_names_no_taint(tmp_path):
    """The taints of the nodes tell the fix. A taint that reserves a node may be meant."""
    out = shown(tmp_path, ANY, a_node("w1", DISK), a_node("w2", "nvidia.com/gpu"))
    assert f"; node w1: taint {DISK}\n" in out
    assert "Fix:       Free disk space" in out
    out = shown(tmp_path, ANY, a_node("w2", "nvidia.com/gpu"), a_node("w3", DISK, effect="PreferNoSchedule"))
    assert "; node" not in out
    assert "Fix:       Repair nodes that are not ready; else" in out


def test_cordoned_nodes(tmp_path):
    """The scheduler gives them a reason of its own."""
    out = shown(tmp_path, "2 node(s) were unschedulable", a_node("w1", "node.kubernetes.io/unschedulable"))
    assert "; node w1 is cordoned\n" in out
    assert "Fix:       Uncordon nodes" in out


def test_other_reasons_name_no_node(tmp_path):
    """A taint of a node that the scheduler does not mention is not the reason."""
    assert "; node" not in shown(tmp_path, "2 Insufficient cpu", a_node("w1", DISK))
    assert "; node" not in shown(tmp_path, named("nvidia.com/gpu"), a_node("w1", "nvidia.com/gpu", DISK))


def test_an_odd_node_is_ignored(tmp_path):
    """A dump may contain anything."""
    odd = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": 7}, "spec": {"taints": [{"key": "a b"}, 3]}}
    assert "unschedulable" in shown(tmp_path, named(DISK), odd)


def a_running_pod(node="w1"):
    """The Pod, which runs on this node."""
    return on(node, a_pod("Running", containerStatuses=[{"name": "agent", "state": {"running": {}}}]))


@pytest.mark.parametrize(
    ("ready", "seconds", "node", "is_lost"),
    [
        ("Unknown", 60, "w1", True),
        ("Unknown", 59, "w1", False),
        ("False", 900, "w1", False),
        ("True", 900, "w1", False),
        ("Unknown", 900, "w2", False),
    ],
)
def test_a_node_that_does_not_respond(tmp_path, ready, seconds, node, is_lost):
    """Its Event may have expired. A dump may have only some nodes, so one that it lacks may exist."""
    since = stamp(CREATED + 7200 - seconds)
    lost = {"type": "Ready", "status": ready, "message": "Kubelet stopped posting", "lastTransitionTime": since}
    objects = [OPEN, without_pod(active=1, ready=1), a_running_pod(), READ, a_node(node, conditions=(lost,))]
    code, out = explain(tmp_path, objects, "r", "--at", LATER)
    assert (code, "Cause:       node_lost\n" in out) == (int(is_lost), is_lost)
    assert ("node w1 of pod p: Ready is Unknown: Kubelet stopped posting\n" in out) is is_lost


def test_karpenter_says_why_no_node_comes(tmp_path):
    """Its Event has the reason of the scheduler, and is no failure of it."""
    note = 'Failed to schedule pod, incompatible with nodepool "a", no instance type satisfied resources'
    event = READ | {"reason": "FailedScheduling", "message": note}
    event["involvedObject"] = READ["involvedObject"] | {"uid": "pod-p"}
    event["metadata"] = READ["metadata"] | {"uid": "k"}
    out = shown(tmp_path, "3 Insufficient cpu", event)
    assert f"; FailedScheduling: {note}\n" in out
    assert "Fix:       Correct the requirements of the NodePool" in out
