"""A worker that will soon reach a limit of its run time: a note, and no fault."""

import pytest

from tests.commands.in_process import call
from tests.diagnosis.test_causes import OPEN, READ, a_pod, write_dump
from tests.objects import CREATED, a_job, stamp

NO_LIMIT = "thresholds: {job_max_runtime: none}\n"
HOUR = "thresholds: {job_max_runtime: 1h}\n"
DEADLINE = {"activeDeadlineSeconds": 3600}


def notes(folder, age, config, spec=None, **fields):
    """Exit code and notes of `explain`, for a Job that has run for `age` seconds."""
    job = a_job(started=CREATED, spec=spec, **fields)
    dump, settings = write_dump(folder, [OPEN, job, a_pod("Running"), READ], config)
    code, out, _ = call("explain", "-f", dump, "--config.file", settings, "r", "--at", stamp(CREATED + age))
    return code, [line for line in out.splitlines() if line.startswith("Note: Job")]


@pytest.mark.parametrize(("age", "left"), [(2999, ""), (3000, "10m"), (3590, "10s"), (3600, "0s"), (3601, "")])
def test_the_last_ten_minutes_of_a_deadline(tmp_path, age, left):
    """Kubernetes then ends the Job."""
    code, found = notes(tmp_path, age, NO_LIMIT, DEADLINE)
    passed = {3000: "50m", 3590: "59m", 3600: "1h"}.get(age)
    text = f"Note: Job j has run for {passed} of 1h, its activeDeadlineSeconds: in {left} Kubernetes ends it"
    assert (code, found) == (0, [text] if left else [])


def test_the_last_ten_minutes_of_the_maximum_run_time(tmp_path):
    """After it, the Job is a fault, and the note is gone."""
    text = "Note: Job j has run for 55m of 1h, its maximum run time: in 5m it counts as stuck"
    assert notes(tmp_path, 3300, HOUR) == (0, [text])
    assert notes(tmp_path, 3601, HOUR) == (1, [])


@pytest.mark.parametrize(("age", "is_near"), [(89, False), (90, False), (149, False), (150, True), (270, True)])
def test_a_short_limit_is_near_after_its_first_half(tmp_path, age, is_near):
    """Less than ten minutes are left from the start."""
    assert bool(notes(tmp_path, age, NO_LIMIT, {"activeDeadlineSeconds": 300})[1]) is is_near


@pytest.mark.parametrize(("age", "is_near"), [(77_000, False), (78_000, True)])
def test_a_long_limit_is_near_when_a_tenth_is_left(tmp_path, age, is_near):
    """Of a day, that is 2 h 24 m."""
    assert bool(notes(tmp_path, age, NO_LIMIT, {"activeDeadlineSeconds": 86_400})[1]) is is_near


def test_the_default_limit_counts_four_times(tmp_path):
    """As in its alert: the default is not that of this Job."""
    (note,) = notes(tmp_path, 4 * 3600 - 60, "{}\n")[1]
    assert note.startswith("Note: Job j has run for 3h59m of 4h, its maximum run time: in 1m")


@pytest.mark.parametrize("fields", [{"ended": "Complete"}, {"spec": DEADLINE | {"suspend": True}, "active": 0}])
def test_a_finished_or_suspended_job_reaches_no_limit(tmp_path, fields):
    """Its time does not pass."""
    assert notes(tmp_path, 3300, HOUR, **fields)[1] == []


def test_a_worker_with_a_fault_has_no_note(tmp_path):
    """It does not work, so its limit is not what ends it."""
    lost = a_pod("Running", reason="NodeLost")
    dump, settings = write_dump(tmp_path, [OPEN, a_job(started=CREATED), lost, READ], HOUR)
    code, out, _ = call("explain", "-f", dump, "--config.file", settings, "r", "--at", stamp(CREATED + 3300))
    assert (code, "has run for" in out) == (1, False)
