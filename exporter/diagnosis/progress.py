"""Slow steps of the start of a Pod that report progress: no fault as long as they report it, for up to 30 min.

The kubelet changes the owner of every file of a volume with `fsGroup`, and reports that each minute. Its client lets
only one Event through in five minutes after the first 25: pkg/volume/volume_linux.go.
"""

from typing import Final

from exporter.cache import Event, ObjectCache, Pod

__all__ = ["CHANGES_OWNER", "owner_change", "progress_grace"]

CHANGES_OWNER: Final = "VolumePermissionChangeInProgress"
_STEP_SECONDS: Final = 600.0
"""A step that has reported nothing for this time has stopped, or hangs."""
_MAX_SECONDS: Final = 1800.0
"""A start that takes longer is late, also if it makes progress."""


def progress_grace(pod: Pod, step: Event | None) -> float:
    """Seconds after the creation of the Pod until which this step may still end; 0 without one."""
    if step is None or step.last is None or pod.created is None:
        return 0.0
    return max(min(step.last + _STEP_SECONDS - pod.created, _MAX_SECONDS), 0.0)


def owner_change(pod: Pod, cache: ObjectCache) -> Event | None:
    """The newest Event that the kubelet changes the owner of the files of a volume, if it may still do so."""
    if pod.sandbox_since is not None or any(one.state in {"running", "terminated"} for one in pod.containers):
        return None
    event = next((one for one in cache.events_about(pod.uid) if one.reason == CHANGES_OWNER), None)
    is_recent = event is not None and event.last is not None and cache.now - event.last < _STEP_SECONDS
    return event if is_recent else None
