"""Why a pod that no longer exists was ended, from the Events of a dump about it."""

import json

import pytest

from tests.commands.in_process import call
from tests.diagnosis.test_causes import FAILED, NOW, an_event
from tests.objects import CREATED, a_job, a_run, stamp

OVER = a_run(status={"phase": "Failed", "message": "failed", "jobName": "j", "finishedAt": stamp(CREATED + 310)})
BY = "Preempted by pod 7d5e on node a"


def about(name, reason, note=BY, *, kind="Pod", at=200, **more):
    """An Event about an object whose UID the dump does not have, unless `uid` is given."""
    event = an_event(kind, more.pop("uid", f"gone-{name}"), reason, note)
    event["involvedObject"]["name"] = name
    times = {"firstTimestamp": stamp(CREATED + at), "lastTimestamp": stamp(CREATED + at)}
    return event | {"metadata": {"name": "e", "namespace": "n", "uid": f"{name}{reason}{at}"}} | times | more


def explained(folder, *objects):
    """The explanation of a run that is over."""
    path = folder / "dump.json"
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": objects}))
    out = call("explain", "--all", "-f", path, "--at", stamp(NOW), "-o", "json")[1]
    return json.loads(out)["items"][0]


def causes(folder, *objects):
    """Its causes."""
    return [finding["cause"] for finding in explained(folder, *objects)["findings"]]


@pytest.mark.parametrize(
    ("event", "cause"),
    [
        (about("j-x7k2p", "Preempted", type="Normal"), "preempted"),
        (about("j-0-x7k2p", "Preempting"), "preempted"),
        (about("j-x7k2p", "Evicted", "The node was low on resource: memory"), "evicted"),
        (about("j-x7k2p", "TaintManagerEviction", "Marking for deletion Pod n/j-x7k2p", type="Normal"), "evicted"),
        (about("j-x7k2p", "NodeNotReady", "Node is not ready"), "node_lost"),
        (about("j-x7k2p", "Killing", "Stopping container agent", type="Normal"), "job_failed"),
        (about("j-x7k2p", "TaintManagerEviction", "Cancelling deletion of Pod", type="Normal"), "job_failed"),
        (about("j-too-x7k2p", "Preempted", type="Normal"), "job_failed"),
        (about("j-x7k2p", "Preempted", type="Normal", at=301), "job_failed"),
        (about("j-x7k2p", "Preempted", kind="Node"), "job_failed"),
    ],
)
def test_an_event_about_a_pod_that_is_gone_explains_its_job(tmp_path, event, cause):
    """A generated name begins with that of the Job."""
    assert causes(tmp_path, OVER, FAILED, event)[0] == cause


def test_the_evidence_names_the_pod_and_the_event_is_listed(tmp_path):
    """Nothing is wrong with the agent: those who run the cluster act."""
    run = explained(tmp_path, OVER, FAILED, about("j-x7k2p", "Preempted", type="Normal"))
    assert run["findings"][0]["evidence"] == f"pod j-x7k2p: Preempted: {BY}"
    assert run["findings"][0]["act"] == "who runs the cluster"
    assert [(event["object"], event["reason"]) for event in run["events"]] == [("pod/j-x7k2p", "Preempted")]


@pytest.mark.parametrize(("at", "cause"), [(100, "preempted"), (250, "job_failed")])
def test_a_pod_that_had_a_successor_explains_nothing(tmp_path, at, cause):
    """The Job controller reports each pod that it creates."""
    after = about("j", "SuccessfulCreate", "Created pod: j-b4vfn", kind="Job", uid="job-j", at=at, type="Normal")
    assert causes(tmp_path, OVER, FAILED, about("j-x7k2p", "Preempted", type="Normal"), after)[0] == cause


def test_the_name_of_a_job_may_be_too_long_for_that_of_its_pod(tmp_path):
    """An Event of the Job controller names the Job of the Pod; without one, the time decides."""
    long = "play-coderun-task-8-cleo-claude-agent-plat-66f6fbb9-d6435a24"[:58]
    jobs = [
        a_job(name=f"{long}-v{number}", uid=f"job-{number}", created=created, ended="Failed")
        for number, created in ((1, CREATED), (2, CREATED + 220))
    ]
    event, created = about(f"{long}x7k2p", "Preempted", type="Normal"), f"Created pod: {long}x7k2p"
    old = about(f"{long}-v2", "SuccessfulCreate", created, kind="Job", uid="job-2", at=190, type="Normal")
    assert causes(tmp_path, OVER, *jobs, event)[0] == "job_failed"
    assert causes(tmp_path, OVER, *jobs, event, old)[0] == "preempted"


def test_the_job_may_be_gone_as_well(tmp_path):
    """The status of the run names it."""
    assert causes(tmp_path, OVER, about("j-x7k2p", "Preempted", type="Normal"))[0] == "preempted"
    assert causes(tmp_path, OVER, about("i-x7k2p", "Preempted", type="Normal"))[0] == "other"


def test_a_pod_could_be_created_if_the_job_controller_says_so(tmp_path):
    """A refusal before it explains nothing."""
    refused = about("j", "FailedCreate", "exceeded quota: q", kind="Job", uid="job-j", at=20)
    after = about("j", "SuccessfulCreate", "Created pod: j-b4vfn", kind="Job", uid="job-j", at=30, type="Normal")
    assert causes(tmp_path, OVER, FAILED, refused)[0] == "quota"
    assert causes(tmp_path, OVER, FAILED, refused, after)[0] == "job_failed"


def test_a_job_that_reached_its_deadline_has_the_last_failure_of_its_pod_as_evidence(tmp_path):
    """The Job controller deletes the pod at the deadline; the Event with the reason of the failed pull is kept."""
    late = a_job(ended="Failed", reason="DeadlineExceeded")
    events = [
        about("j-x7k2p", "Failed", "Error: ImagePullBackOff", at=290),
        about("j-x7k2p", "Failed", 'Failed to pull image "agent:9": not found', at=280),
    ]
    (finding, *_) = explained(tmp_path, OVER, late, *events)["findings"]
    assert finding["cause"] == "deadline_exceeded"
    assert finding["evidence"].endswith('pod j-x7k2p: Failed: Failed to pull image "agent:9": not found')
    (finding, *_) = explained(tmp_path, OVER, late)["findings"]
    assert finding["evidence"] == "Job j exceeded its deadline"
