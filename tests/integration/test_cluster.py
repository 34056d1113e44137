"""`make cluster`: a real cluster for a person, who follows what it prints."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from lab.components import CLUSTER, component
from lab.processes import Process
from lab.waiting import until

pytestmark = [pytest.mark.needs(*CLUSTER, "kubectl"), pytest.mark.timeout(120)]


@pytest.fixture
def cluster(tmp_path: pathlib.Path) -> Iterator[Process]:
    """Started, and ready to be used."""
    root = pathlib.Path(__file__).resolve().parents[2]
    process = Process(sys.executable, "-m", "tools.cluster", folder=root, log=tmp_path / "out")
    try:
        until(lambda: "Ctrl-C ends it all" in process.log.read_text(), what="it is ready", seconds=90)
        yield process
    finally:
        process.stop()


def test_its_commands_work_and_nothing_is_left_of_it(cluster: Process, tmp_path: pathlib.Path):
    """Every run has a Job with a pod that runs and has a log; after Ctrl-C neither processes nor files are there.

    One made by hand gets a Job too; one without a field is named, and ends nothing.
    """
    kubeconfig = re.findall(r"KUBECONFIG=(\S+)", cluster.log.read_text())[0]

    def kubectl(*words: str) -> str:
        argv = [component("kubectl"), "-n", "agent-platform", *words]
        environment = os.environ | {"KUBECONFIG": kubeconfig}
        return subprocess.run(argv, env=environment, check=True, capture_output=True, text=True, timeout=30).stdout

    def pods() -> list[dict[str, Any]]:
        return json.loads(kubectl("get", "pods", "-o", "json"))["items"]

    until(lambda: [pod["status"]["phase"] for pod in pods()].count("Running") == 3, what="three pods run")
    assert len(kubectl("get", "coderuns,jobs", "-o", "name").splitlines()) == 6
    assert kubectl("logs", pods()[0]["metadata"]["name"]) == "the agent begins\n"

    (example,) = re.findall(r"kubectl create -f (\S+)", cluster.log.read_text())
    poor = tmp_path / "poor.yaml"
    poor.write_text("{apiVersion: agents.platform/v1, kind: CodeRun, metadata: {name: poor}, spec: {}}")
    kubectl("create", "-f", str(poor))
    said = "the controller cannot handle CodeRun poor: its spec has no 'contextVersion'\n"
    until(lambda: said in cluster.log.read_text(), what="a run that lacks a field is named")
    kubectl("create", "-f", example)
    until(lambda: [pod["status"]["phase"] for pod in pods()].count("Running") == 4, what="the run made by hand runs")
    assert cluster.log.read_text().count(said) == 1

    cluster.signal(signal.SIGINT)
    until(lambda: not cluster.running(), what="it ends")
    assert cluster.log.read_text().endswith("the cluster is gone, and nothing of it is left\n")
    assert not pathlib.Path(kubeconfig).parent.exists()
    out = subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True).stdout
    assert str(pathlib.Path(kubeconfig).parent) not in out
