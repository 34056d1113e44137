"""Checks whether the Pods of Jobs and Events can be listed and watched. Both are optional: a failure is a note."""

import asyncio
import dataclasses
from collections.abc import Sequence

from exporter.cache import EVENTS, Pod
from exporter.checks.finding import NOTE, CheckResult, Finding
from exporter.checks.reading import ListResult, list_and_watch, where
from exporter.informers import Informer
from exporter.kube.client import KubeClient
from exporter.kube.errors import ForbiddenError

__all__ = ["check_optional"]

_TITLES = {"job_pods": "pods of Jobs", "events": "events"}
_WITHOUT = {
    "job_pods": "causes do not name what the Pods of Jobs wait for",
    "events": "causes do not have the words of Events",
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
    return CheckResult(findings=[*map(_finding, results)], namespaces=frozenset(), pods=pods)


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
