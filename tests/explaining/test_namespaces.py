"""A finalizer in a namespace that is being deleted: no controller can be created there."""

import pytest

from tests.diagnosis.test_causes import READ, RUNNING
from tests.diagnosis.test_finalizers import OWN, deleted
from tests.explaining.test_dump_findings import LATER, explain
from tests.explaining.test_other_pods import another
from tests.explaining.test_related import a_workload
from tests.objects import CREATED, a_run, stamp

HEALTHY = another("mailer-1", state={"running": {"startedAt": stamp(CREATED)}}, restarts=0)
ELSEWHERE = another("mailer-1", namespace="o", state={"running": {"startedAt": stamp(CREATED)}}, restarts=0)


def namespace(name="n", **meta):
    """A Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "uid": name, **meta}}


ENDING = namespace(deletionTimestamp=stamp(CREATED + 60))


def shown(folder, *objects, finalizer=OWN):
    """What `explain` shows for the deleted run."""
    return explain(folder, [deleted(a_run(status=RUNNING), finalizer), *objects, READ], "r", "--at", LATER)[1]


def test_no_controller_is_left(tmp_path):
    """Repairing it there is not possible."""
    out = shown(tmp_path, ENDING, ELSEWHERE)
    assert f"; namespace n is being deleted since {stamp(CREATED + 60)}, and waits for this; no controller is" in out
    assert "Fix:       Let a controller of another namespace process this one;" in out
    assert "Next:      kubectl get namespace n -o yaml\n" in out
    assert "job_missing" not in out


@pytest.mark.parametrize("other", [HEALTHY, a_workload("mailer", replicas=1)])
def test_one_may_be_left(tmp_path, other):
    """It may be the controller."""
    out = shown(tmp_path, ENDING, ELSEWHERE, other)
    assert "; namespace n is being deleted since" in out
    assert "Fix:       Repair the controller" in out


@pytest.mark.parametrize("given", [namespace(), namespace("o", deletionTimestamp=stamp(CREATED))])
def test_the_namespace_stays(tmp_path, given):
    """Then its controller can be repaired."""
    out = shown(tmp_path, given, ELSEWHERE)
    assert "is being deleted since" not in out
    assert "Fix:       Repair the controller" in out


def test_the_remover_is_elsewhere(tmp_path):
    """Kueue and kube-controller-manager are in other namespaces anyway."""
    out = shown(tmp_path, ENDING, ELSEWHERE, finalizer="kueue.x-k8s.io/managed")
    assert "; namespace n is being deleted since" in out
    assert "Let a controller of another namespace" not in out
