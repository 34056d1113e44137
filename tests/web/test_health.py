"""Liveness and readiness."""

import pytest

from tests.web.serving import Site, a_site, fetch


async def ready(site):
    """Status and lines of /readyz."""
    status, headers, body = await fetch(f"{site.url}/readyz")
    assert headers["Content-Type"].startswith("text/plain")
    return status, body.decode().splitlines()


@pytest.mark.parametrize("path", ["/livez", "/-/healthy"])
async def test_it_lives_whatever_the_api_server_does(path):
    """A restart would not bring the API server back."""
    async with a_site() as site:
        site.runs.record_failure(state="unreachable", code="connect", detail="refused")
        assert (await fetch(site.url + path))[::2] == (200, b"ok\n")


@pytest.mark.parametrize("path", ["/readyz", "/-/ready"])
async def test_it_is_not_ready_before_both_have_been_read(path):
    """503 that names resource and state, and then 200."""
    async with a_site() as site:
        assert (await fetch(site.url + path))[0] == 503
        site.runs.record_list(objects=2)
        status, _, body = await fetch(site.url + path)
        assert status == 503
        assert body.decode().splitlines() == [
            "[+] coderuns: watching",
            "[-] jobs: syncing",
            "not ready: waiting for jobs",
        ]
        site.jobs.record_list(objects=0)
        status, _, body = await fetch(site.url + path)
        assert (status, body.decode().splitlines()[-1]) == (200, "ready")


async def test_strangers_see_names_of_resources_and_their_states_only():
    """No message, host, URL or namespace: health checks need no password."""
    site = Site()
    secret = "https://user:secret@internal.example:6443/apis?token=x"
    site.groups["jobs"].append(site.telemetry.resource(resource="jobs", scope="team-a", required=True))
    async with a_site(site):
        site.jobs.record_failure(state="forbidden", code="403", detail=secret)
        site.groups["jobs"][1].record_failure(state="unreachable", code="connect", detail=secret)
        status, lines = await ready(site)
    assert status == 503
    assert lines == [
        "[-] coderuns: syncing",
        "[-] jobs: forbidden, unreachable",
        "not ready: waiting for coderuns and jobs",
    ]


async def test_once_ready_it_stays_so_while_the_server_is_away():
    """What it serves is the last good whole; staleness is a metric."""
    async with a_site() as site:
        for status in (site.runs, site.jobs):
            status.record_list(objects=1)
            status.record_failure(state="unreachable", code="connect", detail="refused")
        assert (await ready(site))[0] == 200


async def test_a_forbidden_namespace_does_not_hold_up_the_other():
    """But with all of them forbidden there is nothing to serve."""
    site = Site()
    other = site.telemetry.resource(resource="coderuns", scope="other", required=True)
    site.groups["coderuns"].append(other)
    async with a_site(site):
        site.jobs.record_list(objects=1)
        site.runs.record_list(objects=1)
        assert (await ready(site))[1][-1] == "not ready: waiting for coderuns"
        other.record_failure(state="forbidden", code="403", detail="no")
        assert (await ready(site))[0] == 200


async def test_a_second_kind_neither_holds_up_nor_stands_in_for_the_first():
    """Only the first kind of run is required."""
    site = Site()
    docs = site.telemetry.resource(resource="docsruns", scope="*", required=False)
    site.groups["coderuns"].append(docs)
    async with a_site(site):
        site.jobs.record_list(objects=1)
        docs.record_list(objects=1)
        site.runs.record_failure(state="missing", code="404", detail="no CRD")
        assert (await ready(site))[1][-1] == "not ready: waiting for coderuns"
        site.runs.record_list(objects=1)
        docs.record_failure(state="unreachable", code="500", detail="x")
        assert (await ready(site))[0] == 200


async def test_a_resource_whose_streamed_lists_fail_says_so():
    """It is watching all the same, and ready."""
    async with a_site() as site:
        site.runs.record_list_mode(streamed=False, reason="the streamed list at /p does not end")
        site.runs.record_list(objects=2)
        site.jobs.record_list(objects=0)
        status, lines = await ready(site)
    assert (status, lines[0]) == (200, "[+] coderuns: watching, lists in pages")
