"""Logs in the running exporter: from the API server to the page; and nothing of them while they are not read."""

import time

from exporter.config import ConfigMaps, Logs
from exporter.log_polling import poller
from tests.clusters import NAMESPACE, a_job, a_run, a_server, until
from tests.exporting import an_exporter, metrics_of, short_intervals, start_page
from tests.test_pods_and_events import pod_of

__all__ = ["short_intervals"]

NONE = ConfigMaps(required=())


def a_running_pod():
    """The Pod of the Job `j`, with a running main container."""
    state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    pod = pod_of(containerStatuses=[{"name": "claude-code", "containerID": "containerd://a", "state": state}])
    return pod | {"spec": pod["spec"] | {"nodeName": "node-1"}}


async def test_the_time_of_the_last_line_is_on_the_page(tmp_path, monkeypatch):
    """With the state of the container; a restart of the exporter reads it again."""
    monkeypatch.setattr(poller, "_TICK_SECONDS", 0.01)
    now = [time.time()]
    async with a_server(a_run("r"), a_job("j"), a_running_pod()) as server:
        server.logs.write(NAMESPACE, "j-x", "claude-code", (now[0] - 100, b"one"), (now[0] - 50, b"two"))
        for _ in range(2):
            logs = Logs(enabled=True)
            async with an_exporter(server.url, tmp_path, configmaps=NONE, logs=logs, clock=lambda: now[0]) as app:
                await until(lambda app=app: app.health.is_ready() and len(app.store.cache.pods))
                await app.logs.poll()
                assert "No log has been read." in await start_page(app)
                now[0] += 61
                await until(lambda app=app: len(app.store.cache.logs))
                page = await metrics_of(app)
                (last,) = page.values("agent_last_log_timestamp_seconds", job_name="j", namespace=NAMESPACE)
                assert now[0] - 400 < last < now[0] - 100
                assert page.values("coderun_exporter_log_containers", state="ok") == [1]
                assert "Containers: 1 ok." in await start_page(app)


async def test_without_the_setting_nothing_is_read_and_nothing_is_added(tmp_path):
    """Neither a request nor a metric."""
    async with (
        a_server(a_run("r"), a_job("j"), a_running_pod()) as server,
        an_exporter(server.url, tmp_path, configmaps=NONE) as app,
    ):
        await until(lambda: app.health.is_ready() and len(app.store.cache.pods))
        page = await metrics_of(app)
        assert app.logs is None
        assert not [name for name in page.families if "_log_" in name or name.startswith("agent_result")]
        assert next(iter(app.store.cache.pods)).containers[0].id == ""
        assert "Logs" not in await start_page(app)
        assert not [one for one in server.requests if "/log" in one]
