"""Queries of the dashboard of one run that also cover a run or Job that is no longer exported.

The result is the current value or, if the series no longer exists, its last value in the time range. The legends
state which one is shown: `last`, `until its end`, `until last exported`.
"""

from tools.dashboards.one_run_promql import (
    FAILURE_SELECTOR,
    HANG_SELECTOR,
    JOB_STATE_MAPPINGS,
    JOBS_OF_RUN,
    NOT_READY_SEEN,
    NOW_STATES,
    RUN_SELECTOR,
    RUNNING,
    STALL_SELECTOR,
    TIME_WITHOUT_JOB,
)
from tools.dashboards.promql import IN_NAMESPACE, JOB

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
    """The Unix time at which the expression last had a result within the time range, by these labels, to a minute.

    selected: an expression whose values are timestamps.
    """
    return f"(max by ({by}) ({selected}) or max by ({by}) (max_over_time(({selected})[$__range:1m])))"


_HERE = f"coderun_created_timestamp{{{RUN_SELECTOR}}}"
_JOBS_SEEN = f"last_over_time(job_info{{{RUN_SELECTOR}}}[$__range])"


def known(metric: str, *, how: str = "max") -> str:
    """The current value of a gauge of the run; if the run is no longer exported, the last one in the time range."""
    return _last_value(metric, RUN_SELECTOR, by="cluster", how=how, here=_HERE)


def of_past_jobs(metric: str) -> str:
    """The value of a gauge for each Job that the run has or had within the time range."""
    return f"({_last_value(metric, IN_NAMESPACE, by=JOB, how='max', here=JOBS_OF_RUN)} and on ({JOB}) {_JOBS_SEEN})"


def _last_value(metric: str, matchers: str, *, by: str, how: str, here: str) -> str:
    now, past = (
        f"{how} by ({by}) ({value})"
        for value in (f"{metric}{{{matchers}}}", f"last_over_time({metric}{{{matchers}}}[$__range])")
    )
    return f"({now} or ({past} unless on ({by}) {here}))"


CREATED = known("coderun_created_timestamp")
DEADLINE = f"({known('coderun_job_creation_deadline_seconds')} < +Inf)"
ATTEMPT = known("coderun_attempt")


def run_time(metric: str) -> str:
    """A timestamp of the run, unless it is that of a deleted run with the same name."""
    return f"({known(metric)} >= on (cluster) {CREATED})"


def job_time(metric: str, *, how: str = "max") -> str:
    """The newest (or, with `how`, the oldest) timestamp of the Jobs that were created after the run."""
    return f"{how} by (cluster) ({of_past_jobs(metric)} >= on (cluster) group_left () {CREATED})"


_ENDED = run_time("coderun_finished_timestamp_seconds")
LAST_EXPORTED = seen(f"timestamp({_HERE})", "cluster")
_GONE_AT = f"({LAST_EXPORTED} unless on (cluster) {_HERE})"

AGES = {
    "until now": f"time() - (max by (cluster) ({_HERE}) unless on (cluster) {_ENDED})",
    "until its end": f"{_ENDED} - on (cluster) {CREATED}",
    "until last exported": f"({_GONE_AT} - on (cluster) {CREATED}) unless on (cluster) {_ENDED}",
}

# The last phase, without the state of the run, which determines the colour of the current phase.
LAST_PHASE = (
    f"topk by (cluster) (1, {seen(f'timestamp(coderun_phase{{{RUN_SELECTOR}}})', 'cluster, phase')})"
    f" unless on (cluster) {_HERE}"
)
_CAUSES = "\nor ".join(
    seen(selected, "cluster, cause")
    for selected in (
        f"timestamp({STALL_SELECTOR})",
        f"timestamp({HANG_SELECTOR}) and on ({JOB}) {JOBS_OF_RUN}",
        f"timestamp({FAILURE_SELECTOR})",
        NOT_READY_SEEN,
    )
)
# The causes at the end of the run's series. The tolerance is two minutes, because `seen` has a resolution of one.
LAST_CAUSE = f"(({_CAUSES}) + 120 > on (cluster) group_left () {_GONE_AT})"

_FIRST_JOB = job_time("job_created_timestamp", how="min")
# If the first attempt is not in the time range, its Job may be missing.
_FIRST_ATTEMPT = f"(min by (cluster) (min_over_time(coderun_attempt{{{RUN_SELECTOR}}}[$__range])) == 1)"
_SINCE = f"({known('coderun_without_job_since_timestamp_seconds', how='min')} or {CREATED})"
_WAITS = {
    "to the first Job": f"{_FIRST_JOB} - on (cluster) {CREATED} and on (cluster) {_FIRST_ATTEMPT}",
    "until now": TIME_WITHOUT_JOB,
    "until last exported": f"({_GONE_AT} - on (cluster) {_SINCE}) unless on (cluster) {_FIRST_JOB}"
    f" unless on (cluster) {_ENDED}",
}
WAITS = _WAITS | {"limit": DEADLINE + " and on (cluster) (" + "\nor ".join(f"({e})" for e in _WAITS.values()) + ")"}

_STARTED = of_past_jobs("job_start_time")
_FINISHED = of_past_jobs("job_finished_timestamp_seconds")
_EXPORTED = seen(f"timestamp(job_info{{{RUN_SELECTOR}}})", JOB)
_GONE_JOBS = f"({_EXPORTED} unless on ({JOB}) {JOBS_OF_RUN})"
JOB_TIMES = {
    "until now": RUNNING,
    "until its end": f"{_FINISHED} - on ({JOB}) {_STARTED}",
    "until last exported": f"({_GONE_JOBS} - on ({JOB}) {_STARTED}) unless on ({JOB}) {_FINISHED}",
}
NEWEST = f"topk by (cluster) (1, {of_past_jobs('job_created_timestamp')} >= on (cluster) group_left () {CREATED})"
RUN_TIMES = {legend: f"({value}) and on ({JOB}) {NEWEST}" for legend, value in JOB_TIMES.items()} | {
    "limit": f"({of_past_jobs('job_max_runtime_seconds')} < +Inf) and on ({JOB}) {NEWEST}"
}


def _ended_with(result: str) -> str:
    return f'(last_over_time(job_finished_timestamp_seconds{{{IN_NAMESPACE}, result="{result}"}}[$__range]) > bool 0)'


_CODES = {word: code for code, (word, _) in JOB_STATE_MAPPINGS.items()}
JOB_STATE = "\nor ".join(
    [
        *(
            f"{_CODES[result]} * max by ({JOB}) ({_ended_with(result)} and on ({JOB}) {_JOBS_SEEN})"
            for result in ("succeeded", "failed")
        ),
        f"({NOW_STATES})",
        f"{max(JOB_STATE_MAPPINGS)} * group by ({JOB}) ({_JOBS_SEEN})",
    ]
)
"""The state of each Job as a key of `JOB_STATE_MAPPINGS`: how it ended, the state of its pods, or that it is gone."""
