"""The whole exporter: from the settings to the scrape response, and its shutdown."""

import asyncio
import logging
import time

import pytest

from exporter import app as composition
from exporter.config import AgentThresholds, ConfigMaps, Jobs, Settings, Thresholds
from exporter.informers import CacheUpdater
from exporter.kube.errors import KubeConfigError
from exporter.threshold_settings import build_thresholds
from exporter.web.server import ListenError
from tests.clusters import NAMESPACE, a_configmap, a_job, a_run, a_server, a_status, restart, until
from tests.exporting import an_exporter, metrics_of, readiness, reject_requests, short_intervals, state_of
from tests.kube.settings import SECRET, a_kubeconfig
from tests.web.serving import fetch

__all__ = ["short_intervals"]

ONE_CONFIGMAP = ConfigMaps(required=("templates",))


async def test_a_healthy_platform_is_exposed(tmp_path):
    """A scrape shows the objects of the API server, and later their changes."""
    async with (
        a_server(a_run("r"), a_job("j"), a_configmap("templates", a="x")) as server,
        an_exporter(server.url, tmp_path, configmaps=ONE_CONFIGMAP) as app,
    ):
        await until(lambda: app.health.is_ready() and state_of(app, "configmaps") == ["watching"])
        page = await metrics_of(app)
        assert page.values("coderun_job_name", coderun="r", job_name="j") == [1]
        assert page.values("job_active", job_name="j") == [1]
        assert page.values("configmap_health", configmap="templates") == [1]
        assert (await readiness(app))[0] == 200
        server.load([a_run("late")])
        server.store.delete("jobs", "j", namespace=NAMESPACE)
        await until(lambda: len(app.store.cache.runs) == 2 and len(app.store.cache.jobs) == 0)
        page = await metrics_of(app)
        assert page.labels("coderun_job_name", "coderun") == ["late", "r"]
        assert page.labels("coderun_job_name", "job_name") == ["", ""]
        assert page.values("job_active") == []


async def test_required_configmaps_are_optional(tmp_path):
    """A platform without templates is monitored like any other."""
    async with (
        a_server(a_run("r"), a_job("j")) as server,
        an_exporter(server.url, tmp_path, configmaps=ConfigMaps(required=())) as app,
    ):
        await until(app.health.is_ready)
        page = await metrics_of(app)
    assert page.values("coderun_job_name", coderun="r", job_name="j") == [1]


async def test_while_jobs_cannot_be_read_a_new_run_is_not_reported_without_a_job(tmp_path):
    """Otherwise each new run would raise a false alert. A run that had no Job before is still reported."""
    async with (
        a_server(a_run("old")) as server,
        an_exporter(server.url, tmp_path, configmaps=ConfigMaps(required=())) as app,
    ):
        await until(app.health.is_ready)
        reject_requests(server, lambda: a_status(403, "no"), "/apis/batch")
        await restart(server)
        await until(lambda: state_of(app, "jobs") == ["forbidden"])
        server.load([a_run("new")])
        await until(lambda: len(app.store.cache.runs) == 2)
        page = await metrics_of(app)
        assert page.labels("coderun_created_timestamp", "coderun") == ["new", "old"]
        assert page.labels("coderun_job_name", "coderun") == ["old"]
        server.intercept = None
        await until(lambda: state_of(app, "jobs") == ["watching"])
        assert (await metrics_of(app)).labels("coderun_job_name", "coderun") == ["new", "old"]


async def test_a_token_is_never_shown(tmp_path, caplog):
    """The token is in no log message, not at `/`, in /metrics or in /readyz, whichever request fails."""
    caplog.set_level(logging.DEBUG)
    async with (
        a_server(a_run("r"), token="another") as server,
        an_exporter(server.url, tmp_path, user={"token": SECRET}) as app,
    ):
        await until(lambda: set(state_of(app, "coderuns") + state_of(app, "jobs")) == {"unauthorized"})
        pages = [await fetch(app.url + path) for path in ("/", "/metrics", "/readyz")]
        assert "401 at" in pages[0][2].decode()
        assert "[-] jobs: unauthorized" in pages[2][2].decode()
        reject_requests(server, lambda: a_status(500, "oops"), "/")
        await until(lambda: set(state_of(app, "coderuns") + state_of(app, "jobs")) == {"unreachable"})
        pages += [await fetch(app.url + path) for path in ("/", "/metrics", "/readyz")]
    assert SECRET not in str(pages)
    assert SECRET not in str([record.__dict__ for record in caplog.records])
    assert caplog.records


async def test_finished_runs_are_removed_after_their_retention(tmp_path):
    """The clock alone removes them; no watch event is needed."""
    now = [time.time()]
    done = {"phase": "Succeeded", "lastUpdate": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now[0]))}
    async with (
        a_server(a_run("r", status=done), a_run("open")) as server,
        an_exporter(server.url, tmp_path, clock=lambda: now[0], retention="10m") as app,
    ):
        await until(app.health.is_ready)
        assert (await metrics_of(app)).labels("coderun_phase", "coderun") == ["open", "r"]
        now[0] += 601
        async with asyncio.timeout(5):
            while (await metrics_of(app)).labels("coderun_phase", "coderun") != ["open"]:
                await asyncio.sleep(0.01)


async def test_jobs_without_a_run_are_exposed_if_their_labels_match(tmp_path):
    """`jobs.match_labels` selects Jobs that no run controls."""
    job = a_job("loose")
    job["metadata"] |= {"ownerReferences": [], "labels": {"app": "controller"}}
    async with (
        a_server(job) as server,
        an_exporter(server.url, tmp_path, jobs=Jobs(match_labels={"app": "controller"})) as app,
    ):
        await until(app.health.is_ready)
        assert (await metrics_of(app)).labels("job_active", "job_name") == ["loose"]


@pytest.mark.parametrize("interval", [0.01, 60])
async def test_rendering_yields_to_the_event_loop_and_the_response_is_complete(tmp_path, monkeypatch, interval):
    """Rendering yields after each block, both during a scrape and between scrapes."""
    monkeypatch.setattr(composition, "_RENDER_SECONDS", interval)
    monkeypatch.setattr(composition, "_SLICE_SECONDS", 0.0)
    runs = [a_run(f"r{number}") for number in range(300)]
    async with a_server(*runs) as server, an_exporter(server.url, tmp_path) as app:
        await until(app.health.is_ready)
        page = await metrics_of(app)
        assert len(page.values("coderun_phase")) == 300
        app.store._compressed["coderuns"].mark_all_dirty()
        if interval < 1:
            await until(lambda: not app.store._compressed["coderuns"]._dirty)


async def test_nothing_is_rendered_before_all_initial_lists_are_complete(tmp_path, monkeypatch):
    """Otherwise lines that are joined with objects of a later list would be rendered twice."""
    monkeypatch.setattr(composition, "_RENDER_SECONDS", 0.01)
    async with a_server(a_run("r")) as server, an_exporter(server.url, tmp_path) as app:
        await until(app.health.is_ready)
        section = app.store._compressed["coderuns"]
        await until(lambda: not section._dirty)
        monkeypatch.setattr(app.store, "_table_has_synced", {"coderuns": True}.get)
        section.mark_all_dirty()
        await asyncio.sleep(0.05)
        assert section._dirty
        monkeypatch.setattr(app.store, "_table_has_synced", lambda _: True)
        await until(lambda: not section._dirty)


async def test_a_scrape_ends_although_objects_change_faster_than_they_are_rendered(tmp_path, monkeypatch):
    """Rendering stops after a timeout, and the scrape gets the lines that were rendered last."""
    monkeypatch.setattr(composition, "_RENDER_TIMEOUT_SECONDS", 0.0)
    async with a_server(a_run("r")) as server, an_exporter(server.url, tmp_path) as app:
        await until(app.health.is_ready)
        await metrics_of(app)
        render = app.store.render
        monkeypatch.setattr(app.store, "render", lambda *, seconds: render(seconds=seconds) and False)
        assert len((await metrics_of(app)).values("coderun_phase")) == 1


async def test_the_event_loop_delay_is_measured(tmp_path):
    """The histogram counts how late the event loop resumes a task."""
    async with a_server() as server, an_exporter(server.url, tmp_path) as app:
        async with asyncio.timeout(5):
            while (await metrics_of(app)).values("coderun_exporter_event_loop_delay_seconds_count") < [3]:
                await asyncio.sleep(0.01)


async def test_shutdown_leaves_no_task_and_no_connection(tmp_path):
    """After shutdown the exporter has no running task and no open connection."""
    before = asyncio.all_tasks()
    async with a_server(a_run("r")) as server:
        async with an_exporter(server.url, tmp_path) as app:
            await until(app.health.is_ready)
        await until(lambda: not server._open)
    assert asyncio.all_tasks() == before


async def test_a_bug_in_one_resource_does_not_stop_the_others(tmp_path, monkeypatch, caplog):
    """If the exporter exited, it would crash again after each restart, and no alert would fire."""
    replace = CacheUpdater.replace

    async def broken(sink, records):
        if sink.informer.resource == "jobs":
            raise ZeroDivisionError
        await replace(sink, records)

    monkeypatch.setattr(CacheUpdater, "replace", broken)
    async with a_server(a_run("r")) as server, an_exporter(server.url, tmp_path) as app:
        states = {status.resource: status for status in app.health.statuses}
        await until(lambda: states["jobs"].state == "unreachable" and states["coderuns"].state == "watching")
        assert "ZeroDivisionError in the exporter" in states["jobs"].detail
        assert "ZeroDivisionError" in caplog.text


async def test_invalid_settings_are_reported_before_the_server_starts(tmp_path):
    """Examples are an unusable kubeconfig and a port that is in use."""
    with pytest.raises(KubeConfigError):
        async with composition.serve(Settings(kubernetes=type(Settings().kubernetes)(kubeconfig="/nowhere"))):
            pass
    async with a_server() as server:
        path = a_kubeconfig(tmp_path, cluster={"server": server.url})
        web = type(Settings().web)(listen_addresses=(server.url.removeprefix("http://"),))
        settings = Settings(kubernetes=type(Settings().kubernetes)(kubeconfig=str(path)), web=web)
        with pytest.raises(ListenError, match="in use"):
            async with composition.serve(settings):
                pass
        assert list(server.requests) == []


def test_the_thresholds_are_seconds():
    """All forms of a duration are converted to seconds; thresholds of an agent are stored separately."""
    own = {"rex": AgentThresholds(job_creation_deadline="none"), "tess": AgentThresholds(job_max_runtime="30m")}
    limits = Thresholds(job_creation_deadline="5m", job_max_runtime=120, agents=own)
    policy = build_thresholds(Settings(thresholds=limits, retention="1h30m"))
    assert (policy.job_creation_deadline, policy.job_max_runtime, policy.retention) == (300, 120, 5400)
    assert policy.job_creation_deadlines == {"rex": float("inf")}
    assert policy.job_max_runtimes == {"tess": 1800}


def test_responses_of_the_api_server_may_use_a_third_of_the_memory_limit():
    """The rest is for the cache, for the exposition and for Python itself."""
    budget = composition.response_budget(256 << 20)
    assert (budget.max_bytes, budget.reason) == ((256 << 20) // 3, "a third of the memory limit of 256 MiB")
    assert composition.response_budget(None).reason == "there is no memory limit"
