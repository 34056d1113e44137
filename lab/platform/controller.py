"""Simulates the platform's controller, which creates a Job for each CodeRun, including its known failures.

It stores nothing in memory except the content of its image. Each round reads the cluster and does the next step of
every run, so it also handles manual changes. It creates no Events.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lab.clock import seconds_of
from lab.platform import statuses
from lab.platform.generations import NOVEMBER, Generation
from lab.platform.jobs import job
from lab.platform.manifests import (
    EMPTY_ATTEMPTS,
    EXITS,
    TEMPLATES,
    RunSpec,
    coderun,
    configmap_name,
    custom_resource,
    template_files,
    templates,
)
from lab.platform.writer import Writer, WriterError

__all__ = ["CONFIGMAPS", "JOBS", "PODS", "RUNS", "Platform"]

RUNS, JOBS, PODS, CONFIGMAPS = NOVEMBER.runs, NOVEMBER.jobs, NOVEMBER.pods, NOVEMBER.configmaps
FINALIZER = "coderuns.orchestrator.io/finalizer"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_TERMINAL = frozenset({"Succeeded", "Failed"})


class Platform:
    """Actions of the platform's controller, and of users and operators."""

    def __init__(self, *, writer: Writer, clock: Callable[[], float], generation: Generation = NOVEMBER) -> None:
        self._writer = writer
        self._clock = clock
        self._generation = generation
        self._missing_partial = ""

    async def install(self) -> None:
        """Creates the namespace, the two CRDs and, in November, the six ConfigMaps, unless they exist."""
        namespace = {"name": self._generation.namespace}
        await self._writer.ensure(
            "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": namespace}
        )
        for kind in ("CodeRun", "DocsRun"):
            await self._writer.ensure(_CRDS, custom_resource(kind))
        for kind in TEMPLATES if self._generation.template_configmaps else ():
            await self._writer.ensure(self._generation.configmaps, templates(kind))

    async def order(self, orders: Sequence[RunSpec]) -> None:
        """Creates the CodeRuns, as the workflow does."""
        for one in orders:
            await self._writer.create(self._generation.runs, coderun(one))

    async def lose_templates(self, kind: str) -> None:
        """Empties a ConfigMap: it exists without data."""
        await self._writer.patch(f"{CONFIGMAPS}/{configmap_name(kind)}", {"data": None, "binaryData": None})

    async def restore_templates(self, kind: str) -> None:
        """Restores the templates of a ConfigMap."""
        await self._writer.patch(f"{CONFIGMAPS}/{configmap_name(kind)}", template_files(kind))

    async def roll_out(self, *, missing_partial: str = "") -> None:
        """Replaces the image of the controller, which contains the templates of the newest generation."""
        self._missing_partial = missing_partial

    async def end_leftovers(self, orders: Sequence[RunSpec]) -> None:
        """Ends the leftover process in the pods of these runs, as in the runbook: the containers exit with 0."""
        jobs = await self._jobs_of(orders)
        found = await self._writer.items(self._generation.pods)
        pods = _owned_by(found, {item["metadata"]["name"] for item in jobs})
        paths = (*map(self._job_path, jobs), *(f"{self._generation.pods}/{pod['metadata']['name']}" for pod in pods))
        for path in paths:
            await self._writer.patch(path, {"metadata": {"annotations": {EXITS: "0"}}})

    async def delete_jobs(self, orders: Sequence[RunSpec]) -> None:
        """Deletes the Jobs of these runs manually."""
        for item in await self._jobs_of(orders):
            await self._writer.delete(self._job_path(item))

    async def reconcile(self, *, fault: Callable[[str, Exception], None] | None = None) -> None:
        """Reconciles all runs once. If one run cannot be decoded, no run is reconciled, as in the real controller.

        `fault` is called for each run that cannot be handled, such as a manually created run without a field. Without
        `fault`, the exception is raised.
        """
        runs = await self._writer.items(self._generation.runs)
        if not all(map(_is_decodable, runs)):
            return
        jobs: dict[str, list[dict[str, Any]]] = {}
        for item in await self._writer.items(self._generation.jobs):
            for owner in item["metadata"].get("ownerReferences", ()):
                jobs.setdefault(owner["uid"], []).append(item)
        for run in runs:
            try:
                await self._reconcile(run, jobs.get(run["metadata"]["uid"], []))
            except (LookupError, TypeError, AttributeError, ValueError, WriterError) as error:
                if fault is None:
                    raise
                fault(run["metadata"]["name"], error)

    async def _reconcile(self, run: Mapping[str, Any], jobs: Sequence[dict[str, Any]]) -> None:
        meta, status = run["metadata"], run.get("status", {})
        if meta.get("deletionTimestamp"):
            await self._writer.patch(self._path(run), {"metadata": {"finalizers": None}})
            return
        if status.get("phase") in _TERMINAL:
            await self._delete_expired_job(run, jobs)
            return
        if not meta.get("finalizers"):
            await self._writer.patch(self._path(run), {"metadata": {"finalizers": [FINALIZER]}})
        if jobs:
            await self._update_from_job(run, jobs[0])
        else:
            await self._start(run)

    async def _start(self, run: Mapping[str, Any]) -> None:
        """Renders the templates, creates the Job, then writes the status."""
        name, attempt = run["metadata"]["name"], run["spec"]["contextVersion"]
        if not await self._has_templates(run):
            return  # the controller of November writes nothing, and the next round retries
        if self._missing_partial:
            failed = statuses.template_failed(self._clock(), run=name, partial=self._missing_partial)
            await self._write(run, failed)
            return
        made = await self._writer.create(self._generation.jobs, job(run, generation=self._generation))
        job_name = made["metadata"]["name"]
        first = not run.get("status", {}).get("phase")
        started = statuses.running(self._clock(), job_name=job_name, attempt=1 if first else attempt)
        await self._write(run, started)

    async def _has_templates(self, run: Mapping[str, Any]) -> bool:
        if not self._generation.template_configmaps:
            return True
        cli = run["spec"]["cliConfig"]["cliType"]
        found = await self._writer.read(f"{self._generation.configmaps}/{configmap_name(cli)}")
        return bool(found and (found.get("data") or found.get("binaryData")))

    async def _update_from_job(self, run: Mapping[str, Any], item: Mapping[str, Any]) -> None:
        """Updates the run after the end of its Job.

        A failed attempt, and a Complete one without a pull request, is retried: the Job is deleted, contextVersion
        increases, and the status does not change until the next Job is created. retryCount is never increased, so
        there is no last attempt.
        """
        conditions = item.get("status", {}).get("conditions", ())
        ends = {condition["type"] for condition in conditions if condition["status"] == "True"}
        if not ends & {"Complete", "Failed"}:
            return
        attempt = run["spec"]["contextVersion"]
        if "Complete" in ends and attempt > int(item["metadata"].get("annotations", {}).get(EMPTY_ATTEMPTS, 0)):
            await self._write(run, statuses.succeeded(self._clock()))
            return
        await self._writer.delete(self._job_path(item))
        await self._writer.patch(self._path(run), {"spec": {"contextVersion": attempt + 1}})

    async def _delete_expired_job(self, run: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]]) -> None:
        """Deletes the Job of a succeeded run after the TTL of the run."""
        status, now = run.get("status", {}), self._clock()
        if "expireAt" not in status or "cleanupCompletedAt" in status or seconds_of(status["expireAt"]) > now:
            return
        for item in jobs:
            await self._writer.delete(self._job_path(item))
        await self._write(run, statuses.cleaned_up(now))

    async def _write(self, run: Mapping[str, Any], status: Mapping[str, Any]) -> None:
        await self._writer.patch(f"{self._path(run)}/status", {"status": status})

    async def _jobs_of(self, orders: Sequence[RunSpec]) -> list[dict[str, Any]]:
        return _owned_by(await self._writer.items(self._generation.jobs), {one.name for one in orders})

    def _job_path(self, item: Mapping[str, Any]) -> str:
        return f"{self._generation.jobs}/{item['metadata']['name']}"

    def _path(self, run: Mapping[str, Any]) -> str:
        return f"{self._generation.runs}/{run['metadata']['name']}"


def _is_decodable(run: Mapping[str, Any]) -> bool:
    """Whether the controller can decode the run: an empty CLI is not a valid value of its enumeration."""
    spec = run.get("spec")
    config = spec.get("cliConfig") if isinstance(spec, dict) else None
    return not isinstance(config, dict) or bool(config.get("cliType"))


def _owned_by(items: list[dict[str, Any]], names: set[str]) -> list[dict[str, Any]]:
    return [
        item for item in items if any(owner["name"] in names for owner in item["metadata"].get("ownerReferences", ()))
    ]
