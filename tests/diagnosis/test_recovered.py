"""A container beside the main one that was OOMKilled and has recovered is a remark; other ones are faults."""

import json

import pytest

from tests.commands.in_process import call
from tests.diagnosis.test_causes import NOW, OPEN, READ, a_pod
from tests.objects import a_job, stamp

KILLED = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
MAIN, DAEMON = "agent", "docker-daemon"


def a_container(name, *, state="running", since=7000, killed=False):
    """The status of a container that has been in this state for so long."""
    more = {"lastState": KILLED, "restartCount": 2} if killed else {}
    detail = {"startedAt": stamp(NOW - since), "finishedAt": stamp(NOW - since), "exitCode": 1}
    return {"name": name, "state": {state: detail}} | more


def explained(folder, *containers, native=False):
    """Exit code and findings of a run whose Pod has these containers. `native`: as a restartable init container."""
    main, side = containers
    pod = a_pod("Running", containerStatuses=[main] if native else [main, side])
    if native:
        pod["status"]["initContainerStatuses"] = [side]
        pod["spec"] = {
            "containers": [{"name": MAIN}],
            "initContainers": [{"name": DAEMON, "restartPolicy": "Always"}],
        }
    else:
        pod["spec"] = {"containers": [{"name": MAIN}, {"name": DAEMON}]}
    path = folder / "dump.json"
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [OPEN, a_job(), pod, READ]}))
    code, out, _ = call("explain", "-f", path, "--at", stamp(NOW), "-o", "json")
    (run,) = json.loads(out)["items"]
    return code, [(one["cause"], one["fault"]) for one in run["findings"]]


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize(("since", "cause"), [(2280, "recovered"), (600, "recovered"), (599, "oom_killed")])
def test_a_side_container_that_runs_again_for_long_is_a_remark(tmp_path, since, cause, native):
    """As long as the kubelet keeps its back-off, it may be killed again."""
    is_fault = cause == "oom_killed"
    found = explained(tmp_path, a_container(MAIN), a_container(DAEMON, since=since, killed=True), native=native)
    assert found == (int(is_fault), [(cause, is_fault)])


def test_a_main_container_that_was_killed_stays_a_fault(tmp_path):
    """It has lost its work."""
    found = explained(tmp_path, a_container(MAIN, since=5000, killed=True), a_container(DAEMON))
    assert found == (1, [("oom_killed", True)])


def test_a_side_container_may_be_why_the_main_one_ended(tmp_path):
    """So it stays a fault then."""
    ended = a_container(MAIN, state="terminated")
    code, found = explained(tmp_path, ended, a_container(DAEMON, since=5000, killed=True))
    assert (code, found[0]) == (1, ("oom_killed", True))
