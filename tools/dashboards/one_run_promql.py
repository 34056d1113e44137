"""The queries of the dashboard of one run."""

from exporter.diagnosis.configmaps import CLIS, DEFAULT_CLI
from tools.dashboards.parts import BAD, GONE, GOOD, NEUTRAL, WARN
from tools.dashboards.promql import CONFIGMAP, HEALTH, IN_NAMESPACE, JOB, coded, firing_since

__all__ = [
    "ALERTS",
    "CAUSE_CODE",
    "CREATED",
    "DEADLINE",
    "FAILURE_CAUSE",
    "FAILURE_SELECTOR",
    "FIRING_CODE",
    "FIRING_SINCE",
    "HANG_CAUSE",
    "HANG_SELECTOR",
    "HEALTH_FOR_RUN",
    "JOBS_OF_RUN",
    "JOB_STATE_MAPPINGS",
    "NOT_READY",
    "NOT_READY_SEEN",
    "NOW_STATES",
    "PHASE",
    "POD_STATES",
    "RUNNING",
    "RUN_SELECTOR",
    "SIGNS",
    "STALL_CAUSE",
    "STALL_SELECTOR",
    "STATES",
    "TIME_WITHOUT_JOB",
    "WAITING_CONTAINERS",
    "WITHOUT_JOB_SINCE",
    "of_jobs",
]

RUN_SELECTOR = f'{IN_NAMESPACE}, coderun="$coderun"'
JOBS_OF_RUN = f"job_info{{{RUN_SELECTOR}}}"
# The value mappings of the timeline. All numbers differ, because a panel has one list of mappings.
STATES = {
    1: ("succeeded", GOOD),
    2: ("failed", BAD),
    3: ("cancelled", "purple"),
    4: ("open", NEUTRAL),
    5: ("waiting", "light-blue"),
}
JOB_STATE_MAPPINGS = {
    11: ("running", NEUTRAL),
    12: ("pod pending", "light-blue"),
    13: ("no pod", WARN),
    14: ("unfinished", NEUTRAL),
    15: ("suspended", "purple"),
    16: ("succeeded", GOOD),
    17: ("failed", BAD),
    18: ("no longer exported", GONE),
}
CAUSE_CODE, FIRING_CODE, _WAITING_CODE = 21, 22, 23
SIGNS = {CAUSE_CODE: ("yes", BAD), FIRING_CODE: ("firing", BAD), _WAITING_CODE: ("waiting", WARN)}
"""The value mappings for causes, alerts and waiting containers."""

STATE = coded(
    "coderun_state",
    "state",
    [(name, code) for code, (name, _) in STATES.items()],
    by="cluster",
    matchers=RUN_SELECTOR,
)
PHASE = f"({STATE})\n* on (cluster) group_right () max by (cluster, phase) (coderun_phase{{{RUN_SELECTOR}}})"
"""The state of the run as a key of `STATES`, with the label `phase`, which is only displayed."""
CREATED = f"max by (cluster) (coderun_created_timestamp{{{RUN_SELECTOR}}})"
_OTHER_STATE = f'coderun_state{{{RUN_SELECTOR}, state!="open"}}'
OPEN = f'coderun_state{{{RUN_SELECTOR}, state="open"}} unless on (cluster) {_OTHER_STATE}'
DEADLINE = f"(max by (cluster) (coderun_job_creation_deadline_seconds{{{RUN_SELECTOR}}}) < +Inf)"


def of_jobs(metric: str, *, how: str = "max", by: str = JOB, matchers: str = IN_NAMESPACE) -> str:
    """The value of a gauge for the Jobs of this run."""
    return f"{how} by ({by}) (max by ({JOB}) ({metric}{{{matchers}}}) and on ({JOB}) {JOBS_OF_RUN})"


# Jobs that are neither finished nor suspended, with or without active pods.
UNFINISHED = (
    f"(group by ({JOB}) (job_created_timestamp{{{IN_NAMESPACE}}})"
    f" or group by ({JOB}) (job_start_time{{{IN_NAMESPACE}}}))"
    f" and on ({JOB}) {JOBS_OF_RUN}"
    f" unless on ({JOB}) job_finished_timestamp_seconds{{{IN_NAMESPACE}}}"
    f" unless on ({JOB}) job_suspended{{{IN_NAMESPACE}}}"
)
STARTED = f"max by ({JOB}) (job_start_time{{{IN_NAMESPACE}}})"
RUNNING = f"(time() - {STARTED}) and on ({JOB}) ({UNFINISHED})"
HAS_JOB = of_jobs("job_created_timestamp", by="cluster")
WITHOUT_JOB_SINCE = f"min by (cluster) (coderun_without_job_since_timestamp_seconds{{{RUN_SELECTOR}}})"
TIME_WITHOUT_JOB = (
    f"(time() - ({WITHOUT_JOB_SINCE} or {CREATED})) and on (cluster) ({OPEN}) unless on (cluster) {HAS_JOB}"
)
# Selectors; and the causes without the labels in which replicas differ.
STALL_SELECTOR = f"coderun_stall_cause{{{RUN_SELECTOR}}}"
HANG_SELECTOR = f"job_hang_cause{{{IN_NAMESPACE}}}"
FAILURE_SELECTOR = f"coderun_failure_cause{{{RUN_SELECTOR}}}"
STALL_CAUSE = f"max by (cluster, cause, detail) ({STALL_SELECTOR})"
HANG_CAUSE = f"max by (cluster, cause, detail) ({HANG_SELECTOR} and on ({JOB}) {JOBS_OF_RUN})"
FAILURE_CAUSE = f"max by (cluster, cause, detail) ({FAILURE_SELECTOR})"
_UNREADY = 'label_replace({}, "cause", "not_ready", "", "")'.format
NOT_READY = f"group by (cluster, cause, detail) ({_UNREADY(f'coderun_ready{{{RUN_SELECTOR}}} == 0')})"
NOT_READY_SEEN = _UNREADY(f"timestamp(coderun_ready{{{RUN_SELECTOR}}}) and coderun_ready{{{RUN_SELECTOR}}} == 0")
_PODS = f"max by ({JOB}) (job_pods{{{IN_NAMESPACE}, state="
_STATES = "\nor ".join(
    [
        f'11 * ({_PODS}"running"}}) > bool 0 > 0)',
        f'12 * ({_PODS}"pending"}}) > bool 0 > 0)',
        f"13 * (max by ({JOB}) (job_active{{{IN_NAMESPACE}}}) == bool 0 > 0)",
        f"14 * group by ({JOB}) ({JOBS_OF_RUN})",
    ]
)
POD_STATES = f"(({_STATES})\nand on ({JOB}) ({UNFINISHED}))"
"""The state of the pods of each unfinished Job; `unfinished` if the Job's status does not have `ready`."""
NOW_STATES = f"15 * {of_jobs('job_suspended')}\nor {POD_STATES}"
WAITING_CONTAINERS = (
    f"{_WAITING_CODE} * max by (cluster, reason) (agent_pod_waiting{{{IN_NAMESPACE}}} and on ({JOB}) {JOBS_OF_RUN})"
)
_ALERTS = 'ALERTS{cluster=~"$cluster", component="coderun-exporter", alertstate="firing"'
_HERE = f'{_ALERTS}, namespace="$namespace"'
_INFO = f"coderun_info{{{RUN_SELECTOR}}}"
_HAS_JOB_NAME = f'coderun_job_name{{{RUN_SELECTOR}, job_name!=""}}'
_TASK = "service, task_id, agent, run_type"
_UNTOUCHED = f'coderun_stall_cause{{{RUN_SELECTOR}, cause=~"controller_blocked|not_reconciled"}}'
_JOBLESS = f"({_INFO} unless on (cluster, namespace, coderun) {_HAS_JOB_NAME})"
_CONFIGMAPS = (
    f'label_replace(coderun_stall_cause{{{RUN_SELECTOR}, cause=~"configmap_.+"}}, "configmap", "$1", "detail", '
    '"[^/]+/([^ ]+).*")'
)
FIRING = "\nor ".join(
    [
        f'{_HERE}, coderun="$coderun"}}',
        f"({_HERE}}} and on ({JOB}) {JOBS_OF_RUN})",
        f'({_HERE}, alertname="CodeRunsFailing"}} and on (cluster, namespace, run_type) {_JOBLESS})',
        f'({_HERE}, alertname="CodeRunRetryLoop", task_id!=""}} and on (cluster, namespace, {_TASK}) {_INFO})',
        f'({_HERE}, alertname="CodeRunControllerBlocked"}} and on (cluster, namespace) {_UNTOUCHED})',
        f'({_ALERTS}, alertname="RequiredConfigMapUnhealthy"}} and on (cluster, configmap) {_CONFIGMAPS})',
    ]
)
"""The alerts about the run, its Jobs and its task, and about causes of its state."""
ALERT = "alertname, severity, cluster, namespace, coderun, job_name"
ALERTS = f"max by ({ALERT}) ({FIRING})"
FIRING_SINCE = f"({firing_since(ALERT)}) and ({ALERTS})"

# As in exporter.diagnosis.configmaps: runs of a CLI need the ConfigMaps whose names contain that CLI, or no CLI.
# The patterns support names with up to three CLIs, and CLIs of up to two words.
_ANY_CLI = "|".join(sorted(CLIS))
_FIRST, _SECOND, _LAST = (
    f'label_replace({HEALTH}, "cli", "$1", "configmap", "{pattern}")'
    for pattern in (
        f"(?:.*?-)??({_ANY_CLI})(?:-.*)?",
        f"(?:.*?-)??(?:{_ANY_CLI})-(?:.*?-)??({_ANY_CLI})(?:-.*)?",
        f"(?:.*-)?({_ANY_CLI})(?:-.*)?",
    )
)
_CLI = f'label_replace({_INFO}, "cli", "{DEFAULT_CLI}", "cli", "")'
_WORDS = (f'label_replace({_CLI}, "cli", "$1", "cli", "{word}")' for word in ("([^-]+)-.*", ".*-([^-]+)"))
_CLIS = "\nor ".join([_CLI, *_WORDS])
_WITHOUT_CLI_LABEL = f'label_replace({_INFO}, "cli", "", "", "")'
_NEEDED = "\nor ".join(
    [
        f"({_FIRST} and on (cluster, cli) ({_WITHOUT_CLI_LABEL}))",
        *(f"({cli} and on (cluster, cli) ({_CLIS}))" for cli in (_FIRST, _SECOND, _LAST)),
    ]
)
HEALTH_FOR_RUN = f"max by ({CONFIGMAP}) ({_NEEDED})"
"""The health of the ConfigMaps that runs of this CLI need."""
