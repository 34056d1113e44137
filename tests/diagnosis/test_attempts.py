"""Between two attempts a run has no Job: a dump is one moment, and cannot tell since when unless an object does."""

import json

import pytest

from exporter.diagnosis import findings, is_fault
from tests.commands.in_process import call
from tests.diagnosis.test_causes import NOW, READ
from tests.diagnosis.test_gone import about
from tests.harness import StoreHarness
from tests.objects import CREATED, a_run, stamp

STATUS = {"phase": "Running", "lastUpdate": stamp(CREATED), "jobName": "play-r-v1"}
SECOND = a_run(status=STATUS, spec={"contextVersion": 2})
FIRST = a_run(status=STATUS, spec={"contextVersion": 1})


def explained(folder, *objects):
    """Exit code, and the first finding."""
    path = folder / "dump.json"
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [*objects, READ]}))
    code, out, _ = call("explain", "-f", path, "--at", stamp(NOW), "-o", "json")
    return code, json.loads(out)["items"][0]["findings"][0]


def changed(run, at, *, part="f:spec"):
    """The run, with a part of it that was changed at this time."""
    entry = {"manager": "c", "operation": "Update", "time": stamp(at), "fieldsV1": {part: {"f:contextVersion": {}}}}
    return run | {"metadata": run["metadata"] | {"managedFields": [entry]}}


def test_a_newer_attempt_than_the_job_of_the_status_is_no_fault(tmp_path):
    """The controller creates the next Job within seconds."""
    code, found = explained(tmp_path, SECOND)
    assert (code, found["cause"], found["fault"], found["since"]) == (0, "between_attempts", False, None)
    assert (
        found["evidence"] == "attempt 2 has no Job yet, and Job play-r-v1 of attempt 1 is gone; since when is unknown"
    )


@pytest.mark.parametrize("name", ["play-r-v2", "play-r-v3", "play-r", "play-r-vx"])
def test_a_job_of_the_same_attempt_is_missing(tmp_path, name):
    """Nothing will create it again."""
    code, found = explained(tmp_path, SECOND | {"status": STATUS | {"jobName": name}})
    assert (code, found["cause"], found["fault"]) == (1, "job_missing", True)


@pytest.mark.parametrize(("seconds", "fault"), [(15, False), (119, False), (120, True), (7000, True)])
def test_the_change_of_the_spec_begins_an_attempt(tmp_path, seconds, fault):
    """If the dump has managedFields. Of the first attempt it is the creation of the run, which says nothing."""
    _, found = explained(tmp_path, changed(SECOND, NOW - seconds))
    cause = "job_missing" if fault else "between_attempts"
    assert (found["cause"], found["fault"], found["since"]) == (cause, fault, stamp(NOW - seconds))
    assert explained(tmp_path, changed(FIRST, NOW - 15))[1]["since"] is None
    assert explained(tmp_path, changed(SECOND, NOW - 15, part="f:status"))[1]["since"] is None


@pytest.mark.parametrize("wrong", [7, [7], [{"time": "now"}], [{"fieldsV1": []}]])
def test_managed_fields_of_a_wrong_type_say_nothing(tmp_path, wrong):
    """The run is read all the same."""
    run = SECOND | {"metadata": SECOND["metadata"] | {"managedFields": wrong}}
    assert explained(tmp_path, run)[1]["cause"] == "between_attempts"


@pytest.mark.parametrize(("seconds", "fault"), [(25, False), (3000, True)])
@pytest.mark.parametrize("run", [FIRST, SECOND])
def test_events_about_the_job_show_since_when_it_is_missing(tmp_path, run, seconds, fault):
    """And those about its pods."""
    at = NOW - CREATED - seconds
    ended = about("play-r-v1", "Completed", "Job completed", kind="Job", at=at, type="Normal")
    killed = about("play-r-v1-x7k2p", "Killing", "Stopping container agent", at=at, type="Normal")
    for event in (ended, killed):
        _, found = explained(tmp_path, run, event)
        early = "job_missing" if run is FIRST and event is ended else "between_attempts"
        cause = "job_missing" if fault else early
        assert (found["cause"], found["fault"], found["since"]) == (cause, fault, stamp(NOW - seconds))


FAILED = about(
    "play-r-v1",
    "BackoffLimitExceeded",
    "Job has reached the specified backoff limit",
    kind="Job",
    at=NOW - CREATED - 19,
)
BEGUN = [
    about("play-r-v1", "SuccessfulCreate", "Created pod: play-r-v1-x7k2p", kind="Job", at=at, type="Normal")
    for at in (NOW - CREATED - 2100, NOW - CREATED - 30)
]


@pytest.mark.parametrize("run", [FIRST, SECOND])
def test_a_known_failure_of_the_last_attempt_is_in_the_evidence_and_the_fix_is_to_wait(tmp_path, run):
    """The state decides, not whether there are Events; nothing is to be restarted before the grace period ends."""
    code, found = explained(tmp_path, run, FAILED, BEGUN[0])
    assert (code, found["cause"], found["fault"]) == (0, "between_attempts", False)
    assert "is gone: BackoffLimitExceeded: Job has reached" in found["evidence"]
    assert ("of attempt 1" in found["evidence"]) == (run is SECOND)
    assert found["fix"].startswith(f"Wait until {stamp(NOW + 101)}. If it is still so: Restart")


def test_the_creation_of_the_job_is_not_since_when_it_is_missing(tmp_path):
    """It only proves that the Job existed then."""
    code, found = explained(tmp_path, SECOND, BEGUN[0])
    assert (code, found["cause"], found["fault"], found["since"]) == (0, "between_attempts", False, None)
    assert found["fix"].startswith("Wait two minutes. If it is still so: ")
    code, found = explained(tmp_path, FIRST, BEGUN[0])
    assert (code, found["cause"], found["since"]) == (1, "job_missing", None)
    code, found = explained(tmp_path, FIRST, BEGUN[1])
    assert (code, found["cause"], found["since"]) == (0, "job_missing", stamp(NOW - 30))


def test_the_end_of_a_pod_is_not_that_of_its_job_if_the_job_created_another(tmp_path):
    """The first pod failed an hour ago, and the Job went on."""
    killed = about("play-r-v1-a1b2c", "Killing", "Stopping container agent", at=NOW - CREATED - 3000, type="Normal")
    code, found = explained(tmp_path, SECOND, killed, BEGUN[0])
    assert (code, found["cause"], found["since"]) == (0, "between_attempts", None)


def test_a_running_exporter_knows_since_when(tmp_path):
    """Between its first list and the limit it is no fault yet."""
    harness = StoreHarness(SECOND)
    run = next(iter(harness.cache.runs))
    harness.cache.advance(harness.cache.now + 119)
    (found,) = findings(run, harness.cache)
    assert (found.cause, is_fault(found, harness.cache.now)) == ("between_attempts", False)
    harness.cache.advance(harness.cache.now + 1)
    (found,) = findings(run, harness.cache)
    assert (found.cause, is_fault(found, harness.cache.now)) == ("job_missing", True)
