"""Jobs of runs: what is kept of them, what is told about them, which permission that needs."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from exporter.cluster import Cluster, Job
from exporter.diagnosis import hang_causes
from exporter.exposition.family import Family, Row
from exporter.resources.kinds import RunKind
from exporter.resources.objects import (
    Meta,
    OwnerReference,
    annotated_seconds,
    bounded,
    object_name,
    seconds,
    word,
)
from exporter.resources.resource import Resource, Rule

__all__ = ["JOBS", "MAX_RUNTIME_ANNOTATION", "WireJob", "slim_job"]

MAX_RUNTIME_ANNOTATION = "coderun-exporter/max-runtime"

# Why a Job fails: https://pkg.go.dev/k8s.io/api/batch/v1#pkg-constants
_REASONS = frozenset(
    {"BackoffLimitExceeded", "DeadlineExceeded", "FailedIndexes", "MaxFailedIndexesExceeded", "PodFailurePolicy"}
)

_LONGEST_NUMBER = 18  # digits
_QUEUE_LABEL = "kueue.x-k8s.io/queue-name"  # https://kueue.sigs.k8s.io/docs/tasks/run/jobs/


class Spec(msgspec.Struct, rename="camel"):
    """spec, without the pod template."""

    active_deadline_seconds: float | None = None
    suspend: bool | None = None


class Condition(msgspec.Struct, rename="camel"):
    """One of status.conditions."""

    type: str | None = None
    status: str | None = None
    reason: str | None = None
    last_transition_time: dt.datetime | None = None


class Status(msgspec.Struct, rename="camel"):
    """status, written by the Job controller."""

    active: int | None = None
    ready: int | None = None
    terminating: int | None = None
    start_time: dt.datetime | None = None
    completion_time: dt.datetime | None = None
    conditions: list[Condition] | None = None


class WireJob(msgspec.Struct):
    """A Job on the wire."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: Spec | None = None
    status: Status | None = None


def slim_job(job: WireJob, *, kinds: Sequence[RunKind], match_labels: Mapping[str, str]) -> Job | None:
    """The record of a Job; None for one that no run controls, that is no run itself, and whose labels do not match.

    A Job whose run is not known is kept: an orphan is exactly what must not vanish.
    """
    meta, spec, status = job.metadata, job.spec or Spec(), job.status or Status()
    marks = meta.labels or {}
    owner, kind = _owner(meta.owner_references or (), kinds)
    read = _reading(marks, meta.annotations or {}, kind, kinds)
    if read is None and not (match_labels and match_labels.items() <= marks.items()):
        return None
    agent, service, task_id, cli, attempt = (read or kinds[0]).job_reader.about(marks, meta.annotations or {})
    namespace, name = word(meta.namespace), object_name(meta.name)
    end = _end(status.conditions or ())
    ended = end is not None
    return Job(
        uid=meta.uid or f"{meta.namespace or ''}/{meta.name or ''}",
        namespace=namespace,
        name=name,
        owner=bounded(owner.uid),
        owner_name=kind.shown(object_name(owner.name)) if kind else "",
        owner_resource=kind.resource if kind and not kind.profile.only else "",
        kind=kind.kind if kind else "",
        created=seconds(meta.creation_timestamp),
        started=seconds(status.start_time),
        active=0 if ended else status.active or 0,
        ready=status.ready,
        terminating=status.terminating or 0,
        finished=(seconds(status.completion_time) or seconds(end.last_transition_time)) if end else None,
        result="" if end is None else "failed" if end.type == "Failed" else "succeeded",
        reason=_reason(end),
        suspended=bool(spec.suspend) and not ended,
        queue=word(marks.get(_QUEUE_LABEL)),
        deleted=None if meta.deletion_timestamp is None else seconds(meta.deletion_timestamp) or 0.0,
        version=int(mark) if (mark := attempt[:_LONGEST_NUMBER]).isdecimal() else 0,
        agent=word(agent.lower()),
        service=word(service),
        task_id=word(task_id),
        cli=word(cli.lower()),
        deadline=spec.active_deadline_seconds,
        max_runtime=annotated_seconds(meta, MAX_RUNTIME_ANNOTATION),
    )


def _reading(
    labels: Mapping[str, str], annotations: Mapping[str, str], owner: RunKind | None, kinds: Sequence[RunKind]
) -> RunKind | None:
    """The kind that says what the labels and annotations mean: that of the owner, or of the Job as a run."""
    if owner is not None:
        return owner
    return next((kind for kind in kinds if kind.is_job and kind.job_reader.is_run(labels, annotations)), None)


def _owner(references: Sequence[OwnerReference], kinds: Sequence[RunKind]) -> tuple[OwnerReference, RunKind | None]:
    """The custom resource that controls the Job, whatever its version. The case of the kind is ignored."""
    owners = [kind for kind in kinds if not kind.is_job]
    for reference in references:
        group = (reference.api_version or "").partition("/")[0]
        for kind in owners:
            if reference.controller and group == kind.group and (reference.kind or "").lower() == kind.kind.lower():
                return reference, kind
    return OwnerReference(), None


def _end(conditions: Sequence[Condition]) -> Condition | None:
    """The condition by which the Job is finished. SuccessCriteriaMet and FailureTarget only announce it."""
    return next((item for item in conditions if item.type in {"Complete", "Failed"} and item.status == "True"), None)


def _reason(end: Condition | None) -> str:
    """A closed set: the reason becomes a label of counters, which are kept for ever."""
    if end is None or end.type != "Failed" or not end.reason:
        return ""
    return end.reason if end.reason in _REASONS else "other"


def start_time(job: Job, _: Cluster) -> float | None:
    """Absent while the Job is suspended: a suspended Job is not late."""
    return None if job.suspended else job.started


def finished(job: Job, _: Cluster) -> Iterator[Row]:
    """A failed Job has no completionTime: its end is its Failed condition's."""
    if job.finished is not None:
        yield (job.result,), job.finished


def info(job: Job, cluster: Cluster) -> Iterator[Row]:
    """What a run knows better than the Job's labels is taken from the run."""
    run = cluster.run_of(job)
    yield (
        (
            object_name(job.uid),
            job.owner_name,
            cluster.agent_of(job),
            job.service or (run.service if run else ""),
            job.task_id or (run.task_id if run else ""),
            job.cli or (run.cli if run else ""),
            job.kind,
        ),
        1,
    )


def pods(job: Job, _: Cluster) -> Iterator[Row]:
    """While the Job is unfinished. `active` counts pods that are ready, and those that are not yet."""
    if job.result:
        return
    if job.ready is not None:
        yield ("running",), job.ready
        yield ("pending",), max(0, job.active - job.ready)
    yield ("terminating",), job.terminating


def hang_cause(job: Job, cluster: Cluster) -> Iterator[Row]:
    """While the Job is unfinished."""
    for cause in hang_causes(job, cluster):
        yield cause, 1


JOBS = Resource(
    name="jobs",
    own=("namespace", "job_name"),
    rule=Rule(group="batch", resource="jobs"),
    families=(
        Family(
            name="job_start_time",
            help="Start time of the Job, in seconds since the epoch; absent while it is suspended.",
            value=start_time,
        ),
        Family(
            name="job_active",
            help="Number of pods of the Job that are pending or running. Also 0 where an unfinished Job has no pod.",
            value=lambda job, _: job.active,
        ),
        Family(
            name="job_info",
            help="Information about the Job.",
            own=("uid", "coderun", "agent", "service", "task_id", "cli", "kind"),
            rows=info,
            needs=("coderuns",),
        ),
        Family(
            name="job_finished_timestamp_seconds",
            help="Time at which the Job completed or failed, in seconds since the epoch.",
            own=("result",),
            rows=finished,
        ),
        Family(
            name="job_created_timestamp",
            help="Creation time of the Job, in seconds since the epoch.",
            value=lambda job, _: job.created,
        ),
        Family(
            name="job_max_runtime_seconds",
            help="Maximum run time of the Job, in seconds; +Inf if it has no limit.",
            value=lambda job, cluster: cluster.max_runtime_of(job)[0],
            needs=("coderuns",),
        ),
        Family(
            name="job_max_runtime_configured",
            help="1 where an annotation or the settings set the maximum run time.",
            value=lambda job, cluster: 1 if cluster.max_runtime_of(job)[1] else None,
            needs=("coderuns",),
        ),
        Family(
            name="job_deadline_seconds",
            help="spec.activeDeadlineSeconds of the Job, where it is set.",
            value=lambda job, _: job.deadline,
        ),
        Family(
            name="job_suspended",
            help="1 while the Job is suspended.",
            value=lambda job, _: 1 if job.suspended else None,
        ),
        Family(
            name="job_queue",
            help="1 with the name of the Kueue queue that suspends and resumes the Job.",
            own=("queue",),
            rows=lambda job, _: [((job.queue,), 1)] if job.queue and not job.result else [],
        ),
        Family(
            name="job_pods",
            help="Number of pods of an unfinished Job: running (ready), pending or terminating.",
            own=("state",),
            rows=pods,
        ),
        Family(
            name="job_hang_cause",
            help="Cause for which a Job is unfinished.",
            own=("cause", "detail"),
            rows=hang_cause,
            needs=("coderuns",),
        ),
    ),
)
