"""Measures the CPU usage of the API server with and without watches of Events (`python -m bench.events`).

A real etcd and kube-apiserver have 20 namespaces, each with an open run. 100 Warnings a second are written about
these runs, each with a request. The periods alternate: in every second one, the exporter watches Events.
"""

import argparse
import asyncio
import json
import pathlib
import ssl
import sys
import tempfile
import time

import aiohttp

from bench.bench import free_port, started
from lab.components import component
from lab.controlplane.plane import ADMIN_TOKEN, ControlPlane
from lab.measure import Subject
from lab.workload import coderun, crd

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_SETTLE_SECONDS = 20.0


def main() -> int:
    """Prints the CPU usage of the API server in each period, and the share of the watches."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--namespaces", type=int, default=20, help="namespaces, each with a run (default 20)")
    parser.add_argument("--rate", type=int, default=100, help="Events a second (default 100)")
    parser.add_argument("--seconds", type=int, default=30, help="duration of each period (default 30)")
    parser.add_argument("--rounds", type=int, default=2, help="periods with and without (default 2 each)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        plane = ControlPlane(pathlib.Path(folder), etcd=component("etcd"), kube_apiserver=component("kube-apiserver"))
        plane.start()
        try:
            without, watched = asyncio.run(_measure(plane, pathlib.Path(folder), arguments))
        finally:
            plane.stop()
    print(f"without watches of Events: {', '.join(f'{value:.1f}' for value in without)} % of a core")
    print(f"with them: {', '.join(f'{value:.1f}' for value in watched)} % of a core")
    base, total = min(without), min(watched)
    print(f"the watches' share of the CPU usage (lowest periods): {(total - base) / total * 100:.1f} %")
    return 0


async def _measure(
    plane: ControlPlane, folder: pathlib.Path, arguments: argparse.Namespace
) -> tuple[list[float], list[float]]:
    server = Subject(pid=plane.api_server_pid, host="")
    context = ssl.create_default_context(cafile=str(plane.ca))
    connector = aiohttp.TCPConnector(ssl=context, limit=20)
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    found: dict[bool, list[float]] = {False: [], True: []}
    async with aiohttp.ClientSession(plane.url, headers=headers, connector=connector) as session:
        runs = await _fill(session, arguments.namespaces)
        for enabled in (False, True) * arguments.rounds:
            settings = {"pods": {"enabled": False}, "events": {"enabled": enabled}, "configmaps": {"required": []}}
            (folder / "exporter.yml").write_text(json.dumps(settings))
            port = free_port()
            argv = [sys.executable, "-m", "exporter", "run", f"--kubeconfig={plane.admin_kubeconfig}"]
            argv += [f"--config.file={folder / 'exporter.yml'}", f"--web.listen-address=127.0.0.1:{port}"]
            async with started(argv, port) as subject:
                await subject.until_ready()
                await asyncio.sleep(_SETTLE_SECONDS)
                before, started_at = server.cpu_seconds(), time.perf_counter()
                made = await _warn(session, runs, arguments)
                took = time.perf_counter() - started_at
                found[enabled].append((server.cpu_seconds() - before) / took * 100)
                lines = (await subject.scrape()).body.decode().splitlines()
                kept = [line for line in lines if line.startswith("coderun_exporter_events_total")]
                print(f"{made / took:.0f} Events/s, {'; '.join(kept)}", flush=True)
    return found[False], found[True]


async def _fill(session: aiohttp.ClientSession, namespaces: int) -> list[dict[str, str]]:
    """Creates the runs, each in its own namespace. Returns the object references that Events have for them."""
    await _post(session, _CRDS, crd())
    await asyncio.sleep(2)
    runs = []
    for number in range(namespaces):
        space, run = f"agents-{number}", coderun(number)
        await _post(session, "/api/v1/namespaces", {"metadata": {"name": space}})
        run["metadata"] = {key: run["metadata"][key] for key in ("name", "labels")}
        made = await _post(session, f"/apis/agents.platform/v1/namespaces/{space}/coderuns", run)
        meta = made["metadata"]
        about = {"apiVersion": "agents.platform/v1", "kind": "CodeRun", "namespace": space}
        runs.append(about | {"name": meta["name"], "uid": meta["uid"]})
    return runs


async def _warn(session: aiohttp.ClientSession, runs: list[dict[str, str]], arguments: argparse.Namespace) -> int:
    made, started_at = 0, time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        while (passed := time.perf_counter() - started_at) < arguments.seconds:
            for number in range(made, int(passed * arguments.rate)):
                about = runs[number % len(runs)]
                event = {
                    "metadata": {"generateName": "e-"},
                    "type": "Warning",
                    "reason": "Failed",
                    "message": f"attempt {number}: configmap not found",
                    "involvedObject": about,
                    "source": {"component": "bench"},
                }
                tasks.create_task(_post(session, f"/api/v1/namespaces/{about['namespace']}/events", event))
                made += 1
            await asyncio.sleep(0.05)
    return made


async def _post(session: aiohttp.ClientSession, path: str, body: object) -> dict[str, dict[str, str]]:
    async with session.post(path, json=body) as answer:
        if not answer.ok:
            raise RuntimeError(f"POST {path}: {answer.status} {await answer.text()}")
        made: dict[str, dict[str, str]] = await answer.json()
        return made


if __name__ == "__main__":
    sys.exit(main())
