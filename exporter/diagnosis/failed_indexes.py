"""Indexes of a Job that have failed for good while others continue: the Job can no longer succeed.

https://kubernetes.io/docs/concepts/workloads/controllers/job/#backoff-limit-per-index
"""

from collections.abc import Iterator

import msgspec

from exporter.cache import Job, ObjectCache, Pod
from exporter.diagnosis.finding import MAX_EVIDENCE, Finding, found, of_job
from exporter.diagnosis.pod import few_findings, pod_findings
from exporter.untrusted import shorten

__all__ = ["failed_indexes"]


def failed_indexes(job: Job, cache: ObjectCache) -> Iterator[Finding]:
    """The failures of these indexes: those of their newest Pods, or that of the Job if the Pods are gone."""
    if not job.failed_indexes or job.result:
        return
    failed = (pod for pod in cache.pods_of(job) if pod.phase == "Failed" and pod.index is not None)
    newest = {pod.index: pod for pod in failed if _contains(job.failed_indexes, pod.index or 0)}
    every = [*few_findings(newest.values(), lambda pod: _of_index(pod, cache))]
    if not every:
        text = f"Job {job.name} will fail after the other indexes: {job.failed_indexes} failed for good"
        every = [msgspec.structs.replace(found("job_failed", text, about=of_job(job)), at_once=True)]
    yield from every


def _contains(intervals: str, index: int) -> bool:
    for one in intervals.split(","):
        first, _, last = one.partition("-")
        if int(first) <= index <= int(last or first):
            return True
    return False


def _of_index(pod: Pod, cache: ObjectCache) -> Iterator[Finding]:
    """The findings of the Pod of an index, which has no retry left."""
    words = f"index {pod.index} has failed for good, so the Job will fail after the others: "
    for one in pod_findings(pod, cache):
        evidence = words + shorten(one.evidence, limit=MAX_EVIDENCE - len(words))
        yield msgspec.structs.replace(one, evidence=evidence, at_once=True)
