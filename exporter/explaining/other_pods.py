"""Pods of a dump that belong to no run and fail: one may be the platform's controller, a webhook or a driver."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from exporter.cache import Container, Pod
from exporter.diagnosis.explanation import Explanation, FindingView
from exporter.diagnosis.finding import MAX_EVIDENCE
from exporter.diagnosis.pods import waiting_reason
from exporter.plurals import plural
from exporter.untrusted import shorten

__all__ = ["OtherPod", "failing_note", "failing_pod", "with_failing_pods"]

_MIN_RESTARTS = 3
"""Restarts after which a container that runs at the time of the dump is expected to fail again."""
_CONTROLLER_CAUSES = frozenset(
    {
        *("controller_idle", "not_reconciled", "reconcile_failing", "run_not_updated"),
        *("job_missing", "no_worker", "job_deleting"),
    }
)
"""Causes that may mean that the controller is not running."""
_MAX_SHOWN = 3
_MAX_WHY_LENGTH = 120


class OtherPod(NamedTuple):
    """`why`: its container and how that fails."""

    namespace: str
    name: str
    why: str


def failing_pod(pod: Pod) -> OtherPod | None:
    """The Pod, if one of its containers fails, or no node fits it."""
    waits = pod.unscheduled if pod.state == "pending" and not pod.gated and not pod.node else ""
    why = shorten(waits, limit=_MAX_WHY_LENGTH) or next(filter(None, map(_why, pod.containers)), "")
    return OtherPod(pod.namespace, pod.name, why) if why and pod.deleted is None else None


def _why(one: Container) -> str:
    again = one.state == "running" and one.last_reason == "OOMKilled" and one.restarts >= _MIN_RESTARTS
    reason = "running" if again else waiting_reason(one)
    if not reason:
        return ""
    last = f", last {one.last_reason}" if one.last_reason else ""
    restarts = f", {plural(one.restarts, 'restart')}" if one.restarts else ""
    return f"container {one.name}: {reason}{last}{restarts}"


def with_failing_pods(run: Explanation, pods: Iterable[OtherPod]) -> Explanation:
    """Adds the failing pods of the run's namespace to the findings that a broken controller may explain."""
    near = [pod for pod in pods if pod.namespace == run.namespace]
    if not near or not any(one.cause in _CONTROLLER_CAUSES for one in run.findings):
        return run
    return msgspec.structs.replace(run, findings=tuple(_finding(one, near) for one in run.findings))


def _finding(one: FindingView, pods: Sequence[OtherPod]) -> FindingView:
    if one.cause not in _CONTROLLER_CAUSES:
        return one
    texts = (f"pod {pod.name} of this namespace fails: {pod.why}" for pod in pods[:_MAX_SHOWN])
    command = f"kubectl -n {shlex.quote(pods[0].namespace)} describe pod {shlex.quote(pods[0].name)}"
    evidence = shorten("; ".join((one.evidence, *texts)), limit=MAX_EVIDENCE)
    return msgspec.structs.replace(one, evidence=evidence, next=command)


def failing_note(runs: Iterable[Explanation], pods: Sequence[OtherPod]) -> Iterator[str]:
    """A note about the failing pods of all namespaces, if a run is not ok: one of them may explain it."""
    if pods and any(run.verdict != "ok" for run in runs):
        more = f" and {len(pods) - _MAX_SHOWN} more" if len(pods) > _MAX_SHOWN else ""
        texts = "; ".join(f"{pod.namespace}/{pod.name}: {pod.why}" for pod in pods[:_MAX_SHOWN])
        yield f"Pods that belong to no run and fail: {texts}{more}"
