"""The timeline of a run: all times of it, its workers (Jobs or Pods) and their pods and Events, in order."""

from collections.abc import Iterator

from exporter.diagnosis.explanation import Explanation, Time, TimelineEntry, WorkerView

__all__ = ["timeline_of"]

_MAX_ENTRIES = 200


def timeline_of(run: Explanation) -> tuple[TimelineEntry, ...]:
    """The newest 200 entries of `run.timeline`, and of the run, its workers, pods, containers, Events and causes."""
    entries = {(when, about, what) for when, about, what in _entries(run) if when is not None}
    entries |= {(one.time, one.object, one.what) for one in run.timeline}
    ordered = sorted(entries, key=lambda entry: (entry[0], entry[1], entry[2]))
    return tuple(TimelineEntry(time=when, object=about, what=what) for when, about, what in ordered[-_MAX_ENTRIES:])


def _entries(run: Explanation) -> Iterator[tuple[Time, str, str]]:
    name = f"{run.kind.lower()}/{run.name.rpartition('/')[2]}"
    yield run.created, name, "created"
    yield run.finished, name, f"ended: {run.phase or run.state}"
    yield run.deleted, name, "deletion requested"
    if run.workflow is not None:
        yield run.workflow.created, f"workflow/{run.workflow.name}", "created"
        yield run.workflow.step_started, f"workflow/{run.workflow.name}", f"step {run.workflow.step} started"
    for finding in run.findings:
        yield finding.since, name, f"cause {finding.cause}: {finding.evidence}"
    for worker in run.workers:
        yield from _worker_entries(worker)
    for event in run.events:
        yield event.first, event.object, f"{event.reason}: {event.note}"
        if event.count > 1:
            yield event.last, event.object, f"{event.reason}, the last of {event.count}"


def _worker_entries(worker: WorkerView) -> Iterator[tuple[Time, str, str]]:
    name = f"{worker.kind.lower()}/{worker.name}"
    yield worker.created, name, "created"
    yield worker.started, name, "started"
    yield worker.finished, name, worker.state + (f": {worker.reason}" if worker.reason else "")
    yield worker.deleted, name, "deletion requested"
    for pod in worker.pods:
        about = f"pod/{pod.name}"
        yield pod.created, about, "created"
        yield pod.started, about, "accepted by the kubelet" + (f" on {pod.node}" if pod.node else "")
        yield pod.finished, about, f"ended: {pod.state}" + (f": {pod.reason}" if pod.reason else "")
        yield pod.deleted, about, "end of the grace period"
        for one in pod.containers:
            code = "" if one.exit_code is None else f" with exit code {one.exit_code}"
            reason = f": {one.reason}" if one.reason else ""
            yield one.since, about, f"container {one.name} {one.state}{code}{reason}"
