"""Grace period of a deleted pod: it is terminating until the period is over or the kubelet ends it.

Source: "Termination of Pods" of the Kubernetes documentation, and BeforeDelete of k8s.io/apiserver.
"""

import time
from typing import Any

__all__ = ["is_over", "marked", "period"]

DEFAULT_SECONDS = 30
ENDED = ("Succeeded", "Failed")


def period(obj: dict[str, Any], *, wanted: int | None) -> int:
    """The grace period of a deleted object in seconds; 0 unless it is a pod that runs on a node."""
    spec = obj.get("spec") or {}
    is_running = obj["kind"] == "Pod" and spec.get("nodeName")
    if not is_running or (obj.get("status") or {}).get("phase") in ENDED:
        return 0
    seconds = spec.get("terminationGracePeriodSeconds", DEFAULT_SECONDS) if wanted is None else wanted
    return seconds if seconds >= 0 else 1


def is_over(metadata: dict[str, Any]) -> bool:
    """Whether an object that is being deleted can be removed: its grace period is over, and it has no finalizers."""
    held = metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds")
    return bool(metadata.get("deletionTimestamp")) and not held


def marked(metadata: dict[str, Any], *, seconds: int, now: float) -> dict[str, Any]:
    """The metadata of an object whose deletion was requested, or whose grace period was shortened."""
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + seconds))
    generation = {"generation": metadata["generation"] + 1} if "generation" in metadata else {}
    return {**metadata, **generation, "deletionTimestamp": end, "deletionGracePeriodSeconds": seconds}
