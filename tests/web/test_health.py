"""The liveness and readiness endpoints."""

import pytest

from tests.web.serving import Site, a_site, fetch


async def ready(site):
    """The status and the lines of /readyz."""
    status, headers, body = await fetch(f"{site.url}/readyz")
    assert headers["Content-Type"].startswith("text/plain")
    return status, body.decode().splitlines()


@pytest.mark.parametrize("path", ["/livez", "/-/healthy"])
async def test_the_exporter_is_live_whatever_the_api_server_does(path):
    """A restart of the exporter would not help."""
    async with a_site() as site:
        site.runs.record_failure(state="unreachable", code="connect", detail="refused")
        assert (await fetch(site.url + path))[::2] == (200, b"ok\n")


@pytest.mark.parametrize("path", ["/readyz", "/-/ready"])
async def test_the_exporter_is_not_ready_before_both_resources_are_listed(path):
    """The response is 503 and names each resource and its state; then it is 200."""
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


async def test_health_endpoints_show_only_resources_and_states():
    """They need no password, so they show no message, host, URL or namespace."""
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


async def test_the_exporter_remains_ready_while_the_api_server_is_down():
    """It serves the last complete data, and a metric shows that the data is stale."""
    async with a_site() as site:
        for status in (site.runs, site.jobs):
            status.record_list(objects=1)
            status.record_failure(state="unreachable", code="connect", detail="refused")
        assert (await ready(site))[0] == 200


async def test_a_forbidden_namespace_does_not_prevent_readiness():
    """If all namespaces are forbidden, the exporter is not ready."""
    site = Site()
    other = site.telemetry.resource(resource="coderuns", scope="other", required=True)
    site.groups["coderuns"].append(other)
    async with a_site(site):
        site.jobs.record_list(objects=1)
        site.runs.record_list(objects=1)
        assert (await ready(site))[1][-1] == "not ready: waiting for coderuns"
        other.record_failure(state="forbidden", code="403", detail="no")
        assert (await ready(site))[0] == 200


async def test_a_second_kind_does_not_affect_readiness():
    """Only the first kind of runs is required."""
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


async def test_a_resource_whose_streamed_lists_fail_is_marked():
    """It is watched, and the exporter is ready."""
    async with a_site() as site:
        site.runs.record_list_mode(streamed=False, reason="the streamed list at /p does not end")
        site.runs.record_list(objects=2)
        site.jobs.record_list(objects=0)
        status, lines = await ready(site)
    assert (status, lines[0]) == (200, "[+] coderuns: watching, lists in pages")
