"""A dump has no clock, and may lack kinds: what `explain` then says."""

import json

import pytest

from tests.commands.in_process import call
from tests.diagnosis.test_causes import READ, a_pod, an_event
from tests.diagnosis.test_progress import WAITS
from tests.objects import CREATED, a_job, a_run, stamp

LATE = stamp(CREATED + 7200)
OPEN = a_run(status={"phase": "Running", "lastUpdate": stamp(CREATED)})
DONE = a_run(status={"phase": "Succeeded"})
FAILED = [a_run(name="f", uid="f", status={"phase": "Failed"}), a_run(name="g", uid="g", status={"phase": "Failed"})]


def explain(folder, objects, *words):
    """Exit code and text."""
    path = folder / "dump.json"
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": objects}))
    code, out, err = call("explain", "-f", path, *words)
    assert err == ""
    return code, out


def test_a_state_that_may_be_a_fault_by_now_is_marked_in_the_list(tmp_path):
    """And a note says how to decide. With a time, it is decided."""
    objects = [OPEN, WAITS, a_pod(), READ]
    code, out = explain(tmp_path, objects)
    assert (code, "pod_not_starting (not a fault yet)" in out) == (0, True)
    note = "Note: 1 run may have a fault by the time of the dump: set --at to that time"
    assert note in out
    assert note in explain(tmp_path, objects, "r")[1]
    code, out = explain(tmp_path, objects, "--at", LATE)
    assert (code, "not a fault" in out) == (1, False)


def test_a_state_that_is_no_fault_is_marked_in_the_list(tmp_path):
    """It does not become one."""
    _, out = explain(tmp_path, [OPEN, WAITS, a_pod(gates=["kueue"]), READ])
    assert "suspended (not a fault)  " in out
    assert "set --at" not in out


def test_a_run_that_is_over_is_listed_while_its_worker_is_not(tmp_path):
    """Without --all, because nothing else shows that worker."""
    code, out = explain(tmp_path, [DONE, a_job(), a_pod("Running"), READ], "--at", LATE)
    assert (code, "run_already_finished" in out) == (1, True)
    assert explain(tmp_path, [DONE, a_job(ended="Complete"), READ])[1].startswith("No open runs found.")


@pytest.mark.parametrize(("number", "words"), [(1, "1 run that is over has"), (2, "2 runs that are over have")])
def test_faults_of_runs_that_are_over_are_counted(tmp_path, number, words):
    """Of those that are not listed, in the namespace."""
    _, out = explain(tmp_path, [*FAILED[:number], READ])
    assert f"Note: {words} a fault: --all lists them" in out
    assert "--all" not in explain(tmp_path, [*FAILED, READ], "--all")[1]
    assert "--all" not in explain(tmp_path, [*FAILED, READ], "-n", "other")[1]


@pytest.mark.parametrize(
    ("objects", "kind", "kinds"),
    [
        ([OPEN, WAITS], "Pods", "pods,events"),
        ([OPEN, WAITS, READ], "Pods", "pods"),
        ([OPEN, WAITS, a_pod()], "Events", "events"),
        ([OPEN], "Jobs", "jobs,events"),
    ],
)
def test_what_the_dump_lacks_is_to_be_dumped(tmp_path, objects, kind, kinds):
    """No permission is missing."""
    code, out = explain(tmp_path, objects, "r", "--at", LATE)
    assert f"Evidence:  {kind} in namespace n are not in the dump" in out
    assert f"Next:      kubectl -n n get {kinds} -o json > more.json" in out
    assert "permission" not in out
    assert code


def test_a_time_before_the_objects_is_noted(tmp_path):
    """Their ages are wrong then."""
    objects = [OPEN, WAITS, a_pod(), an_event()]
    _, out = explain(tmp_path, objects, "r", "--at", stamp(CREATED))
    assert f"Note: --at is before {stamp(CREATED + 30)}, the newest time in the dump" in out
