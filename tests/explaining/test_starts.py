"""A pod that does not start although no component reports a failure of its own, and who can correct it."""

import pytest

from tests.diagnosis.test_causes import OPEN, READ, a_pod, an_event, without_pod
from tests.explaining.test_dump_findings import LATER, explain
from tests.objects import CREATED, stamp

IMAGE = 'Pulling image "registry.example.com/agents/claude:2.1"'


def shown(folder, pod, *events):
    """What `explain` shows for the run of this Pod."""
    pod["spec"]["nodeName"] = "w"
    return explain(folder, [OPEN, without_pod(active=1, ready=0), pod, *events], "r", "--at", LATER)[1]


def progress(reason, note, seconds):
    """An Event of type Normal of the kubelet about the container."""
    event = an_event(reason=reason, note=note)
    about = event["involvedObject"] | {"fieldPath": "spec.containers{agent}"}
    at = {"firstTimestamp": stamp(CREATED + seconds), "lastTimestamp": stamp(CREATED + seconds)}
    meta = event["metadata"] | {"uid": reason, "name": reason}
    return event | at | {"type": "Normal", "involvedObject": about, "metadata": meta}


def waits(reason="ContainerCreating", **more):
    """A Pod whose container waits."""
    return a_pod(containerStatuses=[{"name": "agent", "state": {"waiting": {"reason": reason, **more}}}])


def test_an_image_that_is_being_pulled(tmp_path):
    """No warning says so. Why it takes so long is unknown."""
    out = shown(tmp_path, waits(), progress("Pulling", IMAGE, 60), READ)
    assert f"Evidence:  container agent: {IMAGE}, and the kubelet has not reported its end; on node w\n" in out
    assert f"Since:     {stamp(CREATED + 11)}" in out  # the clock of the node may be wrong
    assert " Pulling " in out.partition("Events:\n")[2]  # it decides that this is no fault yet


def test_an_image_that_was_pulled(tmp_path):
    """The pod waits for something else."""
    events = (progress("Pulling", IMAGE, 60), progress("Pulled", "Successfully pulled image", 90), READ)
    assert "Pulling image" not in shown(tmp_path, waits(), *events)


def test_a_pod_that_the_kubelet_blocks(tmp_path):
    """The reason is in the status of the pod, not of its containers."""
    message = 'Cannot enforce AppArmor: profile "p" is not loaded'
    pod = waits("Blocked")
    pod["status"] |= {"reason": "AppArmor", "message": message}
    out = shown(tmp_path, pod, READ)
    assert "Cause:       container_cannot_be_created\n" in out
    assert f"Evidence:  the kubelet blocks its containers: AppArmor: {message}; on node w\n" in out
    assert "Fix:       Load the AppArmor profile on the node" in out


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("write /var/lib/containerd/x: no space left on device", "who runs the cluster"),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "who runs the cluster"),
        ("registry.example.com/agents/claude:2.1: not found", "who owns the agent or its task"),
    ],
)
def test_who_corrects_a_pull(tmp_path, text, act):
    """The owner of the agent sets the name of the image, not the disk or the CAs of the node."""
    out = shown(tmp_path, waits("ErrImagePull", message=f"failed to pull and unpack image: {text}"), READ)
    assert "Cause:       image_pull\n" in out
    assert f"Act:       {act}\n" in out
