"""What one watch says, and how it goes on from where it broke off."""

import json

import pytest

from exporter.kube import lines
from tests.clusters import a_run, a_server, a_status, a_stream, faults, port_of, restart, until
from tests.reflector.work import at_work


def event(kind, name="a", *, uid=None, version="100", **more):
    """A line of a watch."""
    meta = {"name": name, "uid": uid or f"uid-{name}", "resourceVersion": version, **more}
    return json.dumps({"type": kind, "object": {"metadata": meta}}).encode() + b"\n"


def an_error(code, message="too old resource version: 5 (9)"):
    """An ERROR event, which carries a Status."""
    status = {"kind": "Status", "status": "Failure", "code": code, "message": message}
    return json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"


def watches(server):
    """The versions from which watches went on, in their order; "" for a streamed list."""
    asked = [dict(part.partition("=")[::2] for part in url.split("?")[1].split("&")) for url in server.requests]
    return [query.get("resourceVersion", "") for query in asked if "watch" in query]


async def test_created_changed_and_deleted_objects_are_followed(tmp_path):
    """ADDED, MODIFIED, DELETED."""
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path) as work:
        await until(lambda: work.sink.names == ["a"])
        server.load([a_run("a", spec={"taskId": 7}), a_run("b")])
        await until(lambda: sorted(work.sink.records.values()) == [("a", 7), ("b", 1)])
        server.store.delete("coderuns", "a", namespace="agent-platform")
        await until(lambda: work.sink.names == ["b"])
        assert len(server.requests) == 1


async def test_an_object_that_is_no_longer_ours_is_taken_away(tmp_path):
    """A change can make it another's."""
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path) as work:
        await until(lambda: work.sink.names == ["a"])
        server.load([a_run("xa", uid="uid-agent-platform-a")])
        await until(lambda: work.sink.names == [])


async def test_a_watch_that_the_server_ends_goes_on_from_the_last_version_without_a_list(tmp_path):
    """Servers end each watch after some minutes: that is no error, and costs no list and no wait."""
    async with a_server(a_run("a")) as server:

        async def a_long_watch(request):
            work.now += 400
            return await a_stream(event("MODIFIED", "b", version="77"))(request)

        async with at_work(server.url, tmp_path, sleeps=0) as work:
            await until(lambda: work.state == "watching")
            faults(server, a_long_watch)
            await restart(server)
            work.sleeps = 1
            await until(lambda: len(work.waits) == 2)
            assert work.waits[1] == 0
            assert work.sink.names == ["a", "b"]
            work.sleeps = 1000
            await until(lambda: len(server.requests) == 3)
            assert watches(server)[2] == "77"
            assert len(work.sink.replaced) == 1


async def test_bookmarks_advance_the_version_and_are_the_heartbeat(tmp_path):
    """A resource on which nothing happens is up to date all the same, and is gone on from a young version."""
    bookmark = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"4711"}}}\n'
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path, sleeps=0) as work:
        await until(lambda: work.state == "watching")
        work.now += 1000
        faults(server, a_stream(bookmark))
        await restart(server)
        work.sleeps = 1
        await until(lambda: len(work.waits) == 2)
        work.sleeps = 2
        await until(lambda: len(server.requests) == 3)
        assert watches(server)[2] == "4711"
        assert work.count("resource_last_sync_timestamp_seconds") >= 1_700_001_000
        assert not work.count("resource_last_event_timestamp_seconds")


async def test_a_bookmark_of_a_real_watch_keeps_the_state_young(tmp_path):
    """From the stand-in's own clockwork."""
    async with a_server(a_run("a"), bookmark_interval=0.02) as server, at_work(server.url, tmp_path) as work:
        await until(lambda: work.state == "watching")
        work.now += 60
        await until(lambda: work.status.last_sync == work.now)


@pytest.mark.parametrize("gone", [a_status, an_error])
async def test_410_leads_to_a_new_list_and_what_vanished_meanwhile_is_removed(tmp_path, gone):
    """As an HTTP status and as an ERROR event; the picture then equals a fresh list."""
    async with a_server(a_run("a"), a_run("b")) as server, at_work(server.url, tmp_path, sleeps=0) as work:
        await until(lambda: work.sink.names == ["a", "b"])
        await server.stop()
        server.store.delete("coderuns", "a", namespace="agent-platform")
        server.load([a_run("c")])
        answer = a_status(410, "too old") if gone is a_status else a_stream(an_error(410))
        faults(server, answer)
        await server.start(port=port_of(server))
        work.sleeps = 1000
        await until(lambda: work.sink.names == ["b", "c"])
        assert work.sink.replaced == [["a", "b"], ["b", "c"]]
        assert watches(server)[1] != ""
        assert watches(server)[2] == ""
        assert work.count("errors_total", code="410") == 1
        assert work.state == "watching"


async def test_a_server_that_forgot_our_version_is_listed_again(tmp_path):
    """By its own 410, after a compaction, as after its restart."""
    async with a_server(a_run("a"), a_run("b")) as server, at_work(server.url, tmp_path, sleeps=0) as work:
        await until(lambda: work.sink.names == ["a", "b"])
        await server.stop()
        server.store.delete("coderuns", "a", namespace="agent-platform")
        server.compact()
        await server.start(port=port_of(server))
        work.sleeps = 1000
        await until(lambda: work.sink.names == ["b"])


async def test_a_new_list_is_no_change_of_state_and_no_line_in_the_log(tmp_path, caplog):
    """410 is normal life."""
    caplog.set_level("INFO", "exporter")
    end = {"resourceVersion": "5", "annotations": {"k8s.io/initial-events-end": "true"}}
    bookmark = json.dumps({"type": "BOOKMARK", "object": {"metadata": end}}).encode() + b"\n"
    async with a_server(a_run("a")) as server:
        faults(server, a_stream(event("ADDED", "old"), bookmark), a_stream(an_error(410)))
        async with at_work(server.url, tmp_path) as work:
            await until(lambda: work.sink.replaced == [["old"], ["a"]])
    assert [record.state for record in caplog.records] == ["watching"]


async def test_a_malformed_object_is_salvaged_counted_and_its_neighbours_are_untouched(tmp_path):
    """In a batch of one watch."""
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path) as work:
        await until(lambda: work.state == "watching")
        server.load([a_run("b"), a_run("c", spec={"taskId": [1]}), a_run("d")])
        await until(lambda: work.sink.names == ["a", "b", "c", "d"])
        assert work.sink.records["uid-agent-platform-c"] == ("c", None)
        assert work.count("malformed_objects_total") == 1


async def test_an_event_of_an_unknown_type_is_passed_over(tmp_path):
    """A later Kubernetes may have more of them; so is an object without an identity."""
    lines = event("RENAMED", "z") + b'{"type":"ADDED","object":{"kind":5}}\n' + event("ADDED", "b")
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path, sleeps=0) as work:
        await until(lambda: work.state == "watching")
        faults(server, a_stream(lines))
        await restart(server)
        work.sleeps = 1
        await until(lambda: work.sink.names == ["a", "b"])


async def test_a_configmap_of_a_mebibyte_in_a_watch(tmp_path):
    """A line of 1.4 MB in small pieces."""
    line = event("ADDED", "big", annotations={"x": "y" * 1_400_000})
    pieces = [line[at : at + 30_000] for at in range(0, len(line), 30_000)]
    async with a_server() as server, at_work(server.url, tmp_path, sleeps=0) as work:
        await until(lambda: work.state == "watching")
        faults(server, a_stream(*pieces))
        await restart(server)
        work.sleeps = 1
        await until(lambda: work.sink.names == ["big"])


BROKEN = {
    "a truncated line": (a_stream(event("ADDED", "b"), b'{"type":"ADDED","obj\n'), "not_json"),
    "cut in the middle of an object": (a_stream(event("ADDED", "b"), b'{"type":"ADDED","obj', end="cut"), "cut"),
    "HTML with status 200": (a_stream(b"<html>\n</html>\n", content_type="text/html"), "not_json"),
    "HTML that says it is JSON": (a_stream(b"<html>\n</html>\n"), "not_json"),
    "a bookmark without a version": (a_stream(b'{"type":"BOOKMARK","object":{}}\n'), "not_json"),
    "an error without a Status": (a_stream(b'{"type":"ERROR","object":7}\n'), "not_json"),
    "an error of the server's": (a_stream(an_error(500, "etcdserver: leader changed")), "500"),
    "500": (lambda _: refusal(500), "500"),
    "502": (a_stream(b"<html>bad gateway</html>", status=502, content_type="text/html"), "502"),
    "a redirect": (lambda _: refusal(302), "302"),
}


async def refusal(code):
    """A fresh answer, as one can be sent only once."""
    return a_status(code, "no")


@pytest.mark.parametrize("fault", BROKEN)
async def test_a_broken_watch_is_counted_and_goes_on_from_the_last_whole_version(tmp_path, fault):
    """Nothing of what was there is lost, nothing is listed anew, and what came before the break counts."""
    answer, code = BROKEN[fault]
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path, sleeps=0) as work:
        await until(lambda: work.state == "watching")
        faults(server, answer)
        await restart(server)
        await until(lambda: len(work.waits) == 1)
        before = work.count("errors_total", code=code) or 0
        work.sleeps = 1
        await until(lambda: len(work.waits) == 2)
        assert work.state == "unreachable"
        assert work.count("errors_total", code=code) == before + 1
        assert "a" in work.sink.names
        work.sleeps = 1000
        await until(lambda: work.state == "watching")
        server.load([a_run("new")])
        await until(lambda: "new" in work.sink.names)
        assert len(work.sink.replaced) == 1
        assert "" not in watches(server)[1:]


async def test_a_line_over_the_limit_is_given_up(tmp_path, monkeypatch):
    """And the next try goes on."""
    monkeypatch.setattr(lines, "MAX_OBJECT_BYTES", 1000)
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path, sleeps=0) as work:
        await until(lambda: work.state == "watching")
        faults(server, a_stream(b"x" * 600, b"x" * 600, end="open"))
        await restart(server)
        work.sleeps = 1
        await until(lambda: work.count("errors_total", code="line"))


@pytest.mark.parametrize(
    "answer",
    [a_status(400), a_stream(an_error(500, "unable to decode")), a_stream(b"no json\n")],
    ids=["400", "an ERROR event", "garbage"],
)
async def test_a_version_that_the_server_never_goes_on_from_is_given_up(tmp_path, answer):
    """Tried once more, and then everything is listed again: the picture would else be frozen for ever."""
    async with a_server(a_run("a")) as server:

        async def refusing(request):
            return await answer(request) if "resourceVersion=" in request.query_string else None

        server.intercept = refusing
        async with at_work(server.url, tmp_path, sleeps=0) as work:
            await until(lambda: work.sink.names == ["a"])
            await restart(server)
            server.load([a_run("b")])
            work.sleeps = 1000
            await until(lambda: work.sink.names == ["a", "b"])
            assert [bool(version) for version in watches(server)[:4]] == [False, True, True, False]
