"""The API: what it says, its pages, its protection, and that it keeps its schema."""

import json
import pathlib

import jsonschema
import pytest

from exporter.web import api
from tests.objects import CREATED, a_job, a_run
from tests.web.judge import Judge, bearer
from tests.web.protected import ask
from tests.web.serving import Site, a_site, fetch
from tests.worlds import World

SCHEMA = json.loads((pathlib.Path(__file__).parents[2] / "docs/api.schema.json").read_text("utf-8"))
RUNS = [a_run(name=f"r{number}", uid=f"u{number}", created=CREATED + number) for number in range(7)]


def a_site_with(*objects, **more):
    """A site whose cache has these objects."""
    site = Site()
    site.cache = World(*objects, now=CREATED + 7200).cache
    return a_site(site, **more)


async def get(site, path="", *, status=200):
    """The answer, which keeps the schema."""
    got, headers, body = await fetch(f"{site.url}/api/v1/runs{path}")
    assert got == status, body
    if status != 200:
        assert body.count(b"\n") == 1
        return body.decode().strip()
    assert headers["Content-Type"].startswith("application/json")
    answer = json.loads(body)
    jsonschema.validate(answer, SCHEMA)
    return answer


async def test_a_run_has_its_findings_and_its_chain():
    """Cause, evidence, next command; then the worker."""
    run = a_run(status={"phase": "Succeeded"})
    async with a_site_with(run, a_job(of=run)) as site:
        answer = await get(site, "/n/r")
    assert [finding["cause"] for finding in answer["findings"]] == ["run_already_finished"]
    assert answer["findings"][0]["next"] == "kubectl -n n get pods -l job-name=j -o wide"
    assert (answer["verdict"], answer["workers"][0]["name"], answer["created"]) == (
        "fault",
        "j",
        "2025-10-09T08:53:20Z",
    )
    assert (answer["eventsKnown"], answer["workers"][0]["podsKnown"]) == (False, False)


async def test_pages_follow_one_another_in_order():
    """Each with its token; the last one has none."""
    async with a_site_with(*RUNS) as site:
        names, token, pages = [], "", 0
        while token or not pages:
            page = await get(site, f"?limit=3&continue={token}")
            names += [run["name"] for run in page["items"]]
            token, pages = page["continue"], pages + 1
    assert names == [f"r{number}" for number in range(7)]
    assert pages == 3


async def test_a_page_is_limited_in_bytes(monkeypatch):
    """However many runs it may have."""
    monkeypatch.setattr(api, "_PAGE_BYTES", 2000)
    async with a_site_with(*RUNS) as site:
        page = await get(site)
        rest = await get(site, f"?continue={page['continue']}")
    assert 0 < len(page["items"]) < 7
    assert rest["items"][0]["name"] == f"r{len(page['items'])}"


async def test_only_open_runs_are_listed_by_default():
    """And a run that is over with `state=all`."""
    over = a_run(name="over", uid="over", status={"phase": "Failed", "message": "Template rendering failed"})
    async with a_site_with(RUNS[0], over) as site:
        assert [run["name"] for run in (await get(site))["items"]] == ["r0"]
        assert [run["name"] for run in (await get(site, "?state=all"))["items"]] == ["over", "r0"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?limit=0", "limit must be a number from 1 to 500"),
        ("?limit=501", "limit must be a number from 1 to 500"),
        ("?limit=%C2%B2", "limit must be a number from 1 to 500"),
        ("?limit=" + "9" * 5000, "limit must be a number from 1 to 500"),
        ("?state=closed", "state must be one of open, all"),
        ("?continue=xx", "continue must be the token of the previous page"),
        ("?continue=YQ==", "continue must be the token of the previous page"),
    ],
)
async def test_a_wrong_parameter_is_named(query, words):
    """In one line."""
    async with a_site_with() as site:
        assert await get(site, query, status=400) == words


async def test_what_is_not_there_is_said_only_once_everything_was_read():
    """An unknown is not a no."""
    async with a_site_with(RUNS[0]) as site:
        assert "try again later" in await get(site, "/n/x", status=503)
        for status in (site.runs, site.jobs):
            status.record_list(objects=1)
        text = await get(site, "/n/x%1b[31m", status=404)
    assert text.startswith("n/x\ufffd[31m: no run, Job or Pod of this name; runs that ended or were deleted are kept")
    assert text.endswith("not from before the start at 2023-11-14T22:13:20Z")


async def test_a_run_that_was_deleted_is_explained_until_it_is_forgotten():
    """And the answer says that it is a record, or that there is none any more."""
    run = a_run(status={"phase": "Running"})
    world = World(run, a_job(), now=CREATED + 60)
    site = Site()
    site.cache, site.recorder = world.cache, world.recorder
    world.delete(run)
    async with a_site(site) as site:
        site.runs.record_list(objects=0)
        site.jobs.record_list(objects=1)
        world.advance(CREATED + 20 * 3600)
        answer = await get(site, "/n/r")
        assert answer["recorded"] == "2025-10-09T08:54:20Z"
        assert answer["notes"] == [
            "Recorded at 2025-10-09T08:54:20Z, and kept in memory for 24 h: the run no longer exists"
        ]
        assert [entry["what"] for entry in answer["timeline"]] == [
            "created",
            "created",
            "started",
            "deletion requested",
        ]
        world.advance(CREATED + 25 * 3600)
        assert "are kept for 24 h" in await get(site, "/n/r", status=404)


async def test_a_name_alone_must_be_unique():
    """Several are listed."""
    other = a_run(name="r0", uid="other", namespace="m")
    async with a_site_with(RUNS[0], RUNS[1], other) as site:
        assert (await get(site, "/r1"))["name"] == "r1"
        assert "m/r0" in await get(site, "/r0", status=409)


async def test_a_job_stands_for_its_run():
    """As an alert names the Job."""
    run = a_run(status={"phase": "Running"})
    async with a_site_with(run, a_job(of=run)) as site:
        assert (await get(site, "/n/j"))["name"] == "r"


async def test_it_is_protected_as_the_metrics_are():
    """Who may read the metrics may read it, with one review for all runs."""
    judge = Judge()
    async with a_site_with(*RUNS, reviews=judge.reviews()) as site:
        for headers, status in (({}, 401), (bearer("poor"), 401), (bearer("good"), 200)):
            for path in ("/api/v1/runs", "/api/v1/runs/n/r0", "/api/v1/runs/n/r1"):
                assert (await ask(site.url, path=path, headers=headers))[0] == status, (headers, path)
    reviewed = [body for kind, body in judge.asked if kind == "subjectaccessreviews" and "prometheus" in str(body)]
    assert len(reviewed) == 1
    assert reviewed[0]["nonResourceAttributes"]["path"] == "/metrics"


async def test_it_shares_the_limit_of_requests():
    """Of a client that reads nothing as well."""
    async with a_site_with(*RUNS, max_requests=1) as site:
        assert (await fetch(f"{site.url}/api/v1/runs"))[0] == 200
        assert (await fetch(f"{site.url}/api/v1/runs", method="POST"))[0] == 405


async def test_what_is_not_watched_is_a_note():
    """The answer may be old."""
    async with a_site_with(RUNS[0]) as site:
        site.jobs.record_failure(state="forbidden", code="403", detail="no right")
        assert "jobs (*) is forbidden: no right" in (await get(site))["notes"]
