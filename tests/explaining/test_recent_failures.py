"""`explain` without a name also lists the runs that failed within the last hours."""

import json

import pytest

from tests.clusters import a_run as a_platform_run, a_server, until
from tests.commands.in_process import call_in_thread
from tests.diagnosis.test_causes import READ, a_pod
from tests.explaining.objects import PENDING, explain as explain_cluster
from tests.explaining.test_dump_findings import explain
from tests.exporting import an_exporter
from tests.objects import CREATED, a_job, a_run, stamp

ENDED = CREATED + 300
HOUR = 3600
LISTED = "Note: No open runs found: the listed runs failed within the last 6 h"


def a_failed_run(name="f", *, at=ENDED):
    """A run and its Job, which failed at this time."""
    run = a_run(name=name, uid=name, status={"phase": "Failed", "message": "Implementation failed"})
    job = a_job(
        of=run, name=f"{name}-job", uid=f"{name}-job", ended="Failed", ended_at=at, reason="BackoffLimitExceeded"
    )
    return run, job


def names(out):
    """The second column of the table."""
    rows = out.split("\n\n")[0].splitlines()[1:]
    return [row.split()[1] for row in rows]


@pytest.mark.parametrize(("age", "code"), [(0, 1), (6 * HOUR, 1), (6 * HOUR + 1, 0)])
def test_a_run_that_failed_within_six_hours_is_listed(tmp_path, age, code):
    """Its row has the cause, and the exit code is that of a fault."""
    found, out = explain(tmp_path, [*a_failed_run(), READ], "--at", stamp(ENDED + age))
    assert found == code
    assert (LISTED in out) == bool(code)
    assert out.startswith("No open runs found.") != bool(code)
    assert ("job_failed" in out) == bool(code)
    assert ("\nMore: explain n/f shows all that is known of one run\n" in out) == bool(code)


def test_open_runs_with_a_fault_come_first_and_those_without_last(tmp_path):
    """An open run still can be saved."""
    healthy = a_run(name="ok", uid="ok", status={"phase": "Running"})
    job = a_job(of=healthy, name="k", uid="k")
    stuck = a_run(name="stuck", uid="stuck", created=CREATED + 60)
    _, out = explain(
        tmp_path,
        [*a_failed_run(), *a_failed_run("g"), healthy, job, a_pod("Running"), stuck, READ],
        "--at",
        stamp(CREATED + HOUR),
    )
    assert names(out) == ["stuck", "f", "g", "ok"]
    assert LISTED not in out


def test_a_run_that_succeeded_is_not_listed(tmp_path):
    """It has no fault."""
    code, out = explain(tmp_path, [a_run(status={"phase": "Succeeded"}), a_job(ended="Complete"), READ])
    assert (code, out.startswith("No open runs found.")) == (0, True)


async def test_from_a_running_exporter_and_a_cluster(tmp_path):
    """The list of the API has them with `state=recent`, and not by default."""
    failed = a_platform_run("f", status={"phase": "Failed", "message": "Implementation failed"})
    async with a_server(failed, *PENDING) as server, an_exporter(server.url, tmp_path) as app:
        await until(app.health.is_ready)
        await until(lambda: app.store.cache.events_about("uid-p"))
        code, out, _ = await call_in_thread("explain", "--from", app.url)
        items = json.loads((await call_in_thread("explain", "--from", app.url, "-o", "json"))[1])["items"]
        live = await explain_cluster(server, tmp_path)
    assert (code, names(out)) == (1, ["r", "f"])
    assert [one["name"] for one in items] == ["r", "f"]
    assert (live[0], names(live[1])) == (1, ["r", "f"])
