"""Measures the exporter for docs/performance.md: `make bench`, `make bench BENCH="--objects 20000 --real"`.

`--grow 1000,5000,20000,100000` measures several sizes. `beside.py` compares the exporter with kube-state-metrics. On
a busy machine, wall-clock times vary more than CPU times.
"""

import argparse
import asyncio
import compileall
import contextlib
import os
import pathlib
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator

from bench.servers import Api, real, stand_in
from lab.measure import Scrape, Subject

_EXPORTER = pathlib.Path(__file__).parents[1] / "exporter"
_LOAD_SECONDS = 60
_SCRAPE_SECONDS = 15
_MIN_SAMPLES = 10
"""The minimum number of samples for a CodeRun and its Job. A scrape with fewer samples is incomplete."""
_POD_SETTINGS = """\
coderuns:
  kinds:
    - resource: coderuns.v1.agents.platform
      worker:
        is: Pod
        selector: app=controller
        container: claude-code
        reported: .status.jobName
        about:
          agent: {path: .metadata.labels.github-user, after: "-"}
          service: .metadata.labels.service
          task_id: .metadata.labels.task-id
          attempt: .metadata.labels.context-version
"""
_DELAYS = ("0.001", "0.005", "0.01", "0.05", "0.1", "0.5", "1.0", "5.0", "+Inf")


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=20000, help="CodeRuns, and as many Jobs (default 20000)")
    parser.add_argument("--rate", type=int, default=200, help="changes a second under load (default 200)")
    parser.add_argument("--seconds", type=int, default=_LOAD_SECONDS, help="duration of the load (default 60)")
    parser.add_argument("--real", action="store_true", help="use a real etcd and kube-apiserver, not the stand-in")
    parser.add_argument(
        "--pods", action="store_true", help="add a column with Pods instead of Jobs; only with the stand-in"
    )
    parser.add_argument(
        "--grow", metavar="N,N,...", help="print a column for each of these sizes, instead of --objects"
    )
    arguments = parser.parse_args()
    sizes = [int(size) for size in (arguments.grow or str(arguments.objects)).split(",")]
    kind = "kube-apiserver and etcd" if arguments.real else "the stand-in API server"
    print(f"as many Jobs as CodeRuns on {kind}; {os.cpu_count()} cores\n")
    columns: dict[str, dict[str, str]] = {}
    for arguments.objects in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            columns |= asyncio.run(_bench(arguments, pathlib.Path(folder)))
        if arguments.pods:
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                columns |= asyncio.run(_bench(arguments, pathlib.Path(folder), worker="Pod"))
    print_table(columns)
    return 0


async def _bench(
    arguments: argparse.Namespace, folder: pathlib.Path, *, worker: str = "Job"
) -> dict[str, dict[str, str]]:
    """The column of the table for one size."""
    size = arguments.objects
    async with real(size, folder) if arguments.real else stand_in(size, folder, worker=worker) as api:
        port = free_port()
        argv = [sys.executable, "-m", "exporter", "run", "--log.level=warn"]
        argv += [f"--kubeconfig={api.kubeconfig}", f"--web.listen-address=127.0.0.1:{port}"]
        if worker == "Pod":
            settings = folder / "exporter.yml"
            settings.write_text(_POD_SETTINGS)
            argv.append(f"--config.file={settings}")
        head = f"{arguments.objects} + {arguments.objects}{' Pods' if worker == 'Pod' else ''}"
        return {head: await _measure(argv, port, api, arguments)}


async def _measure(argv: list[str], port: int, api: Api, arguments: argparse.Namespace) -> dict[str, str]:
    async with started(argv, port) as subject:
        rows: dict[str, str] = {}
        await subject.until_ready()
        wall = await subject.until_whole(samples=_MIN_SAMPLES * arguments.objects)
        rows["first complete scrape: wall-clock time"] = f"{wall:.1f} s"
        rows["first complete scrape: CPU time"] = f"{(cpu := subject.cpu_seconds()):.1f} s"
        rows["first complete scrape: CPU time per CodeRun and Job"] = f"{cpu / arguments.objects * 1e6:.0f} µs"
        rows["peak memory until then"] = f"{subject.memory_mib(peak=True):.0f} MiB"
        response = await subject.scrape()
        rows["event loop delay until then, maximum"] = _longest_delay(response)
        rows["samples; uncompressed size; gzip size"] = (
            f"{response.samples}; {len(response.body) / 1e6:.1f} MB; {response.wire / 1e6:.2f} MB"
        )
        for name, packed, times in (("gzip", True, 20), ("uncompressed", False, 5)):
            cpu = subject.cpu_seconds()
            median = await subject.median_scrape(packed=packed, times=times)
            cpu = (subject.cpu_seconds() - cpu) / times
            rows[f"{name} scrape without load, median of {times}; CPU time of one"] = (
                f"{median * 1e3:.0f}; {cpu * 1e3:.0f} ms"
            )
        rows |= await _under_load(subject, api, arguments)
        rows["memory after the load: now; peak"] = (
            f"{subject.memory_mib():.0f}; {subject.memory_mib(peak=True):.0f} MiB"
        )
        rows["from a change to the cache: p50; p99; maximum"] = await _latency(subject, api)
    return rows


async def _under_load(subject: Subject, api: Api, arguments: argparse.Namespace) -> dict[str, str]:
    """The rows for the time under load: half of the changes are to CodeRuns, half to Jobs. Scrapes every 15 s."""
    before = await subject.scrape()
    stop = asyncio.Event()
    writer = asyncio.create_task(change(api, arguments, stop))
    cpu, started_at, scrapes = subject.cpu_seconds(), time.perf_counter(), []
    while time.perf_counter() - started_at < arguments.seconds:
        await asyncio.sleep(_SCRAPE_SECONDS)
        scrapes.append((await subject.scrape()).seconds)
    used, took = subject.cpu_seconds() - cpu, time.perf_counter() - started_at
    after = await subject.scrape()
    stop.set()
    made = await writer
    rate = made / (time.perf_counter() - started_at)
    return {
        f"changes/s, of {arguments.rate}": f"{rate:.0f}/s",
        "CPU under that load": f"{used / took * 100:.0f} % of a core",
        "CPU for each change, scrapes included": f"{used / took / rate * 1e3:.2f} ms",
        "gzip scrape under that load, median": f"{statistics.median(scrapes) * 1e3:.0f} ms",
        "event loop delay under that load, maximum": _longest_delay(after, before),
    }


def _longest_delay(response: Scrape, before: Scrape | None = None) -> str:
    """The bucket of the longest delay of the event loop, since the scrape `before` if it is given."""
    name = "coderun_exporter_event_loop_delay_seconds_bucket"
    late = {bound: response.value(f'{name}{{le="{bound}"}}') for bound in _DELAYS}
    if before is not None:
        late = {bound: late[bound] - before.value(f'{name}{{le="{bound}"}}') for bound in _DELAYS}
    most = next(bound for bound in _DELAYS if late[bound] == late["+Inf"])
    return f"<= {most} s ({late['+Inf']:.0f} samples)"


async def change(api: Api, arguments: argparse.Namespace, stop: asyncio.Event) -> int:
    """Changes objects at a rate until `stop` is set. Returns the number of changes."""
    made, started_at, flipped = 0, time.perf_counter(), set[tuple[int, int]]()
    rng = random.Random(1)  # noqa: S311
    async with asyncio.TaskGroup() as tasks:
        while not stop.is_set():
            due = int((time.perf_counter() - started_at) * arguments.rate)
            for _ in range(due - made):
                index = rng.randrange(arguments.objects)
                flipped ^= {(made % 2, index)}
                flip = (made % 2, index) in flipped  # so that each write changes a value
                change = (
                    api.change_run(index, "Pending" if flip else "Running")
                    if made % 2
                    else api.change_job(index, int(not flip))
                )
                tasks.create_task(change)
                made += 1
            await asyncio.sleep(0.01)
    return made


async def _latency(subject: Subject, api: Api, *, times: int = 200) -> str:
    """The time from the response to a write, when the API server has stored it, to the update of the exporter."""
    name = 'coderun_exporter_resource_last_event_timestamp_seconds{resource="coderuns",scope="*"}'
    late = []
    for index in range(times):
        await api.change_run(index, "Succeeded")
        answered = time.time()
        await asyncio.sleep(0.2)
        late.append(max(0.0, (await subject.scrape()).value(name) - answered) * 1e3)
    late.sort()
    return f"{late[len(late) // 2]:.1f}; {late[int(len(late) * 0.99) - 1]:.1f}; {late[-1]:.1f} ms"


@contextlib.asynccontextmanager
async def started(argv: list[str], port: int) -> AsyncIterator[Subject]:
    """Runs a process that serves metrics on this port of loopback, until the context exits."""
    compileall.compile_dir(_EXPORTER, quiet=1)  # the image contains the bytecode too
    process = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield Subject(pid=process.pid, host=f"127.0.0.1:{port}")
    finally:
        process.terminate()
        await process.wait()


def free_port() -> int:
    """A free port of loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def print_table(columns: dict[str, dict[str, str]]) -> None:
    """Prints the columns as a Markdown table."""
    print("| | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for row in dict.fromkeys(row for column in columns.values() for row in column):
        print(f"| {row} | " + " | ".join(column.get(row, "-") for column in columns.values()) + " |")


if __name__ == "__main__":
    sys.exit(main())
