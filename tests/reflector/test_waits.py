"""How long a reflector waits before the next request."""

import email.utils
import time

import pytest
from aiohttp import web

from tests.clusters import a_run, a_server, a_status, faults, until
from tests.reflector.running import always_respond, running_reflector


async def test_errors_are_retried_with_exponential_backoff(tmp_path):
    """The first wait is half a second, the longest 30 s."""
    async with a_server() as server:
        always_respond(server, lambda: a_status(500))
        async with running_reflector(server.url, tmp_path, sleeps=9) as running:
            await until(lambda: len(running.waits) == 10)
        assert running.waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30]
        assert running.count("errors_total", code="500") == 15  # each second list is also tried in pages


async def test_lists_whose_watches_expire_at_once_do_not_cause_a_busy_loop(tmp_path):
    """Lists are expensive, so a 410 to each watch is retried with exponential backoff."""
    async with a_server(a_run("a")) as server:

        async def intercept(request):
            if "sendInitialEvents" in request.query:
                return a_status(422)
            return a_status(410) if "watch" in request.query else None

        server.intercept = intercept
        async with running_reflector(server.url, tmp_path, sleeps=9) as running:
            await until(lambda: len(running.waits) == 10)
        assert running.waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30]
        assert len(running.sink.replaced) == 10


async def test_lists_that_always_fail_with_410_are_unreachable(tmp_path, caplog):
    """A list has no resource version that could have expired, so the server is faulty."""
    async with a_server(a_run("a")) as server:
        always_respond(server, lambda: a_status(410, "too old"))
        async with running_reflector(server.url, tmp_path, sleeps=4) as running:
            await until(lambda: len(running.waits) == 5)
            assert running.state == "unreachable"
            assert "too old" in running.status.detail
            server.intercept, running.sleeps = None, 1000
            await until(lambda: running.state == "watching")
        assert running.sink.names == ["a"]
    (line,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert line.state == "unreachable"


async def test_an_event_resets_the_backoff(tmp_path):
    """Earlier errors no longer matter."""
    async with a_server(a_run("a")) as server:
        faults(server, *[a_status(500) for _ in range(6)])  # each second list is also tried in pages
        async with running_reflector(server.url, tmp_path, sleeps=4) as running:
            await until(lambda: running.state == "watching")
            server.load([a_run("b")])
            await until(lambda: running.sink.names == ["a", "b"])
            await server.stop()
            await until(lambda: len(running.waits) == 5)
        assert running.waits == [0.5, 1, 2, 4, 0.5]


@pytest.mark.parametrize("code", [429, 503])
async def test_retry_after_is_respected_with_random_time_added(tmp_path, code):
    """The header is in seconds."""
    async with a_server(a_run("a")) as server:
        faults(server, a_status(code, headers={"Retry-After": "9"}))
        async with running_reflector(server.url, tmp_path, chance=0.5) as running:
            await until(lambda: running.state == "watching")
    assert running.waits == [9 + 0.375]


async def test_retry_after_can_be_a_date(tmp_path):
    """RFC 9110 allows it."""
    async with a_server(a_run("a")) as server:
        when = email.utils.formatdate(time.time() + 60, usegmt=True)
        faults(server, a_status(503, headers={"Retry-After": when}))
        async with running_reflector(server.url, tmp_path) as running:
            await until(lambda: running.state == "watching")
    assert 55 < running.waits[0] <= 60.5


async def test_retry_after_of_a_response_without_a_status_object(tmp_path):
    """The API server sends such a response when it is overloaded."""
    async with a_server(a_run("a")) as server:
        faults(server, web.Response(status=429, text="Too many requests", headers={"Retry-After": "1"}))
        async with running_reflector(server.url, tmp_path) as running:
            await until(lambda: running.state == "watching")
    assert running.waits == [1.5]
    assert running.count("errors_total", code="429") == 1
