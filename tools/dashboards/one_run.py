"""The dashboard of one run: its life over time, its Jobs, and the health of what it needs."""

from typing import Any

from tools.dashboards.board import ONE_RUN, RUNBOOK, Row, board, datasource, query
from tools.dashboards.parts import BAD, GOOD, NEUTRAL, WARN, Query, lanes, lines, names, number
from tools.dashboards.promql import CONFIGMAP, JOB, ONE, coded
from tools.dashboards.table_panel import Column, table

__all__ = ["one_run_board"]

THIS = f'{ONE}, coderun="$coderun"'
MINE = f"job_info{{{THIS}}}"
PHASES = {
    1: ("Succeeded", GOOD),
    2: ("Failed", BAD),
    3: ("Running", NEUTRAL),
    4: ("Pending", "light-blue"),
    5: ("other", "purple"),
    6: ("none", WARN),
}
JOBS = {11: ("active", NEUTRAL), 12: ("suspended", "purple"), 13: ("succeeded", GOOD), 14: ("failed", BAD)}
SIGNS = {21: ("yes", BAD), 22: ("firing", BAD)}

PHASE = coded(
    "coderun_phase", "phase", [(name, code) for code, (name, _) in PHASES.items()], by="cluster", matchers=THIS
)
CREATED = f"max by (cluster) (coderun_created_timestamp{{{THIS}}})"
OPEN = f'coderun_phase{{{THIS}, phase!~"Succeeded|Failed"}}'
DEADLINE = f"max by (cluster) (coderun_job_creation_deadline_seconds{{{THIS}}})"


def of_jobs(metric: str, *, how: str = "max", by: str = JOB, matchers: str = ONE) -> str:
    """A gauge of this run's Jobs."""
    return f"{how} by ({by}) (max by ({JOB}) ({metric}{{{matchers}}}) and on ({JOB}) {MINE})"


ACTIVE = f"(min by ({JOB}) (job_active{{{ONE}}}) > 0) and on ({JOB}) {MINE}"
STARTED = f"max by ({JOB}) (job_start_time{{{ONE}}})"
RUNNING = f"(time() - {STARTED}) and on ({JOB}) ({ACTIVE})"
TOOK = f"(max by ({JOB}) (job_finished_timestamp_seconds{{{ONE}}}) - on ({JOB}) {STARTED}) and on ({JOB}) {MINE}"
NEWEST = f'coderun_job_name{{{THIS}, job_name!=""}}'
LIMIT = f"max by ({JOB}) (job_max_runtime_seconds{{{ONE}}})"
HAS_JOB = of_jobs("job_created_timestamp", by="cluster")
WAIT = f"(time() - {CREATED}) and on (cluster) {OPEN} unless on (cluster) {HAS_JOB}"
WAITED = f"{of_jobs('job_created_timestamp', how='min', by='cluster')} - on (cluster) {CREATED}"
STALL = f"max by (cluster, cause, detail) (coderun_stall_cause{{{THIS}}})"
HANG = f"max by (cluster, cause, detail) (job_hang_cause{{{ONE}}} and on ({JOB}) {MINE})"
FIRING = (
    f'ALERTS{{{THIS}, component="coderun-exporter", alertstate="firing"}}'
    f' or (ALERTS{{{ONE}, component="coderun-exporter", alertstate="firing"}} and on ({JOB}) {MINE})'
)
ALERT = "alertname, severity, cluster, namespace, coderun, job_name"
ALERTS = f"max by ({ALERT}) ({FIRING})"
SINCE = f'max by ({ALERT}) (ALERTS_FOR_STATE{{{ONE}, component="coderun-exporter"}}) and ({ALERTS})'


def one_run_board() -> str:
    """Its JSON."""
    cluster = 'cluster=~"$cluster"'
    runs = f'coderun_created_timestamp{{{cluster}, namespace="$namespace"}}'
    return board(
        ONE_RUN,
        "One agent run from its creation to its end: phase, Jobs, limits, causes, alerts, ConfigMaps.",
        variables=[
            datasource(),
            query("cluster", "Cluster", series="coderun_exporter_build_info", all_of_them=True),
            query("namespace", "Namespace", series=f"coderun_created_timestamp{{{cluster}}}", all_of_them=False),
            query("coderun", "Run", series=runs, all_of_them=False),
        ],
        annotations=[ALERTS],
        rows=[
            Row("How is it now?", _numbers()),
            Row("Its life", _life()),
            Row("In detail", _detail()),
        ],
        since="6h",
    )


def _numbers() -> list[tuple[Any, int, int]]:
    panels = [
        number("Phase", "What its controller says; none: no status at all.", Query(PHASE), words=PHASES),
        names(
            "Why it is stuck",
            "The cause that the exporter has found: of no Job, or of a Job that does not end.",
            Query(f"max by (cause) ({STALL} or {HANG})", "{{cause}}"),
            levels=[(1, BAD)],
            nothing="no cause known",
        ),
        number("Age", "Since its creation.", Query(f"max(time() - {CREATED})"), unit="s"),
        number(
            "Wait for its Job",
            "From its creation to its first Job, or until now; and how long that may be."
            " `CodeRunJobCreationStalled`.",
            Query(f"max(({WAITED}) or on (cluster) ({WAIT}))", "waited"),
            Query(f"max({DEADLINE})", "limit"),
            unit="s",
            nothing="unknown",
        ),
        number(
            "Run time",
            "Of its newest Job, from start to end or until now; and how long that may be. `AgentJobHanging`.",
            Query(f"max((({RUNNING}) or on ({JOB}) ({TOOK})) and on ({JOB}) ({NEWEST}))", "took"),
            Query(f"max({LIMIT} and on ({JOB}) ({NEWEST}))", "limit"),
            unit="s",
            nothing="no Job",
        ),
        number("Attempt", "1 is the first.", Query(f"max(coderun_attempt{{{THIS}}})"), nothing="unknown"),
    ]
    return [(panel, 4, 4) for panel in panels]


def _life() -> list[tuple[Any, int, int]]:
    ended = coded(
        "job_finished_timestamp_seconds", "result", [("succeeded", 13), ("failed", 14)], by=JOB, matchers=ONE
    )
    ended = ended.replace(" == 1)", " > bool 0)")
    job = (
        f"(({ended}) or on ({JOB}) 12 * (max by ({JOB}) (job_suspended{{{ONE}}}) == 1)"
        f" or on ({JOB}) 11 * (min by ({JOB}) (job_active{{{ONE}}}) > bool 0) > 0) and on ({JOB}) {MINE}"
    )
    life = lanes(
        "What was so, and when",
        "Its phase, its Jobs, the causes that were named, and the alerts that fired. A gap is an absence.",
        Query(PHASE, "Phase"),
        Query(job, "Job {{job_name}}"),
        Query(f"21 * {STALL}", "No Job: {{cause}} {{detail}}"),
        Query(f"21 * {HANG}", "No end: {{cause}} {{detail}}"),
        Query(f"22 * {ALERTS}", "{{alertname}}"),
        words={**PHASES, **JOBS, **SIGNS},
    )
    health = lanes(
        "The ConfigMaps that the controller needs, beside it",
        "All that are required, of all namespaces: a run waits for the one of its own CLI.",
        Query(f'min by ({CONFIGMAP}) (configmap_health{{cluster=~"$cluster"}})', "{{configmap}}"),
        words={0: ("broken", BAD), 1: ("healthy", GOOD)},
    )
    waiting = lines(
        "Its wait for a Job, and the limit",
        "While it has none. `CodeRunJobCreationStalled`.",
        Query(WAIT, "waiting"),
        Query(f"{DEADLINE} < +Inf", "limit"),
        unit="s",
    )
    running = lines(
        "The run time of its Jobs, and the limits",
        "While they are active. At the deadline Kubernetes itself ends the Job, where one is set. `AgentJobHanging`.",
        Query(RUNNING, "{{job_name}}"),
        Query(f"max({of_jobs('job_max_runtime_seconds')} < +Inf)", "limit"),
        Query(f"max({of_jobs('job_deadline_seconds')})", "limit by Kubernetes"),
        unit="s",
    )
    return [(life, 24, 8), (health, 24, 7), (waiting, 12, 7), (running, 12, 7)]


def _detail() -> list[tuple[Any, int, int]]:
    alerts = table(
        "Its alerts",
        "Those that fire now, about it or its Jobs; the name leads to the runbook.",
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
    return [(_moments(), 8, 8), (_about(), 16, 3), (_jobs(), 16, 5), (alerts, 24, 5)]


def _moments() -> Any:
    moments = {
        "created": CREATED,
        "first Job created": of_jobs("job_created_timestamp", how="min", by="cluster"),
        "newest Job started": of_jobs("job_start_time", by="cluster"),
        "work completed": f"max by (cluster) (coderun_work_completed_timestamp_seconds{{{THIS}}})",
        "newest Job ended": of_jobs("job_finished_timestamp_seconds", by="cluster"),
        "deletion asked for": f"max by (cluster) (coderun_deletion_timestamp_seconds{{{THIS}}})",
    }
    told = [f'label_replace({expr}, "moment", "{name}", "", "")' for name, expr in moments.items()]
    return table(
        "Moments",
        "What happened to it, in its order.",
        Query("1000 * (" + "\nor ".join(told) + ")"),
        columns=[
            Column(field="cluster", title="Cluster", width=110),
            Column(field="moment", title="What"),
            Column(field="A", title="When", unit="dateTimeAsIso", width=180),
        ],
        by="When",
        descending=False,
        nothing="No such run",
    )


def _about() -> Any:
    kept = ("kind", "agent", "service", "task_id", "cli", "model", "repository", "workflow", "uid")
    return table(
        "What it is about",
        "From its spec and labels.",
        Query(f"max by (cluster, {', '.join(kept)}) (coderun_info{{{THIS}}})"),
        columns=[Column(field=name, title=name.replace("_", " ").capitalize()) for name in ("cluster", *kept)],
        by="Kind",
        nothing="No such run",
    )


def _jobs() -> Any:
    return table(
        "Its Jobs",
        "Every Job that it owns and that the exporter still shows; an attempt that is tried again is another Job.",
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
        nothing="It has no Job",
    )
