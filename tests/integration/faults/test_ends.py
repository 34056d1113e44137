"""Jobs that end by themselves and are deleted soon after: ttlSecondsAfterFinished, with real pods."""

import pytest

from lab.controlplane.objects import working_job
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.waiting import until
from tests.integration.faults.report import Report
from tests.integration.faults.subject import Subject, samples

pytestmark = pytest.mark.timeout(180)

JOBS = 10


@pytest.mark.fault("Jobs whose TTL expires")
def test_jobs_that_are_deleted_after_their_end_are_counted_once_and_forgotten(
    platform: PlatformNamespace, subject: Subject, report: Report
):
    """Their runs have succeeded and tell of them by name; of the Jobs only the counter is left."""
    with subject.enduring() as endured:
        for number in range(JOBS):
            platform.make_job(platform.make_run(f"brief-{number}"), made=working_job, work_seconds=1, ttl_seconds=1)
        until(lambda: _ended(subject) == JOBS, what="all are counted", otherwise=subject.page)
        for number in range(JOBS):
            platform.set_phase(f"brief-{number}", "Succeeded")
        endured.mended()
        until(lambda: not _jobs(subject), what="no Job is on the page", seconds=60)
    report.note(endured)
    assert not endured.turns
    assert _ended(subject) == JOBS
    assert subject.value("coderuns_finished_total", result="succeeded") == JOBS


def _jobs(subject: Subject) -> list[str]:
    return [line for line in samples(subject.page(), "job_created_timestamp") if "brief-" in line]


def _ended(subject: Subject) -> float:
    return subject.value("jobs_finished_total", result="succeeded")
