"""A start that fails is a fault after two minutes, and at once if only a change can mend it."""

import json

import pytest

from tests.commands.in_process import call
from tests.diagnosis.test_causes import OPEN, a_pod, an_event, without_pod
from tests.diagnosis.test_gone import about
from tests.diagnosis.test_progress import OTHER_EVENT, WAITS, a_started_pod
from tests.objects import CREATED, a_job, a_run, stamp

POD = CREATED + 11
"""When the Pod is created, and the first Event about it is at `CREATED + 20`."""


def explained(folder, *objects, after):
    """The explanation of the first run, `after` seconds after the creation of its Pod."""
    path = folder / "dump.json"
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [*objects, OTHER_EVENT]}))
    out = call("explain", "--all", "-f", path, "--at", stamp(POD + after), "-o", "json")[1]
    return json.loads(out)["items"][0]


def first(folder, *objects, after):
    """The first cause, and the verdict."""
    run = explained(folder, *objects, after=after)
    return run["findings"][0]["cause"], run["verdict"]


def waiting(reason, message=None):
    """The Pod, whose container waits for this reason."""
    state = {"waiting": {"reason": reason} | ({"message": message} if message else {})}
    return a_started_pod(containers=[{"name": "agent", "state": state}])


def of_job(note):
    """The Job without a Pod, and the Event of its controller."""
    return [without_pod(), an_event("Job", "job-j", "FailedCreate", note)]


CREATE = "Error creating: pods is forbidden: "
WEBHOOK = 'Error creating: Internal error occurred: failed calling webhook "v.x": context deadline exceeded'
DENIED = 'Error creating: admission webhook "v.x" denied the request: the timeout is too short'
PULL = 'Failed to pull image "r/i:1": '
RUNTIME = 'failed to get sandbox runtime: no runtime for "gvisor" is configured'
UNBOUND = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}

PASSING = [
    ("volume_waiting", [a_started_pod(), an_event(reason="FailedMount", note="rpc error: code = Internal")]),
    (
        "container_cannot_be_created",
        [a_started_pod(), an_event(reason="FailedCreatePodSandBox", note="plugin failed")],
    ),
    ("container_cannot_be_created", [waiting("CreateContainerError", "context deadline exceeded")]),
    ("image_pull", [waiting("ErrImagePull"), an_event(reason="Failed", note=PULL + "429 Too Many Requests")]),
    ("image_pull", [waiting("ImagePullBackOff", "dial tcp 10.0.0.1:443: i/o timeout")]),
    ("unschedulable", [a_pod(conditions=[UNBOUND])]),
    ("quota", of_job(CREATE + "exceeded quota: q, requested: pods=1")),
    ("admission_denied", of_job(WEBHOOK)),
    ("pod_creation_failed", of_job("Error creating: pod: etcdserver: request timed out")),
    ("pod_creation_failed", of_job('Error creating: Post "https://a/pods": http2: client connection lost')),
]
LASTING = [
    ("volume_waiting", [a_pod(conditions=[UNBOUND | {"message": 'persistentvolumeclaim "x" not found'}])]),
    ("container_cannot_be_created", [a_started_pod(), an_event(reason="FailedCreatePodSandBox", note=RUNTIME)]),
    ("container_cannot_be_created", [waiting("CreateContainerError", "failed to mkdir")]),
    ("container_cannot_be_created", [waiting("CreateContainerConfigError", "container has runAsNonRoot")]),
    ("image_pull", [waiting("ErrImagePull"), an_event(reason="Failed", note=PULL + "r/i:1: not found")]),
    ("image_pull", [waiting("ImagePullBackOff", 'Back-off pulling image "r/i:1"')]),
    ("image_pull", [waiting("InvalidImageName", "could not parse")]),
    ("pod_secret_missing", [waiting("CreateContainerConfigError", 'secret "x" not found')]),
    ("pod_configmap_missing", [a_started_pod(), an_event(reason="FailedMount", note='configmap "x" not found')]),
    (
        "service_account_missing",
        of_job(CREATE + 'error looking up service account n/x: serviceaccount "x" not found'),
    ),
    ("admission_denied", of_job(DENIED)),
    ("admission_denied", of_job('Error creating: failed calling webhook "v.x": x509: unknown authority')),
    ("pod_creation_failed", of_job("Error creating: Pod p is invalid: spec.containers: Required value")),
]


@pytest.mark.parametrize(("cause", "objects"), PASSING, ids=lambda value: value if isinstance(value, str) else "")
def test_a_failure_that_may_mend_itself_is_no_fault_for_two_minutes(tmp_path, cause, objects):
    """The component tries again."""
    job = [] if objects[0]["kind"] == "Job" else [WAITS]
    assert first(tmp_path, OPEN, *job, *objects, after=60) == (cause, "ok")
    assert first(tmp_path, OPEN, *job, *objects, after=140) == (cause, "fault")


@pytest.mark.parametrize(("cause", "objects"), LASTING, ids=lambda value: value if isinstance(value, str) else "")
def test_a_failure_that_only_a_change_can_mend_is_a_fault_at_once(tmp_path, cause, objects):
    """An object, an image or a permission is missing or wrong."""
    job = [] if objects[0]["kind"] == "Job" else [WAITS]
    assert first(tmp_path, OPEN, *job, *objects, after=20) == (cause, "fault")


def test_the_time_counts_from_the_creation_of_the_pod(tmp_path):
    """A Pod of an hour whose last failure is new has been failing for an hour."""
    late = an_event(reason="FailedMount", note="rpc error") | {"firstTimestamp": stamp(POD + 3590)}
    late["lastTimestamp"] = late["firstTimestamp"]
    run = explained(tmp_path, OPEN, WAITS, a_started_pod(), late, after=3600)
    assert (run["verdict"], run["findings"][0]["since"]) == ("fault", stamp(POD + 3590))


def test_nothing_mends_a_run_that_has_failed(tmp_path):
    """So its cause is a fault at once."""
    run = a_run(status={"phase": "Failed", "message": WEBHOOK, "finishedAt": stamp(POD)})
    assert first(tmp_path, run, after=1) == ("admission_denied", "fault")
    over = a_job(ended="Failed", reason="BackoffLimitExceeded")
    event = an_event("Job", "job-j", "FailedCreate", WEBHOOK)
    assert first(tmp_path, a_run(status={"phase": "Failed"}), over, event, after=20) == ("admission_denied", "fault")


CACHE = (
    'MountVolume.SetUp failed for volume "x" : failed to sync configmap cache: timed out waiting for the condition'
)
OBJECT = 'MountVolume.SetUp failed for volume "x" : object "n"/"t" not registered'


@pytest.mark.parametrize("note", [CACHE, OBJECT])
def test_the_kubelet_has_not_read_an_object_yet(tmp_path, note):
    """It is a cause only if the kubelet has repeated it for two minutes."""
    event = an_event(reason="FailedMount", note=note)
    assert explained(tmp_path, OPEN, WAITS, a_started_pod(), event, after=400)["findings"][0]["evidence"] == (
        "container agent: ContainerCreating"
    )
    again = event | {"lastTimestamp": stamp(CREATED + 140)}
    assert first(tmp_path, OPEN, WAITS, a_started_pod(), again, after=400) == ("volume_waiting", "fault")


HELD = 'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) q'


@pytest.mark.parametrize(("deleted", "verdict"), [(None, "fault"), (CREATED + 30, "ok")])
def test_a_volume_is_detached_when_the_pod_that_uses_it_ends(tmp_path, deleted, verdict):
    """It does not mend itself while that Pod is not ending."""
    other = a_pod("Running", deleted=deleted)
    other["metadata"] |= {"name": "q", "uid": "q"}
    event = an_event(reason="FailedAttachVolume", note=HELD)
    assert first(tmp_path, OPEN, WAITS, other, a_started_pod(), event, after=20) == ("volume_waiting", verdict)


@pytest.mark.parametrize(
    ("reason", "at", "after", "verdict"),
    [
        ("TriggeredScaleUp", 200, 700, "ok"),
        ("Nominated", 200, 700, "ok"),
        ("TriggeredScaleUp", 200, 800, "fault"),
        ("Nominated", 2000, 2100, "fault"),
        ("NotTriggerScaleUp", 200, 700, "fault"),
    ],
)
def test_a_node_that_an_autoscaler_adds_takes_minutes(tmp_path, reason, at, after, verdict):
    """It may announce nodes without end that do not fit. If it adds none, its Event has the reason."""
    pod = a_pod(conditions=[UNBOUND | {"lastTransitionTime": stamp(POD)}])
    event = about("p", reason, "max node group size reached", uid="pod-p", at=at, type="Normal")
    run = explained(tmp_path, OPEN, WAITS, pod, event, after=after)
    assert (run["findings"][0]["cause"], run["verdict"]) == ("unschedulable", verdict)
    says_why = "NotTriggerScaleUp: max node group" in run["findings"][0]["evidence"]
    assert says_why is (reason == "NotTriggerScaleUp")
    first = run["findings"][0]
    assert f"; {reason}: " in first["evidence"]
    assert [one["reason"] for one in run["events"]] == [reason]
    wait = "Wait until " if verdict == "ok" else ""
    looks = {"TriggeredScaleUp": "Look at the node group", "Nominated": "Look at the node or NodeClaim"}
    assert first["fix"].startswith(wait)
    assert looks.get(reason, "Raise the maximum size of the node group") in first["fix"]
