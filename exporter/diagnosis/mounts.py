"""Why a scheduled Pod does not start although no container has failed. Only Events show this."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from exporter.cache import ObjectCache, Pod
from exporter.diagnosis.cause_texts import DESCRIBE
from exporter.diagnosis.events import began, current, is_vague, telling, words
from exporter.diagnosis.finding import Finding, found, of_pod
from exporter.diagnosis.progress import owner_change
from exporter.diagnosis.refusals import refusal_of

__all__ = ["missing_object", "mount_findings", "volume_cause"]

_FORMS: Final = (
    r"{0}s? \"?(?P<object>[^ \"]+)\"? not found",
    r"key.{{0,80}} in {0}(?: (?:[^ /]+/)?(?P<holder>[^ /]+))?",
    r"references non-existent {1} key",
)
"""Texts of the kubelet about a missing ConfigMap or Secret, or a missing key of one."""
_MISSING: Final = tuple(
    (cause, kind, re.compile("|".join(_FORMS).format(kind, word), re.IGNORECASE))
    for cause, kind, word in (
        ("pod_secret_missing", "secret", "secret"),
        ("pod_configmap_missing", "configmap", "config"),
    )
)
_STORE: Final = "secrets store objects"
"""The CSI driver that mounts secrets of a store outside of Kubernetes."""
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_VOLUMES: Final = re.compile(
    r"persistent ?volume|volume node affinity|volume ?(binding|zone|restrictions)|binding volumes|pvc\(s\)"
    r"|no available (volume zone|disk)|enough free storage|Multi-Attach|storageclass",
    re.IGNORECASE,
)
_USERS: Final = re.compile(r"Multi-Attach error.* used by pod\(s\) ([a-z0-9., -]+)")
_ATTACH: Final = frozenset({"FailedAttachVolume", "VolumeResizeFailed"})
_MOUNT: Final = ("FailedMount", "FailedAttachVolume", "FailedMapVolume", "VolumeResizeFailed")
_SANDBOX: Final = (
    *("FailedCreatePodSandBox", "FailedCreatePodContainer", "FailedPrepareDynamicResources"),
    *("NetworkNotReady", "FailedKillPod"),
)


class Missing(NamedTuple):
    """The cause, and the command that shows the object; empty if the text does not name it."""

    cause: str
    command: str


def missing_object(text: str) -> Missing | None:
    """The cause for a text about a ConfigMap or Secret that does not exist or lacks a key; None for other texts."""
    for cause, kind, pattern in () if _STORE in text else _MISSING:
        if match := pattern.search(text):
            name, verb = match["object"] or match["holder"] or "", "get" if match["object"] else "describe"
            is_known = _NAME.fullmatch(name)
            return Missing(cause, f"kubectl -n $namespace {verb} {kind} {name}" if is_known else "")
    return None


def volume_cause(text: str) -> str:
    """`volume_waiting` if the scheduler waits for a volume; else empty."""
    return "volume_waiting" if _VOLUMES.search(text) else ""


def mount_findings(pod: Pod, cache: ObjectCache) -> Iterator[Finding]:
    """The finding from the Event that explains most: about a missing object, then a volume, then the sandbox.

    If a container is running or has run, its volumes are mounted.
    """
    has_run = any(one.state in {"running", "terminated"} or one.restarts for one in pod.containers)
    mounts = [] if has_run else telling(current(cache, pod, *_MOUNT))
    if owner_change(pod, cache) is not None:  # the kubelet repeats that it waits for the volume meanwhile
        mounts = [event for event in mounts if not is_vague(event)]
    for event in mounts:
        if missing := missing_object(event.note) or _without_account(event.note):
            yield found(missing.cause, words(event), about=of_pod(pod), since=began(event), command=missing.command)
            return
    for cause, events in (
        ("volume_waiting", mounts),
        ("container_cannot_be_created", current(cache, pod, *_SANDBOX)),
    ):
        if events:
            first = events[0]
            command = "" if first.reason in _ATTACH else DESCRIBE
            finding = found(cause, words(first), about=of_pod(pod), since=began(first), command=command)
            yield msgspec.structs.replace(finding, at_once=_is_held(pod, first.note, cache))
            return


def _is_held(pod: Pod, note: str, cache: ObjectCache) -> bool:
    """Whether a Pod uses the volume that is not ending: then it is not detached soon."""
    match = _USERS.search(note)
    names = match[1].split(", ") if match else ()
    return any(cache.pods.is_live(pod.namespace, name) for name in names)


def _without_account(text: str) -> Missing | None:
    """The cause if the volume with the token cannot be mounted, because the ServiceAccount does not exist."""
    cause = refusal_of(text)
    return Missing(cause, "") if cause == "service_account_missing" else None
