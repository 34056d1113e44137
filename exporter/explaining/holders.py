"""Who holds what a run waits for: pods of its namespace that still run after the end of their agent or their run.

They count in a quota, and hold ports, devices, CPU and memory. A Multi-Attach error names the pods that use a volume.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from exporter.cache import Job, ObjectCache, Pod
from exporter.diagnosis.explanation import Explanation, FindingView
from exporter.diagnosis.finding import MAX_EVIDENCE
from exporter.diagnosis.pods import ended_main
from exporter.untrusted import shorten

__all__ = ["Holders"]

_WAITS: Final = {
    "quota": re.compile("exceeded quota"),
    "unschedulable": re.compile("Insufficient|free ports|allocate all claims|Too many pods"),
}
"""By cause, the evidence that something is in use."""
_USERS: Final = re.compile(r"used by pod\(s\) ([a-z0-9., -]+)")
_MIN_SECONDS: Final = 60.0
"""Containers beside the main one may end shortly after it."""
_MAX_SHOWN: Final = 2


class Holders:
    """The pods of a cache, as those that hold something."""

    def __init__(self, cache: ObjectCache) -> None:
        self._cache = cache
        self._found: dict[str, list[str]] = {}

    def added_to(self, run: Explanation) -> Explanation:
        """The explanation, with the pods that hold what the run waits for in the evidence."""
        return msgspec.structs.replace(run, findings=tuple(self._with(one, run) for one in run.findings))

    def _with(self, one: FindingView, run: Explanation) -> FindingView:
        texts: list[str] = []
        if (pattern := _WAITS.get(one.cause)) and pattern.search(one.evidence):
            texts = self._left(run.namespace)
        elif one.cause == "volume_waiting" and (match := _USERS.search(one.evidence)):
            texts = [*self._users(run.namespace, set(match[1].split(", ")))]
        if not texts:
            return one
        more = f" and {len(texts) - _MAX_SHOWN} more" if len(texts) > _MAX_SHOWN else ""
        added = "; ".join(texts[:_MAX_SHOWN]) + more
        evidence = f"{shorten(one.evidence.removesuffix('.'), limit=MAX_EVIDENCE - len(added) - 2)}; {added}"
        return msgspec.structs.replace(one, evidence=evidence)

    def _left(self, namespace: str) -> list[str]:
        """The pods of the namespace whose agent or run has ended."""
        if namespace not in self._found:
            jobs = (job for job in self._cache.jobs if job.namespace == namespace and not job.result)
            self._found[namespace] = [
                text for job in jobs for pod in self._pods(job) if (text := self._end(job, pod))
            ]
        return self._found[namespace]

    def _pods(self, job: Job) -> Iterator[Pod]:
        yield from (pod for pod in self._cache.pods_of(job) if pod.state == "running")

    def _end(self, job: Job, pod: Pod) -> str:
        run, main = self._cache.run_of(job), ended_main(pod)
        if run is None or run.shared:
            return ""
        has_ended = main is not None and main.since is not None and self._cache.now - main.since >= _MIN_SECONDS
        over = f"which is {run.phase}" if run.terminal else "whose agent has ended" if has_ended else ""
        return f"pod {pod.name} of {run.kind} {run.name}, {over}, still runs" if over else ""

    def _users(self, namespace: str, names: set[str]) -> Iterator[str]:
        """The runs of these pods."""
        for job in self._cache.jobs:
            if job.namespace != namespace or job.result:
                continue
            for pod in self._cache.pods_of(job):
                run = self._cache.run_of(job)
                if pod.name in names and run is not None:
                    yield self._end(job, pod) or f"pod {pod.name} is of {run.kind} {run.name}"
