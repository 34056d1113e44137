"""The causes of unfinished Jobs."""

import pytest

from exporter.diagnosis import hang_causes
from tests.harness import StoreHarness, samples
from tests.objects import CREATED, a_job, a_run, stamp

RUNNING = a_run(status={"phase": "Running"})
COMPLETED = a_run(status={"phase": "Running", "workCompleted": True, "lastUpdate": stamp(CREATED + 420)})


def causes(*objects):
    """The causes of the only Job."""
    harness = StoreHarness(*objects)
    return hang_causes(next(iter(harness.cache.jobs)), harness.cache)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_job_that_runs_after_its_run_has_finished(phase):
    """The controller no longer manages the Job, but its container still runs."""
    run = a_run(status={"phase": phase})
    assert causes(run, a_job()) == [("run_already_finished", f"CodeRun r is {phase}")]


def test_a_job_that_runs_after_its_work_is_completed():
    """In the incident, Jobs of the agent Tess ran for six more hours."""
    assert causes(COMPLETED, a_job()) == [("finished_not_exited", "CodeRun r reports completed work")]


def test_a_run_of_another_kind_has_the_name_of_the_metrics():
    """The name contains the kind."""
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
    """Such a Job is healthy, finished or suspended."""
    assert causes(*objects) == []


def test_the_cause_changes_with_the_run_and_the_job():
    """An event of either renders the samples of the Job again."""
    harness = StoreHarness(RUNNING, a_job())
    assert samples(harness.text(), "job_hang_cause") == []
    harness.put(COMPLETED)
    assert samples(harness.text(), "job_hang_cause") == [
        (
            'job_hang_cause{namespace="n",job_name="j",cause="finished_not_exited",'
            'detail="CodeRun r reports completed work"} 1'
        )
    ]
    harness.put(a_job(ended="Failed"))
    assert samples(harness.text(), "job_hang_cause") == []


def status_of(**status):
    """A Job with this status and a start time."""
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
def test_an_unfinished_job_without_an_active_pod_has_a_cause(status, cause):
    """The field `active` is absent if no Pod can be created and if all are terminating."""
    assert causes(RUNNING, status_of(**status)) == [cause]


def test_an_older_unfinished_job_is_superseded_by_a_newer_one():
    """The cause is exposed for the older of two active Jobs of a run."""
    harness = StoreHarness(RUNNING, old := a_job(name="j1", uid="1"))
    assert samples(harness.text(), "job_hang_cause") == []
    harness.put(new := a_job(name="j2", uid="2", created=CREATED + 600))
    assert samples(harness.text(), "job_hang_cause") == [
        ('job_hang_cause{namespace="n",job_name="j1",cause="superseded",detail="CodeRun r has a newer Job"} 1')
    ]
    harness.delete(new)
    assert samples(harness.text(), "job_hang_cause") == []
    harness.put(new)
    harness.put(old | {"status": a_job(ended="Complete")["status"]})
    assert samples(harness.text(), "job_hang_cause") == []


def test_a_job_whose_run_was_deleted_has_the_cause_run_gone():
    """The runs of its kind have been listed, so the run does not exist."""
    harness = StoreHarness(RUNNING, a_job())
    harness.delete(RUNNING)
    assert [line.split('"')[5:8:2] for line in samples(harness.text(), "job_hang_cause")] == [
        ["run_gone", "CodeRun r no longer exists"]
    ]


def test_while_runs_are_unknown_no_run_is_gone():
    """The run may exist. With a label selector it may exist without being selected."""
    harness = StoreHarness(a_job(), unread=("coderuns",))
    assert hang_causes(next(iter(harness.cache.jobs)), harness.cache) == []
    harness = StoreHarness(a_job(), selected=True)
    assert hang_causes(next(iter(harness.cache.jobs)), harness.cache) == []
