"""The stages in which the kubelet starts a Pod, and the Events of an earlier attempt that later ones make void.

At each attempt it passes them in this order: pkg/kubelet/kubelet.go, then its kuberuntime_manager.go.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from exporter.cache import Event

__all__ = ["PROGRESS", "is_history", "recent"]

PROGRESS: Final = frozenset({"SandboxChanged", "Pulling", "Pulled"})
"""Reasons of Events of type `Normal` that prove a stage."""
_REASONS: Final = (
    ("NetworkNotReady", "FailedCreatePodContainer", "FailedKillPod"),
    ("FailedMount", "FailedAttachVolume", "FailedMapVolume", "VolumeResizeFailed"),
    ("FailedCreatePodSandBox", "SandboxChanged"),
    ("Pulling", "Pulled", "Failed", "BackOff", "InspectFailed", "ErrImageNeverPull"),
)
_STAGES: Final = {reason: number for number, reasons in enumerate(_REASONS) for reason in reasons}
_REPORTED_ONCE: Final = "FailedAttachVolume"
"""The attach-detach controller reports a volume that is in use once, not at each attempt."""
_HISTORY_SECONDS: Final = 1800.0
"""The kubelet repeats a failure every two minutes; its client lets one Event through in five minutes."""


def is_history(event: Event, others: Iterable[Event]) -> bool:
    """Whether a later Event of the same object shows that the kubelet has passed this stage, or fails elsewhere."""
    stage = _STAGES.get(event.reason)
    if stage is None or event.last is None:
        return False
    return any(_is_past(event.last, stage, other, event.reason) for other in others)


def _is_past(last: float, stage: int, other: Event, reason: str) -> bool:
    its = _STAGES.get(other.reason)
    if its is None or other.last is None or other.last <= last:
        return False
    return its > stage or (other.last - last >= _HISTORY_SECONDS and not (its == stage and reason == _REPORTED_ONCE))


def recent(events: Sequence[Event]) -> list[Event]:
    """Drops Events that were last seen long before the newest one: a failure that continues is reported again."""
    newest = max((event.last for event in events if event.last is not None), default=0.0)
    return [event for event in events if event.last is None or newest - event.last < _HISTORY_SECONDS]
