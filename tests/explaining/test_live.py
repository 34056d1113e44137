"""`explain` reads a cluster: which objects are read for one name, and by how many requests."""

import asyncio
import json

import pytest

from tests.clusters import a_job, a_run, a_server, a_status
from tests.explaining.objects import NS, PENDING, RUNNING, a_pod, an_event, explain

STARTED = {"active": 1, "ready": 0, "startTime": "2026-01-01T00:00:00Z"}


def record_requests(server):
    """The list to which each later request is appended, as `PATH?QUERY`."""
    seen = []

    async def record(request):
        seen.append(f"{request.path}?{request.query_string}")

    server.intercept = record
    return seen


async def test_jobs_and_runs_that_own_each_other_are_read_once(tmp_path):
    """The owner of a Job is read, but not the owner of that owner."""
    loop = a_job("a", run="b", status=STARTED), a_job("b", run="a", status=STARTED)
    async with a_server(*loop) as server:
        seen = record_requests(server)
        code, out, _ = await asyncio.wait_for(explain(server, tmp_path, f"{NS}/a"), 20)
    assert (code, "run_gone" in out) == (1, True)
    assert len(seen) < 10


IMAGE_PULL_POD = a_pod(state={"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}})
DELETED_RUN = (
    a_job("j", run="gone", status=STARTED),
    IMAGE_PULL_POD,
    an_event(IMAGE_PULL_POD, 'Failed to pull image "x": not found', "Failed"),
)


@pytest.mark.parametrize("name", [f"{NS}/p", "p", f"{NS}/j"])
async def test_a_pod_or_job_whose_run_is_gone_is_explained_with_its_pods_and_events(tmp_path, name):
    """The deleted run is not found, but its Job and Pod are."""
    async with a_server(*DELETED_RUN) as server:
        code, out, _ = await explain(server, tmp_path, name, "-o", "json")
    run = json.loads(out)
    assert (code, run["name"], run["findings"][0]["cause"]) == (1, "j", "image_pull")
    assert [pod["name"] for pod in run["workers"][0]["pods"]] == ["p"]
    assert (len(run["events"]), run["eventsKnown"]) == (1, True)


@pytest.mark.parametrize("name", [f"{NS}/p", "p"])
async def test_the_name_of_a_pod_explains_its_run(tmp_path, name):
    """Alerts name Pods. The other Pods of the Job are read as well."""
    async with a_server(*PENDING, a_pod("p2")) as server:
        code, out, _ = await explain(server, tmp_path, name, "-o", "json")
    run = json.loads(out)
    assert (code, run["name"]) == (1, "r")
    assert {pod["name"] for pod in run["workers"][0]["pods"]} == {"p", "p2"}


async def test_an_unknown_name_is_an_error_that_names_unread_resources(tmp_path):
    """Pods could not be listed, and one of them may have the name."""
    async with a_server(*PENDING) as server:

        async def refuse(request):
            return a_status(403, "forbidden") if request.path.endswith("/pods") else None

        server.intercept = refuse
        _, _, err = await explain(server, tmp_path, f"{NS}/x")
    assert "no run, Job or Pod of this name (job_pods were not read: not permitted" in err


async def test_pods_of_a_job_are_known_only_if_they_were_listed(tmp_path):
    """A list that is selected by the name of one Pod says nothing about other Pods."""
    async with a_server(*DELETED_RUN) as server:

        async def refuse(request):
            is_list = request.query.get("labelSelector") == "job-name in (j)"
            return a_status(403, "forbidden") if is_list else None

        server.intercept = refuse
        _, out, _ = await explain(server, tmp_path, f"{NS}/p", "-o", "json")
    run = json.loads(out)
    assert run["workers"][0]["podsKnown"] is False
    assert run["findings"][0]["evidence"].endswith('Failed to pull image "x": not found; on node n1')


def run_with_many_jobs(number):
    """A run with this number of Jobs, each with a Pod and a warning about it."""
    pods = [
        a_pod(f"p{one}", job=f"j{one}", state={"waiting": {"reason": "ContainerCreating"}}) for one in range(number)
    ]
    yield a_run("r", status=RUNNING)
    for one, pod in enumerate(pods):
        yield from (a_job(f"j{one}", status=STARTED), pod, an_event(pod, f'configmap "c{one}" not found'))


@pytest.mark.parametrize(("number", "max_requests"), [(60, 8), (2, 12)])
async def test_a_run_with_many_jobs_needs_few_requests(tmp_path, number, max_requests):
    """One list of Pods and one of Events replace a list for each object. All Events are found."""
    async with a_server(*run_with_many_jobs(number)) as server:
        seen = record_requests(server)
        code, out, _ = await explain(server, tmp_path, f"{NS}/r")
    assert (code, len(seen) <= max_requests) == (1, True), seen
    assert f'configmap "c{number - 1}" not found' in out


async def test_a_list_of_events_is_limited_to_the_namespace(tmp_path):
    """The namespace of the name need not be given."""
    async with a_server(*run_with_many_jobs(30)) as server:
        seen = record_requests(server)
        await explain(server, tmp_path, "j7")
    lists = [one for one in seen if one.partition("?")[0].endswith(("/pods", "/events"))]
    assert all(f"/namespaces/{NS}/" in one or "Selector=" in one for one in lists)
