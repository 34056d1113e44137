"""Streamed lists that do not end, and when lists are read in pages instead."""

import asyncio

import pytest

from exporter.kube.budget import Budget
from exporter.reflector import listing, streaming
from tests.clusters import a_run, a_server, a_status, a_stream, restart, until
from tests.reflector.test_watching import event
from tests.reflector.work import at_work

HOUR = 3600


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    """A list makes progress every 50 ms."""
    monkeypatch.setattr(streaming, "_PROGRESS_SECONDS", 0.05)


def streams(server, answer):
    """Streamed lists get this answer; gives the number of those that were requested."""

    async def intercept(request):
        return await answer(request) if "sendInitialEvents" in request.query else None

    server.intercept = intercept
    return lambda: sum("sendInitialEvents" in request for request in server.requests)


def endless(*, each=lambda _: b"", pause=0.005):
    """A stream of one run that never ends, and sends such a line again and again."""

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
async def test_a_streamed_list_that_never_ends_is_read_in_pages(tmp_path, caplog, how):
    """Soon, and said once: in the log, in a metric, in the resource's note."""
    async with a_server(a_run("a"), a_run("b")) as server:
        requested = streams(server, NEVER_ENDS[how])
        async with at_work(server.url, tmp_path) as work:
            await until(lambda: work.state == "watching", seconds=2)
            assert work.sink.replaced == [["a", "b"]]
            assert work.count("resource_list_streamed") == 0
            assert work.count("errors_total", code="endless") == 1
            assert work.status.note.startswith("the streamed list at /apis/agents.platform/v1/")
            server.load([a_run("c")])
            await until(lambda: work.sink.names == ["a", "b", "c"])
        assert requested() == 1
        assert work.waits == []
    (line,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert line.message == "Streamed lists fail, reading lists in pages"
    assert "does not end" in line.detail


async def test_that_is_remembered_for_an_hour(tmp_path, caplog):
    """Each try costs ten seconds. Then the server may be another."""
    async with a_server(a_run("a")) as server:
        requested = streams(server, endless())
        async with at_work(server.url, tmp_path, sleeps=0) as work:
            await until(lambda: work.state == "watching")
            for number, pause in enumerate((HOUR - 10, 20), start=2):
                work.now += pause
                server.compact()
                server.load([a_run(f"b{number}")])
                server.compact()
                work.sleeps = len(work.waits)
                await restart(server)
                await until(lambda: len(work.waits) > work.sleeps)
                work.sleeps = 1000
                await until(lambda: len(work.sink.replaced) == number, seconds=2)  # noqa: B023 - called here only
                assert requested() == (1 if number == 2 else 2)
            assert work.count("resource_list_streamed") == 0
    assert sum(record.levelname == "WARNING" and "pages" in record.message for record in caplog.records) == 1


async def test_a_list_that_is_streamed_again_takes_the_note_back(tmp_path):
    """The note is about the present."""
    async with a_server(a_run("a")) as server:
        streams(server, endless())
        async with at_work(server.url, tmp_path, sleeps=0) as work:
            await until(lambda: work.state == "watching")
            server.intercept = None
            work.now += HOUR
            server.load([a_run("b")])
            server.compact()
            await restart(server)
            work.sleeps = 1000
            await until(lambda: work.count("resource_list_streamed") == 1)
            assert work.status.note == ""


async def test_a_slow_list_that_makes_progress_is_waited_for(tmp_path, monkeypatch):
    """However long it takes: here twice the time in which there has to be some."""
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

        requested = streams(server, slow)
        async with at_work(server.url, tmp_path) as work:
            await until(lambda: work.state == "watching")
            assert len(work.sink.records) == 300
            assert work.count("resource_list_streamed") == 1
        assert requested() == 1


async def test_a_large_list_at_a_constant_pace_is_waited_for(tmp_path, monkeypatch):
    """A share of what there is would be more and more objects: on a busy machine, a list of 80,000 was read twice."""
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

        requested = streams(server, large)
        async with at_work(server.url, tmp_path) as work:
            await until(lambda: work.state == "watching")
            assert len(work.sink.records) == 2120
            assert work.count("resource_list_streamed") == 1
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
    """Once may be the network. The second time pages are read at once, and the reason is noted."""
    async with a_server(a_run("a"), a_run("b")) as server:
        requested = streams(server, FAILS[how])
        async with at_work(server.url, tmp_path) as work:
            await until(lambda: work.state == "watching")
            assert work.sink.replaced == [["a", "b"]]
            assert work.status.note
        assert (requested(), work.waits) == (2, [0.5])


@pytest.mark.parametrize("code", [401, 403, 404, 429])
async def test_a_refusal_concerns_pages_as_well(tmp_path, code):
    """Pages are not read in its place: who may list and not watch would go from one state to another for ever."""
    async with a_server(a_run("a")) as server:
        streams(server, lambda _: refused(code))
        async with at_work(server.url, tmp_path, sleeps=5) as work:
            await until(lambda: len(work.waits) == 6)
        assert all("watch=true" in request for request in server.requests if "coderuns" in request)
        assert not any(work.sink.replaced)


async def test_lists_whose_watches_fail_are_no_recovery(tmp_path, caplog):
    """What is read is exposed and young, and the state says that nothing is watched: one line, and not two a try."""
    caplog.set_level("INFO", "exporter")
    async with a_server(a_run("a")) as server:

        async def intercept(request):
            return a_status(501, "no watch") if "watch" in request.query else None

        server.intercept = intercept
        async with at_work(server.url, tmp_path, sleeps=20) as work:
            await until(lambda: len(work.waits) == 21)
            assert work.state == "unreachable"
            assert work.sink.names == ["a"]
            assert work.now - work.status.last_sync <= 90
            server.intercept, work.sleeps = None, 1000
            await until(lambda: work.state == "watching")
    states = [record.state for record in caplog.records if record.message == "Resource state changed"]
    assert states == ["unreachable", "watching"]


async def refused(code):
    """A fresh answer."""
    return a_status(code, "no")


async def test_where_pages_fail_too_nothing_is_remembered(tmp_path):
    """A server that freezes in the middle of a list says nothing about streamed lists."""
    async with a_server(a_run("a")) as server:
        answers = [endless(), lambda _: refused(500)]

        async def intercept(request):
            return await answers.pop(0)(request) if answers else None

        server.intercept = intercept
        async with at_work(server.url, tmp_path) as work:
            await until(lambda: work.state == "watching")
            assert work.count("resource_list_streamed") == 1
            assert work.status.note == ""


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_list_of_more_objects_than_the_memory_holds_is_an_error(tmp_path, monkeypatch, streamed):
    """It names the list and says what to do; what was read before stays served."""
    async with a_server(a_run("a"), a_run("b")) as server:
        if not streamed:
            streams(server, lambda _: refused(422))
        async with at_work(server.url, tmp_path, sleeps=0) as work:
            await until(lambda: work.state == "watching")
            server.load([a_run(f"c{number}") for number in range(30)])
            await until(lambda: len(work.sink.records) == 32)
            server.load([a_run(f"d{number}") for number in range(3)])
            monkeypatch.setattr(listing, "RECORD_BYTES", 1 << 20)
            monkeypatch.setattr(streaming, "RECORD_BYTES", 1 << 20)
            work.client.budget = Budget(max_bytes=8 << 20, reason="a third of the memory limit of 16 MiB")
            server.compact()
            await restart(server)
            work.sleeps = 1000
            await until(lambda: work.count("errors_total", code="too_large"))
            assert work.state == "unreachable"
            assert len(work.sink.records) >= 32
            assert (
                "all responses together may use 8 MiB (a third of the memory limit of 16 MiB)" in work.status.detail
            )
            assert work.client.budget.used < 8 << 20
