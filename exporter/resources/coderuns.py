"""Runs: what is kept of them, what is told about them, which permission that needs.

The shape of a CodeRun differs between the platform's versions, so that every field is optional.
"""

import datetime as dt
import sys
from collections.abc import Iterator

import msgspec

from exporter.addresses import shown_address
from exporter.cluster import Cluster, Run
from exporter.diagnosis import failure_causes, stall_causes
from exporter.exposition.family import Family, Row
from exporter.resources.kinds import RunKind
from exporter.resources.objects import Meta, annotated_seconds, object_name, seconds, word
from exporter.resources.resource import Resource, Rule
from exporter.untrusted import message, model_name

__all__ = ["CODERUNS", "DEADLINE_ANNOTATION", "CodeRun", "slim_run"]

DEADLINE_ANNOTATION = "coderun-exporter/job-creation-deadline"
_LONGEST_PHASE = 200


class CliConfig(msgspec.Struct, rename="camel"):
    """spec.cliConfig."""

    cli_type: str | None = None
    model: str | None = None


class Spec(msgspec.Struct, rename="camel"):
    """spec, of which the controller uses far more."""

    run_type: str | None = None
    task_id: int | str | None = None
    service: str | None = None
    repository_url: str | None = None
    model: str | None = None
    github_app: str | None = None
    context_version: int | None = None
    cli_config: CliConfig | None = None


class Status(msgspec.Struct, rename="camel"):
    """status. There is none at all when the templates failed: they are filled before it is first written."""

    phase: str | None = None
    message: str | None = None
    job_name: str | None = None
    last_update: dt.datetime | None = None
    work_completed: bool | dt.datetime | None = None
    finished_at: dt.datetime | None = None


class CodeRun(msgspec.Struct):
    """A run on the wire."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: Spec | None = None
    status: Status | None = None


def slim_run(run: CodeRun, *, kind: RunKind) -> Run:
    """The record of a run."""
    meta, spec, status = run.metadata, run.spec or Spec(), run.status or Status()
    marks = meta.labels or {}
    cli = spec.cli_config or CliConfig()
    namespace, name = word(meta.namespace), kind.shown(object_name(meta.name))
    updated = seconds(status.last_update)
    phase = sys.intern((status.phase or "")[:_LONGEST_PHASE])  # as it is: it is looked up, and no label
    return Run(
        uid=meta.uid or f"{meta.namespace or ''}/{meta.name or ''}",
        namespace=namespace,
        name=name,
        kind=kind.kind,
        created=seconds(meta.creation_timestamp),
        phase=phase,
        phase_label=kind.states.label(phase),
        state=kind.states.of(phase),
        message=message(status.message) if status.message else "",
        finalizer=any("/" in name for name in meta.finalizers or ()),
        undecodable=_undecodable(spec, kind),
        requires_configmaps=kind.requires_configmaps,
        run_type=word(spec.run_type),
        agent=agent_of(spec.github_app or marks.get("github-app")),
        service=word(spec.service or marks.get("service")),
        task_id=word(marks.get("task-id") if spec.task_id is None else spec.task_id),
        cli=word((cli.cli_type or "").lower()),
        model=sys.intern(model_name(cli.model or spec.model or "")),
        repository=sys.intern(shown_address(spec.repository_url or "")),
        workflow=word(marks.get("workflow-name")),
        attempt=1 if spec.context_version is None else spec.context_version,
        status_job=object_name(status.job_name),
        work_completed=updated if status.work_completed is True else _moment(status.work_completed),
        finished=seconds(status.finished_at) or updated,
        deleted=seconds(meta.deletion_timestamp),
        deadline=annotated_seconds(meta, DEADLINE_ANNOTATION),
    )


def agent_of(user: str | None) -> str:
    """`5DLabs-Tess` and `5dlabs-tess` are both `tess`."""
    return word((user or "").rpartition("-")[2].lower())


def _undecodable(spec: Spec, kind: RunKind) -> str:
    """Why the controller cannot decode this run: these fields may be absent or set, but not empty."""
    values = {
        "cliType": ("spec.cliConfig.cliType", spec.cli_config and spec.cli_config.cli_type),
        "githubApp": ("spec.githubApp", spec.github_app),
        "model": ("spec.model", spec.model),
    }
    empty = (values[field][0] for field in kind.undecodable_when_empty if values[field][1] == "")
    return next((f"{path} is empty" for path in empty), "")


def _moment(completed: bool | dt.datetime | None) -> float | None:
    return seconds(completed) if isinstance(completed, dt.datetime) else None


def job_name(run: Run, cluster: Cluster) -> Iterator[Row]:
    """An empty job_name says "no Job", which Prometheus stores as no label at all: `{job_name=""}` matches it."""
    if not cluster.jobs_known(run.namespace):
        return
    if (job := cluster.newest_job(run)) is not None:
        yield (job.name,), 1
    elif not run.terminal:
        if not cluster.is_doubtful(run):
            yield ("",), 1
    elif run.status_job:
        yield (run.status_job,), 1


def phase(run: Run, _: Cluster) -> Iterator[Row]:
    """A closed set, whatever the controller writes."""
    yield (run.phase_label,), 1


def state(run: Run, _: Cluster) -> Iterator[Row]:
    """By the state map of the run's kind."""
    yield (run.state,), 1


def info(run: Run, cluster: Cluster) -> Iterator[Row]:
    """What identifies the run. The newest platform names the agent's CLI in the labels of the Job alone."""
    job = cluster.newest_job(run)
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
        ),
        1,
    )


def stall_cause(run: Run, cluster: Cluster) -> Iterator[Row]:
    """While the run has no Job."""
    for cause in stall_causes(run, cluster):
        yield cause, 1


def failure_cause(run: Run, cluster: Cluster) -> Iterator[Row]:
    """While a failed run is on the page."""
    for cause in failure_causes(run, cluster):
        yield cause, 1


CODERUNS = Resource(
    name="coderuns",
    own=("namespace", "coderun"),
    rule=Rule(group="agents.platform", resource="coderuns"),
    families=(
        Family(
            name="coderun_created_timestamp",
            help="Creation time of the run, in seconds since the epoch.",
            value=lambda run, _: run.created,
        ),
        Family(
            name="coderun_job_name",
            help="Newest Job of the run; job_name is empty where a run that is not terminal has none.",
            own=("job_name",),
            rows=job_name,
            needs=("jobs",),
        ),
        Family(
            name="coderun_phase",
            help="Phase of the run; none without a status, other for a phase that its kind does not list.",
            own=("phase",),
            rows=phase,
        ),
        Family(
            name="coderun_state",
            help="State of the run: waiting, open, succeeded, failed or cancelled. Unknown phases are open.",
            own=("state",),
            rows=state,
        ),
        Family(
            name="coderun_info",
            help="Information about the run.",
            own=("uid", "kind", "agent", "service", "task_id", "cli", "model", "repository", "workflow", "run_type"),
            rows=info,
            uses=("jobs",),
        ),
        Family(
            name="coderun_job_creation_deadline_seconds",
            help="How long the run may have no Job, in seconds; +Inf where it opted out.",
            value=lambda run, cluster: cluster.policy.deadline_of(run),
        ),
        Family(
            name="coderun_stall_cause",
            help="Cause for which an open run has no Job.",
            own=("cause", "detail"),
            rows=stall_cause,
            needs=("jobs",),
        ),
        Family(
            name="coderun_failure_cause",
            help="Cause for which a run failed.",
            own=("cause", "detail"),
            rows=failure_cause,
            uses=("jobs",),
        ),
        Family(
            name="coderun_without_job_since_timestamp_seconds",
            help="Time since which an open run has no Job, in seconds since the epoch.",
            value=lambda run, cluster: cluster.without_job_since(run),
            needs=("jobs",),
        ),
        Family(
            name="coderun_attempt",
            help="Attempt number of the run: spec.contextVersion, 1 for the first.",
            value=lambda run, _: run.attempt,
        ),
        Family(
            name="coderun_work_completed_timestamp_seconds",
            help="Time at which status.workCompleted was set, in seconds since the epoch.",
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
    ),
)
