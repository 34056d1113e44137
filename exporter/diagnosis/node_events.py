"""Events about nodes that say how a process ended: the kernel killed one for lack of memory. Only a dump has them.

https://github.com/kubernetes/node-problem-detector reports OOMKilling, and the kubelet reports SystemOOM.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from exporter.cache import Container, Event, ObjectCache, Pod
from exporter.diagnosis.end_texts import exit_code_of
from exporter.diagnosis.events import words
from exporter.diagnosis.finding import MAX_EVIDENCE, Finding
from exporter.untrusted import one_line

__all__ = ["assign_node_event", "with_node_event"]

_KILLS: Final = frozenset({"OOMKilling", "SystemOOM"})
_FIX: Final = "The kernel killed a process on the node for lack of memory: raise the memory limit."
_SECONDS: Final = 10.0
"""Between the Event and the end of the container. The times of both are of the same node."""
_KILLED: Final = 137
_FAILED: Final = frozenset({"container_failed", "init_container_failed", "crash_loop", "main_container_exited"})


def assign_node_event(event: Event) -> Iterator[Event]:
    """The Event about the node in the minutes in which it occurred; none if it does not say how a process ended."""
    if event.reason in _KILLS:
        for key in {_key(event.about_name, at) for at in (event.first, event.last) if at is not None}:
            yield msgspec.structs.replace(event, about=key, container="")


def with_node_event(finding: Finding, pod: Pod, one: Container, cache: ObjectCache) -> Finding:
    """The finding that a container failed, with the Event that the kernel killed a process of its node at that time.

    The process may be of another container, so the cause remains.
    """
    end = one.since if one.state == "terminated" else one.last_ended
    if finding.cause not in _FAILED or exit_code_of(one) != _KILLED or end is None or not pod.node:
        return finding
    for key in sorted({_key(pod.node, at) for at in (end - _SECONDS, end + _SECONDS)}):
        for event in cache.events_about(key):
            if any(abs(at - end) <= _SECONDS for at in (event.first, event.last) if at is not None):
                said = words(event).partition(" total-vm:")[0]
                text = one_line(f"{finding.evidence}; on its node at that time: {said}", limit=MAX_EVIDENCE)
                return msgspec.structs.replace(finding, evidence=text, fix=_FIX)
    return finding


def _key(node: str, at: float) -> str:
    """The `about` of Events about a node. The kubelet sets its name, and no UID, in some of them."""
    return f"node/{node}/{at // 60:.0f}"
