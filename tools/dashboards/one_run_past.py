"""The queries of the dashboard of one run about what was: over the chosen time range, present or not.

A value is the present one, or the last of the time range where the exporter exports it no more. What a query is about
is named with it: `last`, `until its end`, `until last exported`.
"""

from tools.dashboards.one_run_promql import (
    FAILURES,
    HANGS,
    JOBS,
    MINE,
    NOT_READY_SEEN,
    NOW_STATES,
    RUNNING,
    STALLS,
    THIS,
    WAIT,
)
from tools.dashboards.promql import JOB, ONE

__all__ = [
    "AGES",
    "ATTEMPT",
    "CREATED",
    "DEADLINE",
    "JOB_STATE",
    "JOB_TIMES",
    "LAST_CAUSE",
    "LAST_EXPORTED",
    "LAST_PHASE",
    "NEWEST",
    "RUN_TIMES",
    "WAITS",
    "job_time",
    "known",
    "of_past_jobs",
    "run_time",
    "seen",
]


def seen(selected: str, by: str) -> str:
    """When a selector last had a result within the time range, by those labels, to a minute."""
    return f"(max by ({by}) ({selected}) or max by ({by}) (max_over_time(({selected})[$__range:1m])))"


_HERE = f"coderun_created_timestamp{{{THIS}}}"
_JOBS_SEEN = f"last_over_time(job_info{{{THIS}}}[$__range])"


def known(metric: str, *, how: str = "max") -> str:
    """The present value of a gauge of the run; the last one within the time range of a run that is gone."""
    return _known(metric, THIS, by="cluster", how=how, here=_HERE)


def of_past_jobs(metric: str) -> str:
    """A gauge of the Jobs that this run has or had within the time range."""
    return f"({_known(metric, ONE, by=JOB, how='max', here=MINE)} and on ({JOB}) {_JOBS_SEEN})"


def _known(metric: str, matchers: str, *, by: str, how: str, here: str) -> str:
    now, past = (
        f"{how} by ({by}) ({value})"
        for value in (f"{metric}{{{matchers}}}", f"last_over_time({metric}{{{matchers}}}[$__range])")
    )
    return f"({now} or ({past} unless on ({by}) {here}))"


CREATED = known("coderun_created_timestamp")
DEADLINE = f"({known('coderun_job_creation_deadline_seconds')} < +Inf)"
ATTEMPT = known("coderun_attempt")


def run_time(metric: str) -> str:
    """A time of the run; not of one that was deleted before it was created again under its name."""
    return f"({known(metric)} >= on (cluster) {CREATED})"


def job_time(metric: str, *, how: str = "max") -> str:
    """A time of the run's Jobs, of one since its creation."""
    return f"{how} by (cluster) ({of_past_jobs(metric)} >= on (cluster) group_left () {CREATED})"


_ENDED = run_time("coderun_finished_timestamp_seconds")
LAST_EXPORTED = seen(f"timestamp({_HERE})", "cluster")
_GONE_AT = f"({LAST_EXPORTED} unless on (cluster) {_HERE})"

AGES = {
    "until now": f"time() - (max by (cluster) ({_HERE}) unless on (cluster) {_ENDED})",
    "until its end": f"{_ENDED} - on (cluster) {CREATED}",
    "until last exported": f"({_GONE_AT} - on (cluster) {CREATED}) unless on (cluster) {_ENDED}",
}

# The phase that was seen last; its state is not looked for: what is gone has no colour of the present.
LAST_PHASE = (
    f"topk by (cluster) (1, {seen(f'timestamp(coderun_phase{{{THIS}}})', 'cluster, phase')})"
    f" unless on (cluster) {_HERE}"
)
_CAUSES = "\nor ".join(
    seen(selected, "cluster, cause")
    for selected in (
        f"timestamp({STALLS})",
        f"timestamp({HANGS}) and on ({JOB}) {MINE}",
        f"timestamp({FAILURES})",
        NOT_READY_SEEN,
    )
)
# One that was there at the end: two minutes, because samples are looked for each minute.
LAST_CAUSE = f"(({_CAUSES}) + 120 > on (cluster) group_left () {_GONE_AT})"

_FIRST_JOB = job_time("job_created_timestamp", how="min")
# Where the first attempt is not in the time range, its Job may be missing.
_FIRST_ATTEMPT = f"(min by (cluster) (min_over_time(coderun_attempt{{{THIS}}}[$__range])) == 1)"
_SINCE = f"({known('coderun_without_job_since_timestamp_seconds', how='min')} or {CREATED})"
_WAITS = {
    "to the first Job": f"{_FIRST_JOB} - on (cluster) {CREATED} and on (cluster) {_FIRST_ATTEMPT}",
    "until now": WAIT,
    "until last exported": f"({_GONE_AT} - on (cluster) {_SINCE}) unless on (cluster) {_FIRST_JOB}"
    f" unless on (cluster) {_ENDED}",
}
WAITS = _WAITS | {"limit": DEADLINE + " and on (cluster) (" + "\nor ".join(f"({e})" for e in _WAITS.values()) + ")"}

_STARTED = of_past_jobs("job_start_time")
_FINISHED = of_past_jobs("job_finished_timestamp_seconds")
_EXPORTED = seen(f"timestamp(job_info{{{THIS}}})", JOB)
_GONE_JOBS = f"({_EXPORTED} unless on ({JOB}) {MINE})"
JOB_TIMES = {
    "until now": RUNNING,
    "until its end": f"{_FINISHED} - on ({JOB}) {_STARTED}",
    "until last exported": f"({_GONE_JOBS} - on ({JOB}) {_STARTED}) unless on ({JOB}) {_FINISHED}",
}
NEWEST = f"topk by (cluster) (1, {of_past_jobs('job_created_timestamp')} >= on (cluster) group_left () {CREATED})"
RUN_TIMES = {legend: f"({value}) and on ({JOB}) {NEWEST}" for legend, value in JOB_TIMES.items()} | {
    "limit": f"({of_past_jobs('job_max_runtime_seconds')} < +Inf) and on ({JOB}) {NEWEST}"
}


def _ended_as(result: str) -> str:
    return f'(last_over_time(job_finished_timestamp_seconds{{{ONE}, result="{result}"}}[$__range]) > bool 0)'


_CODES = {word: code for code, (word, _) in JOBS.items()}
JOB_STATE = "\nor ".join(
    [
        *(
            f"{_CODES[result]} * max by ({JOB}) ({_ended_as(result)} and on ({JOB}) {_JOBS_SEEN})"
            for result in ("succeeded", "failed")
        ),
        f"({NOW_STATES})",
        f"{max(JOBS)} * group by ({JOB}) ({_JOBS_SEEN})",
    ]
)
"""How each Job ended; else what its pods do; else that it is gone."""
