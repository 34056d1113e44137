"""A container that the kubelet ended has the reason of the kubelet as its cause, and not only an exit code."""

import json

import pytest

from tests.commands.in_process import call
from tests.diagnosis.test_causes import FAILED, NOW, OPEN, PROBE, a_killed_pod, a_pod, an_event
from tests.diagnosis.test_gone import about
from tests.diagnosis.test_progress import OTHER_EVENT
from tests.objects import CREATED, a_job, a_run, stamp

HOOK = an_event(reason="FailedPostStartHook", note="PostStartHook failed")
KILLING = an_event(reason="Killing", note="Container agent failed liveness probe, will be restarted") | {
    "type": "Normal",
    "metadata": {"name": "k", "namespace": "n", "uid": "k"},
}
END = "container agent ended with exit code 137 (Error)"


def explained(folder, *objects):
    """The explanation of the run."""
    path = folder / "dump.json"
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [*objects, OTHER_EVENT]}))
    out = call("explain", "--all", "-f", path, "--at", stamp(NOW), "-o", "json")[1]
    return json.loads(out)["items"][0]


def first(folder, *objects):
    """The first cause and its evidence."""
    finding = explained(folder, OPEN, FAILED, *objects)["findings"][0]
    return finding["cause"], finding["evidence"]


def a_looping_pod(**last):
    """The Pod, whose container ended ten seconds after the last Event and waits for its next start."""
    ended = {"terminated": {"exitCode": 137, "reason": "Error", "finishedAt": stamp(CREATED + 40)} | last}
    state = {"waiting": {"reason": "CrashLoopBackOff"}}
    loop = {"name": "agent", "state": state, "lastState": ended, "restartCount": 5}
    return a_pod("Running", containerStatuses=[loop])


def of_container(event, name):
    """The Event, about this container of the Pod."""
    field = {"fieldPath": f"spec.containers{{{name}}}"}
    return event | {"involvedObject": event["involvedObject"] | field}


@pytest.mark.parametrize(
    ("events", "cause", "text"),
    [
        ([PROBE], "probe_failed", "Unhealthy: Liveness probe failed: timeout"),
        ([PROBE, KILLING], "probe_failed", "Unhealthy: Liveness probe failed: timeout"),
        ([KILLING], "probe_failed", f"Killing: {KILLING['message']}"),
        ([HOOK], "hook_failed", "FailedPostStartHook: PostStartHook failed"),
        ([of_container(PROBE, "agent")], "probe_failed", "Unhealthy: Liveness probe failed: timeout"),
    ],
)
def test_the_kubelet_says_why_it_ended_a_container(tmp_path, events, cause, text):
    """`Killing` has the type Normal, so only a dump has it; the failed probes are Warnings."""
    assert first(tmp_path, a_killed_pod(), *events) == (cause, f"{END}: {text}")


@pytest.mark.parametrize(
    ("pod", "event"),
    [
        (a_killed_pod(), of_container(PROBE, "docker")),
        (a_killed_pod(), PROBE | {"message": "Readiness probe failed: 503"}),
        (a_killed_pod(at=CREATED + 151), PROBE),
        (a_killed_pod(at=CREATED + 24), PROBE),
        (a_killed_pod(at=CREATED + 631), KILLING),
        (a_killed_pod(), KILLING | {"message": "Stopping container agent"}),
        (a_killed_pod(), KILLING | {"message": "Container other failed liveness probe"}),
        (a_killed_pod(code=1), PROBE),
    ],
)
def test_other_events_say_nothing_about_the_end(tmp_path, pod, event):
    """About another container or probe, or at another time. A process with exit code 1 has ended by itself."""
    assert first(tmp_path, pod, event)[0] == "container_failed"


def test_a_process_that_ends_in_its_grace_period_was_ended_too(tmp_path):
    """Then it has its own exit code, and only `Killing` shows the reason."""
    assert first(tmp_path, a_killed_pod(code=1), KILLING)[0] == "probe_failed"
    assert first(tmp_path, a_killed_pod(reason="OOMKilled"), PROBE)[0] == "oom_killed"


def test_a_failed_prestop_hook_is_in_the_evidence(tmp_path):
    """It is no cause: the kubelet runs it because it ends the container."""
    hook = an_event(reason="FailedPreStopHook", note="PreStopHook failed")
    assert first(tmp_path, a_killed_pod(), hook) == (
        "container_failed",
        f"{END}; FailedPreStopHook: PreStopHook failed",
    )
    assert first(tmp_path, a_killed_pod(at=CREATED + 900), hook) == ("container_failed", END)


def test_a_container_that_is_restarted_again_and_again_has_the_probe_as_its_cause(tmp_path):
    """The back-off is an effect."""
    pod = a_looping_pod()
    found = explained(tmp_path, OPEN, a_job(), pod, PROBE)["findings"]
    text = "container agent: CrashLoopBackOff; last: Error, exit code 137"
    assert found[0]["evidence"] == f"{text}: Unhealthy: Liveness probe failed: timeout"
    assert found[0]["cause"] == "probe_failed"
    assert explained(tmp_path, OPEN, a_job(), pod)["findings"][0]["cause"] == "crash_loop"


@pytest.mark.parametrize("event", [PROBE, KILLING, HOOK])
@pytest.mark.parametrize("end", [stamp(CREATED + 7200), None])
def test_an_old_event_does_not_explain_a_new_crash(tmp_path, event, end):
    """An Event is kept for an hour or longer. Without the time of the last end, none can be its reason."""
    found = explained(tmp_path, OPEN, a_job(), a_looping_pod(finishedAt=end), event)["findings"]
    assert found[0]["cause"] == "crash_loop"


@pytest.mark.parametrize(
    ("note", "text"),
    [
        ("Liveness probe failed: tokens used: 1234", "Liveness probe failed"),
        ("Startup probe errored and resulted in unknown state: rpc error", "Startup probe errored"),
        ("Liveness probe failed: HTTP probe failed with statuscode: 503", "Liveness probe failed: statuscode: 503"),
        ("Liveness probe failed: saw statuscode: 503 in 12 s", "Liveness probe failed"),
        (
            'Liveness probe failed: Get "http://10.1.2.3:80/": context deadline exceeded',
            "Liveness probe failed: timeout",
        ),
        (
            "Liveness probe failed: dial tcp 10.1.2.3:80: connect: connection refused",
            "Liveness probe failed: port 80: connection refused",
        ),
    ],
)
def test_the_output_of_a_probe_is_not_in_the_evidence(tmp_path, note, text):
    """It is the output of a program for an exec probe: it may be anything, and each one would be a new series."""
    assert first(tmp_path, a_killed_pod(), PROBE | {"message": note})[1] == f"{END}: Unhealthy: {text}"


def test_the_output_of_a_hook_is_not_in_the_evidence(tmp_path):
    """Older kubelets write it into the note."""
    text = 'Exec lifecycle hook ([/a]) for Container "agent" failed - error: command exited with 1: '
    note = f'{text}, message: "tokens used: 1234"'
    cause, evidence = first(tmp_path, a_killed_pod(), HOOK | {"message": note})
    assert (cause, "exited with 1" in evidence, "tokens" in evidence) == ("hook_failed", True, False)


def test_a_main_container_that_was_ended_beside_a_running_one(tmp_path):
    """The cause is the probe; that the pod still runs is an effect."""
    docker = {"name": "docker", "state": {"running": {"startedAt": stamp(CREATED)}}}
    pod = a_killed_pod(137, "Error", CREATED + 60, "Running", docker)
    spec = {"containers": [{"name": "agent"}, {"name": "docker"}]}
    found = explained(tmp_path, OPEN, a_job(), pod | {"spec": spec}, PROBE)["findings"]
    assert [one["cause"] for one in found] == ["probe_failed", "main_container_exited"]


@pytest.mark.parametrize(
    ("event", "cause"),
    [
        (about("j-x7k2p", "Killing", "Container agent failed startup probe", type="Normal"), "probe_failed"),
        (about("j-x7k2p", "FailedPostStartHook", "PostStartHook failed"), "hook_failed"),
    ],
)
def test_the_pod_may_be_gone(tmp_path, event, cause):
    """Its Events are not."""
    run = a_run(status={"phase": "Failed", "finishedAt": stamp(CREATED + 310)})
    assert explained(tmp_path, run, FAILED, event)["findings"][0]["cause"] == cause


def test_a_container_that_the_kubelet_lost_has_no_exit_code(tmp_path):
    """137 is a placeholder of the kubelet. The failure of another container explains more."""
    pod = a_killed_pod(reason="ContainerStatusUnknown")
    pod["spec"]["nodeName"] = "a"
    run = explained(tmp_path, OPEN, FAILED, pod, PROBE)
    found = run["findings"][0]
    text = "the kubelet lost container agent: how it ended is unknown (ContainerStatusUnknown)"
    assert (found["cause"], found["evidence"]) == ("container_lost", text)
    assert found["next"] == "kubectl describe nodes a"
    assert run["workers"][0]["pods"][0]["containers"][0].get("exit_code") is None
    failed = {"name": "docker", "state": {"terminated": {"exitCode": 2, "finishedAt": stamp(CREATED)}}}
    both = a_killed_pod(137, "ContainerStatusUnknown", CREATED + 60, "Failed", failed)
    both["spec"]["containers"].append({"name": "docker"})
    assert first(tmp_path, both)[0] == "container_failed"
