"""A run with a Pod that does not start, and dumps: files with objects."""

import json

from tests.clusters import a_job, a_run
from tests.commands.in_process import call_in_thread
from tests.kube.settings import a_kubeconfig

NS = "agent-platform"
RUNNING = {"phase": "Running"}


def a_pod(name="p", *, job="j", state=None):
    """A Pod that a Job controls."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": f"uid-{NS}-{job}", "controller": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": NS,
            "uid": f"uid-{name}",
            "labels": {"job-name": job},
            "ownerReferences": [owner],
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"nodeName": "n1", "containers": [{"name": "agent", "image": "i"}]},
        "status": {"phase": "Pending", "containerStatuses": [{"name": "agent", "state": state or {}}]},
    }


def an_event(about, note, reason="FailedMount"):
    """A warning about an object, in the group events.k8s.io."""
    meta = about["metadata"]
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{meta['name']}.1", "namespace": NS, "uid": f"e-{meta['uid']}"},
        "type": "Warning",
        "reason": reason,
        "note": note,
        "regarding": {"kind": about["kind"], "namespace": NS, "name": meta["name"], "uid": meta["uid"]},
        "deprecatedLastTimestamp": "2026-01-01T00:05:00Z",
    }


POD = a_pod(state={"waiting": {"reason": "ContainerCreating"}})
PENDING = (
    a_run("r", status=RUNNING),
    a_job("j", status={"active": 1, "ready": 0, "startTime": "2026-01-01T00:00:00Z"}),
    POD,
    an_event(POD, 'MountVolume.SetUp failed for volume "v" : configmap "task-files" not found'),
)


def a_dump(folder, text, name="dump.json"):
    """The path of a file with this text, or with a List of these objects."""
    path = folder / name
    if isinstance(text, list):
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": text})
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


async def explain(server, folder, *args):
    """`explain` for this API server: exit code, standard output and standard error."""
    kubeconfig = a_kubeconfig(folder, cluster={"server": server.url})
    return await call_in_thread("explain", "--kubeconfig", kubeconfig, *args)
