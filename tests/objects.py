"""Builds objects as the API server sends them.

Each builder returns a dict for `json.dumps`. Times are seconds since the epoch. To set a field for which a builder
has no argument, merge it into the result: `a_run() | {"status": "broken"}`.
"""

import datetime as dt
import json

import msgspec

__all__ = ["CREATED", "a_configmap", "a_job", "a_run", "owned_by", "raw", "run_coroutine", "stamp"]

CREATED = 1_760_000_000
"""The default creation time of a run: 2025-10-09T08:53:20Z."""


def stamp(at):
    """Formats a time in seconds since the epoch as Kubernetes does. None remains None."""
    return at if at is None else dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def a_run(  # noqa: PLR0913 - one parameter for each field that tests set
    *,
    name="r",
    uid="run-r",
    namespace="n",
    kind="CodeRun",
    created=CREATED,
    deleted=None,
    labels=None,
    annotations=None,
    spec=None,
    status=None,
):
    """A run. With `status=None` it has no status, as if the controller has not reconciled it."""
    run = {
        "apiVersion": "agents.platform/v1",
        "kind": kind,
        "metadata": _meta(name, uid, namespace, created, deleted, labels, annotations),
        "spec": {} if spec is None else spec,
    }
    return run if status is None else run | {"status": status}


def owned_by(run, **other):
    """The ownerReference of a Job to the run that controls it."""
    meta = run["metadata"]
    reference = {"apiVersion": run["apiVersion"], "kind": run["kind"], "name": meta["name"], "uid": meta["uid"]}
    return reference | {"controller": True, "blockOwnerDeletion": True} | other


def a_job(  # noqa: PLR0913 - one parameter for each field that tests set
    *,
    of=None,
    owners=None,
    name="j",
    uid="job-j",
    namespace="n",
    created=CREATED + 10,
    started=CREATED + 10,
    deleted=None,
    labels=None,
    annotations=None,
    spec=None,
    active=1,
    ended=None,
    ended_at=CREATED + 300,
    reason=None,
):
    """A Job that is controlled by the run `of` (default: `a_run()`), or that has the ownerReferences `owners`.

    `ended` is the condition of a finished Job, `Complete` or `Failed`, and `ended_at` is the time of the condition.
    """
    status = {"active": active, "startTime": stamp(started)}
    if ended is not None:
        condition = {"type": ended, "status": "True", "reason": reason, "lastTransitionTime": stamp(ended_at)}
        status = {"startTime": stamp(started), "conditions": [condition]}
        if ended == "Complete":
            status["completionTime"] = stamp(ended_at)
    meta = _meta(name, uid, namespace, created, deleted, labels, annotations)
    meta["ownerReferences"] = [owned_by(of or a_run())] if owners is None else owners
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": meta,
        "spec": {"backoffLimit": 0} if spec is None else spec,
        "status": status,
    }


def a_configmap(*, name="controller-agent-templates-claude", namespace="agent-platform", data=None, binary=None):
    """A ConfigMap. `binary` maps keys of `binaryData` to base64 text. Without `data` and `binary` it is empty."""
    content = {"data": data, "binaryData": binary}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _meta(name, f"uid-of-{name}", namespace, CREATED - 86400, None, None, None),
    } | {key: value for key, value in content.items() if value is not None}


def _meta(name, uid, namespace, created, deleted, labels, annotations):
    meta = {"name": name, "namespace": namespace, "uid": uid, "creationTimestamp": stamp(created)}
    more = {"deletionTimestamp": stamp(deleted), "labels": labels, "annotations": annotations}
    return meta | {"resourceVersion": "7"} | {key: value for key, value in more.items() if value is not None}


def raw(item):
    """The JSON of an object, or the given text, as one element of a list or watch response."""
    return msgspec.Raw((item if isinstance(item, str) else json.dumps(item)).encode("utf-8", "surrogatepass"))


def run_coroutine(coroutine):
    """Runs a coroutine without an event loop and returns its result. It may only await `asyncio.sleep(0)`."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as end:
        return end.value
