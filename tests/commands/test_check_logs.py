"""Logs in `check`: whether they may be read, without reading any."""

import pytest

from tests.clusters import a_server, a_status
from tests.commands.checking import NO_CONFIGMAPS, check

CONFIG = NO_CONFIGMAPS + "logs: {enabled: true}\n"
WITHOUT = "without it, the last word, the cost and the silence of agents are unknown"


def lines_about(lines):
    """Those about logs."""
    return [line for line in lines if "  logs" in line]


async def test_logs_that_may_be_read(tmp_path):
    """A Pod that does not exist is requested, in each namespace of the settings."""
    async with a_server() as server:
        code, lines = await check(server.url, tmp_path, "--namespaces=a,b", config=CONFIG)
        requests = [one for one in server.requests if "/log" in one]
    assert lines_about(lines) == [f"ok  logs in namespace {name}: can be read" for name in "ab"]
    assert sorted(one.partition("?")[0] for one in requests) == [
        f"GET /api/v1/namespaces/{name}/pods/coderun-exporter-check/log" for name in "ab"
    ]
    assert code == 1  # the namespaces do not exist


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (lambda: a_status(403, "no"), f"not permitted: grant the verb get for pods/log; {WITHOUT}"),
        (lambda: a_status(404, "no", headers={"Audit-Id": ""}), "cannot be checked: 404 at PATH: Not Found"),
        (lambda: a_status(503, "no"), "cannot be checked: 503 at PATH: Service Unavailable"),
    ],
)
async def test_logs_that_may_not_be_read_are_a_note(tmp_path, answer, text):
    """Nothing else depends on them."""
    async with a_server() as server:

        async def intercept(request):
            return answer() if request.path.endswith("/log") else None

        server.intercept = intercept
        code, lines = await check(server.url, tmp_path, config=CONFIG)
    path = "/api/v1/namespaces/default/pods/coderun-exporter-check/log"
    assert lines_about(lines) == [f"note  logs in all namespaces: {text.replace('PATH', path)}"]
    assert code == 0


async def test_logs_are_checked_only_if_they_are_read(tmp_path):
    """By default they are not."""
    async with a_server() as server:
        _, lines = await check(server.url, tmp_path, config=NO_CONFIGMAPS)
        assert not [one for one in server.requests if "/log" in one]
    assert lines_about(lines) == []
