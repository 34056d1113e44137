"""Suspended workers of a dump that the controller of their queue has not processed, because it fails."""

import re
import shlex
from collections.abc import Sequence
from typing import Final

import msgspec

from exporter.diagnosis.causes import CAUSES
from exporter.diagnosis.explanation import Explanation, FindingView
from exporter.diagnosis.fixes import FIXES
from exporter.explaining.other_pods import OtherPod
from exporter.explaining.workloads_down import DownWorkload

__all__ = ["with_queue_controller"]

_ABSENT: Final = "queue_absent"
_UNANSWERED: Final = re.compile(r"is suspended by queue \S+$|has the scheduling gate kueue\.x-k8s\.io/admission$")
"""The evidence if Kueue has said nothing about the worker."""
_KUEUE: Final = "kueue"
_MIN_SECONDS: Final = 300.0


def with_queue_controller(run: Explanation, pods: Sequence[OtherPod], down: Sequence[DownWorkload]) -> Explanation:
    """The explanation; a worker that Kueue has not processed for five minutes is a fault if its controller fails."""
    why = next(
        (f"pod {pod.namespace}/{pod.name} fails: {pod.why}" for pod in pods if _is_kueue(pod)),
        next((f"{one.kind} {one.namespace}/{one.name} {one.why}" for one in down if _is_kueue(one)), ""),
    )
    waits = [one for one in run.findings if one.cause == "suspended" and _UNANSWERED.search(one.evidence)]
    if not why or not waits or run.observed is None:
        return run
    one = waits[0]
    if one.since is None or (run.observed - one.since).total_seconds() < _MIN_SECONDS:
        return run
    info, first = CAUSES[_ABSENT], next((pod for pod in pods if _is_kueue(pod)), None)
    command = info.next
    if first is not None:
        command = f"kubectl -n {shlex.quote(first.namespace)} describe pod {shlex.quote(first.name)}"
    absent = FindingView(
        cause=_ABSENT,
        fault=True,
        evidence=f"{one.evidence}, and Kueue has not processed it; {why}",
        since=one.since,
        meaning=info.meaning,
        act=info.act,
        next=command,
        fix=FIXES[_ABSENT],
    )
    found = tuple(absent if item is one else item for item in run.findings)
    return msgspec.structs.replace(run, findings=found, verdict="fault")


def _is_kueue(item: OtherPod | DownWorkload) -> bool:
    return _KUEUE in item.name and "viz" not in item.name
