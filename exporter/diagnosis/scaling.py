"""What a cluster autoscaler says about a Pod that no node fits: that a node will come, or why none will.

These Events have the type `Normal`, so only a dump has them.
https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md, https://karpenter.sh/docs/troubleshooting
"""

from typing import Final

from exporter.cache import Event, ObjectCache, Pod
from exporter.diagnosis.events import words
from exporter.diagnosis.pods import SCHEDULING

__all__ = ["SCALING", "no_node_words", "node_grace"]

_NODE_COMES: Final = frozenset({"TriggeredScaleUp", "Nominated"})
_NO_NODE: Final = "NotTriggerScaleUp"
SCALING: Final = _NODE_COMES | {_NO_NODE}
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


def no_node_words(pod: Pod, cache: ObjectCache) -> list[str]:
    """Why the autoscaler adds no node, if that is the newest thing it says."""
    event = _newest(pod, cache)
    says_why = event is not None and (event.reason == _NO_NODE or _is_no_pool(event))
    return [words(event)] if event is not None and says_why else []
