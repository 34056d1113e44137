"""The same objects give the same page on a real API server and on the stand-in, so the worlds may use the latter."""

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
from lab.exporting import objects_of
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
"""The metrics whose value is a time that the API server sets."""


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Etcd and kube-apiserver without controllers: the CRDs are those of each world."""
    running = ControlPlane(
        tmp_path_factory.mktemp("platform"), etcd=component("etcd"), kube_apiserver=component("kube-apiserver")
    )
    try:
        running.start()
        yield running
    finally:
        running.stop()


def comparable(page: str) -> list[str]:
    """What a page says of the cluster, without UIDs and without the times that the API server sets."""
    lines = []
    for line in objects_of(page):
        series, _, value = re.sub(r'\buid="[^"]*"', 'uid=""', line).rpartition(" ")
        lines.append(series if OF_THE_SERVER.search(series.partition("{")[0]) else f"{series} {value}")
    return sorted(lines)


async def real_page(plane: ControlPlane, world: World, *, now: float, folder: pathlib.Path) -> str:
    """The page that the exporter makes of the real server's objects."""
    settings = settings_of(world.settings, folder=folder, kubeconfig=plane.admin_kubeconfig)
    async with serve(settings, clock=lambda: now) as app:
        async with asyncio.timeout(30):
            while any(status.state != "watching" for status in app.health.statuses):
                await asyncio.sleep(0.01)
        _, _, page = await fetch(f"{app.url}/metrics")
    return page.decode()


async def stand_in_page(items: Sequence[dict[str, Any]], world: World, *, now: float) -> str:
    """The page of the same objects on the stand-in."""
    async with Stage(now=now, settings=world.settings) as stage:
        for item in items:
            stage.take(Step(at=now, item=item))
        await stage.serve()
        return await stage.page()


@pytest.mark.parametrize("world", WORLDS, ids=[world.name for world in WORLDS])
async def test_a_world_has_the_same_page_on_a_real_api_server(plane, world, tmp_path):
    """With the CRD of its generation; statuses go through the status subresource. Creation times and UIDs aside."""
    now = float(int(time.time()))
    items = [item for name in world.files for item in objects(name, snapshot=now)]
    stored = await asyncio.to_thread(apply, plane, items)
    try:
        real = comparable(await real_page(plane, world, now=now, folder=tmp_path))
    finally:
        await asyncio.to_thread(clear, plane, stored)
    assert real == comparable(await stand_in_page(items, world, now=now))
    assert len(real) > 3


async def test_the_early_crd_prunes_work_completed(plane, tmp_path):
    """The run that has it in the file is stored without it, and is over by its phase all the same."""
    now = float(int(time.time()))
    world = World(files=("01", "10"), what="November 2025, early")
    items = [item for name in world.files for item in objects(name, snapshot=now)]
    stored = await asyncio.to_thread(apply, plane, items)
    try:
        page = await real_page(plane, world, now=now, folder=tmp_path)
    finally:
        await asyncio.to_thread(clear, plane, stored)
    name = "cto-parallel-test-t2-quality-b4vfn"
    status = next(item["status"] for item in stored if item["metadata"]["name"] == name)
    sent = next(item["status"] for item in items if item["metadata"]["name"] == name)
    assert sent.keys() - status.keys() == {"workCompleted", "finishedAt", "expireAt", "cleanupCompletedAt"}
    assert f'coderun_state{{namespace="agent-platform",coderun="{name}",state="succeeded"}} 1' in page.splitlines()
