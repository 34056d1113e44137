"""The never-ending task: what it tells, and how it recovers."""

import logging

import pytest

from lab.platform.manifests import custom_resource
from tests.clusters import a_run, a_server, a_status, faults, port_of, restart, until
from tests.kube.settings import SECRET
from tests.reflector.work import always, at_work


async def test_forbidden_is_told_and_retried_until_the_rights_come(tmp_path):
    """403: a state, never a crash."""
    async with a_server(a_run("a")) as server:
        always(server, lambda: a_status(403, "User cannot list resource"))
        async with at_work(server.url, tmp_path, sleeps=20) as work:
            await until(lambda: len(work.waits) == 21)
            assert work.state == "forbidden"
            assert "User cannot list" in work.status.detail
            assert set(work.sink.said) == {"forbidden"}
            server.intercept, work.sleeps = None, 1000
            await until(lambda: work.state == "watching")
            assert work.sink.names == ["a"]
            assert work.sink.said[-1] == "watching"


async def test_rights_that_are_lost_and_come_back_in_a_watch_are_told(tmp_path):
    """The watch then goes on without a list, and the sink has to hear of it all the same."""
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path, sleeps=0) as work:
        await until(lambda: work.state == "watching")
        always(server, lambda: a_status(403))
        await restart(server)
        work.sleeps = 2
        await until(lambda: work.state == "forbidden")
        assert work.sink.names == ["a"]
        assert work.sink.said[-1] == "forbidden"
        server.intercept, work.sleeps = None, 1000
        await until(lambda: work.state == "watching")
        assert len(work.sink.replaced) == 1
        assert work.sink.said[-1] == "watching"


async def test_the_first_refusal_after_an_outage_is_still_the_outage(tmp_path, caplog):
    """A server that has just started may know of no rights yet: one line says that it went, one that it is back."""
    caplog.set_level("INFO")
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path, sleeps=0) as work:
        await until(lambda: work.state == "watching")
        caplog.clear()
        faults(server, a_status(500), a_status(403, "no role found"))
        await restart(server)
        work.sleeps = 1000
        server.load([a_run("b")])
        await until(lambda: work.sink.names == ["a", "b"])
        assert [record.state for record in caplog.records] == ["unreachable", "watching"]
        assert "forbidden" not in work.sink.said
        assert work.count("errors_total", code="403") == 1


async def test_a_server_that_is_away_does_not_make_the_forbidden_allowed(tmp_path):
    """The sink hears of rights only from an answer."""
    async with a_server(a_run("a")) as server:
        always(server, lambda: a_status(403))
        async with at_work(server.url, tmp_path, sleeps=0) as work:
            await until(lambda: work.state == "forbidden")
            always(server, lambda: a_status(500))
            work.sleeps = 1
            await until(lambda: work.state == "unreachable")
            assert work.sink.said == ["forbidden", "unreachable"]


async def test_a_watch_that_is_accepted_and_silent_is_up_to_date(tmp_path):
    """Some networks cut a quiet connection before a bookmark can come: what is never behind must not look so."""
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path, sleeps=1000) as work:
        await until(lambda: work.state == "watching")
        for _ in range(2):
            before = work.status.last_sync
            await restart(server)
            await until(lambda: work.status.last_sync > before)  # noqa: B023 - called in this round only
        assert len(work.sink.replaced) == 1


async def test_a_missing_resource_recovers_when_its_crd_is_made(tmp_path):
    """404, then a list from scratch."""
    async with a_server(crds=()) as server, at_work(server.url, tmp_path, sleeps=3) as work:
        await until(lambda: len(work.waits) == 4)
        assert work.state == "missing"
        assert work.count("errors_total", code="404") == 4
        server.load([custom_resource("CodeRun"), a_run("a")])
        work.sleeps = 1000
        await until(lambda: work.sink.names == ["a"])
        assert work.state == "watching"


async def test_a_crd_that_goes_and_comes_back_is_listed_from_scratch(tmp_path):
    """Its objects are deleted with it; what comes back is another resource with versions of its own."""
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path, sleeps=2) as work:
        await until(lambda: work.sink.names == ["a"])
        server.store.delete("customresourcedefinitions", "coderuns.agents.platform")
        await until(lambda: work.sink.names == [] and work.state == "missing")
        server.load([custom_resource("CodeRun"), a_run("b")])
        work.sleeps = 1000
        await until(lambda: work.sink.names == ["b"])
        assert "sendInitialEvents" in server.requests[-1]
        assert work.count("errors_total", code="410") is None


@pytest.mark.parametrize(
    ("is_custom_resource", "headers", "names"),
    [(True, {}, []), (False, {}, ["a"]), (True, {"Audit-Id": ""}, ["a"])],
    ids=["by a CRD", "built in", "by a proxy"],
)
async def test_a_crd_whose_end_nobody_saw_takes_its_objects_along(tmp_path, is_custom_resource, headers, names):
    """Once 404 was said twice. What no CRD defines is always there, and what a proxy says is about nothing."""
    async with (
        a_server(a_run("a")) as server,
        at_work(server.url, tmp_path, sleeps=0, is_custom_resource=is_custom_resource) as work,
    ):
        await until(lambda: work.sink.names == ["a"])
        always(server, lambda: a_status(404, "page not found", headers=headers))
        await restart(server)
        work.sleeps = 1  # the watch that broke off, and the first 404
        await until(lambda: len(work.waits) == 2)
        assert (work.state, work.sink.names) == ("watching", ["a"])
        work.sleeps = 2
        await until(lambda: len(work.waits) == 3)
        assert (work.state, work.sink.names) == ("missing", names)
        assert work.count("resource_objects") == len(names)


async def test_unauthorized_is_a_state_of_its_own(tmp_path):
    """After the credentials were read again; it recovers when they are right."""
    async with a_server(a_run("a"), token="right") as server:
        (tmp_path / "token").write_text("wrong")
        async with at_work(server.url, tmp_path, sleeps=2, user={"tokenFile": str(tmp_path / "token")}) as work:
            await until(lambda: len(work.waits) == 3)
            assert work.state == "unauthorized"
            (tmp_path / "token").write_text("right")
            work.sleeps = 1000
            await until(lambda: work.sink.names == ["a"])


async def test_a_token_that_is_rotated_makes_no_noise(tmp_path, caplog):
    """One 401, then the new one: no error, no state, no line."""
    caplog.set_level("INFO")
    async with a_server(a_run("a"), token="one") as server:
        (tmp_path / "token").write_text("one")
        async with at_work(server.url, tmp_path, sleeps=0, user={"tokenFile": str(tmp_path / "token")}) as work:
            await until(lambda: work.state == "watching")
            (tmp_path / "token").write_text("two")
            server._token = "two"
            always(server, lambda: None)
            await restart(server)
            await until(lambda: len(work.waits) == 1)
            caplog.clear()
            work.sleeps = 1
            server.load([a_run("b")])
            await until(lambda: work.sink.names == ["a", "b"])
        assert work.count("errors_total", code="401") is None
        assert caplog.records == []


async def test_the_last_good_whole_stays_while_the_server_is_away(tmp_path):
    """And is gone on from when it is back."""
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path, sleeps=5) as work:
        await until(lambda: work.state == "watching")
        await server.stop()
        await until(lambda: len(work.waits) == 6)
        assert work.state == "unreachable"
        assert work.sink.names == ["a"]
        assert work.count("resource_synced") == 1
        server.load([a_run("b")])
        await server.start(port=port_of(server))
        work.sleeps = 1000
        await until(lambda: work.sink.names == ["a", "b"])
        assert len(work.sink.replaced) == 1


async def test_a_change_of_state_is_one_line_and_a_retry_is_none(tmp_path, caplog):
    """However long it lasts; the lines name what, where, from and to, and why."""
    caplog.set_level(logging.DEBUG, "exporter")
    async with a_server(a_run("a")) as server:
        always(server, lambda: a_status(503, "starting"))
        async with at_work(server.url, tmp_path, sleeps=50, user={"token": SECRET}) as work:
            await until(lambda: len(work.waits) == 51)
            always(server, lambda: a_status(403, "no"))
            work.sleeps = 80
            await until(lambda: len(work.waits) == 81)
            server.intercept, work.sleeps = None, 1000
            await until(lambda: work.state == "watching")
            server.load([a_run(f"b{number}") for number in range(20)])
            await until(lambda: len(work.sink.records) == 21)
    lines = [(record.levelname, record.was, record.state) for record in caplog.records]
    assert lines == [
        ("WARNING", "syncing", "unreachable"),
        ("WARNING", "unreachable", "forbidden"),
        ("INFO", "forbidden", "watching"),
    ]
    assert caplog.records[0].detail.startswith("503 at /apis/agents.platform/v1/namespaces/agent-platform/coderuns")
    assert {record.resource for record in caplog.records} == {"coderuns"}
    assert SECRET not in str([record.__dict__ for record in caplog.records])


async def test_the_numbers_of_a_resource_follow_it(tmp_path):
    """Requests, objects, and when it was read and changed."""
    async with a_server(a_run("a"), a_run("b")) as server, at_work(server.url, tmp_path) as work:
        assert work.state == "syncing"
        assert work.count("resource_synced") == 0
        await until(lambda: work.state == "watching")
        assert work.count("resource_objects") == 2
        assert work.count("requests_total", verb="list") == 1
        assert work.count("requests_total", verb="watch") == 1
        assert work.count("resource_synced") == 1
        work.now += 5
        server.load([a_run("c")])
        await until(lambda: work.sink.names == ["a", "b", "c"])
        assert work.count("resource_last_event_timestamp_seconds") == work.now
        assert work.count("resource_last_sync_timestamp_seconds") == work.now


async def test_a_bug_of_ours_is_told_and_tried_again_from_scratch(tmp_path, caplog):
    """With its traceback in the log, a code of its own among the errors, and a pause."""
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path, sleeps=1) as work:
        await until(lambda: work.sink.names == ["a"])
        work.sink.upsert = lambda *_: 1 / 0
        server.load([a_run("b")])
        await until(lambda: work.count("errors_total", code="bug") == 1)
        await until(lambda: work.sink.names == ["a", "b"])
        assert "ZeroDivisionError" in caplog.text


async def test_a_version_that_is_not_served_any_more_takes_no_object_along(tmp_path):
    """While another version is served, the objects exist; the state names it. Without any, they are gone."""
    definition = custom_resource("CodeRun")
    versions = definition["spec"]["versions"]
    definition["spec"]["versions"] = [*versions, versions[0] | {"name": "v2"}]
    async with a_server(definition, a_run("a"), crds=()) as server, at_work(server.url, tmp_path, sleeps=0) as work:
        await until(lambda: work.sink.names == ["a"])

        async def only_v2(request):
            return a_status(404) if request.path.startswith("/apis/agents.platform/v1/") else None

        server.intercept = only_v2
        await restart(server)
        work.sleeps = 4
        await until(lambda: len(work.waits) == 5)
        assert (work.state, work.sink.names) == ("missing", ["a"])
        detail = "this version is not served; served versions: v2: 404 at /apis/agents.platform/v1/"
        assert work.status.detail.startswith(detail)
        always(server, lambda: a_status(404))
        work.sleeps = 5
        await until(lambda: len(work.waits) == 6)
        assert (work.state, work.sink.names) == ("missing", [])


async def test_where_discovery_fails_no_object_is_gone(tmp_path):
    """Whether the resource exists is unknown then; it is found out at the next try."""
    async with a_server(a_run("a")) as server, at_work(server.url, tmp_path, sleeps=0) as work:
        await until(lambda: work.sink.names == ["a"])

        async def intercept(request):
            return a_status(403 if request.path == "/apis" else 404)

        server.intercept = intercept
        await restart(server)
        work.sleeps = 4
        await until(lambda: len(work.waits) == 5)
        assert (work.state, work.sink.names) == ("missing", ["a"])
        always(server, lambda: a_status(404))
        work.sleeps = 5
        await until(lambda: len(work.waits) == 6)
        assert work.sink.names == []
