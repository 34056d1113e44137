"""Why a run has failed: the named causes."""

import pytest

from tests.objects import a_job, a_run
from tests.worlds import page_of, samples

TEMPLATE = (
    "Template rendering failed: Task configuration error: Template rendering failed for CodeRun r: Partial not found"
    " frontend-toolkits. Check controller logs for details."
)


def causes(*objects, **status):
    """Cause and detail on the page."""
    page = page_of(a_run(status=status), *objects)
    return [tuple(line.split('"')[5:8:2]) for line in samples(page, "coderun_failure_cause")]


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (TEMPLATE, "template_failed"),
        ("failed to render template code/claude/container.sh.hbs", "template_failed"),
        ("template code/claude/container.sh.hbs not found", "template_failed"),
        ("Implementation finished without a pull request", "no_pull_request"),
        ("Job completed, but no pull request was created", "no_pull_request"),
        ("Max retries (3) reached", "retries_exhausted"),
        ("Retry limit exceeded after 5 attempts", "retries_exhausted"),
        ("the moon is full", "other"),
    ],
)
def test_the_cause_is_read_from_the_message_and_the_message_is_the_detail(message, cause):
    """Of those that the platform's controllers write; any other one stays readable."""
    assert causes(phase="Failed", message=message) == [(cause, message[:200])]


def test_a_failed_job_is_the_cause_where_the_message_says_nothing():
    """With the reason that Kubernetes gives."""
    job = a_job(ended="Failed", reason="BackoffLimitExceeded")
    assert causes(job, phase="Failed") == [("job_failed", "Job j: BackoffLimitExceeded")]
    assert causes(job, phase="Failed", message="Code implementation failed") == [
        ("job_failed", "Code implementation failed")
    ]
    assert causes(a_job(ended="Failed"), phase="Failed") == [("job_failed", "Job j: reason unknown")]


@pytest.mark.parametrize("phase", ["Running", "Succeeded"])
def test_a_run_that_has_not_failed_has_no_such_cause(phase):
    """Whatever its message says."""
    assert causes(phase=phase, message=TEMPLATE) == []


def test_a_detail_has_no_line_breaks():
    """A message must not look like a second line of an alert."""
    assert causes(phase="Failed", message="a\nNext:\r\n  kubectl delete\tns") == [
        ("other", "a Next: kubectl delete ns")
    ]


def test_a_detail_has_no_user_info_of_a_url():
    """A token in the address of a repository must not become a label."""
    message = "clone failed: https://bot:ghp_secret@git.example/o/r"
    assert causes(phase="Failed", message=message) == [("other", "clone failed: git.example/o/r")]
