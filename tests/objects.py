"""Objects as the API server sends them: the builders that tests share.

They give plain dictionaries, ready for `json.dumps`; times are seconds since the epoch. What a builder has no
argument for is put into its answer by hand: `a_run() | {"status": "broken"}`.
"""

import datetime as dt
import json

import msgspec

__all__ = ["CREATED", "a_configmap", "a_job", "a_run", "done", "owned_by", "raw", "stamp"]

CREATED = 1_760_000_000
"""When a run is created that says nothing else: 2025-10-09T08:53:20Z."""


def stamp(at):
    """A time as Kubernetes writes it; None stays None."""
    return at if at is None else dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def a_run(  # noqa: PLR0913 - as many as a run has that matter here
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
    """A run. Without a status there is none at all, as the controller leaves it when its templates fail."""
    run = {
        "apiVersion": "agents.platform/v1",
        "kind": kind,
        "metadata": _meta(name, uid, namespace, created, deleted, labels, annotations),
        "spec": {} if spec is None else spec,
    }
    return run if status is None else run | {"status": status}


def owned_by(run, **other):
    """The ownerReference by which a run controls its Job."""
    meta = run["metadata"]
    reference = {"apiVersion": run["apiVersion"], "kind": run["kind"], "name": meta["name"], "uid": meta["uid"]}
    return reference | {"controller": True, "blockOwnerDeletion": True} | other


def a_job(  # noqa: PLR0913 - as many as a Job has that matter here
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
    """A Job of the run `of` (by default of `a_run()`), or with the ownerReferences `owners`.

    `ended` is the condition that ends it, `Complete` or `Failed`, at `ended_at`.
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
    """A ConfigMap; `binary` are values of binaryData, base64 as on the wire. Without either it is empty."""
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
    """An object's bytes, or text, as one element of a list or a watch."""
    return msgspec.Raw((item if isinstance(item, str) else json.dumps(item)).encode("utf-8", "surrogatepass"))


def done(coroutine):
    """Runs it to its end, without an event loop: all that it awaits is that others have a turn."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as end:
        return end.value
