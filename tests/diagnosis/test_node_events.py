"""The kernel killed a process of the node at the time at which a container ended."""

import pytest

from tests.diagnosis.test_causes import a_killed_pod
from tests.diagnosis.test_kills import END, a_looping_pod, first
from tests.objects import CREATED, stamp

KILLED = "Memory cgroup out of memory: Killed process 48213 (node) total-vm:73254108kB, anon-rss:6198720kB"
SHOWN = "; on its node at that time: OOMKilling: Memory cgroup out of memory: Killed process 48213 (node)"


def oom(at, *, node="w", reason="OOMKilling", kind="Node"):
    """The Event about a node at this time."""
    about = {"kind": kind, "name": node, "uid": node}
    meta = {"name": f"{node}.1", "namespace": "default", "uid": f"event-{at}"}
    times = {"firstTimestamp": stamp(at), "lastTimestamp": stamp(at)}
    event = {"apiVersion": "v1", "kind": "Event", "metadata": meta, "type": "Warning", "reason": reason}
    return event | {"message": KILLED, "involvedObject": about} | times


def on_node(pod):
    """The Pod, on its node."""
    return pod | {"spec": pod["spec"] | {"nodeName": "w"}}


@pytest.mark.parametrize("pod", [a_killed_pod(at=CREATED + 60), a_looping_pod(finishedAt=stamp(CREATED + 60))])
def test_an_event_of_that_time_is_evidence(tmp_path, pod):
    """The process may be of another container, so it is no proof and not the cause."""
    cause, evidence = first(tmp_path, on_node(pod), oom(CREATED + 55))
    assert cause in {"container_failed", "crash_loop"}
    assert SHOWN in evidence


@pytest.mark.parametrize(
    ("code", "event"),
    [
        (137, oom(CREATED + 49)),
        (137, oom(CREATED + 71)),
        (137, oom(CREATED + 60, node="other")),
        (137, oom(CREATED + 60, reason="Rebooted")),
        (1, oom(CREATED + 60)),
    ],
)
def test_other_events_are_not(tmp_path, code, event):
    """They are of another time, another node, or say something else."""
    _, evidence = first(tmp_path, on_node(a_killed_pod(code, at=CREATED + 60)), event)
    assert evidence == END.replace("137", str(code))


def test_many_events_of_a_node_do_not_displace_it(tmp_path):
    """A node that lacks memory has hundreds of them."""
    events = [oom(CREATED + 60 + 60 * minute) for minute in range(60)]
    assert SHOWN in first(tmp_path, on_node(a_killed_pod(at=CREATED + 60)), *events)[1]
