"""Of several Events about a Pod, those of a stage that the kubelet has passed since explain nothing."""

import json

import pytest

from tests.commands.in_process import call
from tests.diagnosis.test_causes import NOW, OPEN, an_event, with_finalizer
from tests.diagnosis.test_progress import WAITS, a_started_pod, causes
from tests.objects import CREATED, stamp

NO_ADDRESS = "failed to setup network for sandbox: failed to assign an IP address to container"
MISSING = 'MountVolume.SetUp failed for volume "v" : configmap "x" not found'


def seen(reason, at, note="failed", **more):
    """An Event that was last seen this long after the creation."""
    event = an_event(reason=reason, note=note)
    times = {"firstTimestamp": stamp(CREATED + 20), "lastTimestamp": stamp(CREATED + at)}
    return event | {"metadata": event["metadata"] | {"name": reason, "uid": f"{reason}{at}"}} | times | more


def first(folder, *events):
    """The first cause of a Pod whose containers are being created."""
    return causes(folder, OPEN, WAITS, a_started_pod(), *events)[0]


@pytest.mark.parametrize("note", ["rpc error: code = DeadlineExceeded", MISSING])
def test_a_sandbox_is_created_after_the_volumes_are_mounted(tmp_path, note):
    """So its failure proves the mount over, if it is the later one."""
    sandbox = seen("FailedCreatePodSandBox", 60, NO_ADDRESS, count=178)
    assert first(tmp_path, seen("FailedMount", 21, note), sandbox) == "container_cannot_be_created"
    assert first(tmp_path, seen("FailedMount", 61, note), sandbox) in {"volume_waiting", "pod_configmap_missing"}


@pytest.mark.parametrize("reason", ["Pulling", "Pulled", "SandboxChanged"])
def test_a_normal_event_of_a_dump_proves_progress(tmp_path, reason):
    """The pull of a large image takes minutes, and nothing is wrong."""
    mount, later = seen("FailedMount", 21), seen(reason, 22, type="Normal")
    assert causes(tmp_path, OPEN, WAITS, a_started_pod(), mount, later) == ["pod_not_starting"]
    assert first(tmp_path, mount, seen(reason, 20, type="Normal")) == "volume_waiting"


@pytest.mark.parametrize(("seconds", "cause"), [(1799, "pod_configmap_missing"), (1800, "volume_waiting")])
def test_a_failure_that_is_not_repeated_is_history(tmp_path, seconds, cause):
    """The kubelet repeats what holds: another failure has replaced it."""
    later = seen(
        "FailedMount", 30 + seconds, "Unable to attach or mount volumes: timed out waiting for the condition"
    )
    assert first(tmp_path, seen("FailedMount", 30, MISSING), later) == cause


def test_a_volume_in_use_is_reported_once(tmp_path):
    """By the attach-detach controller, while the kubelet repeats that it waits."""
    attach = seen("FailedAttachVolume", 30, "Multi-Attach error for volume v: used by pod other")
    waits = seen("FailedMount", 5000, "Unable to attach or mount volumes: timed out waiting for the condition")
    assert first(tmp_path, attach, waits) == "volume_waiting"
    assert first(tmp_path, attach, seen("FailedCreatePodSandBox", 31)) == "container_cannot_be_created"


def test_the_network_of_the_node_fails_before_the_mount(tmp_path):
    """Which one holds, only the time tells."""
    mount = seen("FailedMount", 30, MISSING)
    assert first(tmp_path, mount, seen("NetworkNotReady", 31)) == "pod_configmap_missing"
    assert first(tmp_path, mount, seen("NetworkNotReady", 4000)) == "container_cannot_be_created"


@pytest.mark.parametrize(("seconds", "cause"), [(1799, "quota"), (1800, "reconcile_failing")])
def test_a_refusal_that_is_not_repeated_is_history(tmp_path, seconds, cause):
    """The controller fails elsewhere by now."""
    refused = seen("FailedCreate", 30, "exceeded quota: q")
    later = seen("ReconcileError", 30 + seconds, "partial not found: a.hbs", count=100)
    for event in (refused, later):
        event["involvedObject"] = {"kind": "CodeRun", "namespace": "n", "name": "r", "uid": "run-r"}
    assert causes(tmp_path, with_finalizer(), refused, later)[0] == cause


FULL, OLD = 'Back-off pulling image "i": ErrImagePull: 429 Too Many Requests', 'Back-off pulling image "i"'


@pytest.mark.parametrize(
    ("seconds", "message", "words"),
    [
        (1799, FULL, "Failed: Failed to pull image: timeout"),
        (1800, FULL, "429"),
        (1800, OLD, "timeout"),
        (1800, "", "timeout"),
    ],
)
def test_a_failed_pull_that_is_not_repeated_is_history(tmp_path, seconds, message, words):
    """If the state of the container has newer words: that of older kubelets has none."""
    old = seen("Failed", 30, "Failed to pull image: timeout")
    later = seen("BackOff", 30 + seconds, "Back-off pulling image")
    again = seen("Failed", 30 + seconds, "Error: ImagePullBackOff")
    waiting = {"reason": "ImagePullBackOff", "message": message}
    pod = a_started_pod(containers=[{"name": "agent", "state": {"waiting": waiting}}])
    path = tmp_path / "dump.json"
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [OPEN, WAITS, pod, old, later, again]}))
    out = call("explain", "-f", path, "--at", stamp(NOW), "-o", "json")[1]
    assert words in json.loads(out)["items"][0]["findings"][0]["evidence"]
