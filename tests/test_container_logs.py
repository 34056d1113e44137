"""Logs in the running exporter: from the API server to the page; and nothing of them while they are not read."""

import asyncio
import time

import msgspec
import pytest

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
    written = now[0] - 50
    async with a_server(a_run("r"), a_job("j"), a_running_pod()) as server:
        server.logs.write(NAMESPACE, "j-x", "claude-code", (now[0] - 100, b"one"), (written, b"two"))
        for _ in range(2):
            logs = Logs(enabled=True)
            async with an_exporter(server.url, tmp_path, configmaps=NONE, logs=logs, clock=lambda: now[0]) as app:
                await until(lambda app=app: app.health.is_ready() and len(app.store.cache.pods))
                await app.logs.poll()
                assert "No log has been read." in await start_page(app)
                now[0] += 61
                await until(lambda app=app: app.logs.states.get("ok"))
                page = await metrics_of(app)
                last = page.values("agent_last_log_timestamp_seconds", job_name="j", namespace=NAMESPACE)
                assert last == [pytest.approx(written, abs=1e-3)]
                assert page.values("coderun_exporter_log_containers", state="ok") == [1]
                assert "Containers: 1 ok." in await start_page(app)


async def test_a_format_of_the_settings_is_read(tmp_path, monkeypatch):
    """Its last word is on the page. A line of an agent that is in no format is counted."""
    monkeypatch.setattr(poller, "_TICK_SECONDS", 0.01)
    now = [time.time()]
    ours = {
        "name": "ours",
        "signs": [{"event": "end"}],
        "events": [{"when": {"event": "end"}, "last_word": "success"}],
    }
    logs = msgspec.convert({"enabled": True, "formats": [ours]}, Logs)
    lines = [b'{"event": "later", "session_id": "s"}', b'{"event": "end"}', b'{"event": "later"}']
    async with a_server(a_run("r"), a_job("j"), a_running_pod()) as server:
        server.logs.write(NAMESPACE, "j-x", "claude-code", *((now[0] - 100, line) for line in lines))
        async with an_exporter(server.url, tmp_path, configmaps=NONE, logs=logs, clock=lambda: now[0]) as app:
            await until(lambda: app.health.is_ready() and len(app.store.cache.pods))
            await app.logs.poll()
            now[0] += 61
            await until(lambda: app.logs.states.get("ok"))
            page = await metrics_of(app)
    assert page.values("agent_result_timestamp_seconds", outcome="success") == [pytest.approx(now[0] - 161, abs=1e-3)]
    assert page.values("coderun_exporter_log_unread_lines_total", format="ours") == [2]


async def test_without_periodic_polls_logs_are_read_only_on_request(tmp_path, monkeypatch):
    """A simulation sets the clock and calls `poll`, so that its results do not depend on the speed of the machine."""
    monkeypatch.setattr(poller, "_TICK_SECONDS", 0.0)
    now = [time.time()]
    async with a_server(a_run("r"), a_job("j"), a_running_pod()) as server:
        server.logs.write(NAMESPACE, "j-x", "claude-code", (now[0] - 100, b"one"))
        settings = {"configmaps": NONE, "logs": Logs(enabled=True), "clock": lambda: now[0], "polls_logs": False}
        async with an_exporter(server.url, tmp_path, **settings) as app:
            await until(lambda: app.health.is_ready() and len(app.store.cache.pods))
            await app.logs.poll()
            now[0] += 61
            for _ in range(200):
                await asyncio.sleep(0)  # a task that polls would read now
            assert server.logs.reads == 0
            await app.logs.poll()
            assert (server.logs.reads, len(app.store.cache.logs)) == (1, 1)


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
