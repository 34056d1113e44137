"""A container that ends beside the main one is a fault if it failed and the main one runs without it."""

import pytest

from tests.diagnosis.test_causes import OPEN, READ, a_pod
from tests.explaining.test_dump_findings import LATER, explain
from tests.objects import CREATED, a_job, stamp

RUNS = {"running": {"startedAt": stamp(CREATED + 30)}}


def ended(code, *, reason="Error", at=CREATED + 40):
    """The state of a container that ended with this exit code."""
    return {"terminated": {"exitCode": code, "reason": reason, "finishedAt": stamp(at)}}


def a_pair(side, main=RUNS, *, phase="Running", where="containers"):
    """A Pod with the main container `agent` and the container `docker-daemon`."""
    ready = [{"type": kind, "status": "False"} for kind in ("Ready", "ContainersReady")]
    pod = a_pod(phase, conditions=[{"type": "PodScheduled", "status": "True"}, *ready])
    pod["spec"] = {"nodeName": "w", "containers": [{"name": "agent"}]}
    daemon = {"name": "docker-daemon"} | ({} if where == "containers" else {"restartPolicy": "Always"})
    pod["spec"].setdefault(where, []).append(daemon)
    pod["status"]["containerStatuses"] = [{"name": "agent", "state": main}]
    statuses = "containerStatuses" if where == "containers" else "initContainerStatuses"
    pod["status"].setdefault(statuses, []).append({"name": "docker-daemon", "state": side})
    return pod


def shown(folder, pod, at=LATER):
    """What `explain` shows for the run of this Pod."""
    return explain(folder, [OPEN, a_job(), pod, READ], "r", "--at", at)


@pytest.mark.parametrize(("code", "how"), [(1, "exit code 1"), (137, "exit code 137, SIGKILL")])
def test_a_failed_side_container(tmp_path, code, how):
    """The next command shows its log."""
    exit_code, out = shown(tmp_path, a_pair(ended(code)))
    assert exit_code == 1
    assert "Cause:       container_failed\n" in out
    assert f"container docker-daemon failed with {how} (Error); the main container is running without it\n" in out
    assert "Next:      kubectl -n n logs p -c docker-daemon " in out


@pytest.mark.parametrize(
    "pod",
    [
        a_pair(ended(0, reason="Completed")),
        a_pair(ended(1), where="initContainers"),
        a_pair(ended(1, at=CREATED + 60), ended(0, reason="Completed"), phase="Succeeded"),
    ],
    ids=["ended with 0", "is restarted", "ended after the main one"],
)
def test_a_side_container_that_is_not_missed(tmp_path, pod):
    """Nothing is said of it."""
    assert "docker-daemon failed" not in shown(tmp_path, pod)[1]


def test_a_side_container_that_may_be_restarted(tmp_path):
    """The kubelet restarts it within a minute, if it does."""
    pod = a_pair(ended(1))
    assert "container_failed (not a fault yet)" in shown(tmp_path, pod, stamp(CREATED + 90))[1]
