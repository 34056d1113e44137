"""Checks the optional lists and watches: Pods of Jobs, Events, Argo Workflows. A failure is a note.

Each WorkflowTemplate with steps that wait for a run without a time limit is a note, too.
"""

import asyncio
import dataclasses
from collections.abc import Sequence

from exporter.cache import EVENTS, Pod, WorkflowTemplate
from exporter.checks.finding import NOTE, CheckResult, Finding
from exporter.checks.reading import ListResult, list_and_watch, where
from exporter.informers import Informer
from exporter.kube.client import KubeClient
from exporter.kube.errors import ForbiddenError

__all__ = ["check_optional"]

_TITLES = {
    "job_pods": "pods of Jobs",
    "events": "events",
    "workflows": "workflows",
    "workflowtemplates": "workflow templates",
}
_MAX_NAMES = 5
_WITHOUT = {
    "job_pods": "causes do not name what the Pods of Jobs wait for",
    "events": "causes do not have the words of Events",
    "workflows": "no alert reports a step of a workflow that waits too long",
    "workflowtemplates": "no alert reports a step without a time limit",
}


async def check_optional(client: KubeClient, informers: Sequence[Informer]) -> CheckResult:
    """A finding for each namespace, or one for all."""
    results = await asyncio.gather(
        *(
            list_and_watch(client, _without_objects(informer), summarize=lambda record, _: record)
            for informer in informers
        )
    )
    pods = [pod for result in results for pod in result.records.values() if isinstance(pod, Pod)]
    templates = [
        record for result in results for record in result.records.values() if isinstance(record, WorkflowTemplate)
    ]
    findings = [*map(_finding, results), *(_unbounded(one) for one in templates if one.unbounded)]
    return CheckResult(findings=findings, namespaces=frozenset(), pods=pods)


def _unbounded(template: WorkflowTemplate) -> Finding:
    names = ", ".join(template.unbounded[:_MAX_NAMES])
    more = f" and {len(template.unbounded) - _MAX_NAMES} more" if len(template.unbounded) > _MAX_NAMES else ""
    text = f"no time limit: {names}{more} may wait for a run for ever; set timeout on each of these templates"
    return Finding(status=NOTE, subject=f"workflow template {template.namespace}/{template.name}", text=text)


def _without_objects(informer: Informer) -> Informer:
    """Selects a name that no Event has, because there may be many Events. The permission is the same."""
    if informer.table != EVENTS:
        return informer
    return dataclasses.replace(informer, watch=dataclasses.replace(informer.watch, name="coderun-exporter-check"))


def _finding(result: ListResult) -> Finding:
    resource = result.informer.resource
    subject = f"{_TITLES[resource]} in {where(result.informer.status.scope.partition('/')[0])}"
    if not result.failed:
        return result.success(subject=subject, found="")
    found = result.finding(subject=subject, area=_TITLES[resource])
    text = f"{found.text}; without them, {_WITHOUT[resource]}"
    cause = "" if isinstance(result.error, ForbiddenError) else found.cause  # another list may be required
    return dataclasses.replace(found, status=NOTE, text=text, cause=cause)
