"""How long a reflector waits before it asks again."""

import email.utils
import time

import pytest
from aiohttp import web

from tests.clusters import a_run, a_server, a_status, faults, until
from tests.reflector.work import always, at_work


async def test_a_server_that_refuses_again_and_again_is_asked_less_and_less(tmp_path):
    """Half a second first, half a minute in the end."""
    async with a_server() as server:
        always(server, lambda: a_status(500))
        async with at_work(server.url, tmp_path, sleeps=9) as work:
            await until(lambda: len(work.waits) == 10)
        assert work.waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30]
        assert work.count("errors_total", code="500") == 15  # each second list is tried in pages as well


async def test_lists_whose_watches_are_refused_with_410_are_no_busy_loop(tmp_path):
    """A list is dear: one that each time leads to a watch that is too old is repeated less and less often."""
    async with a_server(a_run("a")) as server:

        async def intercept(request):
            if "sendInitialEvents" in request.query:
                return a_status(422)
            return a_status(410) if "watch" in request.query else None

        server.intercept = intercept
        async with at_work(server.url, tmp_path, sleeps=9) as work:
            await until(lambda: len(work.waits) == 10)
        assert work.waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30]
        assert len(work.sink.replaced) == 10


async def test_lists_that_are_refused_with_410_again_and_again_are_a_failure(tmp_path, caplog):
    """A list has no version that could be too old. Such a server left the state `syncing`, without a log line."""
    async with a_server(a_run("a")) as server:
        always(server, lambda: a_status(410, "too old"))
        async with at_work(server.url, tmp_path, sleeps=4) as work:
            await until(lambda: len(work.waits) == 5)
            assert work.state == "unreachable"
            assert "too old" in work.status.detail
            server.intercept, work.sleeps = None, 1000
            await until(lambda: work.state == "watching")
        assert work.sink.names == ["a"]
    (line,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert line.state == "unreachable"


async def test_an_event_makes_the_next_wait_short_again(tmp_path):
    """What worked is forgotten trouble."""
    async with a_server(a_run("a")) as server:
        faults(server, *[a_status(500) for _ in range(6)])  # each second time pages are tried as well
        async with at_work(server.url, tmp_path, sleeps=4) as work:
            await until(lambda: work.state == "watching")
            server.load([a_run("b")])
            await until(lambda: work.sink.names == ["a", "b"])
            await server.stop()
            await until(lambda: len(work.waits) == 5)
        assert work.waits == [0.5, 1, 2, 4, 0.5]


@pytest.mark.parametrize("code", [429, 503])
async def test_retry_after_is_honoured_with_a_spread_above_it(tmp_path, code):
    """In seconds."""
    async with a_server(a_run("a")) as server:
        faults(server, a_status(code, headers={"Retry-After": "9"}))
        async with at_work(server.url, tmp_path, chance=0.5) as work:
            await until(lambda: work.state == "watching")
    assert work.waits == [9 + 0.375]


async def test_retry_after_may_be_a_date(tmp_path):
    """RFC 9110."""
    async with a_server(a_run("a")) as server:
        when = email.utils.formatdate(time.time() + 60, usegmt=True)
        faults(server, a_status(503, headers={"Retry-After": when}))
        async with at_work(server.url, tmp_path) as work:
            await until(lambda: work.state == "watching")
    assert 55 < work.waits[0] <= 60.5


async def test_retry_after_of_text_that_is_no_status(tmp_path):
    """As the API server's own overload answer is."""
    async with a_server(a_run("a")) as server:
        faults(server, web.Response(status=429, text="Too many requests", headers={"Retry-After": "1"}))
        async with at_work(server.url, tmp_path) as work:
            await until(lambda: work.state == "watching")
    assert work.waits == [1.5]
    assert work.count("errors_total", code="429") == 1
