"""The Events about the claim of a Pod say why it waits for a volume."""

import json

import pytest

from tests.commands.in_process import call
from tests.diagnosis.test_causes import NOW, OPEN, a_pod
from tests.diagnosis.test_gone import about
from tests.diagnosis.test_progress import OTHER_EVENT, WAITS
from tests.objects import CREATED, stamp

BINDING = 'running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded'
FAILED = 'failed to provision volume with StorageClass "gp3": UnauthorizedOperation'
WAITING = "Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com' or manually"


def a_waiting_pod(message=BINDING, volume=None):
    """A Pod that the scheduler holds back, with the claim `work`."""
    reason = {"type": "PodScheduled", "status": "False", "reason": "SchedulerError", "message": message}
    pod = a_pod(conditions=[reason | {"lastTransitionTime": stamp(CREATED + 20)}])
    volume = volume or {"name": "w", "persistentVolumeClaim": {"claimName": "work"}}
    return pod | {"spec": pod["spec"] | {"volumes": [volume]}}


def of_claim(name="work", reason="ProvisioningFailed", note=FAILED, **more):
    """An Event about a claim."""
    return about(name, reason, note, kind="PersistentVolumeClaim", **more)


def explained(folder, *objects):
    """The explanation of the run."""
    path = folder / "dump.json"
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [OPEN, WAITS, *objects, OTHER_EVENT]}))
    return json.loads(call("explain", "-f", path, "r", "--at", stamp(NOW), "-o", "json")[1])


@pytest.mark.parametrize(
    ("volume", "name"), [(None, "work"), ({"name": "w", "ephemeral": {"volumeClaimTemplate": {}}}, "p-w")]
)
def test_the_newest_warning_about_the_claim_is_in_the_evidence(tmp_path, volume, name):
    """The next command describes the claim, and the Event is listed."""
    later = of_claim(name, "ExternalProvisioning", WAITING, type="Normal", at=900)
    run = explained(tmp_path, a_waiting_pod(volume=volume), of_claim(name), later)
    first = run["findings"][0]
    assert first["cause"] == "volume_waiting"
    text = f"PersistentVolumeClaim {name}: ProvisioningFailed: {FAILED}"
    assert first["evidence"] == text
    assert first["next"] == f"kubectl -n n describe pvc {name}"
    assert f"persistentvolumeclaim/{name}" in {event["object"] for event in run["events"]}


def test_a_claim_may_wait_for_its_driver(tmp_path):
    """Without a warning: the driver may not be running."""
    event = of_claim(reason="ExternalProvisioning", note=WAITING, type="Normal")
    text = f"; PersistentVolumeClaim work: ExternalProvisioning: {WAITING}"
    assert explained(tmp_path, a_waiting_pod(), event)["findings"][0]["evidence"].endswith(text)


@pytest.mark.parametrize("event", [of_claim("other"), about("work", "ProvisioningFailed", FAILED)])
def test_events_about_other_objects_say_nothing(tmp_path, event):
    """The claim of another Pod, for example."""
    first = explained(tmp_path, a_waiting_pod(), event)["findings"][0]
    assert (first["evidence"], "describe pvc" in first["next"]) == (f"SchedulerError: {BINDING}", False)


def test_a_pod_with_a_node_has_its_claim_bound(tmp_path):
    """So what said that the volume could not be created is over."""
    pod = a_waiting_pod()
    pod["spec"]["nodeName"] = "a"
    assert "ProvisioningFailed" not in explained(tmp_path, pod, of_claim())["findings"][0]["evidence"]


def test_the_scheduler_may_name_the_claim(tmp_path):
    """Then it is described without an Event about it."""
    pod = a_waiting_pod('0/3 nodes are available: persistentvolumeclaim "work" is being deleted.')
    assert explained(tmp_path, pod)["findings"][0]["next"] == "kubectl -n n describe pvc work"


@pytest.mark.parametrize("wrong", [{"volumes": 7}, {"volumes": [{"persistentVolumeClaim": 7}]}])
def test_malformed_volumes_are_no_claims(tmp_path, wrong):
    """The Pod is explained all the same."""
    pod = a_waiting_pod()
    assert explained(tmp_path, pod | {"spec": pod["spec"] | wrong}, of_claim())["findings"][0]["cause"]


def test_a_scheduler_that_names_no_claim(tmp_path):
    """The word after the kind is no name then."""
    text = "1 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode."
    first = explained(tmp_path, a_waiting_pod(message=text))["findings"][0]
    assert "pvc with" not in first["next"]
