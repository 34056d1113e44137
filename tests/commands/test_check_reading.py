"""How `check` reads: permissions by verb, lists in pages, streamed lists. It reads as `run` does."""

import json
import re

import pytest
from aiohttp import web

from tests.clusters import (
    ALL_RUNS,
    CONFIGMAPS,
    JOBS,
    a_configmap,
    a_job,
    a_namespace,
    a_run,
    a_server,
    a_status,
    a_stream,
)
from tests.commands.checking import check, reject_requests


@pytest.fixture(autouse=True)
def _short_watches(monkeypatch):
    """A watch is accepted after 20 ms without an error, and not after a second."""
    monkeypatch.setattr("exporter.kube.client._ACCEPT_SECONDS", 0.02)


async def test_a_forbidden_list_is_unknown(tmp_path):
    """The line has the namespace."""
    found = (
        a_configmap("a", k="v"),
        a_configmap("b", **{"x.sh": "y"}),
        a_run(namespace="one"),
        a_job(namespace="one"),
    )
    async with a_server(*found, *map(a_namespace, ("one", "two"))) as server:
        reject_requests(server, "/apis/batch/v1/namespaces/two", lambda: a_status(403, "not in two"))
        code, lines = await check(server.url, tmp_path, "--namespaces=one,two")
    assert code == 2
    assert [line for line in lines[2:] if not re.search("profile of|pods|events", line)] == [
        "ok  coderuns in namespace one: can be listed and watched, 1 found",
        "ok  coderuns in namespace two: can be listed and watched, none found",
        "ok  jobs in namespace one: can be listed and watched, 1 agent Job found",
        (
            "UNKNOWN  jobs in namespace two: not permitted: grant the verbs list and watch "
            "(403 at /apis/batch/v1/namespaces/two/jobs: not in two)"
        ),
    ]


async def test_unhealthy_has_priority_over_unknown(tmp_path):
    """The exit code of UNHEALTHY has priority. One ConfigMap is forbidden, another one is missing."""
    async with a_server(a_configmap("a", k="v")) as server:
        reject_requests(server, CONFIGMAPS, lambda: a_status(403, "no"), named="a")
        code, lines = await check(server.url, tmp_path)
    assert code == 1
    assert lines[0].startswith(
        "UNKNOWN  ConfigMap agent-platform/a: not permitted: grant the verbs list and watch (403"
    )
    assert lines[1].startswith("UNHEALTHY  ConfigMap agent-platform/b: missing")


@pytest.mark.parametrize(
    ("verb", "hint", "streams"),
    [
        ("watch", "verb watch", True),
        ("watch", "verb watch", False),
        ("list", "verb list", False),
        ("", "verbs list and watch", True),
        ("", "verbs list and watch", False),
    ],
)
async def test_the_hint_names_the_missing_verbs(tmp_path, verb, hint, streams):
    """`run` needs `watch`. It also needs `list` if the API server does not stream lists."""
    async with a_server(a_run()) as server:

        async def intercept(request):
            requested = "watch" if request.query.get("watch") else "list"
            if request.path == ALL_RUNS and requested.startswith(verb):
                return a_status(403, f'cannot {requested} resource "coderuns" in API group "agents.platform"')
            rejected = request.query.get("sendInitialEvents") and not streams
            return a_status(422, "sendInitialEvents is forbidden") if rejected else None

        server.intercept = intercept
        code, lines = await check(server.url, tmp_path, config="configmaps: {required: []}")
    assert code == 2
    assert lines[0].startswith(
        f"UNKNOWN  coderuns in all namespaces: not permitted: grant the {hint} (403 at {ALL_RUNS}"
    )
    assert lines[1] == "ok  jobs in all namespaces: can be listed and watched, no agent Jobs found"


async def test_a_server_that_cannot_stream_lists_is_read_in_pages(tmp_path):
    """`run` does so, too."""
    async with a_server(*(a_run(f"r{number}") for number in range(501))) as server:

        async def intercept(request):
            return a_status(422, "no") if request.query.get("sendInitialEvents") else None

        server.intercept = intercept
        code, lines = await check(server.url, tmp_path, config="configmaps: {required: []}")
    assert (code, lines[0]) == (0, "ok  coderuns in all namespaces: can be listed and watched, 501 found")


async def test_watch_without_list_is_a_note(tmp_path):
    """`run` needs no `list` only as long as the API server streams lists."""
    async with a_server(a_configmap("a", k="v"), a_configmap("b", **{"x.sh": "y"}), a_run()) as server:
        reject_requests(server, "/api", lambda: a_status(403, "no"), verb="list")
        code, lines = await check(server.url, tmp_path)
    more = "grant the verb list as well: without streamed lists nothing can be read"
    assert code == 0
    assert [line for line in lines if line.startswith("note")] == [
        f"note  ConfigMaps in namespace agent-platform: can be watched; {more}",
        f"note  coderuns in all namespaces: can be watched, 1 found; {more}",
        f"note  jobs in all namespaces: can be watched, no agent Jobs found; {more}",
        f"note  pods of Jobs in all namespaces: can be watched; {more}",
        f"note  events in all namespaces: can be watched; {more}",
    ]


async def test_a_namespace_that_cannot_be_read_is_not_called_empty(tmp_path):
    """`nothing found in it` would be wrong: nothing was read."""
    async with a_server() as server:
        reject_requests(server, "/api", lambda: a_status(403, "no"))
        code, lines = await check(server.url, tmp_path, "--namespaces=one")
    assert code == 2
    assert [line for line in lines if "nothing found" in line] == []


@pytest.mark.parametrize("path", [CONFIGMAPS, ALL_RUNS, JOBS])
async def test_a_repeated_continue_token_is_unknown(tmp_path, path):
    """Every list ends, because `check` and `run` read it with the same code."""
    async with a_server() as server:

        async def intercept(request):
            if request.path != path:
                return None
            if request.query.get("sendInitialEvents"):
                return a_status(422, "no")
            return web.json_response({"metadata": {"resourceVersion": "1", "continue": "again"}, "items": []})

        server.intercept = intercept
        names = "[a]" if path == CONFIGMAPS else "[]"
        code, lines = await check(server.url, tmp_path, config=f"configmaps: {{required: {names}}}")
        assert len(server.requests) < 30
    assert code == 2
    assert [line for line in lines if f"the list at {path} does not end: a continue token came twice" in line]


@pytest.mark.parametrize("end", ["open", "cut", "clean"])
async def test_a_streamed_list_that_never_ends_or_is_cut_is_read_in_pages(tmp_path, monkeypatch, end):
    """`run` does so, too: at once if the stream makes no progress, after the second failure if it is cut."""
    monkeypatch.setattr("exporter.reflector.streaming._PROGRESS_SECONDS", 0.2)
    line = json.dumps({"type": "ADDED", "object": a_run("r")}).encode() + b"\n"
    async with a_server(a_run("r"), a_run("s")) as server:

        async def intercept(request):
            streamed = request.path == ALL_RUNS and request.query.get("sendInitialEvents")
            return await a_stream(line, end=end)(request) if streamed else None

        server.intercept = intercept
        code, lines = await check(server.url, tmp_path, config="configmaps: {required: []}")
    assert (code, lines[0]) == (0, "ok  coderuns in all namespaces: can be listed and watched, 2 found")
