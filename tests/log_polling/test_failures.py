"""Failed requests, pauses and a kubelet that hangs: the poller delays what fails, and reads the others."""

import asyncio
import logging

import pytest
from aiohttp import web

from exporter.cache import ContainerLog
from exporter.log_formats import LogReport
from exporter.log_polling import poller as module
from tests.clusters import a_status, a_stream, faults
from tests.log_polling.polls import polls

LOG = "/api/v1/namespaces/n/pods/"


@pytest.fixture
async def work(tmp_path):
    """A poller with one running container."""
    async with polls(tmp_path) as made:
        yield made


@pytest.mark.parametrize(("code", "state"), [(204, "waiting"), (400, "waiting"), (404, "gone"), (500, "error")])
async def test_failures_of_one_pod_delay_its_next_read(work, caplog, code, state):
    """1, 2 and 4 minutes. No text of the answer is logged."""
    made = [web.Response(status=204) if code == 204 else a_status(code, "text-of-the-log") for _ in range(3)]
    faults(work.server, *made)
    work.write(b"one")
    with caplog.at_level(logging.DEBUG):
        for _ in range(4):
            await work.minute()
    assert (work.states(), work.count("requests_total", code=str(code))) == ({state: 1}, 3)
    for _ in range(4):
        await work.minute()
    assert (work.states(), work.texts()) == ({"ok": 1}, [b"one"])
    assert "text-of-the-log" not in caplog.text


@pytest.mark.parametrize(("code", "text", "seconds"), [(403, b"word", 60), (404, b"word", 60), (500, b"one", 180)])
async def test_the_times_of_a_log_that_cannot_be_read_are_absent(work, code, text, seconds):
    """They would look like silence, after a last word soon. What the agent has reported stays.

    The next read brings all back.
    """
    work.write(text)
    await work.minute()
    result = work.sample("agent_result_timestamp_seconds")
    assert (result is None) is (text == b"one")
    work.server.intercept = lambda _: _answered(a_status(code, "no"))
    for _ in range(seconds // 5):
        await work.after(5)
    assert work.sample("agent_last_log_timestamp_seconds") is not None
    await work.after(5)
    for name in ("last_log_timestamp", "result_timestamp", "result_limit", "silence_limit"):
        assert work.sample(f"agent_{name}_seconds") is None
    assert work.sample("agent_turns") == 1
    work.server.intercept = None
    for _ in range(30):
        await work.after(10)
    assert work.sample("agent_last_log_timestamp_seconds") is not None
    assert work.sample("agent_result_timestamp_seconds") == result


@pytest.mark.parametrize("failed", [1, 2])
async def test_after_a_last_word_a_read_that_fails_is_repeated_before_the_report_is_stale(work, failed):
    """The API server restarts."""
    work.write(b"word")
    await work.minute()
    faults(work.server, *(a_status(500, "no") for _ in range(failed)))
    for _ in range(90):
        await work.after(1)
        assert work.sample("agent_result_timestamp_seconds") is not None
    assert work.count("requests_total", code="500") == failed


@pytest.mark.parametrize("code", [403, 500])
async def test_a_job_of_which_one_log_was_never_read_has_no_last_word(work, code):
    """Its agent may be working there. The end of that container decides."""
    work.server.intercept = lambda one: _answered(a_status(code, "no") if "/log" in one.path else None)
    work.pod()
    await work.after(60)
    work.server.intercept = None
    one = work.logs().containers[0]
    assert (work.logs().containers, work.logs().last_word) == ((one,), None)
    assert not [line for line in work.page().splitlines() if line.startswith("agent_")]
    work.store.put_log("job-j", ContainerLog(id="other", report=LogReport(last_line=1.0, last_word=1.0)))
    assert work.sample("agent_result_timestamp_seconds") is None
    work.write(b"word")
    for _ in range(3):
        await work.minute()
    assert work.sample("agent_result_timestamp_seconds") is not None


async def test_the_end_of_a_container_that_was_never_read_leaves_the_earlier_last_word(work):
    """All attempts to read it fail."""
    work.store.put_log("job-j", ContainerLog(id="0", report=LogReport(last_word=1.0, outcome="success"), ended=True))
    assert len(work.logs().containers) == 2
    work.server.intercept = lambda one: _answered(a_status(500, "no") if "/log" in one.path else None)
    work.job(result="succeeded", finished=work.now)
    assert work.sample("agent_result_timestamp_seconds") == 1
    for _ in range(9):
        await work.minute()
    assert [one.id for one in work.logs().containers] == ["0"]


async def test_a_clock_that_is_set_back_does_not_keep_old_times(work):
    """Three minutes count from then on."""
    work.write(b"one")
    await work.minute()
    work.server.intercept = lambda _: _answered(a_status(500, "no"))
    await work.after(-3600)
    await work.after(180)
    assert work.sample("agent_last_log_timestamp_seconds") is not None
    await work.after(1)
    assert work.sample("agent_last_log_timestamp_seconds") is None


@pytest.mark.parametrize(("code", "paused"), [(401, 2), (403, 1)])
async def test_a_rejected_request_pauses_for_a_minute(work, code, paused):
    """403: its namespace, because the right is that of a namespace. 401: all."""
    work.job("other")
    work.pod("other")
    await work.poller.poll()
    work.write(b"one")
    work.write(b"one", name="other")
    work.server.intercept = lambda _: _answered(a_status(code, "no"))
    await work.minute()
    await work.minute()
    assert work.states() == {"forbidden": 2}
    assert len(work.requests) <= 2 * 2 * paused
    assert work.notices.lines
    work.server.intercept = None
    await work.after(121)
    await work.after(61)
    assert (work.states(), work.notices.lines) == ({"ok": 2}, [])


async def _answered(answer):
    return answer


async def test_a_kubelet_that_hangs_keeps_no_other_from_being_read(work, monkeypatch):
    """Its requests end after 10 s."""
    monkeypatch.setattr(module, "_TIMEOUT_SECONDS", 0.05)
    work.job("slow")
    work.pod("slow", node="node-2")
    await work.poller.poll()
    work.write(b"one")

    async def hang(request):
        if "slow" in request.path:
            await asyncio.sleep(30)

    work.server.intercept = hang
    await work.minute()
    await work.after(1)
    assert work.states() == {"ok": 1, "slow": 1}
    assert work.count("requests_total", code="timeout") == 1


async def test_a_connection_that_is_cut_adds_nothing(work):
    """The next answer has the lines again."""
    work.write(b"one")
    stamp = b"2026-01-01T00:00:00.000000000Z "
    faults(work.server, a_stream(stamp + b"half\n" + stamp, end="cut", content_type="text/plain"))
    await work.minute()
    assert (work.states(), work.texts()) == ({"error": 1}, [])
    await work.after(120)
    assert work.texts() == [b"one"]


async def test_an_error_of_a_reader_is_a_state_and_not_an_end(work, caplog):
    """Only its type is logged: its message may have text of the log."""
    work.job("other")
    work.pod("other")
    await work.poller.poll()
    work.write(b"bug")
    work.write(b"one", name="other")
    await work.minute()
    await work.after(1)
    assert work.states() == {"error": 1, "ok": 1}
    assert "ValueError" in str([record.__dict__ for record in caplog.records])
    assert "text-of-the-log" not in caplog.text


async def test_a_clock_that_is_set_back_stops_nothing(work):
    """By a day."""
    work.write(b"one")
    await work.minute()
    await work.after(-86_400)
    work.write(b"two")
    await work.minute()
    assert work.texts() == [b"one", b"two"]


async def test_the_notice_of_a_namespace_goes_with_its_last_log(work):
    """Nothing more can be read there."""
    work.server.intercept = lambda _: _answered(a_status(403, "no"))
    await work.minute()
    assert work.notices.lines == ["Logs cannot be read in namespace n: permit to get pods/log"]
    work.store.replace("jobs", "*", {})
    await work.minute()
    assert work.notices.lines == []


@pytest.mark.parametrize(("code", "state"), [(403, "forbidden"), (401, "forbidden"), (500, "error")])
async def test_a_namespace_in_which_no_log_can_be_read_is_counted(work, code, state):
    """Until one of its logs is read, or none is left."""
    work.job("other")
    work.pod("other")
    await work.minute()
    assert work.unreadable() == {}
    work.server.intercept = lambda one: _answered(a_status(code, "no") if "/log" in one.path else None)
    await work.minute()
    await work.after(5)
    assert work.unreadable() == {state: 1}
    if code != 500:
        work.server.intercept = None
        await work.after(61)
        await work.after(5)
    else:
        work.store.replace("jobs", "*", {})
        await work.after(5)
    assert work.unreadable() == {}


async def test_a_permission_that_is_granted_later_is_noticed_within_two_minutes(work):
    """However long it was missing: a rejected request is no failure of the Pod."""
    work.server.intercept = lambda _: _answered(a_status(403, "no"))
    work.write(b"one")
    for _ in range(30):
        await work.minute()
    work.server.intercept = None
    await work.after(61)
    await work.after(61)
    assert work.states() == {"ok": 1}


async def test_the_last_read_is_tried_three_times(work):
    """Then the container is over, with what was read before."""
    work.write(b"one")
    await work.minute()
    work.server.intercept = lambda _: _answered(a_status(500, "no"))
    work.job(result="failed", finished=work.now)
    for _ in range(10):
        await work.minute()
    assert (work.states(), work.count("requests_total", code="500")) == ({}, 3)
    assert work.logs().containers[0].ended


async def test_a_node_that_does_not_answer_in_time_has_one_request_at_once(work, monkeypatch):
    """Until it answers again."""
    monkeypatch.setattr(module, "_TIMEOUT_SECONDS", 0.05)
    for number in range(4):
        work.job(f"slow-{number}")
        work.pod(f"slow-{number}", node="node-2")
    await work.poller.poll()
    active, seen = set(), []

    async def hang(request):
        if "slow" in request.path:
            active.add(request.path)
            seen.append(len(active))
            try:
                await asyncio.sleep(30)
            finally:
                active.discard(request.path)

    work.server.intercept = hang
    await work.minute()
    assert (seen[:2], max(seen[3:])) == ([1, 2], 1)
    assert work.states() == {"empty": 1, "slow": 4}
