"""How a watch ends: between two lines, in the middle of one, at once."""

import asyncio
import itertools

import pytest

from exporter.reflector import reflector
from tests.clusters import a_run, a_server, a_status, a_stream, restart, until
from tests.reflector.test_watching import event, watches
from tests.reflector.work import always, at_work

BOOKMARK = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"5"}}}\n'
ENDS = {
    "the server's own end": lambda _: None,
    "closed by a load balancer": lambda request: request.transport.close(),
    "reset by a load balancer": lambda request: request.transport.abort(),
}


def cuts(server, work, how, *, after, lines=(), accepted=0.2):
    """Each watch from a version is accepted, gets these lines, and ends so after so many seconds."""

    async def intercept(request):
        if "resourceVersion=" not in request.query_string:
            return None
        response = await a_stream(*lines)(request)
        await asyncio.sleep(accepted)
        work.now += after
        how(request)
        return response

    server.intercept = intercept


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("after", [35, 60])
async def test_an_idle_cut_is_an_ordinary_end(tmp_path, caplog, how, after):
    """A load balancer cuts quiet connections: watched again at once, each time, with no state and no log line."""
    caplog.set_level("INFO", "exporter")
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path, sleeps=0) as work:
        await until(lambda: work.state == "watching")
        caplog.clear()
        cuts(server, work, ENDS[how], after=after)
        await restart(server)
        work.sleeps, begun = 1000, work.now
        await until(lambda: work.now - begun > 4 * after)
        assert work.state == "watching"
        assert work.now - work.status.last_sync <= after + 5
        assert work.count("errors_total", code="cut") is None
        server.intercept = None
        server.load([a_run("b")])
        await until(lambda: work.sink.names == ["a", "b"])
    assert set(work.waits[1:]) == {0.0}
    assert caplog.records == []


@pytest.mark.parametrize("how", [how for how in ENDS if how != "reset by a load balancer"])
async def test_a_cut_in_the_middle_of_a_line_is_an_error(tmp_path, how):
    """Half an event was lost: the resource is unreachable until a watch goes on from the last whole version."""
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path, sleeps=0) as work:
        await until(lambda: work.state == "watching")
        cuts(server, work, ENDS[how], after=35, lines=[event("ADDED", "b"), b'{"type":"ADDED","obj'])
        await restart(server)
        work.sleeps = 1
        await until(lambda: len(work.waits) == 2)
        assert work.state == "unreachable"
        assert work.count("errors_total", code="cut") == 1
        assert work.sink.names == ["a", "b"]
        assert work.waits[1] == 0.5


async def test_silence_is_an_ordinary_end_as_well(tmp_path, caplog):
    """A half-open connection, or a quiet watch of a server without bookmarks: only a new watch can tell."""
    caplog.set_level("INFO", "exporter")
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path, idle=0.1, sleeps=0) as work:
        await until(lambda: work.state == "watching")

        async def silent(request):
            work.now += 90
            return await a_stream(end="open")(request)

        caplog.clear()
        server.intercept = silent
        work.sleeps = 1000
        await until(lambda: len(server.requests) == 4)
        server.intercept = None
        server.load([a_run("b")])
        await until(lambda: work.sink.names == ["a", "b"])
        assert len(work.sink.replaced) == 1
    assert caplog.records == []


async def test_silence_in_the_middle_of_a_line_is_an_error(tmp_path):
    """What has begun has to end."""
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path, idle=0.1, sleeps=0) as work:
        always(server, lambda: a_stream(b'{"type":', end="open"))
        await until(lambda: work.state == "unreachable")
        assert work.count("errors_total", code="timeout") == 1


@pytest.mark.parametrize("lines", [(), (b"\n",), (BOOKMARK,), (event("ADDED", "b", version="5"),)])
async def test_a_watch_that_ends_at_once_again_and_again_is_no_busy_loop(tmp_path, lines):
    """Whatever it repeats before its end: less than twenty requests in five minutes."""
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path, sleeps=0) as work:
        await until(lambda: work.state == "watching")
        always(server, lambda: a_stream(*lines))
        await restart(server)
        begun, work.sleeps = work.now, 1000
        await until(lambda: work.now - begun > 300)
        assert "a" in work.sink.names
    assert sum(moment <= 300 for moment in itertools.accumulate(work.waits)) < 20


async def test_very_short_watches_are_an_error(tmp_path, caplog):
    """The second in a row, for nothing is watched meanwhile; the first may be a server that is stopping."""
    caplog.set_level("INFO", "exporter")
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path, sleeps=0) as work:
        await until(lambda: work.state == "watching")
        caplog.clear()
        always(server, a_stream)
        await restart(server)
        await until(lambda: len(work.waits) == 1)
        assert work.state == "watching"
        work.sleeps = 5
        await until(lambda: len(work.waits) == 6)
        assert work.state == "unreachable"
        assert work.status.detail.startswith("very short watch at /apis/agents.platform/v1/")
        assert work.count("errors_total", code="short") == 5
        assert work.waits == [0.5, 1, 2, 4, 8, 16]
        server.intercept, work.sleeps = None, 1000
        await until(lambda: work.state == "watching")
        assert len(work.sink.replaced) == 1
    assert [record.state for record in caplog.records] == ["unreachable", "watching"]


@pytest.mark.parametrize(("interrupted", "seconds"), [(False, 300), (True, 90)])
async def test_a_version_that_nothing_confirms_is_listed_again(tmp_path, monkeypatch, interrupted, seconds):
    """A server that was restored from a backup is silent about a version of its future.

    So after five minutes without an event or a bookmark, or 90 s after an outage, everything is listed again.
    """
    monkeypatch.setattr(reflector, "IDLE_SECONDS", 90)
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path, sleeps=0, idle=90.0) as work:
        await until(lambda: work.state == "watching")
        begun = work.now
        if interrupted:
            always(server, lambda: a_status(500))
            await restart(server)
            work.sleeps = 1
            await until(lambda: work.state == "unreachable")
        cuts(server, work, ENDS["the server's own end"], after=30)
        if not interrupted:
            await restart(server)
        server.store.delete("coderuns", "a", namespace="agent-platform")
        work.sleeps = 1000
        await until(lambda: work.sink.names == [])
        assert seconds <= work.now - begun <= seconds + 35
        assert "" not in watches(server)[1:-1]
