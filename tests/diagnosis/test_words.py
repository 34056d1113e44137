"""The first finding of a dump: its evidence names the reason, and its next command shows the object."""

import json

import pytest

from tests.commands.in_process import call
from tests.diagnosis.test_causes import NOW, OPEN, a_pod, an_event
from tests.diagnosis.test_dumps import explain_dump
from tests.diagnosis.test_progress import OTHER_EVENT, WAITS
from tests.objects import stamp

PULL = 'Failed to pull image "i": 429 Too Many Requests'
DESCRIBE = "kubectl -n n describe pod p"
IMAGE_OWNER = "who owns the image or the agent"


def waiting(reason, message="", name="agent"):
    """A container that waits."""
    return {"name": name, "state": {"waiting": {"reason": reason, "message": message}}}


def about(container, note, reason="Failed"):
    """An Event about a container."""
    event = an_event(reason=reason, note=note)
    event["metadata"] = event["metadata"] | {"uid": container + note}
    path = f"spec.containers{{{container}}}"
    return event | {"involvedObject": event["involvedObject"] | {"fieldPath": path}}


def mount(note, reason="FailedMount"):
    """An Event about a volume."""
    event = an_event(reason=reason, note=note)
    return event | {"metadata": event["metadata"] | {"uid": note}}


def first_finding(folder, containers, events):
    """The first finding of a run with these containers and Events."""
    names = [{"name": one["name"]} for one in containers]
    pod = a_pod(containerStatuses=containers)
    pod["spec"] |= {"nodeName": "a", "containers": names}
    items = [OPEN, WAITS, pod, *events, OTHER_EVENT]
    path = folder / "dump.json"
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": items}))
    out = call("explain", "--all", "-f", path, "--at", stamp(NOW), "-o", "json")[1]
    return json.loads(out)["items"][0]["findings"][0]


BACK_OFF = waiting("ImagePullBackOff", "Back-off pulling image")


@pytest.mark.parametrize(
    ("container", "events", "evidence"),
    [
        (BACK_OFF, [about("agent", "Error: ImagePullBackOff"), about("agent", PULL)], f"Failed: {PULL}"),
        (BACK_OFF, [about("other", PULL)], "ImagePullBackOff: Back-off pulling image"),
        (waiting("ErrImagePull"), [about("agent", "Error: ErrImagePull")], "Failed: Error: ErrImagePull"),
        (
            waiting("ErrImagePull", "403 Forbidden"),
            [about("agent", "Error: ErrImagePull")],
            "ErrImagePull: 403 Forbidden; pull secrets of the pod: none",
        ),
        (
            waiting("InvalidImageName", "x"),
            [about("agent", "couldn't parse image name", "InspectFailed")],
            "InspectFailed: couldn't parse image name",
        ),
        (waiting("ErrImagePull"), [], "ErrImagePull"),
    ],
)
def test_why_an_image_cannot_be_pulled(tmp_path, container, events, evidence):
    """The evidence is from an Event about this container that does not merely repeat its state."""
    found = first_finding(tmp_path, [container], events)
    assert (found["cause"], found["evidence"]) == ("image_pull", f"container agent: {evidence}")
    assert found["next"] == DESCRIBE


def test_each_container_has_its_own_events():
    """Several Events of one reason are kept, at least one for each container."""
    _, run = explain_dump("image-limit")
    assert "429 Too Many Requests" in run["findings"][0]["evidence"]


@pytest.mark.parametrize(
    ("container", "events", "cause", "act"),
    [
        (waiting("RunContainerError", "exec: not found"), [], "container_cannot_be_created", IMAGE_OWNER),
        (
            waiting("CreateContainerConfigError", "runAsNonRoot and root"),
            [],
            "container_cannot_be_created",
            IMAGE_OWNER,
        ),
        (waiting("CreateContainerError", "reserved"), [], "container_cannot_be_created", "who runs the cluster"),
        (
            waiting("CreateContainerConfigError"),
            [about("agent", 'Error: secret "x" not found')],
            "pod_secret_missing",
            "who runs the platform's controller",
        ),
    ],
)
def test_who_acts_on_a_container_that_cannot_be_created(tmp_path, container, events, cause, act):
    """Whoever owns the image acts if the image is at fault."""
    found = first_finding(tmp_path, [container], events)
    assert (found["cause"], found["act"]) == (cause, act)


CREATING = waiting("ContainerCreating")


@pytest.mark.parametrize(
    ("notes", "evidence", "following"),
    [
        (
            ["Unable to attach or mount volumes: unmounted volumes=[w]: context deadline exceeded", "MapVolume: x"],
            "FailedMount: MapVolume: x",
            DESCRIBE,
        ),
        (['configmap "x" not found'], 'FailedMount: configmap "x" not found', "kubectl -n n get configmap x"),
        (['secret "x" not found'], 'FailedMount: secret "x" not found', "kubectl -n n get secret x"),
        (['secret "$(id)" not found'], 'FailedMount: secret "$(id)" not found', "kubectl -n n get secrets"),
        (
            ["couldn't find key k in ConfigMap n/x"],
            "FailedMount: couldn't find key k in ConfigMap n/x",
            "kubectl -n n describe configmap x",
        ),
        (
            ["references non-existent config key: k"],
            "FailedMount: references non-existent config key: k",
            "kubectl -n n get configmaps",
        ),
    ],
)
def test_why_a_volume_is_not_mounted(tmp_path, notes, evidence, following):
    """The evidence is the Event with the reason. The command shows the missing object."""
    found = first_finding(tmp_path, [CREATING], [mount(note) for note in notes])
    assert (found["evidence"], found["next"]) == (evidence, following)


def test_a_volume_that_is_not_attached_is_shown_with_its_claim(tmp_path):
    """Describing the Pod shows nothing more."""
    found = first_finding(tmp_path, [CREATING], [mount("Multi-Attach error for volume", "FailedAttachVolume")])
    assert found["next"] == "kubectl -n n get pvc,volumeattachments.storage.k8s.io"
