"""Why a Pod does not start, and whether its main container has terminated."""

import pytest

from exporter.cache import Container, Event, Pod
from exporter.diagnosis.pods import ended_main, not_starting

PULL = 'failed to pull image "x": not found'


def a_pod(*containers, phase="Pending", **fields):
    """A Pod with these containers."""
    return Pod(uid="p", namespace="n", name="p", phase=phase, containers=containers, **fields)


def a_container(name="agent", role="main", state="waiting", **fields):
    """A container, by default the main container, which waits."""
    return Container(name=name, role=role, state=state, **fields)


def an_event(reason, note):
    """An Event about the Pod."""
    return Event(
        uid=note,
        namespace="n",
        about="p",
        about_kind="Pod",
        about_name="p",
        reason=reason,
        note=note,
        first=1,
        last=1,
    )


MOUNT = an_event("FailedMount", 'configmap "x" not found')
SCHEDULING = an_event("FailedScheduling", "0/3 nodes are available")


@pytest.mark.parametrize(
    ("pod", "events", "reason_text"),
    [
        (a_pod(a_container(reason="ContainerCreating")), [], ""),
        (a_pod(a_container(reason="ContainerCreating")), [MOUNT], 'FailedMount: configmap "x" not found'),
        (a_pod(a_container(reason="ImagePullBackOff")), [], "container agent: ImagePullBackOff"),
        (
            a_pod(a_container(reason="ImagePullBackOff")),
            [an_event("Failed", "Error: ImagePullBackOff"), an_event("Failed", PULL)],
            f"container agent: ImagePullBackOff: Failed: {PULL}",
        ),
        (a_pod(a_container(reason="ErrImagePull", message=PULL)), [MOUNT], f"container agent: ErrImagePull: {PULL}"),
        (
            a_pod(a_container("clone", "init", reason="CrashLoopBackOff"), a_container(reason="PodInitializing")),
            [],
            "container clone: CrashLoopBackOff",
        ),
        (a_pod(unscheduled="Unschedulable: 0/3 nodes"), [SCHEDULING], "Unschedulable: 0/3 nodes"),
        (a_pod(), [SCHEDULING], "FailedScheduling: 0/3 nodes are available"),
        (a_pod(node="a"), [SCHEDULING], ""),
        (a_pod(node="a"), [SCHEDULING, MOUNT], 'FailedMount: configmap "x" not found'),
        (a_pod(gated=True, unscheduled="SchedulingGated"), [], ""),
        (a_pod(deleted=5.0), [MOUNT], ""),
        (a_pod(a_container(reason="CrashLoopBackOff"), phase="Running"), [MOUNT], ""),
        (a_pod(phase="Failed"), [MOUNT], ""),
    ],
)
def test_the_reason_of_a_pending_pod_is_that_of_its_container_the_scheduler_or_an_event(pod, events, reason_text):
    """Of several Events, it is the newest whose message is more specific than the state of the container."""
    assert not_starting(pod, events) == reason_text


ENDED = {"state": "terminated", "reason": "Completed", "exit_code": 0}
DAEMON = a_container("docker-daemon", "side", "running")


@pytest.mark.parametrize(
    ("pod", "name"),
    [
        (a_pod(a_container(**ENDED), DAEMON, phase="Running"), "agent"),
        (a_pod(a_container(**ENDED), DAEMON, phase="Unknown"), "agent"),
        (a_pod(a_container(state="running"), a_container("side", "side", **ENDED), phase="Running"), None),
        (a_pod(a_container("clone", "init", **ENDED), a_container(), phase="Running"), None),
        (a_pod(a_container("a", since=9.0, **ENDED), a_container("b", since=8.0, **ENDED), phase="Running"), "a"),
        (a_pod(a_container("a", **ENDED), a_container("b", state="running"), phase="Running"), None),
        (a_pod(a_container(**ENDED), DAEMON, phase="Running", deleted=5.0), None),
        (a_pod(a_container(**ENDED), DAEMON, phase="Failed"), None),
        (a_pod(DAEMON, phase="Running"), None),
    ],
)
def test_the_main_container_has_terminated_if_all_main_containers_have(pod, name):
    """This is only determined for a running Pod that is not being deleted."""
    found = ended_main(pod)
    assert (found and found.name) == name
