"""Two exporters share a namespace between them by a label, and the real API server sends each its part."""

import contextlib
import pathlib
import uuid

import pytest

from lab.controlplane.plane import ControlPlane
from lab.controlplane.workplace import Workplace
from lab.exporting import Exporter
from lab.waiting import until

pytestmark = pytest.mark.timeout(120)

PARTS = {"one": "service in (cto, cto-play)", "other": "service notin (cto, cto-play)"}


def test_each_reads_the_runs_and_jobs_that_its_selector_names(control_plane: ControlPlane, tmp_path: pathlib.Path):
    """No run is on two pages, none is on neither, each has its Job, and one whose label changes moves over."""
    place = Workplace(control_plane, f"part-{uuid.uuid4().hex[:8]}").open()
    for service in ("cto", "cto-play", "docs"):
        labels = {"service": service}
        place.make_job(place.make_run(f"of-{service}", labels=labels), labels=labels)
    base = {"namespaces": [place.namespace], "configmaps": {"namespace": place.namespace, "required": []}}
    with contextlib.ExitStack() as stack:
        one, other = (
            stack.enter_context(
                Exporter(
                    tmp_path / name, kubeconfig=control_plane.kubeconfig, settings=base | {"label_selector": selector}
                )
            )
            for name, selector in PARTS.items()
        )
        assert (on(one), on(other)) == ({"of-cto", "of-cto-play"}, {"of-docs"})
        for path in (f"{place.runs}/of-docs", f"{place.jobs}/of-docs-job"):
            patch = {"metadata": {"labels": {"service": "cto"}}}
            place.ask("PATCH", path, patch, content_type="application/merge-patch+json")
        until(lambda: (on(one), on(other)) == ({"of-cto", "of-cto-play", "of-docs"}, set()), what="it moves over")


def on(exporter: Exporter) -> set[str]:
    """The runs that an exporter shows with their Jobs."""
    page = exporter.get().text
    return {
        name
        for name in ("of-cto", "of-cto-play", "of-docs")
        if f'coderun="{name}"' in page and f'job_name="{name}-job"' in page
    }
