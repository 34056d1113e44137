"""The platform's controller: it turns each CodeRun into a Job, and fails as the real one did.

It keeps nothing in memory. Each round reads the cluster and does what is next for every run, so that it also
follows what a person changes by hand. On a run whose templates are missing it does as on the incident's day:
it tries again in silence, before any status is written.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from exporter.demo.clock import rfc3339
from exporter.demo.manifests import (
    EXITS,
    GROUP,
    NAMESPACE,
    TEMPLATES,
    Order,
    coderun,
    configmap_name,
    custom_resource,
    job,
    template_files,
    templates,
)
from exporter.demo.writer import Writer

__all__ = ["CONFIGMAPS", "JOBS", "PODS", "RUNS", "Platform"]

RUNS = f"/apis/{GROUP}/v1/namespaces/{NAMESPACE}/coderuns"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
CONFIGMAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
FINALIZER = f"{GROUP}/cleanup"
_ATTEMPTS = 2
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_TERMINAL = frozenset({"Succeeded", "Failed"})


class Platform:
    """What the platform does to the cluster, by its controller and by its people."""

    def __init__(self, *, writer: Writer, clock: Callable[[], float]) -> None:
        self._writer = writer
        self._clock = clock

    async def install(self) -> None:
        """The namespace, the two CRDs and the six ConfigMaps; what is there already stays."""
        await self._writer.ensure(
            "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        )
        for kind in ("CodeRun", "DocsRun"):
            await self._writer.ensure(_CRDS, custom_resource(kind))
        for kind in TEMPLATES:
            await self._writer.ensure(CONFIGMAPS, templates(kind))

    async def order(self, orders: Sequence[Order]) -> None:
        """Creates the CodeRuns, as the workflow does."""
        for one in orders:
            await self._writer.create(RUNS, coderun(one))

    async def lose_templates(self, kind: str) -> None:
        """Empties a ConfigMap: it exists, and holds nothing."""
        await self._writer.patch(f"{CONFIGMAPS}/{configmap_name(kind)}", {"data": None, "binaryData": None})

    async def restore_templates(self, kind: str) -> None:
        """Puts a ConfigMap's templates back."""
        await self._writer.patch(f"{CONFIGMAPS}/{configmap_name(kind)}", template_files(kind))

    async def end_leftovers(self, orders: Sequence[Order]) -> None:
        """Ends what is left over in the pods of these runs, as the runbook says: the containers exit with 0."""
        jobs = await self._jobs_of(orders)
        pods = _owned(await self._writer.items(PODS), {item["metadata"]["name"] for item in jobs})
        for path in (*map(_job_path, jobs), *(f"{PODS}/{item['metadata']['name']}" for item in pods)):
            await self._writer.patch(path, {"metadata": {"annotations": {EXITS: "0"}}})

    async def delete_jobs(self, orders: Sequence[Order]) -> None:
        """Deletes the Jobs of these runs by hand, as on the day itself."""
        for item in await self._jobs_of(orders):
            await self._writer.delete(_job_path(item))

    async def reconcile(self) -> None:
        """One round over all runs."""
        jobs: dict[str, list[dict[str, Any]]] = {}
        for item in await self._writer.items(JOBS):
            for owner in item["metadata"].get("ownerReferences", ()):
                jobs.setdefault(owner["uid"], []).append(item)
        for run in await self._writer.items(RUNS):
            await self._reconcile(run, jobs.get(run["metadata"]["uid"], []))

    async def _reconcile(self, run: Mapping[str, Any], jobs: Sequence[dict[str, Any]]) -> None:
        meta, status = run["metadata"], run.get("status", {})
        if meta.get("deletionTimestamp"):
            await self._writer.patch(_path(run), {"metadata": {"finalizers": None}})
            return
        if status.get("phase") in _TERMINAL:
            return
        if not meta.get("finalizers"):
            await self._writer.patch(_path(run), {"metadata": {"finalizers": [FINALIZER]}})
        if jobs:
            await self._follow(run, jobs[0])
        elif status.get("workCompleted"):
            await self._write(run, phase="Succeeded", message="the work was completed")
        else:
            await self._start(run)

    async def _start(self, run: Mapping[str, Any]) -> None:
        """Fills the templates, then creates the Job, then writes the first status: a failure leaves no trace."""
        cli = run["spec"]["cliConfig"]["cliType"]
        found = await self._writer.read(f"{CONFIGMAPS}/{configmap_name(cli)}")
        if not found or not (found.get("data") or found.get("binaryData")):
            return
        made = await self._writer.create(JOBS, job(run))
        await self._write(run, phase="Running", message="Job created", jobName=made["metadata"]["name"])

    async def _follow(self, run: Mapping[str, Any], item: Mapping[str, Any]) -> None:
        """Carries the Job's end over to the run. A failed attempt is retried: the Job goes, the version grows."""
        conditions = item.get("status", {}).get("conditions", ())
        ends = {condition["type"] for condition in conditions if condition["status"] == "True"}
        if "Complete" in ends:
            await self._write(run, phase="Succeeded", message="the agent has finished")
        elif "Failed" in ends and run["spec"]["contextVersion"] < _ATTEMPTS:
            await self._writer.delete(_job_path(item))
            await self._writer.patch(_path(run), {"spec": {"contextVersion": run["spec"]["contextVersion"] + 1}})
        elif "Failed" in ends:
            await self._write(run, phase="Failed", message="the agent has failed")

    async def _write(self, run: Mapping[str, Any], **status: str) -> None:
        stamped = status | {"lastUpdate": rfc3339(self._clock())}
        await self._writer.patch(f"{_path(run)}/status", {"status": stamped})

    async def _jobs_of(self, orders: Sequence[Order]) -> list[dict[str, Any]]:
        return _owned(await self._writer.items(JOBS), {one.name for one in orders})


def _owned(items: list[dict[str, Any]], names: set[str]) -> list[dict[str, Any]]:
    return [
        item for item in items if any(owner["name"] in names for owner in item["metadata"].get("ownerReferences", ()))
    ]


def _job_path(item: Mapping[str, Any]) -> str:
    return f"{JOBS}/{item['metadata']['name']}"


def _path(run: Mapping[str, Any]) -> str:
    return f"{RUNS}/{run['metadata']['name']}"
