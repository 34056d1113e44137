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
from lab.apiserver.pod_logs import Entry
from lab.controlplane.account import ServiceAccount
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from tests.clusters import a_server
from tests.exporting import metrics_of, short_intervals
from tests.integration.in_process import an_exporter, eventually
from tests.integration.logged_pod import LoggedPod

__all__ = ["short_intervals"]

pytestmark = pytest.mark.timeout(180)

SECOND = 10**9
AT = 1_790_000_000 * SECOND
LAST_LINE = "agent_last_log_timestamp_seconds"
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


def near(seconds: float) -> object:
    """Equal to this time, to the millisecond: the default tolerance of `approx` would be half an hour."""
    return pytest.approx(seconds, abs=0.001)


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
    """The time of the newest line is exposed; after a rotation as well."""
    now = time.time_ns() - 3600 * SECOND
    start = now / SECOND
    place.write(Entry(now, b"x" * 20_000, is_partial=True), Entry(now + 1, b"y"), Entry(now + 2 * SECOND, b"two"))
    await asyncio.to_thread(place.until_served)
    kubeconfig = account.kubeconfig(tmp_path, token=account.token("pod-1").text)
    async with an_exporter(settings_file, kubeconfig=kubeconfig, polls_logs=False) as app:
        await eventually(lambda: len(app.store.cache.pods) == 1, what="the Pod is read")
        await poll(app, monkeypatch, start + 10, start + 71)
        assert counted(app, "ok")
        assert (await metrics_of(app)).values("agent_last_log_timestamp_seconds") == [
            pytest.approx(start + 2, abs=0.001)
        ]
        place.file.rename(place.file.with_suffix(".1"))
        place.file.touch()
        await poll(app, monkeypatch, start + 132)
        assert (await metrics_of(app)).values("agent_last_log_timestamp_seconds") == [
            pytest.approx(start + 2, abs=0.001)
        ]
        place.write(Entry(now + 140 * SECOND, b"new"))
        await poll(app, monkeypatch, start + 193)
        page = await metrics_of(app)
        assert page.values(LAST_LINE) == [near(start + 140)]
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
    async with an_exporter(settings_file, kubeconfig=kubeconfig, polls_logs=False) as app:
        await eventually(lambda: len(app.store.cache.pods) == 1, what="the Pod is read")
        await poll(app, monkeypatch, time.time(), time.time() + 61)
        assert counted(app, "forbidden")
        assert app.health.is_ready()
        assert app.health.notices.lines == [
            f"Logs cannot be read in namespace {place.work.namespace}: permit to get pods/log"
        ]


async def poll(app: App, monkeypatch: pytest.MonkeyPatch, *moments: float) -> None:
    """Reads the logs that are due at these times, in seconds since the epoch. A log is due once a minute."""
    assert app.logs is not None
    for moment in moments:
        monkeypatch.setattr(app.logs, "_clock", lambda moment=moment: moment)
        await app.logs.poll()
