"""Why a scheduled Pod whose containers are all being created does not start: its Events are the only word."""

import re
from collections.abc import Iterator
from typing import Final

from exporter.cache import ObjectCache, Pod
from exporter.diagnosis.events import latest, words
from exporter.diagnosis.finding import Finding, found, of_pod
from exporter.diagnosis.refusals import refusal_of

__all__ = ["missing_object", "mount_findings", "volume_cause"]

_FORMS: Final = (
    r"{0}s? \"?[^ \"]+\"? not found",
    r"key.{{0,80}} in {0}",
    r"references non-existent {1} key",
)
"""How the kubelet names a missing ConfigMap or Secret, or a missing key of one."""
_MISSING: Final = tuple(
    (cause, re.compile("|".join(_FORMS).format(kind, word), re.IGNORECASE))
    for cause, kind, word in (
        ("pod_secret_missing", "secret", "secret"),
        ("pod_configmap_missing", "configmap", "config"),
    )
)
_VOLUMES: Final = re.compile(
    r"PersistentVolumeClaim|persistentvolume|volume node affinity|volume binding|Multi-Attach|storageclass",
    re.IGNORECASE,
)
_MOUNT: Final = ("FailedMount", "FailedAttachVolume", "FailedMapVolume", "VolumeResizeFailed")
_SANDBOX: Final = ("FailedCreatePodSandBox", "FailedCreatePodContainer", "NetworkNotReady", "FailedKillPod")


def missing_object(text: str) -> str:
    """The cause, if the text names a ConfigMap or Secret, or a key of one, that does not exist; else empty."""
    return next((cause for cause, pattern in _MISSING if pattern.search(text)), "")


def volume_cause(text: str) -> str:
    """`volume_waiting` if the scheduler waits for a volume; else empty."""
    return "volume_waiting" if _VOLUMES.search(text) else ""


def mount_findings(pod: Pod, cache: ObjectCache) -> Iterator[Finding]:
    """The most telling Event: a missing object, then a volume, then the sandbox."""
    mounts = [*latest(cache, pod.uid, *_MOUNT)]
    for event in mounts:
        refused = refusal_of(event.note)  # of a token for its ServiceAccount
        if cause := missing_object(event.note) or (refused if refused == "service_account_missing" else ""):
            yield found(cause, words(event), about=of_pod(pod), since=event.first)
            return
    # "timed out waiting for the condition" repeats an earlier Event without its reason.
    told = sorted(mounts, key=lambda event: "timed out waiting" in event.note)
    for cause, events in (
        ("volume_waiting", told),
        ("container_cannot_be_created", [*latest(cache, pod.uid, *_SANDBOX)]),
    ):
        if events:
            yield found(cause, words(events[0]), about=of_pod(pod), since=events[0].first)
            return
