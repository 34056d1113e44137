"""Measures reading the logs of many containers: `python -m bench.logs --pods 2000 --lines 6`.

A stand-in API server runs as a separate process on loopback, without TLS. It responds to each request with `--lines`
new lines of 1 kB. Each round advances the poller's simulated clock by a minute, and reads each log once.
"""

import argparse
import asyncio
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from aiohttp import web
from prometheus_client import CollectorRegistry

from exporter.cache import JOBS, Container, Job, ObjectCache, Pod, Thresholds
from exporter.diagnosis.recorder import FlightRecorder
from exporter.kube.auth import Credentials
from exporter.kube.client import KubeClient
from exporter.log_formats import LogReader, shipped_formats
from exporter.log_polling.metrics import LogMetrics
from exporter.log_polling.poller import LogPoller
from exporter.notices import Notices
from exporter.resources.lifecycle import LifecycleMetrics
from exporter.resources.metrics_store import MetricsStore
from lab.kubeconfig import kubeconfig

_ROUNDS = 3
_PODS_PER_NODE = 20
_LINE = {"type": "assistant", "message": {"id": "m", "content": [{"type": "text", "text": "x" * 900}]}}


def main() -> None:
    """Prints the CPU seconds of this process in each round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=200)
    parser.add_argument("--lines", type=int, default=6, help="new lines of each log in a minute")
    given = parser.parse_args()
    command = [sys.executable, "-c", f"from bench.logs import serve; serve({given.lines})"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            asyncio.run(_measure(server.stdout.readline().strip(), given.pods))
        finally:
            server.kill()


def serve(lines: int) -> None:
    """Runs the stand-in API server, and prints its URL."""
    asyncio.run(_serve(lines))


async def _serve(lines: int) -> None:
    text = b" " + json.dumps(_LINE).encode() + b"\n"

    async def answer(_: web.Request) -> web.Response:
        second, nanoseconds = divmod(time.time_ns(), 10**9)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        body = b"".join(f"{stamp}.{nanoseconds:09d}Z".encode() + text for _ in range(lines))
        return web.Response(body=body, content_type="text/plain")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


async def _measure(url: str, pods: int) -> None:
    now, formats, store = time.time(), shipped_formats(), _store(pods)

    def clock() -> float:
        return now

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "kubeconfig"
        path.write_text(kubeconfig(url))
        credentials = await Credentials.load(kubeconfig=str(path), context=None)
        async with KubeClient(credentials=credentials) as client:
            poller = LogPoller(
                store=store,
                client=client,
                clock=clock,
                new_reader=lambda cli: LogReader(formats, expected=cli),
                metrics=LogMetrics(CollectorRegistry()),
                notices=Notices(),
            )
            await poller.poll()
            for _ in range(_ROUNDS):
                now += 61
                cpu, wall = time.process_time(), time.monotonic()
                await poller.poll()
                cpu, wall = time.process_time() - cpu, time.monotonic() - wall
                read = ", ".join(f"{number} {state}" for state, number in poller.states.items() if number)
                print(f"{cpu:.2f} s CPU, {cpu / pods * 1000:.2f} ms each, {wall:.1f} s: {read}")


def _store(pods: int) -> MetricsStore:
    """A store with that many running Pods of Jobs."""
    cache = ObjectCache(thresholds=Thresholds())
    history = LifecycleMetrics(cache=cache, registry=CollectorRegistry())
    recorder = FlightRecorder(cache, started=0.0)
    store = MetricsStore(cache=cache, lifecycle=history, has_synced=lambda _: True, recorder=recorder, has_logs=True)
    jobs = [Job(uid=f"j{number}", namespace="n", name=f"j{number}") for number in range(pods)]
    store.replace(JOBS, "*", {job.uid: job for job in jobs})
    for number, job in enumerate(jobs):
        main_one = Container(name="main", role="main", state="running", id=f"c{number}")
        node = f"node-{number // _PODS_PER_NODE}"
        pod = Pod(
            uid=f"p{number}",
            namespace="n",
            name=f"p{number}",
            owner=job.uid,
            phase="Running",
            node=node,
            containers=(main_one,),
        )
        store.put_pod("*", pod.uid, pod)
    return store


if __name__ == "__main__":
    main()
