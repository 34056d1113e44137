"""The stages in which the kubelet starts a Pod, and the Events of an earlier attempt that later ones make void.

At each attempt it passes them in this order: pkg/kubelet/kubelet.go, then its kuberuntime_manager.go.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from exporter.cache import Event

__all__ = ["PROGRESS", "is_harmless", "is_history", "pull_in_progress", "recent"]

PROGRESS: Final = frozenset({"SandboxChanged", "Pulling", "Pulled"})
"""Reasons of Events of type `Normal` that prove a stage."""
_REASONS: Final = (
    ("NetworkNotReady", "FailedCreatePodContainer", "FailedKillPod"),
    ("FailedMount", "FailedAttachVolume", "FailedMapVolume", "VolumeResizeFailed"),
    ("FailedPrepareDynamicResources", "FailedCreatePodSandBox", "SandboxChanged"),
    ("Pulling", "Pulled", "Failed", "BackOff", "InspectFailed", "ErrImageNeverPull"),
)
_STAGES: Final = {reason: number for number, reasons in enumerate(_REASONS) for reason in reasons}
_REPORTED_ONCE: Final = "FailedAttachVolume"
"""The attach-detach controller reports a volume that is in use once, not at each attempt."""
_HARMLESS: Final = re.compile(r"failed to sync (configmap|secret) cache|object \S+ not registered")
"""The kubelet has not read the object yet. This happens at the start of a pod, and after a restart of the kubelet."""
_HARMLESS_SECONDS: Final = 120.0
_HISTORY_SECONDS: Final = 1800.0
"""The kubelet repeats a failure every two minutes; its client lets one Event through in five minutes."""


def is_harmless(event: Event) -> bool:
    """Whether it is a failure that the kubelet mends within seconds, and that it has not repeated for long."""
    if _HARMLESS.search(event.note) is None:
        return False
    return event.first is None or event.last is None or event.last - event.first < _HARMLESS_SECONDS


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


def pull_in_progress(events: Sequence[Event]) -> Event | None:
    """The newest Event about the stages of a Pod, if it says that an image is being pulled. Only a dump has it."""
    newest = next((event for event in events if event.reason in _STAGES), None)
    return newest if newest is not None and newest.reason == "Pulling" else None


def recent(events: Sequence[Event]) -> list[Event]:
    """Drops Events that were last seen long before the newest one: a failure that continues is reported again."""
    newest = max((event.last for event in events if event.last is not None), default=0.0)
    return [event for event in events if event.last is None or newest - event.last < _HISTORY_SECONDS]
