"""The API servers for the measurements: the stand-in, or a real etcd and kube-apiserver."""

import asyncio
import base64
import contextlib
import json
import pathlib
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from lab.components import component
from lab.controlplane.plane import ADMIN_TOKEN, ControlPlane
from lab.workload import NAMESPACE, coderun, crd, job

__all__ = ["Api", "kubeconfig_of", "real", "stand_in"]

_BATCH = 50  # pairs of a run and a Job in a transaction; etcd allows 128 writes
_RUNS = f"/apis/agents.platform/v1/namespaces/{NAMESPACE}/coderuns"
_JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"


class Api:
    """An API server with objects. `kubeconfig` is a file for its clients; the methods write objects."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, kubeconfig: pathlib.Path, *, worker: str = "Job"
    ) -> None:
        self._session = session
        self._url = url
        self._worker = worker
        self.kubeconfig = kubeconfig

    async def send(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Sends a write and returns the object. Raises RuntimeError if the server rejects it."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        async with self._session.request(
            method, self._url + path, data=json.dumps(body), headers={"Content-Type": kind}
        ) as answer:
            if not answer.ok:
                raise RuntimeError(f"{method} {path}: {answer.status} {await answer.text()}")
            made: dict[str, Any] = await answer.json()
            return made

    async def change_run(self, index: int, phase: str) -> None:
        """Sets the phase of a CodeRun."""
        name = coderun(index)["metadata"]["name"]
        await self.send("PATCH", f"{_RUNS}/{name}/status", {"status": {"phase": phase}})

    async def change_job(self, index: int, active: int) -> None:
        """Sets the number of active pods of a Job, or the phase of a worker Pod: Running, or Pending for 0."""
        name = job(index)["metadata"]["name"]
        path, status = f"{_JOBS}/{name}/status", dict[str, Any](active=active)
        if self._worker == "Pod":
            path, status = f"{_PODS}/{name}/status", {"phase": "Running" if active else "Pending"}
        await self.send("PATCH", path, {"status": status})

    async def fill(self, objects: int, *, etcd: str) -> None:
        """Creates the namespace, the CRD, and `objects` CodeRuns, each with its Job.

        The first CodeRun and Job are created through the API server. Copies of them with other names are written
        directly to etcd at the URL `etcd`, so that 100,000 take one minute and not ten.
        """
        await self.send("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        await self.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd())
        await asyncio.sleep(2)  # the CRD is served a moment after it is accepted
        run, work = await self._create(_RUNS, coderun(0)), await self._create(_JOBS, job(0))
        for begin in range(0, objects, _BATCH):
            indexes = range(begin, min(begin + _BATCH, objects))
            puts = {f"agents.platform/coderuns/{NAMESPACE}": [_copy(run, coderun(index)) for index in indexes]}
            puts |= {f"jobs/{NAMESPACE}": [_copy(work, job(index)) for index in indexes]}
            pairs = [
                (f"/registry/{folder}/{item['metadata']['name']}", item) for folder in puts for item in puts[folder]
            ]
            body = {
                "success": [
                    {"requestPut": {"key": _base64(key), "value": _base64(json.dumps(item))}} for key, item in pairs
                ]
            }
            async with self._session.post(f"{etcd}/v3/kv/txn", json=body) as answer:
                answer.raise_for_status()

    async def _create(self, path: str, item: dict[str, Any]) -> dict[str, Any]:
        await self.send("POST", path, item)
        return await self.send("PATCH", f"{path}/{item['metadata']['name']}/status", {"status": item["status"]})


def _copy(made: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """A copy, under another name and UID, of the object `made` that the API server has completed with defaults."""
    metadata = {name: value for name, value in made["metadata"].items() if name != "resourceVersion"}
    return (
        made
        | {"metadata": metadata | own["metadata"], "spec": made["spec"] | own["spec"]}
        | {"status": own["status"]}
    )


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@contextlib.asynccontextmanager
async def stand_in(objects: int, folder: pathlib.Path, *, worker: str = "Job") -> AsyncIterator[Api]:
    """Runs the stand-in as a process. `worker` is `Job` or `Pod`: the kind of the object that each CodeRun owns."""
    argv = [sys.executable, "-m", "bench.standin", str(objects), worker]
    process = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        url = (await process.stdout.readline()).decode().strip()
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(kubeconfig_of(url))
        async with aiohttp.ClientSession() as session:
            yield Api(session, url, kubeconfig, worker=worker)
    finally:
        process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def real(objects: int, folder: pathlib.Path) -> AsyncIterator[Api]:
    """Runs a real etcd and kube-apiserver. Raises MissingComponentError."""
    plane = ControlPlane(folder, etcd=component("etcd"), kube_apiserver=component("kube-apiserver"))
    plane.start()
    try:
        context = ssl.create_default_context(cafile=str(plane.ca))
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
            kubeconfig = folder / "bench.kubeconfig"
            kubeconfig.write_text(kubeconfig_of(plane.url, ca=str(plane.ca), token=ADMIN_TOKEN))
            api = Api(session, plane.url, kubeconfig)
            await api.fill(objects, etcd=plane.etcd_url)
            yield api
    finally:
        plane.stop()


def kubeconfig_of(url: str, *, ca: str = "", token: str = "") -> str:
    """A kubeconfig for this server, as JSON."""
    cluster = {"server": url} | ({"certificate-authority": ca} if ca else {})
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "bench",
            "clusters": [{"name": "bench", "cluster": cluster}],
            "users": [{"name": "bench", "user": {"token": token} if token else {}}],
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
        }
    )
