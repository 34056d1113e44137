"""Very many Jobs of one run, and very many deletions in one moment."""

import time
from typing import Any

import pytest

from lab.controlplane.objects import code_run, job
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import GROUP, PlatformNamespace
from lab.waiting import until
from tests.integration.faults.report import Report
from tests.integration.faults.subject import Subject, samples
from tests.integration.load import in_bulk

pytestmark = pytest.mark.timeout(180)

JOBS = 1000
RUNS = 300


@pytest.mark.fault("a run with 1,000 Jobs")
def test_a_run_with_a_thousand_jobs_holds_nothing_up(
    control_plane: ControlPlane, platform: PlatformNamespace, subject: Subject, report: Report
):
    """Made, changed and collected with their run: no event holds the page up, and no trace of them is left."""
    run = platform.make_run("crowded")
    late, cpu = subject.late(seconds="0.5"), subject.value("process_cpu_seconds_total")
    with subject.enduring() as endured:
        in_bulk(control_plane, (("POST", platform.jobs, _job_of(run, number)) for number in range(JOBS)))
        until(lambda: _jobs(subject) == JOBS, what="all are on the page")
        in_bulk(control_plane, _starts(platform))
        until(lambda: subject.value("job_active") == JOBS + 10, what="all are active")
        assert len(samples(subject.page(), "coderun_job_name", coderun="crowded")) == 1
        platform.delete_run("crowded")
        until(lambda: not _jobs(subject), what="all are collected", seconds=120)
        endured.mended()
    spent = subject.value("process_cpu_seconds_total") - cpu
    report.note(endured, f"{1000 * spent / (3 * JOBS):.1f} ms of CPU for an event, scrapes included")
    assert subject.late(seconds="0.5") == late
    assert not endured.turns
    assert "crowded" not in subject.page()


@pytest.mark.fault("300 runs deleted by one request")
def test_runs_that_are_deleted_together_leave_together(
    control_plane: ControlPlane, platform: PlatformNamespace, subject: Subject, report: Report
):
    """Each with its Job, which the garbage collector takes; those that nobody touched stay."""
    in_bulk(control_plane, (("POST", platform.runs, _marked(f"many-{number}")) for number in range(RUNS)))
    until(lambda: _runs(subject) == RUNS, what="all are on the page")
    with subject.enduring() as endured:
        platform.ask("DELETE", f"{platform.runs}?labelSelector=many%3Dyes")
        endured.mended()
        until(lambda: not _runs(subject), what="all are off the page")
    report.note(endured)
    assert not endured.turns
    assert "many-" not in subject.page()
    assert subject.value("coderun_exporter_resource_objects", resource="coderuns") == 14


def _job_of(run: dict[str, Any], number: int) -> dict[str, Any]:
    owner = {"apiVersion": f"{GROUP}/v1", "kind": "CodeRun", "controller": True}
    owner |= {key: run["metadata"][key] for key in ("name", "uid")}
    return job(f"crowded-{number}", ownerReferences=[owner])


def _starts(platform: PlatformNamespace) -> list[tuple[str, str, Any]]:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    status = {"status": {"active": 1, "startTime": now}}
    return [("PATCH", f"{platform.jobs}/crowded-{number}/status", status) for number in range(JOBS)]


def _marked(name: str) -> dict[str, Any]:
    return code_run(name, labels={"many": "yes"})


def _jobs(subject: Subject) -> int:
    return len([line for line in samples(subject.page(), "job_active") if '"crowded-' in line])


def _runs(subject: Subject) -> int:
    return len([line for line in samples(subject.page(), "coderun_created_timestamp") if '"many-' in line])
