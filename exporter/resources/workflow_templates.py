"""Argo WorkflowTemplates: wire type, records, lists and watches, and the metric family. They are optional.

They are read only to find templates that create runs, or wait for runs, and have no time limit.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from exporter.cache import WORKFLOW_TEMPLATES, Key, ObjectCache, WorkflowTemplate
from exporter.exposition.family import Family, Row
from exporter.resources.kinds import RunKind
from exporter.resources.objects import Meta, intern_label, object_name
from exporter.resources.resource import ListWatch, Resource
from exporter.resources.wanted import WatchConfig
from exporter.resources.workflow_manifests import CREATES, reference_in, run_kind_of
from exporter.resources.workflow_objects import ResourceTemplate
from exporter.resources.workflows import GROUP, VERSION

__all__ = ["RESOURCE", "WireWorkflowTemplate", "unbounded_steps", "workflow_template_from_object"]

_MAX_STEPS: Final = 100
"""Maximum number of templates of an object that are exposed."""
_MAX_DEPTH: Final = 10
"""Maximum depth of templates that are inline in templates."""
_NO_LIMIT: Final = frozenset({"", "0", "0s", "0m", "0h"})

Limit = str | int | float | None


class Holder(msgspec.Struct):
    """A step, or a task of a DAG, which may have an inline template."""

    name: str | None = None
    inline: "WireTemplate | None" = None


class Dag(msgspec.Struct):
    """`dag` of a template."""

    tasks: list[Holder] | None = None


class WireTemplate(msgspec.Struct, rename="camel"):
    """A template, with its time limits. A `retryStrategy` is not a time limit: it does not end a step that waits."""

    name: str | None = None
    resource: ResourceTemplate | None = None
    active_deadline_seconds: Limit = None
    timeout: Limit = None
    steps: list[list[Holder]] | None = None
    dag: Dag | None = None


class Spec(msgspec.Struct, rename="camel"):
    """`spec`."""

    templates: list[WireTemplate] | None = None
    template_defaults: WireTemplate | None = None


class WireWorkflowTemplate(msgspec.Struct):
    """A WorkflowTemplate on the wire."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: Spec | None = None


def workflow_template_from_object(item: WireWorkflowTemplate, *, kinds: Sequence[RunKind]) -> WorkflowTemplate:
    """The record of a WorkflowTemplate."""
    meta = item.metadata
    return WorkflowTemplate(
        uid=meta.uid or f"{meta.namespace or ''}/{meta.name or ''}",
        namespace=intern_label(meta.namespace),
        name=object_name(meta.name),
        unbounded=unbounded_steps(item.spec or Spec(), kinds=kinds),
    )


def unbounded_steps(spec: Spec, *, kinds: Sequence[RunKind]) -> tuple[str, ...]:
    """The names of the templates that create a run, or get one and wait for it, and have no time limit.

    The name of an inline template is that of its step, after the name of the template that contains it.
    `activeDeadlineSeconds` of the workflow is not a time limit of a step: it includes suspend steps.
    """
    if spec.template_defaults is not None and _is_bounded(spec.template_defaults):
        return ()
    found: dict[str, None] = {}
    for name, template in _templates(spec.templates or (), ""):
        if _waits(template, kinds) and not _is_bounded(template):
            found[intern_label(name)] = None
            if len(found) == _MAX_STEPS:
                break
    return tuple(found)


def _templates(some: Sequence[WireTemplate], path: str, depth: int = 0) -> Iterator[tuple[str, WireTemplate]]:
    """All templates with their names, including inline ones."""
    for template in some:
        name = path or template.name or ""
        yield name, template
        if depth == _MAX_DEPTH:
            continue
        holders = [*(one for group in template.steps or () for one in group), *((template.dag or Dag()).tasks or ())]
        for one in holders:
            if one.inline is not None:
                yield from _templates([one.inline], f"{name}.{one.name or ''}", depth + 1)


def _waits(template: WireTemplate, kinds: Sequence[RunKind]) -> bool:
    """Whether a template creates a run, or gets one until a condition holds."""
    resource = template.resource
    if resource is None or not resource.manifest:
        return False
    waits = resource.action == "get" and bool(resource.success_condition or resource.failure_condition)
    is_relevant = resource.action in CREATES or waits
    return is_relevant and run_kind_of(reference_in(resource.manifest), kinds) is not None


def _is_bounded(template: WireTemplate) -> bool:
    return any(
        limit is not None and str(limit).strip() not in _NO_LIMIT
        for limit in (template.active_deadline_seconds, template.timeout)
    )


def lists(wanted: WatchConfig) -> list[ListWatch]:
    """A list for each namespace, or one for all namespaces; none if the settings disable workflows."""
    return [
        ListWatch(
            title="workflowtemplates",
            scope=scope or "*",
            partition=scope or "*",
            group=GROUP,
            version=VERSION,
            plural="workflowtemplates",
            namespace=scope,
            optional=True,
            custom=True,
            wire=WireWorkflowTemplate,
            record=functools.partial(workflow_template_from_object, kinds=wanted.custom_kinds),
        )
        for scope in (wanted.scopes if wanted.workflows else ())
    ]


def related(template: WorkflowTemplate, _: ObjectCache) -> set[Key]:
    """Only the WorkflowTemplate."""
    return {Key(WORKFLOW_TEMPLATES, template.uid)}


def unbounded(template: WorkflowTemplate, _: ObjectCache) -> Iterator[Row]:
    """Templates without a time limit."""
    for name in template.unbounded:
        yield (name,), 1


RESOURCE = Resource(
    name="workflowtemplates",
    table=WORKFLOW_TEMPLATES,
    label_names=("namespace", "template"),
    lists=lists,
    related=related,
    families=(
        Family(
            name="workflow_template_unbounded_step",
            help="1 for a template of a WorkflowTemplate that creates a run, or waits for one, and has neither"
            " timeout nor activeDeadlineSeconds.",
            label_names=("step",),
            rows=unbounded,
        ),
    ),
)
