"""Measures how long the initial lists block the event loop: `python -m bench.pause [RUNS]`.

RUNS is the number of CodeRuns; each has a Job. The stand-in API server is a separate process; the exporter runs in
this one. A task that repeatedly sleeps for a millisecond measures the pauses, as CPU time of the thread and as
wall-clock time.
"""

import argparse
import asyncio
import gc
import pathlib
import tempfile
import time

from bench.servers import stand_in
from exporter.app import App, serve
from exporter.config import Kubernetes, Settings, Web

_SLEEP_SECONDS = 0.001
_MAX_PAUSES = 8


async def _tick(pauses: list[tuple[float, float, float]], started: float) -> None:
    while True:
        wall, cpu = time.perf_counter(), time.thread_time()
        await asyncio.sleep(_SLEEP_SECONDS)
        now = time.perf_counter()
        pauses.append((time.thread_time() - cpu, now - wall, now - started))


async def _until_rendered(app: App) -> None:
    while not (app.health.is_ready() and app.store.complete):
        await asyncio.sleep(0.05)


async def main(runs: int) -> None:
    """Prints the longest pauses until the initial lists have completed."""
    with tempfile.TemporaryDirectory() as folder:
        async with stand_in(runs, pathlib.Path(folder)) as api:
            settings = Settings(
                kubernetes=Kubernetes(kubeconfig=str(api.kubeconfig)), web=Web(listen_addresses=("127.0.0.1:0",))
            )
            pauses: list[tuple[float, float, float]] = []
            started = time.perf_counter()
            gc_times: list[float] = []
            gc.callbacks.append(lambda phase, _: gc_times.append(time.thread_time() * (1 if phase == "stop" else -1)))
            ticking = asyncio.create_task(_tick(pauses, started))
            async with serve(settings) as app:
                gc.freeze()  # as `run` does
                await _until_rendered(app)
                ready = time.perf_counter() - started
                await asyncio.sleep(1.0)
                ticking.cancel()
            longest = [
                f"{cpu * 1000:.0f} ms (wall {wall * 1000:.0f}) at {at:.1f} s"
                for cpu, wall, at in sorted(pauses, reverse=True)[:_MAX_PAUSES]
            ]
            gc_pauses = (a + b for a, b in zip(gc_times[::2], gc_times[1::2], strict=False))
            collections = sorted(gc_pauses, reverse=True)[:3]
            print(f"{runs} CodeRuns and {runs} Jobs, initial lists complete after {ready:.1f} s")
            print("longest pauses: " + ", ".join(longest))
            print("longest garbage collections: " + ", ".join(f"{seconds * 1000:.0f} ms" for seconds in collections))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="?", type=int, default=200_000)
    asyncio.run(main(parser.parse_args().runs))
