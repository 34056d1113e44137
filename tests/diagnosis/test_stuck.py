"""What counts as stuck, and which of it is worse."""

import pytest

from exporter.cache import Thresholds
from exporter.diagnosis import stuck, stuck_causes
from tests.objects import CREATED, a_job, a_run
from tests.worlds import World

RUNNING = a_run(status={"phase": "Running"})


def found(*objects, now, thresholds=None, **more):
    """What is stuck of these, runs first."""
    world = World(*objects, now=now, thresholds=thresholds, **more)
    items = [*world.cluster.runs, *world.cluster.jobs]
    return [one for item in items if (one := stuck(item, world.cluster, now=now))], world.cluster


@pytest.mark.parametrize(("age", "count"), [(600, 0), (601, 1)])
def test_a_run_without_a_job_is_stuck_beyond_its_deadline(age, count):
    """Not at it."""
    assert len(found(a_run(), now=CREATED + age)[0]) == count


@pytest.mark.parametrize(("age", "critical"), [(3601, False), (4 * 3600, True)])
def test_a_job_beyond_a_limit_that_nobody_set_is_critical_at_four_times_that(age, critical):
    """As its alert."""
    ((one,), _) = found(RUNNING, a_job(started=CREATED), now=CREATED + age)
    assert one.critical(CREATED + age) is critical


def test_a_limit_that_was_set_is_critical_at_once():
    """In the settings, or by an annotation."""
    thresholds = Thresholds(job_max_runtime=60, job_max_runtime_is_set=True)
    ((one,), _) = found(RUNNING, a_job(started=CREATED), now=CREATED + 61, thresholds=thresholds)
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
    """However old it is."""
    assert found(RUNNING, job, now=CREATED + 10**6)[0] == []


def test_while_jobs_are_unknown_no_run_is_stuck():
    """It may have one."""
    assert found(a_run(), now=CREATED + 10**6, unread=("jobs",))[0] == []


def test_critical_ones_are_worse_than_any_warning_and_then_the_longer_beyond_the_limit():
    """By their rank."""
    now = CREATED + 7200
    young, old = (a_run(name=name, uid=name, created=at) for name, at in (("young", now - 601), ("old", CREATED)))
    job = a_job(of=RUNNING, started=CREATED)
    items, cluster = found(young, old, RUNNING, job, now=now)
    ranked = sorted(items, key=lambda one: one.rank(now), reverse=True)
    assert [one.item.name for one in ranked] == ["old", "young", "j"]
    assert [cause.cause for cause in stuck_causes(ranked[0], cluster)] == ["not_reconciled"]
    assert stuck_causes(ranked[2], cluster) == []
