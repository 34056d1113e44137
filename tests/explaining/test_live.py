"""`explain` of a cluster: which objects are read to explain one name, and how many requests that takes."""

import asyncio

import pytest

from tests.clusters import a_job, a_run, a_server
from tests.explaining.test_explain import NS, PENDING, POD, RUNNING, a_pod, an_event, explain

STARTED = {"active": 1, "ready": 0, "startTime": "2026-01-01T00:00:00Z"}


def recorded(server):
    """The requests from now on, as `PATH?QUERY`."""
    seen = []

    async def record(request):
        seen.append(f"{request.path}?{request.query_string}")

    server.intercept = record
    return seen


async def test_jobs_whose_runs_are_named_as_each_other_end(tmp_path):
    """The owner of a Job is read once, and is not followed further."""
    loop = a_job("a", run="b", status=STARTED), a_job("b", run="a", status=STARTED)
    async with a_server(*loop) as server:
        seen = recorded(server)
        code, out, _ = await asyncio.wait_for(explain(server, tmp_path, f"{NS}/a"), 20)
    assert (code, "run_gone" in out) == (1, True)
    assert len(seen) < 10
