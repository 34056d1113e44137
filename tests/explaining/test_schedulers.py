"""A Pod that no scheduler has processed: the reason is the scheduler that it names, not a node."""

import pytest

from tests.diagnosis.test_causes import OPEN, READ, a_pod, an_event, waits_for, without_pod
from tests.explaining.test_dump_findings import LATER, explain
from tests.objects import CREATED, stamp


def shown(folder, *objects):
    """What `explain` shows for the run of this Pod."""
    return explain(folder, [OPEN, without_pod(active=1, ready=0), *objects], "r", "--at", LATER)[1]


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("volcano", "kubectl get pods --all-namespaces"),
        ("default-scheduler", "kubectl -n kube-system get pods -l component=kube-scheduler"),
    ],
)
def test_no_scheduler_has_processed_the_pod(tmp_path, name, command):
    """Any scheduler sets the condition PodScheduled when it has tried."""
    out = shown(tmp_path, waits_for(name), READ)
    assert "Cause:       scheduler_absent\n" in out
    assert f"no scheduler has processed the pod: spec.schedulerName is {name}, PodScheduled is not set\n" in out
    assert f"Next:      {command}\n" in out


def with_condition(**condition):
    """The Pod with a condition."""
    return waits_for("volcano") | {"status": {"phase": "Pending", "conditions": [condition]}}


def on_a_node():
    """The Pod on a node, whose kubelet has not reported it."""
    pod = waits_for("volcano")
    return pod | {"spec": pod["spec"] | {"nodeName": "w"}}


@pytest.mark.parametrize(
    "objects",
    [
        [with_condition(type="PodScheduled", status="False", reason="Unschedulable", message="0/1 nodes"), READ],
        [on_a_node(), READ],
        [waits_for("volcano"), an_event(reason="FailedScheduling", note="0/1 nodes are available")],
        [a_pod(gates=["kueue.x-k8s.io/admission"]), READ],
    ],
    ids=["condition", "node", "Event", "gate"],
)
def test_a_pod_that_a_scheduler_has_processed(tmp_path, objects):
    """Or that it has to ignore."""
    assert "scheduler_absent" not in shown(tmp_path, *objects)


def test_a_new_pod(tmp_path):
    """A busy scheduler has a queue."""
    objects = [OPEN, without_pod(active=1, ready=0), waits_for("volcano"), READ]
    assert "scheduler_absent (not a fault yet)" in explain(tmp_path, objects, "--at", stamp(CREATED + 60))[1]
