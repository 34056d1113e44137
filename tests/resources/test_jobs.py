"""The metrics of Jobs: from a Job as JSON to exposition text."""

import msgspec
import pytest

from exporter.resources.jobs import WireJob, job_from_object
from tests.harness import CODERUN, exposition_of, samples, text
from tests.objects import CREATED, a_job, a_run, owned_by, stamp


def job_lines(exposition):
    """The samples of all Job families."""
    return [line for line in exposition.splitlines() if line.startswith("job_")]


def info(*objects):
    """The labels of job_info, without those that are equal in all tests."""
    (line,) = samples(exposition_of(*objects), "job_info")
    return line.removeprefix('job_info{namespace="n",job_name="j",uid="job-j",').removesuffix("} 1")


def test_the_metrics_of_an_active_job():
    """It has every family of an active Job with a known run, in the order of the exposition."""
    run = a_run(spec={"githubApp": "5DLabs-Tess", "service": "billing", "taskId": 7})
    job = a_job(of=run, spec={"activeDeadlineSeconds": 86400})
    assert job_lines(exposition_of(run, job)) == text("""
        job_start_time{namespace="n",job_name="j"} 1760000010
        job_active{namespace="n",job_name="j"} 1
        job_info{namespace="n",job_name="j",uid="job-j",coderun="r",agent="tess",service="billing",task_id="7",
            cli="",kind="CodeRun",worker="Job"} 1
        job_created_timestamp{namespace="n",job_name="j"} 1760000010
        job_max_runtime_seconds{namespace="n",job_name="j"} 3600
        job_deadline_seconds{namespace="n",job_name="j"} 86400
        job_pods{namespace="n",job_name="j",state="terminating"} 0
    """)


def test_the_metrics_of_a_job_that_has_only_an_owner():
    """Missing timestamps and limits have no sample. A Job without a status is not active."""
    job = {"kind": "Job", "metadata": {"name": "j", "namespace": "n", "ownerReferences": [owned_by(a_run())]}}
    assert job_lines(exposition_of(job)) == [
        'job_active{namespace="n",job_name="j"} 0',
        (
            'job_info{namespace="n",job_name="j",uid="n_j",coderun="r",agent="",service="",task_id="",cli="",'
            'kind="CodeRun",worker="Job"} 1'
        ),
        'job_max_runtime_seconds{namespace="n",job_name="j"} 3600',
        'job_pods{namespace="n",job_name="j",state="terminating"} 0',
        'job_hang_cause{namespace="n",job_name="j",cause="run_gone",detail="CodeRun r no longer exists"} 1',
        'job_hang_cause{namespace="n",job_name="j",cause="job_controller_absent",detail="Job j has no start time"} 1',
        'job_hang_cause{namespace="n",job_name="j",cause="no_pod",detail="the Job controller reports no pod"} 1',
    ]


def test_a_large_owner_reference_is_truncated():
    """Any user can write it, and 200 Jobs with 1 MB each would exceed the memory limit."""
    owner = owned_by(a_run()) | {"uid": "u" * 10**6, "name": "r" * 10**6}
    wire = msgspec.convert(
        a_job() | {"metadata": {"name": "j", "namespace": "n", "ownerReferences": [owner]}}, WireJob
    )
    job = job_from_object(wire, kinds=(CODERUN,), match_labels={})
    assert sum(len(value) for value in msgspec.structs.astuple(job) if isinstance(value, str)) < 1000


def test_a_suspended_job_has_no_start_time():
    """The start time of its status is ignored, so that no alert reports the Job as hanging."""
    exposition = exposition_of(a_job(spec={"suspend": True}, active=0))
    assert samples(exposition, "job_start_time", "job_active", "job_suspended") == [
        'job_active{namespace="n",job_name="j"} 0',
        'job_suspended{namespace="n",job_name="j"} 1',
    ]


def test_a_resumed_job_has_a_start_time():
    """job_suspended is no longer exposed."""
    exposition = exposition_of(a_job(spec={"suspend": False}))
    assert samples(exposition, "job_start_time", "job_suspended") == [
        'job_start_time{namespace="n",job_name="j"} 1760000010'
    ]


@pytest.mark.parametrize(("ended", "result"), [("Complete", "succeeded"), ("Failed", "failed")])
def test_a_finished_job_has_an_end_time_and_is_not_active(ended, result):
    """The end of a success is its completionTime, that of a failure the time of its condition."""
    exposition = exposition_of(a_run(status={"phase": "Failed"}), a_job(ended=ended, spec={"suspend": True}))
    assert samples(exposition, "job_active", "job_finished_timestamp_seconds", "job_suspended", "job_hang_cause") == [
        'job_active{namespace="n",job_name="j"} 0',
        f'job_finished_timestamp_seconds{{namespace="n",job_name="j",result="{result}"}} 1760000300',
    ]


def test_the_completion_time_has_precedence_over_the_condition():
    """The condition is set later."""
    job = a_job(ended="Complete")
    job["status"]["completionTime"] = stamp(CREATED + 250)
    (line,) = samples(exposition_of(job), "job_finished_timestamp_seconds")
    assert line.endswith(" 1760000250")


@pytest.mark.parametrize(
    "conditions",
    [
        [{"type": "Failed", "status": "False"}],
        [{"type": "FailureTarget", "status": "True"}],
        [{"type": "SuccessCriteriaMet", "status": "True"}],
        [{"type": "Suspended", "status": "True"}],
        [{}],
        None,
    ],
)
def test_only_complete_and_failed_finish_a_job(conditions):
    """Other conditions announce the end, or have status False; Pods may still run."""
    exposition = exposition_of(a_job() | {"status": {"active": 1, "conditions": conditions}})
    assert samples(exposition, "job_active", "job_finished_timestamp_seconds") == [
        'job_active{namespace="n",job_name="j"} 1'
    ]


def test_a_finished_job_without_any_time_has_no_end_time():
    """It is finished, so it has zero active Pods, even if `active` is not 0."""
    job = a_job() | {"status": {"active": 2, "conditions": [{"type": "Failed", "status": "True"}]}}
    assert samples(exposition_of(a_run(), job), "job_active", "job_finished_timestamp_seconds") == [
        'job_active{namespace="n",job_name="j"} 0'
    ]


def test_labels_that_the_job_lacks_are_taken_from_its_run():
    """The agent of the run has precedence over the Job's label. All other labels of the Job have precedence."""
    run = a_run(spec={"githubApp": "5DLabs-Tess", "service": "s", "taskId": 7})
    labels = {"github-user": "5dlabs-rex", "service": "t", "task-id": "8", "cli-type": "codex"}
    assert info(run, a_job(labels=labels)) == (
        'coderun="r",agent="tess",service="t",task_id="8",cli="codex",kind="CodeRun",worker="Job"'
    )
    assert info(run, a_job()) == 'coderun="r",agent="tess",service="s",task_id="7",cli="",kind="CodeRun",worker="Job"'
    assert info(a_run(), a_job(labels=labels)).startswith('coderun="r",agent="rex",')


def test_a_job_without_its_run_is_exposed():
    """The run is not in the cache. The labels of the Job and the name in its ownerReference are used."""
    orphan = a_job(labels={"github-user": "5dlabs-rex", "service": "s", "task-id": "3", "cli-type": "codex"})
    assert info(orphan) == 'coderun="r",agent="rex",service="s",task_id="3",cli="codex",kind="CodeRun",worker="Job"'


def test_a_job_of_another_kind_of_run_has_the_kind_in_its_coderun_label():
    """The value equals the name of the run in its own metrics."""
    docs = a_run(kind="DocsRun", uid="docs")
    exposition = exposition_of(docs, a_job(of=docs))
    assert 'coderun="docsrun/r",' in samples(exposition, "job_info")[0]
    assert samples(exposition, "coderun_job_name") == [
        'coderun_job_name{namespace="n",coderun="docsrun/r",job_name="j"} 1'
    ]


@pytest.mark.parametrize(
    ("owner", "exposed"),
    [
        ({}, True),
        ({"apiVersion": "agents.platform/v9"}, True),
        ({"kind": "DocsRun"}, True),
        ({"apiVersion": "other.platform/v1"}, False),
        ({"apiVersion": "v1"}, False),
        ({"apiVersion": None}, False),
        ({"kind": "CronJob"}, False),
        ({"controller": False}, False),
        ({"controller": None}, False),
    ],
)
def test_a_job_belongs_to_the_run_that_controls_it(owner, exposed):
    """Group and kind of the ownerReference must match; the version may differ. The owner must be the controller."""
    exposition = exposition_of(a_job(owners=[owned_by(a_run(), **owner)]))
    assert (samples(exposition, "job_active") != []) is exposed


def test_the_controlling_run_is_found_among_other_owners():
    """The ownerReferences can have any order."""
    job = a_job(owners=[owned_by(a_run(uid="x"), controller=False), owned_by(a_run()), {"kind": "Node"}])
    assert 'coderun="r",' in samples(exposition_of(a_run(), job), "job_info")[0]


@pytest.mark.parametrize(
    ("labels", "exposed"),
    [({"a": "1", "b": "2", "c": "3"}, True), ({"a": "1"}, False), ({"a": "1", "b": "x"}, False), (None, False)],
)
def test_a_job_without_a_run_is_exposed_if_it_has_all_configured_labels(labels, exposed):
    """The labels match as `matchLabels` of a label selector do."""
    exposition = exposition_of(a_job(owners=[], labels=labels), match_labels={"a": "1", "b": "2"})
    assert [line.split("coderun=")[1] for line in samples(exposition, "job_info")] == (
        ['"",agent="",service="",task_id="",cli="",kind="",worker="Job"} 1'] if exposed else []
    )


def test_without_configured_labels_a_job_without_a_run_is_not_exposed():
    """An empty `match_labels` selects nothing."""
    assert job_lines(exposition_of(a_job(owners=[], labels={"a": "1"}))) == []


def test_a_job_that_loses_its_labels_is_no_longer_exposed():
    """The Job with other labels is not exposed."""
    settings = {"match_labels": {"a": "1"}}
    assert job_lines(exposition_of(a_job(owners=[], labels={"a": "1"}), **settings)) != []
    assert job_lines(exposition_of(a_job(owners=[], labels={"a": "2"}), **settings)) == []


def test_active_counts_all_pods_of_a_job():
    """Pending and running Pods are counted, as in the status of the Job."""
    assert samples(exposition_of(a_job(active=3)), "job_active") == ['job_active{namespace="n",job_name="j"} 3']


@pytest.mark.parametrize(
    ("status", "pods"),
    [
        ({"active": 1, "ready": 0}, {"running": 0, "pending": 1, "terminating": 0}),
        ({"active": 1, "ready": 1}, {"running": 1, "pending": 0, "terminating": 0}),
        ({"active": 2, "ready": 3}, {"running": 3, "pending": 0, "terminating": 0}),
        ({"ready": 0, "terminating": 1}, {"running": 0, "pending": 0, "terminating": 1}),
        ({"active": 1}, {"terminating": 0}),
        ({}, {"terminating": 0}),
    ],
)
def test_the_pods_of_an_unfinished_job_are_exposed_by_state(status, pods):
    """Ready Pods are `running`, other active Pods `pending`. Without `ready` in the status, both are absent."""
    lines = samples(exposition_of(a_job() | {"status": status}), "job_pods")
    assert {line.split('"')[5]: float(line.split()[-1]) for line in lines} == pods


def test_a_finished_job_has_neither_job_pods_nor_job_queue():
    """Both families describe unfinished Jobs."""
    job = a_job(ended="Complete", labels={"kueue.x-k8s.io/queue-name": "q"})
    assert samples(exposition_of(a_run(), job), "job_pods", "job_queue") == []


def test_a_job_in_a_queue_has_the_name_of_the_queue():
    """Kueue suspends and resumes such a Job, so its suspension is expected."""
    job = a_job(spec={"suspend": True}, active=0, labels={"kueue.x-k8s.io/queue-name": "agents"})
    assert samples(exposition_of(job), "job_queue") == ['job_queue{namespace="n",job_name="j",queue="agents"} 1']


@pytest.mark.parametrize("kind", ["coderun", "CODERUN", "CodeRun"])
def test_a_kind_matches_in_any_case(kind):
    """Otherwise a wrong case in the settings would report every run without a Job."""
    job = a_job(owners=[owned_by(a_run(), kind=kind)])
    assert samples(exposition_of(a_run(), job), "coderun_job_name") == [
        'coderun_job_name{namespace="n",coderun="r",job_name="j"} 1'
    ]


def test_the_cli_of_a_run_is_taken_from_its_job():
    """The newest platform sets the CLI and the agent only in the labels of the Job."""
    job = a_job(labels={"cli-type": "factory", "github-user": "5dlabs-rex"})
    assert (
        'agent="rex",service="",task_id="",cli="factory"' in samples(exposition_of(a_run(), job), "coderun_info")[0]
    )
