"""Which finalizer keeps an object whose deletion was requested, and who removes it."""

import json

import pytest

from tests.commands.in_process import call
from tests.diagnosis.test_causes import NOW, READ, RUNNING, a_pod, without_pod
from tests.objects import CREATED, a_job, a_run, stamp

OWN, TRACKING, FOREGROUND = (
    "coderuns.orchestrator.io/finalizer",
    "batch.kubernetes.io/job-tracking",
    "foregroundDeletion",
)
CLUSTER, CONTROLLER = "who runs the cluster", "who runs the platform's controller"
ENDED = {"name": "agent", "state": {"terminated": {"exitCode": 137, "finishedAt": stamp(CREATED + 90)}}}


def deleted(item, *finalizers):
    """The object, whose deletion was requested a minute after its creation."""
    return item | {
        "metadata": item["metadata"] | {"deletionTimestamp": stamp(CREATED + 60), "finalizers": finalizers}
    }


def found(folder, *objects):
    """The findings of a dump."""
    path = folder / "dump.json"
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [*objects, READ]}))
    out = call("explain", "-f", path, "--at", stamp(NOW), "-o", "json")[1]
    return json.loads(out)["items"][0]["findings"]


@pytest.mark.parametrize(
    ("finalizers", "evidence", "act"),
    [
        ([OWN], f"finalizer {OWN} keeps CodeRun r, whose deletion was requested", CONTROLLER),
        (
            [OWN, FOREGROUND],
            f"finalizers {OWN}, {FOREGROUND} keep CodeRun r, whose deletion was requested",
            CONTROLLER,
        ),
        (
            [FOREGROUND],
            (
                f"finalizer {FOREGROUND} keeps CodeRun r, whose deletion was requested: the garbage collector"
                " removes it once the objects that it owns are gone"
            ),
            CLUSTER,
        ),
        ([], "a finalizer keeps CodeRun r, whose deletion was requested", CONTROLLER),
        (["{{ .x }}"], "a finalizer keeps CodeRun r, whose deletion was requested", CONTROLLER),
    ],
)
def test_the_evidence_names_the_finalizer(tmp_path, finalizers, evidence, act):
    """Who must act depends on it. Hostile text is left out."""
    first, *_ = found(tmp_path, deleted(a_run(status=RUNNING), *finalizers))
    assert (first["cause"], first["evidence"], first["act"]) == ("finalizer_stuck", evidence, act)


def test_of_a_chain_the_object_that_waits_for_no_other_comes_first(tmp_path):
    """The run waits for its Job, and the Job for its pod."""
    pod = deleted(a_pod("Running", containerStatuses=[ENDED]), TRACKING)
    job = deleted(without_pod(), FOREGROUND)
    every = found(tmp_path, deleted(a_run(status=RUNNING), FOREGROUND), job, pod)
    stuck = [one for one in every if one["cause"] == "finalizer_stuck"]
    assert stuck[0] == every[0]
    assert stuck[0]["evidence"] == (
        f"finalizer {TRACKING} keeps pod p, whose containers have all ended:"
        " the Job controller of Kubernetes removes it"
    )
    assert [one["act"] for one in stuck] == [CLUSTER] * 3
    assert "get pod p" in stuck[0]["next"]
    assert "no_pod" not in {one["cause"] for one in every}


def test_a_pod_without_a_finalizer_waits_for_its_kubelet(tmp_path):
    """Which has not confirmed the end."""
    first, *_ = found(
        tmp_path, a_run(status=RUNNING), without_pod(), deleted(a_pod("Running", containerStatuses=[ENDED]))
    )
    assert first["evidence"] == "all containers of pod p have ended, and the pod still exists"
    assert first["act"] == CLUSTER


@pytest.mark.parametrize("ended", ["Complete", "Failed"])
@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_job_that_is_over_may_be_kept_by_its_pod(tmp_path, ended, phase):
    """Although it is the current worker of its run no more, and pods that succeeded are not read otherwise."""
    pod = deleted(a_pod(phase, containerStatuses=[ENDED]), TRACKING)
    job = deleted(a_job(ended=ended), FOREGROUND)
    first, *others = found(tmp_path, deleted(a_run(status=RUNNING), FOREGROUND), job, pod)
    assert first["evidence"].startswith(f"finalizer {TRACKING} keeps pod p, whose containers have all ended: ")
    assert [one["cause"] for one in others if one["cause"] == "finalizer_stuck"] == ["finalizer_stuck"] * 2


def test_a_pod_that_succeeded_and_that_no_finalizer_keeps_is_not_read(tmp_path):
    """No request for it is sent to the API server."""
    pod = deleted(a_pod("Succeeded", containerStatuses=[ENDED]))
    every = found(tmp_path, a_run(status=RUNNING), deleted(a_job(ended="Complete"), FOREGROUND), pod)
    assert "pod p" not in json.dumps(every)
