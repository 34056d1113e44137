"""A taint that a component sets for the state of a node is repaired, and never tolerated."""

import pytest

from exporter.diagnosis.fixes_by_text import fix_of
from exporter.diagnosis.next_by_text import next_of
from exporter.diagnosis.taints import taint_fix

ROOM = "Add nodes, end other pods, or lower the requests of the pod."
FIT = "Add a node that fits, or correct the node selector and tolerations."
ROLE = "1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }"


def fix(*reasons):
    """The fix of a Pod that no node fits for these reasons."""
    return fix_of("unschedulable", f"Unschedulable: 0/9 nodes are available: {', '.join(reasons)}.")


def tainted(key, number=2, value=""):
    """A reason of the scheduler."""
    return f"{number} node(s) had untolerated taint {{{key}: {value}}}"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("node.kubernetes.io/disk-pressure", "Free disk space"),
        ("node.kubernetes.io/memory-pressure", "uses the memory"),
        ("node.kubernetes.io/pid-pressure", "too many processes"),
        ("node.kubernetes.io/network-unavailable", "network plugin"),
        ("node.kubernetes.io/not-ready", "Repair the nodes"),
        ("node.kubernetes.io/unreachable", "Repair the nodes"),
        ("node.kubernetes.io/out-of-service", "Start the nodes"),
        ("node.kubernetes.io/unschedulable", "Uncordon"),
        ("node.cloudprovider.kubernetes.io/uninitialized", "cloud-controller-manager"),
        ("node.cloudprovider.kubernetes.io/shutdown", "Start the machines"),
        ("node.cilium.io/agent-not-ready", "pods of the plugin"),
        ("ebs.csi.aws.com/agent-not-ready", "pods of the plugin"),
        ("cni.istio.io/not-ready", "pods of the plugin"),
        ("startup-taint.cluster-autoscaler.kubernetes.io/driver", "pods of the plugin"),
        ("karpenter.sh/unregistered", "NodeClaims"),
        ("karpenter.sh/disrupted", "that replace these"),
        ("karpenter.sh/disruption", "that replace these"),
        ("ToBeDeletedByClusterAutoscaler", "cluster autoscaler removes"),
        ("aws-node-termination-handler/spot-itn", "their machines end"),
        ("acme.example/maintenance", "end of the work"),
    ],
)
def test_a_taint_of_a_component(key, words):
    """The fix never mentions a toleration."""
    assert words in fix(ROLE, tainted(key))
    assert "tolera" not in fix(ROLE, tainted(key))
    assert "custom-columns" in next_of("unschedulable", tainted(key))


@pytest.mark.parametrize(
    "key", ["nvidia.com/gpu", "dedicated", "acme.example/startups", "acme.example/drainage", "spot", "agents-only"]
)
def test_a_taint_that_reserves_nodes(key):
    """A toleration may be right."""
    assert taint_fix(key) == ""
    assert fix(ROLE, tainted(key)) == FIT


def test_a_control_plane_alone_reserves_its_node():
    """There is no worker."""
    assert fix(ROLE) == FIT


def test_the_wording_of_older_schedulers():
    """Before 1.24."""
    text = "1 node(s) had taint {node.kubernetes.io/not-ready: }, that the pod didn't tolerate"
    assert fix(text).startswith("Repair the nodes: ")


def test_with_other_reasons():
    """The reason of most nodes comes first; labels of tainted nodes were not compared."""
    bad = tainted("node.kubernetes.io/not-ready")
    assert fix(bad, "1 Insufficient cpu").endswith(f"or is not ready. {ROOM}")
    assert fix(bad, "6 Insufficient cpu").startswith(f"{ROOM} Repair the nodes: ")
    assert "tolera" not in fix(bad, "6 node(s) didn't match Pod's node affinity/selector")
    full = tainted("node.kubernetes.io/disk-pressure", 3)
    assert fix(bad, full).startswith("Free disk space")
    assert "Repair the nodes" in fix(bad, full)


def test_a_scheduler_that_names_no_taint():
    """Newer ones. A control plane may be one of the nodes."""
    text = "3 node(s) had untolerated taint(s)"
    assert fix(text).startswith("Repair nodes that are not ready; else")
    assert fix(text, "1 Insufficient cpu") == ROOM
    assert fix(text, tainted("node.kubernetes.io/disk-pressure")).startswith("Free disk space")
    assert "topologyKey" in fix(text, "2 node(s) didn't match pod topology spread constraints")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("4 node(s) didn't match pod affinity rules", "podAffinity"),
        ("4 node(s) didn't match pod anti-affinity rules", "anti-affinity"),
        ("4 node(s) didn't satisfy existing pods anti-affinity rules", "anti-affinity"),
        ("4 Too many pods", "maxPods"),
        ("no nodes available to schedule pods", "has none"),
    ],
)
def test_other_reasons(reason, words):
    """Neither the selector nor the tolerations are at fault."""
    assert words in fix(ROLE, reason)
    assert "tolera" not in fix(ROLE, reason)


@pytest.mark.parametrize(
    ("cause", "evidence", "words"),
    [
        ("unschedulable", "FailedScheduling: Failed to schedule pod, incompatible with nodepool a", "NodePool"),
        ("unschedulable", "Failed to schedule pod, all available instance types exceed limits for nodepool", "Raise"),
        ("unschedulable", "pod group is not ready, 1 Pending, 4 minAvailable", "together"),
        ("pod_creation_failed", "Error creating: etcdserver: mvcc: database space exceeded", "etcd"),
        ("pod_creation_failed", "Error creating: Pod is invalid: spec.x: Required value", "field"),
        ("pod_creation_failed", "Error creating: etcdserver: request timed out", "API server"),
        ("node_rejected", "SysctlForbidden: forbidden sysctl: net.core.somaxconn not allowlisted", "sysctl"),
        ("node_rejected", "TopologyAffinityError: Resources cannot be allocated", "NUMA"),
        ("evicted", "Evicted: The node had condition: [DiskPressure].", "Free disk space"),
        ("volume_waiting", 'persistentvolumeclaim "ws" bound to non-existent persistentvolume "a"', "Restore"),
        ("volume_waiting", "pod has unbound immediate PersistentVolumeClaims", "StorageClass"),
        ("volume_waiting", "FailedMount: fsck found errors on device /dev/x", "file system"),
        ("volume_waiting", "an operation with the given Volume ID a already exists", "Wait"),
        ("volume_waiting", "Could not attach volume: UnauthorizedOperation: no", "permission"),
        ("volume_waiting", "InvalidVolume.NotFound: The volume vol-1 does not exist", "disk no longer exists"),
        (
            "container_cannot_be_created",
            "RunContainerError: init was OOM-killed (memory limit too low?)",
            "memory limit",
        ),
        ("container_cannot_be_created", "RunContainerError: nvidia-container-cli: nvml error", "driver on the node"),
        ("container_cannot_be_created", "image has non-numeric user, cannot verify user is non-root", "number"),
        ("container_cannot_be_created", "CreateContainerError: context deadline exceeded", "slow disks"),
        ("image_pull", "ImageInspectError: layers from manifest don't match", "Remove the image"),
    ],
)
def test_fixes_of_other_starts(cause, evidence, words):
    """The texts are those of Kubernetes, Karpenter, container runtimes and drivers."""
    assert words in fix_of(cause, evidence)
