"""Which pods use the volume that a pod waits for, and in which state they are: that decides what frees it.

A Multi-Attach error names the pods; for a claim of the access mode ReadWriteOncePod, they name the same claim.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from exporter.cache import Job, ObjectCache, Pod
from exporter.diagnosis.deletion import MAX_END_SECONDS
from exporter.diagnosis.explanation import Explanation, FindingView
from exporter.diagnosis.fixes_by_text import HOLDER_ENDS, HOLDER_IS_LOST, HOLDER_IS_OVER, HOLDER_STAYS, IN_USE
from exporter.diagnosis.pod import pod_findings
from exporter.diagnosis.pods import ended_main
from exporter.explaining.claims import Claims
from exporter.explaining.nodes import NodeState

__all__ = ["Holder", "VolumeHolders", "over_words"]

_USED: Final = re.compile(r"Multi-Attach|already exclusively attached|ReadWriteOncePod")
_NAMES: Final = re.compile(r"used by pod\(s\) ([a-z0-9., -]+)")
_VOLUME: Final = re.compile(r'for volume "([a-z0-9.-]+)"')
_ONE_POD: Final = "ReadWriteOncePod"
_MIN_SECONDS: Final = 60.0
"""Containers beside the main one may end shortly after it."""


class Holder(NamedTuple):
    """A pod that uses a volume: what is said of it, what frees the volume, and the command that shows more."""

    words: str
    fix: str
    command: str


class VolumeHolders:
    """The pods of a cache by the volumes that they use. `nodes`: the Nodes of a dump, by name."""

    def __init__(self, cache: ObjectCache, claims: Claims, nodes: Mapping[str, NodeState]) -> None:
        self._cache, self._claims, self._nodes = cache, claims, nodes
        self._jobs: dict[str, Job] = {job.uid: job for job in cache.jobs}
        self._pods = {(pod.namespace, pod.name): pod for pod in cache.pods}
        self._by_uid = {pod.uid: pod for pod in cache.pods}
        for job in self._jobs.values():
            if job.pod is not None:
                self._pods[job.namespace, job.name] = self._by_uid[job.uid] = job.pod

    def of(self, one: FindingView, run: Explanation) -> Sequence[Holder]:
        """The pods that use the volume for which the run waits; empty if it waits for another reason."""
        if one.cause != "volume_waiting" or not _USED.search(one.evidence):
            return ()
        waiting = [pod.name for worker in run.workers for pod in worker.pods]
        found: dict[str, tuple[str, Pod]] = {}
        if match := _NAMES.search(one.evidence):
            for name in match[1].split(", "):
                if (pod := self._pods.get((run.namespace, name))) is not None:
                    found[pod.uid] = ("", pod)
        else:
            found = {pod.uid: (claim, pod) for claim, pod in self._sharing(one.evidence, run.namespace, waiting)}
        return [self._holder(claim, pod) for claim, pod in found.values() if pod.node and not pod.is_over]

    def _sharing(self, evidence: str, namespace: str, waiting: Sequence[str]) -> Iterator[tuple[str, Pod]]:
        """The pods that name the claim that is in use, if it is known which one that is."""
        mine = [self._pods[namespace, name] for name in waiting if (namespace, name) in self._pods]
        names = {claim for pod in mine for claim in self._claims.of_pod(pod.uid)}
        claims = sorted(claim for claim in names if self._is_meant(evidence, namespace, claim) is not False)
        if len(claims) != 1:
            return
        uids, others = self._claims.users(namespace, claims[0])
        own = {pod.uid for pod in mine}
        yield from ((claims[0], self._by_uid[uid]) for uid in uids if uid not in own and uid in self._by_uid)
        yield from ((claims[0], pod) for pod in others)

    def _is_meant(self, evidence: str, namespace: str, claim: str) -> bool | None:
        """Whether the evidence is about this claim; None if that is unknown."""
        if _ONE_POD in evidence:
            return self._claims.is_for_one_pod(namespace, claim)
        volume, match = self._claims.volume(namespace, claim), _VOLUME.search(evidence)
        return None if volume is None or match is None else volume == match[1]

    def _holder(self, claim: str, pod: Pod) -> Holder:
        job = self._jobs.get(pod.owner) or self._jobs.get(pod.uid)
        run = self._cache.run_of(job) if job is not None else None
        who = f"pod {pod.name}" + (f" of {run.kind} {run.name}" if run is not None and not run.shared else "")
        text, fix = self._state(who, job, pod)
        names = f"-n {shlex.quote(pod.namespace)}", f"pod {shlex.quote(pod.name)}"
        command = f"kubectl {names[0]} get {names[1]} -o wide"
        if fix == HOLDER_IS_LOST:
            command = f"kubectl describe nodes {shlex.quote(pod.node)}"
        elif fix == HOLDER_STAYS:
            command = f"kubectl {names[0]} describe {names[1]}"
        return Holder(f"claim {claim}: {text}" if claim else text, fix, command)

    def _state(self, who: str, job: Job | None, pod: Pod) -> tuple[str, str]:
        if self._is_lost(pod):
            state = "is terminating" if pod.deleted is not None else "is"
            return f"{who} {state} on node {pod.node}, which does not respond", HOLDER_IS_LOST
        if pod.deleted is not None:
            late = self._cache.now - pod.deleted >= MAX_END_SECONDS
            return f"{who} is terminating" + (
                ", and does not end" if late else ""
            ), HOLDER_STAYS if late else HOLDER_ENDS
        if job is not None and pod.state == "running" and (over := over_words(job, pod, self._cache)):
            return over, HOLDER_IS_OVER
        return f"{who} is {pod.state}", IN_USE

    def _is_lost(self, pod: Pod) -> bool:
        node = self._nodes.get(pod.node)
        if node is not None:
            return node.is_lost
        return any(one.cause == "node_lost" for one in pod_findings(pod, self._cache))


def over_words(job: Job, pod: Pod, cache: ObjectCache) -> str:
    """That a running pod outlives its agent or its run; empty if it does not."""
    run, main = cache.run_of(job), ended_main(pod)
    if run is None or run.shared:
        return ""
    has_ended = main is not None and main.since is not None and cache.now - main.since >= _MIN_SECONDS
    over = f"which is {run.phase}" if run.terminal else "whose agent has ended" if has_ended else ""
    return f"pod {pod.name} of {run.kind} {run.name}, {over}, still runs" if over else ""
