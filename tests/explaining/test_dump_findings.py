"""A dump has no clock and may lack kinds of objects: what `explain` prints then."""

import json

import pytest
import yaml

from tests.commands.in_process import call
from tests.diagnosis.test_causes import READ, a_pod, an_event
from tests.diagnosis.test_progress import WAITS
from tests.objects import CREATED, a_job, a_run, stamp

LATER = stamp(CREATED + 7200)
NEXT_DAY = stamp(CREATED + 86_400)
OPEN_RUN = a_run(status={"phase": "Running", "lastUpdate": stamp(CREATED)})
FINISHED_RUN = a_run(status={"phase": "Succeeded"})
FAILED_RUNS = [
    a_run(name="f", uid="f", status={"phase": "Failed"}),
    a_run(name="g", uid="g", status={"phase": "Failed"}),
]


def explain(folder, objects, *words):
    """Exit code and standard output."""
    path = folder / "dump.json"
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": objects}))
    code, out, err = call("explain", "-f", path, *words)
    assert err == ""
    return code, out


def test_a_state_that_may_be_a_fault_by_now_is_marked_in_the_list(tmp_path):
    """Its fix says until when to wait, and no note says that it may be one. With --at, it is a fault."""
    objects = [OPEN_RUN, WAITS, a_pod(), READ]
    code, out = explain(tmp_path, objects)
    assert (code, "pod_not_starting (not a fault yet)" in out) == (0, True)
    assert "may have had" not in out
    assert "Fix:       Wait until " in explain(tmp_path, objects, "r")[1]
    code, out = explain(tmp_path, objects, "--at", LATER)
    assert (code, "not a fault" in out) == (1, False)


def test_a_state_that_is_no_fault_is_marked_in_the_list(tmp_path):
    """A suspended Job never becomes a fault."""
    _, out = explain(tmp_path, [OPEN_RUN, WAITS, a_pod(gates=["kueue"]), READ])
    assert "suspended (not a fault)  " in out
    assert "set --at" not in out


def test_a_run_that_has_finished_is_listed_while_its_job_runs(tmp_path):
    """It is listed without --all, because no other row shows the Job."""
    code, out = explain(tmp_path, [FINISHED_RUN, a_job(), a_pod("Running"), READ], "--at", LATER)
    assert (code, "run_already_finished" in out) == (1, True)
    assert explain(tmp_path, [FINISHED_RUN, a_job(ended="Complete"), READ])[1].startswith("No open runs found.")


@pytest.mark.parametrize(("number", "words"), [(1, "1 run that is over has"), (2, "2 runs that are over have")])
def test_faults_of_finished_runs_are_counted(tmp_path, number, words):
    """The count has the runs of the selected namespace that are not listed."""
    code, out = explain(tmp_path, [*FAILED_RUNS[:number], READ], "--at", NEXT_DAY)
    assert (code, out.startswith("No open runs found.")) == (0, True)
    assert f"Note: {words} a fault: --all lists them" in out
    assert "--all" not in explain(tmp_path, [*FAILED_RUNS, READ], "--all")[1]
    assert "--all" not in explain(tmp_path, [*FAILED_RUNS, READ], "-n", "other")[1]


@pytest.mark.parametrize(
    ("objects", "kind", "kinds"),
    [
        ([OPEN_RUN, WAITS], "Pods", "pods,events"),
        ([OPEN_RUN, WAITS, READ], "Pods", "pods"),
        ([OPEN_RUN, WAITS, a_pod()], "Events", "events"),
        ([OPEN_RUN], "Jobs", "jobs,events"),
    ],
)
def test_kinds_that_the_dump_lacks_are_in_the_next_command(tmp_path, objects, kind, kinds):
    """The output does not mention permissions."""
    code, out = explain(tmp_path, objects, "r", "--at", stamp(CREATED + 3600))
    assert f"Evidence:  {kind} in namespace n are not in the dump" in out
    assert f"Next:      kubectl -n n get {kinds} -o json > more.json" in out
    assert "permission" not in out
    assert code == 2


def test_events_that_may_have_expired_are_not_to_be_dumped_again(tmp_path):
    """Of a state that is older than they live, another dump has none either."""
    code, out = explain(tmp_path, [OPEN_RUN, WAITS, a_pod()], "r", "--at", stamp(CREATED + 3611))
    assert "Evidence:  No Events are in the dump: Kubernetes deletes them after an hour" in out
    assert "Next:      kubectl -n n describe pod p" in out
    assert code == 2


EMPTY = {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": []}


@pytest.mark.parametrize("form", [json.dumps, yaml.safe_dump])
@pytest.mark.parametrize(
    ("kind", "code"), [("List", 1), ("EventList", 1), ("PodList", 2), ("ConfigMapList", 2), (None, 2)]
)
def test_an_empty_list_of_events_was_read(tmp_path, kind, code, form):
    """The advice to dump Events is not given a second time."""
    more = tmp_path / "more"
    more.write_text(form(EMPTY | {"kind": kind}))
    found, out = explain(tmp_path, [OPEN_RUN, WAITS, a_pod()], "r", "--at", LATER, "-f", more)
    assert (found, "The list of Events is empty: Kubernetes deletes them after an hour" in out) == (code, code == 1)
    assert ("Events:      no warnings" in out) is (code == 1)
    assert ("Cause:       pod_not_starting" in out) is (code == 1)


@pytest.mark.parametrize("kind", ["List", "PodList"])
def test_an_empty_list_of_pods_was_read(tmp_path, kind):
    """The Job says that it has a pod: it is to be looked for, not dumped again."""
    more = tmp_path / "more"
    more.write_text(json.dumps(EMPTY | {"kind": kind}))
    code, out = explain(tmp_path, [OPEN_RUN, WAITS, READ], "r", "--at", LATER, "-f", more)
    assert code == 2
    assert "Evidence:  status.active of Job j is 1, but no pod is listed" in out
    assert "Next:      kubectl -n n get pods -l job-name=j -o wide" in out


def test_a_list_with_items_is_not_empty(tmp_path):
    """Whatever follows it."""
    more = tmp_path / "more"
    more.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [OPEN_RUN]}) * 2)
    assert "The list of Events is empty" not in explain(tmp_path, [WAITS, a_pod()], "r", "-f", more)[1]


def test_a_time_before_the_objects_is_noted(tmp_path):
    """Ages would be wrong then."""
    objects = [OPEN_RUN, WAITS, a_pod(), an_event()]
    _, out = explain(tmp_path, objects, "r", "--at", stamp(CREATED))
    assert f"Note: --at is before {stamp(CREATED + 30)}, the newest time in the dump" in out


WITHOUT = a_job() | {"status": {"startTime": stamp(CREATED), "ready": 0}}
DENIED = an_event("Job", "job-j", "FailedCreate", "Error creating: pods is forbidden: violates PodSecurity")


@pytest.mark.parametrize(
    ("objects", "matters"),
    [
        ([OPEN_RUN, WITHOUT, DENIED], False),
        ([OPEN_RUN, a_job(spec={"suspend": True}, active=0), READ], False),
        ([FAILED_RUNS[0] | {"status": {"phase": "Failed", "message": "x"}}, READ], False),
        ([OPEN_RUN, a_job(), READ], True),
        ([OPEN_RUN, a_job(ended="Failed", reason="BackoffLimitExceeded"), READ], True),
        ([OPEN_RUN, a_job(ended="Failed", reason="DeadlineExceeded"), READ], False),
    ],
)
def test_missing_pods_are_noted_if_they_could_show_more(tmp_path, objects, matters):
    """A Job that cannot create its pod has none."""
    _, out = explain(tmp_path, objects, "--all", "--at", LATER)
    assert ("Note: The dump has no Pods: they are unknown" in out) is matters


@pytest.mark.parametrize(("job", "shown"), [(WITHOUT, False), (a_job(), True)])
def test_a_job_without_active_pods_has_none_in_the_chain(tmp_path, job, shown):
    """Pods that were not read are shown only if there may be any."""
    assert ("Pod  not read" in explain(tmp_path, [OPEN_RUN, job, DENIED], "r", "--at", LATER)[1]) is shown
