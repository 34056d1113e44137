"""Which runs and Jobs are stuck, and their order by severity."""

import pytest

from exporter.cache import NEVER, ContainerLog, Thresholds
from exporter.diagnosis import stuck, stuck_causes
from exporter.log_formats import LogReport
from tests.harness import StoreHarness
from tests.objects import CREATED, a_job, a_run

RUNNING = a_run(status={"phase": "Running"})


def find_stuck(*objects, now, thresholds=None, **more):
    """Returns the stuck ones of these objects, runs first, and the cache."""
    harness = StoreHarness(*objects, now=now, thresholds=thresholds, **more)
    items = [*harness.cache.runs, *harness.cache.jobs]
    return [one for item in items if (one := stuck(item, harness.cache, now=now))], harness.cache


@pytest.mark.parametrize(("age", "count"), [(600, 0), (601, 1)])
def test_a_run_without_a_job_is_stuck_after_its_deadline(age, count):
    """It is not stuck at exactly the deadline."""
    assert len(find_stuck(a_run(), now=CREATED + age)[0]) == count


@pytest.mark.parametrize(("age", "critical"), [(3601, False), (4 * 3600, True)])
def test_a_job_beyond_the_default_limit_is_critical_at_four_times_the_limit(age, critical):
    """The alert has the same threshold."""
    ((one,), _) = find_stuck(RUNNING, a_job(started=CREATED), now=CREATED + age)
    assert one.critical(CREATED + age) is critical


@pytest.mark.parametrize(
    ("age", "report", "limit", "critical"),
    [
        (7200, {"last_line": CREATED}, 1800.0, False),
        (7201, {"last_line": CREATED}, 1800.0, True),
        (7201, {"last_line": CREATED}, NEVER, False),
        (7201, {"last_line": CREATED, "is_silent_by_design": True}, 1800.0, False),
        (7201, {}, 1800.0, False),
    ],
)
def test_a_job_beyond_the_default_limit_is_critical_after_two_silent_hours(age, report, limit, critical):
    """The alert has the same threshold. Formats that are written at the end are silent."""
    thresholds = Thresholds(agent_silence_limit=limit)
    harness = StoreHarness(RUNNING, a_job(started=CREATED), now=CREATED + age, thresholds=thresholds, has_logs=True)
    harness.store.put_log("job-j", ContainerLog(id="c", report=LogReport(**report)))
    (job,) = harness.cache.jobs
    assert stuck(job, harness.cache, now=CREATED + age).critical(CREATED + age) is critical


def test_a_job_beyond_a_configured_limit_is_critical_at_once():
    """The limit is set in the settings or by an annotation."""
    thresholds = Thresholds(job_max_runtime=60, job_max_runtime_is_set=True)
    ((one,), _) = find_stuck(RUNNING, a_job(started=CREATED), now=CREATED + 61, thresholds=thresholds)
    assert one.critical(CREATED + 61)


@pytest.mark.parametrize(
    "job",
    [
        a_job(started=CREATED, ended="Complete"),
        a_job(started=CREATED, spec={"suspend": True}),
        a_job(started=None),
        a_job(started=CREATED, annotations={"coderun-exporter/max-runtime": "none"}),
    ],
)
def test_a_job_that_is_finished_suspended_not_started_or_without_limit_is_not_stuck(job):
    """The age of the Job does not matter."""
    assert find_stuck(RUNNING, job, now=CREATED + 10**6)[0] == []


def test_while_jobs_are_unknown_no_run_is_stuck():
    """The run may have a Job."""
    assert find_stuck(a_run(), now=CREATED + 10**6, unread=("jobs",))[0] == []


def test_critical_objects_rank_before_warnings_and_then_by_the_time_over_the_limit():
    """`rank` is the sort key."""
    now = CREATED + 7200
    young, old = (a_run(name=name, uid=name, created=at) for name, at in (("young", now - 601), ("old", CREATED)))
    job = a_job(of=RUNNING, started=CREATED)
    items, cache = find_stuck(young, old, RUNNING, job, now=now)
    ranked = sorted(items, key=lambda one: one.rank(now), reverse=True)
    assert [one.item.name for one in ranked] == ["old", "young", "j"]
    assert [cause.cause for cause in stuck_causes(ranked[0], cache)] == ["not_reconciled"]
    assert stuck_causes(ranked[2], cache) == []
