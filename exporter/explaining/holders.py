"""Who holds what a run waits for: pods of its namespace that still run after the end of their agent or their run.

They count in a quota, and hold ports, devices, CPU and memory. Of a volume, all pods that use it are named.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from exporter.cache import ObjectCache
from exporter.diagnosis.explanation import Explanation, FindingView
from exporter.diagnosis.finding import MAX_EVIDENCE
from exporter.diagnosis.fixes_by_text import IN_USE
from exporter.explaining.snapshot import Snapshot
from exporter.explaining.volume_holders import Holder, VolumeHolders, over_words
from exporter.untrusted import shorten

__all__ = ["Holders"]

_WAITS: Final = {
    "quota": re.compile("exceeded quota"),
    "unschedulable": re.compile("Insufficient|free ports|allocate all claims|Too many pods"),
}
"""By cause, the evidence that something is in use."""
_MAX_SHOWN: Final = 2


class Holders:
    """The pods of a cache, as those that hold something."""

    def __init__(self, cache: ObjectCache, snapshot: Snapshot) -> None:
        self._cache = cache
        self._volumes = VolumeHolders(cache, snapshot.claims, snapshot.nodes)
        self._found: dict[str, list[str]] = {}

    def added_to(self, run: Explanation) -> Explanation:
        """The explanation, with the pods that hold what the run waits for in the evidence."""
        return msgspec.structs.replace(run, findings=tuple(self._with(one, run) for one in run.findings))

    def _with(self, one: FindingView, run: Explanation) -> FindingView:
        if (pattern := _WAITS.get(one.cause)) and pattern.search(one.evidence):
            return _named(one, self._left(run.namespace))
        if holders := self._volumes.of(one, run):
            return _of_volume(one, holders)
        return one

    def _left(self, namespace: str) -> list[str]:
        """The pods of the namespace whose agent or run has ended."""
        if namespace not in self._found:
            jobs = (job for job in self._cache.jobs if job.namespace == namespace and not job.result)
            pods = ((job, pod) for job in jobs for pod in self._cache.pods_of(job) if pod.state == "running")
            self._found[namespace] = [text for job, pod in pods if (text := over_words(job, pod, self._cache))]
        return self._found[namespace]


def _of_volume(one: FindingView, holders: Sequence[Holder]) -> FindingView:
    """The finding with the pods that use the volume. If they are in different states, the fix ends none of them."""
    fixes = {holder.fix for holder in holders}
    fix = fixes.pop() if len(fixes) == 1 else IN_USE
    found = _named(one, [holder.words for holder in holders])
    return msgspec.structs.replace(found, fix=fix, next=holders[0].command)


def _named(one: FindingView, texts: Sequence[str]) -> FindingView:
    if not texts:
        return one
    more = f" and {len(texts) - _MAX_SHOWN} more" if len(texts) > _MAX_SHOWN else ""
    added = "; ".join(texts[:_MAX_SHOWN]) + more
    evidence = f"{shorten(one.evidence.removesuffix('.'), limit=MAX_EVIDENCE - len(added) - 2)}; {added}"
    return msgspec.structs.replace(one, evidence=evidence)
