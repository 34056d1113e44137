"""Logs of containers on a real API server, served by kwok with the code of the kubelet."""

import asyncio
import datetime as dt
import json
import pathlib
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
import pytest

from exporter.app import App
from exporter.log_polling import poller
from lab.apiserver.pod_logs import Entry
from lab.controlplane.account import ServiceAccount
from lab.controlplane.nodes import LOGS
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from tests.clusters import a_server
from tests.exporting import Metrics, metrics_of, short_intervals
from tests.integration.in_process import an_exporter, eventually

__all__ = ["short_intervals"]

pytestmark = pytest.mark.timeout(180)

SECOND = 10**9
AT = 1_790_000_000 * SECOND
STAMPED = {"container": "main", "timestamps": "true"}


class Place:
    """A Pod of a running Job, with files for the log of its main container."""

    def __init__(self, plane: ControlPlane, place: PlatformNamespace, folder: pathlib.Path) -> None:
        self.plane = plane
        self.work = place
        self.file, self.previous = folder / "main.log", folder / "previous.log"
        self.pods = f"/api/v1/namespaces/{place.namespace}/pods"
        for file in (self.file, self.previous):
            file.touch()
        place.ask("POST", f"/api/v1/namespaces/{place.namespace}/serviceaccounts", {"metadata": {"name": "default"}})
        self.job = place.make_job(place.make_run("r"))
        place.start_job("r-job")
        self._make_logs()
        self._make_pod()

    def _make_logs(self) -> None:
        files = {"logsFile": str(self.file), "previousLogsFile": str(self.previous)}
        logs = {
            "apiVersion": "kwok.x-k8s.io/v1alpha1",
            "kind": "Logs",
            "metadata": {"name": "p"},
            "spec": {"logs": [{"containers": ["main"], **files}]},
        }
        self.work.ask("POST", LOGS.format(namespace=self.work.namespace), logs)

    def _make_pod(self) -> None:
        name, uid = self.job["metadata"]["name"], self.job["metadata"]["uid"]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid, "controller": True}
        labels = {"job-name": name, "batch.kubernetes.io/job-name": name}
        spec = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "agent:1"}]}
        body = {
            "metadata": {
                "name": "p",
                "labels": labels,
                "ownerReferences": [owner],
                "annotations": {"demo/exits": "never"},
            },
            "spec": spec,
        }
        self.work.ask("POST", self.pods, body)

    def write(self, *entries: Entry, file: pathlib.Path | None = None) -> None:
        """Appends to a file, as the container runtime does."""
        with (file or self.file).open("ab") as out:
            for entry in entries:
                moment = dt.datetime.fromtimestamp(entry.stamp // SECOND, dt.UTC)
                stamp = f"{moment:%Y-%m-%dT%H:%M:%S}.{entry.stamp % SECOND:09d}Z"
                out.write(f"{stamp} stdout {'P' if entry.is_partial else 'F'} ".encode() + entry.text + b"\n")

    async def get(self, params: Mapping[str, str]) -> tuple[int, Any]:
        """Status and text of the log."""
        query = "&".join(f"{name}={value}" for name, value in params.items())
        return await asyncio.to_thread(self.plane.request, "GET", f"{self.pods}/p/log?{query}")


@pytest.fixture
def place(control_plane: ControlPlane, tmp_path: pathlib.Path) -> Place:
    """In a namespace of its own."""
    return Place(control_plane, PlatformNamespace(control_plane, f"logs-{uuid.uuid4().hex[:8]}").open(), tmp_path)


@pytest.fixture
def settings_file(place: Place, tmp_path: pathlib.Path) -> pathlib.Path:
    """One namespace, with logs."""
    path = tmp_path / "settings.yml"
    settings = {"namespaces": [place.work.namespace], "configmaps": {"required": []}, "logs": {"enabled": True}}
    path.write_text(json.dumps(settings))
    return path


@pytest.fixture
def account(control_plane: ControlPlane, place: Place, settings_file: pathlib.Path) -> Iterator[ServiceAccount]:
    """A ServiceAccount with exactly the manifests for these settings."""
    made = ServiceAccount(control_plane, place.work, settings=settings_file)
    made.grant()
    yield made
    made.revoke()


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
async def test_the_stand_in_answers_as_the_api_server_and_the_kubelet_do(place: Place, rest: tuple[Entry, ...]):
    """Each query: tail, time, parts of a line, an unfinished line, limits, and what is invalid."""
    place.write(*LINES, *rest)
    place.write(LINES[0], file=place.previous)
    await eventually(lambda: place.plane.request("GET", f"{place.pods}/p/log")[0] == 200, what="the log is served")
    async with a_server() as server, aiohttp.ClientSession() as session:
        meta = {"namespace": "n", "name": "p"}
        spec = {"nodeName": "node", "containers": [{"name": "main"}]}
        server.load([{"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}])
        server.logs.files["n", "p", "main"] = [*LINES, *rest]
        server.logs.previous["n", "p", "main"] = [LINES[0]]
        path = f"{server.url}/api/v1/namespaces/n/pods/p/log"
        for query in QUERIES:
            real = await place.get(query)
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
    place: Place,
    account: ServiceAccount,
    settings_file: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """The newest line is on the page; after a rotation as well."""
    monkeypatch.setattr(poller, "_TICK_SECONDS", 0.01)
    now = time.time_ns() - 3600 * SECOND
    place.write(Entry(now, b"x" * 20_000, is_partial=True), Entry(now + 1, b"y"), Entry(now + 2 * SECOND, b"two"))
    await eventually(lambda: place.plane.request("GET", f"{place.pods}/p/log")[0] == 200, what="the log is served")
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
    place: Place,
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
    place.work.ask("PATCH", path, {"rules": rules}, content_type="application/merge-patch+json")
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
    """Reads until the newest line has this time: a read of the exporter itself may be under way."""
    async with asyncio.timeout(30):
        while True:
            await read(app, monkeypatch)
            metrics = await metrics_of(app)
            if metrics.values("agent_last_log_timestamp_seconds") == [pytest.approx(last)]:
                return metrics
            await asyncio.sleep(0.02)


async def read(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another minute of the poller's clock."""
    assert app.logs is not None
    await app.logs.poll()
    before = app.logs._clock
    monkeypatch.setattr(app.logs, "_clock", lambda: before() + 61)
    await app.logs.poll()
