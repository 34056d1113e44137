"""Pods of a dump that belong to no run and fail: one may be the platform's controller, a webhook or a driver."""

import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from exporter.cache import Container, Pod
from exporter.diagnosis.explanation import Explanation
from exporter.diagnosis.pods import waiting_reason
from exporter.plurals import plural
from exporter.untrusted import shorten

__all__ = ["OtherPod", "failing_note", "failing_pod"]

_MIN_RESTARTS = 3
"""Restarts after which a container that runs at the time of the dump is expected to fail again."""
_FIRST_RESTARTS = 6
_BACK_OFF_SECONDS = 300.0
"""The maximum time between two restarts, which the kubelet reaches after 6 of them."""
_MAX_SHOWN = 3
_MAX_WHY_LENGTH = 250


class OtherPod(NamedTuple):
    """`why`: its container and how that fails. `unready`: since when it is not ready, in seconds since the epoch."""

    namespace: str
    name: str
    why: str
    node: str = ""
    unready: float | None = None
    restarts: int = 0
    labels: Mapping[str, str] = types.MappingProxyType({})

    def failing_since(self, now: float | None) -> float | None:
        """When it began to fail, at the latest; None if that is unknown. It may have been ready in between."""
        by_restarts = now - _BACK_OFF_SECONDS * (self.restarts - _FIRST_RESTARTS) if now else None
        known = [self.unready, by_restarts if self.restarts > _FIRST_RESTARTS else None]
        return min((at for at in known if at is not None), default=None)


def failing_pod(pod: Pod) -> OtherPod | None:
    """The Pod, if one of its containers fails, or no node fits it."""
    waits = pod.unscheduled if pod.state == "pending" and not pod.gated and not pod.node else ""
    why = shorten(waits, limit=_MAX_WHY_LENGTH) or next(filter(None, map(_why, pod.containers)), "")
    if not why or pod.deleted is not None:
        return None
    restarts = max((one.restarts for one in pod.containers), default=0)
    return OtherPod(pod.namespace, pod.name, why, pod.node, pod.ready_since if pod.ready is False else None, restarts)


def _why(one: Container) -> str:
    again = one.state == "running" and one.last_reason == "OOMKilled" and one.restarts >= _MIN_RESTARTS
    reason = "running" if again else waiting_reason(one)
    if not reason:
        return ""
    last = f", last {one.last_reason}" if one.last_reason else ""
    restarts = f", {plural(one.restarts, 'restart')}" if one.restarts else ""
    kind = "init container" if one.role == "init" else "container"
    text = f": {one.message}" if one.message and one.state == "waiting" and one.reason != "CrashLoopBackOff" else ""
    return shorten(f"{kind} {one.name}: {reason}{last}{restarts}{text}", limit=_MAX_WHY_LENGTH)


def failing_note(runs: Iterable[Explanation], pods: Sequence[OtherPod]) -> Iterator[str]:
    """A note about the failing pods of all namespaces, if a run is not ok: one of them may explain it."""
    if pods and any(run.verdict != "ok" for run in runs):
        more = f" and {len(pods) - _MAX_SHOWN} more" if len(pods) > _MAX_SHOWN else ""
        texts = "; ".join(f"{pod.namespace}/{pod.name}: {pod.why}" for pod in pods[:_MAX_SHOWN])
        yield f"Pods that belong to no run and fail: {texts}{more}"
