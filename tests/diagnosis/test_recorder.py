"""The flight recorder keeps an explanation of deleted runs and Jobs."""

import pytest

from exporter.diagnosis import recorder as recording
from exporter.diagnosis.explaining import explanation_of
from exporter.diagnosis.recorder import FlightRecorder
from exporter.diagnosis.target import Target
from tests.harness import StoreHarness
from tests.objects import CREATED, a_job, a_run

DAY = 86_400
RUN = a_run(status={"phase": "Running"})
TARGET = Target("n", "r")


class RecorderFixture:
    """A `StoreHarness` and its flight recorder."""

    def __init__(self, *objects):
        self.harness = StoreHarness(*objects, now=CREATED + 60)
        self.recorder = self.harness.recorder

    def find(self, target=TARGET):
        """The recorded explanation of the run, or None."""
        return next(iter(self.recorder.find(target)), None)

    def lines(self, target=TARGET):
        """The entries of the timeline, without their times."""
        return [f"{entry.object} {entry.what}" for entry in self.find(target).timeline]


def test_a_deleted_run_is_explained_with_the_job_that_was_deleted_before_it():
    """The controller deletes the Job before the run."""
    fixture = RecorderFixture(RUN, a_job(ended="Failed", reason="DeadlineExceeded"))
    fixture.harness.put(a_run(status={"phase": "Failed", "message": "Code implementation failed"}))
    fixture.harness.delete(a_job())
    fixture.harness.advance(CREATED + 900)
    fixture.harness.delete(RUN)
    run = fixture.find()
    assert [finding.cause for finding in run.findings] == ["deadline_exceeded", "job_failed", "other"]
    assert [(worker.name, worker.state) for worker in run.workers] == [("j", "failed")]
    assert run.deleted.timestamp() == CREATED + 900
    assert fixture.lines() == [
        "coderun/r created",
        "job/j created",
        "job/j started",
        "coderun/r cause deadline_exceeded: Job j exceeded its deadline",
        "job/j failed: DeadlineExceeded",
        "coderun/r deletion requested",
    ]


def test_a_deleted_run_is_found_for_24_hours():
    """It is also found by the name of its Job."""
    fixture = RecorderFixture(RUN, a_job())
    fixture.harness.delete(RUN)
    fixture.harness.advance(CREATED + 60 + 20 * 3600)
    assert fixture.find().name == "r"
    assert fixture.find(Target("", "j")).name == "r"
    fixture.harness.advance(CREATED + 60 + DAY - 1)
    assert fixture.find() is not None
    fixture.harness.advance(CREATED + 60 + DAY)
    assert fixture.find() is None
    assert (len(fixture.recorder), fixture.recorder.size) == (0, 0)


def test_a_run_that_a_relist_lacks_is_recorded():
    """For example after a lost connection."""
    fixture = RecorderFixture(RUN, a_job())
    fixture.harness.list("coderuns")
    assert fixture.find().name == "r"


def test_an_existing_run_has_its_deleted_jobs():
    """After a retry, they are the Jobs of earlier attempts."""
    fixture = RecorderFixture(RUN, a_job())
    fixture.harness.delete(a_job())
    fixture.harness.put(a_job(name="j2", uid="j2", created=CREATED + 100))
    run = next(iter(fixture.harness.cache.runs))
    shown = fixture.recorder.completed(explanation_of(run, fixture.harness.cache))
    assert [(worker.name, worker.current) for worker in shown.workers] == [("j2", True), ("j", False)]
    assert [entry.object for entry in shown.timeline if entry.what == "created"] == ["coderun/r", "job/j", "job/j2"]


def test_a_run_that_succeeded_has_no_earlier_findings():
    """The earlier findings are only in the timeline."""
    job = a_job()
    none = job | {"status": {"startTime": job["status"]["startTime"]}}
    fixture = RecorderFixture(RUN, none)
    fixture.harness.advance(CREATED + 3600)
    fixture.harness.delete(none)
    assert "coderun/r cause no_pod: the Job controller reports no pod" in fixture.lines()
    fixture.harness.put(a_run(status={"phase": "Succeeded"}))
    assert fixture.find().findings == ()
    assert "coderun/r cause no_pod: the Job controller reports no pod" in fixture.lines()


@pytest.mark.parametrize(("limit", "maximum"), [("_MAX_RUNS", 5), ("_MAX_BYTES", 5_000)])
def test_the_recorder_is_bounded_and_drops_the_oldest_first(monkeypatch, limit, maximum):
    """Both the number of runs and the bytes are limited."""
    monkeypatch.setattr(recording, limit, maximum)
    runs = [a_run(name=f"r{number}", uid=f"u{number}") for number in range(20)]
    fixture = RecorderFixture(*runs)
    for run in runs:
        fixture.harness.delete(run)
    assert 0 < len(fixture.recorder) < 20
    assert fixture.find(Target("n", "r0")) is None
    assert fixture.find(Target("n", "r19")) is not None
    assert fixture.recorder.size == sum(len(one.data) for one in fixture.recorder._runs.values())


def test_a_restart_loses_the_records():
    """They are only in memory."""
    fixture = RecorderFixture(RUN)
    fixture.harness.delete(RUN)
    assert FlightRecorder(fixture.harness.cache, started=CREATED).find(TARGET) == []


def test_a_bug_in_the_recorder_stops_no_resource(monkeypatch, caplog):
    """The error is logged, and the change is applied to the cache."""
    fixture = RecorderFixture(RUN)

    def broken(*_):
        raise RuntimeError

    monkeypatch.setattr(recording, "explanation_of", broken)
    fixture.harness.delete(RUN)
    assert len(fixture.harness.cache.runs) == 0
    assert "Failed to record a run, skipping it" in caplog.text


def test_a_run_with_very_many_jobs_is_not_explained_at_each_end_of_one(monkeypatch):
    """An explanation reads all Jobs. It is recorded when the newest one ends or is deleted, and when the run is."""
    recorded = []
    jobs = [a_job(name=f"j{at}", uid=f"j{at}", created=CREATED + at) for at in range(60)]
    fixture = RecorderFixture(RUN, *jobs)
    monkeypatch.setattr(
        recording, "explanation_of", lambda item, cache: recorded.append(item) or explanation_of(item, cache)
    )
    for job in jobs[:3]:
        fixture.harness.delete(job)
    fixture.harness.put(a_job(name="j4", uid="j4", created=CREATED + 4, ended="Failed"))
    assert recorded == []
    fixture.harness.delete(jobs[-1])
    assert [one.name for one in recorded] == ["r"]
    fixture.harness.delete(RUN)
    assert fixture.find().more_workers == 46
