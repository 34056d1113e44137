"""Pods of Jobs and Events in the running exporter: their metrics, and operation without them."""

import asyncio

import pytest

from exporter.config import ConfigMaps, Events, Pods
from tests.clusters import NAMESPACE, a_job, a_run, a_server, a_status, until
from tests.exporting import an_exporter, metrics_of, readiness, reject_requests, short_intervals, state_of
from tests.resources.test_events import an_event
from tests.resources.test_job_pods import a_pod

__all__ = ["short_intervals"]

NO_CONFIGMAPS = ConfigMaps(required=())
EVENTS = "/apis/events.k8s.io"


def pod_of(job="j", *, namespace=NAMESPACE, **fields):
    """A Pod that is controlled by a Job."""
    item = a_pod(**fields)
    owner = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": job,
        "uid": f"uid-{namespace}-{job}",
        "controller": True,
    }
    item["metadata"] |= {"namespace": namespace, "name": f"{job}-x", "uid": f"pod-{namespace}-{job}"}
    item["metadata"] |= {"ownerReferences": [owner], "labels": {"job-name": job}}
    return item


def event_about(uid, *, namespace=NAMESPACE, name="e", **fields):
    """An Event that regards the object with this UID."""
    item = an_event(**fields)
    item["metadata"] |= {"namespace": namespace, "name": name, "uid": f"event-{name}"}
    return item | {"regarding": item["regarding"] | {"uid": uid, "namespace": namespace}}


def scopes(app):
    """Maps the scope of each watch of Events to its state."""
    return {one.scope: one.state for one in app.health.statuses if one.resource == "events"}


async def wait_until_watched(app, *names):
    """Updates the watches of Events, and waits until exactly these scopes are being watched."""
    app.advance()
    await until(lambda: scopes(app) == dict.fromkeys(names, "watching"))


async def test_a_pod_that_does_not_start_is_exposed_with_the_message_of_its_event(tmp_path):
    """The message remains after the Event expires, until the Pod runs."""
    pod = pod_of(phase="Pending", containerStatuses=[{"name": "claude-code", "state": {"waiting": {}}}])
    event = event_about(pod["metadata"]["uid"])
    async with (
        a_server(a_run("r"), a_job("j"), pod, event) as server,
        an_exporter(server.url, tmp_path, configmaps=NO_CONFIGMAPS) as app,
    ):
        await until(lambda: app.health.is_ready() and app.store.cache.pods.known("*"))
        await wait_until_watched(app, NAMESPACE)
        page = await metrics_of(app)
        detail = f"FailedMount: {event['note'].replace(chr(10), ' ')}"
        assert set(page.labels("job_hang_cause", "detail")) == {detail}
        assert page.values("agent_pod_waiting", job_name="j", pod="j-x", container="claude-code") == [1]
        assert page.values("job_pods", state="pending") == [1]
        assert page.values("coderun_exporter_events_total", result="kept") == [1]
        server.store.delete("events.events.k8s.io", "e", namespace=NAMESPACE)
        server.bookmark()
        await asyncio.sleep(0)
        assert set((await metrics_of(app)).labels("job_hang_cause", "detail")) == {detail}
        server.load([pod_of()])
        await until(lambda: next(iter(app.store.cache.pods)).phase == "Running")
        page = await metrics_of(app)
        assert page.labels("job_hang_cause", "detail") == []
        assert page.values("job_pods", state="running") == [1]
        server.load([pod_of(phase="Succeeded")])
        await until(lambda: not len(app.store.cache.pods))


async def test_events_are_watched_only_in_namespaces_with_open_runs(tmp_path):
    """The series of a stopped watch are removed."""
    now = [2_000_000_000.0]
    async with (
        a_server(a_run("r"), a_run("s", namespace="other", status={"phase": "Succeeded"})) as server,
        an_exporter(server.url, tmp_path, configmaps=NO_CONFIGMAPS, clock=lambda: now[0]) as app,
    ):
        await until(app.health.is_ready)
        await wait_until_watched(app, NAMESPACE)
        assert app.store.cache.events_known(NAMESPACE)
        assert not app.store.cache.events_known("other")
        server.load([a_run("r", status={"phase": "Failed"}), a_run("t", namespace="third")])
        await until(lambda: any(run.name == "t" for run in app.store.cache.runs))
        await wait_until_watched(app, NAMESPACE, "third")
        now[0] += 601
        await wait_until_watched(app, "third")
        page = await metrics_of(app)
        assert set(page.labels("coderun_exporter_resource_state", "scope")) == {"*", "*/job-name", "third"}
        assert not app.store.cache.events_known(NAMESPACE)


async def test_with_more_than_twenty_namespaces_all_namespaces_are_watched_if_permitted(tmp_path):
    """Otherwise the twenty namespaces with the oldest runs are watched, and a notice says so."""
    runs = [
        a_run("r", namespace=f"n{at:02}", creationTimestamp=f"2026-01-01T{at // 60:02}:{at % 60:02}:00Z")
        for at in range(25)
    ]
    async with (
        a_server(*runs) as server,
        an_exporter(server.url, tmp_path, configmaps=NO_CONFIGMAPS) as app,
    ):
        await until(app.health.is_ready)
        app.advance()
        await until(lambda: scopes(app).get("*") == "watching")
        await wait_until_watched(app, "*")
        assert app.health.notices.lines == []
        await until(lambda: app.store.cache.events_known("n24"))
    async with a_server(*runs) as server:
        reject_requests(server, lambda: a_status(403, "no"), f"{EVENTS}/v1/events")
        async with an_exporter(server.url, tmp_path, configmaps=NO_CONFIGMAPS) as app:
            await until(app.health.is_ready)
            app.advance()
            await until(lambda: scopes(app).get("*") == "forbidden")
            app.advance()
            oldest = {f"n{at:02}": "watching" for at in range(20)}
            await until(lambda: scopes(app) == oldest | {"*": "forbidden"})
            assert ["Events: of 25 namespaces with open runs, the 20 with" in one for one in app.health.notices.lines]
            assert (await metrics_of(app)).values("coderun_exporter_events_unwatched_namespaces") == [5]


@pytest.mark.parametrize("code", [403, 404])
async def test_without_permission_for_pods_and_events_everything_else_works(tmp_path, code):
    """The exporter is ready, and `job_pods` is computed from the status of the Job."""
    job = a_job("j", status={"active": 1, "ready": 0, "startTime": "2026-01-01T00:00:00Z"})
    async with a_server(a_run("r"), job, pod_of()) as server:
        reject_requests(server, lambda: a_status(code, "no"), "/api/v1/pods", EVENTS)
        async with an_exporter(server.url, tmp_path, configmaps=NO_CONFIGMAPS) as app:
            await until(lambda: app.health.is_ready() and app.health.has_synced("job_pods"))
            app.advance()
            await until(lambda: app.health.has_synced("events"))
            page = await metrics_of(app)
            assert page.values("job_pods", state="pending") == [1]
            assert page.values("coderun_exporter_resource_not_granted", scope="*/job-name") == [1]
            assert page.values("coderun_exporter_resource_not_granted", resource="jobs") == []
            assert (await readiness(app))[0] == 200
            job = next(iter(app.store.cache.jobs))
            assert not app.store.cache.pods_known(job)
            assert not app.store.cache.events_known(NAMESPACE)


@pytest.mark.parametrize("hangs", [False, True], ids=["fails", "hangs"])
async def test_events_are_watched_even_if_the_list_of_pods_fails_or_takes_long(tmp_path, hangs):
    """Pods are optional. Events are watched after a minute, even if the list of Pods has not completed."""
    now = [2_000_000_000.0]
    async with a_server(a_run("r"), a_job("j"), pod_of()) as server:
        reject_requests(server, lambda: asyncio.sleep(3600) if hangs else a_status(500, "no"), "/api/v1/pods")
        async with an_exporter(server.url, tmp_path, configmaps=NO_CONFIGMAPS, clock=lambda: now[0]) as app:
            await until(app.health.is_ready)
            if hangs:
                app.advance()
                assert scopes(app) == {}
                now[0] += 60
            else:
                await until(lambda: "syncing" not in state_of(app, "job_pods"))
            await wait_until_watched(app, NAMESPACE)
            assert not app.health.has_synced("job_pods")


async def test_disabled_resources_are_not_requested(tmp_path):
    """With both settings disabled, neither Pods nor Events are requested."""
    off = {"pods": Pods(enabled=False), "events": Events(enabled=False)}
    async with (
        a_server(a_run("r"), a_job("j"), pod_of()) as server,
        an_exporter(server.url, tmp_path, configmaps=NO_CONFIGMAPS, **off) as app,
    ):
        await until(app.health.is_ready)
        app.advance()
        await metrics_of(app)
        assert not [one for one in server.requests if "pods" in one or "events.k8s.io" in one]
        assert {one.resource for one in app.health.statuses} == {"coderuns", "jobs"}
