"""The dashboard of one run shows deleted runs and Jobs within a time range of three hours."""

import time

import pytest

from tests.tools.dashboards.recorded_prometheus import RecordedPrometheus
from tools.dashboards.generate import boards
from tools.dashboards.one_run_promql import JOB_STATE_MAPPINGS
from tools.dashboards.querying import run_queries
from tools.dashboards.tables import rows_of

pytestmark = [pytest.mark.needs("prometheus", "promtool"), pytest.mark.timeout(120)]

ONE_RUN_DASHBOARD = boards()["one-run.json"]
NS = "agents"
HOUR = 3600


def write_run(prometheus, name, *, since, until=0, states, attempt=1, finished=None, **labels):
    """A run that is exported from `since` until `until` minutes ago; `states` are `(state, phase, since, until)`."""
    of = {"namespace": NS, "coderun": name} | labels
    prometheus.write("coderun_created_timestamp", prometheus.ago(since), since, until, **of)
    prometheus.write(
        "coderun_info", 1, since, until, uid=f"uid-{name}", kind="CodeRun", agent="rex", cli="codex", **of
    )
    prometheus.write("coderun_attempt", attempt, since, until, **of)
    prometheus.write("coderun_job_creation_deadline_seconds", 600, since, until, **of)
    for state, phase, begin, end in states:
        prometheus.write("coderun_state", 1, begin, end, state=state, **of)
        prometheus.write("coderun_phase", 1, begin, end, phase=phase, **of)
    if finished is not None:
        prometheus.write("coderun_finished_timestamp_seconds", prometheus.ago(finished), finished, until, **of)


def write_job(prometheus, name, run, *, since, until=0, finished=None, result="failed", deadline=None):
    """A Job that is exported from `since` until `until` minutes ago."""
    of = {"namespace": NS, "job_name": name}
    prometheus.write("job_created_timestamp", prometheus.ago(since), since, until, **of)
    prometheus.write("job_start_time", prometheus.ago(since), since, until, **of)
    prometheus.write("job_info", 1, since, until, uid=f"uid-{name}", agent="rex", coderun=run, **of)
    prometheus.write("job_max_runtime_seconds", HOUR, since, until, **of)
    prometheus.write("job_pods", 1, since, until if finished is None else finished, state="running", **of)
    if deadline is not None:
        prometheus.write("job_deadline_seconds", deadline, since, until, **of)
    if finished is not None:
        prometheus.write(
            "job_finished_timestamp_seconds", prometheus.ago(finished), finished, until, result=result, **of
        )


def write_recreated_runs(prometheus):
    """Two runs that were deleted and created again with the same name. One of them has a Job again."""
    for name, job in (("again", False), ("again-with-job", True)):
        over = [("open", "Running", 120, 90.5), ("failed", "Failed", 90, 80)]
        write_run(prometheus, name, since=120, until=80, states=over, finished=90)
        write_job(prometheus, f"{name}-1", name, since=110, until=80, finished=90)
        write_run(prometheus, name, since=30, states=[("open", "none", 30, 0)])
        prometheus.write("coderun_deletion_timestamp_seconds", prometheus.ago(85), 85, 80, namespace=NS, coderun=name)
        if job:
            write_job(prometheus, f"{name}-2", name, since=28)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """A failed run that was deleted, an unfinished run that was deleted, and a run that is retried."""
    server = RecordedPrometheus(tmp_path_factory.mktemp("prometheus") / "server", at=time.time() // 60 * 60)
    over = [("open", "Running", 120, 60.5), ("failed", "Failed", 60, 30)]
    write_run(server, "gone", since=120, until=30, states=over, finished=60)
    write_job(server, "gone-1", "gone", since=115, until=30, finished=65)
    failed = {"cause": "job_failed", "detail": "BackoffLimitExceeded", "namespace": NS, "coderun": "gone"}
    server.write("coderun_failure_cause", 1, 60, 30, **failed)
    write_run(server, "cut", since=100, until=40, states=[("open", "Running", 100, 40)])
    write_job(server, "cut-1", "cut", since=90, until=40)
    stalled = {"cause": "not_reconciled", "namespace": NS, "coderun": "cut"}
    server.write("coderun_stall_cause", 1, 98, 91, **stalled)
    server.write("job_hang_cause", 1, 60, 40, namespace=NS, job_name="cut-1", cause="no_pod")
    write_run(server, "never", since=100, until=50, states=[("open", "none", 100, 50)])
    server.write(
        "coderun_without_job_since_timestamp_seconds", server.ago(100), 100, 50, namespace=NS, coderun="never"
    )
    write_run(server, "retried", since=100, states=[("open", "Running", 100, 0)])
    write_job(server, "retried-1", "retried", since=98, until=60, finished=70, deadline=2 * HOUR)
    write_job(server, "retried-2", "retried", since=50, deadline=2 * HOUR)
    server.write("coderun_stall_cause", 1, 58, 51, cause="job_deleting", namespace=NS, coderun="retried")
    write_recreated_runs(server)
    over = [("failed", "Failed", 60, 50.5), ("open", "Running", 50, 0)]
    write_run(server, "reopened", since=100, states=over, attempt=2)
    server.write("coderun_finished_timestamp_seconds", server.ago(60), 60, 51, namespace=NS, coderun="reopened")
    with server:
        yield server


@pytest.fixture
def board(prometheus):
    """`board(run)` returns the results of each panel by its title."""

    def shown(run):
        chosen = {"namespace": NS, "coderun": run}
        results = run_queries(ONE_RUN_DASHBOARD, prometheus, chosen, seconds=0, time=prometheus.at, span="3h")
        return {each.panel.title: each for each in results if each.results}

    return shown


def named_values(result):
    """The name and value of each series of a panel."""
    return {query.name(series): float(series["value"][1]) for query in result.results for series in query.series}


def cells(result, *titles):
    """The text of the given columns in each row of a table, in order."""
    columns, rows = rows_of(result)
    by_title = {column.title: column for column in columns}
    return [tuple(by_title[title].cell(row)[0] if title in by_title else "" for title in titles) for row in rows]


def test_a_deleted_run_and_its_job_are_shown(board, prometheus):
    """Its phase, cause and times are shown, and its Jobs with result and duration. None is shown as current."""
    shown = board("gone")
    assert set(named_values(shown["Phase"])) == {"last: Failed"}
    assert set(named_values(shown["Cause"])) == {"last: job_failed"}
    assert named_values(shown["Age"]) == {"until its end": HOUR}
    assert named_values(shown["Time without a Job"]) == {"to the first Job": 300, "limit": 600}
    assert named_values(shown["Run time"]) == {"until its end": 50 * 60, "limit": HOUR}
    assert cells(shown["Causes within the time range"], "Problem", "Cause", "Detail", "Now") == [
        ("run failed", "job_failed", "BackoffLimitExceeded", "no")
    ]
    assert cells(shown["Jobs within the time range"], "Job", "State", "Run time") == [
        ("gone-1", "failed", "00:50:00")
    ]
    events = {event for (event,) in cells(shown["Timestamps"], "Event")}
    assert events == {
        "created", "oldest Job created", "newest Job started", "newest Job ended", "run ended", "last exported",
    }  # fmt: skip
    assert cells(shown["Description"], "Agent", "CLI", "UID") == [("rex", "codex", "uid-gone")]


def test_a_deleted_unfinished_run_is_not_shown_as_running(board):
    """Its durations end when it was last exported. A cause that ended earlier is not the last one."""
    shown = board("cut")
    assert set(named_values(shown["Phase"])) == {"last: Running"}
    assert set(named_values(shown["Cause"])) == {"last: no_pod"}
    assert named_values(shown["Age"]) == {"until last exported": HOUR}
    assert named_values(shown["Run time"]) == {"until last exported": 50 * 60, "limit": HOUR}
    assert cells(shown["Causes within the time range"], "Cause", "Now") == [
        ("no_pod", "no"),
        ("not_reconciled", "no"),
    ]
    assert cells(shown["Jobs within the time range"], "Job", "State") == [("cut-1", JOB_STATE_MAPPINGS[18][0])]


def test_a_deleted_run_without_a_job_shows_how_long_it_waited(board):
    """Until it was last exported."""
    shown = board("never")
    assert named_values(shown["Time without a Job"]) == {"until last exported": 50 * 60, "limit": 600}
    assert named_values(shown["Run time"]) == {}


def test_a_deleted_job_of_a_retried_run_is_in_the_table(board):
    """The run time of the current Job continues. Earlier causes are marked."""
    shown = board("retried")
    assert set(named_values(shown["Phase"])) == {"Running"}
    assert named_values(shown["Cause"]) == {}
    assert named_values(shown["Age"]) == {"until now": 100 * 60}
    assert named_values(shown["Run time"]) == {"until now": 50 * 60, "limit": HOUR}
    assert cells(shown["Jobs within the time range"], "Job", "State", "Run time", "Limit", "Deadline") == [
        ("retried-2", "running", "00:50:00", "01:00:00", "02:00:00"),
        ("retried-1", "failed", "00:28:00", "01:00:00", "02:00:00"),
    ]
    assert cells(shown["Causes within the time range"], "Cause", "Now") == [("job_deleting", "no")]


def test_a_run_that_is_open_again_has_no_end(board):
    """A timestamp that the exporter no longer exports for an existing run is not shown."""
    shown = board("reopened")
    assert named_values(shown["Age"]) == {"until now": 100 * 60}
    assert {event for (event,) in cells(shown["Timestamps"], "Event")} == {"created", "last exported"}


@pytest.mark.parametrize(
    ("run", "without", "took", "events"),
    [
        ("again", {"until now": 30 * 60, "limit": 600}, {}, set()),
        (
            "again-with-job",
            {"to the first Job": 120, "limit": 600},
            {"until now": 28 * 60, "limit": HOUR},
            {"oldest Job created", "newest Job started"},
        ),
    ],
)
def test_a_run_that_was_created_again_has_no_data_of_the_previous_one(board, run, without, took, events):
    """Its end, durations and times are not shown, but its Jobs are."""
    shown = board(run)
    assert set(named_values(shown["Phase"])) == {"none"}
    assert named_values(shown["Age"]) == {"until now": 30 * 60}
    assert named_values(shown["Time without a Job"]) == without
    assert named_values(shown["Run time"]) == took
    found = {event for (event,) in cells(shown["Timestamps"], "Event")}
    assert found == {"created", "last exported"} | events
    assert (f"{run}-1", "failed") in cells(shown["Jobs within the time range"], "Job", "State")


def test_the_limits_of_the_run_time_are_distinguishable(board):
    """Each line names its limit and its Job."""
    assert named_values(board("retried")["Run time of its Jobs, and the limits"]) == {
        "retried-2": 50 * 60,
        "limit: maximum run time of retried-2": HOUR,
        "limit: activeDeadlineSeconds of retried-2": 2 * HOUR,
    }
