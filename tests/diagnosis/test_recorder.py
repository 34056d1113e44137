"""The flight recorder: what became of the run that is gone."""

import pytest

from exporter.diagnosis import recorder as recording
from exporter.diagnosis.explaining import explanation_of
from exporter.diagnosis.recorder import FlightRecorder
from exporter.diagnosis.target import Target
from tests.objects import CREATED, a_job, a_run
from tests.worlds import World

DAY = 86_400
RUN = a_run(status={"phase": "Running"})
R = Target("n", "r")


class Flight:
    """A world with its recorder."""

    def __init__(self, *objects):
        self.world = World(*objects, now=CREATED + 60)
        self.recorder = self.world.recorder

    def find(self, target=R):
        """The record; None if there is none."""
        return next(iter(self.recorder.find(target)), None)

    def lines(self, target=R):
        """The timeline, without times."""
        return [f"{entry.object} {entry.what}" for entry in self.find(target).timeline]


def test_a_deleted_run_stays_explainable_with_the_job_that_was_deleted_before_it():
    """The Job goes first, as the controller deletes it."""
    flight = Flight(RUN, a_job(ended="Failed", reason="DeadlineExceeded"))
    flight.world.put(a_run(status={"phase": "Failed", "message": "Code implementation failed"}))
    flight.world.delete(a_job())
    flight.world.advance(CREATED + 900)
    flight.world.delete(RUN)
    run = flight.find()
    assert [finding.cause for finding in run.findings] == ["deadline_exceeded", "job_failed", "other"]
    assert [(worker.name, worker.state) for worker in run.workers] == [("j", "failed")]
    assert run.deleted.timestamp() == CREATED + 900
    assert flight.lines() == [
        "coderun/r created",
        "job/j created",
        "job/j started",
        "coderun/r cause deadline_exceeded: Job j exceeded its deadline",
        "job/j failed: DeadlineExceeded",
        "coderun/r deletion requested",
    ]


def test_it_is_found_20_hours_later_and_forgotten_after_24():
    """Both are said in words: see the tests of the API."""
    flight = Flight(RUN, a_job())
    flight.world.delete(RUN)
    flight.world.advance(CREATED + 60 + 20 * 3600)
    assert flight.find().name == "r"
    assert flight.find(Target("", "j")).name == "r"
    flight.world.advance(CREATED + 60 + DAY - 1)
    assert flight.find() is not None
    flight.world.advance(CREATED + 60 + DAY)
    assert flight.find() is None
    assert (len(flight.recorder), flight.recorder.size) == (0, 0)


def test_a_list_that_lacks_a_run_records_it_as_well():
    """As after a lost connection."""
    flight = Flight(RUN, a_job())
    flight.world.list("coderuns")
    assert flight.find().name == "r"


def test_a_run_that_exists_has_the_jobs_that_are_gone():
    """Of a retry: the attempt before, and what became of it."""
    flight = Flight(RUN, a_job())
    flight.world.delete(a_job())
    flight.world.put(a_job(name="j2", uid="j2", created=CREATED + 100))
    run = next(iter(flight.world.cluster.runs))
    shown = flight.recorder.completed(explanation_of(run, flight.world.cluster))
    assert [(worker.name, worker.current) for worker in shown.workers] == [("j2", True), ("j", False)]
    assert [entry.object for entry in shown.timeline if entry.what == "created"] == ["coderun/r", "job/j", "job/j2"]


def test_a_run_that_ended_well_has_no_findings_of_before():
    """What was wrong is over; the timeline has it."""
    job = a_job()
    none = job | {"status": {"startTime": job["status"]["startTime"]}}
    flight = Flight(RUN, none)
    flight.world.advance(CREATED + 3600)
    flight.world.delete(none)
    assert "coderun/r cause no_pod: the Job controller reports no pod" in flight.lines()
    flight.world.put(a_run(status={"phase": "Succeeded"}))
    assert flight.find().findings == ()
    assert "coderun/r cause no_pod: the Job controller reports no pod" in flight.lines()


@pytest.mark.parametrize(("limit", "most"), [("_MAX_RUNS", 5), ("_MAX_BYTES", 5_000)])
def test_it_is_bounded_and_the_oldest_goes_first(monkeypatch, limit, most):
    """In runs, and in bytes."""
    monkeypatch.setattr(recording, limit, most)
    runs = [a_run(name=f"r{number}", uid=f"u{number}") for number in range(20)]
    flight = Flight(*runs)
    for run in runs:
        flight.world.delete(run)
    assert 0 < len(flight.recorder) < 20
    assert flight.find(Target("n", "r0")) is None
    assert flight.find(Target("n", "r19")) is not None
    assert flight.recorder.size == sum(len(one.data) for one in flight.recorder._runs.values())


def test_a_restart_forgets_it():
    """It is in memory alone."""
    flight = Flight(RUN)
    flight.world.delete(RUN)
    assert FlightRecorder(flight.world.cluster, started=CREATED).find(R) == []


def test_a_bug_stops_no_resource(monkeypatch, caplog):
    """What cannot be recorded is logged, and the change is applied."""
    flight = Flight(RUN)

    def broken(*_):
        raise RuntimeError

    monkeypatch.setattr(recording, "explanation_of", broken)
    flight.world.delete(RUN)
    assert len(flight.world.cluster.runs) == 0
    assert "Failed to record a run, skipping it" in caplog.text
