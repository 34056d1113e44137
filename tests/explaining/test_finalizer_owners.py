"""Of objects that finalizers keep, the innermost comes first, and the failing owner of its finalizer is named."""

import pytest

from tests.diagnosis.test_causes import READ, RUNNING, a_pod, without_pod
from tests.diagnosis.test_finalizers import ENDED, FOREGROUND, OWN, deleted, found
from tests.explaining.test_dump_findings import LATER, explain
from tests.explaining.test_other_pods import another
from tests.explaining.test_related import a_workload
from tests.objects import a_run

KUEUE = "kueue.x-k8s.io/managed"
FAILING = another("kueue-controller-manager-1", namespace="kueue-system")


def kept(pod_finalizer=KUEUE, job_finalizer=FOREGROUND):
    """A run, its Job and its Pod, all deleted."""
    pod = deleted(a_pod("Succeeded", containerStatuses=[ENDED]), pod_finalizer)
    return deleted(a_run(status=RUNNING), OWN), deleted(without_pod(), job_finalizer), pod


@pytest.mark.parametrize("job_finalizer", [FOREGROUND, "batch.kubernetes.io/job-tracking", "example.com/x"])
def test_the_innermost_comes_first(tmp_path, job_finalizer):
    """The others wait for it."""
    kinds = [
        one["evidence"] for one in found(tmp_path, *kept(job_finalizer=job_finalizer)) if "finalizer" in one["cause"]
    ]
    assert [words.partition(" keeps ")[2].split()[0] for words in kinds] == ["pod", "Job", "CodeRun"]


def first(folder, *objects):
    """The evidence, the next command and the fix of the cause."""
    out = explain(folder, [*kept(), *objects, READ], "r", "--at", LATER)[1].partition("Also:")[0]
    return [line.partition(":")[2].strip() for line in out.splitlines() if line.startswith(("  Ev", "  Ne", "  Fi"))]


@pytest.mark.parametrize(
    ("owner", "words", "command"),
    [
        (
            FAILING,
            "pod kueue-system/kueue-controller-manager-1 fails",
            "kueue-system describe pod kueue-controller-m",
        ),
        (
            a_workload("kueue-controller-manager", namespace="kueue-system"),
            "Deployment kueue-system/kueue-controller-manager is scaled to 0 replicas",
            "kueue-system describe deployment kueue-controller-manager",
        ),
    ],
)
def test_the_failing_owner_of_the_finalizer(tmp_path, owner, words, command):
    """Its name is in the domain of the finalizer. No finalizer is removed by hand."""
    evidence, following, fix = first(tmp_path, owner)
    assert f"; {words}" in evidence
    assert command in following
    assert fix.startswith("Repair the controller that removes the finalizer.")


@pytest.mark.parametrize("name", ["mailer-1", "controller-1", "batch-operator-1"])
def test_another_failing_pod(tmp_path, name):
    """Its name says nothing about the finalizer."""
    assert "fails" not in first(tmp_path, another(name, namespace="o"))[0]
    pods = another("kubernetes-batch-1", namespace="o")
    objects = [*kept(pod_finalizer="batch.kubernetes.io/job-tracking"), pods, READ]
    assert "; pod" not in explain(tmp_path, objects, "r", "--at", LATER)[1]


def test_the_controller_of_the_platform(tmp_path):
    """The domain of its finalizer has its name."""
    run = deleted(a_run(status=RUNNING), OWN)
    pod = another("orchestrator-7d9c8", namespace="o")
    assert "; pod o/orchestrator-7d9c8 fails" in explain(tmp_path, [run, pod, READ], "r", "--at", LATER)[1]


@pytest.mark.parametrize(
    ("finalizer", "named"), [("coderuns.example.com/finalizer", True), ("backup.example.com/hold", False)]
)
def test_the_own_finalizer_of_a_run_names_its_controller(tmp_path, finalizer, named):
    """Another finalizer may belong to another program."""
    run = deleted(a_run(status=RUNNING), finalizer)
    for objects in ([a_workload()], [another("task-controller-7d9c8")]):
        out = explain(tmp_path, [run, *objects, READ], "r", "--at", LATER)[1].partition("Also:")[0]
        assert "Cause:       finalizer_stuck\n" in out
        assert ("task-controller" in out.partition("Chain:")[0]) is named
