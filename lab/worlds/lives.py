"""The earlier history of runs whose files show only their last state: before it, they were Running and owned a Job.

The order is that of the controller. A Job ends before its run. A retry deletes the Job, increases contextVersion, and
creates the next Job 10 s later. A succeeded Job is deleted a minute after its end.
"""

import itertools
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lab.clock import rfc3339, seconds_of
from lab.worlds.steps import Step

__all__ = ["LIVES"]

_TO_FIRST_JOB = 10.0  # seconds from the creation of a run to its first Job
_TO_NEXT_JOB = 10.0  # seconds from the end of a Job to the next Job
_TO_RETRY = 1.0  # seconds from the end of a Job to its deletion and the next contextVersion
_TO_CLEANUP = 60.0  # seconds from the end of a run to the deletion of its Job
_ATTEMPTS = 38


def _finished_run(run: dict[str, Any], _snapshot: float) -> Iterator[Step]:
    """A run with one Job until its end."""
    born, end = seconds_of(run["metadata"]["creationTimestamp"]), seconds_of(run["status"]["finishedAt"])
    name = run["status"].get("jobName") or f"play-coderun-{run['metadata']['name']}-v1"
    yield Step(at=born, item=_without_status(run))
    yield from _attempt(run, name=name, attempt=1, begin=born + _TO_FIRST_JOB, end=end)
    cleaned = {"expireAt", "cleanupCompletedAt"}
    status = {key: value for key, value in run["status"].items() if key not in cleaned}
    yield Step(at=end, item=_without_deletion(run) | {"status": status | {"lastUpdate": rfc3339(end)}})
    yield Step(at=end + _TO_CLEANUP, item=_job(run, name=name, attempt=1, begin=born + _TO_FIRST_JOB), gone=True)
    if run["status"].keys() & cleaned:
        yield Step(at=end + _TO_CLEANUP, item=run)
    if "deletionTimestamp" in run["metadata"]:
        yield Step(at=seconds_of(run["metadata"]["deletionTimestamp"]), item=run)


def _retrying_run(run: dict[str, Any], _snapshot: float) -> Iterator[Step]:
    """A run with attempts 1 to 37, each with a Job that completes. The file contains the Job of attempt 38."""
    born, newest = seconds_of(run["metadata"]["creationTimestamp"]), seconds_of(run["status"]["lastUpdate"])
    first = born + _TO_FIRST_JOB
    starts = [round(first + (newest - first) * done / (_ATTEMPTS - 1)) for done in range(_ATTEMPTS)]
    yield Step(at=born, item=_with_attempt(_without_status(run), 1))
    for attempt, (begin, following) in enumerate(itertools.pairwise(starts), start=1):
        name = run["status"]["jobName"].replace(f"-v{_ATTEMPTS}", f"-v{attempt}")
        end = following - _TO_NEXT_JOB
        yield from _attempt(run, name=name, attempt=attempt, begin=begin, end=end)
        yield from _retry(run, name=name, attempt=attempt, begin=begin, updated=begin, at=end + _TO_RETRY)
    yield Step(at=newest, item=run)


def _run_between_attempts(run: dict[str, Any], snapshot: float) -> Iterator[Step]:
    """A run with the Job of attempt 1 until 5 s before the snapshot, and that of attempt 2 from 90 s after it."""
    begin = seconds_of(run["metadata"]["creationTimestamp"]) + _TO_FIRST_JOB
    name = run["status"]["jobName"]
    yield Step(at=begin - _TO_FIRST_JOB, item=_with_attempt(_without_status(run), 1))
    yield from _attempt(run, name=name, attempt=1, begin=begin, end=None)
    updated = seconds_of(run["status"]["lastUpdate"])
    yield Step(at=updated, item=_with_attempt(run, 1))
    yield from _retry(run, name=name, attempt=1, begin=begin, updated=updated, at=snapshot - 5)
    yield from _attempt(run, name=name.replace("-v1", "-v2"), attempt=2, begin=snapshot + 90, end=None)


LIVES: Mapping[str, Callable[[dict[str, Any], float], Iterator[Step]]] = {
    "cto-parallel-test-t2-quality-b4vfn": _finished_run,
    "stuck-deleting": _finished_run,
    "cto-parallel-test-t9-implementation-loopy": _retrying_run,
    "cto-parallel-test-t5-implementation-q9w8e": _run_between_attempts,
}
"""Histories by name of the run."""


def _attempt(run: dict[str, Any], *, name: str, attempt: int, begin: float, end: float | None) -> Iterator[Step]:
    """The steps of an attempt: its Job runs from `begin`, and completes at `end`, if it is given."""
    job = _job(run, name=name, attempt=attempt, begin=begin)
    started = {"startTime": rfc3339(begin)}
    status = {
        "phase": "Running",
        "message": "Code implementation started",
        "lastUpdate": rfc3339(begin),
        "jobName": name,
        "retryCount": 0,
    }
    yield Step(at=begin, item=job)
    yield Step(at=begin, item=job | {"status": started | {"active": 1, "ready": 1}})
    yield Step(at=begin, item=_with_attempt(_without_deletion(run), attempt) | {"status": status})
    if end is not None:
        times = {"lastProbeTime": rfc3339(end), "lastTransitionTime": rfc3339(end)}
        conditions = [{"type": kind, "status": "True", **times} for kind in ("SuccessCriteriaMet", "Complete")]
        done = {"succeeded": 1, "ready": 0, "completionTime": rfc3339(end), "conditions": conditions}
        yield Step(at=end, item=job | {"status": started | done})


def _retry(
    run: dict[str, Any], *, name: str, attempt: int, begin: float, updated: float, at: float
) -> Iterator[Step]:
    """The steps of a retry: the Job is deleted and contextVersion increases; the status keeps the Job's name."""
    yield Step(at=at, item=_job(run, name=name, attempt=attempt, begin=begin), gone=True)
    status = {**run["status"], "jobName": name, "lastUpdate": rfc3339(updated)}
    yield Step(at=at, item=_with_attempt(_without_deletion(run), attempt + 1) | {"status": status})


def _job(run: dict[str, Any], *, name: str, attempt: int, begin: float) -> dict[str, Any]:
    """The Job of an attempt as the controller creates it."""
    metadata, spec = run["metadata"], run["spec"]
    owner = {"apiVersion": run["apiVersion"], "kind": run["kind"], "name": metadata["name"], "uid": metadata["uid"]}
    labels = {"app": "controller", "component": "code-runner", "job-type": "code", "context-version": str(attempt)}
    labels |= {key: metadata["labels"][key] for key in ("task-id", "service")}
    containers = [{"name": "claude-code", "image": "agent:1"}]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "uid": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
            "creationTimestamp": rfc3339(begin),
            "labels": labels | {"github-user": spec["githubApp"].lower()},
            "ownerReferences": [owner | {"controller": True, "blockOwnerDeletion": True}],
        },
        "spec": {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": containers}}},
    }


def _without_status(run: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in _without_deletion(run).items() if key != "status"}


def _without_deletion(run: dict[str, Any]) -> dict[str, Any]:
    """The run before its deletion was requested."""
    ended = {"deletionTimestamp", "deletionGracePeriodSeconds"}
    return run | {"metadata": {key: value for key, value in run["metadata"].items() if key not in ended}}


def _with_attempt(run: dict[str, Any], attempt: int) -> dict[str, Any]:
    return run | {"spec": run["spec"] | {"contextVersion": attempt}}
