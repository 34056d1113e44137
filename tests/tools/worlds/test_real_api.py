"""A real API server and the stand-in give the same metrics for the same objects, so worlds can use the stand-in."""

import asyncio
import pathlib
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from exporter.app import serve
from lab.components import component
from lab.controlplane.plane import ControlPlane
from lab.exporting import object_samples
from lab.worlds.loading import objects
from lab.worlds.stage import Stage, settings_of
from lab.worlds.steps import Step
from lab.worlds.table import WORLDS, World
from tests.tools.worlds.real import apply, clear
from tests.web.serving import fetch

pytestmark = [pytest.mark.needs("etcd", "kube-apiserver"), pytest.mark.timeout(120)]

OF_THE_SERVER = re.compile(
    r"(_created_timestamp|_deletion_timestamp_seconds|_since_timestamp_seconds|_seconds_\w+)\b"
)
"""Metrics whose value is a time that the API server sets."""


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Etcd and kube-apiserver without controllers. Each world creates its own CRDs."""
    running = ControlPlane(
        tmp_path_factory.mktemp("platform"), etcd=component("etcd"), kube_apiserver=component("kube-apiserver")
    )
    try:
        running.start()
        yield running
    finally:
        running.stop()


def comparable(metrics: str) -> list[str]:
    """The metrics about the cluster, without UIDs and without times that the API server sets."""
    lines = []
    for line in object_samples(metrics):
        series, _, value = re.sub(r'\buid="[^"]*"', 'uid=""', line).rpartition(" ")
        lines.append(series if OF_THE_SERVER.search(series.partition("{")[0]) else f"{series} {value}")
    return sorted(lines)


async def real_metrics(plane: ControlPlane, world: World, *, now: float, folder: pathlib.Path) -> str:
    """The metrics for the objects of the real server."""
    settings = settings_of(world.settings, folder=folder, kubeconfig=plane.admin_kubeconfig)
    async with serve(settings, clock=lambda: now) as app:
        async with asyncio.timeout(30):
            while any(status.state != "watching" for status in app.health.statuses):
                await asyncio.sleep(0.01)
        _, _, metrics = await fetch(f"{app.url}/metrics")
    return metrics.decode()


async def stand_in_metrics(items: Sequence[dict[str, Any]], world: World, *, now: float) -> str:
    """The metrics for the same objects of the stand-in."""
    async with Stage(now=now, settings=world.settings) as stage:
        for item in items:
            stage.take(Step(at=now, item=item))
        await stage.serve()
        return await stage.page()


@pytest.mark.parametrize("world", WORLDS, ids=[world.name for world in WORLDS])
async def test_a_world_has_the_same_metrics_on_a_real_api_server(plane, world, tmp_path):
    """It uses the CRD of its version and the status subresource. Creation times and UIDs are not compared."""
    now = float(int(time.time()))
    items = [item for name in world.files for item in objects(name, snapshot=now)]
    stored = await asyncio.to_thread(apply, plane, items)
    try:
        real = comparable(await real_metrics(plane, world, now=now, folder=tmp_path))
    finally:
        await asyncio.to_thread(clear, plane, stored)
    assert real == comparable(await stand_in_metrics(items, world, now=now))
    assert len(real) > 3


async def test_the_first_crd_prunes_work_completed(plane, tmp_path):
    """The run is stored without the field, and has finished nevertheless by its phase."""
    now = float(int(time.time()))
    world = World(files=("01", "10"), what="November 2025, early")
    items = [item for name in world.files for item in objects(name, snapshot=now)]
    stored = await asyncio.to_thread(apply, plane, items)
    try:
        metrics = await real_metrics(plane, world, now=now, folder=tmp_path)
    finally:
        await asyncio.to_thread(clear, plane, stored)
    name = "cto-parallel-test-t2-quality-b4vfn"
    status = next(item["status"] for item in stored if item["metadata"]["name"] == name)
    sent = next(item["status"] for item in items if item["metadata"]["name"] == name)
    assert sent.keys() - status.keys() == {"workCompleted", "finishedAt", "expireAt", "cleanupCompletedAt"}
    assert f'coderun_state{{namespace="agent-platform",coderun="{name}",state="succeeded"}} 1' in metrics.splitlines()
