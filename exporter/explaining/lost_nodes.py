"""Pods of a dump whose node does not respond, although no Event says so any more."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from exporter.diagnosis.causes import CAUSES, rank
from exporter.diagnosis.explanation import Explanation, FindingView, PodView, time_of
from exporter.diagnosis.finding import MAX_EVIDENCE
from exporter.diagnosis.fixes import FIXES
from exporter.explaining.nodes import NodeState
from exporter.untrusted import shorten

__all__ = ["with_lost_nodes"]

_LOST = "node_lost"
_MIN_SECONDS = 60.0
"""A node may miss a few reports of its status."""
_OVER = frozenset({"Succeeded", "Failed"})
_MAX_FINDINGS = 3
_NAMED: Final = re.compile(r"node ([a-z0-9.-]+): ")


def with_lost_nodes(run: Explanation, nodes: Mapping[str, NodeState]) -> Explanation:
    """The explanation, with a fault for each node of its current pods that does not respond."""
    if not nodes or run.observed is None:
        return run
    if any(one.cause == _LOST for one in run.findings):
        told = tuple(_with_message(one, nodes) for one in run.findings)
        return msgspec.structs.replace(run, findings=told)
    now = run.observed.timestamp()
    pods = {pod.node: pod for worker in run.workers for pod in worker.pods if pod.node and pod.state not in _OVER}
    lost = [one for pod in pods.values() for one in _finding(pod, nodes.get(pod.node), now)][:_MAX_FINDINGS]
    if not lost:
        return run
    found = sorted((*lost, *run.findings), key=lambda one: rank(one.cause))
    return msgspec.structs.replace(run, findings=tuple(found), verdict="fault")


def _with_message(one: FindingView, nodes: Mapping[str, NodeState]) -> FindingView:
    """The finding, with what the Node itself says: it has the reason, an Event about a pod has none."""
    match = _NAMED.match(one.evidence) if one.cause == _LOST else None
    node = nodes.get(match[1]) if match else None
    if node is None or not node.is_lost or not node.why or node.why in one.evidence:
        return one
    return msgspec.structs.replace(one, evidence=shorten(f"{one.evidence}; {node.why}", limit=MAX_EVIDENCE))


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
