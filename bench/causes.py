"""Measures the cost of reading Pods and Events: CPU and memory with and without them (`python -m bench.causes`).

The cluster has 20,000 CodeRuns with their Jobs in 10 namespaces; 500 are open and have a pod. The load consists of
changes of open runs, Jobs and pods, and of Events, half of which are about these pods. Its default is that of runs
that take 20 minutes: 0.4 of 500 start every second, and a run, its Job and its pod change about five times each.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import itertools
import json
import pathlib
import random
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from typing import Any

from bench.bench import free_port, print_table, started
from bench.servers import kubeconfig_of
from lab.apiserver import StandInApiServer
from lab.workload import coderun, crd, job, pod

_NAMESPACES = 10
_SETTLE_SECONDS = 20  # the watches of Events start 10 s after the initial lists
_MIN_SAMPLES = 10
_TICKS = 10  # a second: a change each at low rates, as in a cluster
_STEPS = ("scheduled", "creating", "running", "with an address", "restarted")


def main() -> int:
    """Prints the table. With `--serve`, runs the stand-in API server instead."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=20000, help="CodeRuns, and as many Jobs (default 20000)")
    parser.add_argument("--open", type=int, default=500, help="open CodeRuns, each with a pod (default 500)")
    parser.add_argument("--rate", type=int, default=6, help="changes of runs, Jobs and pods a second (default 6)")
    parser.add_argument("--events", type=int, default=1, help="Events a second (default 1)")
    parser.add_argument("--seconds", type=int, default=120, help="duration of the load (default 120)")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(_serve(arguments))
        return 0
    off, on = (asyncio.run(_measure(arguments, enabled=enabled)) for enabled in (False, True))
    ratios = {name: f"{on[name] / off[name]:.2f}" for name in off}
    print_table({"without": _format_values(off), "with Pods and Events": _format_values(on), "ratio": ratios})
    return 0


def _format_values(values: dict[str, float]) -> dict[str, str]:
    return {name: f"{value:.2f}" for name, value in values.items()}


async def _measure(arguments: argparse.Namespace, *, enabled: bool) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = pathlib.Path(name)
        async with _api(arguments, folder) as load:
            (folder / "exporter.yml").write_text(
                json.dumps({"pods": {"enabled": enabled}, "events": {"enabled": enabled}})
            )
            port = free_port()
            argv = [sys.executable, "-m", "exporter", "run", "--log.level=warn"]
            argv += [f"--kubeconfig={folder / 'kubeconfig'}", f"--config.file={folder / 'exporter.yml'}"]
            async with started([*argv, f"--web.listen-address=127.0.0.1:{port}"], port) as subject:
                await subject.until_ready()
                await subject.until_whole(samples=_MIN_SAMPLES * arguments.open)
                await asyncio.sleep(_SETTLE_SECONDS)
                rows = {"CPU until all is read, s": subject.cpu_seconds()}
                rows["memory then, MiB"] = subject.memory_mib()
                load()
                before = subject.cpu_seconds()
                for _ in range(arguments.seconds // 15):
                    await asyncio.sleep(15)
                    response = await subject.scrape()
                rows["CPU under load, % of a core"] = (subject.cpu_seconds() - before) / arguments.seconds * 100
                rows["memory after the load, MiB"] = subject.memory_mib()
                rows["peak memory, MiB"] = subject.memory_mib(peak=True)
                if enabled:
                    shown = response.body.decode().splitlines()
                    print("\n".join(line for line in shown if line.startswith("coderun_exporter_events_")))
                return rows


@contextlib.asynccontextmanager
async def _api(arguments: argparse.Namespace, folder: pathlib.Path) -> AsyncIterator[Any]:
    argv = [sys.executable, "-m", "bench.causes", "--serve"]
    argv += [f"--{name}={getattr(arguments, name)}" for name in ("objects", "open", "rate", "events")]
    pipe = subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url = (await process.stdout.readline()).decode().strip()
        (folder / "kubeconfig").write_text(kubeconfig_of(url))
        yield lambda: process.stdin.write(b"load\n")
    finally:
        process.kill()
        await process.wait()


async def _serve(arguments: argparse.Namespace) -> None:
    """Serves objects, and changes them without end after a line has arrived on standard input."""
    server = StandInApiServer()
    server.load([_namespace(number) for number in range(_NAMESPACES)])
    server.load([crd()])
    cluster = _Cluster(arguments.objects, arguments.open)
    server.load(cluster.objects())
    print(await server.start(), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    changes, events = cluster.changes(), cluster.events()
    for tick in itertools.count():
        for source, rate in ((changes, arguments.rate), (events, arguments.events)):
            server.load(itertools.islice(source, rate * (tick + 1) // _TICKS - rate * tick // _TICKS))
        await asyncio.sleep(1 / _TICKS)


@dataclasses.dataclass(frozen=True)
class _Cluster:
    """The objects of the cluster: `size` runs, of which the first `open` are open."""

    size: int
    open: int

    def objects(self) -> Iterator[dict[str, Any]]:
        """The initial objects."""
        for index in range(self.size):
            is_open = index < self.open
            run = _in_namespace(coderun(index), index)
            yield run if is_open else run | {"status": run["status"] | {"phase": "Succeeded"}}
            work = _in_namespace(job(index), index)
            ended = {"startTime": run["status"]["lastUpdate"], "completionTime": run["status"]["lastUpdate"]}
            ended["conditions"] = [{"type": "Complete", "status": "True"}]
            yield work if is_open else work | {"status": ended}
        yield from (self._pod(index, 0) for index in range(self.open))

    def changes(self) -> Iterator[dict[str, Any]]:
        """Changed open runs, Jobs and pods, in turns, without end."""
        rng = random.Random(1)  # noqa: S311
        for number in itertools.count():
            index = rng.randrange(self.open)
            run, work = _in_namespace(coderun(index), index), _in_namespace(job(index), index)
            flip = number // 3 % 2
            yield run | {"status": run["status"] | {"message": str(number)}}
            yield work | {"status": work["status"] | {"ready": flip}}
            yield self._pod(index, number)

    def events(self) -> Iterator[dict[str, Any]]:
        """Warnings about the pods and about other pods, in turns, without end. Their text is that of a real Event."""
        for number in itertools.count():
            index = number // 2 % max(1, self.open // 10)  # Events are about a tenth of the pods
            about = self._pod(index, 0)["metadata"]
            uid = about["uid"] if number % 2 else f"other-{number}"
            yield {
                "apiVersion": "events.k8s.io/v1",
                "kind": "Event",
                "metadata": {"name": f"e{number % 5000}", "namespace": about["namespace"]},
                "type": "Warning",
                "reason": "FailedMount",
                "note": f'MountVolume.SetUp failed for volume "task-files" : configmap "task-{number}" not found',
                "regarding": {"kind": "Pod", "namespace": about["namespace"], "name": about["name"], "uid": uid},
                "deprecatedLastTimestamp": "2026-01-01T10:00:00Z",
                "deprecatedCount": number,
            }

    def _pod(self, index: int, number: int) -> dict[str, Any]:
        item, owner = _in_namespace(pod(index), index), job(index)["metadata"]
        item["metadata"] |= {"name": f"{owner['name']}-x", "labels": {"job-name": owner["name"]}}
        reference = {"apiVersion": "batch/v1", "kind": "Job", "name": owner["name"], "uid": owner["uid"]}
        item["metadata"] |= {"ownerReferences": [reference | {"controller": True}]}
        step = number % len(_STEPS)
        if number and step < _STEPS.index("running"):
            states = [{"name": "claude-code", "state": {"waiting": {"reason": "ContainerCreating"}}}] * step
            item["status"] = {"phase": "Pending", "containerStatuses": states}
        item["status"] |= {"podIP": f"10.0.0.{step}"}
        item["status"]["containerStatuses"] = [
            one | {"restartCount": int(_STEPS[step] == "restarted")} for one in item["status"]["containerStatuses"]
        ]
        return item


def _in_namespace(item: dict[str, Any], index: int) -> dict[str, Any]:
    return item | {"metadata": item["metadata"] | {"namespace": f"agents-{index % _NAMESPACES}"}}


def _namespace(number: int) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"agents-{number}"}}


if __name__ == "__main__":
    sys.exit(main())
