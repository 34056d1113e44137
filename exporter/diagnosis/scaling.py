"""What a cluster autoscaler says about a Pod that no node fits: that a node will come, or why none will.

These Events have the type `Normal`, so only a dump has them.
https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md, https://karpenter.sh/docs/troubleshooting
"""

from typing import Final, NamedTuple

from exporter.cache import Event, ObjectCache, Pod
from exporter.diagnosis.events import words
from exporter.diagnosis.pods import SCHEDULING

__all__ = ["SCALING", "ComingNode", "coming_node", "node_grace", "scaling_words"]


class ComingNode(NamedTuple):
    """The next command, and the fix if the node does not come."""

    command: str
    fix: str


_NODE_COMES: Final = {
    "TriggeredScaleUp": ComingNode(
        "kubectl get nodes --sort-by=.metadata.creationTimestamp",
        "Look at the node group that the evidence names: its new node has not come, is not ready, or does not fit.",
    ),
    "Nominated": ComingNode(
        "kubectl get nodes,nodeclaims.karpenter.sh",
        "Look at the node or NodeClaim that the evidence names: it has not come, is not ready, or does not fit.",
    ),
}
_NO_NODE: Final = "NotTriggerScaleUp"
SCALING: Final = frozenset({*_NODE_COMES, _NO_NODE})
"""Reasons of Events about Pods."""
_NO_POOL: Final = "Failed to schedule pod, "
"""The beginning of the note of Karpenter: pkg/controllers/provisioning/scheduling/events.go."""
_NODE_SECONDS: Final = 600.0
"""A node that takes longer to become ready is late."""
_MAX_SECONDS: Final = 900.0
"""An autoscaler may announce nodes again and again that do not fit the Pod."""


def _newest(pod: Pod, cache: ObjectCache) -> Event | None:
    return next(
        (event for event in cache.events_about(pod.uid) if event.reason in SCALING or _is_no_pool(event)), None
    )


def _is_no_pool(event: Event) -> bool:
    """Whether Karpenter says why no NodePool fits. Its reason is that of the scheduler."""
    return event.reason == SCHEDULING and event.note.startswith(_NO_POOL)


def node_grace(pod: Pod, cache: ObjectCache, since: float | None) -> float:
    """Seconds after `since` until which a node may still come; 0 if no autoscaler has announced one."""
    event = _newest(pod, cache)
    if event is None or event.reason not in _NODE_COMES or event.last is None or since is None:
        return 0.0
    return min(event.last + _NODE_SECONDS - since, _MAX_SECONDS)


def scaling_words(pod: Pod, cache: ObjectCache) -> list[str]:
    """The newest thing that the autoscaler says: that a node will come, or why none will."""
    event = _newest(pod, cache)
    return [] if event is None else [words(event)]


def coming_node(pod: Pod, cache: ObjectCache) -> ComingNode | None:
    """Where to look for the node that the autoscaler has announced last; None if it has not announced one."""
    event = _newest(pod, cache)
    return None if event is None else _NODE_COMES.get(event.reason)
