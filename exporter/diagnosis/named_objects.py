"""An object that a Pod names, and that does not exist: not a ConfigMap, Secret or claim, but one of an extension.

The text is that of the API server: `RESOURCE.GROUP "NAME" not found`. Only resources count that the template of a pod
can name: plugins and controllers look for objects of their own too.
"""

import re
import shlex
from collections.abc import Iterable
from typing import Final

from exporter.cache import Event, ObjectCache, Pod
from exporter.diagnosis.events import began, holding, words
from exporter.diagnosis.finding import Finding, found, of_pod
from exporter.diagnosis.stages import recent

__all__ = ["named_object_finding"]

_MISSING: Final = re.compile(
    r"\b(?P<resource>(?:resourceclaims|resourceclaimtemplates?|resourceclaim|deviceclass(?:es)?"
    r"|network-attachment-definitions|ippools|secretproviderclass(?:es)?)\.[a-z0-9.-]{1,80})"
    r" \"(?P<name>[a-z0-9.-]{1,253})\" not found"
)
_CLAIM: Final = re.compile(r"resource ?claim|device ?class", re.IGNORECASE)


def named_object_finding(pod: Pod, cache: ObjectCache) -> Finding | None:
    """The finding of a pending Pod; None if its Events name no such object.

    Of several Events about it, the shortest one is the evidence. The scheduler no longer waits for a claim that it
    does not name.
    """
    if pod.unscheduled and not pod.node and not _CLAIM.search(pod.unscheduled):
        return None
    event = _shortest(recent(holding(pod, cache.events_about(pod.uid))))
    match = _MISSING.search(event.note) if event is not None else None
    if event is None or match is None:
        return None
    command = f"kubectl -n $namespace get {match['resource']} {shlex.quote(match['name'])}"
    return found("pod_object_missing", words(event), about=of_pod(pod), since=began(event), command=command)


def _shortest(events: Iterable[Event]) -> Event | None:
    return min((one for one in events if _MISSING.search(one.note)), key=lambda one: len(one.note), default=None)
