"""An image that cannot be pulled: which pull secret the kubelet used, and which it lacks."""

import pytest

from tests.diagnosis.test_causes import OPEN, READ, a_pod, an_event
from tests.diagnosis.test_progress import WAITS
from tests.explaining.test_dump_findings import LATER, explain

LACKS = "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed."
DENIED = 'failed to pull image "r.example/a:1": 401 Unauthorized'


def shown(folder, *more, message=DENIED, secrets=(), volumes=()):
    """What `explain` shows for a Pod with these pull secrets whose image cannot be pulled."""
    wait = {"reason": "ErrImagePull", "message": message}
    pod = a_pod(containerStatuses=[{"name": "agent", "state": {"waiting": wait}}])
    pod["spec"] |= {"nodeName": "w-1", "imagePullSecrets": [{"name": name} for name in secrets]}
    pod["spec"]["volumes"] = [*volumes]
    return explain(folder, [OPEN, WAITS, pod, READ, *more], "r", "--at", LATER)[1]


@pytest.mark.parametrize(
    ("secrets", "names", "command"),
    [
        ((), "none", "describe pod p"),
        (("regcred",), "regcred", "describe secret regcred"),
        (("a", "b"), "a, b", "describe pod p"),
        (("a;rm -rf x", "b"), "b", "describe secret b"),  # not a name
    ],
)
def test_rejected_credentials_are_those_of_the_pull_secrets(tmp_path, secrets, names, command):
    """The kubelet tries all of them that have the host of the registry."""
    out = shown(tmp_path, secrets=secrets)
    assert f"{DENIED}; pull secrets of the pod: {names}; on node w-1\n" in out
    assert f"Next:      kubectl -n n {command}\n" in out
    assert "imagePullSecrets of the pod" in out.partition("Fix:")[2]


def test_a_pull_secret_that_does_not_exist(tmp_path):
    """It must be created first."""
    lacks = an_event(reason="FailedToRetrieveImagePullSecret", note=LACKS)
    out = shown(tmp_path, lacks | {"metadata": {"name": "l", "namespace": "n", "uid": "l"}}, secrets=("regcred",))
    assert "Next:      kubectl -n n get secret regcred\n" in out
    assert "Create the pull secret" in out.partition("Fix:")[2]


def test_other_answers_have_nothing_to_do_with_secrets(tmp_path):
    """The network of the node, and no Secret."""
    out = shown(tmp_path, message="dial tcp 10.0.0.1:443: i/o timeout", secrets=("regcred",))
    assert "regcred" not in out
    assert "Act:       who runs the cluster\n" in out
    assert "network from the node" in out.partition("Fix:")[2]


@pytest.mark.parametrize(
    ("image", "subject"),
    [("r.example/a:1", "image volume skills of container agent: "), ("r.example/a:2", "container agent: ")],
)
def test_the_image_of_a_volume(tmp_path, image, subject):
    """Its reason is in the state of the container."""
    volumes = [{"name": "tmp", "emptyDir": {}}, {"name": "skills", "image": {"reference": image}}, {"image": {}}]
    assert f"Evidence:  {subject}ErrImagePull" in shown(tmp_path, volumes=volumes)
