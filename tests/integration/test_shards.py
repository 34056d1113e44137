"""Two exporters share a namespace as shards. A real API server applies the label selectors of the shards."""

import contextlib
import pathlib
import uuid

import pytest

from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.exporting import Exporter
from lab.waiting import until

pytestmark = pytest.mark.timeout(120)

SHARDS = {"one": "service in (cto, cto-play)", "other": "service notin (cto, cto-play)"}


def test_each_shard_has_the_runs_and_jobs_of_its_selector(control_plane: ControlPlane, tmp_path: pathlib.Path):
    """Each run and its Job are in exactly one shard. A run whose label changes moves to the other shard."""
    platform = PlatformNamespace(control_plane, f"part-{uuid.uuid4().hex[:8]}").open()
    for service in ("cto", "cto-play", "docs"):
        labels = {"service": service}
        platform.make_job(platform.make_run(f"of-{service}", labels=labels), labels=labels)
    base = {"namespaces": [platform.namespace], "configmaps": {"namespace": platform.namespace, "required": []}}
    with contextlib.ExitStack() as stack:
        one, other = (
            stack.enter_context(
                Exporter(
                    tmp_path / name, kubeconfig=control_plane.kubeconfig, settings=base | {"label_selector": selector}
                )
            )
            for name, selector in SHARDS.items()
        )
        assert (runs_in(one), runs_in(other)) == ({"of-cto", "of-cto-play"}, {"of-docs"})
        for path in (f"{platform.runs}/of-docs", f"{platform.jobs}/of-docs-job"):
            patch = {"metadata": {"labels": {"service": "cto"}}}
            platform.patch(path, patch)
        until(
            lambda: (runs_in(one), runs_in(other)) == ({"of-cto", "of-cto-play", "of-docs"}, set()),
            what="the run moves to the other shard",
        )


def runs_in(exporter: Exporter) -> set[str]:
    """The runs that an exporter exposes with their Jobs."""
    text = exporter.get().text
    return {
        name
        for name in ("of-cto", "of-cto-play", "of-docs")
        if f'coderun="{name}"' in text and f'job_name="{name}-job"' in text
    }
