"""Pods of a dump whose node does not respond, although no Event says so any more."""

import shlex
from collections.abc import Iterator, Mapping

import msgspec

from exporter.diagnosis.causes import CAUSES, rank
from exporter.diagnosis.explanation import Explanation, FindingView, PodView, time_of
from exporter.diagnosis.fixes import FIXES
from exporter.explaining.nodes import NodeState

__all__ = ["with_lost_nodes"]

_LOST = "node_lost"
_MIN_SECONDS = 60.0
"""A node may miss a few reports of its status."""
_OVER = frozenset({"Succeeded", "Failed"})
_MAX_FINDINGS = 3


def with_lost_nodes(run: Explanation, nodes: Mapping[str, NodeState]) -> Explanation:
    """The explanation, with a fault for each node of its current pods that does not respond."""
    if not nodes or run.observed is None or any(one.cause == _LOST for one in run.findings):
        return run
    now = run.observed.timestamp()
    pods = {pod.node: pod for worker in run.workers for pod in worker.pods if pod.node and pod.state not in _OVER}
    lost = [one for pod in pods.values() for one in _finding(pod, nodes.get(pod.node), now)][:_MAX_FINDINGS]
    if not lost:
        return run
    found = sorted((*lost, *run.findings), key=lambda one: rank(one.cause))
    return msgspec.structs.replace(run, findings=tuple(found), verdict="fault")


def _finding(pod: PodView, node: NodeState | None, now: float) -> Iterator[FindingView]:
    """A dump may have only some of the nodes, so one that is not in it may exist."""
    if node is None or not node.is_lost or node.since is None or now - node.since < _MIN_SECONDS:
        return
    info = CAUSES[_LOST]
    yield FindingView(
        cause=_LOST,
        fault=True,
        evidence=f"node {pod.node} of pod {pod.name}: {node.why}",
        since=time_of(node.since),
        meaning=info.meaning,
        act=info.act,
        next=f"kubectl describe nodes {shlex.quote(pod.node)}",
        fix=FIXES[_LOST],
    )
