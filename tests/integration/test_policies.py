"""The shipped policy that sets limits of Jobs, on a real API server."""

import pathlib
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from lab.components import CLUSTER
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import CLAUDE, PlatformNamespace
from lab.exporting import Exporter
from tests.integration import policies
from tests.integration.policies import AGENT_JOBS, AGENT_LABEL, OPT_OUT, OTHER_JOBS, Jobs, namespace_of

pytestmark = [pytest.mark.needs(*CLUSTER), pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def opted_out(control_plane: ControlPlane) -> Jobs:
    """A namespace that has opted out."""
    return Jobs(control_plane, namespace_of(control_plane, **OPT_OUT))


@pytest.fixture(scope="module")
def limited(control_plane: ControlPlane, opted_out: Jobs) -> Iterator[Jobs]:
    """A namespace of a platform, in which Jobs of agents get limits."""
    platform = PlatformNamespace(control_plane, f"policies-{uuid.uuid4().hex[:8]}").open()
    jobs = Jobs(control_plane, platform.namespace)
    with policies.applied(control_plane, "job-limits.yaml", namespaces=[jobs.namespace, opted_out.namespace]):
        jobs.until_limited()
        yield jobs


@pytest.mark.parametrize("metadata", AGENT_JOBS.values(), ids=AGENT_JOBS)
def test_a_job_of_an_agent_gets_missing_limits(limited: Jobs, metadata: dict[str, Any]):
    """It gets a deadline of an hour and no retries. The Job is known by its label or by its owner."""
    assert limited.send(**metadata).limits == (3600, 0)


@pytest.mark.parametrize(
    ("own", "limits"),
    [
        ({"activeDeadlineSeconds": 86400, "backoffLimit": 2}, (86400, 2)),
        ({"activeDeadlineSeconds": 60}, (60, 0)),
        ({"backoffLimit": 2}, (3600, 2)),
        ({"suspend": True}, (3600, 0)),
    ],
    ids=str,
)
def test_a_job_keeps_its_own_limits(limited: Jobs, own: dict[str, Any], limits: tuple[int, int]):
    """They may be longer or shorter. Only missing limits are set."""
    assert limited.send(spec=own).limits == limits


@pytest.mark.parametrize("metadata", OTHER_JOBS.values(), ids=OTHER_JOBS)
def test_other_jobs_are_not_changed(limited: Jobs, metadata: dict[str, Any]):
    """Jobs of other teams are in the same cluster."""
    assert limited.send(**metadata).limits == (None, 6)


def test_a_job_opts_out_by_its_annotation(limited: Jobs):
    """The annotation is `coderun-exporter/admission: none`."""
    assert limited.send(labels=AGENT_LABEL, annotations=OPT_OUT).limits == (None, 6)


def test_a_namespace_opts_out_by_its_label(limited: Jobs, opted_out: Jobs):
    """It has the same key and value."""
    assert limited.send().limits == (3600, 0)
    assert opted_out.send().limits == (None, 6)


@pytest.mark.parametrize(
    ("max_runtime", "deadline"),
    [("4h", 14400), ("1h30m", 5400), ("15m", 3600), ("1000000h", 3600000000), ("none", None)],
)
def test_a_longer_max_runtime_extends_the_deadline(limited: Jobs, max_runtime: str, deadline: int | None):
    """`coderun-exporter/max-runtime` changes the limit of the alert. A shorter one does not shorten the deadline."""
    assert limited.send(labels=AGENT_LABEL, annotations={"coderun-exporter/max-runtime": max_runtime}).limits == (
        deadline,
        0,
    )


def test_the_policy_does_not_change_its_own_result(limited: Jobs):
    """The returned spec is sent again, and is not changed."""
    first = limited.send()
    assert first.limits == (3600, 0)
    own = {key: value for key, value in first.body["spec"].items() if key not in {"selector", "template"}}
    second = limited.send(spec=own)
    assert {key: second.body["spec"][key] for key in own} == own


def test_an_existing_job_gets_no_limit_in_an_update(limited: Jobs):
    """Otherwise a Job older than an hour would end when a label changes."""
    assert limited.send(name="old", dry=False, labels=AGENT_LABEL, annotations=OPT_OUT).code == 201
    patch = {"metadata": {"annotations": dict.fromkeys(OPT_OUT), "labels": {"changed": "yes"}}}
    code, body = limited.plane.request(
        "PATCH", f"{limited.path}/old", patch, content_type="application/merge-patch+json"
    )
    assert (code, body["metadata"]["labels"]["changed"]) == (200, "yes")
    assert ("activeDeadlineSeconds" in body["spec"], body["spec"]["backoffLimit"]) == (False, 6)


@pytest.mark.parametrize("max_runtime", ["2d", "soon", ""])
def test_a_failing_policy_admits_the_job_unchanged(limited: Jobs, max_runtime: str):
    """CEL cannot parse this duration, which is an error of the policy. The failure policy is Ignore."""
    assert limited.send(labels=AGENT_LABEL, annotations={"coderun-exporter/max-runtime": max_runtime}).limits == (
        None,
        6,
    )


def test_the_exporter_exposes_the_limit_of_the_policy(
    control_plane: ControlPlane, limited: Jobs, tmp_path: pathlib.Path
):
    """`AgentJobsWithoutDeadline` reads `job_deadline_seconds`, so the policy resolves the alert."""
    platform = PlatformNamespace(control_plane, limited.namespace)
    platform.make_job(platform.make_run("play"))
    settings = {
        "namespaces": [platform.namespace],
        "configmaps": {"namespace": platform.namespace, "required": [CLAUDE]},
    }
    with Exporter(tmp_path / "exporter", kubeconfig=control_plane.kubeconfig, settings=settings) as exporter:
        lines = exporter.get().text.splitlines()
    assert f'job_deadline_seconds{{namespace="{platform.namespace}",job_name="play-job"}} 3600' in lines
