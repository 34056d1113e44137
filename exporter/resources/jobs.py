"""Jobs of runs: wire type, records, lists and watches, and the metric families of all workers."""

import datetime as dt
import functools
import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from exporter.cache import CODERUNS, JOBS, LOGS, NEVER, Job, Key, ObjectCache
from exporter.diagnosis import hang_causes
from exporter.exposition.family import Family, Row
from exporter.resources.job_conditions import end_of, is_decided, message_of, reason_of
from exporter.resources.kinds import RunKind, controller_of
from exporter.resources.log_families import LOG_FAMILIES
from exporter.resources.objects import (
    QUEUE_LABEL,
    Condition,
    Meta,
    annotated_seconds,
    finalizers_of,
    intern_label,
    object_name,
    qualified_names,
    truncate,
    unix_seconds,
)
from exporter.resources.pod_families import POD_FAMILIES
from exporter.resources.resource import ListWatch, Resource
from exporter.resources.wanted import WatchConfig

__all__ = ["MAX_RUNTIME_ANNOTATION", "RESOURCE", "WireJob", "attempt_of", "job_from_object", "related"]

MAX_RUNTIME_ANNOTATION = "coderun-exporter/max-runtime"

_MAX_DIGITS = 18
_MAX_INDEXES_LENGTH = 200
_INDEXES = re.compile(r"\d{1,9}(-\d{1,9})?(,\d{1,9}(-\d{1,9})?)*")


_JOB_CONTROLLER = "kubernetes.io/job-controller"


class Spec(msgspec.Struct, rename="camel"):
    """`spec`, without the pod template."""

    active_deadline_seconds: float | None = None
    suspend: bool | None = None
    manual_selector: bool | None = None
    managed_by: str | None = None
    success_policy: dict[str, msgspec.Raw] | None = None


class Status(msgspec.Struct, rename="camel"):
    """`status`, set by the Job controller."""

    active: int | None = None
    ready: int | None = None
    terminating: int | None = None
    start_time: dt.datetime | None = None
    completion_time: dt.datetime | None = None
    failed_indexes: str | None = None
    conditions: list[Condition] | None = None


class WireJob(msgspec.Struct):
    """A Job on the wire."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: Spec | None = None
    status: Status | None = None


def job_from_object(job: WireJob, *, kinds: Sequence[RunKind], match_labels: Mapping[str, str]) -> Job | None:
    """The record of a Job; None if no run controls it, it is not a run itself, and its labels do not match.

    A Job whose run is not in the cache has a record too, because Jobs without a run are exposed.
    """
    meta, spec, status = job.metadata, job.spec or Spec(), job.status or Status()
    labels = meta.labels or {}
    owner, kind = controller_of(meta.owner_references or (), kinds)
    read = _reading(labels, meta.annotations or {}, kind, kinds)
    if read is None and not (match_labels and match_labels.items() <= labels.items()):
        return None
    agent, service, task_id, cli, attempt = (read or kinds[0]).job_reader.about(labels, meta.annotations or {})
    namespace, name = intern_label(meta.namespace), object_name(meta.name)
    end = end_of(status.conditions or ())
    ended = end is not None
    return Job(
        uid=meta.uid or f"{meta.namespace or ''}/{meta.name or ''}",
        namespace=namespace,
        name=name,
        owner=truncate(owner.uid),
        owner_name=kind.exposed_name(object_name(owner.name)) if kind else "",
        owner_resource=kind.resource if kind and not kind.profile.only else "",
        kind=kind.kind if kind else "",
        created=unix_seconds(meta.creation_timestamp),
        started=unix_seconds(status.start_time),
        active=0 if ended else status.active or 0,
        ready=status.ready,
        terminating=status.terminating or 0,
        finished=(unix_seconds(status.completion_time) or unix_seconds(end.last_transition_time)) if end else None,
        result="" if end is None else "failed" if end.type == "Failed" else "succeeded",
        reason=reason_of(end),
        message=message_of(status.conditions or (), status.failed_indexes),
        failed_indexes=(
            "" if spec.success_policy or is_decided(status.conditions or ()) else _indexes(status.failed_indexes)
        ),
        suspended=bool(spec.suspend) and not ended,
        queue=intern_label(labels.get(QUEUE_LABEL)),
        managed_by="" if spec.managed_by == _JOB_CONTROLLER else qualified_names([spec.managed_by]),
        deleted=None if meta.deletion_timestamp is None else unix_seconds(meta.deletion_timestamp) or 0.0,
        finalizers=finalizers_of(meta),
        version=attempt_of(attempt),
        agent=intern_label(agent.lower()),
        service=intern_label(service),
        task_id=intern_label(task_id),
        cli=intern_label(cli.lower()),
        deadline=spec.active_deadline_seconds,
        max_runtime=annotated_seconds(meta, MAX_RUNTIME_ANNOTATION),
        manual_selector=bool(spec.manual_selector),
    )


def _indexes(text: str | None) -> str:
    """`status.failedIndexes`, shortened to whole intervals."""
    found = text or ""
    if len(found) > _MAX_INDEXES_LENGTH:
        found = found[:_MAX_INDEXES_LENGTH].rpartition(",")[0]
    return found if _INDEXES.fullmatch(found) else ""


def attempt_of(text: str) -> int:
    """The number of an attempt; 0 if there is none."""
    return int(number) if (number := text[:_MAX_DIGITS]).isdecimal() else 0


def _reading(
    labels: Mapping[str, str], annotations: Mapping[str, str], owner: RunKind | None, kinds: Sequence[RunKind]
) -> RunKind | None:
    """The kind whose profile reads the labels and annotations: the kind of the owner, or of a Job that is a run."""
    if owner is not None:
        return owner
    return next((kind for kind in kinds if kind.is_job and kind.job_reader.is_run(labels, annotations)), None)


def lists(wanted: WatchConfig) -> list[ListWatch]:
    """A list for each namespace, or one for all namespaces."""
    return [
        ListWatch(
            title="jobs",
            scope=scope or "*",
            partition=scope
            or "*",  # by this name, the cache finds out whether the Jobs of a namespace have been listed
            group="batch",
            plural="jobs",
            namespace=scope,
            labels=wanted.labels,
            required=True,
            wire=WireJob,
            record=functools.partial(job_from_object, kinds=wanted.kinds, match_labels=wanted.match_labels),
        )
        for scope in wanted.scopes
    ]


def related(job: Job, cache: ObjectCache) -> set[Key]:
    """The Job, its runs, the Jobs whose cause `superseded` may change with it, and the Pod with the same name."""
    other = cache.namesake(job)
    same = [job] if other is None else [job, other]
    return {
        *(Key(JOBS, one.uid) for one in same),
        *(
            Key(CODERUNS, run.uid)
            for one in same
            for its in cache.runs_of(one)
            for run in cache.with_controllers(its)
        ),
        *(Key(JOBS, other.uid) for other in cache.superseded_by(job)),
        *(key for one in same for run in cache.runs_of(one) for key in cache.workflows_waiting_for(run)),
    }


def start_time(job: Job, cache: ObjectCache) -> float | None:
    """Absent while the Job is suspended."""
    return None if job.suspended else cache.started(job)


def long_lived(job: Job, cache: ObjectCache) -> float | None:
    """1 for the Job of a long-lived run without a configured limit. A configured limit applies to it too."""
    if (run := cache.run_of(job)) is None or not run.long_lived:
        return None
    limit, is_set = cache.max_runtime_of(job)
    return 1 if limit == NEVER and not is_set else None


def finished(job: Job, _: ObjectCache) -> Iterator[Row]:
    """Finish time. A failed Job has no completionTime: it is the transition time of its Failed condition."""
    if job.finished is not None:
        yield (job.result,), job.finished


def info(job: Job, cache: ObjectCache) -> Iterator[Row]:
    """Labels that identify the Job, completed with the labels of its run."""
    run = cache.run_of(job)
    yield (
        (
            object_name(job.uid),
            job.owner_name or (run.name if run else ""),
            cache.agent_of(job),
            job.service or (run.service if run else ""),
            job.task_id or (run.task_id if run else ""),
            job.cli or (run.cli if run else ""),
            job.kind or (run.kind if run else ""),
            job.worker,
        ),
        1,
    )


def hang_cause(job: Job, cache: ObjectCache) -> Iterator[Row]:
    """Causes, while the Job is unfinished."""
    for cause in hang_causes(job, cache):
        yield cause, 1


RESOURCE = Resource(
    name="jobs",
    table=JOBS,
    label_names=("namespace", "job_name"),
    lists=lists,
    related=related,
    families=(
        Family(
            name="job_start_time",
            help="Start time of the Job, in seconds since the epoch; absent while it is suspended.",
            value=start_time,
            uses=("coderuns",),
        ),
        Family(
            name="job_active",
            help="Number of pods of the Job that are pending or running. Also 0 if an unfinished Job has no pod.",
            value=lambda job, _: job.active,
        ),
        Family(
            name="job_info",
            help='Information about the Job, or about the Pod that is itself the worker (worker="Pod").',
            label_names=("uid", "coderun", "agent", "service", "task_id", "cli", "kind", "worker"),
            rows=info,
            needs=("coderuns",),
        ),
        Family(
            name="job_finished_timestamp_seconds",
            help="Time at which the Job completed or failed, in seconds since the epoch.",
            label_names=("result",),
            rows=finished,
        ),
        Family(
            name="job_created_timestamp",
            help="Creation time of the Job, in seconds since the epoch.",
            value=lambda job, _: job.created,
        ),
        Family(
            name="job_max_runtime_seconds",
            help="Maximum run time of the Job, in seconds; +Inf if the limit is disabled.",
            value=lambda job, cache: cache.thresholds.max_runtime_of(job, cache.agent_of(job)),
            needs=("coderuns",),
        ),
        Family(
            name="job_max_runtime_configured",
            help="1 if an annotation or the settings set the maximum run time.",
            value=lambda job, cache: 1 if cache.max_runtime_of(job)[1] else None,
            needs=("coderuns",),
        ),
        Family(
            name="job_long_lived",
            help="1 if the default maximum run time does not apply, because the run is long-lived.",
            value=long_lived,
            needs=("coderuns",),
        ),
        Family(
            name="job_deadline_seconds",
            help="spec.activeDeadlineSeconds of the Job, if set.",
            value=lambda job, _: job.deadline,
        ),
        Family(
            name="job_deletion_timestamp_seconds",
            help="End of the grace period of a worker Pod that is being deleted, in seconds since the epoch.",
            value=lambda job, _: job.deleted if job.is_pod else None,
        ),
        Family(
            name="job_suspended",
            help="1 while the Job is suspended.",
            value=lambda job, _: 1 if job.suspended else None,
        ),
        Family(
            name="job_queue",
            help="1 with the name of the Kueue queue that suspends and resumes the Job.",
            label_names=("queue",),
            rows=lambda job, _: [((job.queue,), 1)] if job.queue and not job.result else [],
        ),
        *POD_FAMILIES,
        *LOG_FAMILIES,
        Family(
            name="job_hang_cause",
            help="Cause for which a Job is unfinished.",
            label_names=("cause", "detail"),
            rows=hang_cause,
            needs=("coderuns",),
            uses=("job_pods", "events", LOGS),
        ),
    ),
)
