"""Both incidents of the README on a real control plane, up to the notification.

The demo's platform creates objects and faults. The Job controller and the garbage collector are real; kwok simulates
the nodes and pods. The exporter has exactly the permissions that `coderun-exporter rbac` prints.
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
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.monitoring.webhook import Notification
from lab.platform.controller import JOBS, PODS, RUNS
from lab.platform.manifests import NAMESPACE, RunSpec, configmap_name
from lab.waiting import until
from tests.integration.monitoring import Monitoring, run_monitoring

pytestmark = [pytest.mark.needs("prometheus", "alertmanager"), pytest.mark.timeout(180)]

_log = logging.getLogger(__name__)

CLAUDE = configmap_name("claude")
SETTINGS = {"namespaces": [NAMESPACE], "thresholds": {"job_creation_deadline": "4s", "job_max_runtime": "8s"}}


class Environment(NamedTuple):
    """The simulated platform, the monitoring servers, and access to the cluster."""

    platform: LivePlatform
    monitoring: Monitoring
    cluster: PlatformNamespace

    def items(self, path: str) -> dict[str, dict[str, Any]]:
        """The objects of a collection by name."""
        return {item["metadata"]["name"]: item for item in self.cluster.ask("GET", path)["items"]}

    def wait_for(self, alertname: str, since: float, *, status: str = "firing", **labels: str) -> Notification:
        """The first notification of the alert after `since` (monotonic). Logs the seconds that it took."""
        notification = self.monitoring.webhook.next(alertname, status=status, after=since, **labels)
        _log.info(
            "%s %s after %.1f s: %s", alertname, status, notification.at - since, notification.annotations["summary"]
        )
        return notification

    def state_of(self, alertname: str, **labels: str) -> str:
        """The state of an alert in Alertmanager."""
        return self.monitoring.alertmanager.state_of(alertname, **labels)


@pytest.fixture(scope="module")
def env(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """The tests of this file share an environment."""
    folder = tmp_path_factory.mktemp("incidents")
    settings = folder / "exporter.yml"
    settings.write_text(json.dumps(SETTINGS))
    with LivePlatform(control_plane) as platform:
        cluster = PlatformNamespace(control_plane, NAMESPACE)
        account = ServiceAccount(control_plane, cluster, settings=settings)
        account.grant()
        kubeconfig = account.kubeconfig(folder, token=account.token("exporter").text)
        with run_monitoring(folder, kubeconfig=kubeconfig, settings=SETTINGS) as monitoring:
            yield Environment(platform, monitoring, cluster)


def test_incident_1_a_broken_configmap_prevents_jobs(env: Environment):
    """The ConfigMap is notified first, and the runs have it as their cause. After a repair all alerts resolve."""
    begun = time.monotonic()
    env.platform.do(lambda platform: platform.lose_templates("claude"))
    orders = [RunSpec(task=task, agent="Rex", work_seconds=1) for task in (1, 6)]
    env.platform.do(lambda platform: platform.order(orders))
    notification = env.wait_for("RequiredConfigMapUnhealthy", begun, configmap=CLAUDE)
    assert (
        notification.annotations["summary"]
        == f"ConfigMap {NAMESPACE}/{CLAUDE} in cluster loopback is required and unhealthy: empty"
    )
    assert notification.receiver == "pager"

    for order in orders:  # each alert of a run is inhibited by its cause
        until(
            lambda name=order.name: env.state_of("CodeRunJobCreationStalled", coderun=name) == "suppressed",
            what=f"{order.name} has an alert that is inhibited",
        )
    _log.info("CodeRunJobCreationStalled for both after %.1f s", time.monotonic() - begun)
    assert not env.items(JOBS)
    assert all("status" not in run for run in env.items(RUNS).values())

    repaired = time.monotonic()
    env.platform.do(lambda platform: platform.restore_templates("claude"))
    env.wait_for("RequiredConfigMapUnhealthy", repaired, status="resolved", configmap=CLAUDE)
    until(lambda: _phases(env) == {order.name: "Succeeded" for order in orders}, what="both succeed")
    until(lambda: len(_complete(env)) == 2, what="their Jobs are complete")


def test_incident_2_jobs_hang_after_their_work_is_done(env: Environment):
    """The pods of three Jobs do not end. Each Job is notified above its limit, without a known cause."""
    begun = time.monotonic()
    orders = [RunSpec(task=task, agent="Tess", cli="factory", work_seconds=1, exits=("never",)) for task in (3, 4, 7)]
    env.platform.do(lambda platform: platform.order(orders))
    until(lambda: len(_jobs_of(env, orders)) == 3, what="their Jobs are created")
    names = _jobs_of(env, orders)
    for name in names:
        notification = env.wait_for("AgentJobHanging", begun, job_name=name)
        assert (notification.receiver, notification.labels["severity"]) == (
            "pager",
            "critical",
        )
        assert f"{NAMESPACE}/{name}" in notification.annotations["summary"]
        assert "cause unknown" in notification.annotations["summary"]
    assert {item["status"]["active"] for item in _jobs_of(env, orders).values()} == {1}
    runs = [env.items(RUNS)[order.name]["status"] for order in orders]
    assert {(run["phase"], run.get("workCompleted", False)) for run in runs} == {("Running", False)}
    pods = [pod for order in orders for pod in _pods_of(env, order)]
    assert [pod["status"]["phase"] for pod in pods] == ["Running"] * 3

    repaired = time.monotonic()
    env.platform.do(lambda platform: platform.end_leftovers(orders))
    for name in names:
        env.wait_for("AgentJobHanging", repaired, status="resolved", job_name=name)
    until(lambda: names.keys() <= _complete(env), what="the Jobs are complete")


def test_a_failed_attempt_is_retried_without_a_notification(env: Environment):
    """The Job controller fails the Job. The platform creates another, which succeeds."""
    begun = time.monotonic()
    order = RunSpec(task=9, agent="Cleo", work_seconds=1, exits=("1", "0"))
    env.platform.do(lambda platform: platform.order([order]))
    until(lambda: _phases(env).get(order.name) == "Succeeded", what="the second attempt succeeds")
    [job] = _jobs_of(env, [RunSpec(task=9, agent="Cleo")]).values()
    assert job["metadata"]["labels"]["context-version"] == "2"
    scraped = env.monitoring.prometheus.query(f'coderun_job_name{{coderun="{order.name}"}}')
    assert scraped
    names = ("CodeRunJobCreationStalled", "AgentJobHanging", "AgentFinishedNotExited")
    notifications = [each for name in names for each in env.monitoring.webhook.heard(name, status="firing")]
    assert not [each for each in notifications if each.at > begun and "cleo" in str(each.labels)]


def test_a_deleted_run_deletes_its_job_its_pod_and_its_series(env: Environment):
    """The finalizer and the garbage collector do so."""
    order = RunSpec(task=12, agent="Cipher", work_seconds=600)
    env.platform.do(lambda platform: platform.order([order]))
    until(lambda: any(pod["metadata"]["name"] for pod in _pods_of(env, order)), what="its pod runs")
    until(lambda: order.name in env.monitoring.exporter.get().text, what="the metrics have the run")
    env.cluster.ask("DELETE", f"{RUNS}/{order.name}")
    until(lambda: order.name not in env.items(RUNS), what="the run is deleted")
    until(lambda: not _jobs_of(env, [order]) and not _pods_of(env, order), what="its Job and its pod are deleted")
    until(lambda: order.name not in env.monitoring.exporter.get().text, what="the metrics do not have the run")


def _phases(env: Environment) -> dict[str, str]:
    return {name: run.get("status", {}).get("phase", "") for name, run in env.items(RUNS).items()}


def _complete(env: Environment) -> set[str]:
    return {
        name
        for name, item in env.items(JOBS).items()
        if any(each["type"] == "Complete" for each in item["status"].get("conditions", ()))
    }


def _jobs_of(env: Environment, orders: list[RunSpec]) -> dict[str, dict[str, Any]]:
    names = {order.name for order in orders}
    return {
        name: item
        for name, item in env.items(JOBS).items()
        if names & {owner["name"] for owner in item["metadata"]["ownerReferences"]}
    }


def _pods_of(env: Environment, order: RunSpec) -> list[dict[str, Any]]:
    labelled = [pod for pod in env.items(PODS).values() if pod["metadata"].get("labels", {}).get("task-id")]
    return [pod for pod in labelled if pod["metadata"]["labels"]["task-id"] == str(order.task)]
