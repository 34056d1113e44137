"""The evidence for objects that could not be read contains only what is known."""

import pytest

from tests.clusters import a_job, a_run
from tests.commands.in_process import call
from tests.explaining.objects import NS, PENDING, POD, RUNNING, a_dump

AT = ("--at", "2026-01-01T05:20:00Z")
ACTIVE = {"active": 1, "ready": 0, "startTime": "2026-01-01T00:00:00Z"}


def evidence(folder, *objects):
    """The output of `explain` for a dump of these objects."""
    return call("explain", f"{NS}/r", "-f", a_dump(folder, [*objects]), *AT)[1]


def test_an_active_pod_that_is_not_listed_is_not_reported_as_unread(tmp_path):
    """The Pod has succeeded, and the Job controller has not counted it yet."""
    pod = {**POD, "status": {"phase": "Succeeded"}}
    out = evidence(tmp_path, *PENDING[:2], pod, PENDING[3])
    assert "status.active of Job j is 1, but no pod is listed" in out
    assert "were not read" not in out


def test_pods_of_a_job_with_a_manual_selector_are_not_reported_as_forbidden(tmp_path):
    """Their labels do not contain the name of the Job, so the exporter does not list them."""
    job = a_job("j", status=ACTIVE)
    job["spec"] = {**job.get("spec", {}), "manualSelector": True}
    out = evidence(tmp_path, a_run("r", status=RUNNING), job)
    assert "Pods of Job j were not read: it has spec.manualSelector" in out


@pytest.mark.parametrize(("kept", "what"), [((0, 1), "Pods"), ((0, 3), "Jobs")])
def test_objects_that_a_dump_lacks_are_not_reported_as_missing_permissions(tmp_path, kept, what):
    """The dump does not contain them, whatever the permissions are."""
    objects = [PENDING[number] for number in kept] if what != "Jobs" else [a_run("r", status=RUNNING)]
    out = evidence(tmp_path, *objects)
    assert f"{what} in namespace {NS} are not in the dump" in out
    assert "verb" not in out
