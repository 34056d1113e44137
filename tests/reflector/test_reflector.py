"""The reflector never ends: its states, log lines and recovery."""

import logging

import pytest

from lab.platform.manifests import custom_resource
from tests.clusters import a_run, a_server, a_status, faults, port_of, restart, until
from tests.kube.settings import SECRET
from tests.reflector.running import always_respond, running_reflector


async def test_forbidden_is_retried_until_the_permission_is_granted(tmp_path):
    """A 403 is a state; the exporter does not exit."""
    async with a_server(a_run("a")) as server:
        always_respond(server, lambda: a_status(403, "User cannot list resource"))
        async with running_reflector(server.url, tmp_path, sleeps=20) as running:
            await until(lambda: len(running.waits) == 21)
            assert running.state == "forbidden"
            assert "User cannot list" in running.status.detail
            assert set(running.sink.states) == {"forbidden"}
            server.intercept, running.sleeps = None, 1000
            await until(lambda: running.state == "watching")
            assert running.sink.names == ["a"]
            assert running.sink.states[-1] == "watching"


async def test_the_sink_is_notified_of_permissions_that_change_during_a_watch(tmp_path):
    """The watch continues without a list, so only `set_state` tells the sink."""
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path, sleeps=0) as running:
        await until(lambda: running.state == "watching")
        always_respond(server, lambda: a_status(403))
        await restart(server)
        running.sleeps = 2
        await until(lambda: running.state == "forbidden")
        assert running.sink.names == ["a"]
        assert running.sink.states[-1] == "forbidden"
        server.intercept, running.sleeps = None, 1000
        await until(lambda: running.state == "watching")
        assert len(running.sink.replaced) == 1
        assert running.sink.states[-1] == "watching"


async def test_the_first_403_after_an_outage_is_part_of_the_outage(tmp_path, caplog):
    """A server that has just started may not have loaded its roles. Only the outage and its end are logged."""
    caplog.set_level("INFO")
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path, sleeps=0) as running:
        await until(lambda: running.state == "watching")
        caplog.clear()
        faults(server, a_status(500), a_status(403, "no role found"))
        await restart(server)
        running.sleeps = 1000
        server.load([a_run("b")])
        await until(lambda: running.sink.names == ["a", "b"])
        assert [record.state for record in caplog.records] == ["unreachable", "watching"]
        assert "forbidden" not in running.sink.states
        assert running.count("errors_total", code="403") == 1


async def test_an_outage_does_not_change_forbidden_to_permitted(tmp_path):
    """Only a response of the server changes the permission."""
    async with a_server(a_run("a")) as server:
        always_respond(server, lambda: a_status(403))
        async with running_reflector(server.url, tmp_path, sleeps=0) as running:
            await until(lambda: running.state == "forbidden")
            always_respond(server, lambda: a_status(500))
            running.sleeps = 1
            await until(lambda: running.state == "unreachable")
            assert running.sink.states == ["forbidden", "unreachable"]


async def test_an_accepted_watch_without_events_is_up_to_date(tmp_path):
    """Some networks close a quiet connection before the first bookmark. The last sync must advance all the same."""
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path, sleeps=1000) as running:
        await until(lambda: running.state == "watching")
        for _ in range(2):
            before = running.status.last_sync
            await restart(server)
            await until(lambda: running.status.last_sync > before)  # noqa: B023 - called in this round only
        assert len(running.sink.replaced) == 1


async def test_a_missing_resource_is_listed_when_its_crd_is_created(tmp_path):
    """The 404 is retried until then."""
    async with a_server(crds=()) as server, running_reflector(server.url, tmp_path, sleeps=3) as running:
        await until(lambda: len(running.waits) == 4)
        assert running.state == "missing"
        assert running.count("errors_total", code="404") == 4
        server.load([custom_resource("CodeRun"), a_run("a")])
        running.sleeps = 1000
        await until(lambda: running.sink.names == ["a"])
        assert running.state == "watching"


async def test_a_crd_that_is_deleted_and_created_again_is_listed_again(tmp_path):
    """Its objects were deleted with it, and the new resource has new resource versions."""
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path, sleeps=2) as running:
        await until(lambda: running.sink.names == ["a"])
        server.store.delete("customresourcedefinitions", "coderuns.agents.platform")
        await until(lambda: running.sink.names == [] and running.state == "missing")
        server.load([custom_resource("CodeRun"), a_run("b")])
        running.sleeps = 1000
        await until(lambda: running.sink.names == ["b"])
        assert "sendInitialEvents" in server.requests[-1]
        assert running.count("errors_total", code="410") is None


@pytest.mark.parametrize(
    ("is_custom_resource", "headers", "names"),
    [(True, {}, []), (False, {}, ["a"]), (True, {"Audit-Id": ""}, ["a"])],
    ids=["by a CRD", "built in", "by a proxy"],
)
async def test_a_second_404_deletes_the_objects_of_a_crd(tmp_path, is_custom_resource, headers, names):
    """The deletion of the CRD was not observed. Built-in resources, and a 404 from a proxy, are not affected."""
    async with (
        a_server(a_run("a")) as server,
        running_reflector(server.url, tmp_path, sleeps=0, is_custom_resource=is_custom_resource) as running,
    ):
        await until(lambda: running.sink.names == ["a"])
        always_respond(server, lambda: a_status(404, "page not found", headers=headers))
        await restart(server)
        running.sleeps = 1  # the interrupted watch, and the first 404
        await until(lambda: len(running.waits) == 2)
        assert (running.state, running.sink.names) == ("watching", ["a"])
        running.sleeps = 2
        await until(lambda: len(running.waits) == 3)
        assert (running.state, running.sink.names) == ("missing", names)
        assert running.count("resource_objects") == len(names)


async def test_unauthorized_recovers_when_the_credentials_are_valid(tmp_path):
    """The credentials are read again before each retry."""
    async with a_server(a_run("a"), token="right") as server:
        (tmp_path / "token").write_text("wrong")
        async with running_reflector(
            server.url, tmp_path, sleeps=2, user={"tokenFile": str(tmp_path / "token")}
        ) as running:
            await until(lambda: len(running.waits) == 3)
            assert running.state == "unauthorized"
            (tmp_path / "token").write_text("right")
            running.sleeps = 1000
            await until(lambda: running.sink.names == ["a"])


async def test_a_rotated_token_is_not_an_error(tmp_path, caplog):
    """After one 401 the new token is used. Nothing is counted or logged."""
    caplog.set_level("INFO")
    async with a_server(a_run("a"), token="one") as server:
        (tmp_path / "token").write_text("one")
        async with running_reflector(
            server.url, tmp_path, sleeps=0, user={"tokenFile": str(tmp_path / "token")}
        ) as running:
            await until(lambda: running.state == "watching")
            (tmp_path / "token").write_text("two")
            server._token = "two"
            always_respond(server, lambda: None)
            await restart(server)
            await until(lambda: len(running.waits) == 1)
            caplog.clear()
            running.sleeps = 1
            server.load([a_run("b")])
            await until(lambda: running.sink.names == ["a", "b"])
        assert running.count("errors_total", code="401") is None
        assert caplog.records == []


async def test_the_last_complete_data_is_kept_while_the_server_is_down(tmp_path):
    """Afterwards the watch continues without a relist."""
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path, sleeps=5) as running:
        await until(lambda: running.state == "watching")
        await server.stop()
        await until(lambda: len(running.waits) == 6)
        assert running.state == "unreachable"
        assert running.sink.names == ["a"]
        assert running.count("resource_synced") == 1
        server.load([a_run("b")])
        await server.start(port=port_of(server))
        running.sleeps = 1000
        await until(lambda: running.sink.names == ["a", "b"])
        assert len(running.sink.replaced) == 1


async def test_a_change_of_state_is_logged_once_and_a_retry_is_not(tmp_path, caplog):
    """The line has the resource, the scope, both states and the reason."""
    caplog.set_level(logging.DEBUG, "exporter")
    async with a_server(a_run("a")) as server:
        always_respond(server, lambda: a_status(503, "starting"))
        async with running_reflector(server.url, tmp_path, sleeps=50, user={"token": SECRET}) as running:
            await until(lambda: len(running.waits) == 51)
            always_respond(server, lambda: a_status(403, "no"))
            running.sleeps = 80
            await until(lambda: len(running.waits) == 81)
            server.intercept, running.sleeps = None, 1000
            await until(lambda: running.state == "watching")
            server.load([a_run(f"b{number}") for number in range(20)])
            await until(lambda: len(running.sink.records) == 21)
    lines = [(record.levelname, record.was, record.state) for record in caplog.records]
    assert lines == [
        ("WARNING", "syncing", "unreachable"),
        ("WARNING", "unreachable", "forbidden"),
        ("INFO", "forbidden", "watching"),
    ]
    assert caplog.records[0].detail.startswith("503 at /apis/agents.platform/v1/namespaces/agent-platform/coderuns")
    assert {record.resource for record in caplog.records} == {"coderuns"}
    assert SECRET not in str([record.__dict__ for record in caplog.records])


async def test_the_metrics_of_a_resource_are_updated(tmp_path):
    """These are requests, objects, and the times of the last sync and of the last event."""
    async with a_server(a_run("a"), a_run("b")) as server, running_reflector(server.url, tmp_path) as running:
        assert running.state == "syncing"
        assert running.count("resource_synced") == 0
        await until(lambda: running.state == "watching")
        assert running.count("resource_objects") == 2
        assert running.count("requests_total", verb="list") == 1
        assert running.count("requests_total", verb="watch") == 1
        assert running.count("resource_synced") == 1
        running.now += 5
        server.load([a_run("c")])
        await until(lambda: running.sink.names == ["a", "b", "c"])
        assert running.count("resource_last_event_timestamp_seconds") == running.now
        assert running.count("resource_last_sync_timestamp_seconds") == running.now


async def test_a_bug_of_the_exporter_is_logged_and_the_resource_is_listed_again(tmp_path, caplog):
    """The log has the traceback. The error is counted with the code `bug`, and the retry waits."""
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path, sleeps=1) as running:
        await until(lambda: running.sink.names == ["a"])
        running.sink.upsert = lambda *_: 1 / 0
        server.load([a_run("b")])
        await until(lambda: running.count("errors_total", code="bug") == 1)
        await until(lambda: running.sink.names == ["a", "b"])
        assert "ZeroDivisionError" in caplog.text


async def test_if_another_version_is_served_the_objects_are_kept(tmp_path):
    """They still exist, and the detail names the served version. If no version is served, they were deleted."""
    definition = custom_resource("CodeRun")
    versions = definition["spec"]["versions"]
    definition["spec"]["versions"] = [*versions, versions[0] | {"name": "v2"}]
    async with (
        a_server(definition, a_run("a"), crds=()) as server,
        running_reflector(server.url, tmp_path, sleeps=0) as running,
    ):
        await until(lambda: running.sink.names == ["a"])

        async def only_v2(request):
            return a_status(404) if request.path.startswith("/apis/agents.platform/v1/") else None

        server.intercept = only_v2
        await restart(server)
        running.sleeps = 4
        await until(lambda: len(running.waits) == 5)
        assert (running.state, running.sink.names) == ("missing", ["a"])
        detail = "this version is not served; served versions: v2: 404 at /apis/agents.platform/v1/"
        assert running.status.detail.startswith(detail)
        always_respond(server, lambda: a_status(404))
        running.sleeps = 5
        await until(lambda: len(running.waits) == 6)
        assert (running.state, running.sink.names) == ("missing", [])


async def test_if_discovery_fails_the_objects_are_kept(tmp_path):
    """Whether the resource exists is unknown until the next attempt."""
    async with a_server(a_run("a")) as server, running_reflector(server.url, tmp_path, sleeps=0) as running:
        await until(lambda: running.sink.names == ["a"])

        async def intercept(request):
            return a_status(403 if request.path == "/apis" else 404)

        server.intercept = intercept
        await restart(server)
        running.sleeps = 4
        await until(lambda: len(running.waits) == 5)
        assert (running.state, running.sink.names) == ("missing", ["a"])
        always_respond(server, lambda: a_status(404))
        running.sleeps = 5
        await until(lambda: len(running.waits) == 6)
        assert running.sink.names == []
