"""The tables of the dashboard of one run, as panels with width and height."""

from typing import Any

from tools.dashboards.board import RUNBOOK
from tools.dashboards.one_run_promql import (
    CREATED,
    FAILURE,
    HANG,
    RUNNING,
    SINCE,
    STALL,
    THIS,
    TOOK,
    WITHOUT_JOB_SINCE,
    of_jobs,
)
from tools.dashboards.parts import BAD, WARN, Query
from tools.dashboards.promql import JOB
from tools.dashboards.table_panel import Column, table

__all__ = ["causes", "one_run_tables"]


def causes() -> tuple[Any, int, int]:
    """Each cause with its detail, which is a sentence or a message."""
    kinds = {"no Job": STALL, "Job unfinished": HANG, "run failed": FAILURE}
    found = [f'label_replace({expr}, "what", "{what}", "", "")' for what, expr in kinds.items()]
    panel = table(
        "Causes",
        "What each cause is based on: an object, a field, or the message of the controller.",
        Query("\nor ".join(found)),
        columns=[
            Column(field="cluster", title="Cluster", width=110),
            Column(field="what", title="Problem", width=130),
            Column(field="cause", title="Cause", width=190),
            Column(field="detail", title="Detail"),
        ],
        by="Cause",
        descending=False,
        nothing="No cause known",
    )
    return panel, 24, 3


def one_run_tables() -> list[tuple[Any, int, int]]:
    """The times of the run, its description, its Jobs, and its alerts."""
    alerts = table(
        "Alerts",
        "Alerts that fire now about the run, its Jobs or its task, and alerts that explain it."
        " Its name links to its runbook where their address is set.",
        Query(f"1000 * ({SINCE})"),
        columns=[
            Column(field="severity", title="Severity", width=90, words={"critical": BAD, "warning": WARN}),
            Column(field="alertname", title="Alert", link=RUNBOOK),
            Column(field="cluster", title="Cluster"),
            Column(field="job_name", title="Job"),
            Column(field="A", title="Since", unit="dateTimeAsIso", width=170),
        ],
        hidden=["namespace", "coderun"],
        by="Since",
        nothing="No alert fires",
    )
    return [(_times(), 8, 8), (_about(), 16, 3), (_jobs(), 16, 5), (alerts, 24, 5)]


def _times() -> Any:
    events = {
        "created": CREATED,
        "without a Job since": WITHOUT_JOB_SINCE,
        "oldest Job created": of_jobs("job_created_timestamp", how="min", by="cluster"),
        "newest Job started": of_jobs("job_start_time", by="cluster"),
        "work completed": f"max by (cluster) (coderun_work_completed_timestamp_seconds{{{THIS}}})",
        "newest Job ended": of_jobs("job_finished_timestamp_seconds", by="cluster"),
        "run ended": f"max by (cluster) (coderun_finished_timestamp_seconds{{{THIS}}})",
        "deletion requested": f"max by (cluster) (coderun_deletion_timestamp_seconds{{{THIS}}})",
    }
    labelled = [f'label_replace({expr}, "event", "{name}", "", "")' for name, expr in events.items()]
    return table(
        "Timestamps",
        "From the run and its Jobs, oldest first. `CodeRunStuckDeleting`.",
        Query("1000 * (" + "\nor ".join(labelled) + ")"),
        columns=[
            Column(field="cluster", title="Cluster", width=110),
            Column(field="event", title="Event"),
            Column(field="A", title="Time", unit="dateTimeAsIso", width=180),
        ],
        by="Time",
        descending=False,
        nothing="No such run",
    )


def _about() -> Any:
    kept = ("kind", "run_type", "agent", "service", "task_id", "cli", "model", "repository", "workflow", "uid")
    return table(
        "Description",
        "From the spec and the labels of the run.",
        Query(f"max by (cluster, {', '.join(kept)}) (coderun_info{{{THIS}}})"),
        columns=[Column(field=name, title=_title(name)) for name in ("cluster", *kept)],
        by="Kind",
        nothing="No such run",
    )


def _title(label: str) -> str:
    words = label.replace("_", " ").capitalize()
    return {"Cli": "CLI", "Uid": "UID", "Task id": "Task ID"}.get(words, words)


def _jobs() -> Any:
    return table(
        "Jobs",
        "Every Job of the run that the exporter exports. Each attempt has a Job of its own; the platform deletes the"
        " previous one.",
        Query(f"1000 * ({of_jobs('job_created_timestamp')})"),
        Query(f"1000 * ({of_jobs('job_start_time')})"),
        Query(f"1000 * ({of_jobs('job_finished_timestamp_seconds')})"),
        Query(f"({RUNNING}) or on ({JOB}) ({TOOK})"),
        Query(of_jobs("job_max_runtime_seconds")),
        columns=[
            Column(field="cluster", title="Cluster", width=110),
            Column(field="job_name", title="Job"),
            Column(field="A", title="Created", unit="dateTimeAsIso", width=160),
            Column(field="B", title="Started", unit="dateTimeAsIso", width=160),
            Column(field="C", title="Ended", unit="dateTimeAsIso", width=160),
            Column(field="D", title="Run time", unit="s", width=90),
            Column(field="E", title="Limit", unit="s", width=90),
        ],
        hidden=["namespace"],
        by="Created",
        nothing="No Job",
    )
