"""How long a deleted pod still runs: it is terminating until its grace period is over or its kubelet ends it.

Source: "Termination of Pods" of the Kubernetes documentation, and BeforeDelete of k8s.io/apiserver.
"""

import time
from typing import Any

__all__ = ["is_over", "marked", "period"]

DEFAULT_SECONDS = 30
ENDED = ("Succeeded", "Failed")


def period(obj: dict[str, Any], *, wanted: int | None) -> int:
    """The seconds that an object has when it is deleted: none for what is no pod, on no node, or has ended."""
    spec = obj.get("spec") or {}
    is_running = obj["kind"] == "Pod" and spec.get("nodeName")
    if not is_running or (obj.get("status") or {}).get("phase") in ENDED:
        return 0
    seconds = spec.get("terminationGracePeriodSeconds", DEFAULT_SECONDS) if wanted is None else wanted
    return seconds if seconds >= 0 else 1


def is_over(metadata: dict[str, Any]) -> bool:
    """Whether an object that is being deleted has no more time, and nothing that holds it."""
    held = metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds")
    return bool(metadata.get("deletionTimestamp")) and not held


def marked(metadata: dict[str, Any], *, seconds: int, now: float) -> dict[str, Any]:
    """The metadata of an object that is being deleted from now on, or sooner than before."""
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + seconds))
    generation = {"generation": metadata["generation"] + 1} if "generation" in metadata else {}
    return {**metadata, **generation, "deletionTimestamp": end, "deletionGracePeriodSeconds": seconds}
