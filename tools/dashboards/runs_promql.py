"""The queries of the dashboard of all runs: which runs and Jobs it shows, and their values."""

from tools.dashboards.promql import (
    ALERT,
    ALL,
    JOB,
    RUN,
    SCRAPED,
    firing_since,
    in_state,
    per_job,
    per_run,
    rows,
    without_job_since,
)

__all__ = [
    "ABOUT_JOBS",
    "AGE",
    "AGENT",
    "ATTENTION",
    "ATTENTION_ROWS",
    "CLUSTER",
    "CRITICAL",
    "DEADLINE",
    "FAILED_ROWS",
    "FINISHED",
    "FIRING_SINCE",
    "FRESHNESS",
    "JOB_INFO",
    "LATE",
    "LIMIT",
    "LONGEST",
    "MAY_WAIT",
    "OPEN",
    "PROBLEM",
    "RECORDED",
    "RUNNING",
    "RUN_INFO",
    "STARTED",
    "UNFINISHED",
    "WAITING",
    "WAITING_ROWS",
    "WAITING_SINCE",
    "firing",
]

CLUSTER = 'cluster=~"$cluster"'
RECORDED = f'{CLUSTER}, namespace=~"$namespace"'
AGENT = f'{CLUSTER}, agent=~"$agent"'
RUN_INFO = f'coderun_info{{{ALL}, agent=~"$agent"}}'
JOB_INFO = f'job_info{{{ALL}, agent=~"$agent"}}'

OPEN = f"({in_state('open')}) and on ({RUN}) {RUN_INFO}"
AGE = f"time() - {per_run('coderun_created_timestamp')}"
_JOBLESS = (
    f'max by ({RUN}) (coderun_job_name{{{ALL}, job_name=""}})'
    f' unless on ({RUN}) coderun_job_name{{{ALL}, job_name!=""}}'
    f' unless on ({RUN}) coderun_state{{{ALL}, state!="open"}}'
    f" unless on ({RUN}) coderun_deletion_timestamp_seconds{{{ALL}}}"
)
JOBLESS = f"({_JOBLESS}) and on ({RUN}) {RUN_INFO}"
DEADLINE = per_run("coderun_job_creation_deadline_seconds")
WAITING_SINCE = without_job_since()
WAITING = f"(time() - {WAITING_SINCE}) and on ({RUN}) ({JOBLESS})"
_ABOUT_RUNS = f"topk by ({RUN}) (1, max by ({RUN}, agent) ({RUN_INFO}))"
LONGEST = (
    f"max by (agent) (((time() - {WAITING_SINCE}) and on ({RUN}) ({_JOBLESS}))"
    f" * on ({RUN}) group_left (agent) {_ABOUT_RUNS})"
)
MAY_WAIT = f"max by (agent) (({DEADLINE} < +Inf) * on ({RUN}) group_left (agent) {_ABOUT_RUNS})"
# For a phase that the profile does not list, only CodeRunPhaseUnknown fires.
LATE = f'(({WAITING}) > on ({RUN}) {DEADLINE}) unless on ({RUN}) coderun_phase{{{ALL}, phase="other"}}'
WAITING_ROWS = rows(JOBLESS, key=RUN, causes=f"coderun_stall_cause{{{ALL}}}", info=RUN_INFO, kept="agent")

FAILED = f"({in_state('failed')}) and on ({RUN}) {RUN_INFO}"
FINISHED = f"({per_run('coderun_finished_timestamp_seconds')} or on ({RUN}) {per_run('coderun_created_timestamp')})"
NEWEST_FAILED = f"({FAILED}) and on ({RUN}) topk(50, {FINISHED} and on ({RUN}) ({FAILED}))"
FAILED_ROWS = rows(
    NEWEST_FAILED, key=RUN, causes=f"coderun_failure_cause{{{ALL}}}", info=RUN_INFO, kept="agent, run_type"
)

# Jobs that are neither finished nor suspended. A Job without an active pod is unfinished too.
UNFINISHED = (
    f"(group by ({JOB}) (job_created_timestamp{{{ALL}}}) or group by ({JOB}) (job_start_time{{{ALL}}}))"
    f" and on ({JOB}) {JOB_INFO}"
    f" unless on ({JOB}) job_finished_timestamp_seconds{{{ALL}}} unless on ({JOB}) job_suspended{{{ALL}}}"
)
STARTED = per_job("job_start_time")
RUNNING = f"(time() - {STARTED}) and on ({JOB}) ({UNFINISHED})"
LIMIT = per_job("job_max_runtime_seconds")
OVER = f"((time() - {STARTED}) > on ({JOB}) {LIMIT}) unless on ({JOB}) job_long_lived{{{ALL}}}"
NO_POD = (
    f"(time() - {per_job('job_created_timestamp')} > 600)"
    f" and on ({JOB}) (max by ({JOB}) (max_over_time(job_active{{{ALL}}}[10m])) == 0)"
)
NOT_STARTING = (
    f"(time() - {STARTED} > 300)"
    f' and on ({JOB}) (job_pods{{{ALL}, state="pending"}} > 0)'
    f' unless on ({JOB}) (max_over_time(job_pods{{{ALL}, state="running"}}[1h]) > 0)'
)
_LAST_LINE = f"(time() - {per_job('agent_last_log_timestamp_seconds')})"
# After its last word, an agent has its own limit.
NOT_EXITED = (
    f'(max by ({JOB}) (job_hang_cause{{{ALL}, cause="finished_not_exited"}})'
    f" unless on ({JOB}) (agent_result_timestamp_seconds{{{ALL}}}"
    f" and on ({JOB}) ({_LAST_LINE} < on ({JOB}) {per_job('agent_result_limit_seconds')})))"
)
ENDED = f'({NOT_EXITED} or max by ({JOB}) (job_hang_cause{{{ALL}, cause="run_already_finished"}}))'
BLOCKED = f'max by ({JOB}) (job_hang_cause{{{ALL}, cause=~"auth|usage_limit|waiting_for_input"}})'
SILENT = (
    f"({_LAST_LINE} > on ({JOB}) {per_job('agent_silence_limit_seconds')})"
    f" unless on ({JOB}) agent_result_timestamp_seconds{{{ALL}}}"
)
# A Job without a limit (+Inf) has opted out of all these alerts.
_LIMITED = f"({LIMIT} < +Inf)"
ATTENTION = (
    f"({UNFINISHED}) and on ({JOB}) {_LIMITED} and on ({JOB})\n"
    f"(({OVER})\nor on ({JOB}) ({NO_POD})\nor on ({JOB}) ({NOT_STARTING})\nor on ({JOB}) ({ENDED})"
    f"\nor on ({JOB}) ({BLOCKED})\nor on ({JOB}) ({SILENT}))"
)
"""Jobs that exceed their limit, have no pod, have a pod that does not start, whose run is over, or whose agent is
blocked or silent."""
CRITICAL = (
    f"(({OVER}) and on ({JOB})"
    f" ({LIMIT} != 3600 or on ({JOB}) job_max_runtime_configured{{{ALL}}}"
    f" or on ({JOB}) time() - {STARTED} > 14400"
    f" or on ({JOB}) ({_LAST_LINE} > 7200)"
    f" and on ({JOB}) ({per_job('agent_silence_limit_seconds')} < +Inf)))\n"
    f"or on ({JOB}) (({NO_POD})"
    f" unless on (cluster, namespace) (max_over_time(job_active{{{ALL}}}[10m]) > 0))\n"
    f"or on ({JOB}) {NOT_EXITED}"
)
"""Jobs for which the rules fire with severity critical: the Job exceeds a configured limit or four times the default
limit, or the default limit with a silence of two hours; no Job of the namespace has a pod; the work is completed."""
PROBLEM = "\nor ".join(
    f"({code} * group by ({JOB}) ({jobs}))"
    for code, jobs in ((1, NO_POD), (2, NOT_STARTING), (3, ENDED), (5, BLOCKED), (6, SILENT), (4, OVER))
)
"""The reason why a Job needs attention, as a key of `PROBLEMS` in runs_tables.py."""
ATTENTION_ROWS = rows(ATTENTION, key=JOB, causes=f"job_hang_cause{{{ALL}}}", info=JOB_INFO, kept="agent, coderun")
ABOUT_JOBS = f"topk by ({JOB}) (1, max by ({JOB}, agent, coderun) ({JOB_INFO}))"


def firing(more: str = "") -> str:
    """The firing alerts about runs, without duplicates. Alerts about the exporter are on its own dashboard.

    Alerts about ConfigMaps of all namespaces are included, because they can be the cause of the others.
    """
    kept = f'{CLUSTER}, component="coderun-exporter", alertstate="firing", severity!="info"{more}'
    of_all = 'alertname="RequiredConfigMapUnhealthy"'
    chosen = 'alertname!~"CodeRunExporter.*", namespace=~"$namespace|"'
    return f"max by ({ALERT}) (ALERTS{{{kept}, {chosen}}} or ALERTS{{{kept}, {of_all}}})"


FIRING_SINCE = f"({firing_since(ALERT)}) and ({firing()})"

_RESOURCE = "cluster, resource, scope"
_REQUIRED = f"(coderun_exporter_resource_required{{{SCRAPED}}} == 1)"
FRESHNESS = (
    f"time() - (max by ({_RESOURCE})"
    f" (last_over_time(coderun_exporter_resource_last_sync_timestamp_seconds{{{SCRAPED}}}[1h]))\n"
    f"or on ({_RESOURCE}) max by ({_RESOURCE}) (0 * {_REQUIRED} + on (cluster, instance) group_left ()"
    f" max by (cluster, instance) (process_start_time_seconds{{{SCRAPED}}})))"
)
"""The age of the data of each resource, for the most current replica, even if all replicas are down. If a required
resource was never synced, the age is that of the exporter's process."""
