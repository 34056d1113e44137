"""What can be chosen for Jobs without limits, on a real API server: a warning, a refusal, limits of one's own."""

from typing import Any

import pytest

from lab.components import CLUSTER
from lab.controlplane import objects
from lab.controlplane.plane import ControlPlane
from lab.waiting import until
from tests.integration import policies
from tests.integration.policies import AGENT, AGENTS, BOLT, CLEANUP, OTHERS, OUT, Jobs, namespace_of

pytestmark = [pytest.mark.needs(*CLUSTER), pytest.mark.timeout(120)]

LIMITS, VALIDATE, DENY = "job-limits.yaml", "job-limits-validate.yaml", "job-limits-deny.yaml"
NO_DEADLINE = (
    "has no spec.activeDeadlineSeconds: if it hangs, nothing ends it."
    " Set activeDeadlineSeconds to more than the longest healthy run"
)
NO_BACKOFF_LIMIT = (
    "has no spec.backoffLimit, or one of 6, the default: a failed agent starts again up to 6 times."
    " Set backoffLimit: 0"
)
HOUR = "expression: \"{'default': 3600}\""


@pytest.fixture
def jobs(control_plane: ControlPlane) -> Jobs:
    """A namespace of the test's own; it says which policies."""
    return Jobs(control_plane, namespace_of(control_plane))


def test_the_api_server_fills_in_a_backoff_limit_before_policies_see_the_job(jobs: Jobs):
    """So "not set" is 6 for a policy, and a Job that asks for 6 looks the same. A deadline is not filled in."""
    asked = {"object.spec.backoffLimit != 6": "has(object.spec.backoffLimit)"}
    with policies.applied(jobs.plane, VALIDATE, namespaces=[jobs.namespace], changes=asked):
        warned = jobs.until_warned()
    assert [NO_DEADLINE in text for text in warned.warnings] == [True]
    assert warned.limits == (None, 6)


def test_whoever_makes_a_job_without_limits_is_warned_and_the_job_is_made(jobs: Jobs):
    """A line for each that is missing: which Job, what is wrong, what would be right."""
    with policies.applied(jobs.plane, VALIDATE, namespaces=[jobs.namespace]):
        warned = jobs.until_warned()
        agents = [len(jobs.send(**metadata).warnings) for metadata in AGENTS.values()]
    told = "Validation failed for ValidatingAdmissionPolicy 'agent-job-limits' with binding 'agent-job-limits': Job"
    lines = [f"{told} {jobs.namespace}/play-1 {line}" for line in (NO_DEADLINE, NO_BACKOFF_LIMIT)]
    assert (warned.limits, warned.warnings) == ((None, 6), lines)
    assert agents == [2] * len(agents)


def test_who_brings_limits_or_opted_out_or_is_no_agent_is_not_warned(jobs: Jobs):
    """`max-runtime: none` is a reason to have no deadline, and none to be started again."""
    with policies.applied(jobs.plane, VALIDATE, namespaces=[jobs.namespace]):
        jobs.until_warned()
        silent = [
            jobs.send(spec={"activeDeadlineSeconds": 3600, "backoffLimit": 0}),
            jobs.send(labels=AGENT, annotations=OUT),
            *(jobs.send(**metadata) for metadata in OTHERS.values()),
        ]
        endless = jobs.send(labels=AGENT, annotations={"coderun-exporter/max-runtime": "none"})
    assert [(answer.code, answer.warnings) for answer in silent] == [(201, [])] * len(silent)
    assert [NO_BACKOFF_LIMIT in text for text in endless.warnings] == [True]


def test_a_job_without_limits_is_refused_where_that_was_chosen_and_only_as_long(jobs: Jobs):
    """422 and the same line; with limits it is let in. The first file applied again turns it back into a warning."""
    with policies.applied(jobs.plane, VALIDATE, DENY, namespaces=[jobs.namespace]):
        refused = jobs.until_refused()
        assert refused.code == 422
        assert refused.body["message"].endswith(f"denied request: Job {jobs.namespace}/play-1 {NO_DEADLINE}")
        assert jobs.send(spec={"activeDeadlineSeconds": 60, "backoffLimit": 0}).limits == (60, 0)
        assert jobs.send(labels=AGENT, annotations=OUT).limits == (None, 6)
        policies.apply(jobs.plane, VALIDATE, namespaces=[jobs.namespace])
        assert len(jobs.until_let_in().warnings) == 2


def test_with_both_policies_nothing_is_left_to_refuse(jobs: Jobs):
    """A Job is given its limits before it is judged."""
    with policies.applied(jobs.plane, VALIDATE, DENY, namespaces=[jobs.namespace]):
        jobs.until_refused()
        with policies.applied(jobs.plane, LIMITS, namespaces=[jobs.namespace]):
            assert jobs.until_let_in().limits == (3600, 0)


def test_even_a_refusal_that_fails_lets_the_job_in(jobs: Jobs):
    """An expression that breaks off at run time, in a policy that refuses: fail-open."""
    broken = {"object.spec.backoffLimit != 6": "object.spec.template.spec.containers[9].name != ''"}
    with policies.applied(jobs.plane, VALIDATE, namespaces=[jobs.namespace], changes=broken):
        policies.apply(jobs.plane, DENY, namespaces=[jobs.namespace])
        jobs.until_refused()  # by the expression that is whole
        answer = jobs.send(spec={"activeDeadlineSeconds": 60})
        assert (answer.limits, answer.warnings) == ((60, 6), [])


def test_another_default_limit_is_one_line(jobs: Jobs):
    """With 4 hours instead of the 3600 s, the platform's healthy runs of 3 h end by themselves."""
    longer = {"'default': 3600": "'default': 14400"}
    with policies.applied(jobs.plane, LIMITS, namespaces=[jobs.namespace], changes=longer):
        jobs.until_limited()
        limits = {name: jobs.send(**metadata).limits for name, metadata in AGENTS.items()}
        annotated = jobs.send(labels=AGENT, annotations={"coderun-exporter/max-runtime": "6h"}).limits
    assert limits == dict.fromkeys(AGENTS, (14400, 0))
    assert annotated == (21600, 0)


def test_an_agent_a_kind_and_a_cleanup_may_have_limits_of_their_own(jobs: Jobs):
    """By the label `github-user`, the owner's kind or the cleanup's label, as the comment in the file shows it."""
    (shown,) = (line.strip("# \n") for line in (policies.FILES / LIMITS).read_text().splitlines() if "# {'d" in line)
    with policies.applied(jobs.plane, LIMITS, namespaces=[jobs.namespace], changes={HOUR: f'expression: "{shown}"'}):
        jobs.until_limited()
        limits = {
            "cipher": jobs.send(labels=AGENT | {"github-user": "5dlabs-cipher"}),
            "tess": jobs.send(labels=AGENT | {"github-user": "5dlabs-tess"}),
            "BoltRun": jobs.send(ownerReferences=[BOLT]),
            "cipher's BoltRun": jobs.send(ownerReferences=[BOLT], labels={"github-user": "5dlabs-cipher"}),
            "cleanup": jobs.send(labels=CLEANUP),
        }
    deadlines = {name: answer.limits[0] for name, answer in limits.items()}
    assert deadlines == dict(zip(limits, (3600, 14400, 10800, 3600, 1800), strict=True))


def test_a_job_that_hangs_is_ended_by_the_limit_that_it_was_given(jobs: Jobs):
    """By Kubernetes itself: Failed, DeadlineExceeded; here after one second."""
    with policies.applied(
        jobs.plane, LIMITS, namespaces=[jobs.namespace], changes={HOUR: "expression: \"{'default': 1}\""}
    ):
        jobs.until_limited()
        job = objects.job("play-1", labels=AGENT)
        del job["spec"]["managedBy"]
        job["spec"]["template"]["metadata"] = {"annotations": {"test/plan": "forever"}}
        assert policies.ask(jobs.plane, "POST", jobs.path, job, dry=False).code == 201

        def reasons() -> set[str]:
            _, found = jobs.plane.request("GET", f"{jobs.path}/play-1")
            conditions = found["status"].get("conditions", [])
            return {each["reason"] for each in conditions if each["type"] == "Failed"}

        assert until(reasons, what="the Job has failed") == {"DeadlineExceeded"}


def test_a_suspended_job_is_not_ended_by_its_deadline_until_it_is_resumed(jobs: Jobs):
    """With a limit of one second: a Job created later has failed by it, the suspended one fails after its resume."""

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
