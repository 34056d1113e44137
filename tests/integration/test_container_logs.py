"""Logs of containers on a real API server, served by kwok with the code of the kubelet."""

import asyncio
import datetime as dt
import json
import pathlib
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from exporter.app import App
from exporter.log_polling import poller
from lab.apiserver.pod_logs import Entry
from lab.controlplane.account import ServiceAccount
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from tests.clusters import a_server
from tests.exporting import Metrics, metrics_of, short_intervals
from tests.integration.in_process import an_exporter, eventually
from tests.integration.logged_pod import LoggedPod

__all__ = ["short_intervals"]

pytestmark = pytest.mark.timeout(180)

SECOND = 10**9
AT = 1_790_000_000 * SECOND
STAMPED = {"container": "main", "timestamps": "true"}


async def get(pod: LoggedPod, params: Mapping[str, str]) -> tuple[int, Any]:
    """Status and text of the log."""
    query = "&".join(f"{name}={value}" for name, value in params.items())
    return await asyncio.to_thread(pod.plane.request, "GET", f"{pod.log_path}?{query}")


@pytest.fixture
def place(control_plane: ControlPlane, platform: PlatformNamespace, tmp_path: pathlib.Path) -> LoggedPod:
    """In a namespace of its own."""
    path = f"/api/v1/namespaces/{platform.namespace}/serviceaccounts"
    platform.ask("POST", path, {"metadata": {"name": "default"}})
    return LoggedPod(control_plane, platform, tmp_path, name="r")


@pytest.fixture
def settings_file(place: LoggedPod, tmp_path: pathlib.Path) -> pathlib.Path:
    """One namespace, with logs."""
    path = tmp_path / "settings.yml"
    settings = {"namespaces": [place.work.namespace], "configmaps": {"required": []}, "logs": {"enabled": True}}
    path.write_text(json.dumps(settings))
    return path


LINES = (
    Entry(AT + 900_000_000, b"a"),
    Entry(AT + SECOND + 500_000_000, b"b"),
    Entry(AT + SECOND + 600_000_002, b"one ", is_partial=True),
    Entry(AT + 2 * SECOND, b"line", is_partial=True),
    Entry(AT + 3 * SECOND, b"!"),
    Entry(AT + 4 * SECOND, b"\xc3\xa4\r"),
)


def a_time(seconds: float) -> str:
    """RFC 3339, with milliseconds."""
    return dt.datetime.fromtimestamp(AT / SECOND + seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


QUERIES: tuple[Mapping[str, str], ...] = (
    STAMPED,
    {"container": "main"},
    {},
    *(STAMPED | {"tailLines": str(number)} for number in range(8)),
    *(STAMPED | {"sinceTime": a_time(at)} for at in (0, 1, 1.7, 2, 3, 4, 5)),
    *(STAMPED | {"sinceTime": a_time(2), "tailLines": str(number)} for number in (1, 2, 5)),
    *(STAMPED | {"tailLines": "2", "limitBytes": size} for size in ("1", "40", "1000")),
    STAMPED | {"previous": "true"},
    STAMPED | {"tailLines": "-1"},
    STAMPED | {"limitBytes": "0"},
    STAMPED | {"sinceTime": a_time(0), "sinceSeconds": "5"},
    {"container": "other"},
)


@pytest.mark.parametrize("rest", [(), (Entry(AT + 5 * SECOND, b"not yet", is_partial=True),)])
async def test_the_stand_in_answers_as_the_api_server_and_the_kubelet_do(place: LoggedPod, rest: tuple[Entry, ...]):
    """Each query: tail, time, parts of a line, an unfinished line, limits, and what is invalid."""
    place.write(*LINES, *rest)
    place.write(LINES[0], file=place.previous)
    await asyncio.to_thread(place.until_served)
    async with a_server() as server, aiohttp.ClientSession() as session:
        meta = {"namespace": "n", "name": "p"}
        spec = {"nodeName": "node", "containers": [{"name": "main"}]}
        server.load([{"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}])
        server.logs.files["n", "p", "main"] = [*LINES, *rest]
        server.logs.previous["n", "p", "main"] = [LINES[0]]
        path = f"{server.url}/api/v1/namespaces/n/pods/p/log"
        for query in QUERIES:
            real = await get(place, query)
            async with session.get(path, params=query) as response:
                made = response.status, await response.text()
            if real[0] == 200:
                assert made == real, query
            else:
                assert made[0] == real[0], query


def counted(app: App, state: str) -> bool:
    """Whether the log is in this state."""
    return bool(app.logs and app.logs.states[state])


async def test_the_exporter_reads_the_log_with_exactly_the_permission_that_it_asks_for(
    place: LoggedPod,
    account: ServiceAccount,
    settings_file: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """The newest line is on the page; after a rotation as well."""
    monkeypatch.setattr(poller, "_TICK_SECONDS", 0.01)
    now = time.time_ns() - 3600 * SECOND
    place.write(Entry(now, b"x" * 20_000, is_partial=True), Entry(now + 1, b"y"), Entry(now + 2 * SECOND, b"two"))
    await asyncio.to_thread(place.until_served)
    kubeconfig = account.kubeconfig(tmp_path, token=account.token("pod-1").text)
    async with an_exporter(settings_file, kubeconfig=kubeconfig) as app:
        await eventually(lambda: len(app.store.cache.pods) == 1, what="the Pod is read")
        await read_until(app, monkeypatch, now / SECOND + 2)
        assert counted(app, "ok")
        place.file.rename(place.file.with_suffix(".1"))
        place.file.touch()
        await read(app, monkeypatch)
        assert (await metrics_of(app)).values("agent_last_log_timestamp_seconds") == [pytest.approx(now / SECOND + 2)]
        place.write(Entry(now + 5 * SECOND, b"new"))
        page = await read_until(app, monkeypatch, now / SECOND + 5)
        assert page.values("coderun_exporter_log_gaps_total", at="between") == [1]


async def test_without_the_permission_only_logs_are_missing(
    place: LoggedPod,
    account: ServiceAccount,
    settings_file: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """The exporter is ready, and a line on its page says what to permit."""
    (role,) = [one for one in account.manifests if one["kind"] == "Role"]
    rules = [rule for rule in role["rules"] if rule["resources"] != ["pods/log"]]
    assert len(rules) == len(role["rules"]) - 1
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{place.work.namespace}/roles/{role['metadata']['name']}"
    place.work.patch(path, {"rules": rules})
    kubeconfig = account.kubeconfig(tmp_path, token=account.token("pod-1").text)
    async with an_exporter(settings_file, kubeconfig=kubeconfig) as app:
        await eventually(lambda: len(app.store.cache.pods) == 1, what="the Pod is read")
        await read(app, monkeypatch)
        await eventually(lambda: counted(app, "forbidden"), what="the log is forbidden")
        assert app.health.is_ready()
        assert app.health.notices.lines == [
            f"Logs cannot be read in namespace {place.work.namespace}: permit to get pods/log"
        ]


async def read_until(app: App, monkeypatch: pytest.MonkeyPatch, last: float) -> Metrics:
    """Reads until the newest line has this time: a read of the exporter itself may be under way.

    Or a later time: a new line is not older than the read before it.
    """
    async with asyncio.timeout(30):
        while True:
            await read(app, monkeypatch)
            metrics = await metrics_of(app)
            if any(found > last - 0.001 for found in metrics.values("agent_last_log_timestamp_seconds")):
                return metrics
            await asyncio.sleep(0.02)


async def read(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another minute of the poller's clock."""
    assert app.logs is not None
    await app.logs.poll()
    before = app.logs._clock
    monkeypatch.setattr(app.logs, "_clock", lambda: before() + 61)
    await app.logs.poll()
