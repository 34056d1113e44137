"""The page that the exporter makes of a real API server's objects, read by those who will read it."""

import pathlib
import subprocess
import uuid
from collections.abc import Iterator

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from lab.components import component
from lab.controlplane.plane import ControlPlane
from lab.controlplane.workplace import CLAUDE, Workplace
from lab.exporting import OWN, Exporter, series_of
from lab.monitoring.bundle import JOB, TARGET_LABELS
from lab.monitoring.servers import Prometheus
from lab.waiting import until
from tests.integration import samples

pytestmark = pytest.mark.timeout(120)

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
AWKWARD = 'say "no" \\ to\nlines\ttabs \r, ünïcödé 🙈 {job="x"} # and \u2028\u0085 breaks\x00'
SHOWN = "say_no_to_lines_tabs_n_c_d_job_x_and_breaks"


@pytest.fixture(scope="module")
def exporter(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """An exporter that has read objects of every sort that it tells apart."""
    place = Workplace(control_plane, f"page-{uuid.uuid4().hex[:8]}").open()
    _populate(place)
    space = place.namespace
    required = ["absent", {"name": CLAUDE, "keys": ["code_implement.sh", "absent.sh"]}]
    settings = {"namespaces": [space], "configmaps": {"namespace": space, "required": required}}
    folder = tmp_path_factory.mktemp("page") / "exporter"
    with Exporter(folder, kubeconfig=control_plane.kubeconfig, settings=settings) as running:
        yield running


def _populate(place: Workplace) -> None:
    place.set_templates({"code_implement.sh": "#!/bin/sh"})
    place.make_run("new")
    place.make_run("awkward", spec={"model": AWKWARD, "repositoryUrl": "x" * 500, "githubApp": "5DLabs-Tess"})
    place.make_run("patient", annotations={"coderun-exporter/job-creation-deadline": "none"})
    for name in ("running", "done", "failed"):
        place.make_job(place.make_run(name))
        place.start_job(f"{name}-job")
    place.set_phase("running", "Running")
    place.finish_job("done-job")
    place.set_phase("done", "Succeeded")
    place.set_phase("failed", "Failed")
    place.set_phase("new", "NeverHeardOf")
    place.make_job(place.make_run("retried"), name="retried-1")
    place.make_job(place.ask("GET", f"{place.runs}/retried"), name="retried-2", labels={"context-version": "2"})


def test_the_text_format_is_read_by_prometheus_client(exporter: Exporter):
    """No series twice; of awkward text the letters and digits come back, and what is no address does not."""
    answer = exporter.get(accept="text/plain; version=0.0.4")
    assert (answer.status, answer.content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert len(series_of(answer.text)) == len(set(series_of(answer.text)))
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    info = {each.labels["coderun"]: each.labels for each in families["coderun_info"].samples}
    assert set(info) == {"new", "awkward", "patient", "running", "done", "failed", "retried"}
    assert info["awkward"]["model"] == SHOWN
    assert info["awkward"]["repository"] == ""
    deadlines = {
        each.labels["coderun"]: each.value for each in families["coderun_job_creation_deadline_seconds"].samples
    }
    assert (deadlines["patient"], deadlines["new"]) == (float("inf"), 600)


def test_openmetrics_is_read_by_prometheus_client_and_says_the_same(exporter: Exporter):
    """Its strict parser, over a page that ends as it should; the objects' samples are those of the text format."""
    answer = exporter.get(accept=OPENMETRICS)
    assert (answer.status, answer.content_type.partition(";")[0]) == (200, "application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    strict = _told(openmetrics.text_string_to_metric_families(answer.text))
    assert strict == _told(text_string_to_metric_families(exporter.get().text))
    assert len(strict) > 60


@pytest.mark.needs("promtool")
def test_promtool_has_nothing_to_say_against_the_page(exporter: Exporter):
    """`promtool check metrics` reads it and finds no metric badly named, badly typed or without help."""
    page = exporter.get().text.encode()
    done = subprocess.run(
        [component("promtool"), "check", "metrics"], input=page, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.decode() + done.stderr.decode()) == (0, "")


@pytest.mark.needs("prometheus")
def test_prometheus_stores_exactly_what_the_page_says(exporter: Exporter, tmp_path: pathlib.Path):
    """Every series and every value; what changes with each scrape, every series."""
    target = {"job": JOB, "instance": exporter.address, **TARGET_LABELS}
    with Prometheus(tmp_path / "prometheus", exporter=exporter.address) as prometheus:
        prometheus.until_scraped()

        def are_equal() -> bool:
            page, stored = exporter.get().text, prometheus.stored()
            series = samples.read(page, target=target, restless=True).keys()
            same_series = series == samples.stored(stored, restless=True).keys()
            return same_series and samples.read(page, target=target) == samples.stored(stored)

        until(are_equal, what="Prometheus has stored the page")
        assert len(samples.stored(prometheus.stored())) > 80


def _told(families: Iterator[object]) -> set[tuple[object, ...]]:
    """The samples that tell of the cluster."""
    return {
        (sample.name, frozenset(sample.labels.items()), sample.value)
        for family in families
        for sample in family.samples
        if not sample.name.startswith(OWN)
    }
