"""Which objects of a dump or cluster are loaded into the cache, and which are dropped."""

import pytest

from tests.clusters import a_job, a_run
from tests.commands.in_process import call
from tests.explaining.objects import NS, PENDING, POD, a_dump, an_event

AT = ("--at", "2026-01-01T00:20:00Z")


def unrelated_event(number):
    """A warning about a Pod that belongs to no run."""
    meta = {"name": f"w{number}", "uid": f"w{number}"}
    return an_event({"kind": "Pod", "metadata": meta}, "Readiness probe failed", "Unhealthy")


@pytest.mark.parametrize("first", [True, False])
def test_events_about_other_objects_do_not_displace_events_about_runs(tmp_path, first):
    """Their number and their place in the dump do not matter."""
    others = [*map(unrelated_event, range(6000))]
    dump = a_dump(tmp_path, [*PENDING, *others] if first else [*others, *PENDING])
    code, out, _ = call("explain", f"{NS}/r", "-f", dump, *AT)
    assert (code, "Cause:       pod_configmap_missing" in out, "dropped" in out) == (1, True, False)


def test_events_of_finished_jobs_are_dropped_first(tmp_path):
    """Events about open runs, their Jobs and Pods remain. One note counts the dropped Events."""
    jobs = [a_job(f"old{number}", status={"conditions": [COMPLETE]}) for number in range(5500)]
    over = [an_event(job, "note", "Odd") for job in jobs]
    dump = a_dump(tmp_path, [*PENDING, *jobs, *over])
    code, out, _ = call("explain", f"{NS}/r", "-f", dump, *AT)
    assert (code, "Cause:       pod_configmap_missing" in out) == (1, True)
    assert out.count("were dropped: too many") == 1


def test_an_event_in_another_namespace_is_not_about_the_object(tmp_path):
    """A user who can create Events in one namespace must not set causes in another."""
    event = an_event(POD, 'configmap "forged" not found')
    event["metadata"]["namespace"] = "elsewhere"
    _, out, _ = call("explain", f"{NS}/r", "-f", a_dump(tmp_path, [*PENDING[:3], event, a_run("x")]), *AT)
    assert "forged" not in out


COMPLETE = {"type": "Complete", "status": "True", "lastTransitionTime": "2026-01-01T00:10:00Z"}
