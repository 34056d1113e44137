"""The runs API: its content, paging, protection and JSON schema."""

import json
import pathlib

import jsonschema
import pytest

from exporter.web import api
from tests.harness import StoreHarness
from tests.objects import CREATED, a_job, a_run
from tests.web.protected import ask
from tests.web.serving import Site, a_site, fetch
from tests.web.token_reviewer import TokenReviewer, bearer

SCHEMA = json.loads((pathlib.Path(__file__).parents[2] / "docs/api.schema.json").read_text("utf-8"))
RUNS = [a_run(name=f"r{number}", uid=f"u{number}", created=CREATED + number) for number in range(7)]


def a_site_with(*objects, **more):
    """A site whose cache contains these objects."""
    site = Site()
    site.cache = StoreHarness(*objects, now=CREATED + 7200).cache
    return a_site(site, **more)


async def get(site, path="", *, status=200):
    """The JSON of the response, validated against the schema, or the text of an error."""
    got, headers, body = await fetch(f"{site.url}/api/v1/runs{path}")
    assert got == status, body
    if status != 200:
        assert body.count(b"\n") == 1
        return body.decode().strip()
    assert headers["Content-Type"].startswith("application/json")
    answer = json.loads(body)
    jsonschema.validate(answer, SCHEMA)
    return answer


async def test_a_run_has_its_findings_and_its_workers():
    """A finding has a cause, evidence and the next command."""
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


async def test_pages_are_in_order():
    """Each page has a continue token, except the last."""
    async with a_site_with(*RUNS) as site:
        names, token, pages = [], "", 0
        while token or not pages:
            page = await get(site, f"?limit=3&continue={token}")
            names += [run["name"] for run in page["items"]]
            token, pages = page["continue"], pages + 1
    assert names == [f"r{number}" for number in range(7)]
    assert pages == 3


async def test_the_size_of_a_page_is_limited(monkeypatch):
    """The limit is in bytes and applies to any number of runs."""
    monkeypatch.setattr(api, "_PAGE_BYTES", 2000)
    async with a_site_with(*RUNS) as site:
        page = await get(site)
        rest = await get(site, f"?continue={page['continue']}")
    assert 0 < len(page["items"]) < 7
    assert rest["items"][0]["name"] == f"r{len(page['items'])}"


async def test_only_open_runs_are_listed_by_default():
    """With `state=all` finished runs are listed too."""
    over = a_run(name="over", uid="over", status={"phase": "Failed", "message": "Template rendering failed"})
    async with a_site_with(RUNS[0], over) as site:
        assert [run["name"] for run in (await get(site))["items"]] == ["r0"]
        assert [run["name"] for run in (await get(site, "?state=all"))["items"]] == ["over", "r0"]


async def test_runs_that_failed_within_six_hours_are_recent():
    """They are listed with `state=recent`, in the order of the list; others that are over are not."""
    status = {"phase": "Failed", "message": "Template rendering failed"}
    over = a_run(name="over", uid="over", status=status)
    earlier = a_run(name="earlier", uid="earlier", status=status, created=CREATED - 86_400)
    done = a_run(name="done", uid="done", status={"phase": "Succeeded"})
    async with a_site_with(RUNS[0], over, earlier, done) as site:
        assert [run["name"] for run in (await get(site, "?state=recent"))["items"]] == ["over", "r0"]


@pytest.mark.parametrize(
    ("query", "error_text"),
    [
        ("?limit=0", "limit must be a number from 1 to 500"),
        ("?limit=501", "limit must be a number from 1 to 500"),
        ("?limit=%C2%B2", "limit must be a number from 1 to 500"),
        ("?limit=" + "9" * 5000, "limit must be a number from 1 to 500"),
        ("?state=closed", "state must be one of open, recent, all"),
        ("?continue=xx", "continue must be the token of the previous page"),
        ("?continue=YQ==", "continue must be the token of the previous page"),
    ],
)
async def test_a_wrong_parameter_is_reported(query, error_text):
    """The error is one line."""
    async with a_site_with() as site:
        assert await get(site, query, status=400) == error_text


async def test_an_unknown_name_is_404_only_after_the_initial_lists():
    """Before that the run may exist, so the status is 503."""
    async with a_site_with(RUNS[0]) as site:
        assert "try again later" in await get(site, "/n/x", status=503)
        for status in (site.runs, site.jobs):
            status.record_list(objects=1)
        text = await get(site, "/n/x%1b[31m", status=404)
    assert text.startswith("n/x\ufffd[31m: no run, Job or Pod of this name; runs that ended or were deleted are kept")
    assert text.endswith("not from before the start at 2023-11-14T22:13:20Z")


async def test_a_deleted_run_is_explained_for_24_hours():
    """The response says that it is a record."""
    run = a_run(status={"phase": "Running"})
    harness = StoreHarness(run, a_job(), now=CREATED + 60)
    site = Site()
    site.cache, site.recorder = harness.cache, harness.recorder
    harness.delete(run)
    async with a_site(site) as site:
        site.runs.record_list(objects=0)
        site.jobs.record_list(objects=1)
        harness.advance(CREATED + 20 * 3600)
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
        harness.advance(CREATED + 25 * 3600)
        assert "are kept for 24 h" in await get(site, "/n/r", status=404)


async def test_a_name_without_a_namespace_must_be_unique():
    """Otherwise the response lists the matching runs."""
    other = a_run(name="r0", uid="other", namespace="m")
    async with a_site_with(RUNS[0], RUNS[1], other) as site:
        assert (await get(site, "/r1"))["name"] == "r1"
        assert "m/r0" in await get(site, "/r0", status=409)


async def test_the_name_of_a_job_finds_its_run():
    """Alerts contain the name of the Job."""
    run = a_run(status={"phase": "Running"})
    async with a_site_with(run, a_job(of=run)) as site:
        assert (await get(site, "/n/j"))["name"] == "r"


async def test_the_api_has_the_protection_of_the_metrics():
    """A user who may get the metrics may use it. One review covers all runs."""
    reviewer = TokenReviewer()
    async with a_site_with(*RUNS, reviews=reviewer.reviews()) as site:
        for headers, status in (({}, 401), (bearer("poor"), 401), (bearer("good"), 200)):
            for path in ("/api/v1/runs", "/api/v1/runs/n/r0", "/api/v1/runs/n/r1"):
                assert (await ask(site.url, path=path, headers=headers))[0] == status, (headers, path)
    reviewed = [
        body for kind, body in reviewer.requests if kind == "subjectaccessreviews" and "prometheus" in str(body)
    ]
    assert len(reviewed) == 1
    assert reviewed[0]["nonResourceAttributes"]["path"] == "/metrics"


async def test_the_api_shares_the_limit_of_concurrent_requests():
    """The methods are limited to GET and HEAD."""
    async with a_site_with(*RUNS, max_requests=1) as site:
        assert (await fetch(f"{site.url}/api/v1/runs"))[0] == 200
        assert (await fetch(f"{site.url}/api/v1/runs", method="POST"))[0] == 405


async def test_an_unwatched_resource_is_a_note():
    """The response may be outdated."""
    async with a_site_with(RUNS[0]) as site:
        site.jobs.record_failure(state="forbidden", code="403", detail="no right")
        assert "jobs (*) is forbidden: no right" in (await get(site))["notes"]
