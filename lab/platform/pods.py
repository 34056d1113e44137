"""The pods of Jobs: as the Job controller creates them, and as the kubelet reports them.

Their fields are those of kwok's and the kubelet's pods in Kubernetes 1.36, without addresses and IDs.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from lab.clock import rfc3339

__all__ = ["ended", "mount_failed", "pending", "pod", "pod_name", "running"]

_NODE = "node-1"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # of the API server, for generateName
_MAX_PREFIX = 58


def pod_name(job: Mapping[str, Any], *, start: str) -> str:
    """The name of the pod of a Job that starts or resumes at `start`: its prefix and five characters."""
    digest = hashlib.sha256(f"{job['metadata']['uid']} {start}".encode()).digest()
    end = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:5])
    return f"{job['metadata']['name']}-"[:_MAX_PREFIX] + end


def pod(job: Mapping[str, Any], *, name: str) -> dict[str, Any]:
    """A pod that is scheduled and has no status yet."""
    meta, template = job["metadata"], job["spec"]["template"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"]}
    named = {"controller-uid": meta["uid"], "job-name": meta["name"]}
    labels = (
        template["metadata"].get("labels", {}) | named | {f"batch.kubernetes.io/{key}": named[key] for key in named}
    )
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": meta["namespace"],
            "labels": labels,
            "annotations": template["metadata"].get("annotations", {}),
            "ownerReferences": [owner | {"controller": True, "blockOwnerDeletion": True}],
        },
        "spec": template["spec"] | {"nodeName": _NODE},
    }


def pending(job: Mapping[str, Any], *, now: float) -> dict[str, Any]:
    """The status of a pod whose container is being created."""
    return _status(job, "Pending", {"waiting": {"reason": "ContainerCreating"}}) | {"startTime": rfc3339(now)}


def running(job: Mapping[str, Any], *, now: float) -> dict[str, Any]:
    """The status of a pod whose container runs since `now`."""
    return _status(job, "Running", {"running": {"startedAt": rfc3339(now)}})


def ended(job: Mapping[str, Any], *, now: float, code: int) -> dict[str, Any]:
    """The status of a pod whose container ended with this exit code."""
    state = {"exitCode": code, "reason": "Error" if code else "Completed", "finishedAt": rfc3339(now)}
    return _status(job, "Failed" if code else "Succeeded", {"terminated": state})


def mount_failed(item: Mapping[str, Any], *, now: float) -> dict[str, Any]:
    """The kubelet's Event about a pod that needs a ConfigMap that does not exist."""
    meta = item["metadata"]
    about = {"apiVersion": "v1", "kind": "Pod"} | {key: meta[key] for key in ("namespace", "name", "uid")}
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{meta['name']}.mount", "namespace": meta["namespace"]},
        "type": "Warning",
        "reason": "FailedMount",
        "note": 'MountVolume.SetUp failed for volume "task-files" : configmap "task-files" not found',
        "regarding": about,
        "eventTime": None,
        "deprecatedSource": {"component": "kubelet", "host": _NODE},
        "deprecatedFirstTimestamp": rfc3339(now),
        "deprecatedLastTimestamp": rfc3339(now),
        "deprecatedCount": 1,
    }


def _status(job: Mapping[str, Any], phase: str, state: Mapping[str, Any]) -> dict[str, Any]:
    ready = "running" in state
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    names = [each["name"] for each in job["spec"]["template"]["spec"]["containers"]]
    # A merge patch keeps the keys that it does not name.
    states = {key: None for key in ("waiting", "running", "terminated") if key not in state} | dict(state)
    common = {"image": "", "imageID": "", "ready": ready, "restartCount": 0, "state": states}
    return {
        "phase": phase,
        "conditions": [condition],
        "containerStatuses": [{"name": name} | common for name in names],
    }
