"""What the objects of a dump add to a finding: the message of a Node, and the memory of a controller."""

import datetime as dt

import pytest

from exporter.diagnosis.explanation import Explanation, FindingView
from exporter.explaining.lost_nodes import with_lost_nodes
from exporter.explaining.nodes import NodeState
from exporter.explaining.other_pods import OtherPod
from exporter.explaining.related import Related, _finding
from exporter.explaining.selection import failed_note

WHY = "Kubelet stopped posting node status"


def a_run(*findings, state="open", verdict="fault"):
    """An explanation with these findings."""
    now = dt.datetime.fromtimestamp(5000, dt.UTC)
    return Explanation(
        namespace="n", name="r", kind="CodeRun", verdict=verdict, state=state, observed=now, findings=findings
    )


@pytest.mark.parametrize(("is_lost", "told"), [(True, f"; {WHY}"), (False, "")])
def test_the_message_of_a_lost_node_is_in_the_evidence(is_lost, told):
    """The Event about the pod only says that the node is not ready."""
    said = FindingView(cause="node_lost", fault=True, evidence="node w1: NodeNotReady: Node is not ready")
    node = NodeState("w1", "Unknown" if is_lost else "True", 1.0, (), WHY)
    (found,) = with_lost_nodes(a_run(said), {"w1": node}).findings
    assert found.evidence == said.evidence + told


@pytest.mark.parametrize(
    ("last", "fix"), [("OOMKilled", "Raise the memory limit of the controller."), ("Error", "f")]
)
def test_a_controller_without_memory_needs_more(last, fix):
    """Its log does not say why it ended."""
    said = FindingView(cause="not_reconciled", fault=True, evidence="e", fix="f")
    pod = OtherPod("n", "task-controller-7", f"container manager: CrashLoopBackOff, last {last}")
    assert _finding(said, a_run(said), Related([pod], [], [])).fix == fix


@pytest.mark.parametrize(
    ("state", "words"), [("failed", "runs failed within"), ("succeeded", "fault and ended within")]
)
def test_a_run_that_succeeded_and_is_kept_did_not_fail(state, words):
    """A finalizer keeps it."""
    (note,) = failed_note([a_run(state=state)])
    assert words in note
