"""The exporter's metrics for objects of a real API server, read by prometheus_client, promtool and Prometheus."""

import pathlib
import subprocess
import uuid
from collections.abc import Iterator

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from lab.components import component
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import CLAUDE, PlatformNamespace
from lab.exporting import OWN, Exporter, series_of
from lab.monitoring.bundle import JOB, TARGET_LABELS
from lab.monitoring.servers import Prometheus
from lab.waiting import until
from tests.integration import samples

pytestmark = pytest.mark.timeout(120)

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
HOSTILE_TEXT = 'say "no" \\ to\nlines\ttabs \r, ünïcödé 🙈 {job="x"} # and \u2028\u0085 breaks\x00'
CLEANED_TEXT = "say_no_to_lines_tabs_n_c_d_job_x_and_breaks"


@pytest.fixture(scope="module")
def exporter(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """An exporter that has read objects in all states."""
    platform = PlatformNamespace(control_plane, f"page-{uuid.uuid4().hex[:8]}").open()
    _populate(platform)
    space = platform.namespace
    required = ["absent", {"name": CLAUDE, "keys": ["code_implement.sh", "absent.sh"]}]
    settings = {"namespaces": [space], "configmaps": {"namespace": space, "required": required}}
    folder = tmp_path_factory.mktemp("page") / "exporter"
    with Exporter(folder, kubeconfig=control_plane.kubeconfig, settings=settings) as running:
        yield running


def _populate(platform: PlatformNamespace) -> None:
    platform.set_templates({"code_implement.sh": "#!/bin/sh"})
    platform.make_run("new")
    platform.make_run("awkward", spec={"model": HOSTILE_TEXT, "repositoryUrl": "x" * 500, "githubApp": "5DLabs-Tess"})
    platform.make_run("patient", annotations={"coderun-exporter/job-creation-deadline": "none"})
    for name in ("running", "done", "failed"):
        platform.make_job(platform.make_run(name))
        platform.start_job(f"{name}-job")
    platform.set_phase("running", "Running")
    platform.finish_job("done-job")
    platform.set_phase("done", "Succeeded")
    platform.set_phase("failed", "Failed")
    platform.set_phase("new", "NeverHeardOf")
    platform.make_job(platform.make_run("retried"), name="retried-1")
    platform.make_job(
        platform.ask("GET", f"{platform.runs}/retried"), name="retried-2", labels={"context-version": "2"}
    )


def test_prometheus_client_reads_the_text_format(exporter: Exporter):
    """No series occurs twice. Letters and digits of hostile text are kept, and an invalid URL is dropped."""
    answer = exporter.get(accept="text/plain; version=0.0.4")
    assert (answer.status, answer.content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert len(series_of(answer.text)) == len(set(series_of(answer.text)))
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    info = {each.labels["coderun"]: each.labels for each in families["coderun_info"].samples}
    assert set(info) == {"new", "awkward", "patient", "running", "done", "failed", "retried"}
    assert info["awkward"]["model"] == CLEANED_TEXT
    assert info["awkward"]["repository"] == ""
    deadlines = {
        each.labels["coderun"]: each.value for each in families["coderun_job_creation_deadline_seconds"].samples
    }
    assert (deadlines["patient"], deadlines["new"]) == (float("inf"), 600)


def test_prometheus_client_reads_openmetrics_with_the_same_samples(exporter: Exporter):
    """Its strict parser is used. The samples of objects are those of the text format."""
    answer = exporter.get(accept=OPENMETRICS)
    assert (answer.status, answer.content_type.partition(";")[0]) == (200, "application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    strict = _cluster_samples(openmetrics.text_string_to_metric_families(answer.text))
    assert strict == _cluster_samples(text_string_to_metric_families(exporter.get().text))
    assert len(strict) > 60


@pytest.mark.needs("promtool")
def test_promtool_accepts_the_metrics(exporter: Exporter):
    """`promtool check metrics` finds no wrong name, no wrong type and no missing help."""
    text = exporter.get().text.encode()
    done = subprocess.run(
        [component("promtool"), "check", "metrics"], input=text, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.decode() + done.stderr.decode()) == (0, "")


@pytest.mark.needs("prometheus")
def test_prometheus_stores_exactly_the_exposed_samples(exporter: Exporter, tmp_path: pathlib.Path):
    """Values that change with every scrape are not compared, but their series are."""
    target = {"job": JOB, "instance": exporter.address, **TARGET_LABELS}
    with Prometheus(tmp_path / "prometheus", exporter=exporter.address) as prometheus:
        prometheus.until_scraped()

        def are_equal() -> bool:
            text, stored = exporter.get().text, prometheus.stored()
            series = samples.read(text, target=target, restless=True).keys()
            same_series = series == samples.stored(stored, restless=True).keys()
            return same_series and samples.read(text, target=target) == samples.stored(stored)

        until(are_equal, what="Prometheus has stored all samples")
        assert len(samples.stored(prometheus.stored())) > 80


def _cluster_samples(families: Iterator[object]) -> set[tuple[object, ...]]:
    """The samples about the cluster."""
    return {
        (sample.name, frozenset(sample.labels.items()), sample.value)
        for family in families
        for sample in family.samples
        if not sample.name.startswith(OWN)
    }
