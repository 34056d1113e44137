"""Why a Job is unfinished: the named causes."""

import pytest

from exporter.diagnosis import hang_causes
from tests.objects import CREATED, a_job, a_run, stamp
from tests.worlds import World, samples

RUNNING = a_run(status={"phase": "Running"})
COMPLETED = a_run(status={"phase": "Running", "workCompleted": True, "lastUpdate": stamp(CREATED + 420)})


def causes(*objects):
    """The causes for the Job."""
    world = World(*objects)
    return hang_causes(next(iter(world.cluster.jobs)), world.cluster)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_job_that_goes_on_after_its_run_is_finished(phase):
    """The run says nothing of its Job any more, and its container is still up."""
    run = a_run(status={"phase": phase})
    assert causes(run, a_job()) == [("run_already_finished", f"CodeRun r is {phase}")]


def test_a_job_that_goes_on_after_its_work_is_completed():
    """As Tess's Jobs did for six hours."""
    assert causes(COMPLETED, a_job()) == [("finished_not_exited", "CodeRun r reports completed work")]


def test_a_run_of_another_kind_is_named_as_on_the_page():
    """With its kind."""
    docs = a_run(kind="DocsRun", status={"phase": "Failed"})
    assert causes(docs, a_job(of=docs)) == [("run_already_finished", "DocsRun docsrun/r is Failed")]


@pytest.mark.parametrize(
    "objects",
    [
        (RUNNING, a_job()),
        (COMPLETED, a_job(ended="Complete")),
        (COMPLETED, a_job(spec={"suspend": True}, active=0)),
        (RUNNING, a_job(spec={"suspend": True}, active=0)),
    ],
    ids=["its run is open", "it is finished", "it is suspended", "it is suspended while its run is open"],
)
def test_a_job_without_a_cause(objects):
    """Nothing is invented."""
    assert causes(*objects) == []


def test_the_cause_comes_and_goes_with_the_run_and_the_job():
    """Both are events that change the Job's lines."""
    world = World(RUNNING, a_job())
    assert samples(world.text(), "job_hang_cause") == []
    world.put(COMPLETED)
    assert samples(world.text(), "job_hang_cause") == [
        (
            'job_hang_cause{namespace="n",job_name="j",cause="finished_not_exited",'
            'detail="CodeRun r reports completed work"} 1'
        )
    ]
    world.put(a_job(ended="Failed"))
    assert samples(world.text(), "job_hang_cause") == []


def status_of(**status):
    """The Job with this status besides its start."""
    job = a_job()
    return job | {"status": {"startTime": job["status"]["startTime"]} | status}


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ({}, ("no_pod", "the Job controller reports no pod")),
        ({"active": 0, "terminating": 0}, ("no_pod", "the Job controller reports no pod")),
        ({"terminating": 1}, ("pods_terminating", "1 pod terminating, none active")),
        (
            {"terminating": 1, "conditions": [{"type": "FailureTarget", "status": "True"}]},
            ("pods_terminating", "1 pod terminating, none active"),
        ),
    ],
    ids=["quota", "zero", "terminating", "a lost node"],
)
def test_an_unfinished_job_without_an_active_pod_says_which(status, cause):
    """`active` is absent where no pod can be created and where all are terminating; neither is an end."""
    assert causes(RUNNING, status_of(**status)) == [cause]


def test_an_older_unfinished_job_is_superseded_by_a_newer_one():
    """Two active Jobs of one run: the older one is named, with the newer one."""
    world = World(RUNNING, old := a_job(name="j1", uid="1"))
    assert samples(world.text(), "job_hang_cause") == []
    world.put(new := a_job(name="j2", uid="2", created=CREATED + 600))
    assert samples(world.text(), "job_hang_cause") == [
        ('job_hang_cause{namespace="n",job_name="j1",cause="superseded",detail="CodeRun r has a newer Job"} 1')
    ]
    world.delete(new)
    assert samples(world.text(), "job_hang_cause") == []
    world.put(new)
    world.put(old | {"status": a_job(ended="Complete")["status"]})
    assert samples(world.text(), "job_hang_cause") == []


def test_a_job_whose_run_does_not_exist_any_more_says_so():
    """Where the runs of its kind have been read: it is an orphan, and nobody waits for it."""
    world = World(RUNNING, a_job())
    world.delete(RUNNING)
    assert [line.split('"')[5:8:2] for line in samples(world.text(), "job_hang_cause")] == [
        ["run_gone", "CodeRun r no longer exists"]
    ]


def test_while_runs_have_not_been_read_none_is_gone():
    """An unknown is not a no; nor is one that a label selector keeps from being read."""
    world = World(a_job(), unread=("coderuns",))
    assert hang_causes(next(iter(world.cluster.jobs)), world.cluster) == []
    world = World(a_job(), selected=True)
    assert hang_causes(next(iter(world.cluster.jobs)), world.cluster) == []
