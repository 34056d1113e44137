"""The complete replay of the demo, with HTTP and the shipped rules, and its exit codes."""

import asyncio
import contextlib
import errno
import functools
import io
import re

import pytest
from aiohttp import web

from lab.demo.exporter import serve_exporter
from lab.demo.incidents import INCIDENTS
from lab.demo.replay import DETECTED, INTERRUPTED, MISSED, ReplayError, replay

STALLED, FAILING, HANGING = (sorted(one.needs) for one in INCIDENTS)
ALL_INCIDENTS = "\n".join(
    [
        *(
            f'coderun_created_timestamp{{namespace="n",coderun="{run}"}} 1\n'
            f'coderun_without_job_since_timestamp_seconds{{namespace="n",coderun="{run}"}} 1\n'
            f'coderun_state{{namespace="n",coderun="{run}",state="open"}} 1\n'
            f'coderun_job_creation_deadline_seconds{{namespace="n",coderun="{run}"}} 600\n'
            f'coderun_job_name{{namespace="n",coderun="{run}",job_name=""}} 1'
            for run in STALLED
        ),
        *(
            f'coderun_created_timestamp{{namespace="cto",coderun="{run}"}} $now\n'
            f'coderun_state{{namespace="cto",coderun="{run}",state="failed"}} 1\n'
            f'coderun_job_creation_deadline_seconds{{namespace="cto",coderun="{run}"}} 600\n'
            f'coderun_finished_timestamp_seconds{{namespace="cto",coderun="{run}"}} $now\n'
            f'coderun_info{{namespace="cto",coderun="{run}",kind="CodeRun",run_type="implementation"}} 1'
            for run in "abc"
        ),
        *(
            f'job_created_timestamp{{namespace="n",job_name="{run}"}} 1\n'
            f'agent_result_timestamp_seconds{{namespace="n",job_name="{run}",outcome="success"}} 1\n'
            f'agent_last_log_timestamp_seconds{{namespace="n",job_name="{run}"}} 1\n'
            f'agent_result_limit_seconds{{namespace="n",job_name="{run}"}} 300\n'
            f'job_start_time{{namespace="n",job_name="{run}"}} 1\n'
            f'job_max_runtime_seconds{{namespace="n",job_name="{run}"}} 3600\n'
            f'job_active{{namespace="n",job_name="{run}"}} 1\n'
            f'job_info{{namespace="n",job_name="{run}",coderun="{run}"}} 1'
            for run in HANGING
        ),
        "",
    ]
)


def exporter_with(metrics, *, status=200):
    """Starts an exporter whose metrics never change, except that `$now` is the time."""

    @contextlib.asynccontextmanager
    async def serve(*, kubeconfig, clock):
        async def serve_metrics(request):
            return web.Response(text=metrics.replace("$now", f"{clock():.0f}"), status=status)

        app = web.Application()
        app.router.add_get("/metrics", serve_metrics)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    return serve


async def until(out, text):
    """Waits until the output contains this text."""
    async with asyncio.timeout(15):
        while text not in out.getvalue():
            await asyncio.sleep(0.01)


@pytest.mark.timeout(120)
async def test_every_incident_is_detected_and_nothing_else_fires():
    """The test uses the real exporter and the shipped rules. Causes are named, and all alerts resolve."""
    out = io.StringIO()
    real_exporter = functools.partial(serve_exporter, address="127.0.0.1:0")
    code = await replay(out=out, speed=600, stay=False, exporter=real_exporter, interrupted=asyncio.Event())
    text = out.getvalue()
    assert code == DETECTED, text
    story, _, table = text.partition("Time to alert")
    firing, resolved = (
        {line.split()[2] for line in story.splitlines() if line[12:20].strip() == word}
        for word in ("FIRING", "RESOLVED")
    )
    assert firing == resolved
    assert firing == {
        "RequiredConfigMapUnhealthy",
        "CodeRunNotReconciled",
        "CodeRunJobCreationStalled",
        "CodeRunsFailing",
        "AgentFinishedNotExited",
    }
    table_text = " ".join(table.split())
    # At this speed, half a scrape interval is 25 ms. On a busy machine the metrics may be one scrape old.
    assert re.search(r"coderun-exporter (1 min 30 s|2 min) after the ConfigMap lost its templates", table_text)
    assert "first alert RequiredConfigMapUnhealthy (critical), at" in table_text
    assert "configmap_empty (agent-platform/controller-agent-templates-claude)" in table_text
    assert "first alert CodeRunsFailing (warning), at" in table_text
    assert "cause named template_failed (Template rendering failed: " in table_text
    assert re.search(r"coderun-exporter (5 min 30 s|6 min) after the agents' last word", table_text)
    assert "first alert AgentFinishedNotExited (critical), at" in table_text
    assert "cause named none" not in table_text
    assert table_text.rstrip().endswith("anything else none")
    opening = " ".join(story.partition("12:26")[0].split())
    assert "alerting rules, evaluated every 30 s of simulated time" in opening
    assert "left to Prometheus" not in opening
    assert "could not be evaluated" not in table_text
    assert story.count("succeeded") >= 9


async def test_an_incident_without_an_alert_is_missed(monkeypatch):
    """Without metrics no incident is detected: the exit code is 1, and the table shows it."""
    monkeypatch.setattr("lab.demo.replay.GIVE_UP", "12:35")
    out = io.StringIO()
    code = await replay(out=out, speed=3600, stay=False, exporter=exporter_with(""), interrupted=asyncio.Event())
    assert (code, out.getvalue().count("NOT DETECTED")) == (MISSED, 3)


async def test_the_exit_code_of_a_missed_incident_is_kept(monkeypatch):
    """A demo that continues after its result exits with the same code when it is interrupted."""
    monkeypatch.setattr("lab.demo.replay.GIVE_UP", "12:35")
    out, interrupted = io.StringIO(), asyncio.Event()
    playing = asyncio.create_task(
        replay(out=out, speed=3600, stay=True, exporter=exporter_with(""), interrupted=interrupted)
    )
    await until(out, "The exporter keeps running")
    interrupted.set()
    assert await playing == MISSED


async def test_an_exporter_that_does_not_respond_causes_an_alert():
    """A failed scrape is `up` 0, and the alert about the exporter fires."""
    out, interrupted = io.StringIO(), asyncio.Event()
    playing = asyncio.create_task(
        replay(out=out, speed=600, stay=False, exporter=exporter_with("", status=500), interrupted=interrupted)
    )
    await until(out, "CodeRunExporterDown")
    interrupted.set()
    assert await playing == INTERRUPTED


async def test_an_interruption_before_all_incidents_are_detected():
    """Ctrl-C ends the demo at once with 130, as shells expect, and without the table."""
    out, interrupted = io.StringIO(), asyncio.Event()
    playing = asyncio.create_task(
        replay(out=out, speed=60, stay=True, exporter=exporter_with(""), interrupted=interrupted, note="Note.")
    )
    await until(out, "Note.")
    interrupted.set()
    assert await playing == INTERRUPTED
    assert "Time to alert" not in out.getvalue()


async def test_an_interruption_after_all_incidents_are_detected_is_a_success():
    """The exit code is 0 as soon as every incident is detected."""
    out, interrupted = io.StringIO(), asyncio.Event()
    playing = asyncio.create_task(
        replay(out=out, speed=600, stay=True, exporter=exporter_with(ALL_INCIDENTS), interrupted=interrupted)
    )
    await until(out, "CodeRunJobCreationStalled")
    await until(out, "AgentFinishedNotExited")
    interrupted.set()
    assert await playing == DETECTED


async def test_an_exporter_that_cannot_start_is_one_line():
    """The error of the operating system ends the demo, and nothing remains running."""

    @contextlib.asynccontextmanager
    async def refused(*, kubeconfig, clock):
        raise OSError(errno.EADDRNOTAVAIL, "no such address")
        yield

    with pytest.raises(ReplayError, match="no such address"):
        await replay(out=io.StringIO(), speed=60, stay=False, exporter=refused, interrupted=asyncio.Event())


async def test_a_programming_error_is_not_converted():
    """It keeps its type."""

    @contextlib.asynccontextmanager
    async def broken(*, kubeconfig, clock):
        raise AttributeError("ours")
        yield

    with pytest.raises(AttributeError, match="ours"):
        await replay(out=io.StringIO(), speed=60, stay=False, exporter=broken, interrupted=asyncio.Event())
