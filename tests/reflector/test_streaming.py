"""Streamed lists that do not complete, and when lists are read in pages instead."""

import asyncio

import pytest

from exporter.kube.budget import Budget
from exporter.reflector import listing, streaming
from tests.clusters import a_run, a_server, a_status, a_stream, restart, until
from tests.reflector.running import running_reflector
from tests.reflector.test_watching import event

HOUR = 3600


@pytest.fixture(autouse=True)
def _short_progress_timeout(monkeypatch):
    """A streamed list must make progress every 50 ms."""
    monkeypatch.setattr(streaming, "_PROGRESS_SECONDS", 0.05)


def answer_streams(server, answer):
    """Responds to streamed lists with `answer`. Returns a function that counts them."""

    async def intercept(request):
        return await answer(request) if "sendInitialEvents" in request.query else None

    server.intercept = intercept
    return lambda: sum("sendInitialEvents" in request for request in server.requests)


def endless(*, each=lambda _: b"", pause=0.005):
    """A streamed list of one run that never completes. After each pause it sends the line `each(number)`."""

    async def answer(request):
        response = await a_stream(event("ADDED", "a"))(request)
        for number in range(2000):
            await asyncio.sleep(pause)
            if line := each(number):
                await response.write(line)
        return response

    return answer


NEVER_ENDS = {
    "nothing more comes": endless(),
    "the same object changes": endless(each=lambda n: event("MODIFIED", "a", version=f"{n}")),
    "the list is sent again and again": endless(each=lambda _: event("ADDED", "a")),
    "bookmarks without the mark": endless(
        each=lambda _: b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"5"}}}\n'
    ),
    "a new object now and then": endless(each=lambda n: event("ADDED", f"b{n}") if n % 5 == 0 else b""),
    "objects that are not ours": endless(each=lambda n: event("ADDED", f"xx{n}") if n % 5 == 0 else b""),
    "half a line": endless(each=lambda _: b"x"),
    "blank lines": endless(each=lambda _: b"\n"),
}


@pytest.mark.parametrize("how", NEVER_ENDS)
async def test_a_streamed_list_that_never_completes_is_read_in_pages(tmp_path, caplog, how):
    """This is logged once, and shown in a metric and in the note of the resource."""
    async with a_server(a_run("a"), a_run("b")) as server:
        requested = answer_streams(server, NEVER_ENDS[how])
        async with running_reflector(server.url, tmp_path) as running:
            await until(lambda: running.state == "watching", seconds=2)
            assert running.sink.replaced == [["a", "b"]]
            assert running.count("resource_list_streamed") == 0
            assert running.count("errors_total", code="endless") == 1
            assert running.status.note.startswith("the streamed list at /apis/agents.platform/v1/")
            server.load([a_run("c")])
            await until(lambda: running.sink.names == ["a", "b", "c"])
        assert requested() == 1
        assert running.waits == []
    (line,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert line.message == "Streamed lists fail, reading lists in pages"
    assert "does not end" in line.detail


async def test_a_failed_streamed_list_is_remembered_for_an_hour(tmp_path, caplog):
    """Each attempt costs ten seconds. After an hour the server may have been upgraded."""
    async with a_server(a_run("a")) as server:
        requested = answer_streams(server, endless())
        async with running_reflector(server.url, tmp_path, sleeps=0) as running:
            await until(lambda: running.state == "watching")
            for number, pause in enumerate((HOUR - 10, 20), start=2):
                running.now += pause
                server.compact()
                server.load([a_run(f"b{number}")])
                server.compact()
                running.sleeps = len(running.waits)
                await restart(server)
                await until(lambda: len(running.waits) > running.sleeps)
                running.sleeps = 1000
                await until(lambda: len(running.sink.replaced) == number, seconds=2)  # noqa: B023 - called here only
                assert requested() == (1 if number == 2 else 2)
            assert running.count("resource_list_streamed") == 0
    assert sum(record.levelname == "WARNING" and "pages" in record.message for record in caplog.records) == 1


async def test_a_streamed_list_that_succeeds_removes_the_note(tmp_path):
    """The note describes the current state."""
    async with a_server(a_run("a")) as server:
        answer_streams(server, endless())
        async with running_reflector(server.url, tmp_path, sleeps=0) as running:
            await until(lambda: running.state == "watching")
            server.intercept = None
            running.now += HOUR
            server.load([a_run("b")])
            server.compact()
            await restart(server)
            running.sleeps = 1000
            await until(lambda: running.count("resource_list_streamed") == 1)
            assert running.status.note == ""


async def test_a_slow_list_that_makes_progress_may_take_any_time(tmp_path, monkeypatch):
    """Here it takes twice the progress timeout."""
    monkeypatch.setattr(streaming, "_PROGRESS_SECONDS", 0.4)
    async with a_server() as server:

        async def slow(request):
            response = await a_stream()(request)
            for number in range(300):
                await response.write(event("ADDED", f"r{number}"))
                if number % 30 == 0:
                    await asyncio.sleep(0.08)
            end = b'{"resourceVersion":"5","annotations":{"k8s.io/initial-events-end":"true"}}'
            await response.write(b'{"type":"BOOKMARK","object":{"metadata":%b}}\n' % end)
            await asyncio.sleep(10)
            return response

        requested = answer_streams(server, slow)
        async with running_reflector(server.url, tmp_path) as running:
            await until(lambda: running.state == "watching")
            assert len(running.sink.records) == 300
            assert running.count("resource_list_streamed") == 1
        assert requested() == 1


async def test_a_large_list_at_a_constant_rate_may_take_any_time(tmp_path, monkeypatch):
    """The required progress must not grow with the list: on a busy machine a list of 80,000 was read twice."""
    monkeypatch.setattr(streaming, "_PROGRESS_SECONDS", 0.5)
    monkeypatch.setattr(streaming, "_MAX_NEW", 20)
    async with a_server() as server:

        async def large(request):
            response = await a_stream(*[event("ADDED", f"r{number}") for number in range(2000)])(request)
            for part in range(6):
                await asyncio.sleep(0.15)
                await response.write(b"".join(event("ADDED", f"s{part}-{number}") for number in range(20)))
            end = b'{"resourceVersion":"5","annotations":{"k8s.io/initial-events-end":"true"}}'
            await response.write(b'{"type":"BOOKMARK","object":{"metadata":%b}}\n' % end)
            await asyncio.sleep(10)
            return response

        requested = answer_streams(server, large)
        async with running_reflector(server.url, tmp_path) as running:
            await until(lambda: running.state == "watching")
            assert len(running.sink.records) == 2120
            assert running.count("resource_list_streamed") == 1
        assert requested() == 1


FAILS = {
    "ends too early": a_stream(event("ADDED", "a")),
    "is cut": a_stream(event("ADDED", "a"), end="cut"),
    "is cut in the middle of a line": a_stream(b'{"type":', end="cut"),
    "is no JSON": a_stream(b"<html>\n"),
    "is a server error": a_stream(b"{}", status=501),
}


@pytest.mark.parametrize("how", FAILS)
async def test_a_streamed_list_that_fails_twice_is_read_in_pages(tmp_path, how):
    """The first failure may be due to the network. The note has the reason."""
    async with a_server(a_run("a"), a_run("b")) as server:
        requested = answer_streams(server, FAILS[how])
        async with running_reflector(server.url, tmp_path) as running:
            await until(lambda: running.state == "watching")
            assert running.sink.replaced == [["a", "b"]]
            assert running.status.note
        assert (requested(), running.waits) == (2, [0.5])


@pytest.mark.parametrize("code", [401, 403, 404, 429])
async def test_a_streamed_list_that_is_denied_is_not_read_in_pages(tmp_path, code):
    """With permission to list but not to watch, the state would otherwise alternate forever."""
    async with a_server(a_run("a")) as server:
        answer_streams(server, lambda _: error_response(code))
        async with running_reflector(server.url, tmp_path, sleeps=5) as running:
            await until(lambda: len(running.waits) == 6)
        assert all("watch=true" in request for request in server.requests if "coderuns" in request)
        assert not any(running.sink.replaced)


async def test_a_list_whose_watch_fails_is_no_recovery(tmp_path, caplog):
    """The list is exposed and current, but nothing is watched. The failure is logged once, not for each retry."""
    caplog.set_level("INFO", "exporter")
    async with a_server(a_run("a")) as server:

        async def intercept(request):
            return a_status(501, "no watch") if "watch" in request.query else None

        server.intercept = intercept
        async with running_reflector(server.url, tmp_path, sleeps=20) as running:
            await until(lambda: len(running.waits) == 21)
            assert running.state == "unreachable"
            assert running.sink.names == ["a"]
            assert running.now - running.status.last_sync <= 90
            server.intercept, running.sleeps = None, 1000
            await until(lambda: running.state == "watching")
    states = [record.state for record in caplog.records if record.message == "Resource state changed"]
    assert states == ["unreachable", "watching"]


async def error_response(code):
    """An error response. Each request needs a new one."""
    return a_status(code, "no")


async def test_if_pages_fail_too_streamed_lists_are_tried_again(tmp_path):
    """A server that stops responding during a list may still support streamed lists."""
    async with a_server(a_run("a")) as server:
        answers = [endless(), lambda _: error_response(500)]

        async def intercept(request):
            return await answers.pop(0)(request) if answers else None

        server.intercept = intercept
        async with running_reflector(server.url, tmp_path) as running:
            await until(lambda: running.state == "watching")
            assert running.count("resource_list_streamed") == 1
            assert running.status.note == ""


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_list_that_needs_more_memory_than_the_budget_is_an_error(tmp_path, monkeypatch, streamed):
    """The detail names the list and the limit. The previous objects remain exposed."""
    async with a_server(a_run("a"), a_run("b")) as server:
        if not streamed:
            answer_streams(server, lambda _: error_response(422))
        async with running_reflector(server.url, tmp_path, sleeps=0) as running:
            await until(lambda: running.state == "watching")
            server.load([a_run(f"c{number}") for number in range(30)])
            await until(lambda: len(running.sink.records) == 32)
            server.load([a_run(f"d{number}") for number in range(3)])
            monkeypatch.setattr(listing, "RECORD_BYTES", 1 << 20)
            monkeypatch.setattr(streaming, "RECORD_BYTES", 1 << 20)
            running.client.budget = Budget(max_bytes=8 << 20, reason="a third of the memory limit of 16 MiB")
            server.compact()
            await restart(server)
            running.sleeps = 1000
            await until(lambda: running.count("errors_total", code="too_large"))
            assert running.state == "unreachable"
            assert len(running.sink.records) >= 32
            assert (
                "all responses together may use 8 MiB (a third of the memory limit of 16 MiB)"
                in running.status.detail
            )
            assert running.client.budget.used < 8 << 20
