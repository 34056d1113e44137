"""Runs a real cluster on loopback to experiment with, until Ctrl-C: `make cluster`.

It consists of etcd, kube-apiserver, kube-controller-manager and kwok, and the simulated agent platform of the demo:
each CodeRun gets a Job, whose pod runs as long as an annotation of the CodeRun says.
"""

import argparse
import pathlib
import shutil
import signal
import sys
import tempfile
import threading

import yaml

from lab.components import CLUSTER, MissingComponentError, component
from lab.controlplane.live import LivePlatform
from lab.controlplane.nodes import Nodes
from lab.controlplane.plane import ControlPlane
from lab.platform.manifests import NAMESPACE, RunSpec, coderun, configmap_name

_ORDERS = (
    RunSpec(task=1, agent="Rex", work_seconds=20),
    RunSpec(task=2, agent="Cleo", cli="codex", work_seconds=300),
    RunSpec(task=3, agent="Tess", cli="factory", work_seconds=30, exits=("never",)),
)
_EXAMPLE = RunSpec(task=4, agent="Rex", work_seconds=60)


def main() -> int:
    """Returns 0 after Ctrl-C or SIGTERM, 2 if a component is missing."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    try:
        binaries = [component(name) for name in (*CLUSTER, "kubectl")]
    except MissingComponentError as error:
        print(f"make cluster: {error}", file=sys.stderr)
        return 2
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    folder = pathlib.Path(tempfile.mkdtemp(prefix="coderun-cluster-"))
    try:
        _run(folder, binaries, stop)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _run(folder: pathlib.Path, binaries: list[pathlib.Path], stop: threading.Event) -> None:
    etcd, kube_apiserver, kube_controller_manager, kwok, kubectl = binaries
    plane = ControlPlane(folder, etcd=etcd, kube_apiserver=kube_apiserver)
    nodes = Nodes(plane, folder / "nodes", kube_controller_manager=kube_controller_manager, kwok=kwok)
    try:
        print("starting etcd, kube-apiserver, kube-controller-manager and kwok ...", flush=True)
        plane.start()
        nodes.start()
        example = folder / "coderun.yaml"
        example.write_text(yaml.safe_dump(coderun(_EXAMPLE), sort_keys=False))
        with LivePlatform(plane, say=lambda line: print(line, flush=True)) as platform:
            platform.do(lambda platform: platform.order(_ORDERS))
            print(_instructions(plane, kubectl, example), flush=True)
            stop.wait()
    finally:
        nodes.stop()
        plane.stop()
    print("\nthe cluster is stopped, and its files are removed")


def _instructions(plane: ControlPlane, kubectl: pathlib.Path, example: pathlib.Path) -> str:
    templates, run = configmap_name("claude"), _ORDERS[-1].name
    return f"""
The cluster runs, with {len(_ORDERS)} CodeRuns in namespace {NAMESPACE}; the agent of {run} will not exit.
In another terminal:

  export KUBECONFIG={plane.admin_kubeconfig}
  {kubectl} -n {NAMESPACE} get coderuns,jobs,pods
  {pathlib.Path(sys.executable).with_name("coderun-exporter")} run --web.listen-address=127.0.0.1:10911
  {kubectl} create -f {example}
  {kubectl} -n {NAMESPACE} patch configmap {templates} --type=merge -p '{{"data":null,"binaryData":null}}'

`create` creates one more CodeRun; for others, copy the file and change metadata.name. `patch` empties the templates,
as in the incident. Ctrl-C stops the cluster."""


if __name__ == "__main__":
    sys.exit(main())
