"""Compares the exporter with kube-state-metrics: `make beside`, `make beside BESIDE="--objects 100000 --minutes 20"`.

Both read from one real API server. First each program is started alone, in turns, and its CPU time until it is idle
is measured. Then both run at the same time under load, with a scrape every 15 s, and the CPU time of an hour is
extrapolated from the measured minutes. CPU time is the user and system time of the process in /proc.
"""

import argparse
import asyncio
import contextlib
import os
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator

from bench.bench import change, free_port, print_table, started
from bench.servers import Api, real
from lab.components import component
from lab.measure import Subject

_CRS = pathlib.Path(__file__).parents[1] / "deploy/kube-state-metrics/custom-resource-state.yaml"
_SCRAPE_SECONDS = 15
_EXPORTER, _PEER = "exporter", "kube-state-metrics"
_MIN_SAMPLES = {_EXPORTER: 10, _PEER: 19}
"""The minimum number of samples for a CodeRun and its Job. A scrape with fewer samples is incomplete."""


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=20000, help="CodeRuns, and as many Jobs (default 20000)")
    parser.add_argument("--starts", type=int, default=2, help="starts of each program (default 2)")
    parser.add_argument("--scrapes", type=int, default=20, help="scrapes without load after each start (default 20)")
    parser.add_argument("--minutes", type=float, default=10, help="duration of the load (default 10)")
    parser.add_argument("--rate", type=int, default=20, help="changes a second under load (default 20)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        columns = asyncio.run(_bench(arguments, pathlib.Path(folder)))
    print_table(columns)
    return 0


async def _bench(arguments: argparse.Namespace, folder: pathlib.Path) -> dict[str, dict[str, str]]:
    columns: dict[str, dict[str, str]] = {_EXPORTER: {}, _PEER: {}}
    async with real(arguments.objects, folder) as api:
        print(f"{arguments.objects} CodeRuns and as many Jobs; {_machine()}", flush=True)
        for number in range(1, arguments.starts + 1):
            for name in columns:
                async with _run(name, api) as subject:
                    rows = await _start(name, subject, arguments, f", start {number}")
                print(f"{name}: {rows}; {_machine()}", flush=True)
                columns[name] |= rows
        async with _run(_EXPORTER, api) as ours, _run(_PEER, api) as peer:
            await asyncio.gather(ours.until_idle(), peer.until_idle())
            loaded = await _load({_EXPORTER: ours, _PEER: peer}, api, arguments)
        print(_machine())
    return {name: column | loaded[name] for name, column in columns.items()}


def _machine() -> str:
    return f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"


@contextlib.asynccontextmanager
async def _run(name: str, api: Api) -> AsyncIterator[Subject]:
    port, own = free_port(), free_port()
    if name == _EXPORTER:
        argv = [sys.executable, "-m", "exporter", "run", "--log.level=warn"]
        argv += [f"--kubeconfig={api.kubeconfig}", f"--web.listen-address=127.0.0.1:{port}"]
    else:
        argv = [str(component(_PEER)), f"--kubeconfig={api.kubeconfig}", f"--port={port}", f"--telemetry-port={own}"]
        argv += ["--host=127.0.0.1", "--telemetry-host=127.0.0.1", "--resources=jobs", "--enable-gzip-encoding"]
        argv += [f"--custom-resource-state-config-file={_CRS}"]
    async with started(argv, port) as subject:
        yield subject


async def _start(name: str, subject: Subject, arguments: argparse.Namespace, which: str) -> dict[str, str]:
    """The rows of one start. If the first scrape is incomplete, the program only waited for the API server: retry."""
    while True:
        wall, cpu = await subject.until_idle()
        peak = subject.memory_mib(peak=True)
        response = await subject.scrape()
        if response.samples >= _MIN_SAMPLES[name] * arguments.objects:
            break
        print(f"{name} was idle with {response.samples} samples: waiting again", flush=True)
    before = subject.cpu_seconds()
    scrapes = [(await subject.scrape()).seconds for _ in range(arguments.scrapes)]
    each = (subject.cpu_seconds() - before) / len(scrapes)
    return {
        f"CPU time until idle{which}": f"{cpu:.2f} s",
        f"wall-clock time until idle{which}": f"{wall:.1f} s",
        f"peak memory until idle{which}": f"{peak:.0f} MiB",
        f"gzip scrape without load, median; CPU time of one{which}": (
            f"{statistics.median(scrapes) * 1e3:.1f}; {each * 1e3:.1f} ms"
        ),
        "samples; uncompressed size; gzip size": (
            f"{response.samples}; {len(response.body) / 1e6:.1f}; {response.wire / 1e6:.1f} MB"
        ),
    }


async def _load(subjects: dict[str, Subject], api: Api, arguments: argparse.Namespace) -> dict[str, dict[str, str]]:
    """The rows under load, for both programs at the same time: half of the changes are to CodeRuns, half to Jobs."""
    stop = asyncio.Event()
    started_at = time.perf_counter()
    writer = asyncio.create_task(change(api, arguments, stop))
    rows = await asyncio.gather(*(_scrape_rows(subject, minutes=arguments.minutes) for subject in subjects.values()))
    stop.set()
    made = await writer
    rate = {"changes/s": f"{made / (time.perf_counter() - started_at):.1f}"}
    return {name: rate | found for name, found in zip(subjects, rows, strict=True)}


async def _scrape_rows(subject: Subject, *, minutes: float) -> dict[str, str]:
    """The rows of one program, which is scraped every 15 s. A scrape that takes longer delays the next one."""
    started_at, cpu, seconds = time.perf_counter(), subject.cpu_seconds(), []
    for number in range(1, round(minutes * 60 / _SCRAPE_SECONDS) + 1):
        await asyncio.sleep(max(0.0, started_at + number * _SCRAPE_SECONDS - time.perf_counter()))
        seconds.append((await subject.scrape()).seconds)
    took, used = time.perf_counter() - started_at, subject.cpu_seconds() - cpu
    return {
        "CPU time per hour under load": f"{used / took * 3600:.1f} s",
        "minutes measured; scrapes": f"{took / 60:.1f}; {len(seconds)}",
        "gzip scrape under load, median": f"{statistics.median(seconds) * 1e3:.1f} ms",
        "memory after the load: now; peak": f"{subject.memory_mib():.0f}; {subject.memory_mib(peak=True):.0f} MiB",
    }


if __name__ == "__main__":
    sys.exit(main())
