"""Actions of users and controllers in a simulated day."""

from collections.abc import Callable
from typing import Any

from lab.platform import statuses
from lab.platform.controller import JOBS, RUNS
from lab.platform.jobs import job
from lab.platform.manifests import GROUP, NAMESPACE, RunSpec, coderun
from lab.timelapse.world import World

__all__ = ["annotate_job", "docs_begin", "docs_end", "order_held_back", "quietly"]

_DOCSRUNS = f"/apis/{GROUP}/v1/namespaces/{NAMESPACE}/docsruns"
_MAX_RUNTIME = "coderun-exporter/max-runtime"
_DEADLINE = "coderun-exporter/job-creation-deadline"


async def quietly(change: Callable[..., Any], *of: Any) -> None:
    """Converts a function to an action, which must be a coroutine."""
    change(*of)


async def annotate_job(world: World, *, name: str, limit: str) -> None:
    """Sets the limit of the Jobs of a run by an annotation."""
    for item in await _jobs_of(world, name):
        note = {"metadata": {"annotations": {_MAX_RUNTIME: limit}}}
        await world.writer.patch(f"{JOBS}/{item['metadata']['name']}", note)


async def _jobs_of(world: World, run: str) -> list[dict[str, Any]]:
    items = await world.writer.items(JOBS)
    return [item for item in items if any(one["name"] == run for one in item["metadata"].get("ownerReferences", ()))]


async def order_held_back(world: World, *, order: RunSpec) -> None:
    """Creates a run that waits by design, with the annotation `none` for its deadline."""
    manifest = coderun(order)
    manifest["metadata"]["annotations"][_DEADLINE] = "none"
    world.controller.forgotten.add(order.name)
    await world.writer.create(RUNS, manifest)


async def docs_begin(world: World, *, order: RunSpec) -> None:
    """Creates a DocsRun with its Job and its status."""
    made = await world.writer.create(_DOCSRUNS, coderun(order) | {"kind": "DocsRun"})
    made_job = await world.writer.create(JOBS, job(made))
    status = statuses.running(world.now, job_name=made_job["metadata"]["name"], attempt=1)
    await world.writer.patch(f"{_DOCSRUNS}/{order.name}/status", {"status": status})


async def docs_end(world: World, *, order: RunSpec, gone: bool = False) -> None:
    """Ends a DocsRun, or deletes it."""
    path = f"{_DOCSRUNS}/{order.name}"
    if gone:
        await world.writer.delete(path)
        return
    await world.writer.patch(f"{path}/status", {"status": statuses.succeeded(world.now)})
