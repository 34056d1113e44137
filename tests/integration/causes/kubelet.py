"""Faults of pods, as the scheduler, the kubelet and the node controller write them: the Job and its pod are real."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from lab.controlplane.nodes import BY_HAND
from tests.integration.causes.row_run import RowRun, ago

__all__ = ["NODE", "Word", "ended", "looping", "pod", "running", "waiting"]

NODE = "by-hand"
"""Not a Node of the cluster: kwok leaves its pods alone."""


class Word(NamedTuple):
    """A Warning about the pod: its reason, its note, and who writes it."""

    reason: str
    note: str
    component: str = "kubelet"


def pod(
    *,
    status: dict[str, Any],
    words: Sequence[Word] = (),
    bound: bool = True,
    spec: dict[str, Any] | None = None,
    limit: str = "",
    retries: int = 0,
) -> Callable[[RowRun], None]:
    """A run whose pod has this status and these Events. `bound`: the scheduler has assigned it to a node.

    `retries`: the Job controller fails a Job whose containers were restarted more often.
    """

    def make(at: RowRun) -> None:
        """By hand, about the real pod of a real Job."""
        job = {"backoffLimit": retries}
        at.working(spec=job, pod={"schedulerName": BY_HAND} | (spec or {}), limit=limit)
        found = at.until(lambda: _pod_of(at), what="its pod exists")
        path = f"{at.core}/pods/{found['metadata']['name']}"
        if bound:
            target = {"apiVersion": "v1", "kind": "Node", "name": NODE}
            at.ask("POST", f"{path}/binding", {"metadata": {"name": found["metadata"]["name"]}, "target": target})
        for word in words:
            at.ask("POST", f"{at.core}/events", _event(found, word))
        at.patch(f"{path}/status", {"status": status})

    return make


def waiting(name: str, reason: str, message: str = "") -> dict[str, Any]:
    """A container that has not started."""
    return _container(name, {"waiting": {"reason": reason} | ({"message": message} if message else {})})


def running(name: str) -> dict[str, Any]:
    """A container that runs since ten minutes ago."""
    return _container(name, {"running": {"startedAt": ago(10)}})


def ended(name: str, code: int, reason: str) -> dict[str, Any]:
    """A container that has ended five minutes ago."""
    return _container(name, {"terminated": _terminated(code, reason)})


def looping(name: str, code: int, reason: str) -> dict[str, Any]:
    """A container that has ended four times, and will be started again."""
    again = waiting(name, "CrashLoopBackOff", f"back-off 40s restarting failed container={name}")
    return again | {"restartCount": 4, "lastState": {"terminated": _terminated(code, reason)}}


def _container(name: str, state: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "image": "i", "imageID": "", "ready": False, "restartCount": 0, "state": state}


def _terminated(code: int, reason: str) -> dict[str, Any]:
    return {"exitCode": code, "reason": reason, "startedAt": ago(10), "finishedAt": ago(5)}


def _pod_of(at: RowRun) -> dict[str, Any] | None:
    _, listed = at.plane.request("GET", f"{at.core}/pods?labelSelector=job-name={at.name}-job")
    found: list[dict[str, Any]] = listed["items"]
    return found[0] if found else None


def _event(pod: dict[str, Any], word: Word) -> dict[str, Any]:
    """With the API of core/v1, which the kubelet uses."""
    meta, now = pod["metadata"], ago(0)
    about = {"apiVersion": "v1", "kind": "Pod"} | {key: meta[key] for key in ("namespace", "name", "uid")}
    return {
        "metadata": {"name": f"{meta['name']}.{uuid.uuid4().hex[:8]}"},
        "involvedObject": about,
        "type": "Warning",
        "reason": word.reason,
        "message": word.note,
        "source": {"component": word.component},
        "count": 3,
        "firstTimestamp": now,
        "lastTimestamp": now,
    }
