"""`make cluster` starts a real cluster, and prints commands for the user."""

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
    """A cluster that is ready."""
    root = pathlib.Path(__file__).resolve().parents[2]
    process = Process(sys.executable, "-m", "tools.cluster", folder=root, log=tmp_path / "out")
    try:
        until(lambda: "Ctrl-C stops the cluster" in process.log.read_text(), what="it is ready", seconds=90)
        yield process
    finally:
        process.stop()


def test_its_commands_work_and_ctrl_c_removes_everything(cluster: Process, tmp_path: pathlib.Path):
    """Each run has a Job with a running pod that has a log. After Ctrl-C no process and no file remains.

    A run that a user creates gets a Job. An invalid run is named, and the others continue.
    """
    kubeconfig = re.findall(r"KUBECONFIG=(\S+)", cluster.log.read_text())[0]

    def kubectl(*args: str) -> str:
        argv = [component("kubectl"), "-n", "agent-platform", *args]
        environment = os.environ | {"KUBECONFIG": kubeconfig}
        return subprocess.run(argv, env=environment, check=True, capture_output=True, text=True, timeout=30).stdout

    def pods() -> list[dict[str, Any]]:
        return json.loads(kubectl("get", "pods", "-o", "json"))["items"]

    until(lambda: [pod["status"]["phase"] for pod in pods()].count("Running") == 3, what="three pods run")
    assert len(kubectl("get", "coderuns,jobs", "-o", "name").splitlines()) == 6
    assert kubectl("logs", pods()[0]["metadata"]["name"]) == "the agent begins\n"

    (example,) = re.findall(r"kubectl create -f (\S+)", cluster.log.read_text())
    invalid = tmp_path / "invalid.yaml"
    invalid.write_text("{apiVersion: agents.platform/v1, kind: CodeRun, metadata: {name: invalid}, spec: {}}")
    kubectl("create", "-f", str(invalid))
    expected = "the controller cannot handle CodeRun invalid: its spec has no 'contextVersion'\n"
    until(lambda: expected in cluster.log.read_text(), what="the invalid run is named")
    kubectl("create", "-f", example)
    until(
        lambda: [pod["status"]["phase"] for pod in pods()].count("Running") == 4,
        what="the run of the user has a running pod",
    )
    assert cluster.log.read_text().count(expected) == 1

    cluster.signal(signal.SIGINT)
    until(lambda: not cluster.running(), what="the command ends")
    assert cluster.log.read_text().endswith("the cluster is stopped, and its files are removed\n")
    assert not pathlib.Path(kubeconfig).parent.exists()
    out = subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True).stdout
    assert str(pathlib.Path(kubeconfig).parent) not in out
