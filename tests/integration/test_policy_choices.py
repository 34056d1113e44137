"""The variants of the policy for Jobs without a deadline or a backoffLimit: warn, deny, or set other values."""

from typing import Any

import pytest

from lab.components import CLUSTER
from lab.controlplane import objects
from lab.controlplane.plane import ControlPlane
from lab.waiting import until
from tests.integration import policies
from tests.integration.policies import AGENT_JOBS, AGENT_LABEL, BOLT, CLEANUP, OPT_OUT, OTHER_JOBS, Jobs, namespace_of

pytestmark = [pytest.mark.needs(*CLUSTER), pytest.mark.timeout(120)]

LIMITS, VALIDATE, DENY = "job-limits.yaml", "job-limits-validate.yaml", "job-limits-deny.yaml"
NO_DEADLINE = (
    "has no spec.activeDeadlineSeconds: if it hangs, nothing ends it."
    " Set activeDeadlineSeconds to more than the longest healthy run"
)
NO_BACKOFF_LIMIT = (
    "has the default spec.backoffLimit of 6: a failed agent starts again up to 6 times. Set backoffLimit: 0"
)
ONE_HOUR_EXPRESSION = "expression: \"{'default': 3600}\""


@pytest.fixture
def jobs(control_plane: ControlPlane) -> Jobs:
    """A namespace without policies. Each test applies its own."""
    return Jobs(control_plane, namespace_of(control_plane))


def test_the_api_server_sets_a_backoff_limit_before_policies_run(jobs: Jobs):
    """Policies see a backoffLimit of 6 if the Job has none. The API server does not set a deadline."""
    changes = {"object.spec.backoffLimit != 6": "has(object.spec.backoffLimit)"}
    with policies.applied(jobs.plane, VALIDATE, namespaces=[jobs.namespace], changes=changes):
        warned = jobs.until_warned()
    assert [NO_DEADLINE in text for text in warned.warnings] == [True]
    assert warned.limits == (None, 6)


def test_a_job_without_limits_causes_warnings_and_is_created(jobs: Jobs):
    """Each missing limit causes one warning, which has the Job, the problem, and what to set."""
    with policies.applied(jobs.plane, VALIDATE, namespaces=[jobs.namespace]):
        warned = jobs.until_warned()
        warning_counts = [len(jobs.send(**metadata).warnings) for metadata in AGENT_JOBS.values()]
    prefix = "Validation failed for ValidatingAdmissionPolicy 'agent-job-limits' with binding 'agent-job-limits': Job"
    lines = [f"{prefix} {jobs.namespace}/play-1 {line}" for line in (NO_DEADLINE, NO_BACKOFF_LIMIT)]
    assert (warned.limits, warned.warnings) == ((None, 6), lines)
    assert warning_counts == [2] * len(warning_counts)


def test_other_jobs_cause_no_warnings(jobs: Jobs):
    """They have limits or an opt-out, or no run of this platform owns them.

    The annotation `max-runtime: none` permits a missing deadline, but not a missing backoffLimit.
    """
    with policies.applied(jobs.plane, VALIDATE, namespaces=[jobs.namespace]):
        jobs.until_warned()
        silent = [
            jobs.send(spec={"activeDeadlineSeconds": 3600, "backoffLimit": 0}),
            jobs.send(labels=AGENT_LABEL, annotations=OPT_OUT),
            *(jobs.send(**metadata) for metadata in OTHER_JOBS.values()),
        ]
        endless = jobs.send(labels=AGENT_LABEL, annotations={"coderun-exporter/max-runtime": "none"})
    assert [(answer.code, answer.warnings) for answer in silent] == [(201, [])] * len(silent)
    assert [NO_BACKOFF_LIMIT in text for text in endless.warnings] == [True]


def test_a_job_without_limits_is_denied_if_this_was_chosen(jobs: Jobs):
    """The response is 422 with the same line. If the first file is applied again, it is a warning again."""
    with policies.applied(jobs.plane, VALIDATE, DENY, namespaces=[jobs.namespace]):
        refused = jobs.until_denied()
        assert refused.code == 422
        assert refused.body["message"].endswith(f"denied request: Job {jobs.namespace}/play-1 {NO_DEADLINE}")
        assert jobs.send(spec={"activeDeadlineSeconds": 60, "backoffLimit": 0}).limits == (60, 0)
        assert jobs.send(labels=AGENT_LABEL, annotations=OPT_OUT).limits == (None, 6)
        policies.apply(jobs.plane, VALIDATE, namespaces=[jobs.namespace])
        assert len(jobs.until_admitted().warnings) == 2


def test_with_both_policies_no_job_is_denied(jobs: Jobs):
    """A Job gets its limits before it is validated."""
    with policies.applied(jobs.plane, VALIDATE, DENY, namespaces=[jobs.namespace]):
        jobs.until_denied()
        with policies.applied(jobs.plane, LIMITS, namespaces=[jobs.namespace]):
            assert jobs.until_admitted().limits == (3600, 0)


def test_a_failing_denial_admits_the_job(jobs: Jobs):
    """The expression fails at run time. The failure policy is Ignore."""
    broken = {"object.spec.backoffLimit != 6": "object.spec.template.spec.containers[9].name != ''"}
    with policies.applied(jobs.plane, VALIDATE, namespaces=[jobs.namespace], changes=broken):
        policies.apply(jobs.plane, DENY, namespaces=[jobs.namespace])
        jobs.until_denied()  # by the valid expression
        answer = jobs.send(spec={"activeDeadlineSeconds": 60})
        assert (answer.limits, answer.warnings) == ((60, 6), [])


def test_the_default_limit_is_one_line(jobs: Jobs):
    """With 4 hours instead of 3600 s, healthy runs of 3 h are not ended."""
    longer = {"'default': 3600": "'default': 14400"}
    with policies.applied(jobs.plane, LIMITS, namespaces=[jobs.namespace], changes=longer):
        jobs.until_limited()
        limits = {name: jobs.send(**metadata).limits for name, metadata in AGENT_JOBS.items()}
        annotated = jobs.send(labels=AGENT_LABEL, annotations={"coderun-exporter/max-runtime": "6h"}).limits
    assert limits == dict.fromkeys(AGENT_JOBS, (14400, 0))
    assert annotated == (21600, 0)


def test_agents_kinds_and_cleanups_can_have_their_own_limits(jobs: Jobs):
    """The keys are the label `github-user`, the kind of the owner, and the label of a cleanup."""
    (shown,) = (line.strip("# \n") for line in (policies.FILES / LIMITS).read_text().splitlines() if "# {'d" in line)
    changes = {ONE_HOUR_EXPRESSION: f'expression: "{shown}"'}
    with policies.applied(jobs.plane, LIMITS, namespaces=[jobs.namespace], changes=changes):
        jobs.until_limited()
        limits = {
            "cipher": jobs.send(labels=AGENT_LABEL | {"github-user": "5dlabs-cipher"}),
            "tess": jobs.send(labels=AGENT_LABEL | {"github-user": "5dlabs-tess"}),
            "BoltRun": jobs.send(ownerReferences=[BOLT]),
            "cipher's BoltRun": jobs.send(ownerReferences=[BOLT], labels={"github-user": "5dlabs-cipher"}),
            "cleanup": jobs.send(labels=CLEANUP),
        }
    deadlines = {name: answer.limits[0] for name, answer in limits.items()}
    assert deadlines == dict(zip(limits, (3600, 14400, 10800, 3600, 1800), strict=True))


def test_a_hanging_job_is_ended_by_its_limit(jobs: Jobs):
    """Kubernetes ends it after one second: Failed, DeadlineExceeded."""
    changes = {ONE_HOUR_EXPRESSION: "expression: \"{'default': 1}\""}
    with policies.applied(jobs.plane, LIMITS, namespaces=[jobs.namespace], changes=changes):
        jobs.until_limited()
        job = objects.job("play-1", labels=AGENT_LABEL)
        del job["spec"]["managedBy"]
        job["spec"]["template"]["metadata"] = {"annotations": {"test/plan": "forever"}}
        assert policies.ask(jobs.plane, "POST", jobs.path, job, dry=False).code == 201

        def reasons() -> set[str]:
            _, found = jobs.plane.request("GET", f"{jobs.path}/play-1")
            conditions = found["status"].get("conditions", [])
            return {each["reason"] for each in conditions if each["type"] == "Failed"}

        assert until(reasons, what="the Job has failed") == {"DeadlineExceeded"}


def test_a_suspended_job_has_a_deadline_only_after_it_is_resumed(jobs: Jobs):
    """The limit is one second. A later Job has failed by it, and the suspended Job fails after its resume."""

    def create(name: str, **spec: Any) -> None:
        job = objects.working_job(name, work_seconds=3600, ttl_seconds=3600, labels=CLEANUP)
        job["spec"] |= spec
        assert policies.ask(jobs.plane, "POST", jobs.path, job, dry=False).limits == (1, 0)

    def conditions(name: str) -> dict[str, str]:
        _, job = jobs.plane.request("GET", f"{jobs.path}/{name}")
        return {each["type"]: each["reason"] for each in job["status"].get("conditions", [])}

    changes = {"'default': 3600": "'default': 1"}
    with policies.applied(jobs.plane, LIMITS, namespaces=[jobs.namespace], changes=changes):
        jobs.until_limited()
        create("queued", suspend=True)
        create("started")
        until(lambda: conditions("started").get("Failed"), what="the Job that was started has failed")
        assert conditions("queued") == {"Suspended": "JobSuspended"}
        resume = {"spec": {"suspend": False}}
        jobs.plane.request("PATCH", f"{jobs.path}/queued", resume, content_type="application/merge-patch+json")
        failed = until(lambda: conditions("queued").get("Failed"), what="the resumed Job has failed")
        assert failed == "DeadlineExceeded"
