"""Argo Workflows that have not completed: wire type, records, lists and watches, and metric families. Optional.

A worker is the Job or Pod that works for a run. A step of a workflow that creates a run usually waits for it.
"""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from exporter.cache import NEVER, WORKFLOWS, Key, ObjectCache, Run, Step, Workflow
from exporter.exposition.family import Family, Row
from exporter.resources.kinds import RunKind
from exporter.resources.objects import intern_label, object_name, unix_seconds
from exporter.resources.resource import ListWatch, Resource
from exporter.resources.wanted import WatchConfig
from exporter.resources.workflow_manifests import CREATES, reference_in, replace_tags, run_kind_of
from exporter.resources.workflow_objects import Status, Template, WireNode, WireWorkflow, inputs_of, nodes_of
from exporter.untrusted import free_name, identifier

__all__ = ["GROUP", "RESOURCE", "VERSION", "workflow_from_object"]

GROUP: Final = "argoproj.io"
VERSION: Final = "v1alpha1"
_NOT_COMPLETED: Final = "workflows.argoproj.io/completed!=true"
_LEAVES: Final = frozenset({"Pod", "Container", "HTTP", "Plugin"})
_OPEN: Final = frozenset({"Pending", "Running"})
_MAX_STEPS: Final = 100
"""Maximum number of open steps of a workflow that are exposed: the oldest ones."""
_MAX_STEP_NAME: Final = 120
_MAX_PATH: Final = 2000
_GROUP_INDEX: Final = re.compile(r"\[\d+\]")
_ITEM: Final = re.compile(r"\((\d+)(?:\)(?=$|[.\[(])|:(?:.*?\)(?=$|[.\[(])|.*))", re.DOTALL)
"""The index of a loop or retry in the name of a node, and the item of the loop. An item may have no end."""
_LOOP: Final = re.compile(r"\((\d+):")
_PLAIN: Final = re.compile(r"[\w.-]*", re.ASCII)


def workflow_from_object(item: WireWorkflow, *, kinds: Sequence[RunKind]) -> Workflow:
    """The record of a Workflow."""
    meta, status = item.metadata, item.status or Status()
    name = object_name(meta.name)
    nodes, unreadable = nodes_of(status)
    templates = _templates(item, status)
    steps: dict[str, Step] = {}
    for node in sorted(filter(_is_open_leaf, nodes), key=_started)[:_MAX_STEPS]:
        step = _step(node, templates, prefix=meta.name or "", kinds=kinds)
        steps.setdefault(step.name, step)
    is_idle = status.phase == "Running" and not any(node.phase in _OPEN or not node.phase for node in nodes)
    ends = [end for node in nodes if (end := unix_seconds(node.finished_at)) is not None]
    is_suspended = item.spec is not None and bool(item.spec.suspend)
    return Workflow(
        uid=meta.uid or f"{meta.namespace or ''}/{meta.name or ''}",
        namespace=intern_label(meta.namespace),
        name=name,
        phase=intern_label(status.phase),
        created=unix_seconds(meta.creation_timestamp),
        started=unix_seconds(status.started_at),
        steps=tuple(steps.values()),
        idle_since=max(ends, default=None) if is_idle and not is_suspended else None,
        unreadable=unreadable,
    )


def _is_open_leaf(node: WireNode) -> bool:
    return node.phase in _OPEN and node.type in _LEAVES and node.started_at is not None


def _started(node: WireNode) -> float:
    return unix_seconds(node.started_at) or 0.0


def _templates(item: WireWorkflow, status: Status) -> dict[str, Template]:
    """The templates of a workflow by name, and those that it refers to by the key with which Argo stores them."""
    stored = status.stored_workflow_template_spec
    own = ((item.spec.templates if item.spec else None) or (), (stored.templates if stored else None) or ())
    named = {one.name: one for some in reversed(own) for one in some if one.name}
    return {**named, **(status.stored_templates or {})}


def _template_of(node: WireNode, templates: Mapping[str, Template]) -> Template | None:
    """The template of a node. A node of a template that is inline has no templateName."""
    scope, name = node.template_scope or "", node.template_name or ""
    if (ref := node.template_ref) is not None:
        return templates.get(f"{'cluster' if ref.cluster_scope else 'namespaced'}/{ref.name}/{ref.template}")
    if not name:
        return templates.get(f"{scope}/inline/{node.display_name}")
    if scope.startswith(("namespaced/", "cluster/")):
        return templates.get(f"{scope}/{name}")
    return templates.get(name)


def _step(node: WireNode, templates: Mapping[str, Template], *, prefix: str, kinds: Sequence[RunKind]) -> Step:
    template = _template_of(node, templates)
    shown = node.template_name or (node.template_ref.template if node.template_ref else "") or ""
    step = Step(
        name=_step_name(node.name or node.display_name or "", prefix),
        template=intern_label(shown),
        type=node.type or "",
        started=unix_seconds(node.started_at),
    )
    resource = template.resource if template is not None else None
    if resource is None or not resource.manifest:
        return step
    reference = reference_in(resource.manifest)
    kind = run_kind_of(reference, kinds)
    creates = resource.action in CREATES
    if kind is None or not (creates or resource.action == "get"):
        return step
    name, is_whole = replace_tags(reference.name, inputs_of(node))
    is_exact = is_whole and not reference.is_prefix and bool(name)
    exposed = kind.exposed_name(object_name(name) if is_exact else name)
    return Step(
        name=step.name,
        template=step.template,
        type=step.type,
        started=step.started,
        resource=kind.resource,
        run=exposed if is_exact else "",
        prefix="" if is_exact else exposed,
        owns=creates,
    )


def _step_name(name: str, workflow: str) -> str:
    """The name of a node without that of its workflow, without the numbers of step groups and the items of loops.

    The names of steps are unique in their template, so that the numbers of groups are not needed.
    """
    whole = _GROUP_INDEX.sub("", name[:_MAX_PATH].removeprefix(workflow))
    path = _ITEM.sub(r".\1", whole)
    if (loop := _LOOP.search(whole)) and not _PLAIN.fullmatch(path):  # an item that contains a closing bracket
        path = f"{whole[: loop.start()]}.{loop[1]}"
    path = path.strip(".")
    known = path if path and free_name(path) else workflow
    return identifier(known[-_MAX_STEP_NAME:], limit=_MAX_STEP_NAME)


def lists(wanted: WatchConfig) -> list[ListWatch]:
    """A list for each namespace, or one for all namespaces; none if the settings disable workflows."""
    return [
        ListWatch(
            title="workflows",
            scope=scope or "*",
            partition=scope or "*",
            group=GROUP,
            version=VERSION,
            plural="workflows",
            namespace=scope,
            labels=_NOT_COMPLETED,
            optional=True,
            custom=True,
            wire=WireWorkflow,
            record=functools.partial(workflow_from_object, kinds=wanted.custom_kinds),
        )
        for scope in (wanted.scopes if wanted.workflows else ())
    ]


def related(workflow: Workflow, _: ObjectCache) -> set[Key]:
    """Only the workflow."""
    return {Key(WORKFLOWS, workflow.uid)}


def started(workflow: Workflow, _: ObjectCache) -> Iterator[Row]:
    """Start times of open steps."""
    for step in workflow.steps:
        if step.started is not None:
            yield (step.name, step.template, step.type), step.started


def limits(workflow: Workflow, cache: ObjectCache) -> Iterator[Row]:
    """Limits of steps that wait for a run."""
    for step in workflow.steps:
        if step.resource:
            yield (step.name,), step_limit(step, cache.run_of_step(workflow, step), cache)


def step_limit(step: Step, run: Run | None, cache: ObjectCache) -> float:
    """How long a step may wait for its run, in seconds.

    It is the creation deadline and the maximum run time of the run. The time until a Job starts counts in full, if it
    is longer: a Job may be suspended until there is quota. If the run is unknown, the defaults apply.
    """
    thresholds = cache.thresholds
    if run is None:
        return thresholds.job_creation_deadline + thresholds.job_max_runtime
    job = cache.newest_job(run)
    if run.state == "waiting" or (job is not None and job.suspended):
        return NEVER
    wait = thresholds.deadline_of(run)
    if job is None:
        return wait + thresholds.run_limit_of(run)
    started = cache.started(job)
    if started is not None and step.started is not None:
        wait = max(wait, started - step.started)
    return wait + cache.max_runtime_of(job)[0]


def runs(workflow: Workflow, cache: ObjectCache) -> Iterator[Row]:
    """Runs that steps wait for. The value lets a rule prefer the replica that knows the newest run and Job."""
    for step in workflow.steps:
        if not step.resource:
            continue
        run = cache.run_of_step(workflow, step)
        job = cache.newest_job(run) if run is not None else None
        newest = job or run
        labels = step.name, run.name if run else "", job.name if job else ""
        yield labels, (newest.created or 0.0) if newest else 0.0


def unreadable(workflow: Workflow, _: ObjectCache) -> Iterator[Row]:
    """Why the steps are unknown."""
    if workflow.unreadable:
        yield (workflow.unreadable,), 1


RESOURCE = Resource(
    name="workflows",
    table=WORKFLOWS,
    label_names=("namespace", "workflow"),
    lists=lists,
    related=related,
    families=(
        Family(
            name="workflow_step_started_timestamp_seconds",
            help="Start time of an open step of an Argo Workflow, in seconds since the epoch; no suspend steps.",
            label_names=("step", "template", "type"),
            rows=started,
        ),
        Family(
            name="workflow_step_limit_seconds",
            help="How long an open step may wait for its run, in seconds: the creation deadline and the maximum run"
            " time of the run; +Inf if a limit is disabled. Absent if the step waits for no run.",
            label_names=("step",),
            rows=limits,
            needs=("coderuns", "jobs"),
        ),
        Family(
            name="workflow_step_coderun_created_timestamp_seconds",
            help="Creation time of the newest Job of the run that an open step waits for, else of the run, in seconds"
            " since the epoch; 0 without these labels if the run is unknown.",
            label_names=("step", "coderun", "job_name"),
            rows=runs,
            needs=("coderuns", "jobs"),
        ),
        Family(
            name="workflow_idle_since_timestamp_seconds",
            help="Time at which the last node of a running workflow ended while no node is open, in seconds since the"
            " epoch.",
            value=lambda workflow, _: workflow.idle_since,
        ),
        Family(
            name="workflow_steps_unreadable",
            help="1 if the steps of the workflow cannot be read: offloaded (they are in a database), compression"
            " (they are compressed, and not with gzip), too_large (more than 16 MiB) or malformed.",
            label_names=("reason",),
            rows=unreadable,
        ),
    ),
)
