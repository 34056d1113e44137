"""An agent that fails each time, seen while it is running again."""

import pytest

from exporter.cache import Container
from exporter.diagnosis.explaining import explanation_of
from tests.diagnosis.test_causes import NOW, OPEN, a_pod, an_event, explain_objects
from tests.diagnosis.test_many_pods import a_harness, a_pod as a_pod_record
from tests.objects import CREATED, a_job, stamp

PROBE = an_event(reason="Unhealthy", note="Liveness probe failed: HTTP probe failed with statuscode: 500") | {
    "lastTimestamp": stamp(NOW - 60)
}
READ = an_event(uid="unrelated")


def causes(folder, *, restarts=3, code=1, age=60, job=None, event=READ, reason="Error"):
    """Cause and evidence of the findings, with the agent running for `age` seconds after its last restart."""
    last = {"terminated": {"exitCode": code, "reason": reason, "finishedAt": stamp(NOW - age - 1)}}
    agent = {"name": "agent", "state": {"running": {"startedAt": stamp(NOW - age)}}}
    agent |= {"restartCount": restarts, "lastState": last}
    pod = a_pod("Running", startTime=stamp(CREATED + 12), containerStatuses=[agent])
    _, (run,) = explain_objects(folder, [OPEN, job or a_job(), pod, event], "")
    return [(one["cause"], one["evidence"]) for one in run["findings"]]


def test_it_is_a_crash_loop_also_while_it_runs(tmp_path):
    """The state is CrashLoopBackOff only between two attempts. A failed liveness probe is its reason."""
    text = "container agent has restarted 3 times; last: Error, exit code 1"
    assert causes(tmp_path) == [("crash_loop", text)]
    text = "container agent has restarted 12 times; last: Error, exit code 137; Unhealthy: Liveness probe failed: "
    text += "statuscode: 500"
    assert causes(tmp_path, restarts=12, code=137, event=PROBE) == [("crash_loop", text)]


@pytest.mark.parametrize("fields", [{"age": 600}, {"restarts": 2}, {"code": 0}, {"job": a_job(ended="Failed")}])
def test_an_agent_that_works_again_is_in_no_crash_loop(tmp_path, fields):
    """It has run for ten minutes, was restarted now and then, or did not fail."""
    assert "crash_loop" not in dict(causes(tmp_path, **fields))


def test_an_agent_that_ran_out_of_memory_has_that_cause(tmp_path):
    """There is one finding for it."""
    assert [one for one, _ in causes(tmp_path, reason="OOMKilled", code=137)] == ["oom_killed"]


def test_a_worker_with_many_pods_has_few_findings():
    """The last one has the number of the others."""
    last = {"restarts": 5, "last_reason": "Error", "last_exit_code": 1}
    fails = [Container(name=f"c{at}", role="main", state="running", since=CREATED + 7000, **last) for at in range(9)]
    harness = a_harness(*(a_pod_record(at, one, phase="Running") for at, one in enumerate(fails)))
    harness.cache.advance(CREATED + 7200)
    run = explanation_of(next(iter(harness.cache.runs)), harness.cache)
    found = [one.evidence for one in run.findings if one.cause == "crash_loop"]
    assert len(found) == 3
    assert found[-1].endswith("; and 6 more pods")
