"""The exporter as a whole: from the settings to the page, and to its end."""

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
from tests.exporting import an_exporter, impatience, metrics_of, readiness, refuses, state_of
from tests.kube.settings import SECRET, a_kubeconfig
from tests.web.serving import fetch

__all__ = ["impatience"]

ONE = ConfigMaps(required=("templates",))


async def test_a_healthy_platform_is_on_the_page(tmp_path):
    """From the API server to the scrape, and then a change."""
    async with (
        a_server(a_run("r"), a_job("j"), a_configmap("templates", a="x")) as server,
        an_exporter(server.url, tmp_path, configmaps=ONE) as app,
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


async def test_no_configmap_need_be_required(tmp_path):
    """A platform without templates is watched like any other."""
    async with (
        a_server(a_run("r"), a_job("j")) as server,
        an_exporter(server.url, tmp_path, configmaps=ConfigMaps(required=())) as app,
    ):
        await until(app.health.is_ready)
        page = await metrics_of(app)
    assert page.values("coderun_job_name", coderun="r", job_name="j") == [1]


async def test_while_jobs_cannot_be_read_a_new_run_is_not_said_to_lack_one(tmp_path):
    """Else each would page somebody, for nothing. What lacked one before still does."""
    async with (
        a_server(a_run("old")) as server,
        an_exporter(server.url, tmp_path, configmaps=ConfigMaps(required=())) as app,
    ):
        await until(app.health.is_ready)
        refuses(server, lambda: a_status(403, "no"), "/apis/batch")
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


async def test_a_token_is_nowhere_to_be_read(tmp_path, caplog):
    """Not in a log, not on a page, not in /readyz, whatever goes wrong."""
    caplog.set_level(logging.DEBUG)
    async with (
        a_server(a_run("r"), token="another") as server,
        an_exporter(server.url, tmp_path, user={"token": SECRET}) as app,
    ):
        await until(lambda: set(state_of(app, "coderuns") + state_of(app, "jobs")) == {"unauthorized"})
        pages = [await fetch(app.url + path) for path in ("/", "/metrics", "/readyz")]
        assert "401 at" in pages[0][2].decode()
        assert "[-] jobs: unauthorized" in pages[2][2].decode()
        refuses(server, lambda: a_status(500, "oops"), "/")
        await until(lambda: set(state_of(app, "coderuns") + state_of(app, "jobs")) == {"unreachable"})
        pages += [await fetch(app.url + path) for path in ("/", "/metrics", "/readyz")]
    assert SECRET not in str(pages)
    assert SECRET not in str([record.__dict__ for record in caplog.records])
    assert caplog.records


async def test_what_finished_leaves_the_page_after_its_retention(tmp_path):
    """By the clock, without an event."""
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


async def test_jobs_may_be_shown_by_their_labels(tmp_path):
    """Where no run controls them."""
    job = a_job("loose")
    job["metadata"] |= {"ownerReferences": [], "labels": {"app": "controller"}}
    async with (
        a_server(job) as server,
        an_exporter(server.url, tmp_path, jobs=Jobs(match_labels={"app": "controller"})) as app,
    ):
        await until(app.health.is_ready)
        assert (await metrics_of(app)).labels("job_active", "job_name") == ["loose"]


@pytest.mark.parametrize("interval", [0.01, 60])
async def test_rendering_gives_way_and_the_page_is_whole_all_the_same(tmp_path, monkeypatch, interval):
    """One block at a time, between which the event loop has its turn: in the scrape, and between scrapes."""
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


async def test_nothing_is_rendered_before_all_has_been_read(tmp_path, monkeypatch):
    """What is joined with objects that are still to come would be rendered twice."""
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
    """With a page of a moment ago, once everything on it was rendered."""
    monkeypatch.setattr(composition, "_RENDER_TIMEOUT_SECONDS", 0.0)
    async with a_server(a_run("r")) as server, an_exporter(server.url, tmp_path) as app:
        await until(app.health.is_ready)
        await metrics_of(app)
        render = app.store.render
        monkeypatch.setattr(app.store, "render", lambda *, seconds: render(seconds=seconds) and False)
        assert len((await metrics_of(app)).values("coderun_phase")) == 1


async def test_it_measures_itself(tmp_path):
    """How late the event loop comes back."""
    async with a_server() as server, an_exporter(server.url, tmp_path) as app:
        async with asyncio.timeout(5):
            while (await metrics_of(app)).values("coderun_exporter_event_loop_delay_seconds_count") < [3]:
                await asyncio.sleep(0.01)


async def test_it_leaves_nothing_behind(tmp_path):
    """No task and no connection."""
    before = asyncio.all_tasks()
    async with a_server(a_run("r")) as server:
        async with an_exporter(server.url, tmp_path) as app:
            await until(app.health.is_ready)
        await until(lambda: not server._open)
    assert asyncio.all_tasks() == before


async def test_a_bug_of_ours_in_one_resource_does_not_end_the_others(tmp_path, monkeypatch, caplog):
    """A crash would be met again after each restart, and nobody would be told of anything."""
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


async def test_wrong_settings_are_told_before_anything_is_served(tmp_path):
    """An unusable kubeconfig, a port that is taken."""
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
    """Whatever form they are written in; an agent's own ones are in mappings of their own."""
    own = {"rex": AgentThresholds(job_creation_deadline="none"), "tess": AgentThresholds(job_max_runtime="30m")}
    limits = Thresholds(job_creation_deadline="5m", job_max_runtime=120, agents=own)
    policy = build_thresholds(Settings(thresholds=limits, retention="1h30m"))
    assert (policy.job_creation_deadline, policy.job_max_runtime, policy.retention) == (300, 120, 5400)
    assert policy.job_creation_deadlines == {"rex": float("inf")}
    assert policy.job_max_runtimes == {"tess": 1800}


def test_the_answers_of_the_api_server_have_a_third_of_the_memory():
    """The rest is for what is kept, for pages and for Python itself."""
    budget = composition.response_budget(256 << 20)
    assert (budget.max_bytes, budget.reason) == ((256 << 20) // 3, "a third of the memory limit of 256 MiB")
    assert composition.response_budget(None).reason == "there is no memory limit"
