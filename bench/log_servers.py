"""Measures what reading logs costs the servers: `python -m bench.log_servers --pods 200 --minutes 3 --rounds 2`.

A real kube-apiserver, and kwok, which reads the log files with the code of the kubelet. Each Job has a running Pod,
whose log gets `--lines` new lines of 1 kB a minute. The exporter runs with and without `logs.enabled` in turns; the
difference is the cost.
"""

import argparse
import contextlib
import json
import pathlib
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any

from lab.components import component
from lab.controlplane.nodes import Nodes
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.exporting import Exporter
from lab.measure import Subject
from lab.waiting import until

_NAMESPACE = "bench"
_SETTLE_SECONDS = 30.0
_LINE = json.dumps({"type": "assistant", "message": {"content": [{"type": "text", "text": "x" * 900}]}})
_MAIN = {"name": "main", "image": "agent:1"}


def main() -> None:
    """Prints the CPU of each server in each round, as a percentage of a core."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=200)
    parser.add_argument("--lines", type=int, default=6, help="new lines of each log in a minute")
    parser.add_argument("--minutes", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, _cluster(pathlib.Path(name)) as (plane, nodes):
        _fill(plane, given.pods)
        with _writing(nodes.log_file, lines=given.lines):
            for number in range(given.rounds):
                for enabled in (False, True):
                    folder = pathlib.Path(name) / f"exporter-{number}-{enabled}"
                    print(_measure(plane, nodes, folder, enabled=enabled, seconds=60 * given.minutes), flush=True)


@contextlib.contextmanager
def _cluster(folder: pathlib.Path) -> Iterator[tuple[ControlPlane, Nodes]]:
    binaries = {name: component(name) for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kwok")}
    plane = ControlPlane(folder, etcd=binaries["etcd"], kube_apiserver=binaries["kube-apiserver"])
    nodes = Nodes(
        plane,
        folder / "nodes",
        kube_controller_manager=binaries["kube-controller-manager"],
        kwok=binaries["kwok"],
    )
    try:
        plane.start()
        nodes.start()
        yield plane, nodes
    finally:
        nodes.stop()
        plane.stop()


def _fill(plane: ControlPlane, pods: int) -> None:
    """Creates runs and Jobs, and waits until their Pods run."""
    place = PlatformNamespace(plane, _NAMESPACE).open()
    place.ask("POST", f"/api/v1/namespaces/{_NAMESPACE}/serviceaccounts", {"metadata": {"name": "default"}})
    for number in range(pods):
        place.make_job(place.make_run(f"r{number}"), made=_job)
    path = f"/api/v1/namespaces/{_NAMESPACE}/pods?fieldSelector=status.phase%3DRunning"
    until(lambda: len(plane.request("GET", path)[1]["items"]) == pods, what="all Pods run", seconds=300)


def _job(name: str, **metadata: Any) -> dict[str, Any]:
    template = {
        "metadata": {"annotations": {"demo/work-seconds": "86400"}},
        "spec": {"restartPolicy": "Never", "containers": [_MAIN]},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, **metadata},
        "spec": {"template": template},
    }


@contextlib.contextmanager
def _writing(log: pathlib.Path, *, lines: int) -> Iterator[None]:
    """Appends lines to the log of all Pods."""
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(60 / lines):
            second, nanoseconds = divmod(time.time_ns(), 10**9)
            stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(second))}.{nanoseconds:09d}Z"
            with log.open("a") as out:
                out.write(f"{stamp} stdout F {_LINE}\n")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _measure(plane: ControlPlane, nodes: Nodes, folder: pathlib.Path, *, enabled: bool, seconds: float) -> str:
    settings = {"namespaces": [_NAMESPACE], "configmaps": {"required": []}, "logs": {"enabled": enabled}}
    with Exporter(folder, kubeconfig=pathlib.Path(plane.admin_kubeconfig), settings=settings) as exporter:
        time.sleep(_SETTLE_SECONDS)
        pids = {"kube-apiserver": plane.api_server_pid, "kwok": nodes.kwok_pid, "exporter": exporter.pid}
        servers = {name: Subject(pid=pid, host=exporter.address) for name, pid in pids.items()}
        before = {name: server.cpu_seconds() for name, server in servers.items()}
        requests = _requests(exporter)
        time.sleep(seconds)
        cpu = {name: (server.cpu_seconds() - before[name]) / seconds for name, server in servers.items()}
        count = _requests(exporter) - requests
    parts = ", ".join(f"{name} {share:.2%}" for name, share in cpu.items())
    return f"logs {'on' if enabled else 'off'}: {parts} of a core; {60 * count / seconds:.0f} reads a minute"


def _requests(exporter: Exporter) -> float:
    lines = exporter.get().text.splitlines()
    name = 'coderun_exporter_log_requests_total{code="200"} '
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


if __name__ == "__main__":
    main()
