"""How an initial list is read: streamed, or else in pages."""

import pytest
from aiohttp import web

from exporter.kube.client import KubeClient
from exporter.reflector import Snapshot, Source
from exporter.reflector.listing import initial_list
from exporter.reflector.streaming import Streaming
from tests.clusters import RUNS, a_run, a_server, a_status, a_stream, faults, until
from tests.kube.settings import a_kubeconfig, load
from tests.reflector.running import RunningReflector, decode, running_reflector

NO_STREAMS = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
MANY = [a_run(f"r{number:04}") for number in range(1201)]
MANY_NAMES = [run["metadata"]["name"] for run in MANY]


def reject_streams(server, *answers):
    """Makes the server reject streamed lists, and respond to pages with `answers`. None is its own response."""
    waiting = list(answers)

    async def intercept(request):
        if "sendInitialEvents" in request.query:
            return a_status(422, NO_STREAMS)
        if "watch" not in request.query and waiting:
            return waiting.pop(0)
        return None

    server.intercept = intercept


def lists(server):
    """Returns (has a limit, is a continuation) of each list request."""
    asked = [request for request in server.requests if "watch=true" not in request]
    return [("limit=500" in request, "continue=" in request) for request in asked]


async def test_the_initial_list_is_streamed(tmp_path):
    """A single request returns the list and continues as the watch (KEP-3157)."""
    async with a_server(a_run("a"), a_run("b")) as server, running_reflector(server.url, tmp_path) as running:
        await until(lambda: running.state == "watching")
        assert running.sink.replaced == [["a", "b"]]
        server.load([a_run("c")])
        await until(lambda: running.sink.names == ["a", "b", "c"])
        assert len(server.requests) == 1
        assert "sendInitialEvents=true&resourceVersionMatch=NotOlderThan" in server.requests[0]
        assert "allowWatchBookmarks=true" in server.requests[0]
        assert 300 <= int(server.requests[0].split("timeoutSeconds=")[1].split("&")[0]) <= 600


async def test_selectors_are_sent_with_every_request(tmp_path):
    """These are the streamed list, the pages and the watch."""
    async with a_server(a_run("a"), a_run("b")) as server:
        reject_streams(server)
        async with running_reflector(server.url, tmp_path, params={"fieldSelector": "metadata.name=a"}) as running:
            await until(lambda: running.sink.names == ["a"] and len(server.requests) == 3)
        assert all("fieldSelector=metadata.name" in request for request in server.requests)


async def test_an_incomplete_streamed_list_is_not_used(tmp_path):
    """Its objects are discarded, and the list is started again."""
    async with a_server(a_run("a"), a_run("b")) as server:
        half = b'{"type":"ADDED","object":{"metadata":{"uid":"h","name":"half"}}}\n'
        faults(server, a_stream(half, end="cut"))
        async with running_reflector(server.url, tmp_path) as running:
            await until(lambda: running.sink.replaced == [["a", "b"]])
        assert running.count("errors_total", code="cut") == 1


async def test_a_streamed_list_that_ends_early_is_an_error(tmp_path):
    """It is an error even if the connection is closed normally. Otherwise the state would remain `syncing`."""
    async with a_server(a_run("a")) as server:
        faults(server, a_stream(b""))
        async with running_reflector(server.url, tmp_path, sleeps=0) as running:
            await until(lambda: running.state == "unreachable")
            assert "ended before it was complete" in running.status.detail
            running.sleeps = 1000
            await until(lambda: running.sink.names == ["a"])


async def test_changes_within_a_streamed_list_are_applied_in_order(tmp_path):
    """An object can be changed and deleted before the initial list is complete."""
    line = '{"type":"%s","object":{"metadata":{"uid":"%s","name":"%s","resourceVersion":"%d"}}}\n'
    lines = [
        line % ("ADDED", "1", "a", 1),
        line % ("ADDED", "2", "b", 2),
        line % ("DELETED", "1", "a", 3),
        '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"4"}}}\n',
        line % ("ADDED", "3", "xx", 4),
        (
            '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"5",'
            '"annotations":{"k8s.io/initial-events-end":"true"}}}}\n'
        ),
        line % ("ADDED", "4", "d", 6),
    ]
    async with a_server() as server:
        faults(server, a_stream("".join(lines).encode(), end="open"))
        async with running_reflector(server.url, tmp_path) as running:
            await until(lambda: running.sink.names == ["b", "d"])
            assert running.sink.replaced == [["b"]]


async def test_without_streamed_lists_pages_of_500_are_read(tmp_path):
    """The server rejects the streamed list with 422. The watch starts from the resource version of the list."""
    async with a_server(*MANY) as server:
        reject_streams(server)
        async with running_reflector(server.url, tmp_path) as running:
            await until(lambda: len(running.sink.records) == 1201)
            assert running.sink.replaced == [MANY_NAMES]
            assert lists(server) == [(True, False), (True, True), (True, True)]
            assert "resourceVersion=0" not in "".join(server.requests)
            server.load([a_run("new")])
            await until(lambda: "new" in running.sink.names)
        assert running.count("errors_total", code="422") is None


async def test_a_list_whose_resource_version_expires_is_started_again(tmp_path):
    """The server responds to `continue` with 410. The first part is discarded, and the error is counted."""
    async with a_server(*MANY) as server:
        reject_streams(server, None, a_status(410, "The provided continue parameter is too old"))
        async with running_reflector(server.url, tmp_path) as running:
            await until(lambda: running.sink.replaced == [MANY_NAMES])
            assert lists(server) == [(True, False), (True, True), *[(True, False), (True, True), (True, True)]]
            assert running.count("errors_total", code="410") == 1


async def test_after_two_expired_lists_the_list_is_read_without_pages(tmp_path):
    """Otherwise a long list could expire again and again."""
    gone = a_status(410, "too old"), a_status(410, "too old")
    async with a_server(*MANY) as server:
        reject_streams(server, None, gone[0], None, gone[1])
        async with running_reflector(server.url, tmp_path) as running:
            await until(lambda: running.sink.replaced == [MANY_NAMES])
            assert lists(server)[-1] == (False, False)
            assert len(lists(server)) == 5


async def test_a_410_to_a_list_without_pages_is_retried_with_backoff(tmp_path):
    """There is no other way to read the list."""
    async with a_server(*MANY) as server:
        reject_streams(server, *[a_status(410, "too old") for _ in range(3)])
        async with running_reflector(server.url, tmp_path) as running:
            await until(lambda: running.sink.replaced == [MANY_NAMES])
        assert running.waits == [0.5]
        assert running.count("errors_total", code="410") == 3


async def test_a_malformed_object_of_a_list_is_decoded_and_counted(tmp_path):
    """The other objects are not affected."""
    async with a_server(a_run("a"), a_run("b", spec={"taskId": {"odd": 1}}), a_run("c")) as server:
        reject_streams(server)
        async with running_reflector(server.url, tmp_path) as running:
            await until(lambda: running.state == "watching")
            assert sorted(running.sink.records.values()) == [("a", 1), ("b", None), ("c", 1)]
            assert running.count("malformed_objects_total") == 1


async def test_objects_without_a_record_or_without_an_identity_are_skipped(tmp_path):
    """For example, a Job that no run controls has no record."""
    body = (
        b'{"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"uid":"1","name":"xx"}},'
        b'{"metadata":{"name":"nobody"}},{"metadata":{"uid":"2","name":"a"}}]}'
    )
    async with a_server() as server:
        page = a_page(body)
        reject_streams(server, page)
        async with running_reflector(server.url, tmp_path) as running:
            await until(lambda: running.sink.replaced[:1] == [["a"]])
            assert running.count("malformed_objects_total") == 0


async def test_a_list_whose_items_have_no_names_is_an_error(tmp_path):
    """Otherwise a server could make the exporter read for ever."""
    async with a_server(a_run("a")) as server:
        reject_streams(server, a_page(b'{"metadata":{"resourceVersion":"1"},"items":[' + b"{}," * 2000 + b"{}]}"))
        async with running_reflector(server.url, tmp_path, sleeps=0) as running:
            await until(lambda: running.state == "unreachable")
            assert "its items have no names" in running.status.detail


def a_page(body):
    """A response with this JSON."""
    return web.Response(body=body, content_type="application/json")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"metadata":{"resourceVersion":"1"},"items":[{'])
async def test_an_invalid_list_is_an_error_and_retried(tmp_path, body):
    """It is not treated as an empty list, which would mean that all objects were deleted."""
    async with a_server(a_run("a")) as server:
        reject_streams(server, a_page(body))
        async with running_reflector(server.url, tmp_path, sleeps=0) as running:
            await until(lambda: running.state == "unreachable")
            assert running.sink.replaced == []
            running.sleeps = 1000
            await until(lambda: running.sink.replaced == [["a"]])


async def test_an_equal_record_is_reused(tmp_path):
    """The function `reuse_if_equal` returns the cached record, so a relist stores no copies."""
    async with a_server(a_run("a")) as server:
        credentials = await load(a_kubeconfig(tmp_path, cluster={"server": server.url}))
        for refuse in (False, True):
            if refuse:
                reject_streams(server)
            source = Source(path=RUNS, decode=decode, reuse_if_equal=lambda record: ("kept", *record))
            async with KubeClient(credentials=credentials) as client:
                streaming = Streaming(monotonic=lambda: 0.0)
                async for item in initial_list(
                    client, source, RunningReflector(sleeps=0).status, idle=5, streaming=streaming
                ):
                    assert isinstance(item, Snapshot)
                    assert list(item.records.values()) == [("kept", "a", 1)]
                    break
