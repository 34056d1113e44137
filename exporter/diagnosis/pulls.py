"""Why the image of a container cannot be pulled: the answer of the registry, and the pull secrets of the Pod."""

import re
from collections.abc import Sequence
from typing import Final

from exporter.cache import Container, Event, ObjectCache, Pod
from exporter.diagnosis.cause_texts import CLUSTER, CREDENTIALS, IMAGE
from exporter.diagnosis.container_words import events_of_container
from exporter.diagnosis.events import latest, telling, words
from exporter.diagnosis.finding import Finding, found, of_pod
from exporter.diagnosis.stages import recent

__all__ = ["PULL", "pull_finding"]

# https://pkg.go.dev/k8s.io/kubernetes/pkg/kubelet/images#pkg-variables
PULL: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
        "ErrImageVolumePull",
    }
)
"""Reasons of a container whose image, or the image of one of its volumes, cannot be pulled."""
_OF_CLUSTER: Final = re.compile(
    r"no space left|x509|certificate|i/o timeout|connection refused|no route to host|HTTP response to HTTPS"
    r"|5\d\d (Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time-?out)"
)
"""Texts of a failed pull that are no matter of the image."""
_CREDENTIALS: Final = re.compile(
    r"unauthorized|unauthenticated|forbidden|denied|no basic auth|authentication required|anonymous token",
    re.IGNORECASE,
)
_RATE: Final = re.compile(r"too ?many ?req|rate limit", re.IGNORECASE)
_UNAUTHENTICATED: Final = "FailedToRetrieveImagePullSecret"
_SECRET: Final = re.compile(r"\(([a-z0-9.-]+)\)")
_REPEATS = ("Error: ", "Back-off pulling image")
"""Prefixes of notes that only repeat the reason of the container's state."""
_BACK_OFF: Final = re.compile(r'(?:Back-off pulling image(?: "[^"]*")?)?')
"""The message of kubelets before Kubernetes 1.31, without the reason; or none."""


def pull_finding(pod: Pod, one: Container, cache: ObjectCache) -> Finding:
    """The finding that the image of a container cannot be pulled."""
    text, missing, since = _words(pod, one, cache)
    act = (
        CREDENTIALS
        if _RATE.search(text)
        else CLUSTER
        if _OF_CLUSTER.search(text)
        else IMAGE
        if "SignatureValidationFailed" in text
        else ""
    )
    names, command = missing, ""
    if _CREDENTIALS.search(text):
        text += f"; pull secrets of the pod: {pod.pull_secrets or 'none'}" if not missing else ""
        names = missing or pod.pull_secrets
    if names and ", " not in names:
        command = f"kubectl -n $namespace {'get' if missing else 'describe'} secret {names}"
    if missing:
        text += f"; Unable to retrieve some image pull secrets ({missing})"
    about = of_pod(pod, one.name)
    volume = next((f"image volume {name} of " for name, image in pod.image_volumes if f'"{image}"' in text), "")
    return found(
        "image_pull", f"{volume}container {one.name}: {text}", about=about, since=since, act=act, command=command
    )


def _words(pod: Pod, one: Container, cache: ObjectCache) -> tuple[str, str, float | None]:
    """Why it cannot be pulled, the name of a pull secret that does not exist, and since when.

    The reason is in an Event or its message. Events about the back-off may be all that is kept of the Events about a
    pod.
    """
    every = [event for event in events_of_container(pod, one, cache) if _is_pull(event.note)]
    since = min((event.first for event in every if event.first is not None), default=pod.started)
    told = [event for event in every if not event.note.startswith(_REPEATS)]
    message = f"{one.reason}: {one.message}" if one.message else ""
    if not _BACK_OFF.fullmatch(one.message):
        told = [event for event in recent(every) if event in told]
    events = telling(told)
    text = words(events[0]) if events else message or (words(every[0]) if every else one.reason)
    return text, _missing_secret(pod, every, cache), since


def _missing_secret(pod: Pod, pulls: Sequence[Event], cache: ObjectCache) -> str:
    """The imagePullSecret that does not exist, from an Event. The kubelet then pulls without it."""
    events = recent([*pulls, *latest(cache, pod.uid, _UNAUTHENTICATED)])
    notes = (_SECRET.search(event.note) for event in events if event.reason == _UNAUTHENTICATED)
    return next((match[1] for match in notes if match), "")


def _is_pull(note: str) -> bool:
    return "pull" in note.lower() or "image" in note.lower()
