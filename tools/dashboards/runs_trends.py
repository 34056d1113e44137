"""The lower rows of the dashboard of all runs: trends, as panels with width and height."""

from typing import Any

from tools.dashboards.parts import BAD, DURATION, GOOD, Query, bars, lanes, lines
from tools.dashboards.promql import ALL, CONFIGMAP, HEALTH, JOB, RUN, SCRAPED, ended, zero
from tools.dashboards.runs_promql import (
    ABOUT_JOBS,
    AGE,
    AGENT,
    LIMIT,
    LONGEST,
    MAY_WAIT,
    OPEN,
    RECORDED,
    RUNNING,
    UNFINISHED,
)
from tools.dashboards.table_panel import Column, table

__all__ = ["limits", "open_runs", "outcomes"]


LIMIT_OF = "limit of {{agent}}"


def open_runs() -> list[tuple[Any, int, int]]:
    """The number of open runs by phase, by state and by age, and the pods of unfinished Jobs."""
    by_age = f"max by ({RUN}) (({AGE}) and on ({RUN}) ({OPEN}))"
    steps = [("under 10 min", 0, 600), ("10 min to 1 h", 600, 3600), ("1 h to 6 h", 3600, 21600)]
    ages = [Query(zero(f"count(({by_age}) >= {low} < {high})"), name) for name, low, high in steps]
    ages.append(Query(zero(f"count(({by_age}) >= {steps[-1][2]})"), "6 h and more"))
    phases = lines(
        "Open and waiting runs by phase",
        "Recorded by the rules for all agents. `none`: the run has no status. `other`: the profile of the kind"
        " does not list the phase. Alert: `CodeRunPhaseUnknown`.",
        Query(f"sum by (phase) (namespace_phase:coderuns_open:count{{{RECORDED}}})", "{{phase}}"),
        stacked=True,
    )
    states = lines(
        "Runs by state, and without a Job",
        "Recorded by the rules for all agents. Waiting runs wait by design. The number of runs without a Job"
        " should return to 0.",
        Query(f"sum by (state) (namespace_state:coderuns_open:count{{{RECORDED}}})", "{{state}}"),
        Query(f"sum(namespace:coderuns_without_job:count{{{RECORDED}}})", "without a Job"),
    )
    old = bars("Open runs by age", "Number of open runs by the time since their creation, now.", *ages)
    of_jobs = f"max by ({JOB}, state) (job_pods{{{ALL}}}) and on ({JOB}) ({UNFINISHED})"
    waiting = f"max by ({JOB}, pod, container, reason) (agent_pod_waiting{{{ALL}}})"
    without = f"count(({UNFINISHED}) and on ({JOB}) (max by ({JOB}) (job_active{{{ALL}}}) == 0))"
    pods = lines(
        "Pods of unfinished Jobs",
        "Pods by state; of each Job, at most ten waiting containers by the reason of the kubelet or the scheduler;"
        " and Jobs that have no pod, which is normal between two pods. Alerts: `AgentJobWithoutPod`,"
        " `AgentPodNotStarting`.",
        Query(f"sum by (state) ({of_jobs})", "{{state}}"),
        Query(f"count by (reason) ({waiting})", "waiting: {{reason}}"),
        Query(zero(without), "Jobs without a pod"),
    )
    return [(phases, 6, 8), (states, 6, 8), (old, 6, 8), (pods, 6, 8)]


def limits() -> list[tuple[Any, int, int]]:
    """Durations of runs and Jobs, and their limits."""
    may_run = f"max by (agent) (({LIMIT} < +Inf) * on ({JOB}) group_left (agent) {ABOUT_JOBS})"
    first_p95 = f"agent:coderun_job_creation_seconds:p95_1h{{{AGENT}}} >= 0"
    jobs_p95 = f"agent:job_duration_seconds:p95_6h{{{AGENT}}} >= 0"
    first = lines(
        "Time to first Job",
        "Time from the creation of a run to its first Job, by agent, for Jobs that were created within the last"
        " hour. The limit is the largest limit of the agent's runs. The next panel shows runs without a Job.",
        Query(first_p95, "{{agent}} p95"),
        Query(f"agent:coderun_job_creation_seconds:p50_1h{{{AGENT}}} >= 0", "{{agent}} median"),
        Query(f"{MAY_WAIT} and on (agent) ({first_p95})", LIMIT_OF),
        unit=DURATION,
    )
    waiting = lines(
        "Longest time without a Job",
        "For each agent, the longest time for which an open run has had no Job. The limit is the largest limit of"
        " the agent's runs. Alert: `CodeRunJobCreationStalled`.",
        Query(LONGEST, "{{agent}}"),
        Query(f"{MAY_WAIT} and on (agent) ({LONGEST})", LIMIT_OF),
        unit=DURATION,
    )
    took = lines(
        "Duration of finished Jobs",
        "Duration of the Jobs that ended within the last six hours, by agent. The limit is the largest limit of"
        " the agent's existing Jobs.",
        Query(jobs_p95, "{{agent}} p95"),
        Query(f"agent:job_duration_seconds:p50_6h{{{AGENT}}} >= 0", "{{agent}} median"),
        Query(f"{may_run} and on (agent) ({jobs_p95})", LIMIT_OF),
        unit=DURATION,
    )
    used = f"(({RUNNING}) / on ({JOB}) {LIMIT}) * on ({JOB}) group_left (agent, coderun) {ABOUT_JOBS}"
    running = lines(
        "Unfinished Jobs, share of their limit",
        "The ten Jobs that have used the largest share of their limit. `AgentJobHanging` fires five minutes after"
        " a Job crosses the line: as a warning with the default limit of 1 h, as critical with a limit that was"
        " set.",
        Query(
            f"topk(10, max by (cluster, namespace, coderun, agent) ({used}))",
            "{{coderun}} ({{agent}})",
        ),
        unit="percentunit",
        levels=[(1, BAD)],
        top=1.1,
    )
    return [(first, 12, 8), (waiting, 12, 8), (took, 12, 8), (running, 12, 8)]


def outcomes() -> list[tuple[Any, int, int]]:
    """Failures of Jobs and runs, and the health of required ConfigMaps."""
    share = lines(
        "Failed share of finished Jobs, 1 h",
        "By agent, recorded by the rules. `AgentJobsFailing` fires if more than half of at least four Jobs failed,"
        " `AgentNeverSucceeds` if none of at least three Jobs succeeded in six hours.",
        Query(f"agent:jobs_failed:ratio1h{{{AGENT}}} >= 0", "{{agent}}"),
        unit="percentunit",
        levels=[(0.5, BAD)],
        top=1,
    )
    # The counters have at most a fixed number of namespaces; all others are counted as `other`.
    counted = f'{SCRAPED}, namespace=~"$namespace|other", agent=~"$agent", result="failed"'
    jobs = ended("jobs_finished_total", "agent, reason", "service", counted)
    runs = ended("coderuns_finished_total", "agent", "", counted)
    reasons = bars(
        "Failures by agent",
        "Jobs that failed within the time range, by reason, and runs that failed. The first failure with a rare"
        " reason is not counted.",
        Query(f"sort_desc({jobs} > 0.5)", "{{agent}}: Job {{reason}}"),
        Query(f"sort_desc({runs} > 0.5)", "{{agent}}: run"),
        decimals=0,
        nothing="No Job or run failed",
    )
    health = lanes(
        "Health of required ConfigMaps",
        "The ConfigMaps of all namespaces, because runs of other namespaces need them."
        " Alert: `RequiredConfigMapUnhealthy`.",
        Query(HEALTH, "{{configmap}}"),
        words={0: ("unhealthy", BAD), 1: ("healthy", GOOD)},
    )
    found = f"max by ({CONFIGMAP}, problem, key) (configmap_problem{{{SCRAPED}}})"
    size = f"max by ({CONFIGMAP}) (configmap_size_bytes{{{SCRAPED}}})"
    problems = table(
        "ConfigMap problems",
        "`near_limit` (80 % of the size that Kubernetes allows), `shrunk` and `forbidden` do not make a ConfigMap"
        " unhealthy.",
        Query(found),
        Query(f"{size} * on ({CONFIGMAP}) group_right () {found}"),
        columns=[
            Column(field="cluster", title="Cluster", width=110),
            Column(field="namespace", title="Namespace", width=150),
            Column(field="configmap", title="ConfigMap"),
            Column(field="problem", title="Problem"),
            Column(field="key", title="Key"),
            Column(field="B", title="Size", unit="bytes", width=110),
        ],
        by="ConfigMap",
        descending=False,
        nothing="No problem",
    )
    return [(share, 8, 8), (reasons, 6, 8), (health, 10, 8), (problems, 24, 4)]
