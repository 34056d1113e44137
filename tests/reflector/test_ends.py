"""How watches end: between two lines, in the middle of a line, or right after they start."""

import asyncio
import itertools

import pytest

from exporter.reflector import reflector
from tests.clusters import a_run, a_server, a_status, a_stream, restart, until
from tests.reflector.running import always_respond, running_reflector
from tests.reflector.test_watching import event, watches

BOOKMARK = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"5"}}}\n'
ENDS = {
    "the server's own end": lambda _: None,
    "closed by a load balancer": lambda request: request.transport.close(),
    "reset by a load balancer": lambda request: request.transport.abort(),
}


def cut_watches(server, running, how, *, after, lines=(), accepted=0.2):
    """Each watch is accepted, gets these lines, and ends by `how`. Before that, the clock advances by `after` s."""

    async def intercept(request):
        if "resourceVersion=" not in request.query_string:
            return None
        response = await a_stream(*lines)(request)
        await asyncio.sleep(accepted)
        running.now += after
        how(request)
        return response

    server.intercept = intercept


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("after", [35, 60])
async def test_a_connection_that_is_closed_while_idle_is_a_normal_end(tmp_path, caplog, how, after):
    """Load balancers close idle connections. The watch restarts at once; the state does not change."""
    caplog.set_level("INFO", "exporter")
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path, sleeps=0) as running:
        await until(lambda: running.state == "watching")
        caplog.clear()
        cut_watches(server, running, ENDS[how], after=after)
        await restart(server)
        running.sleeps, started = 1000, running.now
        await until(lambda: running.now - started > 4 * after)
        assert running.state == "watching"
        assert running.now - running.status.last_sync <= after + 5
        assert running.count("errors_total", code="cut") is None
        server.intercept = None
        server.load([a_run("b")])
        await until(lambda: running.sink.names == ["a", "b"])
    assert set(running.waits[1:]) == {0.0}
    assert caplog.records == []


@pytest.mark.parametrize("how", [how for how in ENDS if how != "reset by a load balancer"])
async def test_a_connection_that_is_closed_in_the_middle_of_a_line_is_an_error(tmp_path, how):
    """Part of an event was lost. The resource is unreachable until a watch continues from the last complete event."""
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path, sleeps=0) as running:
        await until(lambda: running.state == "watching")
        cut_watches(server, running, ENDS[how], after=35, lines=[event("ADDED", "b"), b'{"type":"ADDED","obj'])
        await restart(server)
        running.sleeps = 1
        await until(lambda: len(running.waits) == 2)
        assert running.state == "unreachable"
        assert running.count("errors_total", code="cut") == 1
        assert running.sink.names == ["a", "b"]
        assert running.waits[1] == 0.5


async def test_an_idle_timeout_is_a_normal_end(tmp_path, caplog):
    """A half-open connection and a quiet watch without bookmarks cannot be distinguished."""
    caplog.set_level("INFO", "exporter")
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path, idle=0.1, sleeps=0) as running:
        await until(lambda: running.state == "watching")

        async def silent(request):
            running.now += 90
            return await a_stream(end="open")(request)

        caplog.clear()
        server.intercept = silent
        running.sleeps = 1000
        await until(lambda: len(server.requests) == 4)
        server.intercept = None
        server.load([a_run("b")])
        await until(lambda: running.sink.names == ["a", "b"])
        assert len(running.sink.replaced) == 1
    assert caplog.records == []


async def test_an_idle_timeout_in_the_middle_of_a_line_is_an_error(tmp_path):
    """The event is incomplete."""
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path, idle=0.1, sleeps=0) as running:
        always_respond(server, lambda: a_stream(b'{"type":', end="open"))
        await until(lambda: running.state == "unreachable")
        assert running.count("errors_total", code="timeout") == 1


@pytest.mark.parametrize("lines", [(), (b"\n",), (BOOKMARK,), (event("ADDED", "b", version="5"),)])
async def test_watches_that_always_end_at_once_do_not_cause_a_busy_loop(tmp_path, lines):
    """Whatever such a watch sends, there are fewer than twenty requests in five minutes."""
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path, sleeps=0) as running:
        await until(lambda: running.state == "watching")
        always_respond(server, lambda: a_stream(*lines))
        await restart(server)
        started, running.sleeps = running.now, 1000
        await until(lambda: running.now - started > 300)
        assert "a" in running.sink.names
    assert sum(moment <= 300 for moment in itertools.accumulate(running.waits)) < 20


async def test_very_short_watches_are_an_error(tmp_path, caplog):
    """Only the second in a row is an error: the first may be due to a server that is stopping."""
    caplog.set_level("INFO", "exporter")
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path, sleeps=0) as running:
        await until(lambda: running.state == "watching")
        caplog.clear()
        always_respond(server, a_stream)
        await restart(server)
        await until(lambda: len(running.waits) == 1)
        assert running.state == "watching"
        running.sleeps = 5
        await until(lambda: len(running.waits) == 6)
        assert running.state == "unreachable"
        assert running.status.detail.startswith("very short watch at /apis/agents.platform/v1/")
        assert running.count("errors_total", code="short") == 5
        assert running.waits == [0.5, 1, 2, 4, 8, 16]
        server.intercept, running.sleeps = None, 1000
        await until(lambda: running.state == "watching")
        assert len(running.sink.replaced) == 1
    assert [record.state for record in caplog.records] == ["unreachable", "watching"]


@pytest.mark.parametrize(("interrupted", "seconds"), [(False, 300), (True, 90)])
async def test_a_resource_version_that_the_server_never_confirms_leads_to_a_relist(
    tmp_path, monkeypatch, interrupted, seconds
):
    """An API server that was restored from a backup sends no events after a resource version of its future.

    The relist is done after five minutes without an event or bookmark, or 90 s after an outage.
    """
    monkeypatch.setattr(reflector, "IDLE_SECONDS", 90)
    async with (
        a_server(a_run("a")) as server,
        running_reflector(server.url, tmp_path, sleeps=0, idle=90.0) as running,
    ):
        await until(lambda: running.state == "watching")
        started = running.now
        if interrupted:
            always_respond(server, lambda: a_status(500))
            await restart(server)
            running.sleeps = 1
            await until(lambda: running.state == "unreachable")
        cut_watches(server, running, ENDS["the server's own end"], after=30)
        if not interrupted:
            await restart(server)
        server.store.delete("coderuns", "a", namespace="agent-platform")
        running.sleeps = 1000
        await until(lambda: running.sink.names == [])
        assert seconds <= running.now - started <= seconds + 35
        assert "" not in watches(server)[1:-1]
