"""How an initial list is read: streamed, otherwise in pages."""

import pytest
from aiohttp import web

from exporter.kube.client import KubeClient
from exporter.reflector import Snapshot, Source
from exporter.reflector.listing import initial_list
from exporter.reflector.streaming import Streaming
from tests.clusters import RUNS, a_run, a_server, a_status, a_stream, faults, until
from tests.kube.settings import a_kubeconfig, load
from tests.reflector.work import Work, at_work, decode

NO_STREAMS = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
MANY = [a_run(f"r{number:04}") for number in range(1201)]
MANY_NAMES = [run["metadata"]["name"] for run in MANY]


def refuses_streams(server, *answers):
    """A server without WatchList; the pages of its lists get these answers, None is its own."""
    waiting = list(answers)

    async def intercept(request):
        if "sendInitialEvents" in request.query:
            return a_status(422, NO_STREAMS)
        if "watch" not in request.query and waiting:
            return waiting.pop(0)
        return None

    server.intercept = intercept


def lists(server):
    """The lists that were asked for: their limits, and whether each goes on with another."""
    asked = [request for request in server.requests if "watch=true" not in request]
    return [("limit=500" in request, "continue=" in request) for request in asked]


async def test_the_first_state_is_streamed(tmp_path):
    """One request, which then goes on as the watch (KEP-3157)."""
    async with a_server(a_run("a"), a_run("b")) as server, at_work(server.url, tmp_path) as work:
        await until(lambda: work.state == "watching")
        assert work.sink.replaced == [["a", "b"]]
        server.load([a_run("c")])
        await until(lambda: work.sink.names == ["a", "b", "c"])
        assert len(server.requests) == 1
        assert "sendInitialEvents=true&resourceVersionMatch=NotOlderThan" in server.requests[0]
        assert "allowWatchBookmarks=true" in server.requests[0]
        assert 300 <= int(server.requests[0].split("timeoutSeconds=")[1].split("&")[0]) <= 600


async def test_the_selectors_go_along(tmp_path):
    """In the streamed list, in the pages and in the watch."""
    async with a_server(a_run("a"), a_run("b")) as server:
        refuses_streams(server)
        async with at_work(server.url, tmp_path, params={"fieldSelector": "metadata.name=a"}) as work:
            await until(lambda: work.sink.names == ["a"] and len(server.requests) == 3)
        assert all("fieldSelector=metadata.name" in request for request in server.requests)


async def test_half_a_stream_is_no_state(tmp_path):
    """What came before the connection was cut is not shown; the list is begun again."""
    async with a_server(a_run("a"), a_run("b")) as server:
        half = b'{"type":"ADDED","object":{"metadata":{"uid":"h","name":"half"}}}\n'
        faults(server, a_stream(half, end="cut"))
        async with at_work(server.url, tmp_path) as work:
            await until(lambda: work.sink.replaced == [["a", "b"]])
        assert work.count("errors_total", code="cut") == 1


async def test_a_stream_that_ends_before_it_is_whole_is_an_error(tmp_path):
    """Even if it ends cleanly: silence about it would leave the resource `syncing` for ever."""
    async with a_server(a_run("a")) as server:
        faults(server, a_stream(b""))
        async with at_work(server.url, tmp_path, sleeps=0) as work:
            await until(lambda: work.state == "unreachable")
            assert "ended before it was complete" in work.status.detail
            work.sleeps = 1000
            await until(lambda: work.sink.names == ["a"])


async def test_changes_within_the_stream_are_applied_in_their_order(tmp_path):
    """An object may change, and go, before all initial objects are there."""
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
        async with at_work(server.url, tmp_path) as work:
            await until(lambda: work.sink.names == ["b", "d"])
            assert work.sink.replaced == [["b"]]


async def test_a_server_without_streams_is_read_in_pages_of_500(tmp_path):
    """422 to the streamed list; then pages, then a watch from the list's version."""
    async with a_server(*MANY) as server:
        refuses_streams(server)
        async with at_work(server.url, tmp_path) as work:
            await until(lambda: len(work.sink.records) == 1201)
            assert work.sink.replaced == [MANY_NAMES]
            assert lists(server) == [(True, False), (True, True), (True, True)]
            assert "resourceVersion=0" not in "".join(server.requests)
            server.load([a_run("new")])
            await until(lambda: "new" in work.sink.names)
        assert work.count("errors_total", code="422") is None


async def test_a_list_whose_version_is_compacted_in_the_middle_is_begun_again(tmp_path):
    """410 to a `continue`: nothing of the first half is used, and the error is counted."""
    async with a_server(*MANY) as server:
        refuses_streams(server, None, a_status(410, "The provided continue parameter is too old"))
        async with at_work(server.url, tmp_path) as work:
            await until(lambda: work.sink.replaced == [MANY_NAMES])
            assert lists(server) == [(True, False), (True, True), *[(True, False), (True, True), (True, True)]]
            assert work.count("errors_total", code="410") == 1


async def test_after_the_second_time_the_list_is_read_without_pages(tmp_path):
    """A long list can outlast a short compaction interval for ever."""
    gone = a_status(410, "too old"), a_status(410, "too old")
    async with a_server(*MANY) as server:
        refuses_streams(server, None, gone[0], None, gone[1])
        async with at_work(server.url, tmp_path) as work:
            await until(lambda: work.sink.replaced == [MANY_NAMES])
            assert lists(server)[-1] == (False, False)
            assert len(lists(server)) == 5


async def test_a_410_to_the_list_without_pages_backs_off(tmp_path):
    """There is nothing left to try but to wait."""
    async with a_server(*MANY) as server:
        refuses_streams(server, *[a_status(410, "too old") for _ in range(3)])
        async with at_work(server.url, tmp_path) as work:
            await until(lambda: work.sink.replaced == [MANY_NAMES])
        assert work.waits == [0.5]
        assert work.count("errors_total", code="410") == 3


async def test_a_malformed_object_in_a_list_is_salvaged_and_counted(tmp_path):
    """Its neighbours are untouched."""
    async with a_server(a_run("a"), a_run("b", spec={"taskId": {"odd": 1}}), a_run("c")) as server:
        refuses_streams(server)
        async with at_work(server.url, tmp_path) as work:
            await until(lambda: work.state == "watching")
            assert sorted(work.sink.records.values()) == [("a", 1), ("b", None), ("c", 1)]
            assert work.count("malformed_objects_total") == 1


async def test_objects_that_are_not_for_us_or_have_no_identity_are_left_out(tmp_path):
    """A Job that no run controls, say."""
    body = (
        b'{"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"uid":"1","name":"xx"}},'
        b'{"metadata":{"name":"nobody"}},{"metadata":{"uid":"2","name":"a"}}]}'
    )
    async with a_server() as server:
        page = a_page(body)
        refuses_streams(server, page)
        async with at_work(server.url, tmp_path) as work:
            await until(lambda: work.sink.replaced[:1] == [["a"]])
            assert work.count("malformed_objects_total") == 0


async def test_a_list_of_what_has_no_names_is_an_error(tmp_path):
    """Else a server could have us read for ever what nothing is kept of."""
    async with a_server(a_run("a")) as server:
        refuses_streams(server, a_page(b'{"metadata":{"resourceVersion":"1"},"items":[' + b"{}," * 2000 + b"{}]}"))
        async with at_work(server.url, tmp_path, sleeps=0) as work:
            await until(lambda: work.state == "unreachable")
            assert "its items have no names" in work.status.detail


def a_page(body):
    """An answer with this JSON."""
    return web.Response(body=body, content_type="application/json")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"metadata":{"resourceVersion":"1"},"items":[{'])
async def test_a_list_that_is_no_list_is_told_and_tried_again(tmp_path, body):
    """It is not taken for an empty one, which would say that nothing exists."""
    async with a_server(a_run("a")) as server:
        refuses_streams(server, a_page(body))
        async with at_work(server.url, tmp_path, sleeps=0) as work:
            await until(lambda: work.state == "unreachable")
            assert work.sink.replaced == []
            work.sleeps = 1000
            await until(lambda: work.sink.replaced == [["a"]])


async def test_an_equal_record_is_the_one_that_is_kept(tmp_path):
    """`same` gives it, so that a list of what is known costs no second copy."""
    async with a_server(a_run("a")) as server:
        credentials = await load(a_kubeconfig(tmp_path, cluster={"server": server.url}))
        for refuse in (False, True):
            if refuse:
                refuses_streams(server)
            source = Source(path=RUNS, decode=decode, reuse_if_equal=lambda record: ("kept", *record))
            async with KubeClient(credentials=credentials) as client:
                streaming = Streaming(monotonic=lambda: 0.0)
                async for item in initial_list(client, source, Work(sleeps=0).status, idle=5, streaming=streaming):
                    assert isinstance(item, Snapshot)
                    assert list(item.records.values()) == [("kept", "a", 1)]
                    break
