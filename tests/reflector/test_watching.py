"""The events of a watch, and where it continues after an interruption."""

import json

import pytest

from exporter.kube import lines
from tests.clusters import a_run, a_server, a_status, a_stream, faults, port_of, restart, until
from tests.reflector.running import running_reflector


def event(kind, name="a", *, uid=None, version="100", **more):
    """A line of a watch."""
    meta = {"name": name, "uid": uid or f"uid-{name}", "resourceVersion": version, **more}
    return json.dumps({"type": kind, "object": {"metadata": meta}}).encode() + b"\n"


def an_error(code, message="too old resource version: 5 (9)"):
    """An ERROR event with a Status object."""
    status = {"kind": "Status", "status": "Failure", "code": code, "message": message}
    return json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"


def watches(server):
    """The resource versions from which watches started, in order; "" for a streamed list."""
    asked = [dict(part.partition("=")[::2] for part in url.split("?")[1].split("&")) for url in server.requests]
    return [query.get("resourceVersion", "") for query in asked if "watch" in query]


async def test_created_changed_and_deleted_objects_are_applied(tmp_path):
    """The events are ADDED, MODIFIED and DELETED."""
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path) as running:
        await until(lambda: running.sink.names == ["a"])
        server.load([a_run("a", spec={"taskId": 7}), a_run("b")])
        await until(lambda: sorted(running.sink.records.values()) == [("a", 7), ("b", 1)])
        server.store.delete("coderuns", "a", namespace="agent-platform")
        await until(lambda: running.sink.names == ["b"])
        assert len(server.requests) == 1


async def test_an_object_that_no_longer_has_a_record_is_deleted(tmp_path):
    """For example, a Job may lose its labels."""
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path) as running:
        await until(lambda: running.sink.names == ["a"])
        server.load([a_run("xa", uid="uid-agent-platform-a")])
        await until(lambda: running.sink.names == [])


async def test_a_watch_that_the_server_ends_continues_without_a_list(tmp_path):
    """API servers end each watch after some minutes. It continues from the last resource version without a wait."""
    async with a_server(a_run("a")) as server:

        async def a_long_watch(request):
            running.now += 400
            return await a_stream(event("MODIFIED", "b", version="77"))(request)

        async with running_reflector(server.url, tmp_path, sleeps=0) as running:
            await until(lambda: running.state == "watching")
            faults(server, a_long_watch)
            await restart(server)
            running.sleeps = 1
            await until(lambda: len(running.waits) == 2)
            assert running.waits[1] == 0
            assert running.sink.names == ["a", "b"]
            running.sleeps = 1000
            await until(lambda: len(server.requests) == 3)
            assert watches(server)[2] == "77"
            assert len(running.sink.replaced) == 1


async def test_bookmarks_advance_the_resource_version_and_the_last_sync(tmp_path):
    """So a resource without changes is up to date, and continues from a recent resource version."""
    bookmark = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"4711"}}}\n'
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path, sleeps=0) as running:
        await until(lambda: running.state == "watching")
        running.now += 1000
        faults(server, a_stream(bookmark))
        await restart(server)
        running.sleeps = 1
        await until(lambda: len(running.waits) == 2)
        running.sleeps = 2
        await until(lambda: len(server.requests) == 3)
        assert watches(server)[2] == "4711"
        assert running.count("resource_last_sync_timestamp_seconds") >= 1_700_001_000
        assert not running.count("resource_last_event_timestamp_seconds")


async def test_a_bookmark_of_the_stand_in_updates_the_last_sync(tmp_path):
    """The stand-in API server sends it by its own timer."""
    async with (
        a_server(a_run("a"), bookmark_interval=0.02) as server,
        running_reflector(server.url, tmp_path) as running,
    ):
        await until(lambda: running.state == "watching")
        running.now += 60
        await until(lambda: running.status.last_sync == running.now)


@pytest.mark.parametrize("gone", [a_status, an_error])
async def test_a_410_leads_to_a_relist_and_deleted_objects_are_removed(tmp_path, gone):
    """The 410 is an HTTP status or an ERROR event. The cache then equals a new list."""
    async with (
        a_server(a_run("a"), a_run("b")) as server,
        running_reflector(server.url, tmp_path, sleeps=0) as running,
    ):
        await until(lambda: running.sink.names == ["a", "b"])
        await server.stop()
        server.store.delete("coderuns", "a", namespace="agent-platform")
        server.load([a_run("c")])
        answer = a_status(410, "too old") if gone is a_status else a_stream(an_error(410))
        faults(server, answer)
        await server.start(port=port_of(server))
        running.sleeps = 1000
        await until(lambda: running.sink.names == ["b", "c"])
        assert running.sink.replaced == [["a", "b"], ["b", "c"]]
        assert watches(server)[1] != ""
        assert watches(server)[2] == ""
        assert running.count("errors_total", code="410") == 1
        assert running.state == "watching"


async def test_a_server_that_compacted_the_resource_version_is_listed_again(tmp_path):
    """The stand-in itself responds with 410, as a server does after a restart."""
    async with (
        a_server(a_run("a"), a_run("b")) as server,
        running_reflector(server.url, tmp_path, sleeps=0) as running,
    ):
        await until(lambda: running.sink.names == ["a", "b"])
        await server.stop()
        server.store.delete("coderuns", "a", namespace="agent-platform")
        server.compact()
        await server.start(port=port_of(server))
        running.sleeps = 1000
        await until(lambda: running.sink.names == ["b"])


async def test_a_relist_is_not_logged_and_does_not_change_the_state(tmp_path, caplog):
    """A 410 is normal."""
    caplog.set_level("INFO", "exporter")
    end = {"resourceVersion": "5", "annotations": {"k8s.io/initial-events-end": "true"}}
    bookmark = json.dumps({"type": "BOOKMARK", "object": {"metadata": end}}).encode() + b"\n"
    async with a_server(a_run("a")) as server:
        faults(server, a_stream(event("ADDED", "old"), bookmark), a_stream(an_error(410)))
        async with running_reflector(server.url, tmp_path) as running:
            await until(lambda: running.sink.replaced == [["old"], ["a"]])
    assert [record.state for record in caplog.records] == ["watching"]


async def test_a_malformed_object_of_a_watch_is_decoded_and_counted(tmp_path):
    """The other objects of the same batch are not affected."""
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path) as running:
        await until(lambda: running.state == "watching")
        server.load([a_run("b"), a_run("c", spec={"taskId": [1]}), a_run("d")])
        await until(lambda: running.sink.names == ["a", "b", "c", "d"])
        assert running.sink.records["uid-agent-platform-c"] == ("c", None)
        assert running.count("malformed_objects_total") == 1


async def test_an_event_of_an_unknown_type_is_ignored(tmp_path):
    """Later versions of Kubernetes may have more types. An object without an identity is ignored as well."""
    lines = event("RENAMED", "z") + b'{"type":"ADDED","object":{"kind":5}}\n' + event("ADDED", "b")
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path, sleeps=0) as running:
        await until(lambda: running.state == "watching")
        faults(server, a_stream(lines))
        await restart(server)
        running.sleeps = 1
        await until(lambda: running.sink.names == ["a", "b"])


async def test_a_configmap_of_a_mebibyte_in_a_watch(tmp_path):
    """Its line of 1.4 MB arrives in small chunks."""
    line = event("ADDED", "big", annotations={"x": "y" * 1_400_000})
    pieces = [line[at : at + 30_000] for at in range(0, len(line), 30_000)]
    async with a_server() as server, running_reflector(server.url, tmp_path, sleeps=0) as running:
        await until(lambda: running.state == "watching")
        faults(server, a_stream(*pieces))
        await restart(server)
        running.sleeps = 1
        await until(lambda: running.sink.names == ["big"])


BROKEN = {
    "a truncated line": (a_stream(event("ADDED", "b"), b'{"type":"ADDED","obj\n'), "not_json"),
    "cut in the middle of an object": (a_stream(event("ADDED", "b"), b'{"type":"ADDED","obj', end="cut"), "cut"),
    "HTML with status 200": (a_stream(b"<html>\n</html>\n", content_type="text/html"), "not_json"),
    "HTML that says it is JSON": (a_stream(b"<html>\n</html>\n"), "not_json"),
    "a bookmark without a version": (a_stream(b'{"type":"BOOKMARK","object":{}}\n'), "not_json"),
    "an error without a Status": (a_stream(b'{"type":"ERROR","object":7}\n'), "not_json"),
    "an error of the server's": (a_stream(an_error(500, "etcdserver: leader changed")), "500"),
    "500": (lambda _: error_response(500), "500"),
    "502": (a_stream(b"<html>bad gateway</html>", status=502, content_type="text/html"), "502"),
    "a redirect": (lambda _: error_response(302), "302"),
}


async def error_response(code):
    """An error response. Each request needs a new one."""
    return a_status(code, "no")


@pytest.mark.parametrize("fault", BROKEN)
async def test_an_interrupted_watch_is_counted_and_continues_from_the_last_complete_event(tmp_path, fault):
    """Nothing is lost or listed again, and events before the interruption are applied."""
    answer, code = BROKEN[fault]
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path, sleeps=0) as running:
        await until(lambda: running.state == "watching")
        faults(server, answer)
        await restart(server)
        await until(lambda: len(running.waits) == 1)
        before = running.count("errors_total", code=code) or 0
        running.sleeps = 1
        await until(lambda: len(running.waits) == 2)
        assert running.state == "unreachable"
        assert running.count("errors_total", code=code) == before + 1
        assert "a" in running.sink.names
        running.sleeps = 1000
        await until(lambda: running.state == "watching")
        server.load([a_run("new")])
        await until(lambda: "new" in running.sink.names)
        assert len(running.sink.replaced) == 1
        assert "" not in watches(server)[1:]


async def test_a_line_that_exceeds_the_limit_is_an_error(tmp_path, monkeypatch):
    """The next attempt continues after it."""
    monkeypatch.setattr(lines, "MAX_OBJECT_BYTES", 1000)
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path, sleeps=0) as running:
        await until(lambda: running.state == "watching")
        faults(server, a_stream(b"x" * 600, b"x" * 600, end="open"))
        await restart(server)
        running.sleeps = 1
        await until(lambda: running.count("errors_total", code="line"))


@pytest.mark.parametrize(
    "answer",
    [a_status(400), a_stream(an_error(500, "unable to decode")), a_stream(b"no json\n")],
    ids=["400", "an ERROR event", "garbage"],
)
async def test_a_resource_version_from_which_no_watch_continues_leads_to_a_relist(tmp_path, answer):
    """It is tried a second time first. Without the relist the cache would never be updated again."""
    async with a_server(a_run("a")) as server:

        async def refusing(request):
            return await answer(request) if "resourceVersion=" in request.query_string else None

        server.intercept = refusing
        async with running_reflector(server.url, tmp_path, sleeps=0) as running:
            await until(lambda: running.sink.names == ["a"])
            await restart(server)
            server.load([a_run("b")])
            running.sleeps = 1000
            await until(lambda: running.sink.names == ["a", "b"])
            assert [bool(version) for version in watches(server)[:4]] == [False, True, True, False]
