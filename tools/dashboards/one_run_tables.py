"""The tables of the dashboard of one run, as panels with width and height."""

from typing import Any

from tools.dashboards.board import RUNBOOK
from tools.dashboards.one_run_past import (
    CREATED,
    JOB_STATE,
    JOB_TIMES,
    LAST_EXPORTED,
    job_time,
    of_past_jobs,
    run_time,
    seen,
)
from tools.dashboards.one_run_promql import (
    FAILURE_CAUSE,
    FAILURE_SELECTOR,
    FIRING_SINCE,
    HANG_CAUSE,
    HANG_SELECTOR,
    JOB_STATE_MAPPINGS,
    JOBS_OF_RUN,
    NOT_READY,
    NOT_READY_SEEN,
    RUN_SELECTOR,
    STALL_CAUSE,
    STALL_SELECTOR,
    WITHOUT_JOB_SINCE,
)
from tools.dashboards.parts import BAD, DURATION, GONE, WARN, Query
from tools.dashboards.promql import JOB
from tools.dashboards.table_panel import Column, table

__all__ = ["causes", "one_run_tables"]


def causes() -> tuple[Any, int, int]:
    """The table of causes with their details."""
    kinds = {
        "no Job": (STALL_CAUSE, f"timestamp({STALL_SELECTOR})"),
        "Job unfinished": (HANG_CAUSE, f"timestamp({HANG_SELECTOR}) and on ({JOB}) {JOBS_OF_RUN}"),
        "run failed": (FAILURE_CAUSE, f"timestamp({FAILURE_SELECTOR})"),
        "run not ready": (NOT_READY, NOT_READY_SEEN),
    }
    present = [_with_label(now, "what", what) for what, (now, _) in kinds.items()]
    last = [_with_label(seen(past, "cluster, cause, detail"), "what", what) for what, (_, past) in kinds.items()]
    every, labels = "\nor ".join(last), "cluster, what, cause, detail"
    panel = table(
        "Causes within the time range",
        "Each cause with the object, the field or the message of the controller on which it is based. The column"
        " Now shows whether it applies now.",
        Query(f"1000 * ({every})"),
        Query("\nor ".join([*present, f"0 * group by ({labels}) ({every})"])),
        columns=[
            Column(field="cluster", title="Cluster", width=110),
            Column(field="what", title="Problem", width=130),
            Column(field="cause", title="Cause", width=190),
            Column(field="detail", title="Detail"),
            Column(field="B", title="Now", width=60, codes={0: ("no", GONE), 1: ("yes", BAD)}),
            Column(field="A", title="Last seen", unit="dateTimeAsIso", width=170),
        ],
        by="Last seen",
        nothing="No cause known",
    )
    return panel, 24, 4


def _with_label(expr: str, label: str, text: str) -> str:
    return f'label_replace({expr}, "{label}", "{text}", "", "")'


def one_run_tables() -> list[tuple[Any, int, int]]:
    """The tables of timestamps, the description of the run, its Jobs, and its alerts."""
    alerts = table(
        "Alerts that fire now",
        "Alerts about the run, its Jobs or its task, and alerts about the cause. Firing since is the time at which"
        " the alert began to fire; interruptions of less than 15 minutes, such as a restart of Prometheus, are"
        " ignored. The name of an alert links to its runbook, if the address is set. The timeline shows past"
        " alerts.",
        Query(f"1000 * ({FIRING_SINCE})"),
        columns=[
            Column(field="severity", title="Severity", width=90, words={"critical": BAD, "warning": WARN}),
            Column(field="alertname", title="Alert", link=RUNBOOK),
            Column(field="cluster", title="Cluster"),
            Column(field="job_name", title="Job"),
            Column(field="A", title="Firing since", unit="dateTimeAsIso", width=170),
        ],
        hidden=["namespace", "coderun"],
        by="Firing since",
        nothing="No alert fires",
    )
    return [(_times(), 7, 9), (_about(), 17, 4), (_jobs(), 17, 5), (alerts, 24, 5)]


def _times() -> Any:
    events = {
        "created": CREATED,
        "without a Job since": WITHOUT_JOB_SINCE,
        "oldest Job created": job_time("job_created_timestamp", how="min"),
        "newest Job started": job_time("job_start_time"),
        "work completed": run_time("coderun_work_completed_timestamp_seconds"),
        "main container ended": job_time("agent_main_container_finished_timestamp_seconds"),
        "newest Job ended": job_time("job_finished_timestamp_seconds"),
        "run ended": run_time("coderun_finished_timestamp_seconds"),
        "deletion requested": run_time("coderun_deletion_timestamp_seconds"),
        "last exported": LAST_EXPORTED,
    }
    with_event = [_with_label(expr, "event", name) for name, expr in events.items()]
    return table(
        "Timestamps",
        "Times of the run, and of the Jobs that it has or had within the time range, oldest first."
        " Alert: `CodeRunStuckDeleting`.",
        Query("1000 * (" + "\nor ".join(with_event) + ")"),
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
    about = seen(f"timestamp(coderun_info{{{RUN_SELECTOR}}})", f"cluster, {', '.join(kept)}")
    return table(
        "Description",
        "Values from the spec and the labels of the run, and the time at which they were last exported.",
        Query(f"1000 * {about}"),
        columns=[
            *(Column(field=name, title=_title(name)) for name in ("cluster", *kept)),
            Column(field="A", title="Last exported", unit="dateTimeAsIso", width=160),
        ],
        by="Last exported",
        nothing="No such run",
    )


def _title(label: str) -> str:
    words = label.replace("_", " ").capitalize()
    return {"Cli": "CLI", "Uid": "UID", "Task id": "Task ID"}.get(words, words)


def _jobs() -> Any:
    took = f"\nor on ({JOB}) ".join(f"({value})" for value in JOB_TIMES.values())
    return table(
        "Jobs within the time range",
        "Every Job of the run that the exporter exports, or exported within the time range. Each attempt has its"
        " own Job; the platform deletes the previous one. The run time ends at the end of the Job, now, or when"
        " the Job was last exported.",
        Query(f"1000 * ({of_past_jobs('job_created_timestamp')})"),
        Query(f"1000 * ({of_past_jobs('job_start_time')})"),
        Query(f"1000 * ({of_past_jobs('job_finished_timestamp_seconds')})"),
        Query(JOB_STATE),
        Query(took),
        Query(f"{of_past_jobs('job_max_runtime_seconds')} < +Inf"),
        Query(of_past_jobs("job_deadline_seconds")),
        columns=[
            Column(field="cluster", title="Cluster", width=110),
            Column(field="job_name", title="Job"),
            Column(field="D", title="State", width=150, codes=JOB_STATE_MAPPINGS),
            Column(field="A", title="Created", unit="dateTimeAsIso", width=150),
            Column(field="B", title="Started", unit="dateTimeAsIso", width=150),
            Column(field="C", title="Ended", unit="dateTimeAsIso", width=150),
            Column(field="E", title="Run time", unit=DURATION, width=90),
            Column(field="F", title="Limit", unit=DURATION, width=80),
            Column(field="G", title="Deadline", unit=DURATION, width=80),
        ],
        hidden=["namespace"],
        by="Created",
        nothing="No Job",
    )
