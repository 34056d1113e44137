"""A pod that works through a slow step, and reports progress, is no fault within reason."""

import pytest

from tests.diagnosis.test_causes import NOW, OPEN, READ, a_pod, an_event, explain_objects, without_pod
from tests.objects import stamp

OWNER = "Setting volume ownership for 1f/volumes/kubernetes.io~csi/pvc-1/mount, processed 440871 files."
TIMEOUT = "Unable to attach or mount volumes: unmounted volumes=[w]: timed out waiting for the condition"
WAITS = [{"name": "agent", "state": {"waiting": {"reason": "ContainerCreating"}}}]


def a_starting_pod(seconds, **status):
    """A Pod on a node, created `seconds` before now."""
    pod = a_pod(containerStatuses=WAITS, **status)
    pod["metadata"]["creationTimestamp"] = stamp(NOW - seconds)
    pod["spec"]["nodeName"] = "w"
    return pod


def at(seconds, reason, note, kind="Warning", uid="e1"):
    """An Event that was last seen `seconds` before now."""
    event = an_event(reason=reason, note=note)
    times = {"firstTimestamp": stamp(NOW - seconds - 60), "lastTimestamp": stamp(NOW - seconds)}
    return event | times | {"type": kind, "metadata": {"name": uid, "namespace": "n", "uid": uid}}


def found(folder, *objects):
    """The exit code and the findings of the run."""
    code, (run,) = explain_objects(folder, [OPEN, without_pod(active=1, ready=0), *objects, READ], "")
    return code, run["findings"]


CHANGES = "VolumePermissionChangeInProgress"


@pytest.mark.parametrize(
    ("age", "last", "code"),
    [(500, 30, 0), (1799, 30, 0), (1800, 30, 1), (900, 599, 0), (900, 600, 1)],
    ids=["works", "works long", "too long", "last event allowed", "stopped"],
)
def test_the_owner_of_files_is_changed(tmp_path, age, last, code):
    """The fix says how to avoid it. The evidence has no number, because each text is a series."""
    exit_code, (one, *_) = found(tmp_path, a_starting_pod(age), at(last, CHANGES, OWNER))
    assert (exit_code, one["cause"]) == (code, "pod_not_starting")
    assert one["evidence"].startswith(
        f"{CHANGES}: Setting volume ownership for 1f/volumes/kubernetes.io~csi/pvc-1/mount"
    )
    assert "440871" not in one["evidence"]
    assert "OnRootMismatch" in one["fix"]


def test_meanwhile_the_kubelet_reports_that_it_waits(tmp_path):
    """That is no failure of the mount. A failure with a reason is one."""
    timeout = at(20, "FailedMount", TIMEOUT, uid="e2")
    code, findings = found(tmp_path, a_starting_pod(500), at(30, CHANGES, OWNER), timeout)
    assert (code, [one["cause"] for one in findings]) == (0, ["pod_not_starting"])
    assert found(tmp_path, a_starting_pod(500), timeout)[1][0]["cause"] == "volume_waiting"
    failed = at(20, "FailedMount", "MountVolume.SetUp failed: exit status 32", uid="e2")
    assert found(tmp_path, a_starting_pod(500), at(30, CHANGES, OWNER), failed)[1][0]["cause"] == "volume_waiting"
    code, (one, *_) = found(tmp_path, a_starting_pod(2400), at(700, CHANGES, OWNER), timeout)
    assert (code, one["cause"]) == (1, "volume_waiting")


@pytest.mark.parametrize(("age", "last", "code"), [(700, 500, 0), (700, 610, 1), (2000, 100, 1)])
def test_an_image_is_pulled(tmp_path, age, last, code):
    """A large one may take ten minutes."""
    pull = at(last, "Pulling", 'Pulling image "r/agent:1"', "Normal")
    pull["involvedObject"]["fieldPath"] = "spec.containers{agent}"
    exit_code, (one, *_) = found(tmp_path, a_starting_pod(age), pull)
    assert (exit_code, one["cause"]) == (code, "pod_not_starting")
    assert 'Pulling image "r/agent:1"' in one["evidence"]


def test_without_progress_five_minutes_are_enough(tmp_path):
    """As before."""
    assert found(tmp_path, a_starting_pod(299))[0] == 0
    assert found(tmp_path, a_starting_pod(301))[0] == 1
