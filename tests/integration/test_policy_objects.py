"""The deadline policies for Jobs that the platform creates without a deadline: of BoltRuns and of cleanups."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from lab.components import CLUSTER
from lab.controlplane import objects
from lab.controlplane.plane import ControlPlane
from lab.waiting import until
from tests.integration import policies
from tests.integration.policies import OPT_OUT, Jobs, Response, namespace_of

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
OTHER_TEAM = {"app.kubernetes.io/name": "backup", "batch.kubernetes.io/cronjob": "nightly"}


class Platform:
    """A namespace in which Jobs of the platform are created. With `dry` they are not stored."""

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

    def bolt(self, *, dry: bool = True, spec: dict[str, Any] | None = None, **metadata: Any) -> Response:
        """The Job of a BoltRun. It has an owner, no deadline and three retries."""
        owner = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "BoltRun", "controller": True}
        owner |= {key: self._run["metadata"][key] for key in ("name", "uid")}
        metadata = {"labels": BOLT_LABELS, "ownerReferences": [owner | {"blockOwnerDeletion": True}]} | metadata
        name = f"bolt-upgrade-acme-{uuid.uuid4().hex[:8]}"
        return self.jobs.send(name=name, dry=dry, spec=BOLT_SPEC | (spec or {}), **metadata)

    def cleanup(self, *, dry: bool = True, **metadata: Any) -> Response:
        """The Job that removes the workspace of a deleted run. It has no owner and no deadline."""
        name = f"cleanup-coderun-myproj-t41-{uuid.uuid4().hex[:8]}"
        return self.jobs.send(name=name, dry=dry, spec=CLEANUP_SPEC, **{"labels": CLEANUP_LABELS} | metadata)

    def of_other_team(self) -> Response:
        """A Job of another team in the same namespace."""
        return self.jobs.send(name="nightly-29", spec={"backoffLimit": 3}, labels=OTHER_TEAM)


@pytest.fixture
def platform(control_plane: ControlPlane) -> Platform:
    """The newest version of the platform, without a policy."""
    return Platform(control_plane)


@pytest.fixture(scope="module")
def limited(control_plane: ControlPlane) -> Iterator[Platform]:
    """The newest version of the platform, with the policy that sets limits."""
    platform = Platform(control_plane)
    with policies.applied(platform.jobs.plane, LIMITS, namespaces=[platform.jobs.namespace]):
        platform.jobs.until_limited()
        yield platform


def test_without_a_policy_the_jobs_have_no_deadline(platform: Platform):
    """The API server sets none."""
    assert (platform.bolt().limits, platform.cleanup().limits) == ((None, 3), (None, 0))


def test_the_job_of_a_boltrun_gets_a_deadline_and_keeps_its_retries(limited: Platform):
    """The deadline is for all attempts together."""
    created = limited.bolt(dry=False)
    assert created.limits == (3600, 3)
    assert created.body["metadata"]["ownerReferences"][0]["kind"] == "BoltRun"


def test_a_cleanup_job_gets_a_deadline_by_its_label(limited: Platform):
    """It has no owner."""
    created = limited.cleanup(dry=False)
    assert created.limits == (3600, 0)
    assert "ownerReferences" not in created.body["metadata"]


def test_a_job_of_another_team_is_not_changed(limited: Platform):
    """A label of a CronJob does not make it a Job of an agent."""
    assert limited.of_other_team().limits == (None, 3)


def test_both_can_opt_out_by_annotation(limited: Platform):
    """The annotation is `coderun-exporter/admission: none`, as for other Jobs."""
    assert limited.bolt(annotations=OPT_OUT).limits == (None, 3)
    assert limited.cleanup(annotations=OPT_OUT).limits == (None, 0)


def test_a_suspended_job_of_a_boltrun_gets_a_deadline(limited: Platform):
    """A queue suspends a Job when it is created. The deadline starts when the Job is resumed."""
    sent = limited.bolt(spec={"suspend": True})
    assert (sent.limits, sent.body["spec"]["suspend"]) == ((3600, 3), True)


def test_both_cause_one_warning(platform: Platform):
    """It is about the deadline, because they have a backoffLimit. The Job of another team causes no warning."""
    with policies.applied(platform.jobs.plane, VALIDATE, namespaces=[platform.jobs.namespace]):
        platform.jobs.until_warned()
        warnings = [platform.bolt().warnings, platform.cleanup().warnings, platform.of_other_team().warnings]
        assert [["no spec.activeDeadlineSeconds" in line for line in lines] for lines in warnings] == [
            [True],
            [True],
            [],
        ]


def test_both_are_denied_if_this_was_chosen(platform: Platform):
    """The platform sets no deadlines, so no BoltRun gets a Job with this policy."""
    with policies.applied(platform.jobs.plane, VALIDATE, DENY, namespaces=[platform.jobs.namespace]):
        platform.jobs.until_denied()
        assert [platform.bolt().code, platform.cleanup().code, platform.of_other_team().code] == [422, 422, 201]
