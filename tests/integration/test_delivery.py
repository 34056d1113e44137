"""From a fault on a real API server to the notification, with all real processes in between.

kube-apiserver -> exporter -> Prometheus with the shipped rules -> Alertmanager with the shipped routes -> webhook.
"""

import logging
import time
import uuid
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import CLAUDE, PlatformNamespace
from lab.exporting import Exporter
from lab.monitoring.bundle import TARGET_LABELS
from lab.monitoring.servers import Alertmanager, Prometheus
from lab.monitoring.webhook import Notification, Webhook
from lab.waiting import until
from tests.integration.monitoring import run_monitoring

pytestmark = [
    pytest.mark.needs("prometheus", "alertmanager"),
    pytest.mark.timeout(150),  # the first test starts five processes
]

_log = logging.getLogger(__name__)

TEMPLATES = {"code_implement.sh": "#!/bin/sh\n"}
TIMEOUT_SECONDS = 40.0  # all thresholds together are 4 to 6 s


class Environment(NamedTuple):
    """The two namespaces and the servers. `platform` has ConfigMaps and runs, `elsewhere` has only runs."""

    platform: PlatformNamespace
    elsewhere: PlatformNamespace
    exporter: Exporter
    prometheus: Prometheus
    alertmanager: Alertmanager
    webhook: Webhook


@pytest.fixture(scope="module")
def env(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """The tests of this file share an environment. Each has its own runs, and leaves the ConfigMap healthy."""
    folder, unique = tmp_path_factory.mktemp("delivery"), uuid.uuid4().hex[:8]
    platform, elsewhere = (
        PlatformNamespace(control_plane, f"{name}-{unique}").open() for name in ("platform", "elsewhere")
    )
    platform.set_templates(TEMPLATES)
    settings = {
        "namespaces": [platform.namespace, elsewhere.namespace],
        "configmaps": {"namespace": platform.namespace, "required": [CLAUDE]},
        "thresholds": {"job_creation_deadline": "2s", "job_max_runtime": "3s"},
    }
    with run_monitoring(folder, kubeconfig=control_plane.kubeconfig, settings=settings) as monitoring:
        yield Environment(platform, elsewhere, *monitoring)


@pytest.fixture
def healthy_again(env: Environment) -> Iterator[None]:
    """Restores the ConfigMap after a test, and waits until its alert is resolved."""
    yield
    env.platform.set_templates(TEMPLATES)

    def is_resolved() -> bool:
        return not env.alertmanager.state_of("RequiredConfigMapUnhealthy", configmap=CLAUDE)

    until(is_resolved, what="RequiredConfigMapUnhealthy is resolved", seconds=TIMEOUT_SECONDS)


def log_duration(what: str, begun: float, notification: Notification) -> None:
    """Logs the seconds from `begun` to the notification: `--log-cli-level=info` shows them."""
    _log.info("%s: %.1f s", what, notification.at - begun)


def test_a_run_without_a_job_is_notified_until_it_has_one(env: Environment):
    """The pager gets a notification with the name of the run. It is resolved when the controller creates the Job."""
    begun = time.monotonic()
    run = env.elsewhere.make_run("lonely")
    notification = env.webhook.next("CodeRunJobCreationStalled", coderun="lonely", seconds=TIMEOUT_SECONDS)
    log_duration("run created -> CodeRunJobCreationStalled", begun, notification)
    where = env.elsewhere.namespace
    assert notification.receiver == "pager"
    assert notification.labels == {
        "alertname": "CodeRunJobCreationStalled",
        "cluster": "loopback",  # external label of Prometheus
        "component": "coderun-exporter",
        "coderun": "lonely",
        "namespace": where,
        "severity": "critical",
    }
    assert notification.annotations["summary"].startswith(
        f"CodeRun {where}/lonely in cluster loopback has had no Job for "
    )
    assert notification.annotations["summary"].endswith(
        "(no finalizer and no status: no controller has processed it)"
    )
    assert f"kubectl -n {where} describe coderun lonely" in notification.annotations["description"]
    assert (
        "\nRunbook: runbooks/CodeRunJobCreationStalled.md in the rules bundle\n"
        in notification.annotations["description"]
    )

    begun = time.monotonic()
    env.elsewhere.make_job(run)
    over = env.webhook.next("CodeRunJobCreationStalled", status="resolved", coderun="lonely", seconds=TIMEOUT_SECONDS)
    log_duration("Job created -> resolved", begun, over)
    assert over.at > begun
    assert over.labels == notification.labels


@pytest.mark.usefixtures("healthy_again")
def test_a_broken_configmap_is_notified_until_it_is_restored(env: Environment):
    """The notification has the problem, and is sent before any run is affected."""
    begun = time.monotonic()
    env.platform.set_templates({})
    notification = env.webhook.next("RequiredConfigMapUnhealthy", after=begun, seconds=TIMEOUT_SECONDS)
    log_duration("ConfigMap emptied -> RequiredConfigMapUnhealthy", begun, notification)
    configmap = f"{env.platform.namespace}/{CLAUDE}"
    assert (notification.labels["namespace"], notification.labels["configmap"]) == (env.platform.namespace, CLAUDE)
    assert (notification.labels["severity"], notification.receiver) == ("critical", "pager")
    assert (
        notification.annotations["summary"]
        == f"ConfigMap {configmap} in cluster loopback is required and unhealthy: empty"
    )

    begun = time.monotonic()
    env.platform.set_templates(TEMPLATES)
    over = env.webhook.next("RequiredConfigMapUnhealthy", status="resolved", after=begun, seconds=TIMEOUT_SECONDS)
    log_duration("ConfigMap restored -> resolved", begun, over)


@pytest.mark.usefixtures("healthy_again")
def test_a_cause_inhibits_only_the_runs_that_it_explains(env: Environment):
    """A run with another CLI is notified. If a run is still stalled after the cause is resolved, it is notified."""
    begun = time.monotonic()
    env.platform.set_templates({})
    env.webhook.next("RequiredConfigMapUnhealthy", after=begun, seconds=TIMEOUT_SECONDS)
    run = env.platform.make_run("silenced")
    env.platform.make_run("codex", spec={"cliConfig": {"cliType": "codex", "model": "m"}})
    notification = env.webhook.next("CodeRunJobCreationStalled", coderun="codex", seconds=TIMEOUT_SECONDS)
    assert "not_reconciled" in notification.annotations["summary"]

    def is_suppressed() -> bool:
        return env.alertmanager.state_of("CodeRunJobCreationStalled", coderun="silenced") == "suppressed"

    until(is_suppressed, what="the stalled run is suppressed", seconds=TIMEOUT_SECONDS)
    assert env.alertmanager.state_of("CodeRunJobCreationStalled", coderun="codex") == "active"
    assert env.alertmanager.state_of("RequiredConfigMapUnhealthy", configmap=CLAUDE) == "active"
    assert not env.webhook.heard("CodeRunJobCreationStalled", status="firing", coderun="silenced")

    restored = time.monotonic()
    env.platform.set_templates(TEMPLATES)
    left = env.webhook.next("CodeRunJobCreationStalled", coderun="silenced", seconds=TIMEOUT_SECONDS)
    log_duration("ConfigMap restored -> the run that is still stalled", restored, left)
    env.platform.make_job(run)
    env.webhook.next("CodeRunJobCreationStalled", status="resolved", coderun="silenced", seconds=TIMEOUT_SECONDS)


def test_a_hanging_job_and_its_cause_are_notified_until_it_ends(env: Environment):
    """The Job exceeds its limit. Then its run has succeeded, while the Job is still unfinished."""
    run = env.elsewhere.make_run("tess", spec={"githubApp": "5DLabs-Tess"})
    env.elsewhere.make_job(run, name="tess-job")
    begun = time.monotonic()
    env.elsewhere.start_job("tess-job")
    notification = env.webhook.next("AgentJobHanging", job_name="tess-job", seconds=TIMEOUT_SECONDS)
    log_duration("Job started -> AgentJobHanging", begun, notification)
    where = env.elsewhere.namespace
    assert (notification.labels["namespace"], notification.labels["severity"], notification.receiver) == (
        where,
        "critical",
        "pager",
    )
    assert notification.annotations["summary"].startswith(
        f"Job {where}/tess-job in cluster loopback has not finished "
    )
    assert "Agent: tess. CodeRun: tess." in notification.annotations["description"]
    assert f"kubectl -n {where} describe job tess-job" in notification.annotations["description"]

    env.elsewhere.set_phase("tess", "Succeeded")

    def states() -> tuple[str, str]:
        names = "AgentFinishedNotExited", "AgentJobHanging"
        return tuple(env.alertmanager.state_of(name, job_name="tess-job") for name in names)

    # The limit is configured, so the symptom is critical, and a warning never inhibits it.
    until(lambda: states() == ("active", "active"), what="both are active", seconds=TIMEOUT_SECONDS)
    [alert] = env.prometheus.query('ALERTS{alertname="AgentFinishedNotExited",alertstate="firing"}')
    assert alert["metric"]["severity"] == "warning"
    env.elsewhere.finish_job("tess-job")
    until(lambda: states() == ("", ""), what="both are resolved", seconds=TIMEOUT_SECONDS)


def test_prometheus_keeps_the_labels_of_runs(env: Environment):
    """Labels of the target replace none of them (`honor_labels`), and no label gets the prefix `exported_`."""
    env.elsewhere.make_job(env.elsewhere.make_run("labelled"), name="labelled-job")
    run = f'coderun_job_name{{namespace="{env.elsewhere.namespace}",coderun="labelled",job_name="labelled-job"}}'
    until(lambda: env.prometheus.query(run), what="Prometheus has the run")
    target = env.prometheus.target()
    assert (target["health"], target["lastError"]) == ("up", "")
    [up] = env.prometheus.query("up")
    assert up["value"][1] == "1"
    assert TARGET_LABELS.items() <= up["metric"].items()
    stored = [each["metric"] for each in env.prometheus.stored()]
    assert not [metric for metric in stored for label in metric if label.startswith("exported_")]
    of_objects = [metric for metric in stored if "coderun" in metric or "job_name" in metric or "configmap" in metric]
    assert {metric["namespace"] for metric in of_objects} == {env.platform.namespace, env.elsewhere.namespace}


def test_an_exporter_that_is_down_is_notified_until_it_is_back(env: Environment):
    """Its target still exists, so that it is down and not absent."""
    begun = time.monotonic()
    env.exporter.stop()
    notification = env.webhook.next("CodeRunExporterDown", after=begun, seconds=TIMEOUT_SECONDS)
    log_duration("exporter stopped -> CodeRunExporterDown", begun, notification)
    assert (notification.labels["job"], notification.labels["severity"], notification.receiver) == (
        "coderun-exporter",
        "critical",
        "pager",
    )
    assert notification.annotations["description"].splitlines()[0].endswith(f"{env.exporter.address}.")
    absent = env.webhook.heard("CodeRunExporterAbsent", status="firing")
    assert not [each for each in absent if each.at > begun]

    begun = time.monotonic()
    env.exporter.start()
    env.prometheus.until_scraped()
    over = env.webhook.next("CodeRunExporterDown", status="resolved", after=begun, seconds=TIMEOUT_SECONDS)
    log_duration("exporter started -> resolved", begun, over)
