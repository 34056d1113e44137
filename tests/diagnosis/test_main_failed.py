"""The main container failed, and another container keeps the Pod running."""

import pytest

from tests.diagnosis.test_causes import OPEN, READ, a_pod, explain_objects
from tests.objects import CREATED, a_job, stamp

SIDE = {"name": "istio-proxy", "state": {"running": {"startedAt": stamp(CREATED)}}}
PROBLEM = "The other container keeps the pod running: end it too, or make it a native sidecar."


def explained(folder, code, reason="Error"):
    """The first finding if the agent has terminated with this exit code."""
    ended = {"terminated": {"exitCode": code, "reason": reason, "finishedAt": stamp(CREATED + 60)}}
    pod = a_pod("Running", containerStatuses=[{"name": "agent", "state": ended}, SIDE])
    pod["spec"]["containers"].append({"name": "istio-proxy"})
    _, (run,) = explain_objects(folder, [OPEN, a_job(), pod, READ], "")
    return run["findings"][0]


@pytest.mark.parametrize(
    ("code", "how", "fix"),
    [
        (1, "1", "The agent failed with exit code 1: correct what its log says."),
        (42, "42", "The agent failed with exit code 42: correct what its log says."),
        (137, "137, SIGKILL", "SIGKILL ended the agent: look for a lack of memory, or a timeout that kills it."),
        (143, "143, SIGTERM", "SIGTERM ended the agent: look for a timeout, or a process in the pod that ends it."),
        (
            132,
            "132, SIGILL",
            "SIGILL: the CPU of the node lacks an instruction that the binary uses. Use another build or node.",
        ),
        (139, "139, SIGSEGV", "SIGSEGV: the process crashed. Use another version of the binary or the image."),
    ],
)
def test_an_exit_code_other_than_zero_is_a_failure_of_the_agent(tmp_path, code, how, fix):
    """The next command shows the log of the agent, and not that of the other container."""
    found = explained(tmp_path, code)
    assert found["cause"] == "main_container_exited"
    assert found["evidence"] == f"container agent failed with exit code {how} (Error); still running: istio-proxy"
    assert found["fix"] == f"{fix} {PROBLEM}"
    assert found["next"] == "kubectl -n n logs p -c agent --timestamps --tail=30"


def test_an_agent_that_has_done_its_work_has_not_failed(tmp_path):
    """Only the other container is at fault."""
    found = explained(tmp_path, 0, "Completed")
    assert found["evidence"] == "container agent ended with exit code 0 (Completed); still running: istio-proxy"
    assert found["fix"] == "Let the other container end with the main one, or make it a native sidecar."
    assert found["next"].endswith("--all-containers --timestamps --tail=30")
