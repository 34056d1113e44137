"""A Job with many Pods or containers has few findings and series, and changes of its Pods are cheap."""

import collections

import pytest

from exporter.cache import Container, Event, Pod
from exporter.cache.pods import Pods
from exporter.diagnosis import findings, hang_causes
from exporter.diagnosis.finding import Finding, distinct
from exporter.pod_sink import PodSink
from exporter.resources import pod_families
from tests.harness import StoreHarness, samples
from tests.objects import CREATED, a_job, a_run

JOB = a_job()
UID = JOB["metadata"]["uid"]


def a_pod(number, *containers, **fields):
    """A pending Pod of the Job."""
    return Pod(
        **{"uid": f"p{number:04}", "namespace": "n", "name": f"p{number:04}", "owner": UID, "phase": "Pending"}
        | {"node": f"node{number}", "created": CREATED + number, "containers": containers}
        | fields
    )


def waiting(name="agent", reason="ImagePullBackOff", message=""):
    """A container that is waiting."""
    return Container(name=name, role="main", state="waiting", reason=reason, message=message)


def a_harness(*pods):
    """A store with the Job and these Pods."""
    harness = StoreHarness(a_run(status={"phase": "Running"}), JOB)
    for pod in pods:
        harness.store.put_pod("*", pod.uid, pod)
    return harness


def the_job(harness):
    """The record of the Job."""
    return next(iter(harness.cache.jobs))


@pytest.mark.parametrize(
    "pods",
    [
        [a_pod(at, waiting(reason="CreateContainerError", message=f"name p{at} is reserved")) for at in range(100)],
        [a_pod(at, unscheduled=f"Unschedulable: 0/{at} nodes", node="") for at in range(100)],
        [a_pod(0, *(waiting(f"c{at}") for at in range(50)))],
        [a_pod(at, waiting(f"c{at}"), phase="Failed", reason="Evicted", message=str(at)) for at in range(100)],
        [a_pod(at, phase="Unknown") for at in range(100)],
    ],
    ids=["each with its own message", "unscheduled", "containers", "evicted", "lost"],
)
@pytest.mark.parametrize("job", [JOB, a_job(ended="Failed")], ids=["unfinished", "failed"])
def test_many_pods_and_containers_have_few_findings_and_series(pods, job):
    """There are at most 3 findings of each cause; of pods that have all ended, only the newest one counts."""
    harness = a_harness(*pods)
    harness.put(job)
    found = collections.Counter(one.cause for one in findings(the_job(harness), harness.cache))
    assert max(found.values()) == (1 if all(pod.is_over for pod in pods) else 3)
    assert len(hang_causes(the_job(harness), harness.cache)) <= 10
    assert len([*pod_families.waiting(the_job(harness), harness.cache)]) <= 10


def test_a_different_cause_is_found_among_many_pods():
    """The position of that Pod does not matter."""
    lost = a_pod(50, phase="Unknown")
    harness = a_harness(*(a_pod(at, waiting(f"c{at}")) for at in range(100)), lost)
    found = [one.cause for one in findings(the_job(harness), harness.cache)]
    assert found == ["node_lost", *["image_pull"] * 3, *["pod_not_starting"] * 3]


def test_duplicate_findings_are_removed_in_linear_time():
    """The first of equal findings remains, which is the oldest."""
    many = [Finding(cause="evicted", evidence=str(at % 20_000), since=at) for at in range(40_000)]
    assert [one.since for one in distinct(many)] == [*range(20_000)]


def test_a_change_of_one_of_many_pods_does_not_read_the_others(monkeypatch):
    """Rendering reads them, at most once a second. The metrics are still correct."""
    harness = a_harness(*(a_pod(at, waiting()) for at in range(30)))
    harness.text()
    reads = []
    monkeypatch.setattr(harness.cache, "pods_of", reads.append)
    for at in range(20):
        harness.store.put_pod("*", f"p{at:04}", a_pod(at, phase="Running"))
    harness.store.put_pod("*", "p0029", None)
    assert reads == []
    monkeypatch.undo()
    text = harness.text()
    assert samples(text, "job_pods")[:2] == [
        'job_pods{namespace="n",job_name="j",state="running"} 20',
        'job_pods{namespace="n",job_name="j",state="pending"} 9',
    ]
    assert [line.split('"')[5] for line in samples(text, "agent_pod_waiting")] == [
        f"p{at:04}" for at in range(20, 29)
    ]


async def test_listing_pods_yields_to_other_tasks(monkeypatch):
    """It yields after a fixed time, however long each Pod takes."""
    harness, turns, now = a_harness(), [], [0.0]
    monkeypatch.setattr("exporter.pod_sink.time.monotonic", lambda: now[0])

    async def turn(_):
        turns.append(now[0])

    def put(*_):
        now[0] += 0.004

    monkeypatch.setattr("exporter.pod_sink.asyncio.sleep", turn)
    monkeypatch.setattr(harness.store, "put_pod", put)
    sink = PodSink(partition="*", store=harness.store, status=None)
    await sink.replace({f"p{at}": a_pod(at) for at in range(9)})
    assert len(turns) == 3


def test_the_pods_that_use_volumes_are_looked_up_in_one_pass(monkeypatch):
    """Many pods may wait for volumes that others use: all cached Pods are not read again for each of them."""
    passes = []
    read = Pods.__iter__
    monkeypatch.setattr(Pods, "__iter__", lambda pods: passes.append(1) or read(pods))
    harness = a_harness(*(a_pod(at, waiting(reason="ContainerCreating")) for at in range(20)))
    for at in range(20):
        event = {"uid": f"e{at}", "namespace": "n", "about": f"p{at:04}", "about_kind": "Pod", "about_name": "p"}
        event |= {"reason": "FailedAttachVolume", "note": f"Multi-Attach error: used by pod(s) p{at + 1:04}"}
        harness.cache.events.add(Event(**event, first=CREATED + 30, last=CREATED + 99))
    found = hang_causes(the_job(harness), harness.cache)
    assert "volume_waiting" in dict(found)
    assert len(passes) <= 1
