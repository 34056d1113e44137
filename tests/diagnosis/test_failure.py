"""The causes of failed runs."""

import pytest

from tests.harness import exposition_of, samples
from tests.objects import a_job, a_run

TEMPLATE = (
    "Template rendering failed: Task configuration error: Template rendering failed for CodeRun r: Partial not found"
    " frontend-toolkits. Check controller logs for details."
)


def causes(*objects, **status):
    """The causes and details in coderun_failure_cause."""
    exposition = exposition_of(a_run(status=status), *objects)
    return [tuple(line.split('"')[5:8:2]) for line in samples(exposition, "coderun_failure_cause")]


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (TEMPLATE, "template_failed"),
        ("failed to render template code/claude/container.sh.hbs", "template_failed"),
        ("template code/claude/container.sh.hbs not found", "template_failed"),
        ("Implementation finished without a pull request", "no_pull_request"),
        ("Job completed, but no pull request was created", "no_pull_request"),
        ("Implementation agent must create a pull request (PR URL not found in status)", "no_pull_request"),
        ("pull request 12 not found", "other"),
        ("the pull request must be approved", "other"),
        ("Max retries (3) reached", "retries_exhausted"),
        ("Retry limit exceeded after 5 attempts", "retries_exhausted"),
        ("the moon is full", "other"),
    ],
)
def test_the_cause_is_derived_from_the_message_which_is_the_detail(message, cause):
    """These are messages of the platform's controllers. Any other message has the cause `other`."""
    assert causes(phase="Failed", message=message) == [(cause, message[:200])]


def test_a_failed_job_is_the_cause_if_the_message_is_not_specific():
    """The detail is the reason that Kubernetes sets."""
    job = a_job(ended="Failed", reason="BackoffLimitExceeded")
    assert causes(job, phase="Failed") == [("job_failed", "Job j: BackoffLimitExceeded")]
    assert causes(job, phase="Failed", message="Code implementation failed") == [
        ("job_failed", "Code implementation failed")
    ]
    assert causes(a_job(ended="Failed"), phase="Failed") == [("job_failed", "Job j: reason unknown")]


@pytest.mark.parametrize("phase", ["Running", "Succeeded"])
def test_a_run_that_has_not_failed_has_no_failure_cause(phase):
    """This does not depend on its message."""
    assert causes(phase=phase, message=TEMPLATE) == []


def test_a_detail_has_no_line_breaks():
    """A message must not look like another line of an alert."""
    assert causes(phase="Failed", message="a\nNext:\r\n  kubectl delete\tns") == [
        ("other", "a Next: kubectl delete ns")
    ]


def test_a_detail_contains_no_user_info_of_a_url():
    """A token in the URL of a repository must not become a label value."""
    message = "clone failed: https://bot:ghp_secret@git.example/o/r"
    assert causes(phase="Failed", message=message) == [("other", "clone failed: git.example/o/r")]
