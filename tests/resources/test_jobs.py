"""Jobs: object in, text out."""

import msgspec
import pytest

from exporter.resources.jobs import WireJob, job_from_object
from tests.objects import CREATED, a_job, a_run, owned_by, stamp
from tests.worlds import CODERUN, page_of, samples, text


def told(page):
    """All lines about Jobs."""
    return [line for line in page.splitlines() if line.startswith("job_")]


def info(*objects):
    """The labels of job_info, without those that never differ here."""
    (line,) = samples(page_of(*objects), "job_info")
    return line.removeprefix('job_info{namespace="n",job_name="j",uid="job-j",').removesuffix("} 1")


def test_an_active_job_as_text():
    """Every family that an active Job has, in the page's order; its run is known."""
    run = a_run(spec={"githubApp": "5DLabs-Tess", "service": "billing", "taskId": 7})
    job = a_job(of=run, spec={"activeDeadlineSeconds": 86400})
    assert told(page_of(run, job)) == text("""
        job_start_time{namespace="n",job_name="j"} 1760000010
        job_active{namespace="n",job_name="j"} 1
        job_info{namespace="n",job_name="j",uid="job-j",coderun="r",agent="tess",service="billing",task_id="7",
            cli="",kind="CodeRun",worker="Job"} 1
        job_created_timestamp{namespace="n",job_name="j"} 1760000010
        job_max_runtime_seconds{namespace="n",job_name="j"} 3600
        job_deadline_seconds{namespace="n",job_name="j"} 86400
        job_pods{namespace="n",job_name="j",state="terminating"} 0
    """)


def test_a_job_with_nothing_but_an_owner_has_what_can_be_said():
    """No start, no creation, no deadline; and a Job of which nothing is heard is not active."""
    job = {"kind": "Job", "metadata": {"name": "j", "namespace": "n", "ownerReferences": [owned_by(a_run())]}}
    assert told(page_of(job)) == [
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


def test_a_megabyte_in_an_owner_reference_is_not_kept():
    """Any user may write it, and 200 such Jobs would be the memory limit."""
    owner = owned_by(a_run()) | {"uid": "u" * 10**6, "name": "r" * 10**6}
    wire = msgspec.convert(
        a_job() | {"metadata": {"name": "j", "namespace": "n", "ownerReferences": [owner]}}, WireJob
    )
    job = job_from_object(wire, kinds=(CODERUN,), match_labels={})
    assert sum(len(value) for value in msgspec.structs.astuple(job) if isinstance(value, str)) < 1000


def test_a_suspended_job_is_not_late():
    """It has no start time, whatever its status says, so that nothing can call it hanging."""
    page = page_of(a_job(spec={"suspend": True}, active=0))
    assert samples(page, "job_start_time", "job_active", "job_suspended") == [
        'job_active{namespace="n",job_name="j"} 0',
        'job_suspended{namespace="n",job_name="j"} 1',
    ]


def test_a_job_that_goes_on_after_a_suspension_has_a_start_again():
    """And no trace of the suspension."""
    page = page_of(a_job(spec={"suspend": False}))
    assert samples(page, "job_start_time", "job_suspended") == [
        'job_start_time{namespace="n",job_name="j"} 1760000010'
    ]


@pytest.mark.parametrize(("ended", "result"), [("Complete", "succeeded"), ("Failed", "failed")])
def test_a_finished_job_has_an_end_and_is_not_active(ended, result):
    """A success has a completionTime; a failure's end is its condition's time. Nothing hangs any more."""
    page = page_of(a_run(status={"phase": "Failed"}), a_job(ended=ended, spec={"suspend": True}))
    assert samples(page, "job_active", "job_finished_timestamp_seconds", "job_suspended", "job_hang_cause") == [
        'job_active{namespace="n",job_name="j"} 0',
        f'job_finished_timestamp_seconds{{namespace="n",job_name="j",result="{result}"}} 1760000300',
    ]


def test_the_completion_time_goes_before_the_conditions():
    """The condition is written later."""
    job = a_job(ended="Complete")
    job["status"]["completionTime"] = stamp(CREATED + 250)
    (line,) = samples(page_of(job), "job_finished_timestamp_seconds")
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
def test_a_job_is_finished_by_complete_or_failed_alone(conditions):
    """What only announces an end, or denies it, is none: pods may still run."""
    page = page_of(a_job() | {"status": {"active": 1, "conditions": conditions}})
    assert samples(page, "job_active", "job_finished_timestamp_seconds") == [
        'job_active{namespace="n",job_name="j"} 1'
    ]


def test_a_finished_job_without_any_date_has_no_end_on_the_page():
    """But it is finished: zero pods, whatever `active` still says."""
    job = a_job() | {"status": {"active": 2, "conditions": [{"type": "Failed", "status": "True"}]}}
    assert samples(page_of(a_run(), job), "job_active", "job_finished_timestamp_seconds") == [
        'job_active{namespace="n",job_name="j"} 0'
    ]


def test_the_run_is_asked_for_what_the_jobs_labels_do_not_say():
    """The run's own agent goes before the label; the Job's other labels go before the run's."""
    run = a_run(spec={"githubApp": "5DLabs-Tess", "service": "s", "taskId": 7})
    marks = {"github-user": "5dlabs-rex", "service": "t", "task-id": "8", "cli-type": "codex"}
    assert info(run, a_job(labels=marks)) == (
        'coderun="r",agent="tess",service="t",task_id="8",cli="codex",kind="CodeRun",worker="Job"'
    )
    assert info(run, a_job()) == 'coderun="r",agent="tess",service="s",task_id="7",cli="",kind="CodeRun",worker="Job"'
    assert info(a_run(), a_job(labels=marks)).startswith('coderun="r",agent="rex",')


def test_an_orphan_stays_on_the_page():
    """A Job whose run is not known is exactly what must not vanish; its labels and its owner's name speak."""
    orphan = a_job(labels={"github-user": "5dlabs-rex", "service": "s", "task-id": "3", "cli-type": "codex"})
    assert info(orphan) == 'coderun="r",agent="rex",service="s",task_id="3",cli="codex",kind="CodeRun",worker="Job"'


def test_a_job_of_another_kind_of_run_names_it_with_its_kind():
    """As the run itself is named."""
    docs = a_run(kind="DocsRun", uid="docs")
    page = page_of(docs, a_job(of=docs))
    assert 'coderun="docsrun/r",' in samples(page, "job_info")[0]
    assert samples(page, "coderun_job_name") == ['coderun_job_name{namespace="n",coderun="docsrun/r",job_name="j"} 1']


@pytest.mark.parametrize(
    ("owner", "there"),
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
def test_a_job_belongs_to_a_run_by_a_controlling_reference_of_its_group_and_kind(owner, there):
    """In any version; a mere owner is not the controller, and a stranger's kind is not ours."""
    page = page_of(a_job(owners=[owned_by(a_run(), **owner)]))
    assert (samples(page, "job_active") != []) is there


def test_the_controlling_run_is_found_among_other_owners():
    """Wherever in the list it stands."""
    job = a_job(owners=[owned_by(a_run(uid="x"), controller=False), owned_by(a_run()), {"kind": "Node"}])
    assert 'coderun="r",' in samples(page_of(a_run(), job), "job_info")[0]


@pytest.mark.parametrize(
    ("marks", "there"),
    [({"a": "1", "b": "2", "c": "3"}, True), ({"a": "1"}, False), ({"a": "1", "b": "x"}, False), (None, False)],
)
def test_a_job_without_a_run_is_there_if_it_carries_all_configured_labels(marks, there):
    """As a label selector's matchLabels."""
    page = page_of(a_job(owners=[], labels=marks), match_labels={"a": "1", "b": "2"})
    assert [line.split("coderun=")[1] for line in samples(page, "job_info")] == (
        ['"",agent="",service="",task_id="",cli="",kind="",worker="Job"} 1'] if there else []
    )


def test_a_job_without_a_run_is_not_there_where_no_labels_are_configured():
    """No labels do not match everything."""
    assert told(page_of(a_job(owners=[], labels={"a": "1"}))) == []


def test_a_job_that_loses_its_labels_leaves_the_page():
    """A change of what is shown is a change of the page."""
    settings = {"match_labels": {"a": "1"}}
    assert told(page_of(a_job(owners=[], labels={"a": "1"}), **settings)) != []
    assert told(page_of(a_job(owners=[], labels={"a": "2"}), **settings)) == []


def test_active_counts_all_pods_of_a_job():
    """Pending and running ones, as Kubernetes counts them."""
    assert samples(page_of(a_job(active=3)), "job_active") == ['job_active{namespace="n",job_name="j"} 3']


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
def test_the_pods_of_an_unfinished_job_by_state(status, pods):
    """Ready ones run, other active ones are pending; a server that writes no `ready` says nothing of these two."""
    lines = samples(page_of(a_job() | {"status": status}), "job_pods")
    assert {line.split('"')[5]: float(line.split()[-1]) for line in lines} == pods


def test_a_finished_job_has_no_pods_on_the_page():
    """Nor a queue."""
    job = a_job(ended="Complete", labels={"kueue.x-k8s.io/queue-name": "q"})
    assert samples(page_of(a_run(), job), "job_pods", "job_queue") == []


def test_a_job_in_a_queue_names_it():
    """Kueue suspends and resumes it: such a suspension is by design."""
    job = a_job(spec={"suspend": True}, active=0, labels={"kueue.x-k8s.io/queue-name": "agents"})
    assert samples(page_of(job), "job_queue") == ['job_queue{namespace="n",job_name="j",queue="agents"} 1']


@pytest.mark.parametrize("kind", ["coderun", "CODERUN", "CodeRun"])
def test_a_kind_is_found_whatever_its_case(kind):
    """A misspelled case in the settings must not make every run look as if it had no Job."""
    job = a_job(owners=[owned_by(a_run(), kind=kind)])
    assert samples(page_of(a_run(), job), "coderun_job_name") == [
        'coderun_job_name{namespace="n",coderun="r",job_name="j"} 1'
    ]


def test_the_newest_platform_names_the_cli_in_the_jobs_labels_alone():
    """So the run takes it, and the agent, from its Job."""
    job = a_job(labels={"cli-type": "factory", "github-user": "5dlabs-rex"})
    assert 'agent="rex",service="",task_id="",cli="factory"' in samples(page_of(a_run(), job), "coderun_info")[0]
