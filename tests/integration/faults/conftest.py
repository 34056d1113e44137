"""What every fault's test starts from: runs and Jobs on a real API server, and an exporter that reads by a proxy."""

import os
import pathlib
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab.controlplane.plane import EXPORTER_TOKEN, ControlPlane
from lab.controlplane.platform_namespace import CLAUDE, PlatformNamespace
from lab.faults.proxy import FaultProxy
from tests.integration.faults.page import FAULTS, put
from tests.integration.faults.report import Report, collected, table
from tests.integration.faults.subject import IDLE_SECONDS, Subject

STEADY = 10
"""Runs that nobody touches."""


@pytest.fixture(autouse=True)
def _titled(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> None:
    """Each test is about one fault, whose name its mark gives."""
    mark = request.node.get_closest_marker("fault")
    assert mark is not None, "a test in this folder is marked fault(TITLE)"
    record_property("title", mark.args[0])


@pytest.fixture
def platform(control_plane: ControlPlane) -> PlatformNamespace:
    """A namespace with runs and Jobs that nobody will touch, and some that a test may."""
    platform = PlatformNamespace(control_plane, f"fault-{uuid.uuid4().hex[:8]}").open()
    platform.set_templates({"code_implement.sh": "#!/bin/sh"})
    for number in range(STEADY):
        platform.make_job(platform.make_run(f"steady-{number}"))
        platform.start_job(f"steady-{number}-job")
    for number in range(4):
        platform.make_job(platform.make_run(f"run-{number}"))
    return platform


@pytest.fixture
def proxy(control_plane: ControlPlane) -> Iterator[FaultProxy]:
    """Between the exporter and the API server."""
    with FaultProxy(server=control_plane.url, ca=control_plane.ca, key=control_plane.key) as between:
        yield between


@pytest.fixture
def settings(platform: PlatformNamespace) -> dict[str, Any]:
    """What the exporter reads: this test's namespace. A test may override it."""
    return {
        "namespaces": [platform.namespace],
        "configmaps": {"namespace": platform.namespace, "required": [CLAUDE]},
    }


@pytest.fixture
def idle() -> float:
    """For how many seconds a watch may be silent. A quiet server's are: it sends a bookmark about every minute."""
    return IDLE_SECONDS


@pytest.fixture
def kubeconfig(control_plane: ControlPlane, proxy: FaultProxy, tmp_path: pathlib.Path) -> pathlib.Path:
    """How the exporter reaches the proxy, and who it is. A test may override it."""
    file = tmp_path / "kubeconfig"
    file.write_text(control_plane.kubeconfig_of(EXPORTER_TOKEN, url=proxy.url))
    return file


@pytest.fixture
def subject(
    control_plane: ControlPlane,
    settings: dict[str, Any],
    idle: float,
    proxy: FaultProxy,
    kubeconfig: pathlib.Path,
    tmp_path: pathlib.Path,
) -> Iterator[Subject]:
    """An exporter that reads by the proxy."""
    with Subject(
        tmp_path, plane=control_plane, proxy=proxy, settings=settings, kubeconfig=kubeconfig, idle=idle
    ) as running:
        yield running
        assert not running.errors()


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Takes the figures of a test that is marked `fault(TITLE)`, for the table at the end."""
    return Report(request.node)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of faults; WRITE=1 puts it into docs/reliability.md."""
    rows = collected(terminalreporter)
    if rows:
        terminalreporter.section("faults")
        terminalreporter.write_line(table(rows))
        if os.environ.get("WRITE") == "1" and not terminalreporter.stats.get("failed"):
            put(FAULTS, table(rows))
