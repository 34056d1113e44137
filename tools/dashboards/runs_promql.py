"""What the dashboard of many runs asks: which runs and Jobs are meant, and what is known of each."""

from tools.dashboards.promql import ALERT, ALL, CONFIGMAP, JOB, RUN, per_job, per_run, rows

__all__ = [
    "ABOUT_JOBS",
    "ACTIVE",
    "AGE",
    "AGENT",
    "CLUSTER",
    "DEADLINE",
    "DONE",
    "HANGING",
    "HANGING_ROWS",
    "HEALTH",
    "JOBLESS",
    "JOB_INFO",
    "LIMIT",
    "OPEN",
    "RUNNING",
    "RUN_INFO",
    "SINCE",
    "WAITING",
    "WAITING_ROWS",
    "firing",
]

CLUSTER = 'cluster=~"$cluster"'
AGENT = f'{CLUSTER}, agent=~"$agent"'
RUN_INFO = f'coderun_info{{{ALL}, agent=~"$agent"}}'
JOB_INFO = f'job_info{{{ALL}, agent=~"$agent"}}'

# An open run is open for every replica: the one that has seen its end knows better.
OPEN = (
    f'max by ({RUN}, phase) (coderun_phase{{{ALL}, phase!~"Succeeded|Failed"}}) and on ({RUN}) {RUN_INFO}'
    f' unless on ({RUN}) coderun_phase{{{ALL}, phase=~"Succeeded|Failed"}}'
)
AGE = f"time() - {per_run('coderun_created_timestamp')}"
JOBLESS = (
    f'max by ({RUN}) (coderun_job_name{{{ALL}, job_name=""}}) and on ({RUN}) {RUN_INFO}'
    f' unless on ({RUN}) coderun_job_name{{{ALL}, job_name!=""}}'
    f" unless on ({RUN}) coderun_deletion_timestamp_seconds{{{ALL}}}"
)
DEADLINE = per_run("coderun_job_creation_deadline_seconds")
WAITING = f"({AGE}) and on ({RUN}) ({JOBLESS})"
WAITING_ROWS = rows(JOBLESS, key=RUN, causes=f"coderun_stall_cause{{{ALL}}}", info=RUN_INFO, kept="agent")

ACTIVE = f"({per_job('job_active', how='min')} > bool 0) == 1 and on ({JOB}) {JOB_INFO}"
RUNNING = f"(time() - {per_job('job_start_time')}) and on ({JOB}) ({ACTIVE})"
LIMIT = per_job("job_max_runtime_seconds")
# A Job that opted out of its limit has opted out of this too.
DONE = f'job_hang_cause{{{ALL}, cause=~"finished_not_exited|run_already_finished"}} and on ({JOB}) ({LIMIT} < +Inf)'
HANGING = f"({ACTIVE}) and on ({JOB}) ((({RUNNING}) > on ({JOB}) {LIMIT}) or on ({JOB}) ({DONE}))"
HANGING_ROWS = rows(HANGING, key=JOB, causes=f"job_hang_cause{{{ALL}}}", info=JOB_INFO, kept="agent, coderun")

HEALTH = f"min by ({CONFIGMAP}) (configmap_health{{{CLUSTER}}})"
ABOUT_JOBS = f"topk by ({JOB}) (1, max by ({JOB}, agent, coderun) ({JOB_INFO}))"


def firing(more: str = "") -> str:
    """The alerts that fire, each once.

    The choice of namespaces leaves broken ConfigMaps in: they have a namespace of their own, and are causes.
    """
    kept = f'{CLUSTER}, alertstate="firing", severity!="info"{more}'
    of_all = 'alertname="RequiredConfigMapUnhealthy"'
    chosen = 'component="coderun-exporter", namespace=~"$namespace|"'
    return f"max by ({ALERT}) (ALERTS{{{kept}, {chosen}}} or ALERTS{{{kept}, {of_all}}})"


SINCE = f'max by ({ALERT}) (ALERTS_FOR_STATE{{{CLUSTER}, component="coderun-exporter"}}) and {firing()}'
