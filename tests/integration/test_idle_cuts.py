"""Watches without events behind load balancers that close idle connections, with a real API server.

`make idle-cuts` runs the full test: cuts after 35 s and 60 s, for ten minutes.
"""

import contextlib
import os
import pathlib
import time
import uuid
from typing import NamedTuple

import pytest

from lab import components
from lab.controlplane.plane import EXPORTER_TOKEN, ControlPlane
from lab.controlplane.platform_namespace import CLAUDE, PlatformNamespace
from lab.exporting import Exporter
from lab.waiting import until
from tests.integration.faults.subject import samples
from tests.integration.idle_cut import IdleTimeoutProxy

IDLE_TIMEOUTS = [float(each) for each in os.environ.get("CUTS", "3 5").split()]
DURATION_SECONDS = float(os.environ.get("SECONDS", "30"))
MAX_STALENESS_AFTER_CUT = 5.0
SYNCED = "coderun_exporter_resource_last_sync_timestamp_seconds"

pytestmark = [pytest.mark.needs(*components.CLUSTER), pytest.mark.timeout(DURATION_SECONDS + 180)]


class Observation(NamedTuple):
    """An exporter behind a load balancer: log lines so far, and the maximum staleness of each resource in seconds."""

    cut: IdleTimeoutProxy
    exporter: Exporter
    lines: int
    stalest: dict[str, float]


@pytest.fixture
def platform(control_plane: ControlPlane) -> PlatformNamespace:
    """A namespace with a run, its Job and a ConfigMap, without changes."""
    platform = PlatformNamespace(control_plane, f"quiet-{uuid.uuid4().hex[:8]}").open()
    platform.set_templates({"code_implement.sh": "#!/bin/sh"})
    platform.make_job(platform.make_run("quiet"))
    return platform


def staleness(text: str) -> dict[str, float]:
    """The seconds since the last sync of each resource."""
    lines = [line.rpartition(" ") for line in samples(text, SYNCED)]
    return {series: time.time() - float(value) for series, _, value in lines}


def total(text: str, name: str) -> float:
    """The sum of the samples of a metric."""
    return sum(float(line.rpartition(" ")[2]) for line in samples(text, name))


def test_quiet_watches_behind_a_load_balancer_are_up_to_date(
    control_plane: ControlPlane, platform: PlatformNamespace, tmp_path: pathlib.Path
):
    """Nothing is logged, no error is counted, and the staleness is at most 5 s above the idle timeout."""
    server = int(control_plane.url.rpartition(":")[2])
    settings = {
        "namespaces": [platform.namespace],
        "configmaps": {"namespace": platform.namespace, "required": [CLAUDE]},
    }
    with contextlib.ExitStack() as stack:
        subjects = []
        for number, (seconds, reset) in enumerate((each, reset) for each in IDLE_TIMEOUTS for reset in (False, True)):
            cut = stack.enter_context(IdleTimeoutProxy(to=server, seconds=seconds, reset=reset))
            kubeconfig = tmp_path / f"kubeconfig-{number}"
            kubeconfig.write_text(control_plane.kubeconfig_of(EXPORTER_TOKEN, url=f"https://127.0.0.1:{cut.port}"))
            exporter = Exporter(tmp_path / f"exporter-{number}", kubeconfig=kubeconfig, settings=settings)
            stack.enter_context(exporter)
            until(lambda: "unreachable" not in exporter.get("/readyz").text, what="all lists are complete")  # noqa: B023
            until(lambda: len(staleness(exporter.get().text)) == 5, what="all lists are complete")  # noqa: B023
            subjects.append(Observation(cut, exporter, len(exporter.log.read_text().splitlines()), {}))
        end = time.monotonic() + DURATION_SECONDS
        while time.monotonic() < end:
            for subject in subjects:
                for series, age in staleness(subject.exporter.get().text).items():
                    subject.stalest[series] = max(age, subject.stalest.get(series, 0.0))
            time.sleep(0.5)
        for subject in subjects:
            assert_quiet(subject)
        platform.set_phase("quiet", "Succeeded")
        for subject in subjects:
            until(
                lambda: samples(subject.exporter.get().text, "coderun_state", state="succeeded"),  # noqa: B023
                what="the metrics have the change",
                seconds=3,
            )


def assert_quiet(seen: Observation) -> None:
    """Prints the figures of one exporter and asserts them."""
    text = seen.exporter.get().text
    lines = seen.exporter.log.read_text().splitlines()[seen.lines :]
    watches = total(text, "coderun_exporter_requests_total")
    stalest, kind = max(seen.stalest.values()), "RST" if seen.cut.reset else "FIN"
    print(  # noqa: T201 - `make idle-cuts` is run for these figures
        f"cut after {seen.cut.seconds:g} s by {kind}, for {DURATION_SECONDS:g} s: {seen.cut.cuts} cuts, "
        f"{watches:g} requests, {len(lines)} log lines, stalest {stalest:.1f} s"
    )
    assert seen.cut.cuts >= 2
    assert lines == []
    assert total(text, "coderun_exporter_errors_total") == 0
    assert stalest <= seen.cut.seconds + MAX_STALENESS_AFTER_CUT
