"""Which runs and Jobs the queries of the dashboards select. promtool evaluates them for series of rare states."""

import json
import subprocess

import pytest

from lab.components import component
from tools.dashboards import one_run_promql as one, runs_promql as many
from tools.dashboards.promql import HEALTH, ended
from tools.dashboards.reading import ALL, filled

pytestmark = pytest.mark.needs("promtool")

HOUR = 3600
CHOSEN = dict.fromkeys(("cluster", "namespace", "agent", "instance"), ALL) | {"coderun": "x"}


@pytest.fixture
def select(tmp_path):
    """`select(expression, label, series, hours=2)` returns the values of the label. Time starts at 0."""

    def selected(expression, label, series, *, hours=2.0):
        chosen = CHOSEN if "coderun=" not in expression else CHOSEN | {"namespace": "ns"}
        expression = filled(expression, chosen, interval="1m", span="1h")
        found = {"expr": f"group by ({label}) ({expression})", "eval_time": f"{hours * 60:g}m", "exp_samples": []}
        test = {"interval": "1m", "input_series": series, "promql_expr_test": [found]}
        file = tmp_path / "test.json"
        file.write_text(json.dumps({"evaluation_interval": "1m", "tests": [test]}))
        run = [component("promtool"), "test", "rules", str(file)]
        done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0 or "got:" in done.stdout + done.stderr, done.stderr
        text = (done.stdout + done.stderr).partition("got:")[2]
        return {part.partition('"')[0] for part in text.split(f'{label}="')[1:]}

    return selected


def at(value, metric, *, replica="a", **labels):
    """A series of a replica with the same value in each minute of ten hours."""
    labels = {"job": "coderun-exporter", "instance": replica, "namespace": "ns"} | labels
    written = ", ".join(f'{name}="{text}"' for name, text in labels.items())
    return {"series": f"{metric}{{{written}}}", "values": f"{value}x600" if value != "+Inf" else "+Inf " * 600}


def run(name="x", *, state="open", phase="Running", since=None, replica="a", job=""):
    """The series of a run that was created at 0. `job` is the name of its Job, if it has one."""
    of = {"coderun": name, "replica": replica}
    found = [
        at(0, "coderun_created_timestamp", **of), at(1, "coderun_info", agent="rex", **of),
        at(1, "coderun_state", state=state, **of), at(1, "coderun_phase", phase=phase, **of),
        at(600, "coderun_job_creation_deadline_seconds", **of), at(1, "coderun_job_name", job_name=job, **of),
    ]  # fmt: skip
    return found if since is None else [*found, at(since, "coderun_without_job_since_timestamp_seconds", **of)]


def job(name="j", *, limit=HOUR, active=1, ready=1, started=True, more=()):
    """The series of a Job that was created at 0."""
    of = {"job_name": name}
    found = [
        at(0, "job_created_timestamp", **of), at(1, "job_info", agent="rex", coderun="x", **of),
        at(limit, "job_max_runtime_seconds", **of), at(active, "job_active", **of),
        at(ready, "job_pods", state="running", **of), at(active - ready, "job_pods", state="pending", **of),
    ]  # fmt: skip
    found += [at(0, "job_start_time", **of)] if started else []
    return [*found, *(at(1, metric, **of, **labels) for metric, labels in more)]


@pytest.mark.parametrize("state", ["waiting", "succeeded", "failed", "cancelled"])
def test_a_run_that_is_not_open_is_neither_open_nor_late(select, state):
    """The state decides and not the phase. An open run is both."""
    series = [*run("x", state=state, phase="Running"), *run("y")]
    assert select(many.OPEN, "coderun", series) == {"y"}
    assert select(many.LATE, "coderun", series) == {"y"}
    assert select(many.WAITING_ROWS, "coderun", series) == {"y"}


def test_a_cancelled_run_is_no_failure(select):
    """A failed one is."""
    series = [*run("x", state="cancelled"), *run("y", state="failed")]
    assert select(many.FAILED_ROWS, "coderun", series) == {"y"}


def test_a_run_that_has_finished_for_one_replica_is_not_open(select):
    """It is not late either."""
    series = [*run(), *run(state="succeeded", replica="b")]
    assert select(many.OPEN, "coderun", series) == set()
    assert select(many.LATE, "coderun", series) == set()


def test_a_retry_of_an_old_run_is_not_late(select):
    """The deadline counts from the time since which it has no Job. Without this time it counts from the creation."""
    assert select(many.LATE, "coderun", run(since=2 * HOUR - 60)) == set()
    assert select(many.LATE, "coderun", run(since=2 * HOUR - 601)) == {"x"}
    assert select(many.LATE, "coderun", run()) == {"x"}


def test_each_agent_has_its_own_limit(select):
    """It is the largest limit of its runs. A run with the limit +Inf has none."""
    other = [
        at(1, "coderun_info", agent="cleo", coderun="y"),
        at(900, "coderun_job_creation_deadline_seconds", coderun="y"),
        at(1, "coderun_info", agent="out", coderun="z"),
        at("+Inf", "coderun_job_creation_deadline_seconds", coderun="z"),
    ]
    assert select(many.MAY_WAIT, "agent", [*run(), *other]) == {"rex", "cleo"}
    assert select(f"({many.MAY_WAIT}) == 600", "agent", [*run(), *other]) == {"rex"}


def test_a_run_in_an_unknown_phase_is_open_and_never_late(select):
    """It is in the table of runs without a Job."""
    series = run(phase="other")
    assert select(many.OPEN, "coderun", series) == {"x"}
    assert select(many.WAITING_ROWS, "coderun", series) == {"x"}
    assert select(many.LATE, "coderun", series) == set()


def test_a_job_above_four_times_the_default_limit_is_critical(select):
    """Above the limit it is a warning."""
    for hours, expected in ((0.9, (set(), set())), (2, ({"j"}, set())), (5, ({"j"}, {"j"}))):
        found = tuple(
            select(expression, "job_name", job(), hours=hours) for expression in (many.ATTENTION, many.CRITICAL)
        )
        assert found == expected, hours


@pytest.mark.parametrize("more", [{"limit": 7000}, {"more": [("job_max_runtime_configured", {})]}])
def test_a_job_above_a_configured_limit_is_critical(select, more):
    """A limit is configured if its value is not the default, or if a metric says so."""
    assert select(many.CRITICAL, "job_name", job(**more)) == {"j"}


@pytest.mark.parametrize(
    "more",
    [
        {"limit": "+Inf", "active": 0, "ready": 0},
        {"more": [("job_suspended", {})]},
        {"more": [("job_finished_timestamp_seconds", {"result": "failed"})]},
    ],
)
def test_a_job_without_limit_suspended_or_finished_needs_no_attention(select, more):
    """Its start time does not matter."""
    assert select(many.ATTENTION, "job_name", job(**more)) == set()


def test_a_job_of_a_long_lived_run_has_no_limit_and_needs_attention_without_a_pod(select):
    """The default limit does not apply."""
    long_lived = [("job_long_lived", {})]
    assert select(many.ATTENTION, "job_name", job(more=long_lived)) == set()
    assert select(many.ATTENTION, "job_name", job(more=long_lived, active=0, ready=0)) == {"j"}


def test_a_job_without_a_pod_needs_attention(select):
    """It is critical if no Job of its namespace has a pod."""
    stuck, working = job(active=0, ready=0, limit=99999), job("k", limit=99999)
    assert select(many.UNFINISHED, "job_name", stuck) == {"j"}
    assert select(many.ATTENTION, "job_name", [*stuck, *working]) == {"j"}
    assert select(many.CRITICAL, "job_name", [*stuck, *working]) == set()
    assert select(many.CRITICAL, "job_name", stuck) == {"j"}
    assert select(f"({one.POD_STATES}) == 13", "job_name", stuck) == {"j"}


def test_a_pod_that_was_ready_within_an_hour_has_started(select):
    """A pod that is pending since the start of its Job has not."""
    series = job(ready=0, limit=99999)
    assert select(many.NOT_STARTING, "job_name", series, hours=0.5) == {"j"}
    ready = {"series": series[4]["series"], "values": "0 1x5 0x600"}
    assert select(many.NOT_STARTING, "job_name", [*series[:4], ready, *series[5:]], hours=0.5) == set()


@pytest.mark.parametrize(("cause", "expected"), [("run_already_finished", set()), ("finished_not_exited", {"j"})])
def test_a_job_of_a_finished_run_needs_attention(select, cause, expected):
    """It is critical only if its work is known to be completed."""
    series = job(limit=99999, more=[("job_hang_cause", {"cause": cause})])
    assert select(many.ATTENTION, "job_name", series) == {"j"}
    assert select(many.CRITICAL, "job_name", series) == expected


@pytest.mark.parametrize(("limit", "expected"), [(1200, set()), (300, {"j"})])
def test_a_script_may_work_after_the_last_word_of_its_agent(select, limit, expected):
    """The last line was written 10 minutes ago."""
    of = {"job_name": "j"}
    logs = [
        ("agent_result_timestamp_seconds", {"outcome": "success"}, 6000),
        ("agent_last_log_timestamp_seconds", {}, 6600),
        ("agent_result_limit_seconds", {}, limit),
        ("agent_silence_limit_seconds", {}, 60),
    ]
    series = job(limit=99999, more=[("job_hang_cause", {"cause": "finished_not_exited"})])
    series += [at(value, metric, **of, **labels) for metric, labels, value in logs]
    assert select(many.ATTENTION, "job_name", series) == select(many.CRITICAL, "job_name", series) == expected


@pytest.mark.parametrize(("limit", "expected"), [(1800, {"j"}), ("+Inf", set())])
def test_a_job_beyond_the_default_limit_is_critical_after_two_silent_hours(select, limit, expected):
    """Unless its agent has no limit of silence."""
    series = [at(0, "agent_last_log_timestamp_seconds", job_name="j"), *job()]
    series += [at(limit, "agent_silence_limit_seconds", job_name="j")]
    assert select(many.CRITICAL, "job_name", series, hours=2.0) == set()
    assert select(many.CRITICAL, "job_name", series, hours=2.1) == expected


def test_a_job_whose_agent_is_blocked_or_silent_needs_attention(select):
    """Neither is critical."""
    blocked = job(limit=99999, more=[("job_hang_cause", {"cause": "auth"})])
    silent = [at(7200 - 1801, "agent_last_log_timestamp_seconds", job_name="j"), *job(limit=99999)]
    for series in (blocked, [*silent, at(1800, "agent_silence_limit_seconds", job_name="j")]):
        assert select(many.ATTENTION, "job_name", series) == {"j"}
        assert select(many.CRITICAL, "job_name", series) == set()
    assert (
        select(many.ATTENTION, "job_name", [*silent, at(1802, "agent_silence_limit_seconds", job_name="j")]) == set()
    )


def test_only_required_configmaps_are_shown(select):
    """A watched ConfigMap that is not required is not shown. It is unhealthy if it was required within a day."""
    watched = [at(1, "configmap_watched", configmap=name) for name in ("never", "gone")]
    health = at(1, "configmap_health", configmap="gone") | {"values": "1x60 stale"}
    assert select(HEALTH, "configmap", watched) == set()
    assert select(f"({HEALTH}) == 0", "configmap", [*watched, health]) == {"gone"}


def test_failures_are_counted_once_for_replicas_and_shards(select):
    """Two replicas of a shard and one of an overlapping shard count the same 3 Jobs. Another namespace has 2."""

    def counted(total, *, replica, scrape="coderun-exporter", namespace="ns"):
        labels = {"agent": "rex", "service": "s", "reason": "BackoffLimitExceeded", "result": "failed"}
        series = at(0, "jobs_finished_total", replica=replica, job=scrape, namespace=namespace, **labels)
        return series | {"values": f"0x90 {total}x600"}

    series = [
        counted(3, replica="a"), counted(3, replica="b"), counted(3, replica="c", scrape="coderun-exporter-team"),
        counted(2, replica="a", namespace="other-team"),
    ]  # fmt: skip
    expression = ended("jobs_finished_total", "agent, reason", "service", 'result="failed"')
    assert select(f"round({expression}) == 5", "agent", series) == {"rex"}
