"""From a fault on a real API server to the message that a person gets, through every real process in between.

kube-apiserver -> exporter -> Prometheus with the bundle's rules -> Alertmanager with the bundle's routes -> webhook.
"""

import logging
import time
import uuid
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from lab.controlplane.plane import ControlPlane
from lab.controlplane.workplace import CLAUDE, Workplace
from lab.exporting import Exporter
from lab.monitoring.bundle import TARGET_LABELS
from lab.monitoring.servers import Alertmanager, Prometheus
from lab.monitoring.webhook import Notification, Webhook
from lab.waiting import until
from tests.integration.watch import watching

pytestmark = [
    pytest.mark.needs("prometheus", "alertmanager"),
    pytest.mark.timeout(150),  # the first one starts five processes
]

_log = logging.getLogger(__name__)

TEMPLATES = {"code_implement.sh": "#!/bin/sh\n"}
WITHIN = 40.0  # seconds; all thresholds together are 4 to 6


class World(NamedTuple):
    """All that runs. ConfigMaps live in `platform`, where runs are too; `elsewhere` has runs only."""

    platform: Workplace
    elsewhere: Workplace
    exporter: Exporter
    prometheus: Prometheus
    alertmanager: Alertmanager
    webhook: Webhook


@pytest.fixture(scope="module")
def world(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for this file; each test has runs of its own, and leaves the ConfigMap healthy."""
    folder, unique = tmp_path_factory.mktemp("delivery"), uuid.uuid4().hex[:8]
    platform, elsewhere = (Workplace(control_plane, f"{name}-{unique}").open() for name in ("platform", "elsewhere"))
    platform.set_templates(TEMPLATES)
    settings = {
        "namespaces": [platform.namespace, elsewhere.namespace],
        "configmaps": {"namespace": platform.namespace, "required": [CLAUDE]},
        "thresholds": {"job_creation_deadline": "2s", "job_max_runtime": "3s"},
    }
    with watching(folder, kubeconfig=control_plane.kubeconfig, settings=settings) as watch:
        yield World(platform, elsewhere, *watch)


@pytest.fixture
def healthy_again(world: World) -> Iterator[None]:
    """Whatever a test did to the ConfigMap, the next one finds it whole and its alert over."""
    yield
    world.platform.set_templates(TEMPLATES)

    def is_over() -> bool:
        return not world.alertmanager.state_of("RequiredConfigMapUnhealthy", configmap=CLAUDE)

    until(is_over, what="RequiredConfigMapUnhealthy is over", seconds=WITHIN)


def took(what: str, begun: float, told: Notification) -> None:
    """Logs the seconds from a moment to a delivery: `--log-cli-level=info` shows them."""
    _log.info("%s: %.1f s", what, told.at - begun)


def test_a_run_without_a_job_is_delivered_with_its_name_until_it_has_one(world: World):
    """To the pager, labelled with what is stuck, and resolved when the controller makes the Job after all."""
    begun = time.monotonic()
    run = world.elsewhere.make_run("lonely")
    told = world.webhook.next("CodeRunJobCreationStalled", coderun="lonely", seconds=WITHIN)
    took("run made -> CodeRunJobCreationStalled", begun, told)
    where = world.elsewhere.namespace
    assert told.receiver == "pager"
    assert told.labels == {
        "alertname": "CodeRunJobCreationStalled",
        "cluster": "loopback",  # Prometheus' own external label
        "component": "coderun-exporter",
        "coderun": "lonely",
        "namespace": where,
        "severity": "critical",
    }
    assert told.annotations["summary"].startswith(f"CodeRun {where}/lonely in cluster loopback has had no Job for ")
    assert told.annotations["summary"].endswith("(no finalizer and no status: no controller has processed it)")
    assert f"kubectl -n {where} describe coderun lonely" in told.annotations["description"]
    assert "\nRunbook: runbooks/CodeRunJobCreationStalled.md in the rules bundle\n" in told.annotations["description"]

    begun = time.monotonic()
    world.elsewhere.make_job(run)
    over = world.webhook.next("CodeRunJobCreationStalled", status="resolved", coderun="lonely", seconds=WITHIN)
    took("Job made -> resolved", begun, over)
    assert over.at > begun
    assert over.labels == told.labels


@pytest.mark.usefixtures("healthy_again")
def test_a_broken_configmap_is_delivered_until_it_is_restored(world: World):
    """With what is wrong with it, before any run has come to harm."""
    begun = time.monotonic()
    world.platform.set_templates({})
    told = world.webhook.next("RequiredConfigMapUnhealthy", after=begun, seconds=WITHIN)
    took("ConfigMap emptied -> RequiredConfigMapUnhealthy", begun, told)
    place = f"{world.platform.namespace}/{CLAUDE}"
    assert (told.labels["namespace"], told.labels["configmap"]) == (world.platform.namespace, CLAUDE)
    assert (told.labels["severity"], told.receiver) == ("critical", "pager")
    assert told.annotations["summary"] == f"ConfigMap {place} in cluster loopback is required and unhealthy: empty"

    begun = time.monotonic()
    world.platform.set_templates(TEMPLATES)
    over = world.webhook.next("RequiredConfigMapUnhealthy", status="resolved", after=begun, seconds=WITHIN)
    took("ConfigMap restored -> resolved", begun, over)


@pytest.mark.usefixtures("healthy_again")
def test_a_cause_silences_the_runs_that_it_explains_and_no_other(world: World):
    """One page for the ConfigMap; a run of another CLI there has its own. What is left is paged afterwards."""
    begun = time.monotonic()
    world.platform.set_templates({})
    world.webhook.next("RequiredConfigMapUnhealthy", after=begun, seconds=WITHIN)
    run = world.platform.make_run("silenced")
    world.platform.make_run("codex", spec={"cliConfig": {"cliType": "codex", "model": "m"}})
    told = world.webhook.next("CodeRunJobCreationStalled", coderun="codex", seconds=WITHIN)
    assert "not_reconciled" in told.annotations["summary"]

    def is_suppressed() -> bool:
        return world.alertmanager.state_of("CodeRunJobCreationStalled", coderun="silenced") == "suppressed"

    until(is_suppressed, what="the stalled run is suppressed", seconds=WITHIN)
    assert world.alertmanager.state_of("CodeRunJobCreationStalled", coderun="codex") == "active"
    assert world.alertmanager.state_of("RequiredConfigMapUnhealthy", configmap=CLAUDE) == "active"
    assert not world.webhook.heard("CodeRunJobCreationStalled", status="firing", coderun="silenced")

    restored = time.monotonic()
    world.platform.set_templates(TEMPLATES)
    left = world.webhook.next("CodeRunJobCreationStalled", coderun="silenced", seconds=WITHIN)
    took("ConfigMap restored -> the run that is still stalled", restored, left)
    world.platform.make_job(run)
    world.webhook.next("CodeRunJobCreationStalled", status="resolved", coderun="silenced", seconds=WITHIN)


def test_a_job_that_hangs_is_delivered_and_its_cause_beside_it_until_it_ends(world: World):
    """Beyond its limit; then its run has succeeded, and the Job is unfinished all the same."""
    run = world.elsewhere.make_run("tess", spec={"githubApp": "5DLabs-Tess"})
    world.elsewhere.make_job(run, name="tess-job")
    begun = time.monotonic()
    world.elsewhere.start_job("tess-job")
    told = world.webhook.next("AgentJobHanging", job_name="tess-job", seconds=WITHIN)
    took("Job started -> AgentJobHanging", begun, told)
    where = world.elsewhere.namespace
    assert (told.labels["namespace"], told.labels["severity"], told.receiver) == (where, "critical", "pager")
    assert told.annotations["summary"].startswith(f"Job {where}/tess-job in cluster loopback has not finished ")
    assert "Agent: tess. CodeRun: tess." in told.annotations["description"]
    assert f"kubectl -n {where} describe job tess-job" in told.annotations["description"]

    world.elsewhere.set_phase("tess", "Succeeded")

    def states() -> tuple[str, str]:
        names = "AgentFinishedNotExited", "AgentJobHanging"
        return tuple(world.alertmanager.state_of(name, job_name="tess-job") for name in names)

    # The limit is set, so the symptom is critical, and a warning never silences that.
    until(lambda: states() == ("active", "active"), what="both are delivered", seconds=WITHIN)
    [alert] = world.prometheus.query('ALERTS{alertname="AgentFinishedNotExited",alertstate="firing"}')
    assert alert["metric"]["severity"] == "warning"
    world.elsewhere.finish_job("tess-job")
    until(lambda: states() == ("", ""), what="both are over", seconds=WITHIN)


def test_prometheus_scrapes_without_an_error_and_keeps_the_labels_of_runs(world: World):
    """`honor_labels`: the target's own namespace and pod replace nothing, and nothing becomes `exported_`."""
    world.elsewhere.make_job(world.elsewhere.make_run("labelled"), name="labelled-job")
    run = f'coderun_job_name{{namespace="{world.elsewhere.namespace}",coderun="labelled",job_name="labelled-job"}}'
    until(lambda: world.prometheus.query(run), what="the run is in Prometheus")
    target = world.prometheus.target()
    assert (target["health"], target["lastError"]) == ("up", "")
    [up] = world.prometheus.query("up")
    assert up["value"][1] == "1"
    assert TARGET_LABELS.items() <= up["metric"].items()
    stored = [each["metric"] for each in world.prometheus.stored()]
    assert not [metric for metric in stored for label in metric if label.startswith("exported_")]
    told = [metric for metric in stored if "coderun" in metric or "job_name" in metric or "configmap" in metric]
    assert {metric["namespace"] for metric in told} == {world.platform.namespace, world.elsewhere.namespace}


def test_an_exporter_that_is_gone_is_delivered_until_it_is_back(world: World):
    """Without it all else would be silent. Its target is still known, so that it is down and not absent."""
    begun = time.monotonic()
    world.exporter.stop()
    told = world.webhook.next("CodeRunExporterDown", after=begun, seconds=WITHIN)
    took("exporter stopped -> CodeRunExporterDown", begun, told)
    assert (told.labels["job"], told.labels["severity"], told.receiver) == ("coderun-exporter", "critical", "pager")
    assert told.annotations["description"].splitlines()[0].endswith(f"{world.exporter.address}.")
    absent = world.webhook.heard("CodeRunExporterAbsent", status="firing")
    assert not [each for each in absent if each.at > begun]

    begun = time.monotonic()
    world.exporter.start()
    world.prometheus.until_scraped()
    over = world.webhook.next("CodeRunExporterDown", status="resolved", after=begun, seconds=WITHIN)
    took("exporter started -> resolved", begun, over)
