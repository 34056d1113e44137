"""Logs that are read: which, when, and what the API server answers."""

import datetime as dt

import msgspec
import pytest

from exporter.cache import Job
from lab.apiserver.pod_logs import Entry
from tests.log_polling.polls import NOW, polls

LOG = "/api/v1/namespaces/n/pods/"


@pytest.fixture
async def work(tmp_path):
    """A poller with one running container."""
    async with polls(tmp_path) as made:
        yield made


async def test_a_running_main_container_is_read_every_minute(work):
    """Only its new lines; the first request has no time, the next ones that of the last line."""
    work.write(b"one", b"two")
    await work.minute()
    assert work.texts() == [b"one", b"two"]
    assert work.requests == [f"GET {LOG}j-x/log?container=main&timestamps=true&tailLines=256"]
    work.write(b"three", at=NOW + 62)
    await work.after(60)
    assert work.texts() == [b"one", b"two", b"three"]
    since = dt.datetime.fromtimestamp(NOW - 2, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert work.requests[1:] == [f"{work.requests[0]}&sinceTime={since}"]
    assert (work.states(), work.count("requests_total", code="200")) == ({"ok": 1}, 2)


async def test_what_it_says_is_in_the_cache_and_on_the_page(work):
    """Times are those of the lines."""
    work.write(b"start", b"word")
    await work.minute()
    (log,) = work.logs().containers
    assert (log.report.last_word, log.ended) == (NOW - 1 + 0.001, False)
    assert work.sample("agent_result_timestamp_seconds", outcome="success") == NOW - 1 + 0.001
    assert work.sample("agent_last_log_timestamp_seconds") == NOW - 1 + 0.001


async def test_only_running_main_containers_of_unfinished_jobs_are_read(work):
    """Neither a waiting one, nor one of a finished Job, nor a helper."""
    work.job("waiting")
    work.pod("waiting", state="waiting")
    work.job("finished", result="succeeded", finished=NOW)
    work.pod("finished")
    work.job("pending")
    work.pod("pending", phase="Pending")
    await work.minute()
    await work.minute()
    assert {one.partition("?")[0] for one in work.requests} == {f"GET {LOG}j-x/log"}
    assert "side" not in "".join(work.requests)


async def test_after_a_last_word_it_is_read_every_15_seconds(work):
    """Until it has had no line for half an hour; then every minute again."""
    work.write(b"word")
    await work.minute()
    for _ in range(4):
        await work.after(15)
    assert len(work.requests) == 5
    for _ in range(120):
        await work.after(15)
    before = len(work.requests)
    for _ in range(4):
        await work.after(15)
    assert len(work.requests) == before + 1


async def test_a_container_that_has_ended_is_read_once_more(work):
    """With its unfinished last line. Its report stays although its Pod is not listed any more."""
    work.write(b"one")
    await work.minute()
    work.write(b"word")
    work.server.logs.files["n", "j-x", "main"].append(Entry(round(work.now) * 10**9, b"rest", is_partial=True))
    work.job(result="succeeded", finished=work.now)
    work.store.put_pod("*", "pod-j", None)
    await work.after(1)
    assert work.texts() == [b"one", b"word", b"rest"]
    (log,) = work.logs().containers
    assert log.ended
    assert work.states() == {}
    await work.minute()
    assert len(work.requests) == 2
    assert work.logs() is not None
    work.store.put_pod("*", "pod-j", None)
    work.store.replace("jobs", "*", {})
    assert work.logs() is None


def end(work):
    """The Job succeeds, and its Pod is not listed any more."""
    work.job(result="succeeded", finished=work.now)
    work.store.put_pod("*", "pod-j", None)


@pytest.mark.parametrize(("lines", "is_complete"), [(0, True), (1, True), (256, False)])
async def test_a_log_is_complete_if_it_was_read_until_its_end_without_a_gap(work, lines, is_complete):
    """Only then it is known that a last word is missing."""
    work.write(b"start")
    await work.minute()
    work.write(*[b"y"] * lines)
    assert not work.logs().containers[0].complete
    end(work)
    await work.after(1)
    (log,) = work.logs().containers
    assert (log.ended, log.complete) == (True, is_complete)


async def test_a_log_that_was_rotated_before_its_end_is_not_complete(work):
    """The last word may be in the file that cannot be read."""
    work.write(b"start")
    await work.minute()
    work.server.logs.files["n", "j-x", "main"].clear()
    end(work)
    await work.after(1)
    (log,) = work.logs().containers
    assert (log.ended, log.complete) == (True, False)


async def test_a_gap_before_the_last_read_remains(work):
    """The last word may be in the lines that are missing."""
    work.write(b"start")
    await work.minute()
    work.write(*[b"y"] * 256)
    await work.minute()
    work.write(b"z")
    end(work)
    await work.after(1)
    assert not work.logs().containers[0].complete


async def test_lines_that_were_written_before_the_exporter_started_are_told_apart(work):
    """Counters do not include them. A container that only has such lines reports nothing new."""
    work.write(b"one", b"two", at=NOW - 100)
    await work.minute()
    (log,) = work.logs().containers
    assert (log.report.turns, log.earlier.turns) == (2, 2)
    for _ in range(2):
        work.write(b"more")
        await work.minute()
    (log,) = work.logs().containers
    assert (log.report.turns, log.earlier.turns) == (4, 2)


async def test_an_unfinished_line_is_read_once_it_is_complete(work):
    """Its stamp is that of its first part."""
    at = round(work.now) * 10**9
    work.server.logs.files["n", "j-x", "main"] = entries = [Entry(at, b"one"), Entry(at + 1, b"be", is_partial=True)]
    await work.minute()
    assert work.texts() == [b"one"]
    entries.append(Entry(at + 2, b"gin"))
    await work.minute()
    assert work.texts() == [b"one", b"begin"]


async def test_a_restarted_container_is_another_one(work):
    """The rest of the previous one is read as the previous log."""
    work.write(b"one")
    await work.minute()
    work.write(b"word")
    logs = work.server.logs
    logs.previous["n", "j-x", "main"] = logs.files.pop(("n", "j-x", "main"))
    work.pod(at="b")
    work.write(b"start")
    await work.after(1)
    assert work.requests[-1].endswith("&previous=true")
    await work.minute()
    assert [work.texts(0), work.texts(1)] == [[b"one", b"word"], [b"start"]]
    assert [log.ended for log in work.logs().containers] == [True, False]


async def test_rotation_resets_nothing(work):
    """The answer is empty although the agent has written much."""
    work.write(b"start", b"one")
    await work.minute()
    work.server.logs.files["n", "j-x", "main"].clear()
    await work.minute()
    assert work.logs().containers[0].report.sessions == 1
    assert (work.states(), work.count("gaps_total", at="between")) == ({"ok": 1}, 0)
    work.write(b"two")
    await work.minute()
    assert (work.texts(), work.count("gaps_total", at="between")) == ([b"start", b"one", b"two"], 1)


@pytest.mark.parametrize(("lines", "gaps"), [(255, 0), (256, 1)])
async def test_more_lines_than_are_requested_are_a_gap(work, lines, gaps):
    """At the first read and later."""
    work.write(*[b"x"] * lines)
    await work.minute()
    assert work.count("gaps_total", at="start") == gaps
    work.write(*[b"y"] * (lines + 1 - 1 * (not gaps)))
    await work.minute()
    assert work.count("gaps_total", at="between") == gaps


async def test_messages_of_the_kubelet_are_not_the_agents(work):
    """They have status 200 and no stamp: counted, not read, and nothing is forgotten."""
    work.write(b"one")
    await work.minute()
    work.server.logs.messages["n", "j-x", "main"] = "failed to create fsnotify watcher: too many open files\n"
    await work.minute()
    assert (work.states(), work.count("unstamped_lines_total"), work.texts()) == ({"error": 1}, 1, [b"one"])
    del work.server.logs.messages["n", "j-x", "main"]
    await work.after(120)
    assert work.states() == {"ok": 1}


async def test_times_have_the_offset_of_the_node_and_do_not_lie_in_the_future(work):
    """A node whose clock is five minutes ahead: its lines are of now, and none is lost."""
    work.server.logs.offset = dt.timedelta(hours=2)
    work.write(b"one", at=NOW)
    work.write(b"two", at=NOW + 361)
    await work.minute()
    assert [line.time for line in work.readers[0].lines] == [NOW, NOW + 61]
    work.write(b"three", at=NOW + 400)
    await work.minute()
    assert work.texts() == [b"one", b"two", b"three"]
    assert not any("sinceTime" in one for one in work.requests)


async def test_nothing_written_is_empty(work):
    """The container runs."""
    await work.minute()
    assert work.states() == {"empty": 1}
    assert work.logs().containers[0].report.last_line is None
    assert work.sample("agent_main_container_started_timestamp_seconds") == NOW - 9


async def test_pods_that_cannot_be_listed_any_more_may_still_run(work):
    """They are read until the API server says that they are gone."""
    work.write(b"one")
    await work.minute()
    work.store.cache.pods.set_known("*", known=False)
    work.store.put_pod("*", "pod-j", None)
    await work.minute()
    assert (work.states(), len(work.requests)) == ({"ok": 1}, 2)


async def test_a_deleted_pod_is_over(work):
    """Its report stays, and the container counts as ended."""
    work.write(b"one")
    await work.minute()
    work.server.store.delete("pods", "j-x", namespace="n")
    work.store.put_pod("*", "pod-j", None)
    work.server.store.remove(work.server.store.collection("pods"), "n/j-x", cascade=False)
    await work.after(1)
    assert (work.states(), work.logs().containers[0].ended) == ({}, True)
    assert not work.logs().containers[0].complete


async def test_a_deleted_job_is_forgotten(work):
    """With everything that was read."""
    work.write(b"one")
    await work.minute()
    work.store.replace("jobs", "*", {})
    await work.minute()
    assert (work.states(), work.logs(), len(work.requests)) == ({}, None, 1)


async def test_the_reader_knows_the_cli_of_the_job(work):
    """The lines decide, if they show another one."""
    work.job("codex", cli="codex")
    work.pod("codex")
    await work.poller.poll()
    assert [one.cli for one in work.readers] == ["", "codex"]


async def test_a_worker_pod_is_read(work):
    """It is its own Job."""
    pod = work.store.cache.pods.get("pod-j")
    work.store.put_pod("*", "pod-j", None)
    job = Job(uid="worker", namespace="n", name="j-x", is_pod=True, pod=pod)
    work.store.replace("jobs", "*", {"worker": job})
    work.write(b"one")
    await work.minute()
    await work.minute()
    assert work.texts(1) == [b"one"]


async def test_a_container_that_ends_while_it_is_read_is_read_once_more(work):
    """Not twice at once."""
    running = []

    async def end(request):
        if "/log" in request.path:
            running.append(1)
            if len(running) == 1:
                work.job(result="succeeded", finished=work.now)
                await work.poller.poll()
                assert len(running) == 1
                work.write(b"word")

    work.write(b"one")
    work.server.intercept = end
    await work.minute()
    assert (len(running), work.texts(), work.states()) == (2, [b"one", b"word"], {})


async def test_a_job_that_is_deleted_while_its_log_is_read_leaves_nothing(work):
    """Neither a state nor a report."""

    async def delete(request):
        if "/log" in request.path:
            work.store.replace("jobs", "*", {})
            await work.poller.poll()

    work.write(b"one")
    work.server.intercept = delete
    await work.minute()
    assert (work.states(), len(work.store.cache.logs)) == ({}, 0)


async def test_a_pod_that_is_no_worker_is_not_read(work):
    """One that no run names, and one with the name of a Job, whose series are those of the Job."""
    pod = work.store.cache.pods.get("pod-j")
    one, two = (msgspec.structs.replace(pod, uid=uid) for uid in ("one", "two"))
    unnamed = Job(uid="u", namespace="n", name="u", is_pod=True, is_named=True, owner="@n/u", pod=one)
    hidden = Job(uid="h", namespace="n", name="j", is_pod=True, pod=two)
    jobs = {job.uid: job for job in (*work.store.cache.jobs, unnamed, hidden)}
    work.store.put_pod("*", "pod-j", None)
    work.store.replace("jobs", "*", jobs)
    await work.minute()
    assert len(work.readers) == 1


async def test_reads_share_connections(work):
    """Each new connection costs the API server a TLS handshake."""
    for number in range(19):
        work.job(str(number))
        work.pod(str(number), node=f"node-{number}")
    await work.poller.poll()
    connections = set()

    async def note(request):
        if "/log" in request.path:
            connections.add(request.transport.get_extra_info("peername"))

    work.server.intercept = note
    for _ in range(3):
        await work.minute()
    assert work.count("requests_total", code="200") == 3 * 20
    assert len(connections) <= 8
