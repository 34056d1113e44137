"""Both incidents on a real cluster: real Jobs, pods, owners and collection, to the message that a person gets.

The demo's platform makes and breaks, the Job controller and the garbage collector do what they do; kwok plays the
pods. The exporter has no more than the permissions that `coderun-exporter rbac` prints.
"""

import json
import logging
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from lab.controlplane.account import ServiceAccount
from lab.controlplane.live import LivePlatform
from lab.controlplane.plane import ControlPlane
from lab.controlplane.workplace import Workplace
from lab.monitoring.webhook import Notification
from lab.platform.controller import JOBS, PODS, RUNS
from lab.platform.manifests import NAMESPACE, Order, configmap_name
from lab.waiting import until
from tests.integration.watch import Watch, watching

pytestmark = [pytest.mark.needs("prometheus", "alertmanager"), pytest.mark.timeout(180)]

_log = logging.getLogger(__name__)

CLAUDE = configmap_name("claude")
SETTINGS = {"namespaces": [NAMESPACE], "thresholds": {"job_creation_deadline": "4s", "job_max_runtime": "8s"}}


class World(NamedTuple):
    """The platform, who watches it, and the cluster by hand."""

    platform: LivePlatform
    watch: Watch
    cluster: Workplace

    def items(self, path: str) -> dict[str, dict[str, Any]]:
        """The objects of a collection, by name."""
        return {item["metadata"]["name"]: item for item in self.cluster.ask("GET", path)["items"]}

    def told(self, alertname: str, since: float, *, status: str = "firing", **labels: str) -> Notification:
        """The alert's first delivery after `since` (monotonic); the log has how long that took."""
        told = self.watch.webhook.next(alertname, status=status, after=since, **labels)
        _log.info("%s %s after %.1f s: %s", alertname, status, told.at - since, told.annotations["summary"])
        return told

    def state_of(self, alertname: str, **labels: str) -> str:
        """What Alertmanager makes of an alert."""
        return self.watch.alertmanager.state_of(alertname, **labels)


@pytest.fixture(scope="module")
def world(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One platform for all tests of this file."""
    folder = tmp_path_factory.mktemp("incidents")
    settings = folder / "exporter.yml"
    settings.write_text(json.dumps(SETTINGS))
    with LivePlatform(control_plane) as platform:
        cluster = Workplace(control_plane, NAMESPACE)
        account = ServiceAccount(control_plane, cluster, settings=settings)
        account.grant()
        kubeconfig = account.kubeconfig(folder, token=account.token("exporter").text)
        with watching(folder, kubeconfig=kubeconfig, settings=SETTINGS) as watch:
            yield World(platform, watch, cluster)


def test_incident_1_runs_get_no_job_because_a_configmap_is_broken(world: World):
    """The cause is told before any run has come to harm, the runs name it, and all is well once it is mended."""
    begun = time.monotonic()
    world.platform.do(lambda platform: platform.lose_templates("claude"))
    orders = [Order(task=task, agent="Rex", work=1) for task in (1, 6)]
    world.platform.do(lambda platform: platform.order(orders))
    told = world.told("RequiredConfigMapUnhealthy", begun, configmap=CLAUDE)
    assert (
        told.annotations["summary"]
        == f"ConfigMap {NAMESPACE}/{CLAUDE} in cluster loopback is required and unhealthy: empty"
    )
    assert told.receiver == "pager"

    for order in orders:  # each fires, and is silent beside its cause
        until(
            lambda name=order.name: world.state_of("CodeRunJobCreationStalled", coderun=name) == "suppressed",
            what=f"{order.name} is told, and silent beside its cause",
        )
    _log.info("CodeRunJobCreationStalled for both after %.1f s", time.monotonic() - begun)
    assert not world.items(JOBS)
    assert all("status" not in run for run in world.items(RUNS).values())

    mended = time.monotonic()
    world.platform.do(lambda platform: platform.restore_templates("claude"))
    world.told("RequiredConfigMapUnhealthy", mended, status="resolved", configmap=CLAUDE)
    until(lambda: _phases(world) == {order.name: "Succeeded" for order in orders}, what="both succeed")
    until(lambda: len(_complete(world)) == 2, what="their Jobs are complete")


def test_incident_2_jobs_hang_after_their_work_is_done(world: World):
    """Three Jobs whose pods stay: each is alerted beyond its limit, and nothing in the status says why."""
    begun = time.monotonic()
    orders = [Order(task=task, agent="Tess", cli="factory", work=1, exits=("never",)) for task in (3, 4, 7)]
    world.platform.do(lambda platform: platform.order(orders))
    until(lambda: len(_jobs_of(world, orders)) == 3, what="their Jobs are made")
    names = _jobs_of(world, orders)
    for name in names:
        told = world.told("AgentJobHanging", begun, job_name=name)
        assert (told.receiver, told.labels["severity"]) == ("pager", "critical")  # the settings name the limit
        assert f"{NAMESPACE}/{name}" in told.annotations["summary"]
        assert "cause unknown" in told.annotations["summary"]
    assert {item["status"]["active"] for item in _jobs_of(world, orders).values()} == {1}
    runs = [world.items(RUNS)[order.name]["status"] for order in orders]
    assert {(run["phase"], run.get("workCompleted", False)) for run in runs} == {("Running", False)}
    pods = [pod for order in orders for pod in _pods_of(world, order)]
    assert [pod["status"]["phase"] for pod in pods] == ["Running"] * 3

    mended = time.monotonic()
    world.platform.do(lambda platform: platform.end_leftovers(orders))
    for name in names:
        world.told("AgentJobHanging", mended, status="resolved", job_name=name)
    until(lambda: names.keys() <= _complete(world), what="the Jobs are complete")


def test_a_failed_attempt_is_retried_and_nobody_is_told(world: World):
    """The Job controller fails it, the platform makes another, which ends well."""
    begun = time.monotonic()
    order = Order(task=9, agent="Cleo", work=1, exits=("1", "0"))
    world.platform.do(lambda platform: platform.order([order]))
    until(lambda: _phases(world).get(order.name) == "Succeeded", what="the second attempt succeeds")
    [job] = _jobs_of(world, [Order(task=9, agent="Cleo")]).values()
    assert job["metadata"]["labels"]["context-version"] == "2"
    scraped = world.watch.prometheus.query(f'coderun_job_name{{coderun="{order.name}"}}')
    assert scraped
    names = ("CodeRunJobCreationStalled", "AgentJobHanging", "AgentFinishedNotExited")
    heard = [each for name in names for each in world.watch.webhook.heard(name, status="firing")]
    assert not [each for each in heard if each.at > begun and "cleo" in str(each.labels)]


def test_a_deleted_run_takes_its_job_its_pod_and_its_series_along(world: World):
    """By its finalizer and the garbage collector, as on every cluster."""
    order = Order(task=12, agent="Cipher", work=600)
    world.platform.do(lambda platform: platform.order([order]))
    until(lambda: any(pod["metadata"]["name"] for pod in _pods_of(world, order)), what="its pod runs")
    until(lambda: order.name in world.watch.exporter.get().text, what="it is on the page")
    world.cluster.ask("DELETE", f"{RUNS}/{order.name}")
    until(lambda: order.name not in world.items(RUNS), what="the run is gone")
    until(lambda: not _jobs_of(world, [order]) and not _pods_of(world, order), what="its Job and its pod are gone")
    until(lambda: order.name not in world.watch.exporter.get().text, what="its series are gone")


def _phases(world: World) -> dict[str, str]:
    return {name: run.get("status", {}).get("phase", "") for name, run in world.items(RUNS).items()}


def _complete(world: World) -> set[str]:
    return {
        name
        for name, item in world.items(JOBS).items()
        if any(each["type"] == "Complete" for each in item["status"].get("conditions", ()))
    }


def _jobs_of(world: World, orders: list[Order]) -> dict[str, dict[str, Any]]:
    names = {order.name for order in orders}
    return {
        name: item
        for name, item in world.items(JOBS).items()
        if names & {owner["name"] for owner in item["metadata"]["ownerReferences"]}
    }


def _pods_of(world: World, order: Order) -> list[dict[str, Any]]:
    labelled = [pod for pod in world.items(PODS).values() if pod["metadata"].get("labels", {}).get("task-id")]
    return [pod for pod in labelled if pod["metadata"]["labels"]["task-id"] == str(order.task)]
