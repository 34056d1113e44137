"""Why a Job is still active: the named causes."""

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
    assert causes(COMPLETED, a_job()) == [("finished_not_exited", "CodeRun r says that its work is completed")]


def test_a_run_of_another_kind_is_named_as_on_the_page():
    """With its kind."""
    docs = a_run(kind="DocsRun", status={"phase": "Failed"})
    assert causes(docs, a_job(of=docs)) == [("run_already_finished", "DocsRun docsrun/r is Failed")]


@pytest.mark.parametrize(
    "objects",
    [
        (RUNNING, a_job()),
        (a_job(),),
        (COMPLETED, a_job(active=0)),
        (COMPLETED, a_job(ended="Complete")),
        (COMPLETED, a_job(spec={"suspend": True}, active=0)),
    ],
    ids=["its run goes on", "its run is not known", "it has no pods", "it is finished", "it is suspended"],
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
            'detail="CodeRun r says that its work is completed"} 1'
        )
    ]
    world.put(a_job(ended="Failed"))
    assert samples(world.text(), "job_hang_cause") == []
