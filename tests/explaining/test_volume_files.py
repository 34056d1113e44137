"""A start error about a file that a volume supplies is corrected there, any other in the image."""

import pytest

from exporter.cache import Container, ObjectCache, Pod, Thresholds
from exporter.diagnosis.container import failed_containers
from tests.diagnosis.test_causes import a_pod, without_pod
from tests.diagnosis.test_fixes import explained

RUNC = "failed to create containerd task: OCI runtime create failed: unable to start container process: "
CONFIG = {"name": "v", "configMap": {"name": "c", "defaultMode": 420}}
CLAIM = {"name": "v", "persistentVolumeClaim": {"claimName": "c"}}
IN_IMAGE = "Make the command executable in the image"


def pod(error, volume=CONFIG, *, mount="/files", **more):
    """A Pod whose agent cannot be started."""
    ended = {"reason": "StartError", "exitCode": 128, "message": RUNC + error}
    found = a_pod("Running", containerStatuses=[{"name": "agent", "state": {"terminated": ended}}])
    mounts = [{"name": "root", "mountPath": "/"}, {"name": "v", "mountPath": mount}]
    container = {"name": "agent", "volumeMounts": mounts[1:], **more}
    return found | {"spec": {"nodeName": "w", "containers": [container], "volumes": [volume]}}


def finding(folder, error, volume=CONFIG, **more):
    """The first finding."""
    return explained(folder, without_pod(active=1, ready=0), pod(error, volume, **more), after=720)[0]


DENIED = 'exec: "/files/run.sh": permission denied: unknown'


@pytest.mark.parametrize(
    ("error", "volume", "more", "words"),
    [
        (DENIED, CONFIG, {}, "Set the mode of the file in volume v to 0755"),
        (DENIED, {"name": "v", "secret": {}}, {}, "Set the mode of the file in volume v to 0755"),
        (DENIED, CONFIG | {"configMap": {"items": [{"path": "run.sh", "mode": 493}]}}, {}, "Correct the user"),
        (DENIED, {"name": "v", "projected": {"defaultMode": 493}}, {}, "Correct the user"),
        (
            DENIED,
            {"name": "v", "projected": {"sources": [{"secret": {"items": [{"path": "run.sh", "mode": 493}]}}]}},
            {},
            "Correct the user",
        ),
        (DENIED, CLAIM, {}, "noexec"),
        (DENIED, {"name": "v", "emptyDir": {}}, {}, "chmod +x"),
        (DENIED, {"name": "v", "csi": {"driver": "x"}}, {}, "noexec"),
        ('exec: "./run.sh": permission denied', CONFIG, {"workingDir": "/files"}, "Set the mode"),
        (
            'exec: "/files/run.sh": stat /files/run.sh: no such file or directory: unknown',
            CONFIG,
            {},
            "lacks the key of the file",
        ),
        ("exec /files/run.sh: no such file or directory", CLAIM, {}, "If volume v lacks the file"),
        ("exec /files/run.sh: exec format error", CONFIG, {}, "first line"),
        ('exec: "/files": is a directory: unknown', CONFIG, {}, "is a directory"),
    ],
)
def test_a_file_of_a_volume(tmp_path, error, volume, more, words):
    """The image and its owner have nothing to do with it."""
    one = finding(tmp_path, error, volume, **more)
    assert words in one["fix"]
    assert "volume v supplies this file" in one["evidence"]
    assert one["act"] in {"who deploys the platform's templates", "who owns the volume or the agent"}
    assert one["next"] == "kubectl -n n get pod p -o 'jsonpath={.spec.volumes}'"


@pytest.mark.parametrize(
    ("error", "more"),
    [
        (DENIED, {"mount": "/files/run"}),  # a beginning of the text, but no folder of the path
        (DENIED, {"mount": "/other"}),
        ('exec: "./run.sh": permission denied', {"workingDir": "/app"}),
    ],
)
def test_a_file_of_the_image(tmp_path, error, more):
    """No volume is mounted there."""
    one = finding(tmp_path, error, **more)
    assert one["fix"].startswith(IN_IMAGE)
    assert one["act"] == "who owns the image or the agent"
    assert "volume" not in one["evidence"]


@pytest.mark.parametrize(
    "error", ['exec: "./run.sh": permission denied', 'exec: "run.sh": executable file not found in $PATH']
)
def test_the_folder_is_not_known(tmp_path, error):
    """A bare name is searched in PATH; the working directory may be that of the image."""
    assert "supplies" not in finding(tmp_path, error)["evidence"]


def test_from_a_cluster_both_owners_are_named():
    """Volumes and commands of Pods are not read there."""
    agent = Container(name="agent", role="main", state="terminated", reason="StartError", message=RUNC + DENIED)
    one = Pod(uid="p", namespace="n", name="p", containers=(agent,))
    found = next(failed_containers(one, ObjectCache(thresholds=Thresholds()), killed=False))
    assert found.act.endswith("or deploys the templates if a volume has the file")
