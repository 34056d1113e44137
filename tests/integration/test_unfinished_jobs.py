"""Jobs that are neither active nor finished, as the real Job controller leaves them, up to the delivered message.

No pod (quota, Pod Security), pods that terminate for ever on a lost node, a Job that another controller manages, a
suspended Job.
"""

import pathlib
import time
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from lab.controlplane.plane import ControlPlane
from lab.controlplane.workplace import Workplace
from lab.waiting import until
from tests.integration.samples import read
from tests.integration.watch import Watch, watching

pytestmark = [pytest.mark.needs("prometheus", "alertmanager"), pytest.mark.timeout(180)]

_CONTAINERS = [{"name": "claude-code", "image": "agent:1"}]


class Case(NamedTuple):
    """A Job that the real controllers leave unfinished, and what is to be said of it."""

    name: str
    spec: dict[str, Any]
    pod: dict[str, Any]
    causes: frozenset[str]
    alert: str


CASES = (
    Case("quota", {}, {}, frozenset({"no_pod"}), "AgentJobWithoutPod"),
    Case("pod-security", {}, {}, frozenset({"no_pod"}), "AgentJobWithoutPod"),
    Case(
        "lost-node",
        {"activeDeadlineSeconds": 2},
        {"nodeName": "lost", "terminationGracePeriodSeconds": 3600},
        frozenset({"pods_terminating"}),
        "AgentJobWithoutPod",
    ),
    Case("managed", {"managedBy": "kueue.x-k8s.io/multikueue"}, {}, frozenset({"no_pod"}), "AgentJobWithoutPod"),
    Case("suspended", {"suspend": True}, {}, frozenset(), ""),
)


class Scene(NamedTuple):
    """The cluster with all these Jobs, each in a namespace of its own, and who watches it."""

    plane: ControlPlane
    watch: Watch
    namespaces: dict[str, str]
    begun: float

    def status(self, case: Case) -> dict[str, Any]:
        """The Job's status as the API server has it."""
        path = f"/apis/batch/v1/namespaces/{self.namespaces[case.name]}/jobs/agent"
        _, job = self.plane.request("GET", path)
        found: dict[str, Any] = job.get("status", {})
        return found

    def causes(self, case: Case) -> set[str]:
        """The causes on the exporter's page."""
        return {labels["cause"] for labels in self.series(case, "job_hang_cause")}

    def series(self, case: Case, name: str) -> list[dict[str, str]]:
        """The labels of the series of a metric that are about the case."""
        found = map(dict, read(self.watch.exporter.get().text, target={}))
        wanted = {"__name__": name, "namespace": self.namespaces[case.name]}
        return [labels for labels in found if wanted.items() <= labels.items()]


@pytest.fixture(scope="module")
def scene(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One set-up for all cases: they take their seconds together."""
    mark = uuid.uuid4().hex[:6]
    spaces = {case.name: f"{case.name}-{mark}" for case in CASES}
    begun = time.monotonic()
    for case in CASES:
        _make(Workplace(control_plane, spaces[case.name]).open(), case, control_plane)
    folder = tmp_path_factory.mktemp("unfinished")
    settings = {"namespaces": list(spaces.values()), "thresholds": {"job_max_runtime": "1h"}}
    with watching(folder, kubeconfig=pathlib.Path(control_plane.admin_kubeconfig), settings=settings) as watch:
        yield Scene(control_plane, watch, spaces, begun)


def _make(cluster: Workplace, case: Case, plane: ControlPlane) -> None:
    space = f"/api/v1/namespaces/{cluster.namespace}"
    if case.name == "quota":
        cluster.ask("POST", f"{space}/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}})
        until(
            lambda: "used" in plane.request("GET", f"{space}/resourcequotas/q")[1].get("status", {}),
            what="the quota is in force",
        )
    if case.name == "pod-security":
        labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
        cluster.ask("PATCH", space, labels, content_type="application/merge-patch+json")
    run = cluster.make_run("agent")
    cluster.set_phase("agent", "Running")
    template = {"spec": {"restartPolicy": "Never", "containers": _CONTAINERS} | case.pod}
    spec = {"backoffLimit": 0, "template": template} | case.spec
    cluster.make_job(run, name="agent", made=lambda name, **meta: _job(name, spec, meta))
    until(lambda: plane.request("GET", f"{cluster.jobs}/agent")[0] == 200, what="the Job exists")


def _job(name: str, spec: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name} | meta, "spec": spec}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_unfinished_job_without_an_active_pod_has_its_cause_on_the_page(scene: Scene, case: Case) -> None:
    """The status that the real controller writes has no `active`. Events may add the reason, such as `quota`."""
    until(lambda: _is_as_expected(scene.causes(case), case), what=f"{case.name} has {case.causes}", seconds=60)
    assert not scene.status(case).get("active")
    assert not scene.series(case, "job_finished_timestamp_seconds")


def _is_as_expected(causes: set[str], case: Case) -> bool:
    return causes >= case.causes and bool(causes) == bool(case.causes)


@pytest.mark.parametrize("case", [case for case in CASES if case.alert], ids=lambda case: case.name)
def test_its_alert_is_delivered(scene: Scene, case: Case) -> None:
    """Critical, because no agent Job of that namespace has a pod; the cause is in the summary."""
    told = scene.watch.webhook.next(case.alert, after=scene.begun, namespace=scene.namespaces[case.name], seconds=60)
    assert (told.labels["severity"], told.receiver) == ("critical", "pager")
    assert next(iter(case.causes)) in told.annotations["summary"]


def test_a_suspended_job_is_silent(scene: Scene) -> None:
    """While the others have long been delivered."""
    for case in CASES:
        if case.alert:
            scene.watch.webhook.next(case.alert, namespace=scene.namespaces[case.name], seconds=60)
    assert not [
        each for each in scene.watch.webhook.all() if each.labels.get("namespace") == scene.namespaces["suspended"]
    ]
