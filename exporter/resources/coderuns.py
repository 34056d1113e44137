"""Runs: records, lists and watches, and metric families. Their wire types are compiled from the profiles."""

import functools
import sys
from collections.abc import Iterator
from typing import Any, Final

from exporter.addresses import safe_address
from exporter.cache import CODERUNS, JOBS, LOGS, Key, ObjectCache, Run
from exporter.diagnosis import OUTCOMES, failure_causes, outcome_of, stall_causes
from exporter.exposition.family import Family, Row
from exporter.resources.containers import cleaned
from exporter.resources.kinds import RunKind, runs_partition_prefix
from exporter.resources.objects import finalizers_of, intern_label, object_name, seconds_in, truncate, unix_seconds
from exporter.resources.resource import ListWatch, Resource
from exporter.resources.run_costs import RUN_COST_FAMILIES
from exporter.resources.wanted import WatchConfig
from exporter.untrusted import model_name, one_line

__all__ = ["RESOURCE", "run_from_object"]

_MAX_PHASE_LENGTH: Final = 200


def run_from_object(item: Any, *, kind: RunKind) -> Run | None:
    """The record of an object decoded by the reader of its kind; None if the object is not a run."""
    read = kind.reader
    values = read.values(item)
    if read.is_run is not None and not read.is_run(values):
        return None
    meta, texts = values[0], read.about(values)
    agent, service, task_id, cli, model, repository, workflow, run_type, text, attempt = texts
    state, phase, label = read.state(values)
    worker = read.worker(values)
    is_read = worker is not None and kind.reads(worker.kind)
    named, reported = worker.names(values) if worker is not None and is_read else ("", "")
    return Run(
        uid=meta.uid or f"{meta.namespace or ''}/{meta.name or ''}",
        namespace=intern_label(meta.namespace),
        name=kind.exposed_name(object_name(meta.name)),
        kind=kind.kind,
        resource=kind.resource,
        created=unix_seconds(meta.creation_timestamp),
        phase=sys.intern(phase[:_MAX_PHASE_LENGTH]),  # not sanitized: it is not used as a label
        phase_label=label,
        state=state,
        message=cleaned(text),
        finalizer=any("/" in name for name in meta.finalizers or ()),
        undecodable=read.undecodable(values),
        requires_configmaps=kind.requires_configmaps,
        worker=worker.kind if worker is not None and is_read else "",
        workers_prefix=kind.workers_prefix(worker.kind) if worker is not None else "",
        named=object_name(named) if worker is not None and worker.is_named else None,
        shared=worker is not None and worker.shared,
        started=unix_seconds(read.started(values)),
        since=unix_seconds(read.since(values)),
        ready=None if read.is_ready is None else read.is_ready(values),
        long_lived=read.is_long_lived(values),
        pull_request=read.has_pull_request(values),
        run_type=intern_label(run_type),
        agent=intern_label(agent.lower()),
        service=intern_label(service),
        task_id=intern_label(task_id),
        cli=intern_label(cli.lower()),
        model=sys.intern(model_name(model)),
        repository=sys.intern(safe_address(repository)),
        workflow=intern_label(workflow),
        attempt=_number(attempt),
        status_job=object_name(reported),
        work_completed=unix_seconds(read.work_completed(values)),
        finished=unix_seconds(read.finished(values)),
        deleted=unix_seconds(meta.deletion_timestamp),
        finalizers=finalizers_of(meta),
        deadline=seconds_in(values[read.more["deadline"]]),
        workflow_owner=object_name(_uid(values[read.more["workflow_owner"]])),
        workflow_uid=sys.intern(_uid(values[read.more["workflow_uid"]])),
        owner=_uid(values[read.more["controller"]]) if kind.is_worker else "",
    )


def _uid(text: object) -> str:
    return truncate(text) if isinstance(text, str) else ""


def _number(text: str) -> int:
    try:
        return int(text) if text else 1
    except ValueError:
        return 1


def job_name(run: Run, cache: ObjectCache) -> Iterator[Row]:
    """An empty job_name means "no Job". Prometheus drops empty labels: `{job_name=""}` matches the series."""
    if not cache.workers_known(run):
        return
    if (job := cache.newest_job(run)) is not None:
        if not cache.is_hidden(job):
            yield (job.name,), 1
    elif not run.terminal:
        if cache.knows_workers_of(run):
            yield ("",), 1
    elif run.status_job and not run.worker_is_run:
        yield (run.status_job,), 1


def phase(run: Run, _: ObjectCache) -> Iterator[Row]:
    """The phase, from a closed set."""
    yield (run.phase_label,), 1


def state(run: Run, _: ObjectCache) -> Iterator[Row]:
    """The state, from the state rules of the kind."""
    yield (run.state,), 1


def ready(run: Run, _: ObjectCache) -> Iterator[Row]:
    """Readiness of an open run. A waiting or terminal run need not be ready."""
    if run.ready is not None and run.state == "open":
        yield ("" if run.ready else one_line(run.message),), run.ready


def info(run: Run, cache: ObjectCache) -> Iterator[Row]:
    """Labels that identify the run. The newest platform sets the agent's CLI only in the labels of the Job."""
    job = cache.newest_job(run)
    yield (
        (
            object_name(run.uid),
            run.kind,
            run.agent or (job.agent if job else ""),
            run.service,
            run.task_id,
            run.cli or (job.cli if job else ""),
            run.model,
            run.repository,
            run.workflow,
            run.run_type,
            run.worker,
        ),
        1,
    )


def stall_cause(run: Run, cache: ObjectCache) -> Iterator[Row]:
    """Causes, while the run has no Job."""
    for cause in stall_causes(run, cache):
        yield cause, 1


def failure_cause(run: Run, cache: ObjectCache) -> Iterator[Row]:
    """Causes, while a failed run is exposed."""
    for cause in failure_causes(run, cache):
        yield cause, 1


def outcome(run: Run, cache: ObjectCache) -> Iterator[Row]:
    """The outcome of a finished run. Absent until the end of the agent's log has been read."""
    if found := outcome_of(run, cache):
        yield (found,), 1


def lists(wanted: WatchConfig) -> list[ListWatch]:
    """For each kind, a list for each namespace, or one for all namespaces."""
    return [
        ListWatch(
            title=kind.title,
            scope=scope or "*",
            partition=runs_partition_prefix(kind.resource) + (scope or "*"),
            group=kind.group,
            version=kind.version,
            plural=kind.plural,
            namespace=scope,
            labels=wanted.labels,
            required=kind.primary,
            custom=True,
            wire=kind.reader.type,
            record=functools.partial(run_from_object, kind=kind),
        )
        for kind in wanted.custom_kinds
        for scope in wanted.scopes
    ]


def related(run: Run, cache: ObjectCache) -> set[Key]:
    """The run, its Jobs, the runs for which it works, and the untouched runs whose stall cause may change with it."""
    return {
        *(Key(CODERUNS, one.uid) for one in cache.with_controllers(run)),
        *(Key(JOBS, job.uid) for job in cache.jobs_of(run)),
        *(Key(CODERUNS, one.uid) for one in cache.blocked_with(run)),
        *(Key(CODERUNS, uid) for uid in cache.pull_requests.changed_by(run, cache.runs)),
        *cache.workflows_waiting_for(run),
    }


RESOURCE = Resource(
    name="coderuns",
    table=CODERUNS,
    label_names=("namespace", "coderun"),
    lists=lists,
    related=related,
    families=(
        Family(
            name="coderun_created_timestamp",
            help="Creation time of the run, in seconds since the epoch.",
            value=lambda run, _: run.created,
        ),
        Family(
            name="coderun_job_name",
            help="Newest Job of the run. While a run that has not ended has no Job, job_name is empty.",
            label_names=("job_name",),
            rows=job_name,
            needs=("jobs",),
        ),
        Family(
            name="coderun_phase",
            help="Phase of the run: none if it has no phase, other if the profile does not list the phase.",
            label_names=("phase",),
            rows=phase,
        ),
        Family(
            name="coderun_state",
            help="State of the run: waiting, open, succeeded, failed or cancelled. Unknown phases are open.",
            label_names=("state",),
            rows=state,
        ),
        Family(
            name="coderun_ready",
            help="1 if an open run is ready, else 0 with the run's message as detail. For kinds that define ready.",
            label_names=("detail",),
            rows=ready,
        ),
        Family(
            name="coderun_info",
            help="Information about the run.",
            label_names=(
                "uid",
                "kind",
                "agent",
                "service",
                "task_id",
                "cli",
                "model",
                "repository",
                "workflow",
                "run_type",
                "worker",
            ),
            rows=info,
            uses=("jobs",),
        ),
        Family(
            name="coderun_job_creation_deadline_seconds",
            help="How long the run may have no Job, in seconds; +Inf if it has no limit. Absent if the workers"
            " of its kind are not watched, and for terminal runs with a Pod as worker.",
            value=lambda run, cache: cache.thresholds.deadline_of(run) if cache.knows_workers_of(run) else None,
            needs=("jobs",),
        ),
        Family(
            name="coderun_stall_cause",
            help="Cause for which an open run has no Job.",
            label_names=("cause", "detail"),
            rows=stall_cause,
            needs=("jobs",),
            uses=("events",),
        ),
        Family(
            name="coderun_failure_cause",
            help="Cause for which a run failed.",
            label_names=("cause", "detail"),
            rows=failure_cause,
            uses=("jobs",),
        ),
        Family(
            name="coderun_outcome",
            help="Outcome of a finished run: " + ", ".join(OUTCOMES) + ".",
            label_names=("outcome",),
            rows=outcome,
            needs=("jobs",),
            uses=("jobs", LOGS),
        ),
        Family(
            name="coderun_without_job_since_timestamp_seconds",
            help="Time since which an open run has had no Job, in seconds since the epoch.",
            value=lambda run, cache: cache.without_job_since(run),
            needs=("jobs",),
        ),
        Family(
            name="coderun_attempt",
            help="Attempt number of the run: 1 for the first.",
            value=lambda run, _: run.attempt,
        ),
        Family(
            name="coderun_work_completed_timestamp_seconds",
            help="Time at which the run reported that its work is completed, in seconds since the epoch.",
            value=lambda run, _: run.work_completed,
        ),
        Family(
            name="coderun_deletion_timestamp_seconds",
            help="Time at which deletion of the run was requested, in seconds since the epoch.",
            value=lambda run, _: run.deleted,
        ),
        Family(
            name="coderun_finished_timestamp_seconds",
            help="Time at which the run ended, in seconds since the epoch.",
            value=lambda run, _: run.finished if run.terminal else None,
        ),
        *RUN_COST_FAMILIES,
    ),
)
