"""What the policy that gives Jobs their limits does on a real API server, as it is shipped: safeguard S3."""

import pathlib
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from lab.components import CLUSTER
from lab.controlplane.plane import ControlPlane
from lab.controlplane.workplace import CLAUDE, Workplace
from lab.exporting import Exporter
from tests.integration import policies
from tests.integration.policies import AGENT, AGENTS, OTHERS, OUT, Jobs, namespace_of

pytestmark = [pytest.mark.needs(*CLUSTER), pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def out(control_plane: ControlPlane) -> Jobs:
    """A namespace that has opted out."""
    return Jobs(control_plane, namespace_of(control_plane, **OUT))


@pytest.fixture(scope="module")
def limited(control_plane: ControlPlane, out: Jobs) -> Iterator[Jobs]:
    """A namespace of a platform, where Jobs of agents are given limits."""
    place = Workplace(control_plane, f"policies-{uuid.uuid4().hex[:8]}").open()
    jobs = Jobs(control_plane, place.namespace)
    with policies.applied(control_plane, "job-limits.yaml", namespaces=[jobs.namespace, out.namespace]):
        jobs.until_limited()
        yield jobs


@pytest.mark.parametrize("metadata", AGENTS.values(), ids=AGENTS)
def test_a_job_of_an_agent_gets_the_limits_that_it_lacks(limited: Jobs, metadata: dict[str, Any]):
    """An hour, and no second try, whether it is known by its label or by the run that controls it."""
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
def test_a_job_keeps_the_limits_that_it_brings(limited: Jobs, own: dict[str, Any], limits: tuple[int, int]):
    """Longer or shorter; only what is missing is filled in."""
    assert limited.send(spec=own).limits == limits


@pytest.mark.parametrize("metadata", OTHERS.values(), ids=OTHERS)
def test_a_job_that_is_no_agents_stays_as_it_was_sent(limited: Jobs, metadata: dict[str, Any]):
    """Other teams' Jobs run in the same cluster."""
    assert limited.send(**metadata).limits == (None, 6)


def test_a_job_opts_out_by_its_annotation(limited: Jobs):
    """`coderun-exporter/admission: none`."""
    assert limited.send(labels=AGENT, annotations=OUT).limits == (None, 6)


def test_a_namespace_opts_out_by_its_label(limited: Jobs, out: Jobs):
    """The same key and value."""
    assert limited.send().limits == (3600, 0)
    assert out.send().limits == (None, 6)


@pytest.mark.parametrize(
    ("longest", "deadline"),
    [("4h", 14400), ("1h30m", 5400), ("15m", 3600), ("1000000h", 3600000000), ("none", None)],
)
def test_a_job_that_may_run_longer_is_not_ended_before(limited: Jobs, longest: str, deadline: int | None):
    """`coderun-exporter/max-runtime` moves the alert, so the deadline too; a shorter one is no reason to end it."""
    assert limited.send(labels=AGENT, annotations={"coderun-exporter/max-runtime": longest}).limits == (deadline, 0)


def test_what_the_policy_made_it_leaves_alone(limited: Jobs):
    """The spec as it came back is sent again, and comes back the same."""
    first = limited.send()
    assert first.limits == (3600, 0)
    own = {key: value for key, value in first.body["spec"].items() if key not in {"selector", "template"}}
    second = limited.send(spec=own)
    assert {key: second.body["spec"][key] for key in own} == own


def test_a_job_that_is_there_already_gets_no_limit_by_being_changed(limited: Jobs):
    """Or an old Job, of more than an hour, would end at the next change of a label."""
    assert limited.send(name="old", dry=False, labels=AGENT, annotations=OUT).code == 201
    patch = {"metadata": {"annotations": dict.fromkeys(OUT), "labels": {"changed": "yes"}}}
    code, body = limited.plane.request(
        "PATCH", f"{limited.path}/old", patch, content_type="application/merge-patch+json"
    )
    assert (code, body["metadata"]["labels"]["changed"]) == (200, "yes")
    assert ("activeDeadlineSeconds" in body["spec"], body["spec"]["backoffLimit"]) == (False, 6)


@pytest.mark.parametrize("longest", ["2d", "soon", ""])
def test_a_policy_that_fails_lets_the_job_in_as_it_was_sent(limited: Jobs, longest: str):
    """CEL cannot read such a duration, and that is an error in the middle of the policy: fail-open."""
    assert limited.send(labels=AGENT, annotations={"coderun-exporter/max-runtime": longest}).limits == (None, 6)


def test_the_exporter_tells_the_limit_that_the_policy_gave(
    control_plane: ControlPlane, limited: Jobs, tmp_path: pathlib.Path
):
    """`job_deadline_seconds`, by which `AgentJobsWithoutDeadline` goes: the cure ends the alert."""
    place = Workplace(control_plane, limited.namespace)
    place.make_job(place.make_run("play"))
    settings = {"namespaces": [place.namespace], "configmaps": {"namespace": place.namespace, "required": [CLAUDE]}}
    with Exporter(tmp_path / "exporter", kubeconfig=control_plane.kubeconfig, settings=settings) as exporter:
        lines = exporter.get().text.splitlines()
    assert f'job_deadline_seconds{{namespace="{place.namespace}",job_name="play-job"}} 3600' in lines
