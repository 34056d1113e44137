"""Which runs and Jobs the queries of the dashboards select: by promtool, on series that the scene has none of."""

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
    """`select(expression, label, series, hours=2)`: the values of that label in the result; time begins at 0."""

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
    """A series of a replica with the same value in every minute of ten hours."""
    labels = {"job": "coderun-exporter", "instance": replica, "namespace": "ns"} | labels
    written = ", ".join(f'{name}="{text}"' for name, text in labels.items())
    return {"series": f"{metric}{{{written}}}", "values": f"{value}x600" if value != "+Inf" else "+Inf " * 600}


def run(name="x", *, state="open", phase="Running", since=None, replica="a", job=""):
    """The series of a run that was created at 0 and may have a Job."""
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
    """Whatever its phase is called; an open one is both."""
    series = [*run("x", state=state, phase="Running"), *run("y")]
    assert select(many.OPEN, "coderun", series) == {"y"}
    assert select(many.LATE, "coderun", series) == {"y"}
    assert select(many.WAITING_ROWS, "coderun", series) == {"y"}


def test_a_cancelled_run_is_no_failure(select):
    """A failed one is."""
    series = [*run("x", state="cancelled"), *run("y", state="failed")]
    assert select(many.FAILED_ROWS, "coderun", series) == {"y"}


def test_a_run_that_one_replica_has_seen_end_is_not_open(select):
    """Nor late."""
    series = [*run(), *run(state="succeeded", replica="b")]
    assert select(many.OPEN, "coderun", series) == set()
    assert select(many.LATE, "coderun", series) == set()


def test_a_retry_of_an_old_run_is_not_late(select):
    """Its time begins with the gap. Without that time, with its creation."""
    assert select(many.LATE, "coderun", run(since=2 * HOUR - 60)) == set()
    assert select(many.LATE, "coderun", run(since=2 * HOUR - 601)) == {"x"}
    assert select(many.LATE, "coderun", run()) == {"x"}


def test_each_agent_has_a_limit_of_its_own(select):
    """The largest of its runs; none where a run opted out."""
    other = [
        at(1, "coderun_info", agent="cleo", coderun="y"),
        at(900, "coderun_job_creation_deadline_seconds", coderun="y"),
        at(1, "coderun_info", agent="out", coderun="z"),
        at("+Inf", "coderun_job_creation_deadline_seconds", coderun="z"),
    ]
    assert select(many.MAY_WAIT, "agent", [*run(), *other]) == {"rex", "cleo"}
    assert select(f"({many.MAY_WAIT}) == 600", "agent", [*run(), *other]) == {"rex"}


def test_a_run_in_an_unknown_phase_is_open_and_never_late(select):
    """It is listed among the runs without a Job."""
    series = run(phase="other")
    assert select(many.OPEN, "coderun", series) == {"x"}
    assert select(many.WAITING_ROWS, "coderun", series) == {"x"}
    assert select(many.LATE, "coderun", series) == set()


def test_a_job_above_the_default_limit_is_critical_at_four_times_that(select):
    """A warning before. Below its limit it is neither."""
    for hours, expected in ((0.9, (set(), set())), (2, ({"j"}, set())), (5, ({"j"}, {"j"}))):
        found = tuple(
            select(expression, "job_name", job(), hours=hours) for expression in (many.ATTENTION, many.CRITICAL)
        )
        assert found == expected, hours


@pytest.mark.parametrize("more", [{"limit": 7000}, {"more": [("job_max_runtime_configured", {})]}])
def test_a_job_above_a_limit_that_was_set_is_critical(select, more):
    """By its value, or by the metric where the value is that of the default."""
    assert select(many.CRITICAL, "job_name", job(**more)) == {"j"}


@pytest.mark.parametrize(
    "more",
    [
        {"limit": "+Inf", "active": 0, "ready": 0},
        {"more": [("job_suspended", {})]},
        {"more": [("job_finished_timestamp_seconds", {"result": "failed"})]},
    ],
)
def test_a_job_that_opted_out_is_suspended_or_finished_needs_no_attention(select, more):
    """Whatever its start says."""
    assert select(many.ATTENTION, "job_name", job(**more)) == set()


def test_a_job_of_a_long_lived_run_has_no_limit_and_needs_attention_without_a_pod(select):
    """The default limit does not apply to it."""
    long_lived = [("job_long_lived", {})]
    assert select(many.ATTENTION, "job_name", job(more=long_lived)) == set()
    assert select(many.ATTENTION, "job_name", job(more=long_lived, active=0, ready=0)) == {"j"}


def test_a_job_without_a_pod_is_unfinished_and_needs_attention(select):
    """Critical while no Job of its namespace has a pod."""
    stuck, working = job(active=0, ready=0, limit=99999), job("k", limit=99999)
    assert select(many.UNFINISHED, "job_name", stuck) == {"j"}
    assert select(many.ATTENTION, "job_name", [*stuck, *working]) == {"j"}
    assert select(many.CRITICAL, "job_name", [*stuck, *working]) == set()
    assert select(many.CRITICAL, "job_name", stuck) == {"j"}
    assert select(f"({one.POD_STATES}) == 13", "job_name", stuck) == {"j"}


def test_a_pod_that_was_ready_within_an_hour_has_started(select):
    """One that is pending since the start of its Job is."""
    series = job(ready=0, limit=99999)
    assert select(many.NOT_STARTING, "job_name", series, hours=0.5) == {"j"}
    ready = {"series": series[4]["series"], "values": "0 1x5 0x600"}
    assert select(many.NOT_STARTING, "job_name", [*series[:4], ready, *series[5:]], hours=0.5) == set()


@pytest.mark.parametrize(("cause", "expected"), [("run_already_finished", set()), ("finished_not_exited", {"j"})])
def test_a_job_whose_run_is_over_needs_attention(select, cause, expected):
    """Critical only where its work is known to be completed."""
    series = job(limit=99999, more=[("job_hang_cause", {"cause": cause})])
    assert select(many.ATTENTION, "job_name", series) == {"j"}
    assert select(many.CRITICAL, "job_name", series) == expected


def test_only_required_configmaps_are_shown(select):
    """One that is looked for and not required is not. All of a set that was required within a day are unhealthy."""
    watched = [at(1, "configmap_watched", configmap=name) for name in ("never", "gone")]
    health = at(1, "configmap_health", configmap="gone") | {"values": "1x60 stale"}
    assert select(HEALTH, "configmap", watched) == set()
    assert select(f"({HEALTH}) == 0", "configmap", [*watched, health]) == {"gone"}


def test_failures_count_once_for_replicas_and_parts_and_add_up_over_namespaces(select):
    """Two replicas of a part and one of an overlapping part count the same three Jobs; another team has two."""

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
