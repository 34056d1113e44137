"""The dashboard of one run: its state and causes, its timeline, its Jobs, and the ConfigMaps that it needs."""

from collections.abc import Mapping
from typing import Any

from tools.dashboards.board import ONE_RUN, Row, board, datasource, query
from tools.dashboards.one_run_past import AGES, ATTEMPT, LAST_CAUSE, LAST_PHASE, RUN_TIMES, WAITS
from tools.dashboards.one_run_promql import (
    ALERTS,
    CAUSE_CODE,
    DEADLINE,
    FAILURE_CAUSE,
    FIRING_CODE,
    HANG_CAUSE,
    HEALTH_FOR_RUN,
    JOB_STATE_MAPPINGS,
    JOBS_OF_RUN,
    NOT_READY,
    NOW_STATES,
    PHASE,
    RUNNING,
    SIGNS,
    STALL_CAUSE,
    STATES,
    TIME_WITHOUT_JOB,
    WAITING_CONTAINERS,
    of_jobs,
)
from tools.dashboards.one_run_tables import causes, one_run_tables
from tools.dashboards.parts import BAD, DURATION, GONE, GOOD, WARN, Query, lanes, lines, names, number
from tools.dashboards.promql import IN_NAMESPACE, JOB, SCRAPED

__all__ = ["one_run_board"]

PAST = {0: ("no longer exported", GONE)}


def one_run_board() -> str:
    """The JSON of the dashboard."""
    runs = f"coderun_created_timestamp{{{IN_NAMESPACE}}}"
    return board(
        ONE_RUN,
        "One agent run from its creation to its end: state and phase, Jobs, limits, causes, alerts, ConfigMaps.",
        variables=[
            datasource(),
            query("cluster", "Cluster", series="coderun_exporter_build_info", include_all=True),
            query("namespace", "Namespace", series=f"coderun_created_timestamp{{{SCRAPED}}}", include_all=False),
            query("coderun", "Run", series=runs, include_all=False),
        ],
        annotations=[ALERTS],
        rows=[
            Row("State and causes", [*_numbers(), causes()]),
            Row("Over time", _timeline()),
            Row("Details", one_run_tables()),
        ],
        since="6h",
    )


def _numbers() -> list[tuple[Any, int, int]]:
    past = "For a run that is no longer exported, the last value."
    panels = [
        names(
            "Phase",
            f"The phase that the controller reports, coloured by its state; `none`: the run has no status. {past}",
            Query(PHASE, "{{phase}}"),
            Query(f"0 * ({LAST_PHASE})", "last: {{phase}}"),
            words=STATES | PAST,
            nothing="no such run",
        ),
        names(
            "Cause",
            "The cause for which the run has no Job, its Job is unfinished, the run failed, or the run is not ready."
            " The table below has the details."
            f" {past}",
            Query(f"max by (cause) ({STALL_CAUSE} or {HANG_CAUSE} or {FAILURE_CAUSE} or {NOT_READY})", "{{cause}}"),
            Query(f"0 * max by (cause) ({LAST_CAUSE})", "last: {{cause}}"),
            words=PAST | {1: ("cause", BAD)},
            nothing="no cause known",
        ),
        number(
            "Age",
            "Time from the creation of the run to its end; if it is open, until now or until it was last exported.",
            *_longest(AGES),
            unit=DURATION,
            nothing="no such run",
        ),
        number(
            "Time without a Job",
            "Time from the creation of the run to its first Job, if it is known. If the run has no Job, the time"
            " until now or until the run was last exported. With the limit. Alert: `CodeRunJobCreationStalled`.",
            *_longest(WAITS),
            unit=DURATION,
            nothing="not available",
        ),
        number(
            "Run time",
            "Time from the start of the newest Job to its end; if it is unfinished, until now or until it was last"
            " exported. With the limit. Alert: `AgentJobHanging`.",
            *_longest(RUN_TIMES),
            unit=DURATION,
            nothing="no Job",
        ),
        number(
            "Attempt",
            "Number of the attempt (spec.contextVersion); 1 is the first. `CodeRunRetryLoop` fires from the sixth"
            " attempt, or session in one container. `AgentCostHigh`: the run costs more than its limit.",
            Query(f"max({ATTEMPT})"),
            levels=[(3, WARN), (6, BAD)],
            nothing="unknown",
        ),
    ]
    return [(panel, 4, 4) for panel in panels]


def _longest(values: Mapping[str, str]) -> list[Query]:
    return [Query(f"max({expr})", legend) for legend, expr in values.items()]


def _timeline() -> list[tuple[Any, int, int]]:
    ended = f"max by ({JOB}) (job_finished_timestamp_seconds{{{IN_NAMESPACE}"
    job = "\nor ".join(
        [
            f'16 * ({ended}, result="succeeded"}}) > bool 0) and on ({JOB}) {JOBS_OF_RUN}',
            f'17 * ({ended}, result="failed"}}) > bool 0) and on ({JOB}) {JOBS_OF_RUN}',
            NOW_STATES,
        ]
    )
    life = lanes(
        "Timeline",
        "Phases (coloured by state), Jobs and their pods, waiting containers, causes, and firing alerts. A gap means"
        " that there is no such series. Alerts: `CodeRunNotReconciled`, `CodeRunNotUpdated`, `CodeRunNotReady`,"
        " `AgentJobWithoutPod`, `AgentPodNotStarting`, `AgentJobSuspended`.",
        Query(PHASE, "Phase {{phase}}"),
        Query(job, "Job {{job_name}}"),
        Query(WAITING_CONTAINERS, "Pod: {{reason}}"),
        Query(f"{CAUSE_CODE} * max by (cluster, cause) ({STALL_CAUSE})", "No Job: {{cause}}"),
        Query(f"{CAUSE_CODE} * max by (cluster, cause) ({HANG_CAUSE})", "Job unfinished: {{cause}}"),
        Query(f"{CAUSE_CODE} * max by (cluster, cause) ({FAILURE_CAUSE})", "Run failed: {{cause}}"),
        Query(f"{CAUSE_CODE} * max by (cluster, cause) ({NOT_READY})", "Run: {{cause}}"),
        Query(f"{FIRING_CODE} * {ALERTS}", "{{alertname}}"),
        words={**STATES, **JOB_STATE_MAPPINGS, **SIGNS},
    )
    health = lanes(
        "Health of the ConfigMaps of its CLI",
        "Required ConfigMaps whose name contains the CLI of the run, or no CLI, while the run exists. The"
        " dashboard Agent runs shows all of them. Alert: `RequiredConfigMapUnhealthy`.",
        Query(HEALTH_FOR_RUN, "{{configmap}}"),
        words={0: ("unhealthy", BAD), 1: ("healthy", GOOD)},
    )
    waiting = lines(
        "Time without a Job, and the limit",
        "Shown while the run is open and has no Job. Alert: `CodeRunJobCreationStalled`.",
        Query(TIME_WITHOUT_JOB, "time without a Job"),
        Query(DEADLINE, "limit: time to create a Job"),
        unit=DURATION,
    )
    running = lines(
        "Run time of its Jobs, and the limits",
        "Shown while the Jobs are unfinished. The alert fires above the maximum run time. Kubernetes ends a Job at"
        " its activeDeadlineSeconds, if it is set. Alerts: `AgentJobHanging`, `AgentFinishedNotExited`,"
        " `AgentJobsWithoutDeadline`.",
        Query(RUNNING, "{{job_name}}"),
        Query(
            _while_running(
                f"({of_jobs('job_max_runtime_seconds')} < +Inf) unless on ({JOB}) job_long_lived{{{IN_NAMESPACE}}}"
            ),
            "limit: maximum run time of {{job_name}}",
        ),
        Query(_while_running(of_jobs("job_deadline_seconds")), "limit: activeDeadlineSeconds of {{job_name}}"),
        unit=DURATION,
    )
    return [(life, 24, 8), (health, 24, 7), (waiting, 12, 7), (running, 12, 7)]


def _while_running(limit: str) -> str:
    return f"({limit}) and on ({JOB}) ({RUNNING})"
