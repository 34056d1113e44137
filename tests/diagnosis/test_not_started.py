"""A container whose process the runtime could not start: its words say why, because there is no log."""

import json

import pytest

from tests.commands.in_process import call
from tests.diagnosis.test_causes import NOW, OPEN, READ, a_pod
from tests.objects import CREATED, a_job, stamp

DENIED = 'runc create failed: exec: "/task-files/container.sh": permission denied'
DAEMON = {"name": "docker-daemon", "state": {"running": {"startedAt": stamp(CREATED + 20)}}}
END = {"exitCode": 128, "startedAt": "1970-01-01T00:00:00Z", "finishedAt": stamp(CREATED + 20), "message": DENIED}


def a_container(reason="StartError", **state):
    """The status of the main container."""
    return {"name": "agent", "state": state or {"terminated": END | {"reason": reason}}}


def explained(folder, main, *, phase="Running", job=None):
    """The findings of a run with this main container."""
    pod = a_pod(phase, containerStatuses=[main, DAEMON])
    pod["spec"] = {"containers": [{"name": "agent"}, {"name": "docker-daemon"}]}
    path = folder / "dump.json"
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [OPEN, job or a_job(), pod, READ]}))
    out = call("explain", "-f", path, "--at", stamp(NOW), "-o", "json")[1]
    return json.loads(out)["items"][0]["findings"]


@pytest.mark.parametrize("phase", ["Running", "Pending", "Failed"])
@pytest.mark.parametrize("reason", ["StartError", "ContainerCannotRun"])
def test_the_words_of_the_runtime_are_the_evidence(tmp_path, phase, reason):
    """Not that the container has ended, which is the effect, nor that another one is running."""
    job = a_job(ended="Failed") if phase == "Failed" else None
    first, *_ = explained(tmp_path, a_container(reason), phase=phase, job=job)
    assert first["cause"] == "container_cannot_be_created"
    assert first["evidence"] == f"container agent could not be started ({reason}): {DENIED}"
    assert first["act"] == "who owns the image or the agent"
    assert " describe pod p" in first["next"]


def test_so_they_are_while_it_waits_to_be_started_again(tmp_path):
    """The words of the back-off say nothing."""
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container=agent pod=p"}
    again = a_container(waiting=waiting) | {"lastState": {"terminated": END | {"reason": "StartError"}}}
    first, *_ = explained(tmp_path, again)
    assert first["cause"] == "container_cannot_be_created"
    assert first["evidence"] == f"container agent: CrashLoopBackOff; last: StartError, exit code 128: {DENIED}"


@pytest.mark.parametrize("reason", ["Error", "Completed", "OOMKilled", "ContainerStatusUnknown"])
def test_the_words_of_a_container_that_ran_are_not_shown(tmp_path, reason):
    """They may be lines of its log. If it was lost, they are those of the kubelet."""
    words = json.dumps(explained(tmp_path, a_container(reason)))
    assert ("permission denied" in words) is (reason == "ContainerStatusUnknown")
