"""The deadline policies on Jobs that the platform creates without a deadline: a BoltRun's, a workspace cleanup."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from lab.components import CLUSTER
from lab.controlplane import objects
from lab.controlplane.plane import ControlPlane
from lab.waiting import until
from tests.integration import policies
from tests.integration.policies import OUT, Answer, Jobs, namespace_of

pytestmark = [pytest.mark.needs(*CLUSTER), pytest.mark.timeout(120)]

GROUP, VERSION = "cto.5dlabs.ai", "v1alpha1"
LIMITS, VALIDATE, DENY = "job-limits.yaml", "job-limits-validate.yaml", "job-limits-deny.yaml"
BOLT_RUN: dict[str, Any] = {
    "apiVersion": f"{GROUP}/{VERSION}",
    "kind": "BoltRun",
    "metadata": {"name": "upgrade-acme"},
    "spec": {
        "tenantRef": "tenant-acme",
        "taskType": "upgrade",
        "execution": {"timeout": "30m", "retryLimit": 3, "model": "claude-sonnet-4"},
    },
}
BOLT_LABELS = {
    f"{GROUP}/tenant": "tenant-acme",
    f"{GROUP}/managed-by": "bolt-controller",
    f"{GROUP}/task-type": "upgrade",
}
BOLT_SPEC = {"backoffLimit": 3, "ttlSecondsAfterFinished": 3600}
CLEANUP_LABELS = {
    "cleanup.cto.dev/scope": "run",
    "cleanup.cto.dev/run": "coderun-myproj-t41",
    "cleanup.cto.dev/kind": "workspace-cleanup",
}
CLEANUP_SPEC = {"backoffLimit": 0, "ttlSecondsAfterFinished": 300}
FOREIGN = {"app.kubernetes.io/name": "backup", "batch.kubernetes.io/cronjob": "nightly"}


class Platform:
    """A namespace in which the platform's controllers create Jobs, as a dry run unless `dry` is False."""

    def __init__(self, plane: ControlPlane) -> None:
        self.jobs = Jobs(plane, namespace_of(plane))
        path = f"/apis/{GROUP}/{VERSION}"
        plane.request(
            "POST",
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            objects.crd(GROUP, versions=(VERSION,), kind="BoltRun"),
        )
        until(lambda: plane.request("GET", f"{path}/boltruns")[0] == 200, what="BoltRuns are served")
        code, self._run = plane.request("POST", f"{path}/namespaces/{self.jobs.namespace}/boltruns", BOLT_RUN)
        assert code == 201, self._run

    def bolt(self, *, dry: bool = True, spec: dict[str, Any] | None = None, **metadata: Any) -> Answer:
        """The Job of the BoltRun: owned by it, no deadline, three retries."""
        owner = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "BoltRun", "controller": True}
        owner |= {key: self._run["metadata"][key] for key in ("name", "uid")}
        metadata = {"labels": BOLT_LABELS, "ownerReferences": [owner | {"blockOwnerDeletion": True}]} | metadata
        name = f"bolt-upgrade-acme-{uuid.uuid4().hex[:8]}"
        return self.jobs.send(name=name, dry=dry, spec=BOLT_SPEC | (spec or {}), **metadata)

    def cleanup(self, *, dry: bool = True, **metadata: Any) -> Answer:
        """The Job that removes the workspace of a run that is gone: no owner, no deadline."""
        name = f"cleanup-coderun-myproj-t41-{uuid.uuid4().hex[:8]}"
        return self.jobs.send(name=name, dry=dry, spec=CLEANUP_SPEC, **{"labels": CLEANUP_LABELS} | metadata)

    def foreign(self) -> Answer:
        """A Job of another team in the same namespace."""
        return self.jobs.send(name="nightly-29", spec={"backoffLimit": 3}, labels=FOREIGN)


@pytest.fixture
def platform(control_plane: ControlPlane) -> Platform:
    """The platform of the newest generation, as far as it creates Jobs without a deadline; no policy applies."""
    return Platform(control_plane)


@pytest.fixture(scope="module")
def limited(control_plane: ControlPlane) -> Iterator[Platform]:
    """The same, with the policy that sets limits."""
    platform = Platform(control_plane)
    with policies.applied(platform.jobs.plane, LIMITS, namespaces=[platform.jobs.namespace]):
        platform.jobs.until_limited()
        yield platform


def test_without_a_policy_neither_job_has_a_deadline(platform: Platform):
    """The API server sets none by itself."""
    assert (platform.bolt().limits, platform.cleanup().limits) == ((None, 3), (None, 0))


def test_a_bolt_runs_job_gets_a_deadline_and_keeps_its_retries(limited: Platform):
    """One deadline over all of its tries together."""
    created = limited.bolt(dry=False)
    assert created.limits == (3600, 3)
    assert created.body["metadata"]["ownerReferences"][0]["kind"] == "BoltRun"


def test_a_cleanup_job_without_an_owner_gets_a_deadline_by_its_label(limited: Platform):
    """It has no run that it could be known by."""
    created = limited.cleanup(dry=False)
    assert created.limits == (3600, 0)
    assert "ownerReferences" not in created.body["metadata"]


def test_a_foreign_job_beside_them_stays_as_it_was_sent(limited: Platform):
    """A label of a CronJob makes no agent."""
    assert limited.foreign().limits == (None, 3)


def test_both_opt_out_by_annotation(limited: Platform):
    """`coderun-exporter/admission: none`, as for every other Job."""
    assert limited.bolt(annotations=OUT).limits == (None, 3)
    assert limited.cleanup(annotations=OUT).limits == (None, 0)


def test_a_suspended_bolt_runs_job_gets_the_deadline_for_the_time_after_its_resume(limited: Platform):
    """A queue suspends a Job at its creation; the deadline then counts from the resume."""
    sent = limited.bolt(spec={"suspend": True})
    assert (sent.limits, sent.body["spec"]["suspend"]) == ((3600, 3), True)


def test_both_are_warned_about_once_each(platform: Platform):
    """About the deadline only: they bring a backoffLimit. The foreign Job is not."""
    with policies.applied(platform.jobs.plane, VALIDATE, namespaces=[platform.jobs.namespace]):
        platform.jobs.until_warned()
        warnings = [platform.bolt().warnings, platform.cleanup().warnings, platform.foreign().warnings]
        assert [["no spec.activeDeadlineSeconds" in line for line in lines] for lines in warnings] == [
            [True],
            [True],
            [],
        ]


def test_both_are_rejected_where_that_was_chosen(platform: Platform):
    """The platform sets no deadline on them, so with this policy no BoltRun gets a Job."""
    with policies.applied(platform.jobs.plane, VALIDATE, DENY, namespaces=[platform.jobs.namespace]):
        platform.jobs.until_refused()
        assert [platform.bolt().code, platform.cleanup().code, platform.foreign().code] == [422, 422, 201]
