"""What the Job controller says about the end of a Job, in its conditions."""

import pytest

from tests.diagnosis.test_causes import OPEN, READ, a_pod, explain_objects
from tests.objects import CREATED, a_job, a_run, stamp

FAILED = a_run(status={"phase": "Failed"})
POLICY = "Container main for pod n/j-x2k4p failed with exit code 42 matching FailJob rule at index 0"
INDEXES = "Job has failed indexes"
MANY = "Job has exceeded the specified maximal number of failed indexes"


def ended(kind, reason, message, **status):
    """A Job with this condition, without active pods."""
    condition = {"type": kind, "status": "True", "reason": reason, "message": message}
    condition["lastTransitionTime"] = stamp(CREATED + 300)
    return a_job() | {"status": {"startTime": stamp(CREATED + 10), "conditions": [condition], **status}}


def first(folder, *objects, cause=None):
    """The evidence of the first finding, or of that with this cause."""
    _, (run,) = explain_objects(folder, [*objects, READ], "")
    return next(one for one in run["findings"] if cause in {None, one["cause"]})


@pytest.mark.parametrize(
    ("job", "evidence"),
    [
        (ended("Failed", "PodFailurePolicy", POLICY), f"Job j: PodFailurePolicy: {POLICY}"),
        (
            ended("Failed", "FailedIndexes", INDEXES, failedIndexes="1,3-5"),
            f"Job j: FailedIndexes: {INDEXES}: indexes 1,3-5",
        ),
        (ended("Failed", "MaxFailedIndexesExceeded", MANY), f"Job j: MaxFailedIndexesExceeded: {MANY}"),
        (
            ended("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"),
            "Job j: BackoffLimitExceeded",
        ),
        (ended("Failed", "QuotaRemoved", "the queue gave up"), "Job j: QuotaRemoved: the queue gave up"),
        (ended("Failed", None, None), "Job j: reason unknown"),
    ],
)
def test_the_message_of_the_condition_is_the_evidence(tmp_path, job, evidence):
    """A message that only repeats the reason is not."""
    found = first(tmp_path, FAILED, job)
    assert (found["cause"], found["evidence"]) == ("job_failed", evidence)


@pytest.mark.parametrize(
    ("message", "evidence"),
    [
        ("Implementation failed", f"Implementation failed; Job j: PodFailurePolicy: {POLICY}"),
        (f"Job failed: {POLICY}", f"Job failed: {POLICY}"),
    ],
)
def test_the_message_of_the_job_follows_that_of_its_run(tmp_path, message, evidence):
    """The controller of the platform knows the result, the Job controller knows why."""
    run = a_run(status={"phase": "Failed", "message": message})
    assert first(tmp_path, run, ended("Failed", "PodFailurePolicy", POLICY))["evidence"] == evidence


def test_a_job_without_a_failed_run_has_the_message_too(tmp_path):
    """Its run is open: the controller has not updated it."""
    found = first(tmp_path, OPEN, ended("Failed", "PodFailurePolicy", POLICY), cause="job_failed")
    assert found["evidence"] == f"Job j: PodFailurePolicy: {POLICY}"


@pytest.mark.parametrize(
    ("job", "why"),
    [
        (ended("FailureTarget", "PodFailurePolicy", POLICY, terminating=1), f"; PodFailurePolicy: {POLICY}"),
        (
            ended("SuccessCriteriaMet", "SuccessPolicy", "Matched rules at index 0", terminating=1),
            "; SuccessPolicy: Matched rules at index 0",
        ),
        (
            ended("FailureTarget", "FailedIndexes", INDEXES, failedIndexes="1,3", terminating=1),
            f"; FailedIndexes: {INDEXES}",
        ),
        (
            ended(
                "SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods", terminating=1
            ),
            "",
        ),
        (
            ended(
                "FailureTarget", "DeadlineExceeded", "Job was active longer than specified deadline", terminating=1
            ),
            "; DeadlineExceeded",
        ),
    ],
)
def test_while_its_pods_terminate_the_reason_for_it_is_known(tmp_path, job, why):
    """The Job controller adds FailureTarget or SuccessCriteriaMet first, and Failed or Complete after their end.

    Until then, more indexes fail: with them, each would be a new series.
    """
    found = first(tmp_path, OPEN, job, a_pod("Running", deleted=CREATED + 330))
    assert (found["cause"], found["evidence"]) == ("pods_terminating", f"1 pod terminating, none active{why}")


def test_credentials_in_a_message_are_hidden(tmp_path):
    """Whoever may write the status of a Job writes the message."""
    found = first(
        tmp_path, FAILED, ended("Failed", "Custom", "clone of https://bot:secret@git.example/o/r failed\nx")
    )
    assert found["evidence"] == "Job j: Custom: clone of git.example/o/r failed x"
